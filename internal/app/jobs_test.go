package app_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

func TestARefreshIsAJobThatEndsWithItsSync(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		events := listen(w.app)
		first := w.refresh(http.StatusCreated)
		if *first.Allowed != 10 || *first.Remaining != 9 || first.RetryAt != nil || first.JobURL != w.server.URL+"/jobs/automated/"+first.JobID.String() {
			t.Errorf("answer %+v", first)
		}
		again := w.refresh(http.StatusAccepted)
		if again.JobID != first.JobID || *again.Remaining != 9 {
			t.Errorf("while it is queued: %+v, first %+v", again, first)
		}
		if got := w.job(first.JobID); got.Status != perch.JobPending || got.CompletedAt != nil || got.ScheduledAt != nil || !got.CreatedAt.Equal(c.now()) {
			t.Errorf("queued: %+v", got)
		}
		must(t, w.app.Start(t.Context()))
		done := w.over(first.JobID)
		if done.Status != perch.JobComplete || done.Type != perch.JobDataSyncAll || done.Params != nil || done.StartedAt == nil {
			t.Errorf("over: %+v", done)
		}
		if d := w.directory(); d.Paging.Count != 1 {
			t.Errorf("directory %+v", d)
		}
		page := w.jobs()
		if len(page.Data) != 2 || page.Data[0].Status != perch.JobPending || page.Data[0].StartedAt != nil || page.Data[1].JobID != first.JobID {
			t.Errorf("list %+v", page.Data)
		}
		if q := page.Meta.Quotas["data_sync_all"]; q.Allowed != 10 || q.Remaining != 9 {
			t.Errorf("quotas %+v", page.Meta.Quotas)
		}
		told := events.bodies(t, w.app.Store, perch.EventDataSyncCompleted)
		if len(told) != 1 || !strings.Contains(told[0], `"job_id":"`+first.JobID.String()+`"`) ||
			!strings.Contains(told[0], `"entity_id":"`+w.made.EntityID.String()+`"`) || !strings.Contains(told[0], `"company_id":"`+w.made.Connection.CompanyID.String()+`"`) {
			t.Errorf("events %q", told)
		}
	})
}

func TestOneRefreshAnHour(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one()).tenant(perch.ClientProduction, nil)
		first := w.refresh(http.StatusCreated)
		if *first.Allowed != 1 || *first.Remaining != 0 || first.RetryAt != nil {
			t.Errorf("the first: %+v", first)
		}
		c.move(10 * time.Minute)
		if got := w.refresh(http.StatusAccepted); got.JobID != first.JobID || *got.Remaining != 0 {
			t.Errorf("while it is queued: %+v", got)
		}
		w.runAll()
		for range 3 { // a refused request does not count, however often
			got := w.refresh(http.StatusTooManyRequests)
			if got.JobID != first.JobID || *got.Allowed != 1 || *got.Remaining != 0 || got.RetryAt == nil || !got.RetryAt.Equal(c.now().Add(50*time.Minute)) {
				t.Errorf("refused: %+v", got)
			}
		}
		if got := len(w.jobs().Data); got != 2 {
			t.Errorf("%d jobs, want the first and the scheduled one", got)
		}
		c.move(50*time.Minute - time.Second)
		answer := w.call("POST", "/jobs/automated", `{"type":"data_sync_all"}`, nil)
		if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("a second before the hour is over: %d, Retry-After %s", answer.StatusCode, answer.Header.Get("Retry-After"))
		}
		if q := w.jobs().Meta.Quotas["data_sync_all"]; q.Allowed != 1 || q.Remaining != 0 {
			t.Errorf("quotas %+v", q)
		}
		c.move(time.Second)
		if q := w.jobs().Meta.Quotas["data_sync_all"]; q.Remaining != 1 {
			t.Errorf("after the hour: quotas %+v", q)
		}
		if got := w.refresh(http.StatusCreated); got.JobID == first.JobID {
			t.Error("after the hour: the same job")
		}
		other := w.tenant(perch.ClientProduction, nil)
		other.refresh(http.StatusCreated) // every connection has its own
	})
}

