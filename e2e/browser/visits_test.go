package browser

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/sandbox"
)

// signedIn is the provider that the OAuth visits connect, in place of the real one.
const signedIn = "bamboo_hr"

// redirecting is a simulated provider with an OAuth page of its own.
type redirecting struct {
	sandbox.Connector
	page string
}

// Name implements provider.Connector.
func (redirecting) Name() string { return signedIn }

// Methods implements provider.Authenticator.
func (redirecting) Methods(string) []perch.AuthenticationType {
	return []perch.AuthenticationType{perch.AuthOAuth}
}

// AuthorizeURL implements provider.OAuthAuthenticator.
func (r redirecting) AuthorizeURL(_ context.Context, _, redirectURI, state, challenge string) (string, error) {
	return r.page + "?" + url.Values{"redirect_uri": {redirectURI}, "state": {state}, "code_challenge": {challenge}}.Encode(), nil
}

// Authenticate implements provider.Authenticator.
func (r redirecting) Authenticate(ctx context.Context, a provider.Attempt) (provider.Authentication, error) {
	if a.Code != "granted" || a.Verifier == "" {
		return provider.Authentication{}, &provider.Refused{Message: "Sign in again."}
	}
	return r.Connector.Authenticate(ctx, a)
}

// providerPage asks whether the application may read; its links go back to Connect.
func providerPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := func(name, value string) string {
		return q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, name: {value}}.Encode()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page := `<!doctype html><html lang="en"><title>The provider</title><link rel="icon" href="data:,"><p><a href="ALLOW">Allow</a> <a href="DENY">Deny</a>`
	page = strings.NewReplacer("ALLOW", strings.ReplaceAll(back("code", "granted"), "&", "&amp;"),
		"DENY", strings.ReplaceAll(back("error", "access_denied"), "&", "&amp;")).Replace(page)
	_, _ = w.Write([]byte(page))
}

// clock runs ahead of the real one by what a test asks for.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// ServeHTTP lets the driver move the clock.
func (c *clock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	by, err := time.ParseDuration(r.URL.Query().Get("by"))
	if err != nil {
		http.Error(w, "by: not a duration", http.StatusBadRequest)
		return
	}
	c.ahead.Add(int64(by))
}

func TestVisits(t *testing.T) {
	t.Parallel()
	var ahead clock
	folder := t.TempDir() // the driver builds the host page into it
	pages := http.NewServeMux()
	pages.Handle("/", http.FileServer(http.Dir(folder)))
	pages.Handle("POST /clock", &ahead)
	pages.HandleFunc("GET /provider", providerPage)
	host := hostPage(t, pages)

	running, address := start(t, app.Config{
		Data: t.TempDir(), NoRateLimits: true, Now: ahead.now, Connectors: []provider.Connector{redirecting{page: host + "/provider"}},
	})
	environment := []string{"PERCH_URL=" + address, "PERCH_HOST=" + host, "PERCH_HOST_FOLDER=" + folder, "PERCH_SIGNED_IN=" + signedIn}
	for prefix, kind := range map[string]perch.ClientType{"PERCH": perch.ClientSandbox, "PERCH_REAL": perch.ClientDevelopment} {
		made, secret, err := running.Access.CreateApplication(t.Context(), "Northwind Benefits", kind)
		if err != nil {
			t.Fatal(err)
		}
		settings := access.Settings{AllowedOrigins: []string{host}, RedirectURIs: []string{host + "/back.html"}}
		if err := running.Store.ReplaceApplicationSettings(t.Context(), made.ID, settings); err != nil {
			t.Fatal(err)
		}
		environment = append(environment, prefix+"_CLIENT_ID="+made.ID.String(), prefix+"_CLIENT_SECRET="+secret)
	}
	drive(t, "visits.mjs", environment...)
}

// start runs Perch with its pages until the test ends.
func start(t *testing.T, config app.Config) (running *app.App, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = "http://" + listener.Addr().String()
	config.PublicURL = address
	running, err = app.Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- running.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return running, address
}
