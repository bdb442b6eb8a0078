package connectui

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/clientip"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connectui/showcase"
)

// fixed is a flow that shows one view and notes what was asked of it.
type fixed struct {
	view   connect.View
	err    error
	opened connect.OpenRequest
	action connect.Action
}

func (f *fixed) Open(_ context.Context, r connect.OpenRequest) (connect.View, error) {
	f.opened = r
	return f.view, f.err
}

func (f *fixed) Do(_ context.Context, a connect.Action) (connect.View, error) {
	f.action = a
	return f.view, f.err
}

func serve(t testing.TB, visits Visits) http.Handler {
	t.Helper()
	h, err := New(visits, new(clientip.Proxies).Client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Mount(mux)
	return mux
}

func get(t testing.TB, handler http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func post(t testing.TB, handler http.Handler, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/connect/step", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func view(t testing.TB, name string) connect.View {
	t.Helper()
	v, ok := showcase.At(name)
	if !ok {
		t.Fatalf("there is no view %q", name)
	}
	return v
}

func TestTheLinkIsReadWhole(t *testing.T) {
	t.Parallel()
	flow := &fixed{view: view(t, "consent")}
	get(t, serve(t, flow), "/authorize?session=s1&state=a+b&app_type=spa&sdk_host_url=http%3A%2F%2Flocalhost%3A1&mode=employer&sdk_version=x"+
		"&preview=true&client_id=c&products=company+directory&redirect_uri=https%3A%2F%2Fe.example&payroll_provider=gusto&manual=true&connection_id=n1&category=hris&sandbox="+wire)
	want := connect.OpenRequest{SessionID: "s1", State: "a b", Embedded: true, HostURL: "http://localhost:1", Preview: true, ClientID: "c",
		Products: "company directory", RedirectURI: "https://e.example", PayrollProvider: "gusto", Manual: true, Sandbox: wire, ConnectionID: "n1", Category: "hris", RemoteIP: "192.0.2.1"}
	if flow.opened != want {
		t.Errorf("opened %+v, want %+v", flow.opened, want)
	}
}

func TestAFormBecomesAnAction(t *testing.T) {
	t.Parallel()
	flow := &fixed{view: view(t, "accounts")}
	w := post(t, serve(t, flow), url.Values{"session": {"s"}, "nonce": {"n"}, "verb": {"choose"}, "account": {"a1", "a2"}})
	a := flow.action
	if w.Code != http.StatusOK || a.SessionID != "s" || a.Nonce != "n" || a.Verb != connect.VerbChoose || a.RemoteIP != "192.0.2.1" {
		t.Errorf("%d, action %+v", w.Code, a)
	}
	if len(a.Values) != 1 || len(a.Values["account"]) != 2 {
		t.Errorf("values %v", a.Values)
	}
}

func TestFormsThatNoPageSendsAreRefused(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, test := range []struct {
		name   string
		form   url.Values
		change func(*http.Request)
	}{
		{"one from another site", url.Values{"verb": {"agree"}}, header("Sec-Fetch-Site", "cross-site")},
		{"one that is no form", url.Values{"verb": {"agree"}}, header("Content-Type", "application/json")},
		{"one that is too large", url.Values{"verb": {strings.Repeat("a", maxForm)}}, func(*http.Request) {}},
		{"one with a value that is too long", url.Values{"verb": {strings.Repeat("a", maxValue+1)}}, func(*http.Request) {}},
		{"one with too many fields", url.Values{"verb": make([]string, maxFields+1)}, func(*http.Request) {}},
		{"one with a zero byte", url.Values{"verb": {"a\x00b"}}, func(*http.Request) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			flow := &fixed{view: view(t, "consent")}
			w := post(t, serve(t, flow), test.form, test.change)
			if w.Code != http.StatusBadRequest || flow.action.Verb != "" {
				t.Errorf("answered %d, did %q", w.Code, flow.action.Verb)
			}
		})
	}
}

func TestARedirectVisitEndsWithARedirect(t *testing.T) {
	t.Parallel()
	v := view(t, "done")
	v.Embedded, v.HostOrigin, v.FrameOrigins = false, "", nil
	v.Outcome = &connect.Outcome{Kind: connect.OutcomeSuccess, Code: "c0de", State: "s", URL: "https://app.example/back?code=c0de&state=s"}
	flow := serve(t, &fixed{view: v})
	w := post(t, flow, url.Values{"verb": {"finish"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != v.Outcome.URL || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("without the script: %d to %q", w.Code, w.Header().Get("Location"))
	}
	w = post(t, flow, url.Values{"verb": {"finish"}}, func(r *http.Request) { r.Header.Set(scripted, "1") })
	if m := messageOf(t, w); w.Code != http.StatusOK || m.Go != v.Outcome.URL || m.Tell != nil || m.Host != "" {
		t.Errorf("with the script: %d, %+v", w.Code, m)
	}
}

func TestARedirectNeverRunsAScript(t *testing.T) {
	t.Parallel()
	v := view(t, "done")
	v.Embedded = false
	v.Outcome = &connect.Outcome{Kind: connect.OutcomeSuccess, URL: "javascript:alert(1)"}
	if w := post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"finish"}}); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "javascript:alert") {
		t.Errorf("answered %d with the address in it", w.Code)
	}
}

func TestWhatTheHostPageIsTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		outcome connect.Outcome
		want    told
	}{
		{"success", connect.Outcome{Kind: connect.OutcomeSuccess, Code: "c", State: "s", URL: "https://app.example"},
			told{Name: messageName, Kind: "success", Code: "c", State: "s"}},
		{"closed", connect.Outcome{Kind: connect.OutcomeClosed}, told{Name: messageName, Kind: "closed"}},
		{"error", connect.Outcome{Kind: connect.OutcomeError, Message: "m", ErrorType: "validation_error", ShouldClose: true},
			told{Name: messageName, Kind: "error", Error: &toldError{"m", "validation_error", true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := view(t, "done")
			v.Outcome = &test.outcome
			m := messageOf(t, post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"finish"}}))
			if m.Host != showcase.Host || m.Tell == nil || m.Go != "" {
				t.Fatalf("message %+v", m)
			}
			if (m.Tell.Error == nil) != (test.want.Error == nil) || m.Tell.Error != nil && *m.Tell.Error != *test.want.Error {
				t.Errorf("error %+v, want %+v", m.Tell.Error, test.want.Error)
			}
			m.Tell.Error, test.want.Error = nil, nil
			if *m.Tell != test.want {
				t.Errorf("told %+v, want %+v", *m.Tell, test.want)
			}
		})
	}
}

func TestNobodyIsToldAnythingWithoutAnExactOrigin(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "*", "null", "https://app.example/path", "https://app.example; script-src *", "javascript:x"} {
		v := view(t, "done")
		v.HostOrigin, v.FrameOrigins = host, []string{host}
		v.Outcome = &connect.Outcome{Kind: connect.OutcomeSuccess, Code: "c"}
		w := post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"finish"}})
		if m := messageOf(t, w); m.Host != "" {
			t.Errorf("%q: told %+v", host, m)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors 'none'") {
			t.Errorf("%q: %s", host, csp)
		}
	}
}

func TestAProviderOpensInAWindowOfItsOwnFromAFrame(t *testing.T) {
	t.Parallel()
	v := view(t, "oauth")
	v.Outcome = &connect.Outcome{Kind: connect.OutcomeNavigate, URL: "https://provider.example/authorize"}
	if m := messageOf(t, post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"authorize"}})); m.Go != v.Outcome.URL || !m.Popup {
		t.Errorf("embedded: %+v", m)
	}
	v.Embedded = false
	if w := post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"authorize"}}); w.Code != http.StatusSeeOther {
		t.Errorf("otherwise: %d", w.Code)
	}
}

func TestTheCallbackHoldsTheAnswerAndDoesNothing(t *testing.T) {
	t.Parallel()
	flow := &fixed{view: view(t, "progress")}
	w := get(t, serve(t, flow), "/connect/oauth/callback?state=st&code=co%22%3E&error=access_denied")
	if flow.opened != (connect.OpenRequest{}) || flow.action.Verb != "" {
		t.Errorf("it did something: %+v %+v", flow.opened, flow.action)
	}
	held := map[string]string{}
	for _, e := range parse(t, w.Body.String()) {
		if e.name == "input" {
			held[e.attributes["name"]] = e.attributes["value"]
		}
	}
	want := map[string]string{"session": "", "nonce": "", "verb": "return", "window": "", "state": "st", "code": `co">`, "error": "access_denied"}
	if !maps.Equal(held, want) {
		t.Errorf("holds %v, want %v", held, want)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %s", csp)
	}
}

