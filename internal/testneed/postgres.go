package testneed

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// keysSuffix is how the schema of keys beside a schema of records is named.
const keysSuffix = "_keys"

// dropTimeout bounds the wait for connections that a test left open.
const dropTimeout = 30 * time.Second

// Postgres needs PostgreSQL and returns the URL of a schema that is the test's own: it is empty, and
// it is dropped after the test together with the schema named like it plus "_keys". What the test
// opens on it has to be closed in the test or in a cleanup registered after this call.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := postgresServer()
	if err != nil {
		missing(t, PostgresServer, err)
	}
	var b [8]byte
	_, _ = rand.Read(b[:])
	schema := "perch_test_" + hex.EncodeToString(b[:])
	if err := execute(server, `CREATE SCHEMA "`+schema+`"`); err != nil {
		t.Fatalf("making a schema for the test: %v", err)
	}
	t.Cleanup(func() {
		for _, name := range []string{schema, schema + keysSuffix} {
			if err := execute(server, `DROP SCHEMA IF EXISTS "`+name+`" CASCADE`); err != nil {
				t.Errorf("dropping the schema of the test: %v", err)
			}
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("the URL of the PostgreSQL server is not valid")
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}

// postgresServer returns the first URL that answers.
var postgresServer = sync.OnceValues(func() (string, error) {
	candidates := []string{
		"postgres://postgres@127.0.0.1:5432/test?sslmode=disable",
		"postgres://root@127.0.0.1:5432/test?sslmode=disable",
	}
	if given := os.Getenv("PERCH_TEST_POSTGRES"); given != "" {
		candidates = []string{given}
	}
	var failed error
	for _, candidate := range candidates {
		err := execute(candidate, "SELECT 1")
		if err == nil {
			return candidate, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", fmt.Errorf("no PostgreSQL server for tests: %w", failed)
})

// execute runs one statement on a connection of its own.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	database, err := sql.Open("pgx", server)
	if err != nil {
		return errors.New("the URL of the PostgreSQL server is not valid")
	}
	defer func() { _ = database.Close() }()
	_, err = database.ExecContext(ctx, statement)
	return err
}
