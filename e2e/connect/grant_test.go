package connect_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

func wantGrantError(t *testing.T, what string, err error) {
	t.Helper()
	var e *perch.Error
	if !errors.As(err, &e) || e.Name != perch.NameInvalidGrant {
		t.Errorf("%s: got %v, want invalid_grant_error", what, err)
	}
}

func TestACodeWorksOnceForTenMinutesForItsApplication(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		code := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").code()
		other := w.application(t, perch.ClientSandbox, access.Settings{})
		_, err := w.Connect.Exchange(ctx, &other, code, "")
		wantGrantError(t, "another application", err)
		_, err = w.Connect.Exchange(ctx, &w.client, code, "https://example.com")
		wantGrantError(t, "a redirect URI that was not used", err)
		_, err = w.Connect.Exchange(ctx, &w.client, "guess", "")
		wantGrantError(t, "an unknown code", err)

		var wins, refusals int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := w.Connect.Exchange(ctx, &w.client, code, "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					wins++
				} else if errors.Is(err, &perch.Error{Name: perch.NameInvalidGrant}) {
					refusals++
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wins != 1 || refusals != 7 {
			t.Errorf("%d of 8 exchanges worked, %d were refused", wins, refusals)
		}

		b := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		w.clock.Advance(9 * time.Minute) // a code counts from when it is handed over
		late := b.code()
		w.clock.Advance(10 * time.Minute)
		_, err = w.Connect.Exchange(ctx, &w.client, late, "")
		wantGrantError(t, "after ten minutes", err)

		gone := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").code()
		g := w.grant(t, w.token(t, w.client, w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").code(), "").AccessToken)
		must(t, w.Access.Disconnect(ctx, g))
		w.token(t, w.client, gone, "") // another connection's end does not matter
	})
}

func TestACodeOfADisconnectedConnectionIsWorthNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, func(n *connect.NewSession) { n.CustomerID = "one" })
		first := w.token(t, w.client, w.opened(t, id).login("", "good_pass").code(), "")
		reauth, err := w.Connect.Reauthenticate(t.Context(), &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		b := w.opened(t, reauth).do(connect.VerbAgree).at(connect.StepCredentials)
		code := b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").code()
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, first.AccessToken)))
		_, err = w.Connect.Exchange(t.Context(), &w.client, code, "")
		wantGrantError(t, "a disconnected connection", err)
	})
}

// TestALinkToAConnectionThatEndedAsksForNothing: an employer would sign in for nothing.
func TestALinkToAConnectionThatEndedAsksForNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		first := w.token(t, w.client, w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").code(), "")
		reauth, err := w.Connect.Reauthenticate(t.Context(), &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		under := w.opened(t, reauth).do(connect.VerbAgree).at(connect.StepCredentials)
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, first.AccessToken)))
		under.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").problem(connect.StepCredentials, "session_expired")
		again := w.opened(t, reauth)
		if p := again.view.Problem; p == nil || !p.Fatal || again.view.Nonce != "" || !strings.Contains(p.Text, "has ended") {
			t.Errorf("problem %+v", p)
		}
	})
}

func TestReauthenticationKeepsEveryID(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.session(t, w.client, nil)
		b := w.opened(t, id).login("", "account_selection")
		first := w.token(t, w.client, b.do(connect.VerbChoose, "account", "0", "account", "2").code(), "")
		session, err := w.Connect.Reauthenticate(ctx, &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		b = w.opened(t, session)
		if !b.view.Reauthentication || len(b.view.Permissions) == 0 || b.view.Customer != "Blue Bakery" {
			t.Errorf("view %+v", b.view)
		}
		b.do(connect.VerbAgree).at(connect.StepCredentials)
		b.do(connect.VerbSubmit, "username", "good_user", "password", "account_selection").at(connect.StepProgress)
		second := w.token(t, w.client, b.code(), "")
		if second.ConnectionID != first.ConnectionID || second.CompanyID != first.CompanyID || !slices.Equal(second.EntityIDs, first.EntityIDs) ||
			second.AccessToken == first.AccessToken || !slices.Equal(second.Products, first.Products) {
			t.Errorf("first %+v, second %+v", first, second)
		}
		w.grant(t, first.AccessToken)
		if g := w.grant(t, second.AccessToken); g.Connection.Status != perch.StatusProcessing || len(g.Entities) != 2 {
			t.Errorf("after: %s, %d entities", g.Connection.Status, len(g.Entities))
		}
		_, err = w.Connect.Reauthenticate(ctx, &w.client, connect.Reauthentication{ConnectionID: perch.NewID()})
		if err == nil || !strings.Contains(err.Error(), "Connection not found") {
			t.Errorf("an unknown connection: %v", err)
		}
		other := w.application(t, perch.ClientSandbox, access.Settings{})
		if _, err = w.Connect.Reauthenticate(ctx, &other, connect.Reauthentication{ConnectionID: first.ConnectionID}); err == nil {
			t.Error("another application reauthenticates the connection")
		}
	})
}

