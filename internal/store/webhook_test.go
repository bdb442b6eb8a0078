package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/store"
)

func (w *world) endpoint(t *testing.T) store.WebhookEndpoint {
	t.Helper()
	e := store.WebhookEndpoint{ID: perch.NewID(), ApplicationID: w.app.ID, URL: []byte("sealed"), State: store.WebhookEnabled, CreatedAt: now}
	must(t, w.Tx(t.Context(), func(tx *sql.Tx) error {
		made, err := w.InsertWebhookEndpoint(t.Context(), tx, e, 10)
		if err == nil && !made {
			t.Error("the endpoint was not made")
		}
		return err
	}))
	kept, err := w.WebhookEndpoint(t.Context(), w.app.ID, e.ID)
	must(t, err)
	return kept
}

// publish adds a batch of events of the types to the log.
func (w *world) publish(t *testing.T, types ...perch.EventType) {
	t.Helper()
	ctx := t.Context()
	b := store.EventBatch{ID: perch.NewID(), ApplicationID: w.app.ID, ConnectionID: w.conn.ID, EntityID: w.ent, CreatedAt: now}
	var list []store.Event
	for i, kind := range types {
		list = append(list, store.Event{BatchID: b.ID, Number: int64(i), ID: perch.NewID(), ApplicationID: w.app.ID, ConnectionID: w.conn.ID, Type: kind, Body: "{}"})
	}
	must(t, w.Tx(ctx, func(tx *sql.Tx) error {
		if err := w.InsertEventBatch(ctx, tx, b); err != nil {
			return err
		}
		if err := w.InsertEvents(ctx, tx, list); err != nil {
			return err
		}
		_, err := w.PublishEventBatch(ctx, tx, w.app.ID, b.ID, int64(len(list)), now)
		return err
	}))
}

func TestAnEndpointReadsTheLogInChunksWithoutGaps(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.publish(t, perch.EventCompanyUpdated) // before the endpoint
		e := w.endpoint(t)
		var want int
		for i := range 5 {
			var types []perch.EventType
			for range 7 * i {
				types = append(types, perch.EventIndividualUpdated, perch.EventPaymentCreated)
				want++
			}
			if len(types) == 0 {
				types = []perch.EventType{perch.EventPaymentCreated} // a batch without any that are wanted
			}
			w.publish(t, types...)
		}
		q := store.FeedQuery{Application: w.app.ID, Endpoint: e.ID, From: e.Cursor, Types: []perch.EventType{perch.EventIndividualUpdated, perch.EventCompanyUpdated}, Most: 4}
		seen := map[perch.ID]bool{}
		for range 100 {
			list, next, end, err := w.EndpointFeed(ctx, q)
			must(t, err)
			for _, m := range list {
				if seen[m.EventID] || m.Type != string(perch.EventIndividualUpdated) {
					t.Errorf("read %s, seen %t", m.Type, seen[m.EventID])
				}
				seen[m.EventID] = true
			}
			if q.From = next; end {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%d events were read, want %d", len(seen), want)
		}
		if list, next, end, err := w.EndpointFeed(ctx, q); err != nil || len(list) != 0 || !end || next != q.From {
			t.Errorf("after the end: %d events, %v, %t, %v", len(list), next, end, err)
		}
		w.publish(t, perch.EventCompanyUpdated)
		if list, _, _, err := w.EndpointFeed(ctx, q); err != nil || len(list) != 1 {
			t.Errorf("what is new: %d events, %v", len(list), err)
		}
		stranger := q
		stranger.Application, stranger.From = perch.NewID(), store.WebhookCursor{}
		if list, _, _, err := w.EndpointFeed(ctx, stranger); err != nil || len(list) != 0 {
			t.Errorf("another application reads %d events, %v", len(list), err)
		}
	})
}

