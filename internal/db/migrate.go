package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql keymigrations/*.sql
var migrations embed.FS

// NewerSchemaError means that the database was written by a newer Perch.
type NewerSchemaError struct{ Have, Know int64 }

// Error implements error.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d, this Perch knows version %d: start a newer Perch, or restore a backup made before the upgrade", e.Have, e.Know)
}

// Migrate brings the schema up to date: Perch's own tables, then the job queue's. It goes forward
// only and returns a NewerSchemaError when the database is ahead of this program. Processes that
// start together do not disturb each other.
func (d *DB) Migrate(ctx context.Context) error {
	return d.migrate(ctx, "migrations", d.migrateQueue)
}

// MigrateKeys does the same for the separate database of wrapped keys.
func (d *DB) MigrateKeys(ctx context.Context) error {
	return d.migrate(ctx, "keymigrations", func(context.Context) error { return nil })
}

func (d *DB) migrate(ctx context.Context, folder string, then func(context.Context) error) error {
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	release, err := d.migrationLock(ctx)
	if err != nil {
		return fmt.Errorf("waiting for another process to finish migrating: %w", err)
	}
	defer release()
	for attempt := 1; ; attempt++ {
		err := d.migrateOnce(ctx, files, then)
		var newer *NewerSchemaError
		if err == nil || d.Dialect == Postgres || attempt == sqliteAttempts || ctx.Err() != nil || errors.As(err, &newer) {
			return err
		}
	}
}

// sqliteAttempts is more than there are migrations. A process that is second to make one fails on
// what the first one made, and finds it made when it looks again.
const sqliteAttempts = 50

func (d *DB) migrateOnce(ctx context.Context, files fs.FS, then func(context.Context) error) error {
	provider, err := goose.NewProvider(d.gooseDialect(), d.Write, files)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema version: %w", err)
	}
	sources := provider.ListSources()
	if know := sources[len(sources)-1].Version; have > know {
		return &NewerSchemaError{Have: have, Know: know}
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	return then(ctx)
}

func (d *DB) gooseDialect() goose.Dialect {
	if d.Dialect == Postgres {
		return database.DialectPostgres
	}
	return database.DialectSQLite3
}

// migrationLock lets one process migrate at a time on PostgreSQL. SQLite's own write lock does the
// same for each migration; see sqliteAttempts.
func (d *DB) migrationLock(ctx context.Context) (release func(), err error) {
	if d.Dialect != Postgres {
		return func() {}, nil
	}
	const key = 0x7065726368 // "perch"
	conn, err := d.Write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext(current_schema()), $1)`, key&0x7fffffff); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtext(current_schema()), $1)`, key&0x7fffffff)
		_ = conn.Close()
	}, nil
}

func (d *DB) migrateQueue(ctx context.Context) error {
	migrator, err := rivermigrate.New(d.QueueDriver(), nil)
	if err != nil {
		return fmt.Errorf("reading the job queue's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the job queue: %w", err)
	}
	return nil
}

// QueueDriver returns River's driver for this database. Jobs are inserted in the caller's own
// *sql.Tx on both engines.
func (d *DB) QueueDriver() riverdriver.Driver[*sql.Tx] {
	if d.Dialect == Postgres {
		return riverdatabasesql.New(d.Write)
	}
	return riversqlite.New(d.Write)
}
