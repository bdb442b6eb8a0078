package e2e

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
)

// patience bounds every wait of a test. It is generous: the machine may be busy.
const patience = 60 * time.Second

// onBoth runs the test on a folder with SQLite and on a schema of PostgreSQL. Two Apps that are opened
// with the configuration share one store, as two processes would.
func onBoth(t *testing.T, test func(t *testing.T, config app.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, app.Config{Data: t.TempDir(), NoRateLimits: true})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		target := testneed.Postgres(t)
		test(t, app.Config{Data: t.TempDir(), DatabaseURL: target, NoRateLimits: true})
	})
}

// server is a running Perch on a free port.
type server struct {
	*app.App
	url    string
	client *http.Client
	// reads counts how often something arrived on a connection.
	reads *atomic.Int64
	stop  func() error
}

// start runs an App until the test ends or stop is called, whichever comes first.
func start(t *testing.T, config app.Config) *server {
	t.Helper()
	a, err := app.Open(context.Background(), config)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	if err := a.Start(context.Background()); err != nil {
		t.Fatalf("starting: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	s := &server{App: a, url: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{}}, reads: new(atomic.Int64)}
	go func() { served <- a.Serve(ctx, &watched{listener, s.reads}) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return s
}

// watched is a listener that counts what arrives.
type watched struct {
	net.Listener
	reads *atomic.Int64
}

// Accept implements net.Listener.
func (w *watched) Accept() (net.Conn, error) {
	connection, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConnection{connection, w.reads}, nil
}

type watchedConnection struct {
	net.Conn
	reads *atomic.Int64
}

// Read implements net.Conn.
func (w *watchedConnection) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.reads.Add(1)
	}
	return n, err
}

// credentials are those of an application.
type credentials struct{ id, secret string }

// application makes an application of the given type.
func (s *server) application(t *testing.T, kind perch.ClientType) credentials {
	t.Helper()
	made, secret, err := s.Access.CreateApplication(t.Context(), "Test", kind)
	if err != nil {
		t.Fatalf("making an application: %v", err)
	}
	return credentials{made.ID.String(), secret}
}

// eventually asks until done reports true, and fails the test when that takes too long.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}

// receive waits for a signal.
func receive(t *testing.T, what string, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(patience):
		t.Fatalf("waited %s in vain until %s", patience, what)
	}
}

// elsewhere is the configuration on an empty store of the same kind.
func elsewhere(t *testing.T, config app.Config) app.Config {
	t.Helper()
	config.Data = t.TempDir()
	if config.DatabaseURL != "" {
		config.DatabaseURL = testneed.Postgres(t)
	}
	return config
}