func TestOneProcessAtATimeHoldsAnEndpoint(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		e := w.endpoint(t)
		lease := func(owner string, until time.Time) store.WebhookLease {
			return store.WebhookLease{ApplicationID: w.app.ID, EndpointID: e.ID, Owner: owner, Until: until}
		}
		first, second := lease("one", now.Add(time.Minute)), lease("two", now.Add(time.Hour))
		_, err := w.HoldWebhook(ctx, first, now)
		must(t, err)
		_, err = w.HoldWebhook(ctx, second, now)
		wantNotFound(t, err)
		_, err = w.HoldWebhook(ctx, store.WebhookLease{ApplicationID: perch.NewID(), EndpointID: e.ID, Owner: "one", Until: now.Add(time.Hour)}, now)
		wantNotFound(t, err)
		delivery := store.WebhookDelivery{EventID: perch.NewID(), Type: "company.updated", Cause: "event", State: store.DeliveryWaiting, Attempts: 1, Tries: 1, NextAt: now, CreatedAt: now, AttemptedAt: now, Status: 500, Error: "answered 500"}
		_, err = w.RecordWebhook(ctx, store.WebhookProgress{Lease: first, Version: e.Version, Cursor: store.WebhookCursor{Position: 9}, Outcomes: []store.WebhookDelivery{delivery}, Now: now})
		must(t, err)
		// The lease runs out, and another goes on.
		taken, err := w.HoldWebhook(ctx, second, now.Add(2*time.Minute))
		must(t, err)
		if taken.Cursor.Position != 9 {
			t.Errorf("it goes on from %+v", taken.Cursor)
		}
		late := delivery
		late.State, late.Attempts = store.DeliveryFailed, 2
		_, err = w.RecordWebhook(ctx, store.WebhookProgress{Lease: first, Version: e.Version, Cursor: store.WebhookCursor{Position: 99}, Outcomes: []store.WebhookDelivery{late}, Now: now})
		wantNotFound(t, err)
		kept, attempts, err := w.WebhookDelivery(ctx, w.app.ID, e.ID, delivery.EventID)
		must(t, err)
		if kept.State != store.DeliveryWaiting || len(attempts) != 1 {
			t.Errorf("who lost the lease stored %+v", kept)
		}
		// Where people changed the endpoint meanwhile, their word stands and the outcomes are kept.
		changed := taken
		changed.Description, changed.UpdatedAt = "changed", now
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.UpdateWebhookEndpoint(ctx, tx, changed) }))
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.RestartWebhookEndpoint(ctx, tx, w.app.ID, e.ID) }))
		after, err := w.RecordWebhook(ctx, store.WebhookProgress{Lease: second, Version: taken.Version, Cursor: store.WebhookCursor{Position: 99}, Outcomes: []store.WebhookDelivery{late}, Now: now})
		must(t, err)
		if after.Cursor.Position != 1 || after.Description != "changed" {
			t.Errorf("the endpoint is %+v", after)
		}
		if kept, attempts, err = w.WebhookDelivery(ctx, w.app.ID, e.ID, delivery.EventID); err != nil || kept.State != store.DeliveryFailed || len(attempts) != 2 || attempts[0].Number != 1 {
			t.Errorf("the delivery is %+v with %+v, %v", kept, attempts, err)
		}
		_, _, err = w.WebhookDelivery(ctx, perch.NewID(), e.ID, delivery.EventID)
		wantNotFound(t, err)
	})
}

// A disabled endpoint may stand in the middle of a batch that is no longer kept.
func TestWhatIsNoLongerKeptIsNotUnread(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		e := w.endpoint(t)
		w.publish(t, perch.EventCompanyUpdated, perch.EventIndividualUpdated, perch.EventPaymentCreated)
		p := store.WebhookProgress{Lease: store.WebhookLease{ApplicationID: w.app.ID, EndpointID: e.ID, Owner: "one", Until: now.Add(time.Minute)},
			Version: e.Version, Cursor: store.WebhookCursor{Position: e.Cursor.Position, Number: 2}, Now: now}
		_, err := w.HoldWebhook(ctx, p.Lease, now)
		must(t, err)
		_, err = w.RecordWebhook(ctx, p)
		must(t, err)
		if c, err := w.WebhookCounts(ctx, w.app.ID, e.ID); err != nil || c.Unread != 1 {
			t.Errorf("in the middle of the batch: %+v, %v", c, err)
		}
		for _, table := range []string{"events", "event_batches"} {
			_, err := w.db.Write.ExecContext(ctx, `DELETE FROM `+table)
			must(t, err)
		}
		if c, err := w.WebhookCounts(ctx, w.app.ID, e.ID); err != nil || c.Unread != 0 {
			t.Errorf("after the batch: %+v, %v", c, err)
		}
	})
}