func TestAWindowThatGoesOnByItselfSaysNothingOfTheVisit(t *testing.T) {
	t.Parallel()
	flow := &fixed{view: view(t, "progress")}
	form := url.Values{"session": {"s"}, "nonce": {"n"}, "verb": {"return"}, "state": {"st"}, "code": {"co"}, "error": {""}, "window": {"popup"}}
	w := post(t, serve(t, flow), form, func(r *http.Request) { r.Header.Set(scripted, "1") })
	body := w.Body.String()
	if !strings.Contains(body, "data-returned") || strings.Contains(body, showcase.Session) || strings.Contains(body, showcase.Nonce) {
		t.Error("the page of the pop-up does not say that it came back, or says too much")
	}
	if a := flow.action; a.Verb != connect.VerbReturn || a.Values["code"][0] != "co" || len(a.Values) != 3 || !a.Scripted {
		t.Errorf("action %+v", a)
	}
	flow.view.Embedded, flow.view.HostOrigin, flow.view.FrameOrigins = false, "", nil
	if w := post(t, serve(t, flow), form); strings.Contains(w.Body.String(), "data-returned") || flow.action.Scripted {
		t.Error("a visit of its own window does not go on")
	}
}

func TestTooManyAttemptsAreNamedForPrograms(t *testing.T) {
	t.Parallel()
	v := view(t, "credentials")
	v.Problem = &connect.Problem{Kind: "too_many_attempts", Title: "Too many attempts", Text: "Please wait.", Code: "finch_auth_ip_rl", RetryAfter: 90*time.Second + time.Millisecond}
	v.Outcome = &connect.Outcome{Kind: connect.OutcomeError, Message: "m", ErrorType: "finch_auth_ip_rl"}
	w := post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"submit"}})
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "91" || w.Header().Get(codeHeader) != "finch_auth_ip_rl" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if m := messageOf(t, w); m.Tell == nil || m.Tell.Kind != "error" || m.Tell.Error.Type != "finch_auth_ip_rl" || m.Tell.Error.ShouldClose {
		t.Errorf("told %+v", m.Tell)
	}
	if !strings.Contains(w.Body.String(), "Please wait.") {
		t.Error("the page does not say what to do")
	}
	v.Problem.RetryAfter = 0
	if w := post(t, serve(t, &fixed{view: v}), url.Values{"verb": {"submit"}}); w.Header().Get("Retry-After") != "" {
		t.Error("it is said to help to wait")
	}
}

func TestClosingAUsedLinkDoesNotTellThatNobodyConnected(t *testing.T) {
	t.Parallel()
	v := view(t, "expired")
	if m := messageOf(t, get(t, serve(t, &fixed{view: v}), "/authorize?session=s")); m.Closed == nil || m.Closed.Kind != "closed" {
		t.Errorf("an expired link: %+v", m.Closed)
	}
	v.OnClose = &connect.Outcome{Kind: connect.OutcomeError, Message: "m", ErrorType: "validation_error", ShouldClose: true}
	m := messageOf(t, get(t, serve(t, &fixed{view: v}), "/authorize?session=s"))
	if m.Closed == nil || m.Closed.Kind != "error" || !m.Closed.Error.ShouldClose {
		t.Errorf("a used link: %+v", m.Closed)
	}
}

func TestFailuresSayNothingOfTheirCause(t *testing.T) {
	t.Parallel()
	w := get(t, serve(t, &fixed{err: errors.New("dial tcp 10.0.0.7: refused")}), "/authorize?session=s")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "10.0.0.7") || !strings.Contains(w.Body.String(), "Something went wrong") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/authorize?session=s", nil)
	r.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
	w := httptest.NewRecorder()
	serve(t, &fixed{view: view(t, "provider")}).ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal("not compressed")
	}
	reader, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(reader); err != nil || !strings.HasSuffix(string(body), "</html>\n") {
		t.Errorf("the page does not end: %v", err)
	}
}

func TestTheEmbedScript(t *testing.T) {
	t.Parallel()
	flow := serve(t, &fixed{})
	first := get(t, flow, "/v1/connect.js")
	if first.Code != http.StatusOK || strings.Contains(first.Body.String(), "@") || !strings.Contains(first.Body.String(), messageName) {
		t.Errorf("%d %s", first.Code, first.Body)
	}
	r := httptest.NewRequest(http.MethodGet, "/latest/connect.js", nil)
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	w := httptest.NewRecorder()
	flow.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("the same script again: %d", w.Code)
	}
}
