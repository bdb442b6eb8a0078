package connect_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/provider"
)

// TestNoncesAreUnrelated collects those of a visit: each is random as a whole.
func TestNoncesAreUnrelated(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	b := w.opened(t, w.session(t, w.client, nil))
	var seen [][]byte
	step := func(verb connect.Verb, pairs ...string) {
		raw, err := base64.RawURLEncoding.DecodeString(b.view.Nonce)
		if err != nil || len(raw) != 32 {
			t.Fatalf("nonce %q", b.view.Nonce)
		}
		for _, before := range seen {
			for at := 0; at+4 <= len(raw); at++ {
				if bytes.Contains(before, raw[at:at+4]) {
					t.Errorf("%x and %x have a part in common", before, raw)
				}
			}
		}
		seen = append(seen, raw)
		b.do(verb, pairs...)
	}
	for range 3 {
		step(connect.VerbAgree)
		step(connect.VerbBack)
	}
	if len(seen) != 6 {
		t.Errorf("%d nonces", len(seen))
	}
}

// TestAFormThatWasUsedLongAgoIsAStrangers: only the form whose answer may have been lost is known.
func TestAFormThatWasUsedLongAgoIsAStrangers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil))
		consent := b.view.Nonce
		b.do(connect.VerbAgree)
		list := b.view.Nonce
		b.do(connect.VerbChoose, "provider", "alcott_hr").at(connect.StepCredentials)
		b.with(list, connect.VerbChoose, "provider", "alcott_hr").problem(connect.StepCredentials, "stale_form")
		shown := b.view.Nonce
		b.with(list, connect.VerbRefresh).at(connect.StepCredentials) // a lost answer may be lost again
		b.with(shown, connect.VerbSubmit, "username", "good_user", "password", "account_selection").at(connect.StepAccounts)
		b.with(consent, connect.VerbChoose, "account", "0").problem(connect.StepConsent, "stale_form")
		if b.view.Accounts != nil {
			t.Error("an old form shows the accounts")
		}
	})
}

func TestALostAnswerDoesNotLoseTheCode(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		b := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		done := b.view.Nonce
		lost := b.code()
		w.clock.Advance(9 * time.Minute)
		b.with(done, connect.VerbFinish)
		if b.view.Outcome == nil || b.view.Outcome.Kind != connect.OutcomeSuccess || b.view.Outcome.State != "my state" {
			t.Fatalf("outcome %+v, problem %+v", b.view.Outcome, b.view.Problem)
		}
		code := b.view.Outcome.Code
		_, err := w.Connect.Exchange(t.Context(), &w.client, lost, "")
		wantGrantError(t, "the code that was replaced", err)
		token := w.token(t, w.client, code, "")
		w.grant(t, token.AccessToken)
		b.with(done, connect.VerbFinish).problem(connect.StepProgress, "session_used") // it was exchanged

		late := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		done = late.view.Nonce
		late.code()
		w.clock.Advance(10 * time.Minute)
		late.with(done, connect.VerbFinish).problem(connect.StepProgress, "session_used")
	})
}

// TestALinkThatWasUsedGivesNoCode: the code goes to the page that finished and nobody else.
func TestALinkThatWasUsedGivesNoCode(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, nil)
		b := w.opened(t, id)
		first := b.view.Nonce
		code := b.login("", "good_pass").code()
		for name, nonce := range map[string]string{"no nonce": "", "an old nonce": first, "the newest nonce": b.view.Nonce} {
			if b.with(nonce, connect.VerbFinish); b.view.Outcome == nil || b.view.Outcome.Kind != connect.OutcomeError || b.view.Outcome.Code != "" {
				t.Errorf("%s: %+v", name, b.view.Outcome)
			}
		}
		again := w.opened(t, id)
		again.problem(connect.StepProgress, "session_used")
		if out := again.view.Outcome; out == nil || out.Kind != connect.OutcomeError || out.ShouldClose {
			t.Errorf("opening tells %+v", out)
		}
		if out := again.view.OnClose; out == nil || out.Kind != connect.OutcomeError || !out.ShouldClose {
			t.Errorf("closing tells %+v", out)
		}
		w.token(t, w.client, code, "")
	})
}

