package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/internal/webhook"
)

// output is what a command prints, read while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is what was printed so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// started is a command that runs until it is stopped.
type started struct {
	out, err output
	cancel   context.CancelFunc
	status   chan int
}

func startCommand(t *testing.T, args ...string) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{cancel: cancel, status: make(chan int, 1)}
	go func() { s.status <- run(ctx, args, &s.out, &s.err) }()
	t.Cleanup(cancel)
	return s
}

// stop is what Ctrl-C does.
func (s *started) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	select {
	case status := <-s.status:
		if status != 0 {
			t.Errorf("the command ended with %d: %s", status, &s.err)
		}
	case <-time.After(startPatience):
		t.Fatal("the command does not end")
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(startPatience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-ticker.C:
		}
	}
}

// development starts perch dev on a folder and waits until it answers.
func development(t *testing.T, data, databaseURL string) (*started, app.DevFile) {
	t.Helper()
	before, _ := os.ReadFile(filepath.Join(data, "dev.json"))
	s := startCommand(t, "dev", "--addr", "127.0.0.1:0", "--data", data, "--database-url", databaseURL, "--log-level", "error")
	var dev app.DevFile
	waitFor(t, "perch dev answers", func() bool {
		select {
		case status := <-s.status:
			t.Fatalf("perch dev ended with %d: %s", status, &s.err)
		default:
		}
		text, err := os.ReadFile(filepath.Join(data, "dev.json"))
		if err != nil || bytes.Equal(text, before) || json.Unmarshal(text, &dev) != nil {
			return false
		}
		answer, err := http.Get(dev.APIURL + "/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return s, dev
}

func simulated(t *testing.T, dev app.DevFile) {
	t.Helper()
	var made map[string]any
	if err := ask(t.Context(), dev, http.MethodPost, "/sandbox/connections", map[string]any{"provider_id": "gusto", "employee_size": 3}, &made); err != nil {
		t.Fatal(err)
	}
}

func TestListenPrintsAndForwardsAcrossARestart(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]func(t *testing.T) string{
		"SQLite":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return testneed.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, databaseURL := t.TempDir(), target(t)
			server, dev := development(t, data, databaseURL)
			key, err := base64.StdEncoding.DecodeString(dev.WebhookSecret)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			connected := 0
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				seconds, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
				want := webhook.Headers(r.Header.Get("webhook-id"), time.Unix(seconds, 0), body, key)
				if r.Header.Get("webhook-signature") != want.Get("webhook-signature") {
					t.Error("the signature is wrong")
				}
				mu.Lock()
				defer mu.Unlock()
				if strings.Contains(string(body), `"connected"`) {
					connected++
				}
				w.WriteHeader(http.StatusAccepted)
			}))
			defer receiver.Close()
			seen := func(n int) func() bool {
				return func() bool {
					mu.Lock()
					defer mu.Unlock()
					return connected >= n
				}
			}
			simulated(t, dev) // before: is not shown
			listen := startCommand(t, "listen", "--data", data, "--forward-to", receiver.URL, "--events", "account.updated")
			waitFor(t, "it listens", func() bool { return strings.Contains(listen.err.String(), "Listening at "+dev.APIURL) })
			simulated(t, dev)
			waitFor(t, "the event is forwarded", seen(1))
			waitFor(t, "the event is printed", func() bool { return strings.Contains(listen.out.String(), "-> 202 in ") })
			server.stop(t)
			waitFor(t, "it says that Perch is away", func() bool { return strings.Contains(listen.err.String(), "does not answer") })
			_, dev = development(t, data, databaseURL)
			waitFor(t, "it listens again", func() bool { return strings.Contains(listen.err.String(), "Listening at "+dev.APIURL) })
			simulated(t, dev)
			waitFor(t, "an event after the restart is forwarded", seen(2))
			listen.stop(t)
			if text := listen.out.String(); !strings.Contains(text, "account.updated") || strings.Contains(text, "company.updated") {
				t.Errorf("printed %s", text)
			}
		})
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		wrong  string
		args   []string
	}{
		{1, "start perch dev", []string{"listen", "--data", t.TempDir()}},
		{2, "go together", []string{"listen", "--api", "http://127.0.0.1:1"}},
		{2, "is not an address", []string{"listen", "--api", "nonsense", "--client-id", "x", "--client-secret", "y"}},
		{2, "--forward-to: url: must begin with https://", []string{"listen", "--forward-to", "http://example.com/"}},
		{1, "--secret", []string{"listen", "--api", "http://127.0.0.1:1", "--client-id", "x", "--client-secret", "y", "--forward-to", "http://localhost:1/"}},
	} {
		var out, failure output
		if got := run(t.Context(), test.args, &out, &failure); got != test.status || !strings.Contains(failure.String(), test.wrong) {
			t.Errorf("%v ended with %d: %s", test.args, got, &failure)
		}
	}
}
