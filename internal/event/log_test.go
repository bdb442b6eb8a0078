package event_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/testneed"
)

// world is a database with an application, one connection of it, and a log.
type world struct {
	*event.Log
	app    access.Application
	origin event.Origin
	now    time.Time
}

func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, target := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "perch.db") },
		"PostgreSQL": func(t *testing.T) string { return testneed.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, target(t)))
		})
	}
}

func setup(t *testing.T, target string) *world {
	t.Helper()
	ctx := t.Context()
	database, err := db.Open(ctx, target)
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.Migrate(ctx))
	rows, err := store.New(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Log = &event.Log{Store: rows, Now: func() time.Time { return w.now }}
	w.app, w.origin = w.connect(t)
	return w
}

// connect makes an application with a connection.
func (w *world) connect(t *testing.T) (access.Application, event.Origin) {
	t.Helper()
	app := access.Application{ID: perch.NewID(), Name: "app", Type: perch.ClientSandbox, CreatedAt: w.now}
	must(t, w.Store.InsertApplication(t.Context(), app, []byte("hash")))
	o := event.Origin{ApplicationID: app.ID, ConnectionID: perch.NewID(), CompanyID: perch.NewID(), EntityID: perch.NewID()}
	must(t, w.tx(t, func(tx *sql.Tx) error {
		return w.Store.InsertConnection(t.Context(), tx, store.NewConnection{
			ApplicationID: app.ID, CreatedAt: w.now, Connector: "sandbox", Settings: []byte("sealed"),
			Connection: access.Connection{ID: o.ConnectionID, CompanyID: o.CompanyID, ProviderID: "gusto", Type: perch.ConnectionSimulated,
				Authentication: perch.AuthOAuth, Status: perch.StatusProcessing},
			Entity: access.Entity{ID: o.EntityID, Status: perch.StatusProcessing},
		})
	}))
	return app, o
}

func (w *world) tx(t *testing.T, fn func(tx *sql.Tx) error) error {
	t.Helper()
	return w.Store.Tx(t.Context(), fn)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// announcer remembers what it was told and can refuse.
type announcer struct {
	batches []perch.ID
	refuse  error
}

func (a *announcer) Announce(_ context.Context, _ *sql.Tx, _, batch perch.ID) error {
	a.batches = append(a.batches, batch)
	return a.refuse
}

var errStop = errors.New("stop")

func TestARecordedBatchIsThereWithItsTransaction(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		told := &announcer{}
		w.Announcer = told
		person := perch.NewID()
		record := func(after error) error {
			return w.tx(t, func(tx *sql.Tx) error {
				if err := w.Record(t.Context(), tx, w.origin, event.Company(), event.Person(perch.EventIndividualUpdated, person)); err != nil {
					return err
				}
				return after
			})
		}
		if err := record(errStop); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		if _, err := w.Store.EventBatch(t.Context(), w.app.ID, told.batches[0]); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a batch that was rolled back: %v", err)
		}
		must(t, record(nil))
		batch, err := w.Store.EventBatch(t.Context(), w.app.ID, told.batches[1])
		must(t, err)
		if batch.Position != 1 || batch.Size != 2 || !batch.PublishedAt.Equal(w.now) || batch.EntityID != w.origin.EntityID {
			t.Errorf("the batch: %+v", batch)
		}
		events, err := w.Store.BatchEvents(t.Context(), w.app.ID, batch.ID, 0, 10)
		must(t, err)
		o := w.origin
		common := `{"connection_id":"` + o.ConnectionID.String() + `","company_id":"` + o.CompanyID.String() + `","account_id":"` + o.EntityID.String() +
			`","entity_id":"` + o.EntityID.String() + `","event_type":"`
		for i, want := range []string{`company.updated","data":null}`, `individual.updated","data":{"individual_id":"` + person.String() + `"}}`} {
			if len(events) != 2 || events[i].Body != common+want {
				t.Errorf("event %d: %+v, want %s", i, events, want)
			}
		}
		one, err := w.Store.Event(t.Context(), w.app.ID, events[1].ID)
		must(t, err)
		if one != events[1] {
			t.Errorf("by its id: %+v, want %+v", one, events[1])
		}
		other, _ := w.connect(t)
		if _, err := w.Store.Event(t.Context(), other.ID, events[1].ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another application's event: %v", err)
		}
		if _, err := w.Store.EventBatch(t.Context(), other.ID, batch.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another application's batch: %v", err)
		}
		told.refuse = errStop
		if err := record(nil); !errors.Is(err, errStop) {
			t.Errorf("an announcer that refuses: %v", err)
		}
	})
}

func TestADraftIsSeenByNobodyBeforeItIsPublished(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		told := &announcer{}
		w.Announcer = told
		write := func(d *event.Draft, n int) {
			t.Helper()
			for range n {
				d.Add(event.Person(perch.EventDirectoryCreated, perch.NewID()))
			}
			must(t, w.tx(t, func(tx *sql.Tx) error { return d.Write(ctx, tx, d.Take()) }))
		}
		abandoned, kept, empty := w.Draft(w.origin), w.Draft(w.origin), w.Draft(w.origin)
		write(abandoned, 7)
		write(kept, 150)
		write(kept, 250)
		kept.Add(event.Company())
		if err := w.tx(t, func(tx *sql.Tx) error { return kept.Publish(ctx, tx) }); err == nil {
			t.Fatal("a draft was published with events that are not written")
		}
		write(kept, 0)
		must(t, w.tx(t, func(tx *sql.Tx) error { return empty.Publish(ctx, tx) }))
		if len(told.batches) != 0 {
			t.Fatal("nothing was published, and something was announced")
		}
		must(t, w.tx(t, func(tx *sql.Tx) error { return kept.Publish(ctx, tx) }))
		events, err := w.Store.BatchEvents(ctx, w.app.ID, told.batches[0], 0, 1000)
		must(t, err)
		if len(events) != 401 {
			t.Errorf("%d events, want 401", len(events))
		}
		for i, e := range events {
			if e.Number != int64(i) {
				t.Fatalf("event %d has number %d", i, e.Number)
			}
		}
		for more := true; more; {
			must(t, w.tx(t, func(tx *sql.Tx) (err error) {
				more, err = w.Store.DeleteUnpublishedEvents(ctx, tx, w.origin.EntityID, 3)
				return err
			}))
		}
		if err := w.tx(t, func(tx *sql.Tx) error { return abandoned.Publish(ctx, tx) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("publishing what was swept: %v", err)
		}
		events, err = w.Store.BatchEvents(ctx, w.app.ID, told.batches[0], 0, 1000)
		must(t, err)
		if len(events) != 401 {
			t.Errorf("the sweep took published events: %d are left", len(events))
		}
	})
}

func TestAssistedConnectionsMarkWhatIsSentOnRequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		told := &announcer{}
		w.Announcer = told
		w.origin.Assisted = true
		must(t, w.tx(t, func(tx *sql.Tx) error {
			return w.Record(t.Context(), tx, w.origin, event.Account(perch.StatusConnected, perch.AuthAssisted),
				w.ManualJob(perch.EventBenefitEnrolled, perch.NewID()),
				w.AutomatedJob(perch.EventDataSyncCompleted, perch.NewID()), event.Company())
		}))
		events, err := w.Store.BatchEvents(t.Context(), w.app.ID, told.batches[0], 0, 10)
		must(t, err)
		for i, want := range []bool{false, false, true, true} {
			if events[i].Assisted != want {
				t.Errorf("%s: assisted %v, want %v", events[i].Type, events[i].Assisted, want)
			}
		}
	})
}
