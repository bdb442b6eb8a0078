package console

import (
	"database/sql"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/operator"
	"github.com/perchhq/perch/internal/store"
)

func noWork(*sql.Tx, connection.Granted) error { return nil }

func insertToken(t *testing.T, w *world, granted connection.Granted, hash []byte) func(tx *sql.Tx) error {
	t.Helper()
	return func(tx *sql.Tx) error {
		return w.Store.InsertToken(t.Context(), tx, w.client.ID, granted.Connection.ID, granted.Entities[0], perch.NewID(), hash, everything, w.clock.Now())
	}
}

func TestOnlyOperatorsGetIn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(t)
		for _, path := range []string{"/console", "/console/queue", "/console/connections", "/console/audit", "/console/nothing"} {
			b.get(path).shows(200, "Sign in to the Perch console")
		}
		b.post("/console/sign-in", "email", email, "password", "wrong horse battery").shows(403, "The address or the password is wrong")
		b.post("/console/sign-in", "email", "nobody@example.com", "password", password).shows(403, "The address or the password is wrong")
		b.get("/console/connections").post("/console/sign-in", "email", "ANN@example.com", "password", password, "to", "/console/connections").shows(200, "Connections")
		b.get("/console/nothing").shows(404, "There is no such page")

		must(t, w.Operators.Disable(t.Context(), email))
		b.get("/console/queue").shows(200, "Sign in to the Perch console")
		b.post("/console/sign-in", "email", email, "password", password).shows(403)
	})
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	for _, to := range []string{"https://evil.example/console/", "//evil.example/console/queue", "/\\evil.example", "/authorize", "javascript:alert(1)"} {
		b := w.browser(t)
		b.post("/console/sign-in", "email", email, "password", password, "to", to)
		if b.at.Path != "/console/queue" || b.at.Host != strings.TrimPrefix(w.server.URL, "http://") {
			t.Errorf("to %q leads to %s", to, b.at)
		}
	}
}

func TestGuessingIsLimited(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	b := w.browser(t)
	refused := 0
	for range 10 {
		b.post("/console/sign-in", "email", email, "password", "wrong horse battery")
		if b.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 10 attempts were refused", refused)
	}
	b.post("/console/sign-in", "email", email, "password", password).shows(429, "Too many attempts")
	w.clock.Advance(16 * time.Minute)
	b.post("/console/sign-in", "email", email, "password", password).shows(200, "Queue")
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.signedIn(t)
		for range 4 {
			w.clock.Advance(operator.IdleFor - time.Minute)
			b.get("/console/queue").shows(200, "Queue")
		}
		w.clock.Advance(operator.IdleFor + time.Minute)
		b.get("/console/queue").shows(200, "Sign in to the Perch console")

		b = w.signedIn(t)
		for began := w.clock.Now(); w.clock.Now().Sub(began) < operator.SessionFor-20*time.Minute; w.clock.Advance(20 * time.Minute) {
			b.get("/console/queue").shows(200, "Queue")
		}
		w.clock.Advance(21 * time.Minute)
		b.get("/console/queue").shows(200, "Sign in to the Perch console")

		b = w.signedIn(t)
		other := w.browser(t)
		other.client.Jar.SetCookies(b.at, b.client.Jar.Cookies(b.at.JoinPath("/console/queue")))
		other.get("/console/queue")
		b.post("/console/sign-out").shows(200, "Sign in to the Perch console")
		other.get("/console/queue").shows(200, "Sign in to the Perch console")
	})
}

func TestTheCookieIsOutOfReach(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	b := w.browser(t)
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, https := range []bool{false, true} {
		request := b.request("/console/sign-in", "email", email, "password", password)
		if https {
			request.Header.Set("X-Forwarded-Proto", "https")
		}
		answer, err := b.client.Do(request)
		must(t, err)
		must(t, answer.Body.Close())
		c := answer.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure != https || c.Path != "/console" || len(c.Value) < 40 {
			t.Errorf("cookie %+v", c)
		}
	}
}

func TestFormsFromElsewhereChangeNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	e := w.connect(t, "netchex", "Blue Bakery")
	b := w.signedIn(t)
	b.get(w.path(e)).shows(200, "Blue Bakery")
	send := func(change func(r *http.Request)) *browser {
		r := b.request(w.path(e)+"/status", "status", "processing")
		change(r)
		return b.do(r)
	}
	page := b.body
	for name, change := range map[string]func(r *http.Request){
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no origin":      func(r *http.Request) { r.Header.Del("Origin") },
		"a null origin":  func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another site":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"no token":       func(r *http.Request) { *r = *b.request(w.path(e)+"/status", "status", "processing", "token", "") },
		"another session's": func(r *http.Request) {
			*r = *b.request(w.path(e)+"/status", "status", "processing", "token", w.signedIn(t).token())
		},
		"another content type": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"another address scope": func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, w.client.ID.String(), perch.NewID().String(), 1)
		},
	} {
		b.body = page
		if send(change); b.status < 400 {
			t.Errorf("%s: %d", name, b.status)
		}
		if status, body := w.api(t, e, "/employer/directory"); status != 202 || body["finch_code"] != "pending" {
			t.Errorf("%s changed the status: %d %v", name, status, body)
		}
	}
	b.body = page
	send(func(*http.Request) {}).shows(200, "Processing")
}

func TestClientsSeeAStatusAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		sees := func(wantStatus int, wantCode, wantConnection string) {
			t.Helper()
			status, body := w.api(t, e, "/employer/directory")
			_, introspect := w.api(t, e, "/introspect")
			connected, _ := introspect["connection_status"].(map[string]any)
			if status != wantStatus || body["finch_code"] != wantCode || connected["status"] != wantConnection {
				t.Errorf("got %d %v and %v, want %d %s and %s", status, body["finch_code"], connected["status"], wantStatus, wantCode, wantConnection)
			}
		}
		sees(202, "pending", "pending")
		b.get(w.path(e))
		for _, step := range []struct {
			status perch.ConnectionStatus
			answer int
			code   string
		}{
			{perch.StatusNoAccountSetup, 401, "account_setup_required"},
			{perch.StatusPermissions, 403, "insufficient_account_permissions"},
			{perch.StatusPending, 202, "pending"},
			{perch.StatusProcessing, 202, "accountant_setup_pending"},
		} {
			b.post(w.path(e)+"/status", "status", string(step.status)).shows(200, "The status was changed")
			sees(step.answer, step.code, string(step.status))
		}
		b.post(w.path(e)+"/status", "status", "connected").shows(400, "A connection is connected by its first data")
		b.get(w.path(e)).post(w.path(e)+"/status", "status", "disconnected").shows(400, "cannot go from processing")
		sees(202, "accountant_setup_pending", "processing")
		if log := w.audited(t); !slices.Equal(log[:4], slices.Repeat([]string{"status.changed " + email}, 4)) {
			t.Errorf("audited %v", log)
		}
	})
}

func TestASimulatedConnectionIsSetUpFromTheConsole(t *testing.T) {
	t.Parallel()
	w := setup(t, sqlite(t))
	sandboxed, _, err := w.Access.CreateApplication(t.Context(), "Tests", perch.ClientSandbox)
	must(t, err)
	made, err := w.Sandbox.CreateConnection(t.Context(), &sandboxed, sandboxRequest("netchex"))
	must(t, err)
	e := employer{made.ConnectionID, made.EntityID, made.AccessToken}
	w.client = sandboxed
	b := w.signedIn(t)
	b.get("/console/queue").shows(200, "Nothing is due")
	b.get("/console/queue?env=sandbox").shows(200, "Set-up", "Tests")
	b.get(w.path(e)).shows(200, "This employer is simulated").post(w.path(e)+"/status", "status", "connected").shows(200, "Connected")
	eventually(t, func() bool { status, _ := w.api(t, e, "/employer/directory"); return status == 200 })
}

func TestCredentialsAreSealedAndEveryLookIsRecorded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.connect(t, "netchex", "Blue Bakery")
		b := w.signedIn(t)
		b.get(w.path(e)).shows(200, "Nothing is stored yet")
		b.post(w.path(e)+"/reveal").shows(400, "No sign-in is stored")
		b.get(w.path(e)).post(w.path(e)+"/credentials", "url", "javascript:alert(1)", "username", "x").shows(400, "must begin with https://")
		b.get(w.path(e)).post(w.path(e)+"/credentials", "url", "https://login.example.com", "username", "perch@northwind.example", "password", "s3cret-Pa55", "notes", "Ask for Kim").
			shows(200, "The sign-in was saved").hides("s3cret-Pa55", "perch@northwind.example")
		b.get(w.path(e)).post(w.path(e)+"/credentials", "notes", "Ask for Lee").shows(200)
		b.post(w.path(e)+"/reveal").shows(200, "s3cret-Pa55", "perch@northwind.example", "https://login.example.com", "Ask for Lee").hides("Ask for Kim")
		b.get(w.path(e)).shows(200, "Looked at the sign-in").hides("s3cret-Pa55")
		stored, err := w.Store.AssistedAccount(t.Context(), w.client.ID, e.connection)
		must(t, err)
		if len(stored.Sealed) == 0 || strings.Contains(string(stored.Sealed), "s3cret") {
			t.Error("the account is not sealed")
		}
		if other, err := w.Store.AssistedAccount(t.Context(), perch.NewID(), e.connection); err != nil || len(other.Sealed) != 0 {
			t.Errorf("another application's: %v %v", other, err)
		}
		if log := w.audited(t); !slices.Contains(log, "credentials.revealed "+email) || strings.Contains(strings.Join(log, ""), "s3cret") {
			t.Errorf("audited %v", log)
		}
		if strings.Contains(w.log.String(), "s3cret") {
			t.Error("the password is in the log")
		}
		b.post(w.path(e)+"/credentials", "forget", "yes").shows(200, "Nothing is stored yet")
	})
}

