package limit

import (
	"context"
	"slices"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
)

// Key names one count: all requests of an application to one rate-limited product.
type Key struct {
	Application perch.ID
	Product     string
}

// Place is the answer to Take.
type Place struct {
	// OK says that the request may run.
	OK bool
	// Ticket gives the place back; it is zero when OK is false.
	Ticket uint64
	// RetryAfter is how long until a place becomes free, when OK is false.
	RetryAfter time.Duration
}

// Limiter counts requests. All methods are safe for concurrent use.
//
// A place is held from Take on, so that a burst of concurrent requests cannot pass the limit, and is
// given back when the request turns out not to have succeeded: only succeeded requests count.
type Limiter interface {
	// Take claims a place if fewer than limit were taken under the key within the last window, and
	// says so in the result. An error means that the count could not be read.
	Take(ctx context.Context, key Key, limit int, window time.Duration) (Place, error)
	// Release gives a place back. Giving back a place that has expired does nothing.
	Release(ctx context.Context, key Key, ticket uint64) error
}

// Memory is a Limiter that counts within this process. Its zero value is not ready; see NewMemory.
// It holds one entry per request of the last window and forgets keys that had none, so its size is
// bounded by the number of applications times their limits.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	tickets uint64
	counts  map[Key]*count
	swept   int64
}

// count is the places taken under one key, oldest first.
type count struct {
	window time.Duration
	places []place
}

// place was taken at a time in nanoseconds since 1970.
type place struct {
	at     int64
	ticket uint64
}

// NewMemory returns an empty limiter that reads the time from now.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, counts: make(map[Key]*count), swept: now().UnixNano()}
}

var _ Limiter = (*Memory)(nil)

// Take implements Limiter. It never fails.
func (m *Memory) Take(_ context.Context, key Key, limit int, window time.Duration) (Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().UnixNano()
	m.sweep(now, window)
	c := m.counts[key]
	if c == nil {
		c = new(count)
		m.counts[key] = c
	}
	c.window = window
	c.expire(now)
	if len(c.places) >= limit {
		return Place{RetryAfter: c.retryAfter(now, limit)}, nil
	}
	m.tickets++
	c.places = append(c.places, place{at: now, ticket: m.tickets})
	return Place{OK: true, Ticket: m.tickets}, nil
}

// Release implements Limiter. It never fails.
func (m *Memory) Release(_ context.Context, key Key, ticket uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.counts[key]; c != nil {
		c.places = slices.DeleteFunc(c.places, func(p place) bool { return p.ticket == ticket })
	}
	return nil
}

// Len returns the number of keys that are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.counts)
}

// sweep forgets idle keys, at most once per window.
func (m *Memory) sweep(now int64, window time.Duration) {
	if since := now - m.swept; since >= 0 && since < int64(window) {
		return
	}
	m.swept = now
	for key, c := range m.counts {
		if c.expire(now); len(c.places) == 0 {
			delete(m.counts, key)
		}
	}
}

// expire drops the places that left the window, and those from the future, which are there only if
// the clock was set back.
func (c *count) expire(now int64) {
	c.places = slices.DeleteFunc(c.places, func(p place) bool {
		age := now - p.at
		return age < 0 || age >= int64(c.window)
	})
}

// retryAfter is the time until enough places leave the window for one more request.
func (c *count) retryAfter(now int64, limit int) time.Duration {
	if limit < 1 {
		return c.window
	}
	return c.window - time.Duration(now-c.places[len(c.places)-limit].at)
}
