package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// clock is a clock that moves when somebody sleeps.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

// setup returns a client of a server that answers by handle.
func setup(t *testing.T, handle http.HandlerFunc) (*Client, *clock) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL + "/api")
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	return &Client{Provider: "Example", Base: base, Clock: c}, c
}

type thing struct {
	Name string `json:"name"`
}

func TestGetReadsJSONAndPassesOverWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/things" || r.URL.Query().Get("page") != "2" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("the request was %s %s", r.Method, r.URL)
		}
		_, _ = w.Write([]byte(`{"name":"a","unknown":[{"deep":1}]}`))
	})
	got, answer, err := Get[thing](t.Context(), c, "/things", url.Values{"page": {"2"}})
	if err != nil || got.Name != "a" || answer.Status != 200 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		method     string
		repeatable bool
		status     int
		retryAfter string
		want       int // attempts
		err        error
	}{
		{name: "a read after an outage", method: "GET", status: 502, want: 4, err: provider.ErrUnavailable},
		{name: "a write after an outage may have happened", method: "POST", status: 502, want: 1, err: provider.ErrUnavailable},
		{name: "a write that can be repeated", method: "POST", repeatable: true, status: 502, want: 4, err: provider.ErrUnavailable},
		{name: "a write that was limited did not happen", method: "POST", status: 429, retryAfter: "1", want: 4},
		{name: "a 503 that says when", method: "POST", status: 503, retryAfter: "2", want: 4},
		{name: "a wait that is too long for a call", method: "GET", status: 429, retryAfter: "3600", want: 1},
		{name: "wrong credentials", method: "GET", status: 401, want: 1, err: perch.ErrReauthenticate},
		{name: "a missing right", method: "GET", status: 403, want: 1, err: perch.ErrPermissions},
		{name: "nothing there", method: "GET", status: 404, want: 1, err: ErrNotFound},
		{name: "a refused request", method: "PUT", status: 422, want: 1, err: ErrRefused},
		{name: "a redirect", method: "GET", status: 302, want: 4, err: provider.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var attempts atomic.Int32
			c, clock := setup(t, func(w http.ResponseWriter, _ *http.Request) {
				attempts.Add(1)
				w.Header().Set("Location", "http://elsewhere.test/")
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
			})
			_, err := c.Do(t.Context(), Call{Method: test.method, Path: "/x", Repeatable: test.repeatable})
			if int(attempts.Load()) != test.want {
				t.Errorf("tried %d times, want %d", attempts.Load(), test.want)
			}
			var limited *provider.RateLimited
			if test.err != nil && !errors.Is(err, test.err) || test.err == nil && !errors.As(err, &limited) {
				t.Errorf("the error is %v", err)
			}
			for _, wait := range clock.slept {
				if wait > 30*time.Second {
					t.Errorf("waited %s within a call", wait)
				}
			}
		})
	}
}

func TestCredentialsAreRenewedOnce(t *testing.T) {
	t.Parallel()
	var signed, renewed atomic.Int32
	c, _ := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	c.Sign = func(_ context.Context, r *http.Request) error {
		token := "old"
		if renewed.Load() > 0 {
			token = "new"
		}
		signed.Add(1)
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	c.Renew = func(context.Context) error { renewed.Add(1); return nil }
	if _, err := c.Do(t.Context(), Call{Method: "GET", Path: "/x"}); err != nil || signed.Load() != 2 || renewed.Load() != 1 {
		t.Fatalf("signed %d times, renewed %d times, %v", signed.Load(), renewed.Load(), err)
	}
	renewed.Store(-1)
	if _, err := c.Do(t.Context(), Call{Method: "GET", Path: "/x"}); !errors.Is(err, perch.ErrReauthenticate) || renewed.Load() != 0 {
		t.Fatalf("renewed %d times, %v", renewed.Load()+1, err)
	}
}

func TestErrorsShowNeitherQueryNorBodyNorHeader(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-123-45-6789"
	answers := map[string]http.HandlerFunc{
		"refused":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422); fmt.Fprint(w, secret) },
		"not json": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"name":`+secret) },
		"mismatch": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"name":["`+secret+`"]}`) },
		"broken":   func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
		"truncated": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, secret)
		},
		"too deep":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("[", 100_000)+secret) },
		"too large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(secret, 100)) },
	}
	for name, handle := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := setup(t, handle)
			if name == "too large" {
				c.MaxBytes = 100
			}
			c.Header = http.Header{"Authorization": {secret}}
			_, _, err := Get[thing](t.Context(), c, "/x", url.Values{"key": {secret}})
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Fatalf("the error is %v", err)
			}
		})
	}
}

func TestNoCallLeavesTheHost(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, path := range []string{"", "x", "//evil.test/x", "https://evil.test/", "@evil.test/"} {
		if _, err := c.Do(t.Context(), Call{Method: "GET", Path: path}); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
	for _, link := range []string{"https://evil.test/x", "//evil.test/x", "/elsewhere"} {
		if _, _, err := c.Next(http.Header{"Link": {"<" + link + `>; rel="next"`}}); err == nil {
			t.Errorf("the link %q was accepted", link)
		}
	}
	path, query, err := c.Next(http.Header{"Link": {`</api/first>; rel="prev", <` + c.Base.String() + `/x?page=2>; rel="next"`}})
	if err != nil || path != "/x" || query.Get("page") != "2" {
		t.Errorf("the next page is at %q %v, %v", path, query, err)
	}
}

func TestLimitsKeepThePace(t *testing.T) {
	t.Parallel()
	c, clock := setup(t, func(http.ResponseWriter, *http.Request) {})
	c.Limits = NewLimits(Allowance{Requests: 60, Window: time.Minute, Concurrent: 1})
	started := clock.Now()
	for range 66 {
		if _, err := c.Do(t.Context(), Call{Method: "GET", Path: "/x"}); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Now().Sub(started); took < 59*time.Second || took > 61*time.Second {
		t.Errorf("66 requests with a burst of 6 took %s of a pace of one a second", took)
	}
}

func TestAPauseHoldsAllRequestsOfTheAccount(t *testing.T) {
	t.Parallel()
	var limited atomic.Bool
	limited.Store(true)
	c, clock := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		if limited.Swap(false) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(429)
		}
	})
	c.Limits, c.Retry = NewLimits(Allowance{}), Retry{Attempts: 1}
	started := clock.Now()
	_, err := c.Do(t.Context(), Call{Method: "GET", Path: "/x"})
	var wait *provider.RateLimited
	if !errors.As(err, &wait) || wait.After != 20*time.Second {
		t.Fatalf("the first call ended with %v", err)
	}
	if _, err := c.Do(t.Context(), Call{Method: "GET", Path: "/x"}); err != nil || clock.Now().Sub(started) < 20*time.Second {
		t.Errorf("the second call went out after %s, %v", clock.Now().Sub(started), err)
	}
}

func TestRetryAfterInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0, "99999999999": 24 * time.Hour,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
}