// TestClosingAnUnfinishedVisitDoesNotTellThatNobodyConnected opens the link again before the code was
// handed over, and closes.
func TestClosingAnUnfinishedVisitDoesNotTellThatNobodyConnected(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := w.session(t, w.client, nil)
		w.opened(t, id).login("", "good_pass").at(connect.StepProgress)
		b := w.opened(t, id).at(connect.StepConsent).do(connect.VerbClose)
		if out := b.view.Outcome; out == nil || out.Kind != connect.OutcomeError || out.ErrorType != "employer_connection_error" || !out.ShouldClose || out.Code != "" {
			t.Errorf("outcome %+v", out)
		}
		b = w.opened(t, id).login("", "good_pass").at(connect.StepProgress)
		token := w.token(t, w.client, b.code(), "")
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, token.AccessToken)))

		gone := w.session(t, w.client, nil)
		w.opened(t, gone).login("", "good_pass").at(connect.StepProgress)
		b = w.opened(t, gone).login("", "good_pass").at(connect.StepProgress)
		token = w.token(t, w.client, b.code(), "")
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, token.AccessToken)))

		back := w.session(t, w.client, func(n *connect.NewSession) { n.RedirectURI = "http://localhost:4000/cb" })
		r := &browser{t: t, flow: w.Connect}
		r.open(connect.OpenRequest{SessionID: back.String(), State: "s"})
		r.login("", "good_pass").at(connect.StepProgress)
		r.open(connect.OpenRequest{SessionID: back.String(), State: "s"})
		if r.do(connect.VerbClose); r.view.Outcome.URL != "http://localhost:4000/cb?error=connection_already_exists&state=s" {
			t.Errorf("goes to %s", r.view.Outcome.URL)
		}
	})
}

// TestACodeThatWasNeverExchangedWidensNothing: what counts is what tokens may read, and for the time
// that a code can still be exchanged what it will let them.
func TestACodeThatWasNeverExchangedWidensNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		few := []perch.Product{perch.ProductCompany, perch.ProductDirectory}
		many := []perch.Product{perch.ProductCompany, perch.ProductPayment, perch.ProductSSN}
		id := w.session(t, w.client, func(n *connect.NewSession) { n.Products = few })
		first := w.token(t, w.client, w.opened(t, id).login("", "good_pass").code(), "")

		wide := func() *browser {
			reauth, err := w.Connect.Reauthenticate(ctx, &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID, Products: many})
			must(t, err)
			b := w.opened(t, reauth).do(connect.VerbAgree).at(connect.StepCredentials)
			return b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").at(connect.StepProgress)
		}
		pending := func() []perch.Product {
			list, err := w.Store.PendingProducts(ctx, first.ConnectionID, w.clock.Now())
			must(t, err)
			return list
		}
		b := wide()
		w.clock.Advance(20 * time.Minute) // the employer watches; the sync reads for the code in hand
		if got := pending(); !slices.Equal(got, many) {
			t.Errorf("with a code in hand: %v", got)
		}
		code := b.code()
		w.clock.Advance(9 * time.Minute)
		if got := pending(); !slices.Equal(got, many) {
			t.Errorf("with a code that was handed over: %v", got)
		}
		w.clock.Advance(time.Minute)
		if got := pending(); got != nil {
			t.Errorf("with a code that is void: %v", got)
		}
		_, err := w.Connect.Exchange(ctx, &w.client, code, "")
		wantGrantError(t, "a void code", err)
		granted, err := w.Store.ConnectionProducts(ctx, first.ConnectionID)
		must(t, err)
		account, err := w.Store.Account(ctx, first.ConnectionID, first.EntityIDs[0])
		must(t, err)
		if !slices.Equal(granted, few) || !slices.Equal(account.Products, few) {
			t.Errorf("the connection has %v, its account %v", granted, account.Products)
		}
		reauth, err := w.Connect.Reauthenticate(ctx, &w.client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		if asked := w.opened(t, reauth).view.Permissions; len(asked) != 2 {
			t.Errorf("the next consent asks for %v", asked)
		}

		token := w.token(t, w.client, wide().code(), "")
		granted, err = w.Store.ConnectionProducts(ctx, first.ConnectionID)
		must(t, err)
		if len(granted) != 4 || !slices.Equal(token.Products, many) || pending() != nil {
			t.Errorf("after the exchange: %v, pending %v", granted, pending())
		}
	})
}

// TestAnExchangeAsksForWhatNoSyncHasRead: the sync that came with the visit read for the code; one that
// was under way before did not.
func TestAnExchangeAsksForWhatNoSyncHasRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		first, err := w.Store.LatestSync(ctx, madeEntity(t, w, b))
		must(t, err)
		token := w.token(t, w.client, b.code(), "")
		latest, err := w.Store.LatestSync(ctx, token.EntityIDs[0])
		must(t, err)
		if latest.ID != first.ID {
			t.Error("the exchange asked for a sync that was not needed")
		}
		must(t, w.Start(ctx))
		waitFor(t, func() bool {
			latest, err := w.Store.LatestSync(ctx, token.EntityIDs[0])
			must(t, err)
			return latest.State != "pending" && latest.State != "running"
		})
		w.clock.Advance(25 * time.Hour)
		lost := w.opened(t, w.session(t, w.client, nil)).login("", "good_pass").at(connect.StepProgress)
		entity := madeEntity(t, w, lost)
		waitFor(t, func() bool {
			latest, err := w.Store.LatestSync(ctx, entity)
			must(t, err)
			return latest.State != "pending" && latest.State != "running"
		})
		before, err := w.Store.LatestSync(ctx, entity)
		must(t, err)
		w.clock.Advance(25 * time.Hour) // the code in hand is void by now: the visit ends with a later one
		w.token(t, w.client, lost.code(), "")
		if after, err := w.Store.LatestSync(ctx, entity); err != nil || after.ID == before.ID {
			t.Errorf("no sync for a code that was made later: %v", err)
		}
	})
}

