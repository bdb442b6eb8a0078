package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/deduction"
	"github.com/perchhq/perch/internal/limit"
)

const (
	tokenAll     = "token-all"     // every product, development application
	tokenNoSSN   = "token-no-ssn"  // every product but ssn
	tokenNothing = "token-nothing" // no product
	tokenSandbox = "token-sandbox" // every product, sandbox application
	clientID     = "8d2ff2a6-6f5e-4f1e-8a39-7e9a3a1f3b10"
	clientSecret = "very-secret"
)

var (
	firstEntity  = perch.ID{0: 0x11, 6: 0x40, 8: 0x80}
	secondEntity = perch.ID{0: 0x22, 6: 0x40, 8: 0x80}
	published    = access.Publication{Generation: 3, Complete: true,
		RetrievedAt: time.Date(2024, 3, 20, 6, 0, 0, 0, time.UTC),
		AttemptedAt: time.Date(2024, 3, 21, 6, 0, 0, 250e6, time.UTC), Result: access.ResultError}
)

// fake stands in for all use cases. What it was asked stays in asked; fail makes it fail.
type fake struct {
	fail func() error

	mu    sync.Mutex
	asked []string
}

func (f *fake) note(parts ...string) error {
	f.mu.Lock()
	f.asked = append(f.asked, strings.Join(parts, " "))
	f.mu.Unlock()
	if f.fail != nil {
		return f.fail()
	}
	return nil
}

func (f *fake) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		return ""
	}
	return f.asked[len(f.asked)-1]
}

// grants are the tokens that the fake knows.
func grants() map[string]*access.Grant {
	entities := []access.Entity{{ID: firstEntity}, {ID: secondEntity}}
	all := perch.Product("").Values()
	var noSSN []perch.Product
	for _, p := range all {
		if p != perch.ProductSSN {
			noSSN = append(noSSN, p)
		}
	}
	app := access.Application{ID: perch.ID{0: 1}, Type: perch.ClientDevelopment}
	sandbox := access.Application{ID: perch.ID{0: 2}, Type: perch.ClientSandbox}
	return map[string]*access.Grant{
		tokenAll:     {Application: app, Entities: entities, Products: all},
		tokenNoSSN:   {Application: app, Entities: entities, Products: noSSN},
		tokenNothing: {Application: app, Entities: entities},
		tokenSandbox: {Application: sandbox, Entities: entities, Products: all},
	}
}

type fakeAccess struct {
	*fake
	grants map[string]*access.Grant
}

func (f fakeAccess) Authenticate(_ context.Context, bearer string) (*access.Grant, error) {
	if g := f.grants[bearer]; g != nil {
		return g, nil
	}
	return nil, perch.ErrInvalidToken
}

func (f fakeAccess) AuthenticateClient(_ context.Context, id, secret string) (*access.Application, error) {
	if id != clientID || secret != clientSecret {
		return nil, perch.ErrInvalidClient
	}
	return &access.Application{ID: perch.ID{0: 2}, Type: perch.ClientSandbox}, nil
}

func (f fakeAccess) Introspect(context.Context, *access.Grant) (perch.Introspection, error) {
	return perch.Introspection{ProviderID: "gusto"}, f.note("introspect")
}

func (f fakeAccess) Disconnect(context.Context, *access.Grant) error { return f.note("disconnect") }

type fakeData struct{ *fake }

// sinceText notes a time that was asked for.
func sinceText(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return " since " + since.UTC().Format(time.RFC3339Nano)
}

func (f fakeData) answer(dst []byte, body string, parts ...string) ([]byte, access.Publication, error) {
	if err := f.note(parts...); err != nil {
		return nil, access.Publication{}, err
	}
	return append(dst, body...), published, nil
}

func (f fakeData) Company(_ context.Context, _ *access.Grant, e *access.Entity, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{}`, "company", e.ID.String()[:2])
}

func (f fakeData) Directory(_ context.Context, _ *access.Grant, e *access.Entity, limit, offset int, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{"individuals":[]}`, "directory", e.ID.String()[:2], strconv.Itoa(limit), strconv.Itoa(offset)+sinceText(since))
}

func (f fakeData) Individuals(_ context.Context, _ *access.Grant, e *access.Entity, ids [][]byte, ssn bool, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{"responses":[]}`, "individuals", e.ID.String()[:2], strconv.FormatBool(ssn), "["+string(bytes.Join(ids, []byte(",")))+"]"+sinceText(since))
}

func (f fakeData) Employments(_ context.Context, _ *access.Grant, e *access.Entity, ids [][]byte, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{"responses":[]}`, "employments", e.ID.String()[:2], "["+string(bytes.Join(ids, []byte(",")))+"]"+sinceText(since))
}

