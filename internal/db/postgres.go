package db

import (
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
	return postgres{config: config}, nil
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
	schema := "perch_keys"
	if records := p.config.RuntimeParams["search_path"]; records != "" {
		schema = records + "_keys"
	}
	p.config.RuntimeParams["search_path"] = schema
	d := p.open()
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	if _, err := d.Write.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize()); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("making the schema for keys: %w", err)
	}
	return d, nil
}