func madeEntity(t *testing.T, w *world, b *browser) perch.ID {
	t.Helper()
	id, err := perch.ParseID(b.view.SessionID)
	must(t, err)
	row, err := w.Store.ConnectSession(t.Context(), id)
	must(t, err)
	return row.Visit.MadeEntities[0]
}

func waitFor(t *testing.T, reached func() bool) {
	t.Helper()
	deadline, tick := time.Now().Add(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !reached() {
		if time.Now().After(deadline) {
			t.Fatal("it took too long")
		}
		<-tick.C
	}
}

// TestWhatAnEmployerAsksForIsSealed looks for it in the database's files.
func TestWhatAnEmployerAsksForIsSealed(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	const typed = "Payroll of Zaphod Q. Beeblebrox, 078-05-1120"
	session := w.session(t, w.client, nil)
	b := w.opened(t, session).do(connect.VerbAgree)
	for range 5 {
		b.do(connect.VerbRequest, "name", "  "+typed+" ").at(connect.StepProvider)
	}
	b.do(connect.VerbRequest, "name", typed).problem(connect.StepProvider, "unknown") // a link asks for so many
	list, err := w.Connect.RequestedProviders(t.Context(), w.client.ID, 10)
	must(t, err)
	if len(list) != 5 || list[0].Name != typed || list[0].SessionID != session {
		t.Errorf("asked for %+v", list)
	}
	if other, err := w.Connect.RequestedProviders(t.Context(), w.application(t, perch.ClientSandbox, access.Settings{}).ID, 10); err != nil || other != nil {
		t.Errorf("another application reads %v, %v", other, err)
	}
	events, err := w.Store.ConnectEvents(t.Context(), w.client.ID, session)
	must(t, err)
	for _, e := range events {
		if e.ProviderID != "" {
			t.Errorf("the funnel has %q", e.ProviderID)
		}
	}
	for _, name := range []string{"perch.db", "perch.db-wal"} {
		content, err := os.ReadFile(filepath.Join(w.config.Data, name))
		must(t, err)
		if bytes.Contains(content, []byte("Beeblebrox")) {
			t.Errorf("%s has it in the clear", name)
		}
	}
	preview := &browser{t: t, flow: w.Connect}
	preview.open(connect.OpenRequest{Preview: true, ClientID: w.client.ID.String(), Products: "company", Embedded: true, HostURL: host})
	preview.do(connect.VerbAgree).do(connect.VerbRequest, "name", typed).problem(connect.StepProvider, "unknown")
}

// TestALinkCannotFillTheFunnel goes back and forth for ever.
func TestALinkCannotFillTheFunnel(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	session := w.session(t, w.client, nil)
	b := w.opened(t, session)
	for range 200 {
		b.do(connect.VerbAgree).do(connect.VerbBack)
	}
	events, err := w.Store.ConnectEvents(t.Context(), w.client.ID, session)
	must(t, err)
	if len(events) < 400 || len(events) > 510 {
		t.Errorf("%d events", len(events))
	}
}

// TestASyncThatWasOvertakenIsFollowedByAnother grants more while a sync is reading for less.
func TestASyncThatWasOvertakenIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, client := t.Context(), w.real(t)
		w.system.accounts("k1")
		first := w.connectReal(t, client, w.session(t, client, func(n *connect.NewSession) { n.Products = []perch.Product{perch.ProductCompany} }))[0]
		begun, err := w.Store.LatestSync(ctx, first.EntityIDs[0])
		must(t, err)
		w.system.open = func() (provider.Source, error) {
			reauth, err := w.Connect.Reauthenticate(ctx, &client, connect.Reauthentication{ConnectionID: first.ConnectionID,
				Products: []perch.Product{perch.ProductCompany, perch.ProductPayment}})
			must(t, err)
			b := w.opened(t, reauth).do(connect.VerbAgree).do(connect.VerbSubmit, "username", "u", "password", "p")
			w.token(t, client, b.code(), "")
			return nothing{}, nil
		}
		_, err = w.Syncs.Run(ctx, first.ConnectionID, first.EntityIDs[0], begun.ID)
		must(t, err)
		next, err := w.Store.LatestSync(ctx, first.EntityIDs[0])
		must(t, err)
		if next.ID == begun.ID || next.State != "pending" {
			t.Fatalf("the payments that were granted are not read: %+v", next)
		}
		w.system.open = func() (provider.Source, error) { return nothing{}, nil }
		_, err = w.Syncs.Run(ctx, first.ConnectionID, first.EntityIDs[0], next.ID)
		must(t, err)
		if last, err := w.Store.LatestSync(ctx, first.EntityIDs[0]); err != nil || last.ID != next.ID {
			t.Errorf("syncs go on for ever: %v", err)
		}
	})
}
