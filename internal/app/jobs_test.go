package app_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// requested is the answer of POST /jobs/automated.
type requested struct {
	JobID     perch.ID   `json:"job_id"`
	JobURL    string     `json:"job_url"`
	Allowed   *int       `json:"allowed_refreshes"`
	Remaining *int       `json:"remaining_refreshes"`
	RetryAt   *time.Time `json:"retry_at"`
}

type jobsPage struct {
	Meta struct {
		Quotas map[string]struct {
			Allowed   int `json:"allowed_refreshes"`
			Remaining int `json:"remaining_refreshes"`
		}
	}
	Data []perch.AutomatedJob
}

func (w *world) refresh(wantStatus int) requested {
	w.t.Helper()
	var got requested
	if answer := w.call("POST", "/jobs/automated", `{"type":"data_sync_all"}`, &got); answer.StatusCode != wantStatus {
		w.t.Fatalf("the refresh answered %d %+v, want %d", answer.StatusCode, got, wantStatus)
	}
	return got
}

func (w *world) jobs() jobsPage {
	w.t.Helper()
	var page jobsPage
	if answer := w.call("GET", "/jobs/automated", "", &page); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the list answered %d", answer.StatusCode)
	}
	return page
}

func (w *world) job(id perch.ID) perch.AutomatedJob {
	w.t.Helper()
	var got perch.AutomatedJob
	if answer := w.call("GET", "/jobs/automated/"+id.String(), "", &got); answer.StatusCode != http.StatusOK {
		w.t.Fatalf("the job answered %d", answer.StatusCode)
	}
	return got
}

// over waits until a job is over.
func (w *world) over(id perch.ID) perch.AutomatedJob {
	w.t.Helper()
	var got perch.AutomatedJob
	eventually(w.t, "the job is over", func() bool {
		got = w.job(id)
		return got.CompletedAt != nil
	})
	return got
}

func TestARefreshIsAJobThatEndsWithItsSync(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, &system{people: []provider.Person{person("1", "Ada")}})
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
	})
}
