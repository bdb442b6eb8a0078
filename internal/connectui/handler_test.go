package connectui

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connectui/showcase"
)

// fixed is a flow that shows one view and notes what was asked of it.
type fixed struct {
	view     connect.View
	err      error
	opened   connect.OpenRequest
	action   connect.Action
	callback [4]string
}

func (f *fixed) Open(_ context.Context, r connect.OpenRequest) (connect.View, error) {
	f.opened = r
	return f.view, f.err
}

func (f *fixed) Do(_ context.Context, a connect.Action) (connect.View, error) {
	f.action = a
	return f.view, f.err
}

func (f *fixed) OAuthCallback(_ context.Context, state, code, failure, remoteIP string) (connect.View, error) {
	f.callback = [4]string{state, code, failure, remoteIP}
	return f.view, f.err
}

func serve(t testing.TB, visits Visits) http.Handler {
	t.Helper()
	h, err := New(visits, slog.New(slog.DiscardHandler))
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

func TestTheCallbackEndsAWindowOrGoesOn(t *testing.T) {
	t.Parallel()
	flow := &fixed{view: view(t, "progress")}
	w := get(t, serve(t, flow), "/connect/oauth/callback?state=st&code=co&error=access_denied")
	if flow.callback != [4]string{"st", "co", "access_denied", "192.0.2.1"} {
		t.Errorf("callback %+v", flow.callback)
	}
	body := w.Body.String()
	if !strings.Contains(body, "data-returned") || strings.Contains(body, showcase.Session) || strings.Contains(body, showcase.Nonce) {
		t.Error("the page of the pop-up does not say that it came back, or says too much")
	}
	flow.view.Embedded = false
	if w := get(t, serve(t, flow), "/connect/oauth/callback?state=st"); strings.Contains(w.Body.String(), "data-returned") {
		t.Error("a visit of its own window does not go on")
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
