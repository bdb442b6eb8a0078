package app_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// requested is the answer of POST /jobs/automated.
type requested struct {
	JobID     perch.ID   `json:"job_id"`
	JobURL    string     `json:"job_url"`
	Allowed   *int       `json:"allowed_refreshes"`
	Remaining *int       `json:"remaining_refreshes"`
	RetryAt   *time.Time `json:"retry_at"`
}

type jobsPage struct {
	Meta struct {
		Quotas map[string]struct {
			Allowed   int `json:"allowed_refreshes"`
			Remaining int `json:"remaining_refreshes"`
		}
	}
	Data []perch.AutomatedJob
}

// ask asks for a refresh.
func (w *world) ask() (int, requested) {
	w.t.Helper()
	var got requested
	answer := w.call("POST", "/jobs/automated", `{"type":"data_sync_all"}`, &got)
	return answer.StatusCode, got
}

func (w *world) refresh(wantStatus int) requested {
	w.t.Helper()
	status, got := w.ask()
	if status != wantStatus {
		w.t.Fatalf("the refresh answered %d %+v, want %d", status, got, wantStatus)
	}
	return got
}

func (w *world) jobs() jobsPage { return w.jobsAt("") }

func (w *world) jobsAt(query string) jobsPage {
	w.t.Helper()
	var page jobsPage
	if answer := w.call("GET", "/jobs/automated"+query, "", &page); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the list answered %d", answer.StatusCode)
	}
	return page
}

func (w *world) job(id perch.ID) perch.AutomatedJob {
	w.t.Helper()
	var got perch.AutomatedJob
	if answer := w.call("GET", "/jobs/automated/"+id.String(), "", &got); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the job answered %d", answer.StatusCode)
	}
	return got
}

// over waits until a job is over.
func (w *world) over(id perch.ID) perch.AutomatedJob {
	w.t.Helper()
	var got perch.AutomatedJob
	eventually(w.t, "the job is over", func() bool {
		got = w.job(id)
		return got.CompletedAt != nil
	})
	return got
}

// next returns the scheduled job, or nil.
func (w *world) next() *perch.AutomatedJob {
	w.t.Helper()
	for _, j := range w.jobs().Data {
		if j.StartedAt == nil {
			return &j
		}
	}
	return nil
}

func (w *world) status() perch.ConnectionStatusDetail {
	w.t.Helper()
	var in perch.Introspection
	if answer := w.call("GET", "/introspect", "", &in); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("introspect answered %d", answer.StatusCode)
	}
	return in.ConnectionStatus
}

// first queues the first sync of the connection, as Connect does, runs it and returns its job.
func (w *world) first() perch.AutomatedJob {
	w.t.Helper()
	w.enqueue()
	w.runAll()
	return w.jobs().Data[len(w.jobs().Data)-1]
}

func (w *world) enqueue() {
	w.t.Helper()
	must(w.t, w.app.Store.Tx(w.t.Context(), func(tx *sql.Tx) error {
		return w.app.Jobs.Enqueue(w.t.Context(), tx, w.appID, w.made.Connection.ID, w.made.EntityID, "test")
	}))
}

// runAll runs what is unfinished of the connection's first entity, here and now. Its error stands in its
// row.
func (w *world) runAll() {
	w.t.Helper()
	latest, err := w.app.Store.LatestSync(w.t.Context(), w.made.EntityID)
	must(w.t, err)
	_, _ = w.app.Syncs.Run(w.t.Context(), latest.ConnectionID, latest.EntityID, latest.ID)
}

func (w *world) look() {
	w.t.Helper()
	must(w.t, w.app.Jobs.Look(w.t.Context()))
}

// tenant is a connection of a new application of the given type in the same installation.
func (w *world) tenant(kind perch.ClientType, change func(*connection.Request)) *world {
	w.t.Helper()
	client, _, err := w.app.Access.CreateApplication(w.t.Context(), "other", kind)
	must(w.t, err)
	return w.oneMore(client, change)
}

