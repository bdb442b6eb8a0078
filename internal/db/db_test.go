package db_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/testneed"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onBoth runs a test with the URL of an empty SQLite file and of an empty PostgreSQL schema.
func onBoth(t *testing.T, test func(t *testing.T, target string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "perch.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, testneed.Postgres(t))
	})
}

func open(t *testing.T, target string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), target)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func migrated(t *testing.T, target string) *db.DB {
	t.Helper()
	d := open(t, target)
	must(t, d.Migrate(t.Context()))
	return d
}

func count(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	must(t, d.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func TestMigratingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		d := migrated(t, target)
		insert(t, d, "a")
		must(t, d.Migrate(t.Context()))
		if n := count(t, d, "applications"); n != 1 {
			t.Errorf("%d applications after the second migration", n)
		}
		if n := count(t, d, "revision"); n != 1 {
			t.Errorf("%d revisions", n)
		}
	})
}

func insert(t *testing.T, d *db.DB, id string) {
	t.Helper()
	must(t, d.Tx(t.Context(), func(tx *sql.Tx) error { return insertIn(t.Context(), tx, id) }))
}

func insertIn(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO applications (id, name, type, secret_hash, created_at) VALUES ($1, 'n', 'sandbox', $2, 0)`, id, []byte{0, 0xff})
	return err
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		var all sync.WaitGroup
		for range 4 {
			d := open(t, target)
			all.Go(func() {
				if err := d.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := count(t, open(t, target), "revision"); n != 1 {
			t.Errorf("%d revisions", n)
		}
	})
}

func TestASchemaOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		d := migrated(t, target)
		must(t, d.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)`, true)
			return err
		}))
		var newer *db.NewerSchemaError
		if err := d.Migrate(t.Context()); !errors.As(err, &newer) || newer.Have != 9999 || newer.Know < 1 {
			t.Fatalf("got %v", err)
		}
		if text := newer.Error(); !strings.Contains(text, "9999") || !strings.Contains(text, "newer Perch") {
			t.Errorf("the error does not say what to do: %s", text)
		}
	})
}

func TestTheKeysLieApartFromTheRecords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		keysTarget := target
		if !db.IsPostgres(target) {
			keysTarget = filepath.Join(filepath.Dir(target), "keys", "keys.db")
		}
		records := migrated(t, target)
		keys, err := db.OpenKeys(t.Context(), keysTarget)
		must(t, err)
		t.Cleanup(func() { must(t, keys.Close()) })
		must(t, keys.MigrateKeys(t.Context()))
		if n := count(t, keys, "data_keys"); n != 0 {
			t.Errorf("%d keys", n)
		}
		if _, err := records.Read.ExecContext(t.Context(), `SELECT 1 FROM data_keys`); err == nil {
			t.Error("the records' database has the keys' table")
		}
		if _, err := keys.Read.ExecContext(t.Context(), `SELECT 1 FROM applications`); err == nil {
			t.Error("the keys' database has the records' tables")
		}
	})
}

var errWithin = errors.New("something else failed")

func TestATransactionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		d := migrated(t, target)
		err := d.Tx(t.Context(), func(tx *sql.Tx) error {
			must(t, insertIn(t.Context(), tx, "a"))
			return errWithin
		})
		if !errors.Is(err, errWithin) || count(t, d, "applications") != 0 {
			t.Errorf("got %v and %d rows", err, count(t, d, "applications"))
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = d.Tx(t.Context(), func(tx *sql.Tx) error {
				must(t, insertIn(t.Context(), tx, "b"))
				panic("a bug")
			})
		}()
		insert(t, d, "c") // neither left the writer busy
		if n := count(t, d, "applications"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestManyWritersDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, target string) {
		one, other := migrated(t, target), open(t, target)
		var all sync.WaitGroup
		for _, d := range []*db.DB{one, other} {
			for range 4 {
				all.Go(func() {
					for range 20 {
						if err := d.Tx(t.Context(), func(tx *sql.Tx) error { return increase(t.Context(), tx) }); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		all.Wait()
		var value int
		must(t, one.Read.QueryRowContext(t.Context(), `SELECT value FROM revision`).Scan(&value))
		if value != 1+2*4*20 {
			t.Errorf("the revision is %d: an increase was lost", value)
		}
	})
}

// increase reads and writes in two steps, as use cases do.
func increase(ctx context.Context, tx *sql.Tx) error {
	var value int
	if _, err := tx.ExecContext(ctx, `UPDATE revision SET value = value WHERE id = 'this'`); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT value FROM revision WHERE id = 'this'`).Scan(&value); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE revision SET value = $1 WHERE id = 'this'`, value+1)
	return err
}

func TestTheReadersOfSQLiteCannotWrite(t *testing.T) {
	t.Parallel()
	d := migrated(t, filepath.Join(t.TempDir(), "perch.db"))
	if _, err := d.Read.ExecContext(t.Context(), `DELETE FROM revision`); err == nil {
		t.Error("a reader wrote")
	}
}

func TestSQLiteKeepsForeignKeys(t *testing.T) {
	t.Parallel()
	d := migrated(t, filepath.Join(t.TempDir(), "perch.db"))
	_, err := d.Write.ExecContext(t.Context(), `INSERT INTO publications (entity_id, product_group, generation, complete, retrieved_at, attempted_at, result)
		VALUES ('nobody', 'payroll', 0, FALSE, 0, 0, '')`)
	if err == nil {
		t.Error("a publication without an entity was accepted")
	}
}

func TestASQLiteFileIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new")
	migrated(t, filepath.Join(folder, "perch.db"))
	for name, want := range map[string]fs.FileMode{"perch.db": 0o600, "perch.db-wal": 0o600, "": fs.ModeDir | 0o700} {
		info, err := os.Stat(filepath.Join(folder, name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestAnyFileNameWorks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space.db", "per%cent.db", "ques?tion.db", "ha#sh.db", "amp&er=sand.db", "ünïcode.db", "%41.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			insert(t, migrated(t, filepath.Join(folder, name)), "a")
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Error(err)
			}
			if n := count(t, open(t, "sqlite:"+filepath.Join(folder, name)), "applications"); n != 1 {
				t.Errorf("%d rows when opened again", n)
			}
		})
	}
}

func TestWhatIsNoDatabaseIsAnError(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "letter.txt")
	must(t, os.WriteFile(text, []byte(strings.Repeat("Dear Sir or Madam, ", 500)), 0o600))
	for name, target := range map[string]string{"a text file": text, "a folder": folder, "a file below a file": filepath.Join(text, "perch.db")} {
		d, err := db.Open(t.Context(), target)
		if err == nil {
			err = d.Migrate(t.Context())
			must(t, d.Close())
		}
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTimesAreMicroseconds(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		{},
		time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("east", 3600)),
	} {
		back := db.Time(db.Micros(at))
		if !back.Equal(at) || back.Location() != time.UTC || back.IsZero() != at.IsZero() {
			t.Errorf("%v came back as %v", at, back)
		}
	}
}
