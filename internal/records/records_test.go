package records_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// world is a database with one entity, and a sink that writes straight to it.
type world struct {
	store   *store.Store
	keyring *secret.Keyring
	cipher  *secret.Cipher
	entity  perch.ID
	written int
}

func setup(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	folder := t.TempDir()
	database, err := db.Open(ctx, filepath.Join(folder, "perch.db"))
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.Migrate(ctx))
	keys, err := db.OpenKeys(ctx, filepath.Join(folder, "keys.db"))
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	must(t, keys.MigrateKeys(ctx))
	s, err := store.New(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	master, err := secret.NewLocal([secret.KeySize]byte{1})
	must(t, err)
	w := &world{store: s, entity: perch.NewID(), keyring: secret.NewKeyring(master, store.NewKeys(keys, time.Now))}
	w.cipher, err = w.keyring.Create(ctx, w.entity)
	must(t, err)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// WriteBlock implements records.Sink.
func (w *world) WriteBlock(ctx context.Context, collection records.Collection, b *records.Pending) error {
	w.written++
	return w.insert(ctx, collection, b.Seal())
}

func (w *world) insert(ctx context.Context, collection records.Collection, b store.Block) error {
	return w.store.Tx(ctx, func(tx *sql.Tx) error {
		return w.store.InsertBlocks(ctx, tx, w.entity, collection.Group, []store.Block{b})
	})
}

// Flush implements records.Sink.
func (w *world) Flush(context.Context) error { return nil }

// small has blocks of few records, so that little data makes many of them.
var small = records.Collection{Name: "small", Group: access.Organization, Facets: []records.Facet{
	{Name: "plain", PerBlock: 3},
	{Name: "packed", PerBlock: 5, Compressed: true},
	{Name: "secret", PerBlock: 4, Identifiers: true},
}}

type model map[perch.ID][3]string

func (m model) facets(id perch.ID) [][]byte {
	r := m[id]
	return [][]byte{[]byte(r[0]), []byte(r[1]), []byte(r[2])}
}

func (w *world) publish(t *testing.T, base, generation int64, m model, order []perch.ID) map[records.Change]int {
	t.Helper()
	st, err := records.NewStage(t.Context(), w.store, w.cipher, w, w.entity, small, base, generation)
	must(t, err)
	changes := map[records.Change]int{}
	for _, id := range order {
		change, err := st.Put(id, m.facets(id))
		must(t, err)
		changes[change]++
	}
	_, err = st.RemoveAbsent()
	must(t, err)
	_, err = st.Finish()
	must(t, err)
	return changes
}

func check(t *testing.T, reader *records.Reader, entity perch.ID, generation int64, m model) {
	t.Helper()
	v, err := reader.View(t.Context(), entity, generation, small)
	must(t, err)
	if v.Count() != len(m) {
		t.Fatalf("generation %d has %d records, want %d", generation, v.Count(), len(m))
	}
	taken := map[int]bool{}
	for id, want := range m {
		position, ok, err := v.Position(id)
		must(t, err)
		if !ok || position < 0 || position >= len(m) || taken[position] {
			t.Fatalf("generation %d: position %d of %s, found %v", generation, position, id, ok)
		}
		taken[position] = true
		for facet, text := range want {
			got, err := v.Append([]byte("<"), facet, position)
			must(t, err)
			if string(got) != "<"+text {
				t.Fatalf("generation %d facet %d: %q, want %q", generation, facet, got, text)
			}
		}
	}
	if _, ok, err := v.Position(perch.NewID()); ok || err != nil {
		t.Fatalf("an unknown id was found: %v", err)
	}
}

// TestEveryGenerationStaysReadable changes a collection at random, and after each publish reads every
// generation so far, through a cache that is far too small and through one that is not.
func TestEveryGenerationStaysReadable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			w := setup(t)
			readers := []*records.Reader{records.NewReader(w.store, w.keyring, 2000), records.NewReader(w.store, w.keyring, 1<<20)}
			now, history := model{}, map[int64]model{}
			var base int64
			for range 5 {
				generation := base + 1 + int64(rng.IntN(3))
				mutate(rng, now)
				order := slices.SortedFunc(maps.Keys(now), func(a, b perch.ID) int { return strings.Compare(a.String(), b.String()) })
				rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				w.publish(t, base, generation, now, order)
				history[generation] = maps.Clone(now)
				base = generation
				for at, m := range history {
					for _, r := range readers {
						check(t, r, w.entity, at, m)
					}
				}
			}
		})
	}
}

func mutate(rng *rand.Rand, m model) {
	value := func() [3]string {
		return [3]string{fmt.Sprint("plain", rng.IntN(9)), strings.Repeat(`{"first_name":"x"}`, rng.IntN(4)), fmt.Sprint(rng.IntN(1000))}
	}
	for id := range m {
		switch rng.IntN(6) {
		case 0:
			delete(m, id)
		case 1:
			m[id] = value()
		}
	}
	for range rng.IntN(120) {
		m[perch.NewID()] = value()
	}
}

func TestASecondIdenticalPublishWritesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	m := model{}
	mutate(rand.New(rand.NewPCG(5, 5)), m)
	order := slices.Collect(maps.Keys(m))
	w.publish(t, 0, 1, m, order)
	w.written = 0
	changes := w.publish(t, 1, 2, m, order)
	if w.written != 0 || changes[records.Unchanged] != len(m) {
		t.Errorf("%d blocks written, changes %v", w.written, changes)
	}
}

func TestOneChangeWritesFewBlocks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	m := model{}
	var order []perch.ID
	for i := range 2000 {
		id := perch.NewID()
		m[id] = [3]string{fmt.Sprint(i), "same", "same"}
		order = append(order, id)
	}
	w.publish(t, 0, 1, m, order)
	w.written = 0
	m[order[1000]] = [3]string{"changed", "same", "same"}
	w.publish(t, 1, 2, m, order)
	if w.written != 3 {
		t.Errorf("%d blocks written, want the facet's block, the index bucket and the head", w.written)
	}
}

