package e2e

import (
	"database/sql"
	"errors"
	"net/http"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// anotherToken gives a connection one more access token.
func (s *server) anotherToken(t *testing.T, client credentials, made sandbox.Created) string {
	t.Helper()
	application, err := perch.ParseID(client.id)
	if err != nil {
		t.Fatal(err)
	}
	text, hash := access.NewSecret("")
	err = s.Store.Tx(t.Context(), func(tx *sql.Tx) error {
		return s.Store.InsertToken(t.Context(), tx, application, made.ConnectionID, made.EntityID, perch.NewID(), hash, made.Products, fixed())
	})
	if err != nil {
		t.Fatalf("making another token: %v", err)
	}
	return text
}

// dead checks that a token is refused by every endpoint that takes one.
func (s *server) dead(t *testing.T, token string) {
	t.Helper()
	requests := append(dataRequests(nobody, nobody, nobody),
		dataRequest{method: http.MethodGet, path: "/introspect"},
		dataRequest{method: http.MethodPost, path: "/disconnect"},
		dataRequest{method: http.MethodGet, path: "/providers"})
	for _, r := range requests {
		s.request(t, r.method, r.path, r.body, bearer(token)).fails(t, 401, perch.NameInvalidToken, "")
	}
}

func TestDisconnectEndsEveryTokenInEveryProcess(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		one, two := start(t, config), start(t, config)
		client := one.application(t, perch.ClientSandbox)
		made := one.ready(t, client, `{"provider_id":"paycor","employee_size":4}`)
		bystander := one.ready(t, client, `{"provider_id":"paycor","employee_size":4}`)
		tokens := []string{made.AccessToken, one.anotherToken(t, client, made)}
		for _, s := range []*server{one, two} {
			for _, token := range tokens {
				if got := len(s.everyone(t, token)); got != 4 {
					t.Fatalf("%d people before the disconnect", got)
				}
			}
		}
		var ended struct {
			Status string `json:"status"`
		}
		if two.post(t, tokens[1], "/disconnect", nil).into(t, &ended); ended.Status != "success" {
			t.Errorf("status %q", ended.Status)
		}
		for _, s := range []*server{one, two} {
			for _, token := range tokens {
				s.dead(t, token)
			}
			if got := len(s.everyone(t, bystander.AccessToken)); got != 4 {
				t.Errorf("the other connection has %d people now", got)
			}
		}
		for _, s := range []*server{one, two} {
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
		}
		again := start(t, config)
		for _, token := range tokens {
			again.dead(t, token)
		}
		for _, owner := range []perch.ID{made.EntityID, made.ConnectionID} {
			if _, err := again.Keyring.Cipher(t.Context(), owner); !errors.Is(err, secret.ErrDestroyed) {
				t.Errorf("the key of %s: error %v", owner, err)
			}
		}
	})
}

func TestDisconnectDuringASync(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{atCompany, atStatements} {
		t.Run("held at "+stage, func(t *testing.T) {
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider, stage)
				config.Connectors = []provider.Connector{g}
				s := start(t, config)
				made := s.connect(t, s.application(t, perch.ClientSandbox), held)
				receive(t, "the sync is held", g.reached(stage))
				if got := s.post(t, made.AccessToken, "/disconnect", nil); got.status != http.StatusOK {
					t.Fatalf("status %d: %s", got.status, got.body)
				}
				s.dead(t, made.AccessToken)
				g.release(stage)
				eventually(t, "the sync is over", func() bool {
					last, err := s.Store.LatestSync(t.Context(), made.EntityID)
					if err != nil {
						return true // it went with the data
					}
					return last.State == store.SyncComplete || last.State == store.SyncFailed
				})
				s.dead(t, made.AccessToken)
			})
		})
	}
}
