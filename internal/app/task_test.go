package app_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/automated"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/provider"
)

// form is a task whose end the test sets. It knows one individual.
type form struct {
	known, entity perch.ID

	mu      sync.Mutex
	done    []automated.Work
	failure error
	stray   bool // returns without finishing
	panics  bool
	within  error
}

func (f *form) Accept(_ context.Context, _ *access.Grant, individual perch.ID) (perch.ID, error) {
	if individual != f.known {
		return perch.ID{}, perch.NotFound("individual_not_found", "No individual with id %s found", individual)
	}
	return f.entity, nil
}

func (f *form) Do(_ context.Context, work automated.Work, finish func(func(tx *sql.Tx) error) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, work)
	switch {
	case f.panics:
		panic("a bug")
	case f.failure != nil:
		return f.failure
	case f.stray:
		return nil
	}
	return finish(func(*sql.Tx) error { return f.within })
}

func (f *form) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.done)
}

// withForms is a world with a task and a token that may ask for it.
func withForms(t *testing.T, config app.Config) (*world, *form) {
	t.Helper()
	w := setup(t, config, one()).tenant(perch.ClientProduction, func(r *connection.Request) {
		r.Products = append(r.Products[:len(r.Products):len(r.Products)], perch.ProductDocuments)
	})
	f := &form{known: perch.NewID(), entity: w.made.EntityID}
	w.app.Jobs.Tasks[perch.JobW4Sync] = f
	return w, f
}

func (w *world) askForm(individual string) (int, requested) {
	w.t.Helper()
	var got requested
	answer := w.call("POST", "/jobs/automated", `{"type":"w4_form_employee_sync","params":{"individual_id":"`+individual+`"}}`, &got)
	return answer.StatusCode, got
}

func (w *world) runTask(job perch.ID) {
	w.app.Jobs.RunTask(w.t.Context(), w.made.Connection.ID, job)
}

func TestAFormIsFetchedByAJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w, f := withForms(t, config)
		events := listen(w.app)
		status, got := w.askForm(f.known.String())
		if status != http.StatusCreated || *got.Allowed != 1 || *got.Remaining != 1 {
			t.Fatalf("answered %d %+v", status, got)
		}
		if again, same := w.askForm(f.known.String()); again != http.StatusAccepted || same.JobID != got.JobID {
			t.Errorf("again: %d %+v", again, same)
		}
		must(t, w.app.Start(t.Context()))
		done := w.over(got.JobID)
		if done.Status != perch.JobComplete || done.Type != perch.JobW4Sync || done.ScheduledAt != nil || done.Params == nil || *done.Params.IndividualID != f.known {
			t.Errorf("over: %+v", done)
		}
		want := automated.Work{ApplicationID: w.appID, ConnectionID: w.made.Connection.ID, EntityID: w.made.EntityID, IndividualID: f.known, JobID: got.JobID}
		if len(f.done) != 1 || f.done[0] != want {
			t.Errorf("done %+v, want %+v", f.done, want)
		}
		told := events.bodies(t, w.app.Store, perch.EventW4SyncCompleted)
		if len(told) != 1 || !strings.Contains(told[0], got.JobID.String()) {
			t.Errorf("events %q", told)
		}
		if again, other := w.askForm(f.known.String()); again != http.StatusCreated || other.JobID == got.JobID {
			t.Errorf("after it: %d %+v", again, other)
		}
		w.refresh(http.StatusCreated) // forms cost no refresh
	})
}

func TestAFormIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w, f := withForms(t, app.Config{Data: t.TempDir()})
	if status, _ := w.askForm(perch.NewID().String()); status != http.StatusNotFound {
		t.Errorf("an unknown individual: %d", status)
	}
	without := w.tenant(perch.ClientProduction, nil)
	if status, _ := without.askForm(f.known.String()); status != http.StatusForbidden {
		t.Errorf("without the product: %d", status)
	}
	f.entity = perch.NewID()
	if status, _ := w.askForm(f.known.String()); status != http.StatusInternalServerError {
		t.Errorf("an entity of somebody else: %d", status)
	}
	delete(w.app.Jobs.Tasks, perch.JobW4Sync)
	if status, _ := w.askForm(f.known.String()); status != http.StatusNotImplemented {
		t.Errorf("without the task: %d", status)
	}
	if got := len(w.jobs().Data); got != 0 {
		t.Errorf("%d jobs were made", got)
	}
}

