package app_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
	syncengine "github.com/perchhq/perch/internal/sync"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// killTarget tells the child process what to open; it is set in the child only.
const killTarget = "PERCH_TEST_KILL_TARGET"

const killLease = 300 * time.Millisecond

// TestMain runs the child of TestAKilledSyncLeavesTheLastDataReadable, or of TestEventsSurviveKills,
// instead of the tests where that is asked for.
func TestMain(m *testing.M) {
	if target := os.Getenv(killTarget); target != "" {
		runUntilKilled(target)
	}
	if target := os.Getenv(hookTarget); target != "" {
		deliverUntilKilled(target)
	}
	os.Exit(m.Run())
}

// victim is what parent and child agree on.
type victim struct {
	Data       string
	URL        string
	App        perch.ID
	Connection perch.ID
	Entity     perch.ID
}

func (v victim) config() app.Config {
	return app.Config{Data: v.Data, DatabaseURL: v.URL, Lease: killLease, NoRateLimits: true, WebhookLoopback: true}
}

// runUntilKilled syncs the entity as a server does, tells when the sync is about to begin, and stays.
func runUntilKilled(target string) {
	var v victim
	check := func(err error) {
		if err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	check(json.Unmarshal([]byte(target), &v))
	a, err := app.Open(ctx, v.config())
	check(err)
	check(a.Store.Tx(ctx, func(tx *sql.Tx) error { return a.Queue.Enqueue(ctx, tx, v.App, v.Connection, v.Entity, "test") }))
	check(a.Start(ctx))
	for {
		latest, err := a.Store.LatestSync(ctx, v.Entity)
		check(err)
		if latest.State == "running" {
			break
		}
	}
	fmt.Println("running")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	os.Exit(0)
}

func TestAKilledSyncLeavesTheLastDataReadable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		v := victim{Data: config.Data, URL: config.DatabaseURL}
		published, took := v.begin(t)
		for round := range 10 {
			v.change(t, uint64(round+2))
			kill(t, v, time.Duration(rand.Int64N(int64(took))))
			left := v.fingerprints(t)
			final := v.syncAgain(t)
			for group := range left {
				if left[group] != published[group] && left[group] != final[group] {
					t.Errorf("round %d: after the kill, %s is neither what was published before nor the new data", round, []string{"the organization", "payroll"}[group])
				}
			}
			published = final
		}
	})
}

// begin makes a simulated employer and publishes it once.
func (v *victim) begin(t *testing.T) (published [2]string, took time.Duration) {
	t.Helper()
	ctx := t.Context()
	v.open(t, func(a *app.App) {
		client, secret, err := a.Access.CreateApplication(ctx, "victim", perch.ClientSandbox)
		must(t, err)
		application, err := a.Access.AuthenticateClient(ctx, client.ID.String(), secret)
		must(t, err)
		made, err := a.Sandbox.CreateConnection(ctx, application, sandbox.Request{ProviderID: "gusto", Products: allProducts, EmployeeSize: 600})
		must(t, err)
		v.App, v.Connection, v.Entity = client.ID, made.ConnectionID, made.EntityID
		must(t, os.WriteFile(v.Data+"/token", []byte(made.AccessToken), 0o600))
		started := time.Now()
		latest, err := a.Store.LatestSync(ctx, v.Entity)
		must(t, err)
		_, err = a.Syncs.Run(ctx, v.Connection, v.Entity, latest.ID)
		must(t, err)
		took = time.Since(started)
	})
	return v.fingerprints(t), took
}

func (v *victim) open(t *testing.T, fn func(a *app.App)) {
	t.Helper()
	a, err := app.Open(t.Context(), v.config())
	must(t, err)
	fn(a)
	must(t, a.Close())
}