func (f fakeData) PayGroups(_ context.Context, _ *access.Grant, e *access.Entity, individual perch.ID, list []perch.PayFrequency, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `[]`, "pay-groups", e.ID.String()[:2], individual.String()[:4], "["+joined(list)+"]")
}

func (f fakeData) PayGroup(_ context.Context, _ *access.Grant, e *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{}`, "pay-group", e.ID.String()[:2], id.String())
}

func (f fakeData) Payments(_ context.Context, _ *access.Grant, e *access.Entity, start, end perch.Date, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `[]`, "payments", e.ID.String()[:2], start.String(), end.String()+sinceText(since))
}

func (f fakeData) PayStatements(_ context.Context, _ *access.Grant, e *access.Entity, list []StatementRequest, dst []byte) ([]byte, access.Publication, error) {
	parts := []string{"statements", e.ID.String()[:2]}
	for _, one := range list {
		parts = append(parts, string(one.PaymentID)+"/"+strconv.Itoa(one.Limit)+"/"+strconv.Itoa(one.Offset))
	}
	return f.answer(dst, `{"responses":[]}`, parts...)
}

func (f fakeData) List(_ context.Context, _ *access.Grant, e *access.Entity, filter DocumentFilter, base string, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{"documents":[]}`, "documents", e.ID.String()[:2], base, strconv.Itoa(len(filter.Individuals)), "["+joined(filter.Types)+"]",
		strconv.Itoa(filter.Limit), strconv.Itoa(filter.Offset))
}

func (f fakeData) Document(_ context.Context, _ *access.Grant, e *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error) {
	return f.answer(dst, `{}`, "document", e.ID.String()[:2], id.String())
}

type fakeRest struct{ *fake }

func (f fakeRest) CreateConnection(_ context.Context, app *access.Application, r SandboxConnection) (SandboxConnectionCreated, error) {
	return SandboxConnectionCreated{ProviderID: r.ProviderID, AccessToken: "new"},
		f.note("sandbox", app.ID.String()[:2], r.ProviderID, string(r.AuthenticationType), "["+joined(r.Products)+"]", strconv.Itoa(r.EmployeeSize))
}

func (f fakeRest) Providers(_ context.Context, g *access.Grant, dst []byte) ([]byte, error) {
	return append(dst, `[]`...), f.note("providers", strconv.FormatBool(g != nil))
}

func (f fakeRest) Ready(context.Context) error { return f.note("ready") }

type fakeConnect struct{ *fake }

func (f fakeConnect) CreateSession(_ context.Context, app *access.Application, n connect.NewSession) (perch.ID, error) {
	return firstEntity, f.note("session", app.ID.String()[:2], n.CustomerID, "["+joined(n.Products)+"]", n.RedirectURI, n.Provider, string(n.AuthMethod), n.Sandbox, strconv.FormatBool(n.Manual))
}

func (f fakeConnect) Reauthenticate(_ context.Context, _ *access.Application, r connect.Reauthentication) (perch.ID, error) {
	return firstEntity, f.note("reauthenticate", r.ConnectionID.String()[:2], r.RedirectURI)
}

func (f fakeConnect) Exchange(_ context.Context, app *access.Application, code, redirectURI string) (connect.Token, error) {
	return connect.Token{AccessToken: "new", TokenType: "bearer"}, f.note("exchange", app.ID.String()[:2], code, redirectURI)
}

