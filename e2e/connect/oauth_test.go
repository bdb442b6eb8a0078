package connect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/e2e/signin"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
)

// withProvider runs a test against a provider with an OAuth page, on both databases.
func withProvider(t *testing.T, test func(t *testing.T, w *world, at *signin.Provider, client access.Application)) {
	t.Helper()
	for name, config := range map[string]func() app.Config{
		"SQLite":     func() app.Config { return app.Config{Data: t.TempDir()} },
		"PostgreSQL": func() app.Config { return app.Config{DatabaseURL: testneed.Postgres(t), Data: t.TempDir()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := &signin.Provider{Company: "c-1"}
			mux := http.NewServeMux()
			at.Mount(mux)
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			c := config()
			c.Connectors = []provider.Connector{signin.Connector{Address: server.URL}}
			w := setup(t, c)
			test(t, w, at, w.application(t, perch.ClientDevelopment, access.Settings{AllowedOrigins: []string{host}}))
		})
	}
}

// toProvider goes as far as the button that leads to the provider.
func (b *browser) toProvider() *browser {
	b.t.Helper()
	return b.do(connect.VerbAgree).do(connect.VerbChoose, "provider", signin.ProviderID).at(connect.StepOAuth)
}

// leave presses it, and returns the provider's address and the state in it.
func (b *browser) leave() (address *url.URL, state string) {
	b.t.Helper()
	b.do(connect.VerbAuthorize).at(connect.StepOAuth)
	if b.view.Outcome == nil || b.view.Outcome.Kind != connect.OutcomeNavigate {
		b.t.Fatalf("outcome %+v", b.view.Outcome)
	}
	address, err := url.Parse(b.view.Outcome.URL)
	must(b.t, err)
	state = address.Query().Get("state")
	if b.view.Outcome.Proof != state || len(state) < 40 || address.Query().Get("redirect_uri") != "https://perch.example.com/connect/oauth/callback" ||
		len(address.Query().Get("code_challenge")) != 43 {
		b.t.Errorf("goes to %s, proof %s", address, b.view.Outcome.Proof)
	}
	return address, state
}

func TestOAuthComesBackToItsVisit(t *testing.T) {
	t.Parallel()
	withProvider(t, func(t *testing.T, w *world, at *signin.Provider, client access.Application) {
		b := w.opened(t, w.session(t, client, nil)).toProvider()
		_, state := b.leave()
		b.do(connect.VerbRefresh).at(connect.StepOAuth) // asking how things are uses nothing up
		b.do(connect.VerbReturn, "state", state, "error", "access_denied").problem(connect.StepOAuth, "cancelled")
		b.do(connect.VerbReturn, "state", state, "code", "x").problem(connect.StepOAuth, "stale_form") // a state works once

		_, state = b.leave()
		b.do(connect.VerbReturn, "state", state, "code", "made up").problem(connect.StepOAuth, "wrong_credentials")

		address, state := b.leave()
		b.flow = w.open(t).Connect // in another process
		b.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).at(connect.StepProgress)
		token := w.token(t, client, b.code(), "")
		if token.ConnectionType != perch.ConnectionProvider || at.Tokens() != 1 {
			t.Errorf("token %+v, %d given", token, at.Tokens())
		}
	})
}

// TestAnAnswerOfAnotherPageIsWorthNothing: a stranger who begins a sign-in and sends somebody else to
// the provider gets nothing from the answer, and neither does anyone who catches an answer.
func TestAnAnswerOfAnotherPageIsWorthNothing(t *testing.T) {
	t.Parallel()
	withProvider(t, func(t *testing.T, w *world, at *signin.Provider, client access.Application) {
		mine := w.opened(t, w.session(t, client, nil)).toProvider()
		theirs := w.opened(t, w.session(t, client, nil)).toProvider()
		address, state := mine.leave()
		theirs.leave()
		theirs.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).problem(connect.StepOAuth, "stale_form")
		if at.Tokens() != 0 {
			t.Error("the provider was asked")
		}

		// The page that began has moved on: its state went with its nonce.
		mine.do(connect.VerbBack).do(connect.VerbChoose, "provider", signin.ProviderID).at(connect.StepOAuth)
		mine.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).problem(connect.StepOAuth, "stale_form")

		// Opening the link again leaves nothing to go on with.
		address, state = mine.leave()
		id, err := perch.ParseID(mine.view.SessionID)
		must(t, err)
		again := w.opened(t, id)
		mine.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).problem(connect.StepConsent, "stale_form")
		again.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).problem(connect.StepConsent, "stale_form")
		if at.Tokens() != 0 {
			t.Error("the provider was asked")
		}
	})
}

func TestASignInAtTheProviderTakesAQuarterOfAnHourAtMost(t *testing.T) {
	t.Parallel()
	withProvider(t, func(t *testing.T, w *world, at *signin.Provider, client access.Application) {
		b := w.opened(t, w.session(t, client, nil)).toProvider()
		address, state := b.leave()
		w.clock.Advance(16 * time.Minute)
		b.do(connect.VerbReturn, "state", state, "code", at.Grant(address)).problem(connect.StepOAuth, "stale_form")
	})
}

func TestSigningInAtAProviderNeedsTheScript(t *testing.T) {
	t.Parallel()
	withProvider(t, func(t *testing.T, w *world, _ *signin.Provider, client access.Application) {
		b := w.opened(t, w.session(t, client, nil)).toProvider()
		view, err := b.flow.Do(t.Context(), connect.Action{SessionID: b.view.SessionID, Nonce: b.view.Nonce, Verb: connect.VerbAuthorize})
		must(t, err)
		if b.view = view; view.Outcome != nil {
			t.Errorf("outcome %+v", view.Outcome)
		}
		b.problem(connect.StepOAuth, "script_needed")
	})
}
