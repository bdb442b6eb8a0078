package app_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/perchhq/perch/internal/app"
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
