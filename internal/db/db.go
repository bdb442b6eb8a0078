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

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver
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
	// URL is what was opened, without a password.
	URL string
}

const (
	sqliteReaders     = 4
	postgresConns     = 16
	sqliteMappedBytes = 1 << 30
)

// Open opens a database by URL: "postgres://…" or "postgresql://…" for PostgreSQL, anything else is
// the path of a SQLite file, made with its folder if missing. Migrations are not run.
func Open(ctx context.Context, target string) (*DB, error) {
	open := openSQLite
	if IsPostgres(target) {
		open = openPostgres
	}
	d, err := open(target)
	if err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("opening the database %s: %w", d.URL, err)
	}
	return d, nil
}

// IsPostgres reports whether a database URL names PostgreSQL.
func IsPostgres(target string) bool {
	return strings.HasPrefix(target, "postgres://") || strings.HasPrefix(target, "postgresql://")
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

func openPostgres(target string) (*DB, error) {
	shown := "the given PostgreSQL URL"
	if u, err := url.Parse(target); err == nil {
		shown = u.Redacted()
	}
	pool, err := sql.Open("pgx", target)
	if err != nil {
		return nil, fmt.Errorf("opening %s: the URL is not valid", shown)
	}
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{Write: pool, Read: pool, Dialect: Postgres, URL: shown}, nil
}

// OpenKeys opens the database of wrapped keys, kept apart from the records so that backups of the
// two can be kept for different times. On PostgreSQL it is a schema of its own beside the records'
// schema in the same database: "perch_keys" beside "public". For SQLite target is another file.
func OpenKeys(ctx context.Context, target string) (*DB, error) {
	if !IsPostgres(target) {
		return Open(ctx, target)
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("opening the key database: the PostgreSQL URL is not valid")
	}
	query := u.Query()
	schema := "perch_keys"
	if records := query.Get("search_path"); records != "" {
		schema = records + "_keys"
	}
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	d, err := Open(ctx, u.String())
	if err != nil {
		return nil, err
	}
	if _, err := d.Write.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS "`+strings.ReplaceAll(schema, `"`, `""`)+`"`); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("making the schema for keys: %w", err)
	}
	return d, nil
}

// Ping asks both pools for an answer.
func (d *DB) Ping(ctx context.Context) error {
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