// Time goes on while a request is answered, and the hour may end meanwhile.
func TestARefusalAtTheEndOfTheHourSaysWhen(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := setup(t, app.Config{Data: t.TempDir(), Now: func() time.Time { c.move(time.Microsecond); return c.now() }}, one()).tenant(perch.ClientProduction, nil)
	w.refresh(http.StatusCreated)
	w.runAll()
	end := w.refresh(http.StatusTooManyRequests).RetryAt.Add(2 * time.Millisecond) // it is told in milliseconds
	for left := 5 * time.Millisecond; c.now().Before(end); left -= time.Microsecond {
		c.move(end.Add(-left).Sub(c.now()))
		var got requested
		if answer := w.call("POST", "/jobs/automated", `{"type":"data_sync_all"}`, &got); answer.StatusCode != http.StatusTooManyRequests {
			return
		}
		if got.RetryAt == nil || got.RetryAt.Before(end.Add(-3*time.Millisecond)) {
			t.Fatalf("refused: %+v", got)
		}
	}
}

func TestTenRefreshesAnHourInTheSandbox(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, one())
	for i := range 10 {
		if got := w.refresh(http.StatusCreated); *got.Allowed != 10 || *got.Remaining != 9-i {
			t.Errorf("%d: %+v", i, got)
		}
		w.runAll()
	}
	w.refresh(http.StatusTooManyRequests)
}

// A job that runs by itself is returned, and costs nothing.
func TestTheFirstSyncIsReturnedWhileItRuns(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, one()).tenant(perch.ClientProduction, nil)
	w.enqueue()
	first := w.jobs().Data[0]
	if got := w.refresh(http.StatusAccepted); got.JobID != first.JobID || *got.Remaining != 1 {
		t.Errorf("%+v while %+v runs", got, first)
	}
	if first.ScheduledAt == nil || !first.ScheduledAt.Equal(first.CreatedAt) || first.StartedAt == nil {
		t.Errorf("the first sync %+v", first)
	}
}

func TestProcessesShareTheQuota(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, one()).tenant(perch.ClientProduction, nil)
		second := w.through(w.second(config))
		answers := make(chan int, 16)
		var all sync.WaitGroup
		for i := range cap(answers) {
			all.Go(func() {
				through := w
				if i%2 == 1 {
					through = second
				}
				status, _ := through.ask()
				answers <- status
			})
		}
		all.Wait()
		close(answers)
		made := 0
		for status := range answers {
			if status == http.StatusCreated {
				made++
			} else if status != http.StatusAccepted {
				t.Errorf("answered %d", status)
			}
		}
		if got := len(w.jobs().Data); made != 1 || got != 1 {
			t.Errorf("%d refreshes were granted, and there are %d jobs", made, got)
		}
	})
}

func TestEveryEndOfAJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure error
		want    perch.JobStatus
		status  perch.ConnectionStatus
		again   bool // is read again by itself
	}{
		"it works":               {nil, perch.JobComplete, perch.StatusConnected, true},
		"credentials are old":    {perch.ErrReauthenticate, perch.JobReauthError, perch.StatusReauth, false},
		"rights are missing":     {perch.ErrPermissions, perch.JobPermissionsError, perch.StatusPermissions, false},
		"there is no account":    {perch.ErrAccountSetup, perch.JobError, perch.StatusNoAccountSetup, false},
		"the provider is broken": {errProvider, perch.JobError, perch.StatusProcessing, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, config app.Config) {
				s := one()
				s.openError = test.failure
				w := setup(t, config, s)
				w.app.Syncs.MaxAttempts = 1
				events := listen(w.app)
				id := w.refresh(http.StatusCreated).JobID
				w.runAll()
				if got := w.job(id); got.Status != test.want || got.CompletedAt == nil {
					t.Errorf("the job is %+v, want %s", got, test.want)
				}
				if got := w.status(); got.Status != test.status {
					t.Errorf("the connection is %+v, want %s", got, test.status)
				}
				if next := w.next(); (next != nil) != test.again {
					t.Errorf("next %+v", next)
				}
				if told := events.bodies(t, w.app.Store, perch.EventDataSyncCompleted); len(told) != 1 {
					t.Errorf("events %q", told)
				}
				// A refresh tries again, whatever the status: the employer may have put it right.
				s.openError = nil
				again := w.refresh(http.StatusCreated)
				w.runAll()
				if got := w.job(again.JobID); got.Status != perch.JobComplete || w.status().Status != perch.StatusConnected || w.next() == nil {
					t.Errorf("then: %+v, %+v, next %+v", got, w.status(), w.next())
				}
			})
		})
	}
}

