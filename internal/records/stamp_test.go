package records_test

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/store"
)

// stamped is small with stamps.
func stamped() records.Collection {
	c := small
	c.Stamped = true
	return c
}

// connect stores the entity of the world, so that it can be published.
func (w *world) connect(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	app := access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientSandbox, CreatedAt: time.Now()}
	must(t, w.store.InsertApplication(ctx, app, []byte("hash")))
	must(t, w.store.Tx(ctx, func(tx *sql.Tx) error {
		return w.store.InsertConnection(ctx, tx, store.NewConnection{ApplicationID: app.ID, Connector: "sandbox", Settings: []byte("sealed"), CreatedAt: time.Now(),
			Connection: access.Connection{ID: perch.NewID(), CompanyID: perch.NewID(), Type: perch.ConnectionSimulated, Status: perch.StatusProcessing},
			Entity:     access.Entity{ID: w.entity, Status: perch.StatusProcessing}})
	}))
}

// current makes a generation the current one at a time.
func (w *world) current(t *testing.T, from, generation int64, at time.Time) {
	t.Helper()
	must(t, w.store.Tx(t.Context(), func(tx *sql.Tx) error {
		return w.store.Publish(t.Context(), tx, w.entity, access.Organization, from, access.Publication{Generation: generation, Complete: true, RetrievedAt: at, AttemptedAt: at})
	}))
}

func (w *world) put(t *testing.T, c records.Collection, base, generation int64, m model) {
	t.Helper()
	st, err := records.NewStage(t.Context(), w.store, w.cipher, w, w.entity, c, base, generation)
	must(t, err)
	for _, id := range slices.SortedFunc(maps.Keys(m), func(a, b perch.ID) int { return strings.Compare(a.String(), b.String()) }) {
		_, err := st.Put(id, m.facets(id))
		must(t, err)
	}
	_, err = st.RemoveAbsent()
	must(t, err)
	_, err = st.Finish()
	must(t, err)
}

// changedSince reads which records the view says have changed.
func changedSince(t *testing.T, r *records.Reader, w *world, generation int64, at time.Time, facets records.FacetSet, m model) map[perch.ID]bool {
	t.Helper()
	v, err := r.View(t.Context(), w.entity, generation, stamped())
	must(t, err)
	changes, err := v.ChangedSince(at, facets)
	must(t, err)
	positions, err := changes.Positions()
	must(t, err)
	got, changed := map[perch.ID]bool{}, map[int]bool{}
	for _, position := range positions {
		changed[position] = true
	}
	for id := range m {
		position, ok, err := v.Position(id)
		must(t, err)
		if ok && changed[position] {
			got[id] = true
		}
	}
	if len(got) != len(positions) {
		t.Errorf("%d positions for %d records", len(positions), len(got))
	}
	return got
}

// TestChangesSinceATimeAreThoseOfLaterPublishes changes, adds and deletes records at random and asks
// after every publish, for every moment between publishes and every facet, what changed since.
func TestChangesSinceATimeAreThoseOfLaterPublishes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 2))
			w := setup(t)
			w.connect(t)
			reader := records.NewReader(w.store, w.keyring, 1<<20)
			start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			now, changedAt := model{}, map[perch.ID][3]int{} // by facet, the round of the last change
			base := int64(0)
			for round := 1; round <= 5; round++ {
				before := maps.Clone(now)
				mutate(rng, now)
				for id, r := range now {
					at := changedAt[id]
					old, existed := before[id]
					for f := range at {
						if !existed || old[f] != r[f] {
							at[f] = round
						}
					}
					changedAt[id] = at
				}
				generation := base + 1 + int64(rng.IntN(3))
				w.put(t, stamped(), base, generation, now)
				w.current(t, base, generation, start.Add(time.Duration(round)*time.Hour))
				base = generation
				for since := range round + 1 {
					for _, facets := range []records.FacetSet{records.FacetsOf(0), records.FacetsOf(1), records.FacetsOf(0, 2)} {
						// Just before the publish of the round after, and at the very moment of the last one.
						for _, moment := range []time.Duration{0, time.Minute} {
							want := map[perch.ID]bool{}
							for id := range now {
								for f, at := range changedAt[id] {
									if facets.Has(f) && at > since {
										want[id] = true
									}
								}
							}
							got := changedSince(t, reader, w, generation, start.Add(time.Duration(since)*time.Hour+moment), facets, now)
							if !maps.Equal(got, want) {
								t.Fatalf("round %d, since round %d, facets %b: %d records changed, want %d", round, since, facets, len(got), len(want))
							}
						}
					}
				}
			}
		})
	}
}

// Records that were published before there were stamps count as old, and get a stamp when they change.
func TestRecordsFromBeforeStampsHaveNotChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.connect(t)
	reader := records.NewReader(w.store, w.keyring, 1<<20)
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	m := model{}
	mutate(rand.New(rand.NewPCG(9, 9)), m)
	plain := stamped()
	plain.Stamped = false
	w.put(t, plain, 0, 1, m)
	w.current(t, 0, 1, start)
	if got := changedSince(t, reader, w, 1, start.Add(time.Minute), records.FacetsOf(0), m); len(got) != 0 {
		t.Errorf("%d records changed, want none", len(got))
	}
	if got := changedSince(t, reader, w, 1, start.Add(-time.Minute), records.FacetsOf(0), m); len(got) != len(m) {
		t.Errorf("%d records changed since before the first publish, want %d", len(got), len(m))
	}
	one := slices.Collect(maps.Keys(m))[0]
	m[one] = [3]string{"changed", m[one][1], m[one][2]}
	w.put(t, stamped(), 1, 2, m)
	w.current(t, 1, 2, start.Add(time.Hour))
	if got := changedSince(t, reader, w, 2, start.Add(time.Minute), records.FacetsOf(0), m); len(got) != 1 || !got[one] {
		t.Errorf("changed: %v, want one", got)
	}
	if got := changedSince(t, reader, w, 2, start.Add(time.Minute), records.FacetsOf(1), m); len(got) != 0 {
		t.Errorf("changed in another facet: %v, want none", got)
	}
}