func TestTheQueueSaysWhatIsDue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.signedIn(t)
		b.get("/console/queue").shows(200, "Nothing is due", "perch connection import")
		bakery := w.connect(t, "netchex", "Blue Bakery")
		w.clock.Advance(3 * 24 * time.Hour)
		w.connect(t, "gusto", "Corner 100% Cafe")
		must(t, w.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			return w.Desk.Ask(t.Context(), tx, assist.Task{Kind: "deduction", Ref: "7", ApplicationID: w.client.ID, ConnectionID: bakery.connection,
				Title: "Enrol 3 people", Due: w.clock.Now().Add(-time.Hour)})
		}))
		b = w.signedIn(t)
		b.get("/console/queue").shows(200, "All 3", "Set-ups 2", "Deduction: Enrol 3 people Blue Bakery", "in 14 days", "in 11 days", "1 h overdue")
		order := func(path string, want ...string) {
			t.Helper()
			b.get(path).shows(200)
			at := -1
			for _, name := range want {
				next := strings.Index(b.body[at+1:], name)
				if next < 0 {
					t.Fatalf("%s: %q is not where it should be: %s", path, name, plain(b.body))
				}
				at += 1 + next
			}
		}
		order("/console/queue", "Enrol 3", "in 11 days", "Corner")
		order("/console/queue?sort=-due", "Corner", "in 11 days", "Enrol 3")
		order("/console/queue?sort=provider", "Gusto", "Netchex")
		b.get("/console/queue?kind=set_up&q=100%25").shows(200, "Corner 100% Cafe", "1–1 of 1").hides("Blue Bakery")
		b.get("/console/queue?q=10_%25").shows(200, "Nothing fits these filters")
		b.get("/console/queue?when=overdue").shows(200, "Enrol 3").hides("Corner")
		b.get("/console/queue?sort=evil;drop&page=-4&kind=%00").shows(200)
		must(t, w.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			return w.Desk.Settle(t.Context(), tx, w.client.ID, "deduction", "7", email)
		}))
		b.get("/console/queue").hides("Enrol 3")
		w.clock.Advance(15 * 24 * time.Hour)
		w.signedIn(t).get("/console/queue?when=overdue&kind=set_up").shows(200, "4 days overdue", "1 day overdue")
	})
}

func TestARequestForAProviderIsInTheQueue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		session := store.ConnectSession{ID: perch.NewID(), ApplicationID: w.client.ID, Kind: "new", CustomerName: new("Blue Bakery"), CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now(),
			Visit: store.Visit{Status: "open"}}
		must(t, w.Store.InsertConnectSession(t.Context(), session))
		must(t, w.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			return w.Store.InsertConnectEvent(t.Context(), tx, store.ConnectEvent{ID: perch.NewID(), SessionID: session.ID, ApplicationID: w.client.ID, ProviderID: "Payroll <b>Fox</b>", Event: "requested_provider", At: w.clock.Now()})
		}))
		b := w.signedIn(t)
		b.get("/console/queue").shows(200, "Provider request", "Blue Bakery").hides("<b>Fox")
		list, _, _, err := w.Desk.Due(t.Context(), store.DueQuery{Limit: 10})
		must(t, err)
		if len(list) != 1 || list[0].Title != "Payroll <b>Fox</b>" {
			t.Fatalf("due %+v", list)
		}
		b.post("/console/requests", "application", perch.NewID().String(), "request", list[0].Ref).shows(404)
		b.get("/console/queue").post("/console/requests", "application", w.client.ID.String(), "request", list[0].Ref, "to", "/console/queue?sort=created").
			shows(200, "The request was taken off the queue", "Nothing fits these filters")
		b.get("/console/queue").shows(200, "Nothing is due")
	})
}

func TestALinkSignsInOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		link, err := w.DevConsoleLink(t.Context(), "")
		must(t, err)
		_, key, _ := strings.Cut(link, "key=")
		b := w.browser(t)
		b.get(link).shows(200, "This link signs you in once")
		b.get(link).post("/console/link", "key", key).shows(200, "Queue")
		w.browser(t).post("/console/link", "key", key).shows(403, "This link was used or has expired")
		late, err := w.DevConsoleLink(t.Context(), "")
		must(t, err)
		w.clock.Advance(13 * time.Hour)
		_, key, _ = strings.Cut(late, "key=")
		w.browser(t).post("/console/link", "key", key).shows(403)
	})
}
