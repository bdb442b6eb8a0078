package connect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
)

func TestEverySandboxScenarioEndsInAToken(t *testing.T) {
	t.Parallel()
	type scenario struct {
		name     string
		session  func(*connect.NewSession)
		walk     func(b *browser)
		entities int
		status   perch.ConnectionStatus
		auth     perch.AuthenticationType
	}
	choose := func(b *browser, id string) *browser {
		return b.do(connect.VerbAgree).at(connect.StepProvider).do(connect.VerbChoose, "provider", id)
	}
	scenarios := []scenario{
		{"a password alone", nil, func(b *browser) { b.login("", "good_pass") }, 1, perch.StatusProcessing, perch.AuthCredential},
		{"a second factor", nil, func(b *browser) {
			b.login("", "mfa").at(connect.StepMFA).do(connect.VerbSubmit, "code", "123456")
		}, 1, perch.StatusProcessing, perch.AuthCredential},
		{"a choice of one account", nil, func(b *browser) {
			b.login("", "account_selection").at(connect.StepAccounts).do(connect.VerbChoose, "account", b.view.Accounts[1].ID)
		}, 1, perch.StatusProcessing, perch.AuthCredential},
		{"a choice of two accounts after a second factor", nil, func(b *browser) {
			b.login("", "mfa_account_selection").at(connect.StepMFA).do(connect.VerbSubmit, "code", "123 456").at(connect.StepAccounts)
			b.do(connect.VerbChoose, "account", b.view.Accounts[0].ID, "account", b.view.Accounts[2].ID)
		}, 2, perch.StatusProcessing, perch.AuthCredential},
		{"an API token", nil, func(b *browser) {
			choose(b, "humaans").at(connect.StepCredentials).do(connect.VerbSubmit, "api_token", "good_token")
		}, 1, perch.StatusProcessing, perch.AuthAPIToken},
		{"a client id and secret", nil, func(b *browser) {
			choose(b, "adp_run").at(connect.StepCredentials).do(connect.VerbSubmit, "client_id", "good_user", "client_secret", "good_pass")
		}, 1, perch.StatusProcessing, perch.AuthAPICredential},
		{"OAuth at once", nil, func(b *browser) {
			choose(b, "gusto").at(connect.StepOAuth).do(connect.VerbAuthorize)
		}, 1, perch.StatusProcessing, perch.AuthOAuth},
		{"assisted, which waits for people", func(n *connect.NewSession) { n.Manual = true }, func(b *browser) {
			choose(b, "netchex").at(connect.StepAssisted).do(connect.VerbConfirm).at(connect.StepDone)
			if wait := time.Until(b.view.ReadyBy); wait < 13*24*time.Hour || wait > 15*24*time.Hour {
				b.t.Errorf("ready by %s", b.view.ReadyBy)
			}
			if b.view.Products != nil {
				b.t.Errorf("it seems to read %+v, and waits for people", b.view.Products)
			}
		}, 1, perch.StatusPending, perch.AuthAssisted},
		{"a provider that the application chose", func(n *connect.NewSession) { n.Provider, n.AuthMethod = "bob", perch.AuthCredential }, func(b *browser) {
			b.do(connect.VerbAgree).at(connect.StepCredentials).do(connect.VerbSubmit, "username", "good_user", "password", "good_pass")
		}, 1, perch.StatusProcessing, perch.AuthCredential},
	}
	onBoth(t, func(t *testing.T, w *world) {
		for _, s := range scenarios {
			b := w.opened(t, w.session(t, w.client, s.session)).at(connect.StepConsent)
			s.walk(b)
			token := w.token(t, w.client, b.code(), "")
			if b.view.Outcome.State != "my state" || b.view.HostOrigin != host {
				t.Errorf("%s: outcome %+v to %s", s.name, b.view.Outcome, b.view.HostOrigin)
			}
			g := w.grant(t, token.AccessToken)
			if len(g.Entities) != s.entities || len(token.EntityIDs) != s.entities || g.Connection.Status != s.status || g.Connection.Authentication != s.auth {
				t.Errorf("%s: %d entities, %s by %s", s.name, len(g.Entities), g.Connection.Status, g.Connection.Authentication)
			}
			if token.ConnectionType != perch.ConnectionSimulated || *token.CustomerName != "Blue Bakery" || token.TokenType != "bearer" {
				t.Errorf("%s: %+v", s.name, token)
			}
		}
	})
}

