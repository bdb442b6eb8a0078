package connect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/clientip"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/provider"
)

// TestTooManyAttemptsAreSaidToPeopleAndPrograms checks what the flow says; internal/connectui checks
// how it goes over the wire.
func TestTooManyAttemptsAreSaidToPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil)).login("", "wrong")
		for range 9 {
			b.do(connect.VerbSubmit, "username", "x", "password", "y")
		}
		w.clock.Advance(2 * time.Minute)
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").problem(connect.StepCredentials, "too_many_attempts")
		p, out := b.view.Problem, b.view.Outcome
		if p.Code != "finch_auth_ip_rl" || p.RetryAfter < 2*time.Minute || p.RetryAfter > 3*time.Minute || !strings.Contains(p.Text, "3 minutes") {
			t.Errorf("problem %+v", p)
		}
		if out == nil || out.Kind != connect.OutcomeError || out.ErrorType != "finch_auth_ip_rl" || out.ShouldClose || out.Code != "" {
			t.Errorf("the host is told %+v", out)
		}
		w.clock.Advance(4 * time.Minute)
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").at(connect.StepProgress)
	})
}

func TestALinkThatWasTriedTooOftenIsWorn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, nil)
		b := w.opened(t, id).login("", "wrong")
		for n := range 19 {
			if n%5 == 0 { // opening the link again gives no further attempts
				b = w.opened(t, id)
				b.do(connect.VerbAgree).do(connect.VerbChoose, "provider", "alcott_hr")
			}
			b.ip = "198.51.100." + strconv.Itoa(n)
			b.do(connect.VerbSubmit, "username", "x", "password", "y").problem(connect.StepCredentials, "wrong_credentials")
		}
		b.ip = "198.51.100.99"
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").problem(connect.StepCredentials, "too_many_attempts")
		if b.view.Problem.RetryAfter != 0 || !strings.Contains(b.view.Problem.Text, "Acme Benefits") {
			t.Errorf("problem %+v", b.view.Problem)
		}
	})
}

// TestACancelledAttemptCounts hangs up while the provider is asked.
func TestACancelledAttemptCounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.real(t)
		id := w.session(t, client, nil)
		b := w.opened(t, id)
		b.do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto").at(connect.StepCredentials)
		for n := range 20 {
			ctx, hangUp := context.WithCancel(t.Context())
			w.system.answer = func(provider.Attempt) (provider.Authentication, error) {
				hangUp()
				return provider.Authentication{}, ctx.Err()
			}
			_, err := b.flow.Do(ctx, connect.Action{SessionID: b.view.SessionID, Nonce: b.view.Nonce, Verb: connect.VerbSubmit,
				Values: map[string][]string{"username": {"u"}, "password": {"p"}}, RemoteIP: "198.51.100." + strconv.Itoa(n/10)})
			if err == nil {
				t.Fatal("the request was not cancelled")
			}
			b.do(connect.VerbRefresh).at(connect.StepCredentials) // the form may come again: its answer was lost
		}
		w.system.accounts("k1")
		b.do(connect.VerbSubmit, "username", "u", "password", "p").problem(connect.StepCredentials, "too_many_attempts")

		other := w.opened(t, w.session(t, client, nil)) // the addresses are spent too
		other.ip = "198.51.100.1"
		other.do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto")
		other.do(connect.VerbSubmit, "username", "u", "password", "p").problem(connect.StepCredentials, "too_many_attempts")
	})
}

func TestWhatIsNotTheEmployersFaultDoesNotCount(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	b := w.opened(t, w.session(t, w.real(t), nil)).do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto")
	w.system.answer = func(provider.Attempt) (provider.Authentication, error) {
		return provider.Authentication{}, provider.ErrUnavailable
	}
	for range 30 {
		b.do(connect.VerbSubmit, "username", "u", "password", "p").problem(connect.StepCredentials, "provider_down")
	}
}

var nonceField = regexp.MustCompile(`name="nonce" value="([^"]+)"`)

// TestBehindATrustedProxyEachClientHasItsOwnLimit sends forms as a proxy passes them on.
func TestBehindATrustedProxyEachClientHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[bool]int{true: http.StatusOK, false: http.StatusTooManyRequests} {
		config := sqliteConfig(t)
		if trusted {
			proxies, err := clientip.Parse([]string{"127.0.0.0/8"})
			must(t, err)
			config.TrustedProxies = proxies
		}
		w := setup(t, config)
		server := httptest.NewServer(w.Handler())
		t.Cleanup(server.Close)
		try := func(client string) *http.Response {
			session := w.session(t, w.client, func(n *connect.NewSession) { n.Provider, n.AuthMethod = "alcott_hr", perch.AuthCredential })
			b := w.opened(t, session).do(connect.VerbAgree)
			form := url.Values{"session": {session.String()}, "nonce": {b.view.Nonce}, "verb": {"submit"}, "username": {"x"}, "password": {"y"}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/connect/step", strings.NewReader(form.Encode()))
			must(t, err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", "192.0.2.66, "+client)
			answer, err := http.DefaultClient.Do(r)
			must(t, err)
			body, err := io.ReadAll(answer.Body)
			must(t, err)
			must(t, answer.Body.Close())
			if !nonceField.Match(body) {
				t.Errorf("the page cannot be gone on with: %s", body)
			}
			return answer
		}
		for range 10 {
			try("203.0.113.1")
		}
		if answer := try("203.0.113.1"); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" || answer.Header.Get("Perch-Error") != "finch_auth_ip_rl" {
			t.Errorf("the eleventh: %d %v", answer.StatusCode, answer.Header)
		}
		if answer := try("203.0.113.2"); answer.StatusCode != want {
			t.Errorf("another client, trusted %t: %d, want %d", trusted, answer.StatusCode, want)
		}
	}
}

func TestTheFallbackIsThereForTheProvidersOfTheDocumentation(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir(), NoRateLimits: true})
	client := w.application(t, perch.ClientSandbox, access.Settings{FallbackEnabled: true, PreferredMethods: map[string][]perch.AuthenticationType{}})
	for provider, tries := range map[string]int{"adp_workforce_now": 1, "adp_run": 3, "quickbooks": 3, "paychex_flex": 3, "paycom": 3, "sequoia_one": 3, "square_payroll": 3} {
		session := w.session(t, client, func(n *connect.NewSession) { n.Provider = provider })
		b := w.opened(t, session).do(connect.VerbAgree)
		if b.view.Step != connect.StepCredentials || b.view.Method.Type != perch.AuthCredential {
			b.do(connect.VerbAnotherWay, "method", "credential").at(connect.StepCredentials)
		}
		for n := range tries {
			if hasMethod(b.view.Methods, perch.AuthAssisted) {
				t.Errorf("%s: the fallback is offered before it is needed", provider)
			}
			step := connect.StepCredentials
			if n == tries-1 {
				step = connect.StepAssisted
			}
			b.do(connect.VerbSubmit, "username", "x", "password", "y").problem(step, "wrong_credentials")
		}
		b.do(connect.VerbConfirm).at(connect.StepDone)
		token := w.token(t, client, b.code(), "")
		if g := w.grant(t, token.AccessToken); g.Connection.Status != perch.StatusPending || g.Connection.Authentication != perch.AuthAssisted {
			t.Errorf("%s: %s by %s", provider, g.Connection.Status, g.Connection.Authentication)
		} else if _, err := w.Access.Authenticate(t.Context(), token.AccessToken); err != nil {
			t.Errorf("%s: %v", provider, err)
		} else if !w.Access.Serves(&g.Connection, access.Organization) {
			t.Errorf("%s: it has no people", provider)
		}
	}
}
