package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/testneed"
)

func openKeys(t *testing.T, target string) (*store.Keys, *db.DB) {
	t.Helper()
	database, err := db.OpenKeys(t.Context(), target)
	must(t, err)
	t.Cleanup(func() { must(t, database.Close()) })
	must(t, database.MigrateKeys(t.Context()))
	return store.NewKeys(database, func() time.Time { return now }), database
}

// holds reports whether any file of a SQLite database has the bytes.
func holds(t *testing.T, path string, wanted []byte) bool {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		must(t, err)
		if bytes.Contains(content, wanted) {
			return true
		}
	}
	return false
}

func TestADeletedKeyIsInNoFileOfSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	keys, _ := openKeys(t, path)
	owner, wrapped := perch.NewID(), bytes.Repeat([]byte("wrapped"), 8)
	_, err := keys.InsertKey(t.Context(), owner, wrapped)
	must(t, err)
	if !holds(t, path, wrapped) {
		t.Fatal("the key is not stored as it is, so this test says nothing")
	}
	must(t, keys.DeleteKeys(t.Context(), owner))
	if holds(t, path, wrapped) {
		t.Error("the deleted key is still on disk")
	}
}

func TestAReaderKeepsTheLogButNotTheKeyAlive(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "keys.db")
	keys, database := openKeys(t, path)
	owner, wrapped := perch.NewID(), bytes.Repeat([]byte("wrapped"), 8)
	_, err := keys.InsertKey(ctx, owner, wrapped)
	must(t, err)

	reader, err := database.Read.BeginTx(ctx, nil)
	must(t, err)
	var n int
	must(t, reader.QueryRowContext(ctx, `SELECT count(*) FROM data_keys`).Scan(&n))

	began := time.Now()
	must(t, keys.DeleteKeys(ctx, owner))
	if _, err := keys.Key(ctx, owner); !errors.Is(err, secret.ErrDestroyed) {
		t.Errorf("got %v", err)
	}
	if err := keys.EmptyLog(ctx); !errors.Is(err, store.ErrLogBusy) {
		t.Errorf("while it is read: got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a reader held it up for %v", took)
	}
	if !holds(t, path, wrapped) {
		t.Fatal("the reader did not keep the log, so this test says nothing")
	}
	var patience int
	must(t, database.Write.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&patience))
	if patience != 15000 {
		t.Errorf("the writer waits %d ms for others from now on", patience)
	}

	must(t, reader.Rollback())
	must(t, keys.EmptyLog(ctx))
	if holds(t, path, wrapped) {
		t.Error("the deleted key is still on disk")
	}
	must(t, keys.EmptyLog(ctx))
}

func TestPostgreSQLHasNoLogToEmpty(t *testing.T) {
	t.Parallel()
	keys, _ := openKeys(t, testneed.Postgres(t))
	must(t, keys.EmptyLog(t.Context()))
}