func TestWrongCredentialsAreRefusedWithWhatToType(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil))
		b.login("", "s3cret-typo").problem(connect.StepCredentials, "wrong_credentials")
		if !strings.Contains(b.view.Problem.Text, "good_pass") {
			t.Errorf("the message is %q", b.view.Problem.Text)
		}
		for _, f := range b.view.Fields {
			if f.Kind == "password" && f.Value != "" || f.Name == "username" && f.Value != "good_user" {
				t.Errorf("field %+v", f)
			}
		}
		b.do(connect.VerbSubmit, "username", "good_user").at(connect.StepCredentials)
		if b.view.Fields[1].Error == "" {
			t.Error("a missing password is not said")
		}
		b.do(connect.VerbSubmit, "username", "good_user", "password", "mfa ").problem(connect.StepCredentials, "wrong_credentials")
		b.do(connect.VerbSubmit, "username", " good_user ", "password", "mfa").at(connect.StepMFA)
		b.do(connect.VerbSubmit, "code", "000000").problem(connect.StepMFA, "wrong_credentials")
		b.do(connect.VerbSubmit, "code", "  ").at(connect.StepMFA)
		b.do(connect.VerbSubmit, "code", "123456").at(connect.StepProgress)
		if log := w.log.String(); strings.Contains(log, "s3cret-typo") || strings.Contains(log, "good_user") || strings.Contains(log, "123456") {
			t.Errorf("the log has what was typed:\n%s", log)
		}
	})
}

func TestThreeRefusedPasswordsLeadToTheInstructionsWhereThatIsEnabled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for enabled, step := range map[bool]connect.Step{true: connect.StepAssisted, false: connect.StepCredentials} {
			client := w.application(t, perch.ClientSandbox, access.Settings{FallbackEnabled: enabled})
			b := w.opened(t, w.session(t, client, nil))
			b.ip = map[bool]string{true: "198.51.100.1", false: "198.51.100.2"}[enabled]
			b.do(connect.VerbAgree).do(connect.VerbChoose, "provider", "horizonpayroll").at(connect.StepCredentials)
			if hasMethod(b.view.Methods, perch.AuthAssisted) {
				t.Error("the fallback is offered before it is needed")
			}
			for range 2 {
				b.do(connect.VerbSubmit, "username", "x", "password", "y").problem(connect.StepCredentials, "wrong_credentials")
			}
			b.do(connect.VerbSubmit, "username", "x", "password", "y").problem(step, "wrong_credentials")
			if enabled {
				if len(b.view.Steps) == 0 || !hasMethod(b.view.Methods, perch.AuthCredential) {
					t.Errorf("instructions %v, methods %v", b.view.Steps, b.view.Methods)
				}
				b.do(connect.VerbConfirm).at(connect.StepDone)
			}
		}
	})
}

func TestCredentialAttemptsAreLimitedByAddressAndBySession(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil)).login("", "wrong")
		for range 9 {
			b.problem(connect.StepCredentials, "wrong_credentials").do(connect.VerbSubmit, "username", "x", "password", "y")
		}
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").problem(connect.StepCredentials, "too_many_attempts")
		other := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass")
		other.problem(connect.StepCredentials, "too_many_attempts")
		w.clock.Advance(6 * time.Minute)
		for range 10 {
			b.do(connect.VerbSubmit, "username", "x", "password", "y").problem(connect.StepCredentials, "wrong_credentials")
		}
		b.ip = "203.0.113.99"
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").problem(connect.StepCredentials, "too_many_attempts")
	})
}

func TestAFormWorksOnceAndOnlyForItsVisit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, nil)
		b := w.opened(t, id)
		consent := b.view.Nonce
		b.do(connect.VerbAgree).at(connect.StepProvider)
		b.with(consent, connect.VerbAgree).problem(connect.StepProvider, "stale_form") // sent twice
		b.do(connect.VerbChoose, "provider", "bob").at(connect.StepCredentials)
		b.do(connect.VerbAnotherWay, "method", "credential").at(connect.StepCredentials)
		b.do(connect.VerbSubmit, "username", "good_user", "password", "account_selection").at(connect.StepAccounts)
		mine := b.view.Nonce
		b.with("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", connect.VerbChoose, "account", "0")
		b.problem(connect.StepConsent, "stale_form") // a stranger's form starts over and reveals nothing
		if b.view.Accounts != nil {
			t.Error("the accounts were shown")
		}
		b.with(mine, connect.VerbChoose, "account", "0").problem(connect.StepConsent, "stale_form")

		again := w.opened(t, id).at(connect.StepConsent)
		if again.view.Provider != nil || again.view.Fields != nil {
			t.Error("opening the link again shows what was done before")
		}
	})
}

