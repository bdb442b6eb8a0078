package console

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
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

// world is an installation with an operator and a production application, served on this machine.
type world struct {
	*app.App
	clock  *clock
	log    *journal
	server *httptest.Server
	client access.Application
}

const (
	email    = "ann@example.com"
	password = "correct horse battery"
)

func setup(t *testing.T, config app.Config) *world {
	t.Helper()
	w := &world{clock: &clock{}, log: &journal{}}
	config.Now, config.SFTPAddr, config.NoRateLimits = w.clock.Now, "127.0.0.1:0", true
	config.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	var err error
	w.App, err = app.Open(context.Background(), config)
	must(t, err)
	t.Cleanup(func() { must(t, w.Close()) })
	must(t, w.Start(context.Background()))
	w.server = httptest.NewServer(w.Handler())
	t.Cleanup(w.server.Close)
	w.client, _, err = w.Access.CreateApplication(t.Context(), "Northwind Benefits", perch.ClientProduction)
	must(t, err)
	_, _, err = w.Operators.Create(t.Context(), email, "Ann Roe", password)
	must(t, err)
	return w
}

var everything = []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual, perch.ProductSSN, perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement}

// employer is a pending assisted connection with an access token.
type employer struct {
	connection, entity perch.ID
	token              string
}

// connect makes a connection as Connect does for an employer who follows the instructions.
func (w *world) connect(t *testing.T, providerID, customer string) employer {
	t.Helper()
	granted, err := w.Connections.Authorize(t.Context(), connection.Authorization{
		Application: w.client, ProviderID: providerID, Type: perch.ConnectionProvider, Authentication: perch.AuthAssisted, Status: perch.StatusPending,
		Customer: connection.Customer{ID: new(perch.NewID().String()), Name: &customer}, Connector: "file",
		Accounts: []provider.CompanyAccount{{Settings: []byte("{}")}},
	}, noWork)
	must(t, err)
	text, hash := access.NewSecret("")
	must(t, w.Store.Tx(t.Context(), insertToken(t, w, granted, hash)))
	return employer{granted.Connection.ID, granted.Entities[0], text}
}

func (w *world) path(e employer) string {
	return "/console/a/" + w.client.ID.String() + "/c/" + e.connection.String()
}

// api reads with an employer's token.
func (w *world) api(t *testing.T, e employer, path string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+e.token)
	request.Header.Set("Finch-API-Version", perch.APIVersion)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	var body map[string]any
	must(t, json.NewDecoder(answer.Body).Decode(&body))
	return answer.StatusCode, body
}

// browser is an operator's browser without a script.
type browser struct {
	t      *testing.T
	world  *world
	client *http.Client
	// body and status are those of the page shown; at is its address.
	body   string
	status int
	at     *url.URL
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, world: w, client: &http.Client{Jar: jar}}
}

// signedIn is a browser in which the operator is signed in.
func (w *world) signedIn(t *testing.T) *browser {
	t.Helper()
	b := w.browser(t)
	b.post("/console/sign-in", "email", email, "password", password).shows(200, "Queue")
	return b
}

func (b *browser) do(request *http.Request) *browser {
	b.t.Helper()
	answer, err := b.client.Do(request)
	must(b.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(b.t, err)
	b.body, b.status, b.at = string(body), answer.StatusCode, answer.Request.URL
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.world.server.URL+path, nil)
	must(b.t, err)
	return b.do(request)
}

var tokenOf = regexp.MustCompile(`name="token" value="([\w-]+)"`)

// token is the one in the forms of the page shown.
func (b *browser) token() string {
	if found := tokenOf.FindStringSubmatch(b.body); found != nil {
		return found[1]
	}
	return ""
}

// post sends a form of the page shown; pairs are names and values.
func (b *browser) post(path string, pairs ...string) *browser {
	b.t.Helper()
	return b.do(b.request(path, pairs...))
}

func (b *browser) request(path string, pairs ...string) *http.Request {
	b.t.Helper()
	form := url.Values{"token": {b.token()}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.world.server.URL+path, strings.NewReader(form.Encode()))
	must(b.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.world.server.URL)
	return request
}

// shows checks the page shown.
func (b *browser) shows(status int, texts ...string) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("%s answered %d, want %d: %s", b.at, b.status, status, plain(b.body))
	}
	for _, text := range texts {
		if !strings.Contains(plain(b.body), text) {
			b.t.Fatalf("%s does not show %q: %s", b.at, text, plain(b.body))
		}
	}
	return b
}

func (b *browser) hides(texts ...string) *browser {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(b.body, text) {
			b.t.Fatalf("%s shows %q", b.at, text)
		}
	}
	return b
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is what people read of a page.
func plain(body string) string {
	if _, main, ok := strings.Cut(body, "<main"); ok {
		body = "<main" + main
	}
	text := tags.ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(html.UnescapeString(text)), " ")
}

// audited are the actions in the audit log, newest first.
func (w *world) audited(t *testing.T) (list []string) {
	t.Helper()
	log, _, err := w.Desk.AuditLog(t.Context(), 100, 0)
	must(t, err)
	for _, a := range log {
		list = append(list, a.Action+" "+a.Actor)
	}
	return list
}
