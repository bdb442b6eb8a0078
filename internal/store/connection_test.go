package store_test

import (
	"database/sql"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestConnectionsAreCountedPerApplicationAndForGood(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		want := func(application perch.ID, want int) {
			t.Helper()
			got, err := w.CountConnections(ctx, application)
			must(t, err)
			if got != want {
				t.Errorf("%d connections, want %d", got, want)
			}
		}
		want(w.app.ID, 1)
		w.connect(t)
		want(w.app.ID, 2)
		want(perch.NewID(), 0)
		must(t, w.Disconnect(ctx, w.app.ID, w.conn.ID, now, func(*sql.Tx, []perch.ID) error { return nil }))
		want(w.app.ID, 2)
	})
}
