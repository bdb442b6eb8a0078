package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// IsPostgres reports whether a database URL names PostgreSQL. Schemes have no case.
func IsPostgres(target string) bool {
	scheme, _, found := strings.Cut(target, "://")
	return found && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

// postgres is a PostgreSQL URL that was understood.
type postgres struct {
	config *pgx.ConnConfig
	// schema is where the records live; empty leaves it to the server, whose default is "public".
	schema string
}

// errURL leaves out what the driver says, which repeats parts of the URL.
var errURL = errors.New("the PostgreSQL URL is not valid: it has the form postgres://user:password@host:port/database, " +
	"and @, :, / and ? within a user or password are written as %40, %3A, %2F and %3F")

func parsePostgres(target string) (postgres, error) {
	_, rest, _ := strings.Cut(target, "://")
	place, _, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(place, "/")
	if strings.Count(authority, "@") > 1 || strings.Contains(path, "@") {
		return postgres{}, errURL // a part of the password would be taken for a host or a database
	}
	config, err := pgx.ParseConfig("postgres://" + rest)
	var unread *fs.PathError
	switch {
	case errors.As(err, &unread):
		return postgres{}, fmt.Errorf("the PostgreSQL URL names a file that cannot be read: %w", unread.Err)
	case err != nil:
		return postgres{}, errURL
	}
	p := postgres{config: config}
	p.schema, err = onlySchema(config.RuntimeParams)
	return p, err
}

const (
	keysSuffix = "_keys"
	// longestSchema is what PostgreSQL does not cut off, in bytes, with the suffix behind it.
	longestSchema = 63 - len(keysSuffix)
)

// onlySchema takes the schema of the records out of the settings and puts it back under one name, as
// PostgreSQL reads it. The keys' schema is named after it, so there has to be exactly one.
func onlySchema(settings map[string]string) (string, error) {
	if strings.Contains(strings.ToLower(settings["options"]), "search_path") {
		return "", errors.New("the PostgreSQL URL sets search_path within options: give it by itself, as ?search_path=schema")
	}
	schema, found := "", false
	for name, value := range settings {
		if !strings.EqualFold(name, "search_path") { // names of settings have no case
			continue
		}
		if found {
			return "", errors.New("the PostgreSQL URL sets search_path more than once")
		}
		schema, found = strings.ToLower(value), true
		delete(settings, name)
	}
	if !found {
		return "", nil
	}
	if schema == "" || len(schema) > longestSchema || strings.Trim(schema, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return "", fmt.Errorf("search_path in the PostgreSQL URL has to name one schema, of at most %d letters, digits, _ and -, without quotes or commas", longestSchema)
	}
	settings["search_path"] = schema
	return schema, nil
}

// open makes a pool, which connects when it is first used.
func (p postgres) open() *DB {
	pool := stdlib.OpenDB(*p.config)
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{Write: pool, Read: pool, Dialect: Postgres, URL: p.shown()}
}

// shown is the URL for people to read: no password, no query.
func (p postgres) shown() string {
	c := p.config
	host := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if strings.HasPrefix(c.Host, "/") { // a socket
		host = c.Host
	}
	return "postgres://" + url.User(c.User).String() + "@" + host + "/" + url.PathEscape(c.Database)
}

// withoutSettings keeps an error of the server from repeating a part of the URL's query.
func withoutSettings(err error) error {
	var refused *pgconn.PgError
	// Class 22 is a value that is refused, 42704 a setting that does not exist.
	if errors.As(err, &refused) && (strings.HasPrefix(refused.Code, "22") || refused.Code == "42704") {
		return fmt.Errorf("the server refuses a setting of the URL's query (SQLSTATE %s)", refused.Code)
	}
	return err
}

// OpenKeys opens the database of wrapped keys, kept apart from the records so that backups of the
// two can be kept for different times. On PostgreSQL it is a schema of its own beside the records'
// schema in the same database: "perch_keys" beside "public". For SQLite target is another file.
func OpenKeys(ctx context.Context, target string) (*DB, error) {
	if !IsPostgres(target) {
		return Open(ctx, target)
	}
	p, err := parsePostgres(target)
	if err != nil {
		return nil, err
	}
	schema := cmp.Or(p.schema, "perch") + keysSuffix
	p.config.RuntimeParams["search_path"] = schema
	d := p.open()
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	if err := d.ensureSchema(ctx, schema); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// ensureSchema makes the schema unless it is there. It looks first, in the one list that shows schemas
// of other owners too, since a role that may not make schemas may not ask for one that exists either.
func (d *DB) ensureSchema(ctx context.Context, schema string) error {
	there, err := d.hasSchema(ctx, schema)
	if err != nil || there {
		return err
	}
	_, failed := d.Write.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize())
	if failed == nil {
		return nil
	}
	if there, err = d.hasSchema(ctx, schema); err == nil && there {
		return nil // another process was faster
	}
	return fmt.Errorf("making the schema %s for keys in %s: %w (a role that may not make schemas needs it made beforehand)", schema, d.URL, failed)
}

func (d *DB) hasSchema(ctx context.Context, schema string) (there bool, err error) {
	err = d.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)`, schema).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("looking for the schema %s: %w", schema, err)
	}
	return there, nil
}
