package connect_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connect"
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
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t, app.Config{Data: t.TempDir()}))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t, app.Config{DatabaseURL: testneed.Postgres(t), Data: t.TempDir()}))
	})
}

// clock is a time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// journal is a log that several goroutines write.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// world is an installation with a sandbox application and one with a connector of its own.
type world struct {
	*app.App
	config app.Config
	clock  *clock
	log    *journal
	client access.Application
	system *system
}

const host = "http://localhost:3000"

func setup(t *testing.T, config app.Config) *world {
	t.Helper()
	w := &world{clock: &clock{}, log: &journal{}, system: &system{}}
	config.Now = w.clock.Now
	config.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.Connectors = append(config.Connectors, w.system)
	config.PublicURL = "https://perch.example.com"
	w.config = config
	w.App = w.open(t)
	var err error
	w.client, _, err = w.Access.CreateApplication(t.Context(), "Acme Benefits", perch.ClientSandbox)
	must(t, err)
	return w
}

func (w *world) open(t *testing.T) *app.App {
	t.Helper()
	a, err := app.Open(context.Background(), w.config)
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	return a
}

// application makes an application that may be embedded by host and redirected to.
func (w *world) application(t *testing.T, kind perch.ClientType, settings access.Settings) access.Application {
	t.Helper()
	made, _, err := w.Access.CreateApplication(t.Context(), "Other", kind)
	must(t, err)
	must(t, w.Store.ReplaceApplicationSettings(t.Context(), made.ID, settings))
	return made
}

// session makes a session of a new customer; edit changes what is asked for.
func (w *world) session(t *testing.T, client access.Application, edit func(*connect.NewSession)) perch.ID {
	t.Helper()
	n := connect.NewSession{CustomerID: perch.NewID().String(), CustomerName: "Blue Bakery",
		Products: []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductPayment}}
	if edit != nil {
		edit(&n)
	}
	id, err := w.Connect.CreateSession(t.Context(), &client, n)
	must(t, err)
	return id
}

// browser is one open page.
type browser struct {
	t    *testing.T
	flow *connect.Service
	view connect.View
	ip   string
}

// opened opens a session embedded in host.
func (w *world) opened(t *testing.T, session perch.ID) *browser {
	t.Helper()
	b := &browser{t: t, flow: w.Connect, ip: "203.0.113.7"}
	b.open(connect.OpenRequest{SessionID: session.String(), State: "my state", Embedded: true, HostURL: host})
	return b
}

func (b *browser) open(r connect.OpenRequest) {
	b.t.Helper()
	r.RemoteIP = b.ip
	view, err := b.flow.Open(b.t.Context(), r)
	must(b.t, err)
	b.view = view
}

// do does one thing; pairs are names and values.
func (b *browser) do(verb connect.Verb, pairs ...string) *browser {
	b.t.Helper()
	return b.with(b.view.Nonce, verb, pairs...)
}

func (b *browser) with(nonce string, verb connect.Verb, pairs ...string) *browser {
	b.t.Helper()
	values := map[string][]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	view, err := b.flow.Do(b.t.Context(), connect.Action{SessionID: b.view.SessionID, Nonce: nonce, Verb: verb, Values: values, RemoteIP: b.ip, Scripted: true})
	must(b.t, err)
	b.view = view
	return b
}

// at checks where the visit stands, and that there is no problem.
func (b *browser) at(step connect.Step) *browser {
	b.t.Helper()
	return b.problem(step, "")
}

func (b *browser) problem(step connect.Step, kind string) *browser {
	b.t.Helper()
	got := ""
	if b.view.Problem != nil {
		got = b.view.Problem.Kind
	}
	if b.view.Step != step || got != kind {
		b.t.Fatalf("at %s with problem %q (%+v), want %s with %q", b.view.Step, got, b.view.Problem, step, kind)
	}
	return b
}

// code finishes the visit.
func (b *browser) code() string {
	b.t.Helper()
	b.do(connect.VerbFinish)
	if b.view.Outcome == nil || b.view.Outcome.Kind != connect.OutcomeSuccess || b.view.Outcome.Code == "" {
		b.t.Fatalf("no code: %+v %+v", b.view.Outcome, b.view.Problem)
	}
	return b.view.Outcome.Code
}

func (w *world) token(t *testing.T, client access.Application, code, redirect string) connect.Token {
	t.Helper()
	token, err := w.Connect.Exchange(t.Context(), &client, code, redirect)
	must(t, err)
	return token
}

func (w *world) grant(t *testing.T, token string) *access.Grant {
	t.Helper()
	g, err := w.Access.Authenticate(t.Context(), token)
	must(t, err)
	return g
}

// login goes through credentials at a simulated provider that has no other way.
func (b *browser) login(providerID, password string) *browser {
	b.t.Helper()
	if providerID == "" {
		providerID = "alcott_hr"
	}
	b.do(connect.VerbAgree).at(connect.StepProvider)
	b.do(connect.VerbChoose, "provider", providerID).at(connect.StepCredentials)
	return b.do(connect.VerbSubmit, "username", "good_user", "password", password)
}

// system is a provider with a connector of its own, named like one of the catalogue.
type system struct {
	answer func(provider.Attempt) (provider.Authentication, error)
	// open opens an account for a sync; nil fails.
	open func() (provider.Source, error)
}

func (*system) Name() string { return "gusto" }
func (s *system) Open(context.Context, provider.Account) (provider.Source, error) {
	if s.open != nil {
		return s.open()
	}
	return nil, provider.ErrUnavailable
}

func (*system) Methods(string) []perch.AuthenticationType {
	return []perch.AuthenticationType{perch.AuthCredential}
}

func (*system) Fields(string, perch.AuthenticationType) []provider.CredentialField {
	return []provider.CredentialField{{Name: "username", Label: "Username", Kind: "text"}, {Name: "password", Label: "Password", Kind: "password", Secret: true}}
}

func (s *system) Authenticate(_ context.Context, a provider.Attempt) (provider.Authentication, error) {
	return s.answer(a)
}

// accounts makes the system open companies with the given keys; "ein:…" is an EIN and "name:…" a mere
// name.
func (s *system) accounts(keys ...string) {
	var list []provider.CompanyAccount
	for _, key := range keys {
		a := provider.CompanyAccount{Name: "Company " + key, Settings: []byte("{}")}
		switch {
		case len(key) > 4 && key[:4] == "ein:":
			a.EIN = key[4:]
		case len(key) > 5 && key[:5] == "name:":
			a.Name = key[5:]
		default:
			a.Key = key
		}
		list = append(list, a)
	}
	s.answer = func(provider.Attempt) (provider.Authentication, error) {
		return provider.Authentication{Accounts: list}, nil
	}
}

func hasMethod(list []connect.Method, kind perch.AuthenticationType) bool {
	return slices.ContainsFunc(list, func(m connect.Method) bool { return m.Type == kind })
}

// sqliteConfig is for tests of what no database decides.
func sqliteConfig(t *testing.T) app.Config { return app.Config{Data: t.TempDir()} }
