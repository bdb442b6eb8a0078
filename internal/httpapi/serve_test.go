package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/limit"
)

func serve(h *harness, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func TestCallersMustShowWhoTheyAre(t *testing.T) {
	t.Parallel()
	authorization := func(value string) map[string]string { return map[string]string{"Authorization": value} }
	for name, test := range map[string]struct {
		ask
		status    int
		name      string
		challenge string
	}{
		"no header":                          {ask{target: "/employer/company", token: none}, 401, "unauthorized_request_error", "Bearer"},
		"another scheme":                     {ask{target: "/employer/company", header: authorization("Basic YTpi")}, 401, "unauthorized_request_error", "Bearer"},
		"a token without scheme":             {ask{target: "/employer/company", header: authorization(tokenAll)}, 401, "unauthorized_request_error", "Bearer"},
		"a scheme without token":             {ask{target: "/employer/company", header: authorization("Bearer ")}, 401, "unauthorized_request_error", "Bearer"},
		"an unknown token":                   {ask{target: "/employer/company", token: "nobody"}, 401, "invalid_token_error", "Bearer"},
		"two tokens":                         {ask{target: "/employer/company", header: authorization("Bearer a b")}, 401, "invalid_token_error", "Bearer"},
		"a token that is too long":           {ask{target: "/employer/company", token: strings.Repeat("a", 600)}, 401, "invalid_token_error", "Bearer"},
		"an unknown token on providers":      {ask{target: "/providers", token: "nobody"}, 401, "invalid_token_error", "Bearer"},
		"a bearer token for the sandbox":     {ask{method: "POST", target: "/sandbox/connections"}, 401, "invalid_client_error", "Basic"},
		"no credentials for the sandbox":     {ask{method: "POST", target: "/sandbox/connections", token: none}, 401, "invalid_client_error", "Basic"},
		"wrong credentials for the sandbox":  {ask{method: "POST", target: "/sandbox/connections", header: authorization("Basic YTpi")}, 401, "invalid_client_error", "Basic"},
		"broken credentials for the sandbox": {ask{method: "POST", target: "/sandbox/connections", header: authorization("Basic !")}, 401, "invalid_client_error", "Basic"},
		"authentication before version":      {ask{target: "/employer/company", token: "nobody", version: none}, 401, "invalid_token_error", "Bearer"},
		"version before scope":               {ask{target: "/employer/company", token: tokenNothing, version: none}, 400, "invalid_request_error", ""},
		"scope before parameters":            {ask{target: "/employer/directory?limit=x", token: tokenNothing}, 403, "insufficient_scope_error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			w := h.do(test.ask)
			if f := readFailure(t, w); w.Code != test.status || f.Name != test.name {
				t.Errorf("got %d %s, want %d %s", w.Code, f.Name, test.status, test.name)
			}
			if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, test.challenge) || (test.challenge == "") != (got == "") {
				t.Errorf("WWW-Authenticate = %q, want %q", got, test.challenge)
			}
		})
	}
}

func TestEveryProductIsAScope(t *testing.T) {
	t.Parallel()
	scoped := 0
	for _, r := range routes() {
		if r.product == "" {
			continue
		}
		scoped++
		t.Run(r.operation, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			w := h.do(ask{method: r.method, target: strings.NewReplacer("{pay_group_id}", anID, "{document_id}", anID, "{benefit_id}", anID).Replace(r.path), token: tokenNothing})
			if f := readFailure(t, w); w.Code != 403 || f.Name != "insufficient_scope_error" || !strings.Contains(f.Message, string(r.product)) {
				t.Errorf("got %d %+v", w.Code, f)
			}
		})
	}
	if scoped < 15 {
		t.Errorf("%d operations need a product, want 15 or more", scoped)
	}
}

func TestVersionIsRequiredWhereTheContractListsIt(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{"post-connect-sessions": true, "post-connect-sessions-reauthenticate": true, "create-access-token": true,
		"get-events": true, "get-health": true, "get-readiness": true, "get-openapi": true, "get-docs": true}
	for _, r := range routes() {
		if got := r.version == versionRequired; got == (optional[r.operation] || r.tag == tagSandbox || r.tag == tagWebhooks) {
			t.Errorf("%s: version required = %v", r.operation, got)
		}
	}
	h := setup(t)
	r := ask{method: "POST", target: "/sandbox/connections", body: `{"provider_id":"a"}`, token: none, version: "1999-01-01"}.request()
	r.SetBasicAuth(clientID, clientSecret)
	if w := serve(h, r); w.Code != 400 {
		t.Errorf("an unknown version that need not be sent is answered with %d, want 400", w.Code)
	}
}