func TestTwoProcessesContinueOneVisit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		other := w.open(t)
		b := w.opened(t, w.session(t, w.client, nil))
		flows := []*connect.Service{other.Connect, w.Connect}
		step := func(verb connect.Verb, pairs ...string) *browser {
			b.flow = flows[0]
			slices.Reverse(flows)
			return b.do(verb, pairs...)
		}
		step(connect.VerbAgree).at(connect.StepProvider)
		step(connect.VerbChoose, "provider", "alcott_hr").at(connect.StepCredentials)
		step(connect.VerbSubmit, "username", "good_user", "password", "mfa_account_selection").at(connect.StepMFA)
		step(connect.VerbSubmit, "code", "123456").at(connect.StepAccounts)
		step(connect.VerbChoose, "account", "0", "account", "1").at(connect.StepProgress)
		token, err := other.Connect.Exchange(t.Context(), &w.client, b.code(), "")
		must(t, err)
		if len(w.grant(t, token.AccessToken).Entities) != 2 {
			t.Error("not both accounts")
		}
	})
}

func TestBackGoesOneScreenBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil))
		b.do(connect.VerbBack).problem(connect.StepConsent, "stale_form")
		b.login("", "mfa").at(connect.StepMFA)
		b.do(connect.VerbBack).at(connect.StepCredentials)
		b.do(connect.VerbBack).at(connect.StepProvider)
		b.do(connect.VerbBack).at(connect.StepConsent)
		b.login("", "account_selection").at(connect.StepAccounts)
		b.do(connect.VerbChoose).problem(connect.StepAccounts, "unknown")
		b.do(connect.VerbBack).at(connect.StepCredentials)
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").at(connect.StepProgress)
		b.do(connect.VerbBack).problem(connect.StepProgress, "stale_form")
	})
}

func TestClosingLeavesWithoutAConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, func(n *connect.NewSession) { n.CustomerID = "c" })
		b := w.opened(t, id).login("", "mfa").at(connect.StepMFA).do(connect.VerbClose)
		if b.view.Outcome == nil || b.view.Outcome.Kind != connect.OutcomeClosed || b.view.Outcome.Code != "" {
			t.Errorf("outcome %+v", b.view.Outcome)
		}
		w.session(t, w.client, func(n *connect.NewSession) { n.CustomerID = "c" }) // there is no connection yet
		w.opened(t, id).at(connect.StepConsent)
	})
}

func TestWhatIsInFlightIsForgottenAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil)).login("", "account_selection").at(connect.StepAccounts)
		w.clock.Advance(16 * time.Minute)
		b.do(connect.VerbChoose, "account", "0").problem(connect.StepCredentials, "stale_form")
	})
}

func TestExpiredUsedAndUnknownSessionsGetAPage(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		minutes := 1
		id := w.session(t, w.client, func(n *connect.NewSession) { n.MinutesToExpire = &minutes })
		b := w.opened(t, id)
		w.clock.Advance(time.Minute)
		b.do(connect.VerbAgree).problem(connect.StepConsent, "session_expired")
		w.opened(t, id).problem(connect.StepConsent, "session_expired")
		events, err := w.Store.ConnectEvents(t.Context(), w.client.ID, id)
		must(t, err)
		if n := len(events); n != 3 || events[0].Event != "opened" || events[1].ErrorKind != "session_expired" || events[2].ErrorKind != "session_expired" {
			t.Errorf("the funnel has %+v", events)
		}
		w.opened(t, perch.NewID()).problem(connect.StepConsent, "session_unknown")

		late := w.session(t, w.client, func(n *connect.NewSession) { n.MinutesToExpire = &minutes })
		b = w.opened(t, late).login("", "good_pass").at(connect.StepProgress)
		w.clock.Advance(time.Minute)
		w.opened(t, late).problem(connect.StepProgress, "session_expired")
		asked := b.view.Nonce
		b.do(connect.VerbRefresh)
		b.with(asked, connect.VerbRefresh) // its answer was lost
		w.token(t, w.client, b.code(), "") // who connected in time gets the code

		used := w.session(t, w.client, nil)
		w.opened(t, used).login("", "good_pass").at(connect.StepProgress).code()
		b = w.opened(t, used)
		if b.view.Problem == nil || !b.view.Problem.Fatal || b.view.Nonce != "" {
			t.Errorf("a finished session: %+v", b.view)
		}
	})
}

