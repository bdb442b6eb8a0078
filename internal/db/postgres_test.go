package db_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/testneed"
)

// bothWays are the two that take a URL.
var bothWays = map[string]func(context.Context, string) (*db.DB, error){"records": db.Open, "keys": db.OpenKeys}

func TestErrorsDoNotShowThePassword(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"when nobody answers":                         "postgres://perch:hunter2@127.0.0.1:1/perch?sslmode=disable&connect_timeout=2",
		"when it is in the query":                     "postgres://perch@127.0.0.1:1/perch?password=hunter2&sslmode=disable",
		"when the scheme is in capitals":              "POSTGRES://perch@127.0.0.1:1/perch?password=hunter2&sslmode=absurd",
		"when the key's name is escaped":              "postgres://perch@127.0.0.1:1/perch?pass%77ord=hunter2&sslmode=disable",
		"when it belongs to a certificate":            "postgres://perch@127.0.0.1:1/perch?sslpassword=hunter2&sslmode=verify-full&sslrootcert=/nowhere/hunter2",
		"when another setting has it":                 "postgres://perch@127.0.0.1:1/perch?application_name=hunter2&sslmode=disable",
		"when it has a slash":                         "postgres://perch:12/hunter2@127.0.0.1:1/perch",
		"when it has a slash and a question mark":     "postgres://perch:12/a?hunter2@127.0.0.1:1/perch",
		"when it has an at sign":                      "postgres://perch:12@hunter2@127.0.0.1:1/perch?sslmode=disable",
		"when it has a number sign":                   "postgres://perch:12#hunter2@127.0.0.1:1/perch?sslmode=disable",
		"when the port is no port":                    "postgres://perch:hunter2@127.0.0.1:port/perch",
		"when the URL is damaged":                     "postgres://perch:hunter2@[::1/perch",
		"when the URL has a wrong escape":             "postgres://perch:hunter2%zz@127.0.0.1:1/perch",
		"when the option is absurd":                   "postgres://perch:hunter2@127.0.0.1:1/perch?sslmode=absurd",
		"when the option is absurd and in the query":  "postgres://perch@127.0.0.1:1/perch?password=hunter2&sslmode=absurd",
		"when hosts are several and none of them is":  "postgres://perch:hunter2@127.0.0.1:1,127.0.0.1:2/perch?sslmode=disable",
		"when the password stands in the query twice": "postgres://perch@127.0.0.1:1/perch?password=hunter2&password=hunter2&sslmode=disable",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, open := range bothWays {
				if _, err := open(t.Context(), target); err == nil || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: got %v", what, err)
				}
			}
		})
	}
}

func TestErrorsDoNotShowTheQuery(t *testing.T) {
	t.Parallel()
	server := testneed.Postgres(t)
	for name, query := range map[string]string{
		"when a value is refused":           "client_encoding=hunter2",
		"when a setting is unknown":         "hunter2=on",
		"when a value of the wrong type is": "work_mem=hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, open := range bothWays {
				_, err := open(t.Context(), server+"&"+query)
				if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "setting of the URL's query") {
					t.Errorf("%s: got %v", what, err)
				}
			}
		})
	}
}

func TestErrorsSayWhichDatabase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ target, want string }{
		"with user, host, port and database": {"postgres://ann:hunter2@127.0.0.1:1/payroll?sslmode=disable", "postgres://ann@127.0.0.1:1/payroll: "},
		"with a user from the query":         {"postgresql://127.0.0.1:1/payroll?user=ann&sslmode=disable", "postgres://ann@127.0.0.1:1/payroll: "},
		"with an escaped database":           {"postgres://ann@127.0.0.1:1/pay%3froll?sslmode=disable", "postgres://ann@127.0.0.1:1/pay%3Froll: "},
		"with a socket":                      {"postgres:///payroll?user=ann&host=/nowhere", "postgres://ann@/nowhere/payroll: "},
		"with a file that is missing":        {"postgres://ann@127.0.0.1:1/payroll?sslmode=verify-full&sslrootcert=/nowhere", "cannot be read: no such file"},
		"with a damaged port":                {"postgres://ann@127.0.0.1:x/payroll", "postgres://user:password@host:port/database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, open := range bothWays {
				if _, err := open(t.Context(), test.target); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: got %v, want %s", what, err, test.want)
				}
			}
		})
	}
}

func TestASchemeHasNoCase(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(testneed.Postgres(t), "://")
	for _, scheme := range []string{"postgres", "postgresql", "Postgres", "POSTGRESQL"} {
		d := open(t, scheme+"://"+rest)
		if u, err := url.Parse(d.URL); err != nil || d.Dialect != db.Postgres || u.Scheme != "postgres" || u.Host == "" || u.RawQuery != "" {
			t.Errorf("%s is %s, shown as %s", scheme, d.Dialect, d.URL)
		}
		migrated(t, scheme+"://"+rest)
	}
	for _, path := range []string{"postgres.db", "./postgres:/x", "postgress://x", "mysql://x", "sqlite:x"} {
		if db.IsPostgres(path) {
			t.Errorf("%s is taken for PostgreSQL", path)
		}
	}
}

