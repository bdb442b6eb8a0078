package connect_test

import (
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/provider"
)

// nothing is an account that holds no data.
type nothing struct{}

// Close implements provider.Source.
func (nothing) Close() error { return nil }

func (w *world) jobs(t *testing.T, g *access.Grant) []automated.Job {
	t.Helper()
	list, err := w.Jobs.List(t.Context(), g, 100, 0)
	must(t, err)
	return list.Jobs
}

// runSync runs what is unfinished of the grant's first entity. Its error stands in its row.
func (w *world) runSync(t *testing.T, g *access.Grant) {
	t.Helper()
	last, err := w.Store.LatestSync(t.Context(), g.Entities[0].ID)
	must(t, err)
	_, _ = w.Syncs.Run(t.Context(), last.ConnectionID, last.EntityID, last.ID)
}

func TestAConnectionIsReadAgainOnceItIsReauthenticated(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		client := w.real(t)
		w.system.accounts("k1")
		w.system.open = func() (provider.Source, error) { return nothing{}, nil }
		first := w.connectReal(t, client, w.session(t, client, nil))[0]
		g := w.grant(t, first.AccessToken)
		if jobs := w.jobs(t, g); len(jobs) != 1 || jobs[0].Status != perch.JobPending || jobs[0].ScheduledAt.IsZero() {
			t.Fatalf("after the visit: %+v", jobs)
		}
		w.runSync(t, g)
		if jobs := w.jobs(t, g); len(jobs) != 2 || jobs[1].Status != perch.JobComplete || !jobs[0].StartedAt.IsZero() {
			t.Fatalf("after the first sync: %+v", jobs)
		}

		// The credentials stop working: the next sync says so, and it is the last one.
		w.system.open = func() (provider.Source, error) { return nil, perch.ErrReauthenticate }
		w.clock.Advance(25 * time.Hour)
		must(t, w.Jobs.Look(t.Context()))
		w.runSync(t, g)
		if jobs := w.jobs(t, g); len(jobs) != 2 || jobs[0].Status != perch.JobReauthError {
			t.Fatalf("after the credentials stopped working: %+v", jobs)
		}
		if g = w.grant(t, first.AccessToken); g.Connection.Status != perch.StatusReauth {
			t.Errorf("the connection is %s", g.Connection.Status)
		}
		w.clock.Advance(10 * 24 * time.Hour)
		must(t, w.Jobs.Look(t.Context()))
		if jobs := w.jobs(t, g); len(jobs) != 2 {
			t.Errorf("it is read on and on: %+v", jobs)
		}

		// The employer logs in again.
		w.system.open = func() (provider.Source, error) { return nothing{}, nil }
		session, err := w.Connect.Reauthenticate(t.Context(), &client, connect.Reauthentication{ConnectionID: first.ConnectionID})
		must(t, err)
		b := w.opened(t, session).do(connect.VerbAgree).at(connect.StepCredentials)
		second := w.token(t, client, b.do(connect.VerbSubmit, "username", "u", "password", "p").code(), "")
		g = w.grant(t, second.AccessToken)
		if jobs := w.jobs(t, g); len(jobs) != 3 || jobs[0].Status != perch.JobPending || jobs[0].StartedAt.IsZero() || !jobs[0].ScheduledAt.IsZero() {
			t.Fatalf("after the employer logged in: %+v", jobs)
		}
		w.runSync(t, g)
		jobs := w.jobs(t, g)
		if len(jobs) != 4 || jobs[1].Status != perch.JobComplete || !jobs[0].StartedAt.IsZero() || !jobs[0].ScheduledAt.After(w.clock.Now()) {
			t.Errorf("after its sync: %+v", jobs)
		}
		if g = w.grant(t, first.AccessToken); g.Connection.Status != perch.StatusConnected {
			t.Errorf("the connection is %s", g.Connection.Status)
		}
	})
}
