package app_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// Refreshes, syncs, new entities and disconnections of the same connections come from two processes at once:
// none of them waits for another in a circle, and every job comes to an end.
func TestWhatTouchesJobsGetsAlong(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		var log strings.Builder
		config.Log = slog.New(slog.NewTextHandler(&log, nil))
		w := setup(t, config, one())
		a, server := w.second(config)
		must(t, w.app.Start(t.Context()))
		must(t, a.Start(t.Context()))
		const connections, rounds = 8, 6
		all := make([]*world, connections)
		for i := range all {
			all[i] = w.tenant(perch.ClientSandbox, nil)
			all[i].addEntity()
		}
		var busy sync.WaitGroup
		for i, c := range all {
			second := c.entities()[1]
			for _, through := range []*world{c, c.through(a, server)} {
				busy.Go(func() {
					for round := range rounds {
						if status, got := through.ask(); status != http.StatusCreated && status != http.StatusAccepted && status != http.StatusTooManyRequests {
							t.Errorf("a refresh answered %d %+v", status, got)
						}
						if i%2 == 0 && round == rounds/2 {
							_ = through.app.Access.DisconnectEntities(t.Context(), c.grant(), []perch.ID{second}) // one of the two is late
						}
					}
				})
			}
			busy.Go(func() { looks(t, w.app, a) })
		}
		busy.Wait()
		for _, c := range all {
			eventually(t, "all refreshes are over", func() bool {
				for _, j := range c.jobs().Data {
					if j.StartedAt != nil && j.CompletedAt == nil {
						return false
					}
				}
				return true
			})
			for _, j := range c.jobs().Data {
				if j.StartedAt != nil && j.Status != perch.JobComplete {
					t.Errorf("ended %+v", j)
				}
			}
		}
		must(t, errors.Join(w.app.Close(), a.Close()))
		if strings.Contains(log.String(), "deadlock") {
			t.Error(log.String())
		}
	})
}