// Answers to what was under way when an endpoint was disabled may say the same again.
func TestAnEndpointIsDisabledOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		e := w.endpoint(t)
		p := store.WebhookProgress{Lease: store.WebhookLease{ApplicationID: w.app.ID, EndpointID: e.ID, Owner: "one", Until: now.Add(time.Minute)},
			Version: e.Version, Disable: "gone", DisableDetail: "The receiver answered 410 Gone.", Now: now}
		_, err := w.HoldWebhook(ctx, p.Lease, now)
		must(t, err)
		for range 4 {
			after, err := w.RecordWebhook(ctx, p)
			must(t, err)
			if after.State != store.WebhookDisabled {
				t.Errorf("the endpoint is %s", after.State)
			}
			p.Version = after.Version
		}
		notes, err := w.WebhookNotes(ctx, w.app.ID, e.ID, 10)
		must(t, err)
		if len(notes) != 1 {
			t.Errorf("its history is %+v", notes)
		}
	})
}

func TestOldDeliveriesAndDeletedEndpointsAreSwept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		kept, gone, waiting, disabled := w.endpoint(t), w.endpoint(t), w.endpoint(t), w.endpoint(t)
		for e, state := range map[*store.WebhookEndpoint]store.DeliveryState{&kept: store.DeliveryDelivered, &gone: store.DeliveryDelivered,
			&waiting: store.DeliveryWaiting, &disabled: store.DeliveryWaiting} {
			for i := range 5 {
				at := now.Add(-time.Duration(i) * 24 * time.Hour)
				must(t, w.RecordTest(ctx, w.app.ID, e.ID, store.WebhookDelivery{EventID: perch.NewID(), Type: "test", Cause: "test", State: state, Attempts: 1, CreatedAt: at, AttemptedAt: at}))
			}
		}
		disabled.State = store.WebhookDisabled
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.UpdateWebhookEndpoint(ctx, tx, disabled) }))
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.DeleteWebhookEndpoint(ctx, tx, w.app.ID, gone.ID) }))
		for more := true; more; {
			must(t, w.Tx(ctx, func(tx *sql.Tx) (err error) {
				more, err = w.SweepWebhooks(ctx, tx, now.Add(-36*time.Hour), 2)
				return err
			}))
		}
		for e, want := range map[perch.ID]int{kept.ID: 2, waiting.ID: 5, disabled.ID: 2} {
			list, err := w.WebhookDeliveries(ctx, store.DeliveryQuery{Application: w.app.ID, Endpoint: e, Most: 100})
			must(t, err)
			if len(list) != want {
				t.Errorf("%d deliveries are left, want %d", len(list), want)
			}
		}
		var left int
		must(t, w.db.Read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = $1) + (SELECT count(*) FROM webhook_endpoints WHERE id = $1)`, gone.ID).Scan(&left))
		if left != 0 {
			t.Errorf("%d rows of a deleted endpoint are left", left)
		}
	})
}

// Looking for work happens twice a second, so it may not read what was delivered long ago.
func TestLookingForWorkReadsNoHistory(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		if w.db.Dialect != db.SQLite {
			return // a planner of PostgreSQL decides by size
		}
		for _, query := range []string{
			`SELECT 1 FROM webhook_endpoints e WHERE EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.next_at <= 5)`,
			`SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = 'x' AND d.state = 'failed'`,
		} {
			rows, err := w.db.Read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query)
			must(t, err)
			var plan strings.Builder
			for rows.Next() {
				var a, b, c int
				var text string
				must(t, rows.Scan(&a, &b, &c, &text))
				fmt.Fprintln(&plan, text)
			}
			must(t, rows.Close())
			if !strings.Contains(plan.String(), "webhook_deliveries_waiting") && !strings.Contains(plan.String(), "webhook_deliveries_failed") {
				t.Errorf("%s\n%s", query, &plan)
			}
		}
	})
}