func (f fakeConnect) DisconnectEntities(_ context.Context, _ *access.Grant, ids []perch.ID) error {
	return f.note("disconnect-entities", strconv.Itoa(len(ids)))
}

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(1_700_000_000, c.nanos.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// harness is an API over fakes.
type harness struct {
	*fake
	api     *API
	handler http.Handler
	log     *bytes.Buffer
}

func setup(t testing.TB) *harness {
	t.Helper()
	h := &harness{fake: new(fake), log: new(bytes.Buffer)}
	h.api = &API{Access: fakeAccess{h.fake, grants()}, Employment: fakeData{h.fake}, Payroll: fakeData{h.fake}, PayItems: fakeItems{h.fake}, Documents: fakeData{h.fake}, Deductions: fakeDeductions{h.fake},
		Sandbox: fakeRest{h.fake}, Catalogue: fakeRest{h.fake}, Connect: fakeConnect{h.fake}, Entities: fakeConnect{h.fake}, Health: fakeRest{h.fake},
		Log: slog.New(Redact(slog.NewTextHandler(h.log, nil)))}
	h.api.Events = fakeEvents{h.fake}
	h.handler = h.api.Handler()
	return h
}

// limited turns the rate limits on.
func (h *harness) limited() *clock {
	c := new(clock)
	h.api.Limits = limit.NewMemory(c.Now)
	return c
}

// ask is one request; the zero values of token and version are a good token and the current version.
type ask struct {
	method, target, body string
	token, version       string
	header               map[string]string
}

const none = "-"

func (a ask) request() *http.Request {
	method := a.method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	r := httptest.NewRequest(method, a.target, body)
	if a.token == "" {
		a.token = tokenAll
	}
	if a.token != none {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.version == "" {
		a.version = apiVersion
	}
	if a.version != none {
		r.Header.Set("Finch-API-Version", a.version)
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	return r
}

func (h *harness) do(a ask) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, a.request())
	return w
}

// failureBody is the body of an error.
type failureBody struct {
	Code         int    `json:"code"`
	Name         string `json:"name"`
	FinchCode    string `json:"finch_code"`
	Message      string `json:"message"`
	StatusCode   int    `json:"statusCode"`
	Status       int    `json:"status"`
	ErrorName    string `json:"error_name"`
	ErrorMessage string `json:"error_message"`
}

func readFailure(t testing.TB, w *httptest.ResponseRecorder) failureBody {
	t.Helper()
	var f failureBody
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
		t.Fatalf("the error body is not JSON: %v: %s", err, w.Body)
	}
	if f.Code != w.Code {
		t.Errorf("code is %d in the body and %d on the wire", f.Code, w.Code)
	}
	return f
}

type fakeDeductions struct{ *fake }

func (f fakeDeductions) List(context.Context, *access.Grant, *access.Entity) ([]perch.Deduction, error) {
	return nil, f.note("deductions")
}

func (f fakeDeductions) Get(_ context.Context, _ *access.Grant, _ *access.Entity, id perch.ID) (perch.Deduction, error) {
	return perch.Deduction{BenefitID: id}, f.note("deduction", id.String())
}

func (f fakeDeductions) Meta(context.Context, *access.Grant, *access.Entity) ([]deduction.Feature, error) {
	return nil, f.note("features")
}

func (f fakeDeductions) Enrolments(_ context.Context, _ *access.Grant, _ *access.Entity, id perch.ID) ([]deduction.Enrolled, error) {
	return nil, f.note("enrolled", id.String())
}

func (f fakeDeductions) Individuals(_ context.Context, _ *access.Grant, _ *access.Entity, id perch.ID, ids []string) ([]deduction.Found, error) {
	found := make([]deduction.Found, len(ids))
	for i, one := range ids {
		found[i] = deduction.Found{IndividualID: one, Enrolment: &perch.Enrolment{}}
		if one == "x" {
			found[i] = deduction.Found{IndividualID: one, Err: perch.NotFound("individual_not_found", "No.")}
		}
	}
	return found, f.note("enrolments", id.String()[:4], strings.Join(ids, ","))
}

func (f fakeDeductions) written(what string, request any) (deduction.Written, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return deduction.Written{}, err
	}
	return deduction.Written{BenefitID: firstEntity, JobID: secondEntity}, f.note(what, string(text))
}

func (f fakeDeductions) Create(_ context.Context, _ *access.Grant, _ *access.Entity, d perch.Deduction) (deduction.Written, error) {
	return f.written("create", d)
}

func (f fakeDeductions) Register(_ context.Context, _ *access.Grant, _ *access.Entity, d perch.Deduction) (deduction.Written, error) {
	return f.written("register", d)
}

func (f fakeDeductions) Update(_ context.Context, _ *access.Grant, _ *access.Entity, _ perch.ID, description string) (deduction.Written, error) {
	return f.written("update", description)
}

func (f fakeDeductions) Enrol(_ context.Context, _ *access.Grant, _ *access.Entity, _ perch.ID, people []deduction.Person) (deduction.Written, error) {
	return f.written("enrol", people)
}

func (f fakeDeductions) Unenrol(_ context.Context, _ *access.Grant, _ *access.Entity, _ perch.ID, individuals []string) (deduction.Written, error) {
	return f.written("unenrol", individuals)
}

func (f fakeDeductions) Job(_ context.Context, _ *access.Grant, job perch.ID) (deduction.Job, error) {
	return deduction.Job{JobID: job, Status: perch.JobPending}, f.note("manual-job", job.String())
}
