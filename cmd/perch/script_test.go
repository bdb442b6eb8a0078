package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/testneed"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"perch": main})
}

// The scripts run the program as people do: each command is a process of its own. They say what
// differs between the databases with the conditions [sqlite] and [postgres].
func TestScripts(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		runScripts(t, "sqlite", func() string { return "" })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testneed.Need(t, testneed.PostgresServer)
		runScripts(t, "postgres", func() string { return testneed.Postgres(t) })
	})
}

func runScripts(t *testing.T, engine string, databaseURL func() string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PERCH_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("PERCH_DATABASE_URL", databaseURL())
			return nil
		},
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "sqlite", "postgres":
				return condition == engine, nil
			}
			return false, fmt.Errorf("%q is not a condition", condition)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lines":    lineCount,
			"json":     jsonIs,
			"keep":     keep,
			"mode":     modeIs,
			"serving":  serving,
			"get":      get,
			"simulate": simulate,
			"status":   status,
			"sql":      execute,
		},
	})
}

// arguments fails the script unless there are as many arguments as the usage has words.
func arguments(ts *testscript.TestScript, usage string, args []string) {
	if want := len(strings.Fields(usage)) - 1; len(args) != want {
		ts.Fatalf("usage: %s", usage)
	}
}

// lineCount: lines FILE N
func lineCount(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, "lines FILE N", args)
	if got := fmt.Sprint(strings.Count(ts.ReadFile(args[0]), "\n")); (got == args[1]) == neg {
		ts.Fatalf("%s has %s lines", args[0], got)
	}
}

// at returns what stands at a path of member names in a JSON file; the number of elements for "count".
func at(ts *testscript.TestScript, file, path string) any {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	decoder.UseNumber()
	var value any
	ts.Check(decoder.Decode(&value))
	for name := range strings.SplitSeq(path, ".") {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[name]
		case []any:
			if name == "count" {
				value = len(inside)
				continue
			}
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(inside) {
				ts.Fatalf("%s: %s has no element %s", file, path, name)
			}
			value = inside[i]
		default:
			ts.Fatalf("%s: nothing is at %s", file, path)
		}
	}
	return value
}

// jsonIs: json FILE PATH VALUE
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, "json FILE PATH VALUE", args)
	if got := fmt.Sprint(at(ts, args[0], args[1])); (got == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// keep: keep VARIABLE FILE PATH puts a text of a JSON file into a variable.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, "keep VARIABLE FILE PATH", args)
	text, ok := at(ts, args[1], args[2]).(string)
	if !ok || text == "" {
		ts.Fatalf("there is no text at %s", args[2])
	}
	ts.Setenv(args[0], text)
}

// modeIs: mode FILE PERMISSIONS, such as 0600
func modeIs(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, "mode FILE PERMISSIONS", args)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode()&fs.ModePerm); (got == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

const startPatience = 60 * time.Second

// serving: serving waits until `perch dev` on $PERCH_DATA answers, and puts its address into $API.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, "serving", args)
	deadline := time.NewTimer(startPatience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-deadline.C:
			ts.Fatalf("nothing answers within %v", startPatience)
		case <-ticker.C:
		}
		text, err := os.ReadFile(filepath.Join(ts.Getenv("PERCH_DATA"), "dev.json"))
		if err != nil {
			continue
		}
		var dev struct {
			API string `json:"api_url"`
		}
		ts.Check(json.Unmarshal(text, &dev))
		if answer, err := http.Get(dev.API + "/readyz"); err == nil {
			ts.Check(answer.Body.Close())
			if answer.StatusCode == http.StatusOK {
				ts.Setenv("API", dev.API)
				return
			}
		}
	}
}

// get: get PATH STATUS asks $API as the bearer of $TOKEN and prints the answer.
func get(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, "get PATH STATUS", args)
	request, err := http.NewRequest(http.MethodGet, ts.Getenv("API")+args[0], nil)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	request.Header.Set("Finch-API-Version", perch.APIVersion)
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if got := fmt.Sprint(answer.StatusCode); got != args[1] {
		ts.Fatalf("%s answered %s: %s", args[0], got, body)
	}
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
}

// simulate: simulate makes a simulated connection of the development application and puts its token
// into $TOKEN and its id into $CONNECTION.
func simulate(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, "simulate", args)
	file := filepath.Join(ts.Getenv("PERCH_DATA"), "dev.json")
	request, err := http.NewRequest(http.MethodPost, ts.Getenv("API")+"/sandbox/connections", strings.NewReader(`{"provider_id":"gusto"}`))
	ts.Check(err)
	request.SetBasicAuth(fmt.Sprint(at(ts, file, "client_id")), fmt.Sprint(at(ts, file, "client_secret")))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }()
	var made struct {
		Token      string `json:"access_token"`
		Connection string `json:"connection_id"`
	}
	ts.Check(json.NewDecoder(answer.Body).Decode(&made))
	if made.Token == "" {
		ts.Fatalf("no token: status %d", answer.StatusCode)
	}
	ts.Setenv("TOKEN", made.Token)
	ts.Setenv("CONNECTION", made.Connection)
}

// status: status N COMMAND... runs a command that must exit with the given status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	got := "0"
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("the status is %s", got)
	}
}

// execute: sql STATEMENT runs a statement on the records' database.
func execute(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, "sql STATEMENT", args)
	target := ts.Getenv("PERCH_DATABASE_URL")
	if target == "" {
		target = filepath.Join(ts.Getenv("PERCH_DATA"), "perch.db")
	}
	ctx := context.Background()
	d, err := db.Open(ctx, target)
	ts.Check(err)
	defer func() { ts.Check(d.Close()) }()
	ts.Check(d.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, args[0])
		return err
	}))
}