func TestARepeatedIDIsToldAndTheFirstStays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	st, err := records.NewStage(t.Context(), w.store, w.cipher, w, w.entity, small, 0, 1)
	must(t, err)
	id := perch.NewID()
	for i, want := range []records.Change{records.Created, records.Repeated} {
		change, err := st.Put(id, [][]byte{fmt.Append(nil, i), nil, nil})
		must(t, err)
		if change != want {
			t.Errorf("put %d: change %d, want %d", i, change, want)
		}
	}
	stored, err := st.Record(id, 0)
	must(t, err)
	if string(stored) != "0" {
		t.Errorf("stored %q", stored)
	}
}

// One hash that stands for several facets says that something differs, not what.
func TestWhatDiffersIsToldOfDerivedCollections(t *testing.T) {
	t.Parallel()
	w := setup(t)
	derived := small
	derived.Derived = true
	id := perch.NewID()
	put := func(base int64, facets ...string) records.FacetSet {
		t.Helper()
		st, err := records.NewStage(t.Context(), w.store, w.cipher, w, w.entity, derived, base, base+1)
		must(t, err)
		_, err = st.Put(id, [][]byte{[]byte(facets[0]), []byte(facets[1]), []byte(facets[2])})
		must(t, err)
		_, err = st.Finish()
		must(t, err)
		return st.Touched()
	}
	for base, step := range []struct {
		facets []string
		want   records.FacetSet
	}{
		{[]string{"a", "b", "c"}, records.FacetsOf(0, 1, 2)},
		{[]string{"a", "b", "d"}, records.FacetsOf(2)},
		{[]string{"e", "b", "f"}, records.FacetsOf(0, 2)},
		{[]string{"e", "b", "f"}, 0},
	} {
		if got := put(int64(base), step.facets...); got != step.want {
			t.Errorf("%v: %b is touched, want %b", step.facets, got, step.want)
		}
	}
}

func TestADeletedCollectionDoesNotExistAndMayComeBackSmaller(t *testing.T) {
	t.Parallel()
	w := setup(t)
	many, few := model{}, model{}
	for i := range 300 {
		many[perch.NewID()] = [3]string{fmt.Sprint(i), "b", "c"}
	}
	for i := range 10 {
		few[perch.NewID()] = [3]string{fmt.Sprint(i), "d", "e"}
	}
	w.publish(t, 0, 1, many, slices.Collect(maps.Keys(many)))
	must(t, records.DeleteCollection(t.Context(), w.store, w.cipher, w, w.entity, small, 1, 2))
	reader := records.NewReader(w.store, w.keyring, 1<<20)
	for generation, want := range map[int64]bool{1: true, 2: false} {
		v, err := reader.View(t.Context(), w.entity, generation, small)
		must(t, err)
		if v.Exists() != want {
			t.Errorf("generation %d exists: %v", generation, v.Exists())
		}
	}
	w.publish(t, 2, 3, few, slices.Collect(maps.Keys(few)))
	check(t, reader, w.entity, 3, few)
	w.publish(t, 3, 4, few, slices.Collect(maps.Keys(few)))
	must(t, w.store.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := w.store.DeleteSuperseded(t.Context(), tx, w.entity, access.Organization, 3, 10_000)
		return err
	}))
	check(t, records.NewReader(w.store, w.keyring, 1<<20), w.entity, 4, few)
	if _, err := w.store.Block(t.Context(), w.entity, "small", "plain", 50, 1, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a block of the deleted collection is still there: %v", err)
	}
}

func TestABlockOpensNowhereButInItsPlace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	m := model{}
	for range 7 {
		m[perch.NewID()] = [3]string{"a", "b", "c"}
	}
	w.publish(t, 0, 1, m, slices.Collect(maps.Keys(m)))
	moved, err := w.store.Block(ctx, w.entity, "small", "plain", 0, 1, 0)
	must(t, err)
	moved.Number = 1
	must(t, w.insert(ctx, small, moved))
	v, err := records.NewReader(w.store, w.keyring, 1<<20).View(ctx, w.entity, 1, small)
	must(t, err)
	if _, err := v.Append(nil, 0, 4); !errors.Is(err, secret.ErrUnreadable) {
		t.Errorf("a block that was moved opened: %v", err)
	}
}

func TestNothingOpensOnceTheKeyIsDestroyed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	m := model{perch.NewID(): {"a", "b", "c"}}
	w.publish(t, 0, 1, m, slices.Collect(maps.Keys(m)))
	must(t, w.keyring.Destroy(t.Context(), w.entity))
	if _, err := records.NewReader(w.store, w.keyring, 1<<20).View(t.Context(), w.entity, 1, small); !errors.Is(err, secret.ErrDestroyed) {
		t.Errorf("got %v", err)
	}
}

// TestABlockIsReadOnceInARequest ends the request's context after the first look, so that nothing but what
// the view kept can answer the second.
func TestABlockIsReadOnceInARequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	m := model{perch.NewID(): {"a", "b", "c"}}
	w.publish(t, 0, 1, m, slices.Collect(maps.Keys(m)))
	ctx, end := context.WithCancel(t.Context())
	defer end()
	v, err := records.NewReader(w.store, w.keyring, 1<<20).View(ctx, w.entity, 1, small)
	must(t, err)
	for id := range m {
		_, _, err := v.Position(id)
		must(t, err)
		end()
		if _, ok, err := v.Position(id); !ok || err != nil {
			t.Errorf("the same block was read again: found %v, %v", ok, err)
		}
	}
}
