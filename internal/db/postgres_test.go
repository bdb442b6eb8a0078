package db_test

import (
	"context"
	"net/url"
	"strings"
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