func TestAnswersCarryTheHeaders(t *testing.T) {
	t.Parallel()
	h := setup(t)
	w := h.do(ask{target: "/employer/directory"})
	for name, want := range map[string]string{
		"Finch-Data-Retrieved":               "2024-03-20T06:00:00.000Z",
		"Finch-Last-Attempted-Update-Date":   "2024-03-21T06:00:00.250Z",
		"Finch-Last-Attempted-Update-Result": "error",
		"Content-Length":                     "18",
		"Cache-Control":                      "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	seen := make(map[string]bool)
	for _, a := range []ask{{target: "/employer/company"}, {target: "/nothing"}, {method: "PUT", target: "/providers"}, {target: "//"},
		{target: "/employer/company", token: "nobody"}, {target: "/healthz"}, {target: "/docs"}, {target: "/openapi.json"}, {target: "/"}} {
		id := h.do(a).Header().Get("Finch-Request-Id")
		if _, err := perch.ParseID(id); err != nil || seen[id] {
			t.Errorf("%s %s: Finch-Request-Id = %q", a.method, a.target, id)
		}
		seen[id] = true
	}
}

func TestWhatHasNotHappenedHasNoHeader(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.api.Employment = empty{fakeData{h.fake}}
	header := h.do(ask{target: "/employer/company"}).Header()
	for _, name := range []string{"Finch-Data-Retrieved", "Finch-Last-Attempted-Update-Date", "Finch-Last-Attempted-Update-Result"} {
		if _, ok := header[name]; ok {
			t.Errorf("%s = %q", name, header.Get(name))
		}
	}
}

// empty answers from nothing published.
type empty struct{ fakeData }

func (empty) Company(_ context.Context, _ *access.Grant, _ *access.Entity, dst []byte) ([]byte, access.Publication, error) {
	return append(dst, `{}`...), access.Publication{}, nil
}

func TestErrorsOfUseCasesBecomeStatuses(t *testing.T) {
	t.Parallel()
	for _, row := range apierror.Rows() {
		code := strings.ReplaceAll(row.Code, "*", "some_code")
		t.Run(row.Name+"/"+code, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.fail = func() error {
				return fmt.Errorf("reading: %w", &perch.Error{Name: row.Name, Code: code, Message: "Why.", Err: errors.New("inside")})
			}
			w := h.do(ask{target: "/employer/company"})
			f := readFailure(t, w)
			if w.Code != row.Status || f.Name != row.Name {
				t.Fatalf("got %d %+v, want %d", w.Code, f, row.Status)
			}
			if row.Status != 500 && (f.FinchCode != code || f.Message != "Why.") {
				t.Errorf("got %+v", f)
			}
			if !strings.Contains(w.Body.String(), `"finch_code":"`) || strings.Contains(w.Body.String(), "inside") {
				t.Errorf("body = %s", w.Body)
			}
			if long := f.StatusCode == 429 && f.Status == 429; long != (row.Status == 429) {
				t.Errorf("statusCode and status are present: %v", long)
			}
			if logged := h.log.Len() > 0; logged != (row.Status == 500) {
				t.Errorf("logged = %v: %s", logged, h.log)
			}
		})
	}
}

func TestUnknownErrorsShowNothing(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"an error of no kind":     func() error { return errors.New("disk on fire, ssn=123-45-6789") },
		"a name of no row":        func() error { return &perch.Error{Name: "odd", Message: "disk on fire"} },
		"an internal error":       func() error { return perch.Internal(errors.New("disk on fire")) },
		"a panic":                 func() error { panic("disk on fire") },
		"a panic with an error":   func() error { panic(errors.New("disk on fire")) },
		"a deadline of our own":   func() error { return fmt.Errorf("disk on fire: %w", context.DeadlineExceeded) },
		"a cancelled inner query": func() error { return fmt.Errorf("disk on fire: %w", context.Canceled) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.fail = fail
			w := h.do(ask{target: "/employer/company"})
			f := readFailure(t, w)
			id := w.Header().Get("Finch-Request-Id")
			if w.Code != 500 || f.Name != "server_error" || !strings.Contains(f.Message, id) || strings.Contains(w.Body.String(), "disk") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if log := h.log.String(); strings.Count(log, id) != 1 || !strings.Contains(log, "disk on fire") || strings.Contains(log, "6789") {
				t.Errorf("log = %s", log)
			}
		})
	}
}

