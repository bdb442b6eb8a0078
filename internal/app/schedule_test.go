package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/jobs"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

func TestAutomatedConnectionsAreReadEveryDay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		made := c.now()
		first := w.first()
		if first.Status != perch.JobComplete || !first.CreatedAt.Equal(made) || first.ScheduledAt == nil || !first.ScheduledAt.Equal(made) {
			t.Errorf("the first sync %+v", first)
		}
		var slot time.Time
		for day := range 3 {
			next := w.next()
			if next == nil || next.Status != perch.JobPending || !next.CreatedAt.Equal(made) {
				t.Fatalf("day %d: next %+v", day, next)
			}
			if wait := next.ScheduledAt.Sub(c.now()); wait <= 0 || wait > 24*time.Hour || day > 0 && !next.ScheduledAt.Equal(slot.Add(24*time.Hour)) {
				t.Errorf("day %d: next in %s, at %s after %s", day, wait, next.ScheduledAt, slot)
			}
			slot = *next.ScheduledAt
			c.move(slot.Sub(c.now()) - time.Millisecond)
			w.look()
			if got := w.job(next.JobID); got.StartedAt != nil {
				t.Fatalf("day %d: begun too soon: %+v", day, got)
			}
			c.move(2 * time.Millisecond)
			w.look()
			if got := w.job(next.JobID); got.Status != perch.JobPending || got.StartedAt == nil || got.CompletedAt != nil {
				t.Fatalf("day %d: due: %+v", day, got)
			}
			w.runAll()
			if got := w.job(next.JobID); got.Status != perch.JobComplete || !got.CreatedAt.Equal(made) || !got.ScheduledAt.Equal(slot) || !got.CompletedAt.Equal(c.now().Truncate(time.Millisecond)) {
				t.Errorf("day %d: over: %+v", day, got)
			}
		}
		if got := len(w.jobs().Data); got != 5 {
			t.Errorf("%d jobs, want the first, three and the next one", got)
		}
	})
}

func TestARunningProcessStartsWhatIsDue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		must(t, w.app.Start(t.Context()))
		w.enqueue()
		eventually(t, "the first sync is over", func() bool { return w.next() != nil })
		id := w.next().JobID
		c.move(24 * time.Hour)
		if got := w.over(id); got.Status != perch.JobComplete {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNobodyReadsAssistedAndSimulatedConnectionsByThemselves(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		s := one()
		w := setup(t, config, s)
		opened := 0
		simulated := w.tenant(perch.ClientSandbox, func(r *connection.Request) { r.Type = perch.ConnectionSimulated })
		assisted := w.tenant(perch.ClientProduction, func(r *connection.Request) { r.Authentication = perch.AuthAssisted })
		if got := simulated.first(); got.Status != perch.JobComplete {
			t.Errorf("the first sync of a simulated employer %+v", got)
		}
		// The files of the assisted connection come in.
		requested := assisted.request()
		_, err := w.app.Syncs.RunSource(t.Context(), requested.ConnectionID, requested.EntityID, requested.ID, s, nil)
		must(t, err)
		s.onOpen = func() { opened++ }
		for range 15 {
			c.move(24 * time.Hour)
			w.look()
			simulated.runAll()
			assisted.runAll()
		}
		if opened != 0 || simulated.next() != nil || len(assisted.jobs().Data) != 0 {
			t.Errorf("opened %d times; jobs %+v, %+v", opened, simulated.jobs(), assisted.jobs())
		}
	})
}

// looks has several processes look for what is due at the same time.
func looks(t *testing.T, apps ...*app.App) {
	t.Helper()
	var all sync.WaitGroup
	for _, a := range apps {
		for range 3 {
			all.Go(func() {
				if err := a.Jobs.Look(t.Context()); err != nil {
					t.Errorf("looking: %v", err)
				}
			})
		}
	}
	all.Wait()
}

func TestTwoProcessesStartEachSyncOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		var mu sync.Mutex
		opened := 0
		s := one()
		w := setup(t, config, s)
		second, _ := w.second(config)
		const connections = 20
		all := make([]*world, connections)
		for i := range all {
			all[i] = w.tenant(perch.ClientProduction, nil)
			all[i].first()
		}
		s.onOpen = func() {
			mu.Lock()
			defer mu.Unlock()
			opened++
		}
		c.move(24 * time.Hour)
		looks(t, w.app, second)
		must(t, w.app.Start(t.Context()))
		must(t, second.Start(t.Context()))
		for _, one := range all {
			eventually(t, "the second sync is over", func() bool {
				latest, err := w.app.Store.LatestSync(t.Context(), one.made.EntityID)
				must(t, err)
				return latest.State == store.SyncComplete
			})
			if jobs := one.jobs().Data; len(jobs) != 3 || jobs[1].Status != perch.JobComplete {
				t.Errorf("jobs %+v", jobs)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if opened != connections {
			t.Errorf("%d syncs of %d connections", opened, connections)
		}
	})
}

func TestABacklogGoesThroughInPortions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		second, _ := w.second(config)
		client, _, err := w.app.Access.CreateApplication(t.Context(), "mine", perch.ClientProduction)
		must(t, err)
		const connections = 70
		for range connections {
			w.oneMore(client, nil)
		}
		w.look() // schedules those that have no schedule yet
		c.move(10 * 24 * time.Hour)
		for range 4 {
			looks(t, w.app, second)
			waiting, err := w.app.Store.WaitingSyncs(t.Context())
			must(t, err)
			// Looks at the same moment do not see each other's.
			if waiting < 50 || waiting > 50*6 {
				t.Errorf("%d wait", waiting)
			}
		}
		before, err := w.app.Store.WaitingSyncs(t.Context())
		must(t, err)
		w.look()
		after, err := w.app.Store.WaitingSyncs(t.Context())
		must(t, err)
		if after != before {
			t.Errorf("%d wait, and one more look makes them %d", before, after)
		}
	})
}

func TestARefreshUnderWayStandsInForTheScheduledSync(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		w := setup(t, config, one())
		w.first()
		next := w.next()
		c.move(next.ScheduledAt.Sub(c.now()) + time.Second)
		running := w.refresh(http.StatusCreated)
		w.look()
		moved := w.next()
		if moved == nil || moved.JobID != next.JobID || !moved.ScheduledAt.Equal(next.ScheduledAt.Add(24*time.Hour)) {
			t.Errorf("next %+v, was %+v", moved, next)
		}
		w.runAll()
		if got := w.job(running.JobID); got.Status != perch.JobComplete || w.next().JobID != next.JobID {
			t.Errorf("over: %+v, next %+v", got, w.next())
		}
	})
}

func TestAProviderThatWantsAPauseGetsIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		c := newClock()
		config.Now = c.now
		s := one()
		w := setup(t, config, s)
		w.first()
		c.move(time.Minute)
		w.app.Syncs.MaxAttempts = 2
		s.openError = errors.Join(errors.New("reading people"), &provider.RateLimited{After: 90 * time.Minute})
		id := w.refresh(http.StatusCreated).JobID
		for range 4 { // more often than a failure may be tried
			w.runAll()
			if got := w.job(id); got.Status != perch.JobInProgress || got.CompletedAt != nil {
				t.Fatalf("put off: %+v", got)
			}
			idle := func() int {
				list, err := w.app.Store.IdleSyncs(t.Context(), c.now(), 10)
				must(t, err)
				return len(list)
			}
			c.move(90*time.Minute - time.Second)
			if idle() != 0 {
				t.Error("it is due too soon")
			}
			c.move(2 * time.Second)
			if idle() != 1 {
				t.Error("it is not due when the pause is over")
			}
		}
		answer := w.call("GET", "/employer/directory", "", nil)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Finch-Last-Attempted-Update-Result") != "error" {
			t.Errorf("answer %d, %v", answer.StatusCode, answer.Header)
		}
		if got := w.status(); got.Status != perch.StatusConnected || got.Message == "" {
			t.Errorf("the connection %+v", got)
		}
		s.openError = nil
		w.runAll()
		if got := w.job(id); got.Status != perch.JobComplete || w.status().Message != "" {
			t.Errorf("over: %+v, %+v", got, w.status())
		}
		s.openError = &provider.RateLimited{After: 1000 * time.Hour}
		w.refresh(http.StatusCreated)
		w.runAll()
		c.move(24*time.Hour + time.Second)
		if list, err := w.app.Store.IdleSyncs(t.Context(), c.now(), 10); err != nil || len(list) == 0 {
			t.Errorf("a pause of 1000 hours lasts longer than a day: %v %v", list, err)
		}
	})
}

