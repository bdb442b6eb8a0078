package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/sandbox"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/internal/webhook"
	employer "github.com/perchhq/perch/provider/sandbox"
)

// hookTarget tells the child process what to open; it is set in the child only.
const hookTarget = "PERCH_TEST_HOOK_TARGET"

// deliverUntilKilled syncs the entity and sends webhooks as a server does, and stays.
func deliverUntilKilled(target string) {
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
	a.Syncs.MaxAttempts = 100 // that many kills are no fault of the sync
	check(a.Start(ctx))
	check(a.Store.Tx(ctx, func(tx *sql.Tx) error { return a.Queue.Enqueue(ctx, tx, v.App, v.Connection, v.Entity, "test") }))
	fmt.Println("running")
	go func() {
		for {
			_ = v.hurry(ctx, a) // the next time shows whether it helped
			<-time.After(50 * time.Millisecond)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	os.Exit(0)
}

// hurry does the unfinished sync where the queue would only do so a minute later, because the process
// that fetched its job was killed before it began.
func (v *victim) hurry(ctx context.Context, a *app.App) error {
	latest, err := a.Store.LatestSync(ctx, v.Entity)
	if err == nil && latest.State == "pending" {
		_, err = a.Syncs.Run(ctx, v.Connection, v.Entity, latest.ID)
		if errors.Is(err, syncengine.ErrHeld) {
			err = nil
		}
	}
	return err
}

// hookVictim is a victim with an endpoint.
type hookVictim struct {
	victim
	endpoint perch.ID
	// first is the position of the log from which on the endpoint is sent events.
	first int64
	size  int
}

// beginHook makes a simulated employer, syncs it once, and makes an endpoint for what comes after.
func beginHook(t *testing.T, config app.Config, url string, size int) *hookVictim {
	t.Helper()
	ctx := t.Context()
	v := &hookVictim{victim: victim{Data: config.Data, URL: config.DatabaseURL}, size: size}
	v.open(t, func(a *app.App) {
		client, secret, err := a.Access.CreateApplication(ctx, "victim", perch.ClientSandbox)
		must(t, err)
		application, err := a.Access.AuthenticateClient(ctx, client.ID.String(), secret)
		must(t, err)
		made, err := a.Sandbox.CreateConnection(ctx, application, sandbox.Request{ProviderID: "gusto", Products: allProducts, EmployeeSize: size})
		must(t, err)
		v.App, v.Connection, v.Entity = client.ID, made.ConnectionID, made.EntityID
		latest, err := a.Store.LatestSync(ctx, v.Entity)
		must(t, err)
		_, err = a.Syncs.Run(ctx, v.Connection, v.Entity, latest.ID)
		must(t, err)
		endpoint, err := a.Webhooks.Create(ctx, v.App, webhook.New{URL: url})
		must(t, err)
		v.endpoint = endpoint.ID
		e, err := a.Store.WebhookEndpoint(ctx, v.App, v.endpoint)
		must(t, err)
		v.first = e.Cursor.Position
	})
	return v
}

// vary makes the provider's data different: another employer, whose people join as others leave.
func (v *hookVictim) vary(t *testing.T, a *app.App, seed int) {
	t.Helper()
	ctx := t.Context()
	settings, err := employer.NewSettings(uint64(seed), v.size, perch.NewDate(2026, 1, 1+seed%28), nil)
	must(t, err)
	encoded, err := settings.Encode()
	must(t, err)
	keys, err := a.Keyring.Cipher(ctx, v.Connection)
	must(t, err)
	must(t, a.Store.Tx(ctx, func(tx *sql.Tx) error {
		return a.Store.ReplaceSettings(ctx, tx, v.Connection, v.Entity, keys.Seal(nil, encoded, syncengine.SettingsPlace(v.Entity)))
	}))
}

// logged returns the ids of the events that were published since the endpoint was made.
func (v *hookVictim) logged(t *testing.T) map[string]bool {
	t.Helper()
	target := v.URL
	if target == "" {
		target = filepath.Join(v.Data, "perch.db")
	}
	database, err := db.Open(t.Context(), target)
	must(t, err)
	defer func() { must(t, database.Close()) }()
	rows, err := database.Read.QueryContext(t.Context(),
		`SELECT e.id FROM event_batches b JOIN events e ON e.batch_id = b.id WHERE b.application_id = $1 AND b.position > 0 AND b.position >= $2`, v.App, v.first)
	must(t, err)
	defer func() { _ = rows.Close() }()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		must(t, rows.Scan(&id))
		ids[id] = true
	}
	must(t, rows.Err())
	return ids
}

// settled runs Perch until the sync that was interrupted is over and everything was delivered.
func (v *hookVictim) settled(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	v.open(t, func(a *app.App) {
		must(t, a.Start(ctx))
		v.quiet(t, a)
	})
}

// quiet waits until no sync is unfinished and nothing is left to be sent.
func (v *hookVictim) quiet(t *testing.T, a *app.App) {
	t.Helper()
	ctx := t.Context()
	eventually(t, "the sync is over", func() bool {
		latest, err := a.Store.LatestSync(ctx, v.Entity)
		if err == nil && (latest.State == "complete" || latest.State == "failed") {
			return true
		}
		_ = v.hurry(ctx, a) // the next look shows whether it helped
		return false
	})
	eventually(t, "everything is delivered", func() bool {
		d, err := a.Webhooks.Detail(ctx, v.App, v.endpoint)
		return err == nil && d.Unread == 0 && d.Waiting == 0
	})
}

// fail ends the test and says where the sync and the deliveries stand.
func (v *hookVictim) fail(t *testing.T, what string) {
	t.Helper()
	v.open(t, func(a *app.App) {
		latest, err := a.Store.LatestSync(t.Context(), v.Entity)
		must(t, err)
		d, err := a.Webhooks.Detail(t.Context(), v.App, v.endpoint)
		must(t, err)
		t.Fatalf("%s; the latest sync is %+v, the endpoint %+v", what, latest, d)
	})
}

// compare checks that what arrived is what was published.
func (v *hookVictim) compare(t *testing.T, r *receiver) {
	t.Helper()
	logged := v.logged(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	lost, invented, again := 0, 0, 0
	for id := range logged {
		if r.seen[id] == 0 {
			lost++
		}
	}
	for id, times := range r.seen {
		if !logged[id] {
			invented++
		}
		again += times - 1
	}
	t.Logf("%d events, %d of their messages came more than once", len(logged), again)
	if lost > 0 || invented > 0 || len(logged) == 0 {
		t.Errorf("of %d events %d did not arrive, and %d arrived that were not published", len(logged), lost, invented)
	}
}

// Half of the kills come at any time of the sync, half while its events are on their way.
func TestEventsSurviveKills(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		r := receive(t, func(http.ResponseWriter, *http.Request) {
			<-time.After(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
		})
		v := beginHook(t, config, r.URL, 40)
		for round := range 20 {
			v.open(t, func(a *app.App) { v.vary(t, a, round+2) })
			child, done := v.deliver(t)
			if round%2 == 0 {
				<-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
			} else {
				select {
				case <-r.came:
				default:
				}
				select {
				case <-r.came:
				case <-time.After(20 * time.Second):
					v.fail(t, "no event arrives within 20 s")
				}
				<-time.After(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
			}
			must(t, child.Process.Kill())
			_ = child.Wait() // it was killed
			done()
		}
		v.settled(t)
		v.compare(t, r)
	})
}

// deliver starts a child that syncs and delivers.
func (v *hookVictim) deliver(t *testing.T) (child *exec.Cmd, done func()) {
	t.Helper()
	target, err := json.Marshal(v.victim)
	must(t, err)
	child = exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), hookTarget+"="+string(target))
	stdin, err := child.StdinPipe()
	must(t, err)
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "running\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return child, func() { _ = stdin.Close() }
}

// The database is stopped in the middle of syncs and deliveries and started again; Perch keeps running.
func TestEventsSurviveADatabaseThatStops(t *testing.T) {
	t.Parallel()
	server := testneed.StartPrivatePostgres(t)
	r := receive(t, func(http.ResponseWriter, *http.Request) {
		<-time.After(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
	})
	v := beginHook(t, app.Config{Data: t.TempDir(), DatabaseURL: server.URL}, r.URL, 40)
	v.open(t, func(a *app.App) {
		ctx := t.Context()
		must(t, a.Start(ctx))
		for round := range 6 {
			v.vary(t, a, round+2)
			must(t, a.Store.Tx(ctx, func(tx *sql.Tx) error { return a.Queue.Enqueue(ctx, tx, v.App, v.Connection, v.Entity, "test") }))
			if round%2 == 1 {
				select {
				case <-r.came:
				case <-time.After(5 * time.Second):
				}
			}
			<-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
			server.Stop()
			<-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
			server.Start()
			eventually(t, "Perch has its database again", func() bool { return a.Ready(ctx) == nil })
			v.quiet(t, a)
		}
	})
	v.compare(t, r)
}
