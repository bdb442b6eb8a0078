package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
)

// hookCase is a webhook as it was received, for the published library to unwrap.
type hookCase struct {
	Name    string            `json:"name"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Secret  string            `json:"secret"`
	// Wrong is part of the error that is expected.
	Wrong string `json:"wrong"`
}

// hookReceiver collects webhooks.
type hookReceiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []hookCase
}

func newHookReceiver(t *testing.T) *hookReceiver {
	t.Helper()
	r := &hookReceiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		one := hookCase{Headers: map[string]string{}, Body: string(body)}
		for name, values := range request.Header {
			one.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, one)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *hookReceiver) all() []hookCase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// last waits for the n-th webhook and returns it as a case.
func (r *hookReceiver) last(t *testing.T, n int, name, secret, wrong string) hookCase {
	t.Helper()
	eventually(t, fmt.Sprintf("%d webhooks arrived", n), func() bool { return len(r.all()) >= n })
	one := r.all()[n-1]
	one.Name, one.Secret, one.Wrong = name, secret, wrong
	return one
}

// hookAPI manages endpoints over the wire.
type hookAPI struct {
	*server
	client credentials
}

func (h hookAPI) call(t *testing.T, method, path, body string, status int, into any) {
	t.Helper()
	var content any
	if body != "" {
		content = body
	}
	a := h.request(t, method, path, content, func(r *http.Request) { r.SetBasicAuth(h.client.id, h.client.secret) })
	if a.status != status {
		t.Fatalf("%s %s answered %d %s, want %d", method, path, a.status, a.body, status)
	}
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatal(err)
		}
	}
}

type hookEndpoint struct {
	ID      perch.ID          `json:"id"`
	URL     string            `json:"url"`
	Secret  string            `json:"secret"`
	State   string            `json:"state"`
	Reason  *string           `json:"reason"`
	Events  []perch.EventType `json:"events"`
	Waiting *int              `json:"waiting"`
	Secrets []any             `json:"secrets"`
	History []struct{ What string }
}

func TestThePublishedLibraryUnwrapsWebhooks(t *testing.T) {
	t.Parallel()
	testneed.Need(t, testneed.Node)
	installSDK(t)
	onBoth(t, func(t *testing.T, config app.Config) {
		var offset atomic.Int64
		config.WebhookLoopback = true
		config.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
		s := start(t, config)
		h := hookAPI{s, s.application(t, perch.ClientSandbox)}
		r := newHookReceiver(t)
		var made hookEndpoint
		h.call(t, "POST", "/webhooks/endpoints", `{"url":"`+r.URL+`","events":["account.updated"]}`, 201, &made)
		path := "/webhooks/endpoints/" + made.ID.String()

		// A real change: the first sync of a new connection connects it.
		s.ready(t, h.client, `{"provider_id":"gusto","employee_size":3}`)
		eventually(t, "the connection is told of", func() bool {
			return slices.ContainsFunc(r.all(), func(c hookCase) bool { return strings.Contains(c.Body, `"connected"`) })
		})
		var cases []hookCase
		for i := range r.all() {
			cases = append(cases, r.last(t, i+1, "fresh", made.Secret, ""))
		}
		fresh := cases[0]
		tampered := fresh
		tampered.Name, tampered.Body, tampered.Wrong = "tampered", strings.Replace(fresh.Body, `"event_type"`, `"event_type" `, 1), "None of the given webhook signatures match"
		stranger := fresh
		stranger.Name, stranger.Secret, stranger.Wrong = "under another secret", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", tampered.Wrong
		forged := fresh
		forged.Name, forged.Wrong, forged.Headers = "with another id", tampered.Wrong, map[string]string{}
		for name, value := range fresh.Headers {
			forged.Headers[name] = value
		}
		forged.Headers["finch-event-id"] = perch.NewID().String()
		cases = append(cases, tampered, stranger, forged)

		sent := len(r.all())
		test := func(name, secret, wrong string) hookCase {
			h.call(t, "POST", path+"/test", "", 200, nil)
			sent++
			return r.last(t, sent, name, secret, wrong)
		}
		offset.Store(int64(-6 * time.Minute))
		cases = append(cases, test("old", made.Secret, "too old"))
		offset.Store(int64(6 * time.Minute))
		cases = append(cases, test("from the future", made.Secret, "too new"))
		offset.Store(0)
		cases = append(cases, test("a test event", made.Secret, ""))

		var rotated hookEndpoint
		h.call(t, "POST", path+"/rotate", "", 200, &rotated)
		both := test("rotated, by the new secret", rotated.Secret, "")
		old := both
		old.Name, old.Secret = "rotated, by the old secret", made.Secret
		cases = append(cases, both, old)
		h.call(t, "POST", path+"/rotate", `{"overlap_hours":0}`, 200, &rotated)
		cases = append(cases, test("rotated without overlap", rotated.Secret, ""))
		cases = append(cases, r.last(t, sent, "rotated without overlap, by the old secret", made.Secret, tampered.Wrong))

		file := filepath.Join(t.TempDir(), "cases.json")
		text, err := json.Marshal(cases)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		node := exec.CommandContext(t.Context(), "node", "webhooks.mjs")
		node.Dir = "sdk"
		node.Env = append(os.Environ(), "PERCH_CASES="+file)
		if output, err := node.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	})
}

func TestEndpointsAreManagedOverTheWire(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.WebhookLoopback = true
		s := start(t, config)
		h := hookAPI{s, s.application(t, perch.ClientSandbox)}
		r := newHookReceiver(t)
		for body, field := range map[string]string{
			``: "body", `{}`: "url", `{"url":"http://example.com/"}`: "url: ", `{"url":"https://10.0.0.1/"}`: "url: ",
			`{"url":"https://a:b@example.com/"}`: "url: ", `{"url":"https://example.com/","events":["nothing"]}`: "events[0]: ",
			`{"url":"https://example.com/","events":"company.updated"}`: "events: ", `{"url":7}`: "url: ",
			`{"url":"https://example.com/","description":"` + strings.Repeat("x", 201) + `"}`: "description: ",
		} {
			var f failure
			h.call(t, "POST", "/webhooks/endpoints", body, 400, &f)
			if !strings.HasPrefix(f.Message, field) {
				t.Errorf("%s: %s", body, f.Message)
			}
		}
		var list []hookEndpoint
		if h.call(t, "GET", "/webhooks/endpoints", "", 200, &list); len(list) != 0 {
			t.Errorf("a refused endpoint is there: %+v", list)
		}
		var made, got hookEndpoint
		h.call(t, "POST", "/webhooks/endpoints", `{"url":"`+r.URL+`","events":["company.updated","company.updated"],"description":"mine"}`, 201, &made)
		path := "/webhooks/endpoints/" + made.ID.String()
		if made.State != "enabled" || made.Secret == "" || len(made.Events) != 1 {
			t.Errorf("made %+v", made)
		}
		if h.call(t, "GET", path, "", 200, &got); got.URL != r.URL || got.Secret != "" || got.Waiting == nil || len(got.Secrets) != 1 || got.History[0].What != "created" {
			t.Errorf("read %+v", got)
		}
		h.call(t, "PATCH", path, `{"events":[],"enabled":false}`, 200, &got)
		if len(got.Events) != 0 || got.State != "disabled" || *got.Reason != "requested" {
			t.Errorf("changed to %+v", got)
		}
		var f failure
		h.call(t, "POST", path+"/replay", `{"since":"2024-01-01T00:00:00Z"}`, 409, &f)
		h.call(t, "PATCH", path, `{"url":"https://127.0.0.1:8443/x","events":["x"]}`, 400, &f)
		if h.call(t, "GET", path, "", 200, &got); got.URL != r.URL {
			t.Error("a refused change was made in part")
		}
		h.call(t, "PATCH", path, `{"enabled":true}`, 200, &got)
		for body, field := range map[string]string{`{"since":"yesterday"}`: "since: ", `{}`: "since: ", `{"since":"2999-01-01T00:00:00Z"}`: "since: "} {
			if h.call(t, "POST", path+"/replay", body, 400, &f); !strings.HasPrefix(f.Message, field) {
				t.Errorf("%s: %s", body, f.Message)
			}
		}
		h.call(t, "POST", path+"/rotate", `{"overlap_hours":169}`, 400, &f)

		s.ready(t, h.client, `{"provider_id":"gusto","employee_size":3}`)
		type delivery struct {
			EventID perch.ID `json:"event_id"`
			State   string   `json:"state"`
			Tried   []struct{ Status int }
		}
		var page []delivery
		eventually(t, "what happened was delivered", func() bool {
			h.call(t, "GET", path+"/deliveries?state=delivered", "", 200, &page)
			return len(page) > 0
		})
		var one delivery
		if h.call(t, "GET", path+"/deliveries/"+page[0].EventID.String(), "", 200, &one); len(one.Tried) != 1 || one.Tried[0].Status != 200 {
			t.Errorf("a delivery is %+v", one)
		}
		before := len(r.all())
		h.call(t, "POST", path+"/deliveries/"+page[0].EventID.String()+"/resend", "", 200, nil)
		eventually(t, "it is sent again", func() bool { return len(r.all()) > before })
		var rest []delivery
		h.call(t, "GET", path+"/deliveries?limit=1", "", 200, &page)
		h.call(t, "GET", path+"/deliveries?limit=500&before="+page[0].EventID.String(), "", 200, &rest)
		if slices.ContainsFunc(rest, func(d delivery) bool { return d.EventID == page[0].EventID }) {
			t.Error("pages overlap")
		}
		h.call(t, "GET", path+"/deliveries?limit=501", "", 422, &f)
		h.call(t, "GET", path+"/deliveries?state=lost", "", 400, &f)
		h.call(t, "POST", path+"/deliveries/"+perch.NewID().String()+"/resend", "", 404, &f)

		stranger := hookAPI{s, s.application(t, perch.ClientSandbox)}
		for _, call := range [][2]string{{"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/rotate"}, {"POST", "/test"}, {"GET", "/deliveries"}, {"POST", "/replay"}} {
			body := map[string]string{"PATCH": `{"enabled":false}`, "/replay": `{"since":"2024-01-01T00:00:00Z"}`}
			stranger.call(t, call[0], path+call[1], body[call[0]]+body[call[1]], 404, &f)
		}
		if a := s.request(t, "GET", path, nil, nil); a.status != 401 {
			t.Errorf("without credentials: %d", a.status)
		}
		h.call(t, "DELETE", path, "", 200, nil)
		h.call(t, "GET", path, "", 404, &f)
		h.call(t, "DELETE", path, "", 404, &f)
	})
}