func TestEveryEndOfAForm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(f *form)
		want     perch.JobStatus
		attempts int
		status   perch.ConnectionStatus
	}{
		"it works":               {func(*form) {}, perch.JobComplete, 1, perch.StatusConnected},
		"credentials are old":    {func(f *form) { f.failure = perch.ErrReauthenticate }, perch.JobReauthError, 1, perch.StatusReauth},
		"rights are missing":     {func(f *form) { f.failure = &provider.MissingRight{Right: "forms"} }, perch.JobPermissionsError, 1, perch.StatusConnected},
		"the provider is broken": {func(f *form) { f.failure = errProvider }, perch.JobError, 5, perch.StatusConnected},
		"it cannot be stored":    {func(f *form) { f.within = errProvider }, perch.JobError, 5, perch.StatusConnected},
		"it panics":              {func(f *form) { f.panics = true }, perch.JobError, 5, perch.StatusConnected},
		"it forgets to finish":   {func(f *form) { f.stray = true }, perch.JobError, 5, perch.StatusConnected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, config app.Config) {
				c := newClock()
				config.Now = c.now
				w, f := withForms(t, config)
				w.mustSync()
				test.change(f)
				events := listen(w.app)
				_, got := w.askForm(f.known.String())
				for attempt := range test.attempts {
					if before := w.job(got.JobID); before.CompletedAt != nil || before.Status != perch.JobPending {
						t.Fatalf("after %d attempts: %+v", attempt, before)
					}
					w.runTask(got.JobID)
					if documents := w.grant().Entities[0].Groups[access.Documents]; test.want != perch.JobComplete &&
						(documents.Result != access.ResultError || !documents.AttemptedAt.Equal(c.now())) {
						t.Errorf("the documents after attempt %d: %+v", attempt, documents)
					}
				}
				if is := w.grant().Connection.Status; is != test.status {
					t.Errorf("the connection is %s", is)
				}
				if over := w.job(got.JobID); over.Status != test.want || over.CompletedAt == nil || f.times() != test.attempts {
					t.Errorf("over: %+v after %d attempts", over, f.times())
				}
				if told := events.bodies(t, w.app.Store, perch.EventW4SyncCompleted); len(told) != 1 {
					t.Errorf("events %q", told)
				}
				w.runTask(got.JobID) // a job that was queued twice
				if f.times() != test.attempts {
					t.Error("it was done once more")
				}
			})
		})
	}
}

func TestAFormWaitsForItsProvider(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w, f := withForms(t, config)
		f.failure = errors.Join(errors.New("reading a form"), &provider.RateLimited{After: time.Hour})
		_, got := w.askForm(f.known.String())
		idle := func() int {
			list, err := w.app.Store.IdleJobs(t.Context(), c.now(), 10)
			must(t, err)
			return len(list)
		}
		for range 8 {
			w.runTask(got.JobID)
			if idle() != 0 {
				t.Error("it is due at once")
			}
			c.move(time.Hour + time.Second)
			if idle() != 1 {
				t.Error("it is not due after the pause")
			}
		}
		if over := w.job(got.JobID); over.CompletedAt != nil {
			t.Errorf("over: %+v", over)
		}
	})
}

// The process that took the job is never heard of again; another one, which looks for such jobs, does it.
func TestAFormOfADeadProcessIsFetchedByAnother(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w, f := withForms(t, config)
		_, got := w.askForm(f.known.String())
		must(t, w.app.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := w.app.Store.TakeJob(t.Context(), tx, w.made.Connection.ID, got.JobID, "dead", c.now(), c.now().Add(time.Minute))
			return err
		}))
		w.runTask(got.JobID)
		if f.times() != 0 {
			t.Error("it was taken from a process that may live")
		}
		c.move(time.Minute + time.Second)
		second, _ := w.second(config)
		second.Jobs.Tasks[perch.JobW4Sync] = f
		must(t, second.Start(t.Context()))
		if over := w.over(got.JobID); over.Status != perch.JobComplete {
			t.Errorf("over: %+v", over)
		}
	})
}

func TestAFormThatNoProcessSurvivesIsGivenUp(t *testing.T) {
	t.Parallel()
	c := newClock()
	w, f := withForms(t, app.Config{Data: t.TempDir(), Now: c.now})
	_, got := w.askForm(f.known.String())
	for range 5 {
		must(t, w.app.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := w.app.Store.TakeJob(t.Context(), tx, w.made.Connection.ID, got.JobID, "dead", c.now(), c.now().Add(time.Minute))
			return err
		}))
		c.move(time.Minute + time.Second)
	}
	w.runTask(got.JobID)
	if over := w.job(got.JobID); over.Status != perch.JobError || f.times() != 0 {
		t.Errorf("over: %+v after %d attempts", over, f.times())
	}
}

// Two tokens of a connection see each other's syncs, but forms only of people that they may read.
func TestFormsShowOnlyToTokensOfTheirEntity(t *testing.T) {
	t.Parallel()
	w, f := withForms(t, app.Config{Data: t.TempDir()})
	first := w.made.AccessToken
	f.entity = w.addEntity(perch.ProductDocuments)
	both := w.made.AccessToken
	_, got := w.askForm(f.known.String())
	if listed := len(w.jobs().Data); listed != 1 {
		t.Errorf("%d jobs", listed)
	}
	w.made.AccessToken = first
	if answer := w.call("GET", "/jobs/automated/"+got.JobID.String(), "", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a token of another entity: %d", answer.StatusCode)
	}
	if listed := len(w.jobs().Data); listed != 0 {
		t.Errorf("a token of another entity sees %d jobs", listed)
	}
	w.made.AccessToken = both
	must(t, w.app.Access.DisconnectEntities(t.Context(), w.grant(), []perch.ID{f.entity}))
	if over := w.job(got.JobID); over.Status != perch.JobError {
		t.Errorf("after its entity was disconnected: %+v", over)
	}
}
