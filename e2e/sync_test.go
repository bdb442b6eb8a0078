package e2e

import (
	"context"
	"database/sql"
	"net/http"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// heldProvider is the provider whose syncs the gates of these tests hold.
const heldProvider = "paycor"

const held = `{"provider_id":"` + heldProvider + `","employee_size":3}`

func TestReadsAnswer202UntilTheirDataIsThere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		g := newGate(heldProvider, atCompany, atStatements)
		config.Connectors = []provider.Connector{g}
		s := start(t, config)
		token := s.connect(t, s.application(t, perch.ClientSandbox), held).AccessToken
		receive(t, "the sync begins", g.reached(atCompany))
		for _, r := range dataRequests(nobody, nobody, nobody) {
			s.request(t, r.method, r.path, r.body, bearer(token)).fails(t, 202, perch.NameSyncInProgress, "data_sync_in_progress")
		}
		g.release(atCompany)
		receive(t, "the sync comes to the statements", g.reached(atStatements))
		if got := len(s.everyone(t, token)); got != 3 {
			t.Errorf("%d people are there before the sync is over, want 3", got)
		}
		payments := s.payments(t, token)
		if len(payments) == 0 {
			t.Fatal("payments come before their statements, and there are none")
		}
		var b batch
		ids := []string{payments[0].ID.String(), nobody, payments[1].ID.String()}
		s.post(t, token, "/employer/pay-statement", statements(ids...)).into(t, &b)
		if codes := codesOf(b); codes != [3]int{202, 404, 202} {
			t.Errorf("before the statements are there the entries have %v", codes)
		}
		g.release(atStatements)
		s.connected(t, token)
		s.post(t, token, "/employer/pay-statement", statements(ids...)).into(t, &b)
		if codes := codesOf(b); codes != [3]int{200, 404, 200} {
			t.Errorf("after the sync the entries have %v", codes)
		}
	})
}

func codesOf(b batch) (codes [3]int) {
	for i, one := range b.Responses {
		codes[i] = one.Code
	}
	return codes
}

func TestPatientReadsWaitForTheFirstSync(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		stage string
		ask   func(s *server, t *testing.T, token string) dataRequest
	}{
		{"the company", atCompany, func(*server, *testing.T, string) dataRequest {
			return dataRequest{perch.ProductCompany, http.MethodGet, "/employer/company", nil}
		}},
		{"payments", atCompany, func(*server, *testing.T, string) dataRequest {
			return dataRequest{perch.ProductPayment, http.MethodGet, allPayments, nil}
		}},
		{"pay statements", atStatements, func(s *server, t *testing.T, token string) dataRequest {
			return dataRequest{perch.ProductPayStatement, http.MethodPost, "/employer/pay-statement", statements(s.payments(t, token)[0].ID.String())}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider, test.stage)
				config.Connectors = []provider.Connector{g}
				config.Patience = patience
				s := start(t, config)
				token := s.connect(t, s.application(t, perch.ClientSandbox), held).AccessToken
				receive(t, "the sync is held", g.reached(test.stage))
				got := s.waiting(t, token, test.ask(s, t, token))
				g.release(test.stage)
				one := <-got
				var b batch
				if test.stage == atStatements {
					one.into(t, &b)
					if b.Responses[0].Code != http.StatusOK {
						t.Errorf("the entry has code %d", b.Responses[0].Code)
					}
				} else if one.status != http.StatusOK {
					t.Errorf("status %d: %s", one.status, one.body)
				}
			})
		})
	}
}

// sync runs one more sync of a connection and waits until it is over.
func (s *server) sync(t *testing.T, client credentials, made sandbox.Created) store.Sync {
	t.Helper()
	s.enqueue(t, client, made)
	var last store.Sync
	eventually(t, "the sync is over", func() bool {
		var err error
		if last, err = s.Store.LatestSync(t.Context(), made.EntityID); err != nil {
			t.Fatal(err)
		}
		return last.State == store.SyncComplete || last.State == store.SyncFailed
	})
	return last
}

func (s *server) enqueue(t *testing.T, client credentials, made sandbox.Created) {
	t.Helper()
	application, err := perch.ParseID(client.id)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Store.Tx(t.Context(), func(tx *sql.Tx) error {
		return s.Queue.Enqueue(t.Context(), tx, application, made.ConnectionID, made.EntityID, "test")
	})
	if err != nil {
		t.Fatalf("queueing a sync: %v", err)
	}
}

func TestAnotherSyncChangesNothingButItsDate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		made := s.ready(t, client, `{"provider_id":"paycor","employee_size":12}`)
		before := s.snapshot(t, made.AccessToken)
		retrieved := s.get(t, made.AccessToken, "/employer/company").header.Get("Finch-Data-Retrieved")
		if last := s.sync(t, client, made); last.State != store.SyncComplete {
			t.Fatalf("the second sync ended as %s", last.State)
		}
		before.sameAs(t, s.snapshot(t, made.AccessToken))
		again := s.get(t, made.AccessToken, "/employer/company").header.Get("Finch-Data-Retrieved")
		if again <= retrieved {
			t.Errorf("the data was retrieved at %s, and after another sync at %s", retrieved, again)
		}
	})
}

func TestStateOfAConnectionDecidesTheAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		failure      error
		status       perch.ConnectionStatus
		code         int
		errorName    string
		finchCode    string
		keepsAnswers bool
	}{
		{"credentials that expired", perch.ErrReauthenticate, perch.StatusReauth, 401, perch.NameAuthentication, "reauthenticate_user", false},
		{"an account without rights", perch.ErrPermissions, perch.StatusPermissions, 403, perch.NamePermissions, "insufficient_account_permissions", false},
		{"an account that was never set up", perch.ErrAccountSetup, perch.StatusNoAccountSetup, 401, perch.NameAuthentication, "account_setup_required", false},
		{"a failure that passes by itself", context.DeadlineExceeded, perch.StatusConnected, 200, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider)
				config.Connectors = []provider.Connector{g}
				s := start(t, config)
				client := s.application(t, perch.ClientSandbox)
				made := s.ready(t, client, held)
				before := s.get(t, made.AccessToken, "/employer/directory")
				g.fail(test.failure)
				s.enqueue(t, client, made)
				var now answer
				eventually(t, "the failure shows", func() bool {
					now = s.get(t, made.AccessToken, "/employer/directory")
					return now.status != http.StatusOK || now.header.Get("Finch-Last-Attempted-Update-Result") == "error"
				})
				var in perch.Introspection
				s.get(t, made.AccessToken, "/introspect").into(t, &in)
				if in.ConnectionStatus.Status != test.status || in.Entities[0].Status != test.status {
					t.Errorf("the connection is %s and its entity %s, want %s", in.ConnectionStatus.Status, in.Entities[0].Status, test.status)
				}
				if !test.keepsAnswers {
					now.fails(t, test.code, test.errorName, test.finchCode)
				} else if string(now.body) != string(before.body) {
					t.Error("the last good data is gone")
				}
			})
		})
	}
}

// fixed is a clock that stands still, at noon so that no time zone changes the day.
func fixed() time.Time { return time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC) }