func TestACustomerWithAConnectionIsSentToReauthentication(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		named := func(n *connect.NewSession) { n.CustomerID = "c1" }
		token := w.token(t, w.client, w.opened(t, w.session(t, w.client, named)).login("", "good_pass").code(), "")
		_, err := w.Connect.CreateSession(t.Context(), &w.client, connect.NewSession{CustomerID: "c1", CustomerName: "x", Products: []perch.Product{perch.ProductCompany}})
		var exists *connect.ConnectionExistsError
		if !errors.As(err, &exists) || exists.ConnectionID != token.ConnectionID || exists.CustomerID != "c1" {
			t.Fatalf("got %v", err)
		}
		w.session(t, w.application(t, perch.ClientSandbox, access.Settings{}), named) // another application's customer
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, token.AccessToken)))
		w.session(t, w.client, named)
	})
}

// real is a production application whose provider is the test's own connector.
func (w *world) real(t *testing.T) access.Application {
	t.Helper()
	return w.application(t, perch.ClientProduction, access.Settings{AllowedOrigins: []string{host}})
}

// connectReal walks a session of the customer through the connector and returns the token.
func (w *world) connectReal(t *testing.T, client access.Application, sessions ...perch.ID) []connect.Token {
	t.Helper()
	var tokens []connect.Token
	for _, session := range sessions {
		b := w.opened(t, session).do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto").at(connect.StepCredentials)
		b.do(connect.VerbSubmit, "username", "u", "password", "p")
		if b.view.Step == connect.StepAccounts {
			b.do(connect.VerbChoose, "account", "0", "account", "1")
		}
		tokens = append(tokens, w.token(t, client, b.code(), ""))
	}
	return tokens
}

func TestACompanyThatIsKnownJoinsItsConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		first, second []string
		customers     [2]string
		joins         bool
	}{
		{"the same company of the same customer", []string{"k1"}, []string{"k1"}, [2]string{"a", "a"}, true},
		{"the same EIN, written differently", []string{"ein:12-3456789"}, []string{"ein:123456789"}, [2]string{"a", "a"}, true},
		{"one of several companies", []string{"k1"}, []string{"k2", "k1"}, [2]string{"a", "a"}, true},
		{"another company", []string{"k1"}, []string{"k2"}, [2]string{"a", "a"}, false},
		{"the same company of another customer", []string{"k1"}, []string{"k1"}, [2]string{"a", "b"}, false},
		{"the same name and nothing more", []string{"name:Acme"}, []string{"name:Acme"}, [2]string{"a", "a"}, false},
		{"a key that looks like the EIN", []string{"ein:123456789"}, []string{"123456789"}, [2]string{"a", "a"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, w *world) {
				client := w.real(t)
				var sessions []perch.ID
				for _, customer := range c.customers { // both before there is a connection
					sessions = append(sessions, w.session(t, client, func(n *connect.NewSession) { n.CustomerID = customer }))
				}
				w.system.accounts(c.first...)
				first := w.connectReal(t, client, sessions[0])[0]
				w.system.accounts(c.second...)
				second := w.connectReal(t, client, sessions[1])[0]
				if got := first.ConnectionID == second.ConnectionID; got != c.joins {
					t.Fatalf("joined = %v", got)
				}
				for _, entity := range second.EntityIDs {
					if slices.Contains(first.EntityIDs, entity) {
						t.Error("the second token has the first one's entity")
					}
				}
				if c.joins && first.CompanyID != second.CompanyID {
					t.Error("the company's id changed")
				}
				if g := w.grant(t, first.AccessToken); len(g.Entities) != len(first.EntityIDs) {
					t.Error("the first token reads more than before")
				}
			})
		})
	}
}

func TestVisitsThatEndTogetherMakeOneConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.real(t)
		w.system.accounts("k1")
		var open []*browser
		for range 4 {
			b := w.opened(t, w.session(t, client, func(n *connect.NewSession) { n.CustomerID = "a" }))
			open = append(open, b.do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto"))
		}
		var all sync.WaitGroup
		for _, b := range open {
			all.Go(func() {
				view, err := b.flow.Do(t.Context(), connect.Action{SessionID: b.view.SessionID, Nonce: b.view.Nonce, Verb: connect.VerbSubmit,
					Values: map[string][]string{"username": {"u"}, "password": {"p"}}, RemoteIP: b.ip})
				if err != nil {
					t.Error(err)
				}
				b.view = view
			})
		}
		all.Wait()
		ids := map[perch.ID]bool{}
		for _, b := range open {
			ids[w.token(t, client, b.at(connect.StepProgress).code(), "").ConnectionID] = true
		}
		if len(ids) != 1 {
			t.Errorf("%d connections", len(ids))
		}
	})
}

func TestReauthenticationRefusesAnotherCompany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.real(t)
		w.system.accounts("k1")
		first := w.connectReal(t, client, w.session(t, client, nil))[0]
		id, err := w.Connect.Reauthenticate(t.Context(), &client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		w.system.accounts("k2")
		b := w.opened(t, id).do(connect.VerbAgree).at(connect.StepCredentials)
		b.do(connect.VerbSubmit, "username", "u", "password", "p").problem(connect.StepCredentials, "wrong_credentials")
		w.system.accounts("k1", "k9")
		b.do(connect.VerbSubmit, "username", "u", "password", "p").at(connect.StepProgress)
		if second := w.token(t, client, b.code(), ""); !slices.Equal(second.EntityIDs, first.EntityIDs) {
			t.Errorf("entities %v, want %v", second.EntityIDs, first.EntityIDs)
		}
	})
}

func TestAFailureOfTheProviderIsSaidAsWhatItIs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.real(t)
		b := w.opened(t, w.session(t, client, nil)).do(connect.VerbAgree).do(connect.VerbChoose, "provider", "gusto")
		for _, c := range []struct {
			err  error
			kind string
		}{
			{perch.ErrReauthenticate, "wrong_credentials"}, {&provider.MissingRight{Right: "View payroll"}, "permissions"},
			{provider.ErrLocked, "locked"}, {provider.ErrUnavailable, "provider_down"}, {errors.New("odd"), "unknown"},
		} {
			w.system.answer = func(provider.Attempt) (provider.Authentication, error) { return provider.Authentication{}, c.err }
			b.do(connect.VerbSubmit, "username", "u", "password", "p").problem(connect.StepCredentials, c.kind)
			if c.kind == "permissions" && b.view.Problem.Permission != "View payroll" {
				t.Errorf("the right is %q", b.view.Problem.Permission)
			}
		}
		id, err := perch.ParseID(b.view.SessionID)
		must(t, err)
		events, err := w.Store.ConnectEvents(t.Context(), client.ID, id)
		must(t, err)
		var kinds []string
		for _, e := range events {
			if e.ErrorKind != "" {
				kinds = append(kinds, e.ErrorKind+" "+e.Step+" "+e.ProviderID)
			}
		}
		if len(kinds) != 5 || kinds[1] != "permissions credentials gusto" {
			t.Errorf("the funnel has %v", kinds)
		}
	})
}

func TestADisconnectedEntityLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.opened(t, w.session(t, w.client, nil)).login("", "account_selection")
		token := w.token(t, w.client, b.do(connect.VerbChoose, "account", "0", "account", "1").code(), "")
		g := w.grant(t, token.AccessToken)
		var unknown *access.UnknownEntitiesError
		stranger := perch.NewID()
		if err := w.Access.DisconnectEntities(ctx, g, []perch.ID{token.EntityIDs[0], stranger}); !errors.As(err, &unknown) || !slices.Equal(unknown.IDs, []perch.ID{stranger}) {
			t.Fatalf("got %v", err)
		}
		must(t, w.Access.DisconnectEntities(ctx, g, token.EntityIDs[:1]))
		g = w.grant(t, token.AccessToken)
		in, err := w.Access.Introspect(ctx, g)
		must(t, err)
		if len(in.Entities) != 2 || in.Entities[0].ID != token.EntityIDs[1] || in.Entities[1].Status != perch.StatusDisconnected {
			t.Errorf("entities %+v", in.Entities)
		}
		if _, err := w.Keyring.Cipher(ctx, token.EntityIDs[0]); err == nil {
			t.Error("the key of the disconnected entity is still there")
		}
		if _, err := w.Keyring.Cipher(ctx, token.EntityIDs[1]); err != nil {
			t.Errorf("the other entity's key: %v", err)
		}
		must(t, w.Access.DisconnectEntities(ctx, g, token.EntityIDs[1:]))
		if _, err := w.Access.Authenticate(ctx, token.AccessToken); !errors.Is(err, perch.ErrInvalidToken) {
			t.Errorf("after the last entity: %v", err)
		}
		if _, err := w.Store.LiveConnection(ctx, w.client.ID, token.ConnectionID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the connection: %v", err)
		}
	})
}

func TestProgressShowsTheDataAsItArrives(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		b.do(connect.VerbRefresh).at(connect.StepProgress)
		if len(b.view.Products) != 2 || b.view.Products[0].Ready {
			t.Errorf("products %+v", b.view.Products)
		}
		must(t, w.Start(ctx))
		deadline := time.Now().Add(30 * time.Second)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for b.view.Step != connect.StepDone && time.Now().Before(deadline) {
			<-tick.C
			b.do(connect.VerbRefresh)
		}
		b.at(connect.StepDone)
		for _, p := range b.view.Products {
			if !p.Ready {
				t.Errorf("%+v", p)
			}
		}
		g := w.grant(t, w.token(t, w.client, b.code(), "").AccessToken)
		if g.Connection.Status != perch.StatusConnected && g.Entities[0].Groups[access.Organization].Generation == 0 {
			t.Errorf("status %s", g.Connection.Status)
		}
	})
}

// TestALegacyLinkTakesOverNoConnection opens a link that anyone who knows two ids can write.
func TestALegacyLinkTakesOverNoConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	client := w.application(t, perch.ClientSandbox, access.Settings{RedirectURIs: []string{"https://example.com"}})
	link := connect.OpenRequest{ClientID: client.ID.String(), Products: "company directory", RedirectURI: "https://example.com", Sandbox: "true", Manual: true}
	b := &browser{t: t, flow: w.Connect}
	b.open(link)
	b.do(connect.VerbAgree).at(connect.StepProvider).do(connect.VerbChoose, "provider", "paytime").at(connect.StepAssisted)
	b.do(connect.VerbConfirm)
	token := w.token(t, client, b.code(), "https://example.com")

	link.ConnectionID, link.Products = token.ConnectionID.String(), "company ssn"
	b.open(link)
	b.do(connect.VerbAgree).at(connect.StepAssisted).do(connect.VerbConfirm).problem(connect.StepAssisted, "unknown")
	if g := w.grant(t, token.AccessToken); g.Connection.Status != perch.StatusPending {
		t.Errorf("the connection is %s", g.Connection.Status)
	}
}

func TestALinkThatNobodyOpenedTakesNoAction(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	session := w.session(t, w.client, nil)
	view, err := w.Connect.Do(t.Context(), connect.Action{SessionID: session.String(), Nonce: "x", Verb: connect.VerbAgree})
	must(t, err)
	if view.Problem == nil || !view.Problem.Fatal || view.Nonce != "" {
		t.Errorf("view %+v", view)
	}
}

func TestReauthenticationCoversEveryAccount(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	b := w.opened(t, w.session(t, w.client, nil)).login("", "account_selection")
	first := w.token(t, w.client, b.do(connect.VerbChoose, "account", "0", "account", "1").code(), "")
	session, err := w.Connect.Reauthenticate(t.Context(), &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID})
	must(t, err)
	b = w.opened(t, session).do(connect.VerbAgree)
	b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass")
	if second := w.token(t, w.client, b.code(), ""); len(second.EntityIDs) != len(first.EntityIDs) {
		t.Errorf("the new token reads %d accounts, the one before %d", len(second.EntityIDs), len(first.EntityIDs))
	}
}