func TestAFailureThatPassesEndsAfterEightAttempts(t *testing.T) {
	t.Parallel()
	s := one()
	s.openError = errProvider
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	id := w.refresh(http.StatusCreated).JobID
	for i := range 8 {
		if got := w.job(id); got.CompletedAt != nil {
			t.Fatalf("over after %d attempts: %+v", i, got)
		}
		w.runAll()
	}
	if got := w.job(id); got.Status != perch.JobError {
		t.Errorf("after eight attempts: %+v", got)
	}
}

func TestAJobCoversEveryEntity(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := one()
		w := setup(t, config, s)
		second := w.addEntity()
		id := w.refresh(http.StatusCreated).JobID
		w.runAll()
		if got := w.job(id); got.Status != perch.JobInProgress {
			t.Errorf("after one of two syncs: %+v", got)
		}
		s.openError = perch.ErrReauthenticate
		latest, err := w.app.Store.LatestSync(t.Context(), second)
		must(t, err)
		_, err = w.app.Syncs.Run(t.Context(), latest.ConnectionID, latest.EntityID, latest.ID)
		if err == nil {
			t.Error("no error")
		}
		if got := w.job(id); got.Status != perch.JobReauthError {
			t.Errorf("the worse of two ends: %+v", got)
		}
		if w.next() == nil {
			t.Error("the entity that is well is not read any more")
		}
	})
}

func TestAJobWhoseLastEntityIsDisconnectedEnds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, one())
		w.addEntity()
		id := w.refresh(http.StatusCreated).JobID
		w.runAll()
		second := w.entities()[1]
		must(t, w.app.Access.DisconnectEntities(t.Context(), w.grant(), []perch.ID{second}))
		w.look()
		if got := w.job(id); got.Status != perch.JobComplete {
			t.Errorf("got %+v", got)
		}
	})
}

func TestJobsOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, one())
	client, _, err := w.app.Access.CreateApplication(t.Context(), "mine", perch.ClientSandbox)
	must(t, err)
	mine, sibling := w.oneMore(client, nil), w.oneMore(client, nil)
	id := mine.refresh(http.StatusCreated).JobID
	for name, ask := range map[string]struct {
		w  *world
		id string
	}{
		"another application":       {w, id.String()},
		"another connection":        {sibling, id.String()},
		"an id that nothing has":    {mine, perch.NewID().String()},
		"something that is no id":   {mine, "job-fb3b25dc"},
		"an id with a byte too few": {mine, id.String()[1:]},
	} {
		var body struct {
			Name, Message string
			Code          string `json:"finch_code"`
		}
		answer := ask.w.call("GET", "/jobs/automated/"+ask.id, "", &body)
		if answer.StatusCode != http.StatusNotFound || body.Code != "item_not_found" || body.Name != perch.NameNotFound || body.Message != "could not find job with id '"+ask.id+"'" {
			t.Errorf("%s: %d %+v", name, answer.StatusCode, body)
		}
	}
	if got := len(sibling.jobs().Data); got != 0 {
		t.Errorf("%d jobs of a connection without any", got)
	}
}

