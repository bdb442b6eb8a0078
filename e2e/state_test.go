package e2e

import (
	"database/sql"
	"errors"
	"net/http"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/provider"
)

// state is one row of the table that says what a connection's state answers.
type state struct {
	name string
	// reach brings a new connection into the state.
	reach func(t *testing.T, s *server, g *gate, client credentials) sandbox.Created
	// status is what introspect says, code, error and finchCode what data endpoints answer.
	status            perch.ConnectionStatus
	code              int
	error, finchCode  string
	attempted         string // Finch-Last-Attempted-Update-Result
	refresh           int    // what a refresh answers
	jobs              int    // how many jobs there are before that
	lastJob           perch.JobStatus
	keepsItsDirectory bool
}

const assisted = `{"provider_id":"paytime","authentication_type":"assisted","employee_size":3,
	"products":["company","directory","individual","employment","payment","pay_statement"]}`

// refused reaches the state in which a failure of the provider leaves a connection that worked.
func refused(failure error) func(*testing.T, *server, *gate, credentials) sandbox.Created {
	return func(t *testing.T, s *server, g *gate, client credentials) sandbox.Created {
		made := s.ready(t, client, held)
		g.fail(failure)
		job := s.refresh(t, made.AccessToken, http.StatusCreated)
		eventually(t, "the refresh is over", func() bool { return s.job(t, made.AccessToken, job.JobID).CompletedAt != nil })
		return made
	}
}

var states = []state{
	{name: "pending", status: perch.StatusPending, code: 202, error: perch.NameAuthorizationPending, finchCode: "pending", refresh: 400,
		reach: func(t *testing.T, s *server, _ *gate, client credentials) sandbox.Created {
			return s.connect(t, client, assisted)
		}},
	{name: "accountant setup pending", status: perch.StatusProcessing, code: 202, error: perch.NameAuthorizationPending, finchCode: "accountant_setup_pending", refresh: 400,
		reach: func(t *testing.T, s *server, _ *gate, client credentials) sandbox.Created {
			made := s.connect(t, client, assisted)
			if err := s.Store.Tx(t.Context(), func(tx *sql.Tx) error {
				return s.Store.SetStatus(t.Context(), tx, made.ConnectionID, made.EntityID, perch.StatusProcessing, "")
			}); err != nil {
				t.Fatal(err)
			}
			return made
		}},
	{name: "the first sync runs", status: perch.StatusProcessing, code: 202, error: perch.NameSyncInProgress, finchCode: "data_sync_in_progress",
		refresh: 202, jobs: 1, lastJob: perch.JobInProgress,
		reach: func(t *testing.T, s *server, g *gate, client credentials) sandbox.Created {
			made := s.connect(t, client, held)
			receive(t, "the sync begins", g.reached(atCompany))
			return made
		}},
	{name: "connected", status: perch.StatusConnected, code: 200, attempted: "success", refresh: 201, jobs: 1, lastJob: perch.JobComplete, keepsItsDirectory: true,
		reach: func(t *testing.T, s *server, _ *gate, client credentials) sandbox.Created {
			return s.ready(t, client, held)
		}},
	{name: "connected, a later sync failed", status: perch.StatusConnected, code: 200, attempted: "error", refresh: 201, jobs: 2, lastJob: perch.JobError, keepsItsDirectory: true,
		reach: refused(errors.New("the provider is down"))},
	{name: "reauth", status: perch.StatusReauth, code: 401, error: perch.NameAuthentication, finchCode: "reauthenticate_user", refresh: 201, jobs: 2, lastJob: perch.JobReauthError,
		reach: refused(perch.ErrReauthenticate)},
	{name: "no account setup", status: perch.StatusNoAccountSetup, code: 401, error: perch.NameAuthentication, finchCode: "account_setup_required", refresh: 201, jobs: 2, lastJob: perch.JobError,
		reach: refused(perch.ErrAccountSetup)},
	{name: "missing permissions", status: perch.StatusPermissions, code: 403, error: perch.NamePermissions, finchCode: "insufficient_account_permissions", refresh: 201, jobs: 2, lastJob: perch.JobPermissionsError,
		reach: refused(perch.ErrPermissions)},
}

func TestEveryStateAnswersAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, row := range states {
		t.Run(row.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider)
				if row.refresh == http.StatusAccepted {
					g = newGate(heldProvider, atCompany)
				}
				config.Connectors = []provider.Connector{g}
				s := start(t, config)
				s.Syncs.MaxAttempts = 1
				made := row.reach(t, s, g, s.application(t, perch.ClientSandbox))
				row.reads(t, s, made.AccessToken)
				row.manages(t, s, made)
				if row.refresh == http.StatusAccepted {
					g.release(atCompany)
				}
			})
		})
	}
}

// reads checks the data endpoints.
func (row *state) reads(t *testing.T, s *server, token string) {
	t.Helper()
	for _, r := range dataRequests(nobody, nobody, nobody) {
		got := s.request(t, r.method, r.path, r.body, bearer(token))
		switch {
		case row.code != http.StatusOK:
			got.fails(t, row.code, row.error, row.finchCode)
		case got.status != http.StatusOK && got.status != http.StatusNotFound: // nobody's pay group
			t.Errorf("%s answers %d: %s", r.path, got.status, got.body)
		}
		if result := got.header.Get("Finch-Last-Attempted-Update-Result"); got.status == http.StatusOK && result != row.attempted ||
			(got.header.Get("Finch-Last-Attempted-Update-Date") == "") != (got.status != http.StatusOK) {
			t.Errorf("%s: %v", r.path, got.header)
		}
	}
	if row.keepsItsDirectory && len(s.everyone(t, token)) != 3 {
		t.Error("the data that was there is gone")
	}
}

// manages checks introspection, jobs and disconnection, after which nothing answers.
func (row *state) manages(t *testing.T, s *server, made sandbox.Created) {
	t.Helper()
	token := made.AccessToken
	var in perch.Introspection
	s.get(t, token, "/introspect").into(t, &in)
	if in.ConnectionStatus.Status != row.status || in.Entities[0].Status != row.status || in.ConnectionID != made.ConnectionID {
		t.Errorf("introspect says %+v, want %s", in, row.status)
	}
	list := s.jobs(t, token)
	if len(list.Data) != row.jobs || row.jobs > 0 && list.Data[0].Status != row.lastJob {
		t.Errorf("jobs %+v, want %d, the last %s", list.Data, row.jobs, row.lastJob)
	}
	if got := s.post(t, token, "/jobs/automated", `{"type":"data_sync_all"}`); got.status != row.refresh {
		t.Errorf("a refresh answers %d: %s", got.status, got.body)
	}
	if got := s.post(t, token, "/disconnect", nil); got.status != http.StatusOK {
		t.Errorf("disconnect answers %d: %s", got.status, got.body)
	}
	s.dead(t, token)
	if got := s.get(t, token, "/jobs/automated"); got.status != http.StatusUnauthorized {
		t.Errorf("the jobs of a disconnected connection answer %d", got.status)
	}
	for _, r := range dataRequests(nobody, nobody, nobody) {
		s.request(t, r.method, r.path, r.body, bearer(token)).fails(t, 401, perch.NameInvalidToken, "")
	}
}