func TestOnlyAllowedPagesMayShowConnect(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		settings := access.Settings{AllowedOrigins: []string{"https://app.example.com"}, RedirectURIs: []string{"https://back.example.com/cb"}}
		live := w.application(t, perch.ClientProduction, settings)
		sandbox := w.application(t, perch.ClientSandbox, settings)
		for _, c := range []struct {
			client  access.Application
			origin  string
			allowed bool
		}{
			{live, "https://app.example.com", true}, {live, "https://app.example.com/page?x=1", true}, {live, "HTTPS://APP.example.com:443", true},
			{live, "https://back.example.com", true}, {live, "http://localhost:3000", false}, {live, "https://app.example.com.evil.example", false},
			{live, "https://evil.example#https://app.example.com", false}, {live, "http://app.example.com", false}, {live, "null", false}, {live, "", false},
			{sandbox, "http://localhost:3000", true}, {sandbox, "http://127.0.0.1:8080", true}, {sandbox, "http://[::1]:9", true},
			{sandbox, "https://localhost.evil.example", false}, {sandbox, "https://evil.example", false}, {sandbox, "https://app.example.com@evil.example", false},
		} {
			b := &browser{t: t, flow: w.Connect}
			b.open(connect.OpenRequest{SessionID: w.session(t, c.client, nil).String(), Embedded: true, HostURL: c.origin})
			if got := b.view.Problem == nil; got != c.allowed {
				t.Errorf("%s for %s: %+v", c.origin, c.client.Type, b.view.Problem)
				continue
			}
			if origin, ok := access.Origin(c.origin); ok && !c.allowed && !strings.Contains(w.log.String(), "origin="+origin) {
				t.Errorf("the log does not tell of %s", origin)
			}
			if !c.allowed && (b.view.HostOrigin != "" || len(b.view.FrameOrigins) != 0 || b.view.Outcome != nil || b.view.Problem.Kind != "host_not_allowed") {
				t.Errorf("%s for %s: %+v", c.origin, c.client.Type, b.view)
			}
			if c.allowed && !slices.Equal(b.view.FrameOrigins, []string{b.view.HostOrigin}) {
				t.Errorf("%s may be framed by %v", c.origin, b.view.FrameOrigins)
			}
		}
	})
}

// TestAnOriginThatIsNoLongerAllowedGetsNothing takes a page's origin, and a redirect URI, off the lists
// while visits are under way there.
func TestAnOriginThatIsNoLongerAllowedGetsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const origin, back = "https://app.example.com", "https://back.example.com/cb"
		client := w.application(t, perch.ClientSandbox, access.Settings{AllowedOrigins: []string{origin}, RedirectURIs: []string{back}})
		embedded, redirected, finished := &browser{t: t, flow: w.Connect}, &browser{t: t, flow: w.Connect}, &browser{t: t, flow: w.Connect}
		for _, b := range []*browser{embedded, finished} {
			b.open(connect.OpenRequest{SessionID: w.session(t, client, nil).String(), Embedded: true, HostURL: origin})
			b.login("", "good_pass").at(connect.StepProgress)
		}
		redirected.open(connect.OpenRequest{SessionID: w.session(t, client, func(n *connect.NewSession) { n.RedirectURI = back }).String()})
		redirected.login("", "good_pass").at(connect.StepProgress)
		last := finished.view.Nonce
		finished.code()
		must(t, w.Store.ReplaceApplicationSettings(t.Context(), client.ID, access.Settings{}))
		embedded.do(connect.VerbFinish)
		redirected.do(connect.VerbFinish)
		finished.with(last, connect.VerbFinish)
		for name, b := range map[string]*browser{"embedded": embedded, "redirected": redirected, "finished": finished} {
			if v := b.problem(connect.StepProgress, "host_not_allowed").view; v.Outcome != nil || v.OnClose != nil || v.HostOrigin != "" || v.FrameOrigins != nil || v.Nonce != "" {
				t.Errorf("%s: %+v", name, v)
			}
		}
	})
}