// A process takes the sync of a job and is never heard of again.
func TestAJobOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Lease = 200 * time.Millisecond
		w := setup(t, config, one())
		id := w.refresh(http.StatusCreated).JobID
		latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
		must(t, err)
		_, err = w.app.Store.AcquireSync(t.Context(), store.Lease{Sync: latest.ID, Entity: latest.EntityID, Owner: "dead", Until: time.Now().Add(config.Lease)}, time.Now())
		must(t, err)
		if got := w.job(id); got.Status != perch.JobInProgress {
			t.Errorf("taken: %+v", got)
		}
		second, _ := w.second(config)
		must(t, second.Start(t.Context()))
		if got := w.over(id); got.Status != perch.JobComplete {
			t.Errorf("got %+v", got)
		}
	})
}

// Processes on SQLite are on one machine, which knows that one of them is gone before its lease runs out.
func TestWhatADeadProcessOfThisMachineHeldIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir(), Lease: time.Hour}, one())
	id := w.refresh(http.StatusCreated).JobID
	latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
	must(t, err)
	gone := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	must(t, gone.Run())
	owner := fmt.Sprintf("%s/%d/x", path.Dir(jobs.Owner()), gone.Process.Pid)
	_, err = w.app.Store.AcquireSync(t.Context(), store.Lease{Sync: latest.ID, Entity: latest.EntityID, Owner: owner, Until: time.Now().Add(time.Hour)}, time.Now())
	must(t, err)
	must(t, w.app.Start(t.Context()))
	if got := w.over(id); got.Status != perch.JobComplete {
		t.Errorf("got %+v", got)
	}
	if latest, err = w.app.Store.LatestSync(t.Context(), w.made.EntityID); err != nil || latest.Attempts != 2 {
		t.Errorf("the attempt of the dead process was forgotten: %+v %v", latest, err)
	}
}

// A sync that takes its process down with it is not tried for ever: the next daily one is another chance.
func TestASyncThatNoProcessSurvivesIsGivenUp(t *testing.T) {
	t.Parallel()
	for died, want := range map[int]perch.JobStatus{syncengine.DefaultAttempts - 1: perch.JobComplete, syncengine.DefaultAttempts: perch.JobError} {
		onBoth(t, func(t *testing.T, config app.Config) {
			c := newClock()
			config.Now = c.now
			w := setup(t, config, one())
			id := w.refresh(http.StatusCreated).JobID
			latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
			must(t, err)
			for range died {
				lease := store.Lease{Sync: latest.ID, Entity: latest.EntityID, Owner: "dead", Until: c.now().Add(time.Hour)}
				_, err = w.app.Store.AcquireSync(t.Context(), lease, c.now())
				must(t, err)
				must(t, w.app.Store.ExpireLease(t.Context(), lease))
			}
			w.runAll()
			result := w.grant().Entities[0].Groups[access.Organization].Result
			if got := w.job(id); got.Status != want || (result == access.ResultError) != (want == perch.JobError) || w.next() == nil {
				t.Errorf("after %d dead processes: %+v, %q, next %+v", died, got, result, w.next())
			}
		})
	}
}

// What ends a job is one transaction: where a part of it fails, none of it shows.
func TestAJobEndsWithItsSyncOrNotAtAll(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, one())
		id := w.refresh(http.StatusCreated).JobID
		w.app.Events.Announcer = failing{}
		w.runAll()
		latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
		must(t, err)
		if got := w.job(id); got.CompletedAt != nil || latest.State != store.SyncRunning || w.next() != nil {
			t.Errorf("the job %+v, its sync %s, next %+v", got, latest.State, w.next())
		}
	})
}

type failing struct{}

// Announce implements event.Announcer.
func (failing) Announce(context.Context, *sql.Tx, perch.ID, perch.ID) error {
	return errors.New("the batch cannot be announced")
}