func TestTheSchemaIsOne(t *testing.T) {
	t.Parallel()
	const base = "postgres://perch@127.0.0.1:1/perch?sslmode=disable&"
	const accepted = "opening the database" // and nobody answers
	for name, test := range map[string]struct{ query, want string }{
		"one schema is accepted":                      {"search_path=tenants", accepted},
		"letters, digits, _ and - are accepted":       {"search_path=Tenants_2-b", accepted},
		"58 letters are accepted":                     {"search_path=" + strings.Repeat("a", 58), accepted},
		"none is accepted":                            {"application_name=x", accepted},
		"two schemas are refused":                     {"search_path=tenants,public", "has to name one schema"},
		"an escaped comma is refused":                 {"search_path=tenants%2Cpublic", "has to name one schema"},
		"a quoted name is refused":                    {"search_path=%22Tenants%22", "has to name one schema"},
		"a quoted list is refused":                    {`search_path="$user",%20public`, "has to name one schema"},
		"a comma within quotes is refused":            {`search_path="a,b"`, "has to name one schema"},
		"the role's own schema is refused":            {"search_path=$user", "has to name one schema"},
		"blanks are refused":                          {"search_path=a%20b", "has to name one schema"},
		"an empty name is refused":                    {"search_path=", "has to name one schema"},
		"a name that would be cut off is refused":     {"search_path=" + strings.Repeat("a", 59), "has to name one schema"},
		"two spellings of the setting are refused":    {"search_path=a&Search_Path=b", "more than once"},
		"two schemas in another spelling are refused": {"Search_Path=a,b", "has to name one schema"},
		"a schema within options is refused":          {"options=-c%20Search_Path%3Da", "within options"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, open := range bothWays {
				if _, err := open(t.Context(), base+test.query); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: got %v, want %s", what, err, test.want)
				}
			}
		})
	}
}

func TestASchemaIsNamedWithoutCase(t *testing.T) {
	t.Parallel()
	target := testneed.Postgres(t)
	u, err := url.Parse(target)
	must(t, err)
	query := u.Query()
	schema := query.Get("search_path")
	query.Del("search_path")
	query.Set("Search_Path", strings.ToUpper(schema))
	u.RawQuery = query.Encode()
	keys, err := db.OpenKeys(t.Context(), u.String())
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	for d, want := range map[*db.DB]string{open(t, u.String()): schema, keys: schema + "_keys"} {
		var got string
		must(t, d.Read.QueryRowContext(t.Context(), `SELECT current_schema()`).Scan(&got))
		if got != want {
			t.Errorf("the schema is %s, want %s", got, want)
		}
	}
}

// role makes a role that may use the schema of the records and make nothing in the database. It
// returns nothing where the tests themselves may not make roles.
func role(t *testing.T, admin *db.DB, schema string) (name string) {
	t.Helper()
	var may bool
	must(t, admin.Read.QueryRowContext(t.Context(), `SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user`).Scan(&may))
	if !may {
		return ""
	}
	name = schema + "_role"
	must(t, run(t.Context(), admin, `CREATE ROLE `+name+` LOGIN PASSWORD 'hunter2'`))
	t.Cleanup(func() {
		must(t, run(context.Background(), admin, `DROP OWNED BY `+name))
		must(t, run(context.Background(), admin, `DROP ROLE `+name))
	})
	must(t, run(t.Context(), admin, `GRANT USAGE, CREATE ON SCHEMA `+schema+` TO `+name))
	return name
}

func run(ctx context.Context, d *db.DB, statement string) error {
	_, err := d.Write.ExecContext(ctx, statement)
	return err
}

func TestARoleThatMayNotMakeSchemasStartsWhenTheSchemaIsThere(t *testing.T) {
	t.Parallel()
	target := testneed.Postgres(t)
	u, err := url.Parse(target)
	must(t, err)
	schema := u.Query().Get("search_path")
	admin := open(t, target)
	name := role(t, admin, schema)
	if name == "" {
		t.Log("not tried: the role of the tests may not make roles")
		return
	}
	u.User = url.UserPassword(name, "hunter2")

	migrated(t, u.String())
	if _, err := db.OpenKeys(t.Context(), u.String()); err == nil || !strings.Contains(err.Error(), schema+"_keys") || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("without the schema: got %v", err)
	}
	must(t, run(t.Context(), admin, `CREATE SCHEMA `+schema+`_keys`))
	// The role does not own the schema and may not use it yet: it is found all the same.
	d, err := db.OpenKeys(t.Context(), u.String())
	must(t, err)
	must(t, d.Close())
	must(t, run(t.Context(), admin, `GRANT USAGE, CREATE ON SCHEMA `+schema+`_keys TO `+name))
	keys, err := db.OpenKeys(t.Context(), u.String())
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	must(t, keys.MigrateKeys(t.Context()))
	if n := count(t, keys, "data_keys"); n != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestProcessesThatStartTogetherMakeTheSchemaOnce(t *testing.T) {
	t.Parallel()
	target := testneed.Postgres(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			d, err := db.OpenKeys(t.Context(), target)
			if err != nil {
				t.Error(err)
				return
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