func TestAssistedConnectionsHaveNoJobs(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, one()).tenant(perch.ClientProduction, func(r *connection.Request) {
		r.Authentication, r.Status = perch.AuthAssisted, perch.StatusPending
	})
	for _, body := range []string{`{"type":"data_sync_all"}`, `{"type":"w4_form_employee_sync","params":{"individual_id":"` + perch.NewID().String() + `"}}`} {
		var got map[string]any
		answer := w.call("POST", "/jobs/automated", body, &got)
		if answer.StatusCode != http.StatusBadRequest || got["message"] != "cannot create automated job for Assisted Connect token" || got["name"] != "bad_request" ||
			got["statusCode"] != 400.0 || got["status"] != 400.0 || got["code"] != 400.0 {
			t.Errorf("%s: %d %v", body, answer.StatusCode, got)
		}
	}
	if page := w.jobs(); len(page.Data) != 0 || len(page.Meta.Quotas) != 0 {
		t.Errorf("list %+v", page)
	}
}

func TestTheListIsNewestFirstAndInPages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		made := c.now()
		ids := []perch.ID{w.first().JobID}
		for range 4 {
			c.move(time.Minute)
			ids = append(ids, w.refresh(http.StatusCreated).JobID)
			w.runAll()
		}
		all := w.jobs().Data
		if len(all) != 6 || all[0].StartedAt != nil || all[0].Status != perch.JobPending || !all[0].CreatedAt.Equal(made) || !all[0].ScheduledAt.After(c.now()) {
			t.Fatalf("list %+v", all)
		}
		for i, id := range ids {
			if all[5-i].JobID != id {
				t.Errorf("at %d stands %s, want %s", 5-i, all[5-i].JobID, id)
			}
		}
		for query, want := range map[string][]perch.AutomatedJob{"?limit=2": all[:2], "?limit=2&offset=2": all[2:4], "?offset=5": all[5:], "?offset=6": {}, "?limit=0": {}} {
			got := w.jobsAt(query).Data
			if len(got) != len(want) || got == nil {
				t.Errorf("%s: %d jobs, want %d", query, len(got), len(want))
			}
			for i := range min(len(got), len(want)) {
				if got[i].JobID != want[i].JobID {
					t.Errorf("%s: at %d stands %s", query, i, got[i].JobID)
				}
			}
		}
	})
}

func TestJobsCanBeAskedAboutForAQuarter(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		first := w.first()
		ran, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
		must(t, err)
		c.move(90 * 24 * time.Hour)
		second := w.refresh(http.StatusCreated)
		w.runAll()
		w.look()
		w.job(first.JobID)
		c.move(time.Hour + time.Second)
		w.look()
		if answer := w.call("GET", "/jobs/automated/"+first.JobID.String(), "", nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("after a quarter: %d", answer.StatusCode)
		}
		if _, err := w.app.Store.Sync(t.Context(), w.made.EntityID, ran.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("its sync is left: %v", err)
		}
		w.job(second.JobID)
	})
}

func TestADisconnectedConnectionHasNoScheduleLeft(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada")}}
		w := setup(t, config, s)
		w.first()
		w.refresh(http.StatusCreated)
		if answer := w.call("POST", "/disconnect", "", nil); answer.StatusCode != http.StatusOK {
			t.Fatalf("disconnect answered %d", answer.StatusCode)
		}
		if answer := w.call("POST", "/jobs/automated", `{"type":"data_sync_all"}`, nil); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("a refresh answered %d", answer.StatusCode)
		}
		recent, err := w.app.Jobs.Recent(t.Context(), w.appID, w.made.Connection.ID, 10)
		must(t, err)
		for _, j := range recent {
			if j.CompletedAt.IsZero() {
				t.Errorf("%+v is left", j)
			}
		}
	})
}