func TestTheRedirectFlowComesBackWithCodeAndState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const back = "http://localhost:4000/cb?z=1;2&state=mine&keep=%7e"
		id := w.session(t, w.client, func(n *connect.NewSession) { n.RedirectURI = back })
		b := &browser{t: t, flow: w.Connect}
		b.open(connect.OpenRequest{SessionID: id.String(), State: "a b&c"})
		b.login("", "good_pass").at(connect.StepProgress)
		code := b.code()
		if got := b.view.Outcome.URL; got != "http://localhost:4000/cb?z=1;2&keep=%7e&code="+code+"&state=a+b%26c" || b.view.Embedded || len(b.view.FrameOrigins) != 0 {
			t.Errorf("goes to %s", got)
		}
		for _, wrong := range []string{"", "http://localhost:4000/cb"} {
			if _, err := w.Connect.Exchange(t.Context(), &w.client, code, wrong); err == nil {
				t.Errorf("exchanged with redirect URI %q", wrong)
			}
		}
		w.token(t, w.client, code, back)
	})
}

func TestPreviewsShowEverythingAndConnectNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := &browser{t: t, flow: w.Connect}
		b.open(connect.OpenRequest{Preview: true, ClientID: w.client.ID.String(), Products: "company ssn", Embedded: true, HostURL: host})
		if !b.view.Preview || len(b.view.Permissions) != 2 {
			t.Fatalf("view %+v", b.view)
		}
		b.login("", "good_pass").problem(connect.StepCredentials, "unknown")
		b.do(connect.VerbBack).do(connect.VerbChoose, "provider", "gusto").at(connect.StepOAuth)
		b.do(connect.VerbAuthorize).problem(connect.StepOAuth, "unknown")
		b.do(connect.VerbFinish).problem(connect.StepOAuth, "stale_form")
	})
}

func TestLegacyLinksWorkAsDocumented(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.application(t, perch.ClientSandbox, access.Settings{RedirectURIs: []string{"https://example.com"}})
		good := connect.OpenRequest{ClientID: client.ID.String(), Products: "company directory", RedirectURI: "https://example.com", PayrollProvider: "alcott_hr", Sandbox: "true", State: "s"}
		b := &browser{t: t, flow: w.Connect}
		b.open(good)
		b.do(connect.VerbAgree).at(connect.StepCredentials).do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").at(connect.StepProgress)
		token := w.token(t, client, b.code(), "https://example.com")
		if token.CustomerID != nil || !slices.Equal(token.Products, []perch.Product{perch.ProductCompany, perch.ProductDirectory}) {
			t.Errorf("token %+v", token)
		}
		plain := good
		plain.Sandbox = "false"
		b.open(plain)
		if b.at(connect.StepConsent); !b.view.Sandbox {
			t.Error("a sandbox application connects something real")
		}
		reauth := good
		reauth.ConnectionID, reauth.PayrollProvider = token.ConnectionID.String(), ""
		b.open(reauth)
		if !b.view.Reauthentication {
			t.Error("connection_id does not reauthenticate")
		}
		for name, edit := range map[string]func(*connect.OpenRequest){
			"an unknown client":                   func(r *connect.OpenRequest) { r.ClientID = perch.NewID().String() },
			"a redirect URI that is unregistered": func(r *connect.OpenRequest) { r.RedirectURI = "https://example.com/other" },
			"no product":                          func(r *connect.OpenRequest) { r.Products = "" },
			"an unknown product":                  func(r *connect.OpenRequest) { r.Products = "everything" },
			"an unknown provider":                 func(r *connect.OpenRequest) { r.PayrollProvider = "nobody" },
			"an unknown category":                 func(r *connect.OpenRequest) { r.Category = "crm" },
			"another's connection":                func(r *connect.OpenRequest) { r.ConnectionID = perch.NewID().String() },
		} {
			bad := good
			edit(&bad)
			b.open(bad)
			if b.view.Problem == nil || !b.view.Problem.Fatal || b.view.Outcome != nil {
				t.Errorf("%s: %+v", name, b.view)
			}
		}
	})
}
