package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, config app.Config)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, app.Config{Data: t.TempDir()})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, app.Config{DatabaseURL: testneed.Postgres(t), Data: t.TempDir()})
	})
}

// system is a provider whose data the test sets. It is the connector and the source in one.
type system struct {
	mu         sync.Mutex // guards fail, which a test may change while jobs run
	company    perch.Company
	people     []provider.Person
	groups     []provider.PayGroup
	payments   []provider.Payment
	statements map[string][]provider.PayStatement
	coverage   provider.Coverage
	additive   bool
	// fail ends the reading of people after the first one.
	fail error
	// failAtTheEnd ends the reading of pay groups, which come after all people.
	failAtTheEnd error
	// beforeStatements is called before the statements of a payment are read.
	beforeStatements func(key string)
	openError        error
	onOpen           func()
}

func (*system) Name() string { return "test" }
func (s *system) Open(context.Context, provider.Account) (provider.Source, error) {
	if s.onOpen != nil {
		s.onOpen()
	}
	return s, s.openError
}
func (*system) Close() error                                     { return nil }
func (s *system) Company(context.Context) (perch.Company, error) { return s.company, nil }
func (s *system) PeopleCoverage() provider.Coverage              { return s.coverage }
func (s *system) PaymentCoverage() provider.Coverage {
	if s.additive {
		return provider.Additive
	}
	return provider.Complete
}

func (s *system) People(context.Context) iter.Seq2[*provider.Person, error] {
	return func(yield func(*provider.Person, error) bool) {
		s.mu.Lock()
		fail := s.fail
		s.mu.Unlock()
		for i := range s.people {
			if i == 1 && fail != nil {
				yield(nil, fail)
				return
			}
			p := s.people[i]
			if !yield(&p, nil) {
				return
			}
		}
	}
}

func (s *system) PayGroups(context.Context) iter.Seq2[*provider.PayGroup, error] {
	return func(yield func(*provider.PayGroup, error) bool) {
		if s.failAtTheEnd != nil {
			yield(nil, s.failAtTheEnd)
			return
		}
		for i := range s.groups {
			if !yield(&s.groups[i], nil) {
				return
			}
		}
	}
}

func (s *system) Payments(context.Context) iter.Seq2[*provider.Payment, error] {
	return func(yield func(*provider.Payment, error) bool) {
		for i := range s.payments {
			if !yield(&s.payments[i], nil) {
				return
			}
		}
	}
}

func (s *system) PayStatements(_ context.Context, key string) iter.Seq2[*provider.PayStatement, error] {
	return func(yield func(*provider.PayStatement, error) bool) {
		if s.beforeStatements != nil {
			s.beforeStatements(key)
		}
		for i := range s.statements[key] {
			if !yield(&s.statements[key][i], nil) {
				return
			}
		}
	}
}

// person returns a person with one natural key.
func person(number, first string) provider.Person {
	active, ssn := true, "900010001"
	return provider.Person{
		Keys:       []string{"employee:" + number},
		Individual: perch.Individual{FirstName: &first, SSN: &ssn},
		Employment: perch.Employment{FirstName: &first, IsActive: &active},
	}
}

// world is an app with one connection to a system.
type world struct {
	t      *testing.T
	app    *app.App
	system *system
	made   connection.Created
	appID  perch.ID
	server *httptest.Server
}

var allProducts = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN,
	perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement}

func setup(t *testing.T, config app.Config, s *system) *world {
	t.Helper()
	ctx := t.Context()
	config.NoRateLimits = true
	config.Connectors = []provider.Connector{s}
	a, err := app.Open(ctx, config)
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	client, _, err := a.Access.CreateApplication(ctx, "test", perch.ClientSandbox)
	must(t, err)
	a.Syncs.RetryAfter = func(int) time.Duration { return -time.Second } // at once
	w := &world{t: t, app: a, system: s, appID: client.ID}
	w.connect(perch.AuthOAuth)
	w.server = httptest.NewServer(a.API.Handler())
	t.Cleanup(w.server.Close)
	return w
}

// connect makes a further connection to the system, which takes the place of the one before.
func (w *world) connect(authentication perch.AuthenticationType) {
	w.t.Helper()
	var err error
	w.made, err = w.app.Connections.Create(w.t.Context(), connection.Request{Application: access.Application{ID: w.appID}, ProviderID: "gusto", Type: perch.ConnectionProvider,
		Authentication: authentication, Status: perch.StatusProcessing, Products: allProducts, Connector: w.system.Name(), Settings: []byte("{}"),
	}, func(*sql.Tx, connection.Created) error { return nil })
	must(w.t, err)
}

// request makes a pending sync, or returns the unfinished one.
func (w *world) request() store.Sync {
	w.t.Helper()
	var s store.Sync
	must(w.t, w.app.Store.Tx(w.t.Context(), func(tx *sql.Tx) (err error) {
		s, _, err = w.app.Syncs.Request(w.t.Context(), tx, w.appID, w.made.Connection.ID, w.made.EntityID, "test")
		return err
	}))
	return s
}

// sync runs a sync and returns its counts by kind.
func (w *world) sync() (map[syncengine.Kind]syncengine.Counts, error) {
	w.t.Helper()
	s := w.request()
	summary, err := w.app.Syncs.Run(w.t.Context(), s.ConnectionID, s.EntityID, s.ID)
	return summary.Records, err
}

func (w *world) mustSync() map[syncengine.Kind]syncengine.Counts {
	w.t.Helper()
	counts, err := w.sync()
	must(w.t, err)
	return counts
}

// call sends a request and decodes the answer.
func (w *world) call(method, path, body string, into any) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.made.AccessToken)
	r.Header.Set("Finch-API-Version", perch.APIVersion)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	must(w.t, err)
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			w.t.Fatalf("%s %s answered %d %s: %v", method, path, answer.StatusCode, text, err)
		}
	}
	return answer
}

type directory struct {
	Paging      struct{ Count, Offset int }
	Individuals []perch.DirectoryEntry
}

func (w *world) directory() directory {
	w.t.Helper()
	var d directory
	if answer := w.call("GET", "/employer/directory?limit=10000", "", &d); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the directory answered %d", answer.StatusCode)
	}
	return d
}

func (w *world) employment(id perch.ID) perch.Employment {
	w.t.Helper()
	var answer struct {
		Responses []struct {
			Code int
			Body perch.Employment
		}
	}
	w.call("POST", "/employer/employment", `{"requests":[{"individual_id":"`+id.String()+`"}]}`, &answer)
	if answer.Responses[0].Code != http.StatusOK {
		w.t.Fatalf("the employment answered %d", answer.Responses[0].Code)
	}
	return answer.Responses[0].Body
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what)
		case <-ticker.C:
		}
	}
}

var errProvider = errors.New("the provider is down")
