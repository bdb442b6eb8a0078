package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

// Dialect names the database engine.
type Dialect string

// The two engines.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open database. SQLite has one writer and several readers, so Write is a pool of one
// connection whose transactions take the write lock when they begin, and Read is a pool that cannot
// write. With PostgreSQL both are the same pool.
type DB struct {
	Write   *sql.DB
	Read    *sql.DB
	Dialect Dialect
	// URL is what was opened: a path, or the user, host and database of a PostgreSQL URL.
	URL string
}

const (
	sqliteReaders     = 4
	postgresConns     = 16
	sqliteMappedBytes = 1 << 30
)

// Open opens a database by URL: "postgres://…" or "postgresql://…" for PostgreSQL, anything else is
// the path of a SQLite file, made with its folder if missing. Migrations are not run. No error shows
// a password or anything of a URL's query.
func Open(ctx context.Context, target string) (*DB, error) {
	d, err := prepare(target)
	if err != nil {
		return nil, err
	}
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

func prepare(target string) (*DB, error) {
	if !IsPostgres(target) {
		return openSQLite(target)
	}
	p, err := parsePostgres(target)
	if err != nil {
		return nil, err
	}
	return p.open(), nil
}

// reach asks for a first answer and closes a database that gives none.
func (d *DB) reach(ctx context.Context) error {
	err := d.Ping(ctx)
	if err == nil {
		return nil
	}
	_ = d.Close()
	return fmt.Errorf("opening the database %s: %w", d.URL, withoutSettings(err))
}

func openSQLite(target string) (*DB, error) {
	path := strings.TrimPrefix(target, "sqlite:")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the database's folder: %w", err)
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("making the database: %w", err)
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(15000)",
		"journal_mode(WAL)",
		"synchronous(NORMAL)",
		"foreign_keys(1)",
		fmt.Sprintf("mmap_size(%d)", sqliteMappedBytes),
	}}
	dsn := func(extra string) string { return "file:" + sqliteURIPath(path) + "?" + pragmas.Encode() + extra }
	write, err := sql.Open("sqlite", dsn("&_txlock=immediate"))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn("&_pragma=query_only(1)"))
	if err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return &DB{Write: write, Read: read, Dialect: SQLite, URL: path}, nil
}

// createPrivate makes the file if there is none, readable by its owner only; the log beside it takes
// its mode over. A file that exists is left alone: closing it would drop the locks that other
// connections of this process hold on it.
func createPrivate(path string) error {
	created, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return created.Close()
}

// sqliteURIPath escapes the characters that mean something in a SQLite file URI.
func sqliteURIPath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// Ping asks both pools for an answer.
func (d *DB) Ping(ctx context.Context) error {
	if d.Write == d.Read {
		return d.Write.PingContext(ctx)
	}
	// The writer goes first: it makes the file, which the readers could not.
	return errors.Join(d.Write.PingContext(ctx), d.Read.PingContext(ctx))
}

// Close closes both pools.
func (d *DB) Close() error {
	err := d.Read.Close()
	if d.Write != d.Read {
		err = errors.Join(err, d.Write.Close())
	}
	return err
}

// Tx runs fn in a write transaction and commits it if fn returns nil. fn must use tx only.
func (d *DB) Tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// Micros is how times are stored: microseconds since 1970 UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
