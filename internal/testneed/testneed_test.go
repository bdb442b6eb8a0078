package testneed

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// The environment belongs to the whole process, so these tests do not run in parallel.

func TestRequired(t *testing.T) {
	for _, test := range []struct {
		name, list, ci, need string
		want                 bool
	}{
		{"nothing is required unless it is asked for", "", "", Node, false},
		{"a need in the list is required", "postgres,node", "", Node, true},
		{"blanks in the list do not matter", "postgres, node", "", Node, true},
		{"a need beside the list is not required", "postgres", "", Node, false},
		{"continuous integration requires the reference files", "", "true", SharedFiles, true},
		{"continuous integration requires nothing else by itself", "", "true", Node, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(require, test.list)
			t.Setenv("CI", test.ci)
			if got := Required(test.need); got != test.want {
				t.Errorf("Required(%q) = %t, want %t", test.need, got, test.want)
			}
		})
	}
}

// recorder stands in for a test, to see whether it would be skipped or fail.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestNeedSkipsUnlessRequired(t *testing.T) {
	const unknown = "a machine that does not exist"
	t.Setenv(require, "")
	var r recorder
	if Need(&r, unknown); !r.skipped || r.failed {
		t.Errorf("a need that was not asked for: skipped %t, failed %t", r.skipped, r.failed)
	}
	t.Setenv(require, "nothing")
	r = recorder{}
	if Need(&r, "nothing"); !r.failed {
		t.Errorf("a need that was asked for: skipped %t, failed %t", r.skipped, r.failed)
	}
}

func TestRootHoldsTheModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "internal", "testneed", "testneed.go")); err != nil {
		t.Error(err)
	}
}

func TestPostgresSchemasAreSeparateAndDropped(t *testing.T) {
	Need(t, PostgresServer)
	var first, second string
	t.Run("two schemas", func(t *testing.T) {
		first, second = Postgres(t), Postgres(t)
		for _, target := range []string{first, second} {
			database := openSchema(t, target)
			if _, err := database.ExecContext(t.Context(), "CREATE TABLE same_name (id integer)"); err != nil {
				t.Fatal(err)
			}
		}
		keys := schemaOf(t, first) + keysSuffix
		if _, err := openSchema(t, first).ExecContext(t.Context(), `CREATE SCHEMA "`+keys+`"`); err != nil {
			t.Fatal(err)
		}
	})
	server, err := postgresServer()
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{schemaOf(t, first), schemaOf(t, first) + keysSuffix, schemaOf(t, second)} {
		var left int
		row := openSchema(t, server).QueryRowContext(context.Background(), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = $1", schema)
		if err := row.Scan(&left); err != nil || left != 0 {
			t.Errorf("%s: %d left after the test, error %v", schema, left, err)
		}
	}
}

func openSchema(t *testing.T, target string) *sql.DB {
	t.Helper()
	database, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	return database
}

func schemaOf(t *testing.T, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("search_path")
}
