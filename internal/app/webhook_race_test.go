package app_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/internal/webhook"
)

// What was read before a pause is sent after it, although a request that began before is still under way.
func TestAPauseShorterThanARequestHoldsNothingBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		paused, release := make(chan struct{}), make(chan struct{})
		defer close(release)
		var number atomic.Int64
		var timedOut atomic.Bool
		r := receive(t, func(w http.ResponseWriter, request *http.Request) {
			switch number.Add(1) {
			case 1:
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			case 2:
				select {
				case <-release:
				case <-request.Context().Done():
					timedOut.Store(true)
				}
			default:
				<-paused
			}
		})
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(400)
		eventually(t, "the endpoint pauses", func() bool { return h.detail(endpoint.ID).PausedUntil != nil })
		close(paused)
		eventually(t, "everything arrives", func() bool { return r.distinct() == 400 })
		if timedOut.Load() {
			t.Error("some events waited for the slowest request")
		}
	})
}

// An endpoint that begins to fail while much is sent to it is spared at once.
func TestAFailingEndpointIsSentLessAtATime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		var asked, underWay, most atomic.Int64
		var watched atomic.Bool
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			now := underWay.Add(1)
			if watched.Load() {
				for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
				}
			}
			asked.Add(1)
			<-time.After(5 * time.Millisecond)
			underWay.Add(-1)
			w.WriteHeader(http.StatusInternalServerError)
		})
		endpoint := h.endpoint(r.URL)
		h.start()
		h.publish(3000)
		eventually(t, "it fails", func() bool { return h.detail(endpoint.ID).FailingSince != nil })
		was := asked.Load()
		eventually(t, "what was handed out is sent", func() bool { return asked.Load() > was+200 })
		watched.Store(true)
		was = asked.Load()
		eventually(t, "more is sent", func() bool { return asked.Load() > was+100 })
		if most.Load() > 4 {
			t.Errorf("%d requests at a time", most.Load())
		}
	})
}

// Two people change different things about one endpoint.
func TestChangesAtTheSameTimeAreAllKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		h := hook(t, config)
		r := receive(t, nil)
		endpoint := h.endpoint(r.URL)
		for range 20 {
			text, types, done := "one", []perch.EventType{perch.EventCompanyUpdated}, make(chan error, 2)
			before := h.detail(endpoint.ID)
			if before.Description == text {
				text, types = "two", []perch.EventType{perch.EventPaymentCreated}
			}
			for _, change := range []webhook.Change{{Description: &text}, {Events: &types}} {
				go func() {
					_, err := h.app.Webhooks.Update(t.Context(), h.client.ID, endpoint.ID, change)
					done <- err
				}()
			}
			must(t, <-done)
			must(t, <-done)
			if d := h.detail(endpoint.ID); d.Description != text || len(d.Events) != 1 || d.Events[0] != types[0] {
				t.Fatalf("of %q and %v there is %q and %v", text, types, d.Description, d.Events)
			}
		}
	})
}

// Of two processes on one database one sends to an endpoint at a time, and when it stops the other goes on.
func TestTwoProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	config := app.Config{DatabaseURL: testneed.Postgres(t), Data: t.TempDir()}
	h := hook(t, config)
	r := receive(t, func(http.ResponseWriter, *http.Request) { <-time.After(time.Millisecond) })
	endpoint := h.endpoint(r.URL)
	config.WebhookLoopback = true
	other, err := app.Open(t.Context(), config)
	must(t, err)
	h.start()
	must(t, other.Start(t.Context()))
	h.publish(2000)
	eventually(t, "some arrive", func() bool { return r.distinct() >= 500 })
	must(t, other.Close())
	h.publish(500)
	eventually(t, "everything is delivered", func() bool { d := h.detail(endpoint.ID); return d.Unread == 0 && d.Waiting == 0 })
	if r.distinct() != 2500 || len(r.all()) != 2500 {
		t.Errorf("%d messages of %d events came for 2500", len(r.all()), r.distinct())
	}
}
