package browser

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/e2e/signin"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
)

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
	host := hostPage(t, pages)
	var at signin.Provider
	provided := http.NewServeMux()
	at.Mount(provided)
	pages.HandleFunc("POST /isolate", func(_ http.ResponseWriter, r *http.Request) { at.Isolate(r.URL.Query().Get("on") != "") })
	connector := signin.Connector{Address: hostPage(t, provided)}

	running, address := start(t, app.Config{
		Data: t.TempDir(), NoRateLimits: true, Now: ahead.now, Connectors: []provider.Connector{connector},
	})
	environment := []string{"PERCH_URL=" + address, "PERCH_HOST=" + host, "PERCH_HOST_FOLDER=" + folder, "PERCH_SIGNED_IN=" + signin.ProviderID}
	for prefix, kind := range map[string]perch.ClientType{"PERCH": perch.ClientSandbox, "PERCH_REAL": perch.ClientDevelopment, "PERCH_FALLBACK": perch.ClientSandbox} {
		made, secret, err := running.Access.CreateApplication(t.Context(), "Northwind Benefits", kind)
		if err != nil {
			t.Fatal(err)
		}
		settings := access.Settings{AllowedOrigins: []string{host}, RedirectURIs: []string{host + "/back.html"}, FallbackEnabled: prefix == "PERCH_FALLBACK"}
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
