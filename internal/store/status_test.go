package store_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
)

func TestEveryChangeOfStatusIsTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var told []store.StatusChange
		w.StatusChanged = func(_ context.Context, _ *sql.Tx, change store.StatusChange) error {
			told = append(told, change)
			return nil
		}
		want := func(entity perch.ID, statuses ...perch.ConnectionStatus) {
			t.Helper()
			var got []perch.ConnectionStatus
			for _, change := range told {
				got = append(got, change.Status)
				if expected := (store.StatusChange{ApplicationID: w.app.ID, ConnectionID: w.conn.ID, CompanyID: w.conn.CompanyID,
					EntityID: entity, Authentication: perch.AuthOAuth, Status: change.Status}); change != expected {
					t.Errorf("told %+v, want %+v", change, expected)
				}
			}
			if !slices.Equal(got, statuses) {
				t.Errorf("told of %v, want %v", got, statuses)
			}
			told = nil
		}
		set := func(entity perch.ID, status perch.ConnectionStatus) {
			t.Helper()
			must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.SetStatus(ctx, tx, w.conn.ID, entity, status, "because") }))
		}
		w.connect(t)
		want(w.ent, perch.StatusProcessing)
		set(w.ent, perch.StatusProcessing)
		want(w.ent)
		set(w.ent, perch.StatusConnected)
		set(w.ent, perch.StatusConnected)
		set(w.ent, perch.StatusReauth)
		want(w.ent, perch.StatusConnected, perch.StatusReauth)
		reauthorised := store.NewConnection{ApplicationID: w.app.ID, Connection: w.conn, Entity: access.Entity{ID: w.ent, Status: perch.StatusProcessing}, Settings: []byte("new")}
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.Reauthorise(ctx, tx, reauthorised) }))
		want(w.ent, perch.StatusProcessing)

		second := perch.NewID()
		must(t, w.Tx(ctx, func(tx *sql.Tx) error {
			return w.InsertEntity(ctx, tx, store.NewConnection{ApplicationID: w.app.ID, Connection: w.conn,
				Entity: access.Entity{ID: second, Status: perch.StatusPending}, Settings: []byte("sealed"), CreatedAt: now.Add(1000)})
		}))
		want(second, perch.StatusPending)
		nothing := func(*sql.Tx, []perch.ID) error { return nil }
		must(t, w.DisconnectEntities(ctx, w.app.ID, w.conn.ID, []perch.ID{second}, now, nothing))
		want(second, perch.StatusDisconnected)
		set(second, perch.StatusConnected)
		want(second)
		must(t, w.Disconnect(ctx, w.app.ID, w.conn.ID, now, nothing))
		must(t, w.Disconnect(ctx, w.app.ID, w.conn.ID, now, nothing))
		want(w.ent, perch.StatusDisconnected)
	})
}

func TestAStatusThatIsHeldStaysUntilItIsSet(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		held := func() (is bool) {
			must(t, w.Tx(ctx, func(tx *sql.Tx) (err error) {
				is, err = w.StatusHeld(ctx, tx, w.conn.ID, w.ent)
				return err
			}))
			return is
		}
		if held() {
			t.Error("a new entity's status is held")
		}
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.HoldStatus(ctx, tx, w.conn.ID, w.ent, perch.StatusReauth, "") }))
		g, err := w.Grant(ctx, w.hash)
		must(t, err)
		if !held() || g.Entities[0].Status != perch.StatusReauth || !g.Entities[0].StatusHeld || g.Connection.Status != perch.StatusReauth {
			t.Errorf("after HoldStatus: %+v", g)
		}
		must(t, w.Tx(ctx, func(tx *sql.Tx) error { return w.SetStatus(ctx, tx, w.conn.ID, w.ent, perch.StatusReauth, "") }))
		if held() {
			t.Error("the status is still held after SetStatus")
		}
	})
}