// change makes the provider's data different, with most people the same.
func (v *victim) change(t *testing.T, seed uint64) {
	t.Helper()
	ctx := t.Context()
	settings, err := employer.NewSettings(seed, 500+int(seed*31%200), perch.NewDate(2026, 1, int(seed)), nil)
	must(t, err)
	encoded, err := settings.Encode()
	must(t, err)
	v.open(t, func(a *app.App) {
		keys, err := a.Keyring.Cipher(ctx, v.Connection)
		must(t, err)
		must(t, a.Store.Tx(ctx, func(tx *sql.Tx) error {
			return a.Store.ReplaceSettings(ctx, tx, v.Connection, v.Entity, keys.Seal(nil, encoded, syncengine.SettingsPlace(v.Entity)))
		}))
	})
}

// kill starts a child that syncs and kills it, as kill -9 does, some time after the sync began.
func kill(t *testing.T, v victim, after time.Duration) {
	t.Helper()
	target, err := json.Marshal(v)
	must(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killTarget+"="+string(target))
	stdin, err := child.StdinPipe()
	must(t, err)
	defer func() { _ = stdin.Close() }()
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "running\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	<-time.After(after)
	must(t, child.Process.Kill())
	_ = child.Wait() // it was killed
}

// fingerprints hashes what a client reads of each product group.
func (v *victim) fingerprints(t *testing.T) (groups [2]string) {
	t.Helper()
	token, err := os.ReadFile(v.Data + "/token")
	must(t, err)
	v.open(t, func(a *app.App) {
		server := httptest.NewServer(a.API.Handler())
		defer server.Close()
		w := &world{t: t, app: a, server: server}
		w.made.AccessToken = string(token)
		d := w.directory()
		var request strings.Builder
		for i, one := range d.Individuals {
			fmt.Fprintf(&request, `%s{"individual_id":"%s"}`, map[bool]string{true: ",", false: ""}[i > 0], one.ID)
		}
		var individuals, employments struct {
			Responses []struct {
				Code int
				Body json.RawMessage
			}
		}
		w.call("POST", "/employer/individual", `{"requests":[`+request.String()+`]}`, &individuals)
		w.call("POST", "/employer/employment", `{"requests":[`+request.String()+`]}`, &employments)
		for i := range d.Individuals {
			if individuals.Responses[i].Code != 200 || employments.Responses[i].Code != 200 {
				t.Fatalf("a person of the directory answered %d and %d", individuals.Responses[i].Code, employments.Responses[i].Code)
			}
		}
		groups[0] = fingerprint(t, d, individuals, employments)
		var payments []perch.Payment
		w.call("GET", "/employer/payment?start_date=2000-01-01&end_date=2100-01-01", "", &payments)
		var statements []json.RawMessage
		for _, p := range payments {
			var answer json.RawMessage
			w.call("POST", "/employer/pay-statement", `{"requests":[{"payment_id":"`+p.ID.String()+`","limit":5000}]}`, &answer)
			statements = append(statements, answer)
		}
		groups[1] = fingerprint(t, payments, statements)
	})
	return groups
}

func fingerprint(t *testing.T, values ...any) string {
	t.Helper()
	hash := sha256.New()
	must(t, json.NewEncoder(hash).Encode(values))
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// syncAgain runs the next sync to its end, once the dead process's lease has run out.
func (v *victim) syncAgain(t *testing.T) (published [2]string) {
	t.Helper()
	ctx := t.Context()
	v.open(t, func(a *app.App) {
		must(t, a.Store.Tx(ctx, func(tx *sql.Tx) error { return a.Queue.Enqueue(ctx, tx, v.App, v.Connection, v.Entity, "again") }))
		latest, err := a.Store.LatestSync(ctx, v.Entity)
		must(t, err)
		eventually(t, "the next sync is complete", func() bool {
			if latest.State == "complete" {
				return true
			}
			_, err := a.Syncs.Run(ctx, v.Connection, v.Entity, latest.ID)
			return err == nil
		})
	})
	return v.fingerprints(t)
}