// oneMore is one more connection of an application.
func (w *world) oneMore(client access.Application, change func(*connection.Request)) *world {
	w.t.Helper()
	other := *w
	other.appID = client.ID
	request := connection.Request{Application: client, ProviderID: "gusto", Type: perch.ConnectionProvider,
		Authentication: perch.AuthOAuth, Status: perch.StatusProcessing, Products: allProducts, Connector: w.system.Name(), Settings: []byte("{}")}
	if change != nil {
		change(&request)
	}
	var err error
	other.made, err = w.app.Connections.Create(w.t.Context(), request, func(*sql.Tx, connection.Created) error { return nil })
	must(w.t, err)
	return &other
}

// second opens one more process on the same databases.
func (w *world) second(config app.Config) (*app.App, *httptest.Server) {
	w.t.Helper()
	config.NoRateLimits, config.Connectors = true, []provider.Connector{w.system}
	a, err := app.Open(w.t.Context(), config)
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, a.Close()) })
	a.Syncs.RetryAfter = w.app.Syncs.RetryAfter
	server := httptest.NewServer(a.API.Handler())
	w.t.Cleanup(server.Close)
	return a, server
}

func (w *world) grant() *access.Grant {
	w.t.Helper()
	g, err := w.app.Access.Authenticate(w.t.Context(), w.made.AccessToken)
	must(w.t, err)
	return g
}

// addEntity gives the connection one more entity and a token for both, and returns it.
func (w *world) addEntity(more ...perch.Product) perch.ID {
	w.t.Helper()
	ctx, entity := w.t.Context(), perch.NewID()
	_, err := w.app.Keyring.Create(ctx, entity)
	must(w.t, err)
	keys, err := w.app.Keyring.Cipher(ctx, w.made.Connection.ID)
	must(w.t, err)
	token, hash := access.NewSecret("")
	must(w.t, w.app.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := w.app.Store.InsertEntity(ctx, tx, store.NewConnection{ApplicationID: w.appID, Connection: w.made.Connection,
			Entity: access.Entity{ID: entity, Status: perch.StatusProcessing}, Connector: w.system.Name(),
			Settings: keys.Seal(nil, []byte("{}"), syncengine.SettingsPlace(entity)), CreatedAt: time.Now()}); err != nil {
			return err
		}
		return w.app.Store.InsertTokenFor(ctx, tx, store.NewToken{ID: perch.NewID(), Hash: hash, ApplicationID: w.appID,
			ConnectionID: w.made.Connection.ID, Entities: []perch.ID{w.made.EntityID, entity}, Products: slices.Concat(allProducts, more), CreatedAt: time.Now()})
	}))
	w.made.AccessToken = token
	return entity
}

func (w *world) entities() (ids []perch.ID) {
	for _, e := range w.grant().Entities {
		ids = append(ids, e.ID)
	}
	return ids
}

// through is the same connection, seen through another process.
func (w *world) through(a *app.App, server *httptest.Server) *world {
	other := *w
	other.app, other.server = a, server
	return &other
}

// ended collects the events of jobs as they are published. Batches are read once their transaction is
// committed.
type ended struct {
	mu      sync.Mutex
	batches [][2]perch.ID
}

// Announce implements event.Announcer.
func (e *ended) Announce(_ context.Context, _ *sql.Tx, application, batch perch.ID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.batches = append(e.batches, [2]perch.ID{application, batch})
	return nil
}

// listen makes the app tell of its events.
func listen(a *app.App) *ended {
	e := &ended{}
	a.Events.Announcer = e
	return e
}

// bodies returns the bodies of the events of a type so far.
func (e *ended) bodies(t *testing.T, s *store.Store, kind perch.EventType) (list []string) {
	t.Helper()
	e.mu.Lock()
	batches := slices.Clone(e.batches)
	e.mu.Unlock()
	for _, b := range batches {
		events, err := s.BatchEvents(t.Context(), b[0], b[1], 0, 1000)
		must(t, err)
		for _, one := range events {
			if one.Type == kind {
				list = append(list, one.Body)
			}
		}
	}
	return list
}

// one is a system with one person.
func one() *system { return &system{people: []provider.Person{person("1", "Ada")}} }
