package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
)

func TestStopLetsARequestFinish(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		g := newGate(heldProvider, atCompany)
		config.Connectors = []provider.Connector{g}
		config.Patience = patience
		s := start(t, config)
		token := s.connect(t, s.application(t, perch.ClientSandbox), held).AccessToken
		receive(t, "the sync is held", g.reached(atCompany))
		got := s.waiting(t, token, dataRequest{perch.ProductDirectory, http.MethodGet, "/employer/directory", nil})
		stopped := make(chan error, 1)
		go func() { stopped <- s.stop() }()
		eventually(t, "no new connection is accepted", func() bool {
			connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err == nil {
				_ = connection.Close()
			}
			return err != nil
		})
		g.release(atCompany)
		if one := <-got; one.status != http.StatusOK {
			t.Errorf("the request in flight got %d: %s", one.status, one.body)
		}
		if err := <-stopped; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
}

func TestSyncOfAStoppedProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{atCompany, atStatements} {
		t.Run("held at "+stage, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider, stage)
				gated := config
				gated.Connectors = []provider.Connector{g}
				gated.StopPatience = 100 * time.Millisecond
				first := start(t, gated)
				client := first.application(t, perch.ClientSandbox)
				made := first.connect(t, client, held)
				receive(t, "the sync is held", g.reached(stage))
				if err := first.stop(); err != nil {
					t.Errorf("stopping: %v", err)
				}
				second := start(t, config)
				second.connected(t, made.AccessToken)
				if got := len(second.everyone(t, made.AccessToken)); got != 3 {
					t.Errorf("%d people after the second process took over", got)
				}
			})
		})
	}
}

// A process that hangs keeps its syncs until their lease is over. When it wakes up again it must not
// write over what another process did meanwhile.
func TestSyncOfAHungProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{atCompany, atStatements} {
		t.Run("held at "+stage, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, config app.Config) {
				g := newGate(heldProvider, stage)
				hung := config
				hung.Connectors = []provider.Connector{g}
				first := start(t, hung)
				client := first.application(t, perch.ClientSandbox)
				made := first.connect(t, client, held)
				receive(t, "the sync is held", g.reached(stage))

				later := config
				later.Now = func() time.Time { return time.Now().Add(time.Hour) }
				second := start(t, later)
				second.connected(t, made.AccessToken)
				taken := second.snapshot(t, made.AccessToken)
				g.release(stage)
				if err := first.stop(); err != nil {
					t.Errorf("stopping the process that hung: %v", err)
				}
				taken.sameAs(t, second.snapshot(t, made.AccessToken))
				if last := second.sync(t, client, made); last.FinishedAt.IsZero() {
					t.Errorf("the next sync ended as %s", last.State)
				}
				taken.sameAs(t, second.snapshot(t, made.AccessToken))
			})
		})
	}
}