func TestAClientThatHangsUpIsNotAnError(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, cancel := context.WithCancel(context.Background())
	h.fail = func() error { cancel(); return fmt.Errorf("reading: %w", ctx.Err()) }
	w := serve(h, ask{target: "/employer/company"}.request().WithContext(ctx))
	if f := readFailure(t, w); w.Code != 408 || f.Name != "client_connection_closed" || h.log.Len() != 0 {
		t.Errorf("got %d %+v, log %s", w.Code, f, h.log)
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, target string
		status         int
		name, allow    string
	}{
		{"GET", "/nothing", 404, "not_found_error", ""},
		{"POST", "/employer", 404, "not_found_error", ""},
		{"GET", "/employer/company/", 404, "not_found_error", ""},
		{"GET", "/employer/pay-groups/", 404, "not_found_error", ""},
		{"GET", "/employer/pay-groups/a/b", 404, "not_found_error", ""},
		{"GET", "/employer/pay-groups/not-an-id", 404, "not_found_error", ""},
		{"GET", "//employer/company", 404, "not_found_error", ""},
		{"GET", "/employer/../employer/company", 404, "not_found_error", ""},
		{"GET", "/employer/./company", 404, "not_found_error", ""},
		{"GET", "/docs/..", 404, "not_found_error", ""},
		{"POST", "/employer/company", 405, "invalid_request_error", "GET, HEAD"},
		{"DELETE", "/employer/directory", 405, "invalid_request_error", "GET, HEAD"},
		{"GET", "/employer/individual", 405, "invalid_request_error", "POST"},
		{"OPTIONS", "/disconnect", 405, "invalid_request_error", "POST"},
		{"PATCH", "/", 405, "invalid_request_error", "GET, HEAD"},
	} {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			r := httptest.NewRequest(test.method, "/", nil)
			r.URL.Path = test.target
			r.Header.Set("Authorization", "Bearer "+tokenAll)
			r.Header.Set("Finch-API-Version", apiVersion)
			w := serve(h, r)
			if f := readFailure(t, w); w.Code != test.status || f.Name != test.name || w.Header().Get("Allow") != test.allow {
				t.Errorf("got %d %+v, Allow %q", w.Code, f, w.Header().Get("Allow"))
			}
		})
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	big := func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"x":"`), strings.NewReader(strings.Repeat("a", maxBody)), strings.NewReader(`"}`))
	}
	for name, length := range map[string]int64{"of a declared length": maxBody + 8, "of an unknown length": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			r := ask{method: "POST", target: "/employer/individual"}.request()
			r.Body, r.ContentLength = io.NopCloser(big()), length
			w := serve(h, r)
			if f := readFailure(t, w); w.Code != 413 || f.FinchCode != "request_too_large" {
				t.Errorf("got %d %+v", w.Code, f)
			}
		})
	}
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		r := ask{method: "POST", target: "/employer/individual"}.request()
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`{`), broken{})), -1
		w := serve(h, r)
		if f := readFailure(t, w); w.Code != 400 || !strings.HasPrefix(f.Message, "body: ") {
			t.Errorf("got %d %+v", w.Code, f)
		}
	})
	t.Run("the largest batch passes", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		if w := h.do(ask{method: "POST", target: "/employer/employment", body: batchOf(maxIndividuals)}); w.Code != 200 {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadinessHidesWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.fail = func() error { return errors.New("database at 10.0.0.7 is gone") }
	w := h.do(ask{target: "/readyz"})
	if w.Code != 503 || w.Body.String() != `{"status":"unavailable"}` || !strings.Contains(h.log.String(), "10.0.0.7") {
		t.Errorf("got %d %s, log %s", w.Code, w.Body, h.log)
	}
	if w := h.do(ask{target: "/healthz"}); w.Code != 200 {
		t.Errorf("the process is not healthy: %d", w.Code)
	}
}

func TestTheRootPointsToTheReference(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if w := h.do(ask{target: "/"}); w.Code != 200 || !strings.Contains(w.Body.String(), "/docs") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	w := h.do(ask{target: "/", header: map[string]string{"Accept": "text/html"}})
	if w.Code != 302 || w.Header().Get("Location") != "/docs" {
		t.Errorf("got %d %s", w.Code, w.Header())
	}
	h.api = &API{Root: http.RedirectHandler("/dashboard", http.StatusSeeOther)}
	h.handler = h.api.Handler()
	if w := h.do(ask{target: "/"}); w.Code != 303 {
		t.Errorf("Root is not used: %d", w.Code)
	}
}

func TestDebugLinesNameTheRequest(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.api.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := h.do(ask{method: "POST", target: "/employer/individual", body: `{"requests":[{"individual_id":"900-12-3456"}]}`})
	log := h.log.String()
	for _, want := range []string{w.Header().Get("Finch-Request-Id"), "operation=get-individual", "status=200"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing in %s", want, log)
		}
	}
	if strings.Contains(log, tokenAll) || strings.Contains(log, "900-12-3456") {
		t.Errorf("the log has what it must not: %s", log)
	}
}

func TestRateLimitsCountSucceededRequests(t *testing.T) {
	t.Parallel()
	h := setup(t)
	clock := h.limited()
	company := ask{target: "/employer/company"}
	expect := func(want int, a ask) {
		t.Helper()
		if w := h.do(a); w.Code != want {
			t.Fatalf("%s: got %d, want %d: %s", a.target, w.Code, want, w.Body)
		}
	}
	for range 30 {
		expect(400, ask{target: "/employer/company?entity_ids=x"})
	}
	h.fail = func() error { return perch.ErrReauthenticate }
	for range 30 {
		expect(401, company)
	}
	h.fail = func() error { panic("x") }
	for range 30 {
		expect(500, company)
	}
	h.fail = nil
	for range 20 {
		expect(200, company)
		clock.Advance(time.Second)
	}
	w := h.do(company)
	want := `{"statusCode":429,"status":429,"code":429,"message":"Too many requests for token","name":"rate_limit_exceeded_error","finch_code":"finch_application_rl"}`
	if w.Code != 429 || w.Body.String() != want || w.Header().Get("Retry-After") != "40" {
		t.Fatalf("got %d, Retry-After %s, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	expect(429, ask{target: "/employer/company", token: tokenNoSSN}) // another token of the application
	expect(200, ask{target: "/employer/company", token: tokenSandbox})
	expect(200, ask{target: "/employer/directory"})
	clock.Advance(40*time.Second - 1)
	expect(429, company)
	clock.Advance(1)
	expect(200, company)
	expect(429, company)
}

func TestRateLimitsFollowThePublishedTable(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"/employer/individual": `{"requests":[]}`, "/employer/employment": `{"requests":[]}`,
		"/employer/pay-statement": `{"requests":[{"payment_id":"a"}]}`,
	}
	for target, most := range map[string]int{
		"/employer/company": 20, "/employer/directory": 20, "/employer/individual": 20, "/employer/employment": 20,
		"/employer/payment?start_date=2024-01-01&end_date=2024-01-01": 12, "/employer/pay-statement": 12, "/employer/pay-groups": 12,
		"/employer/pay-groups/" + anID: 12, "/introspect": 0, "/providers": 0,
	} {
		for token, times := range map[string]int{tokenAll: 1, tokenSandbox: 2} {
			t.Run(target+" "+token, func(t *testing.T) {
				t.Parallel()
				h := setup(t)
				h.limited()
				a := ask{target: target, token: token, body: bodies[target]}
				if a.body != "" {
					a.method = "POST"
				}
				allowed := 0
				for allowed < 100 && h.do(a).Code == 200 {
					allowed++
				}
				if want := most * times; allowed != want && (most != 0 || allowed != 100) {
					t.Errorf("%d requests passed, want %d", allowed, want)
				}
			})
		}
	}
}

func TestPayGroupsShareOneLimit(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.limited()
	for range 6 {
		h.do(ask{target: "/employer/pay-groups"})
		h.do(ask{target: "/employer/pay-groups/" + anID})
	}
	if w := h.do(ask{target: "/employer/pay-groups"}); w.Code != 429 {
		t.Errorf("got %d", w.Code)
	}
}

func TestAnswersThatAreNotReadyCount(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.limited()
	h.fail = func() error { return perch.ErrSyncInProgress }
	for range 20 {
		if w := h.do(ask{target: "/employer/company"}); w.Code != 202 {
			t.Fatalf("got %d", w.Code)
		}
	}
	if w := h.do(ask{target: "/employer/company"}); w.Code != 429 {
		t.Errorf("got %d", w.Code)
	}
}

func TestALimiterThatFailsLetsRequestsThrough(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.api.Limits = lostLimiter{}
	if w := h.do(ask{target: "/employer/company"}); w.Code != 200 || !strings.Contains(h.log.String(), "rate limit") {
		t.Errorf("got %d, log %s", w.Code, h.log)
	}
}

// lostLimiter has lost its store.
type lostLimiter struct{}

func (lostLimiter) Take(context.Context, limit.Key, int, time.Duration) (limit.Place, error) {
	return limit.Place{}, errors.New("no connection")
}

func (lostLimiter) Release(context.Context, limit.Key, uint64) error { return nil }
