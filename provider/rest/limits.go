package rest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits keep what one account sends within what its provider allows. They are shared by all clients of the account in
// this process; see [Accounts].
type Limits struct {
	slots chan struct{}
	pace  *rate.Limiter

	mu sync.Mutex
	// pausedUntil is when the provider wants to hear from the account again.
	pausedUntil time.Time
}

// Allowance is what a provider allows one account.
type Allowance struct {
	// Requests are allowed in each Window; 0 means that no number is known.
	Requests int
	Window   time.Duration
	// Concurrent is how many requests may be under way at once; 0 means 4.
	Concurrent int
}

// NewLimits returns limits for one account. Requests go out evenly after a first burst of a tenth of the allowance.
func NewLimits(a Allowance) *Limits {
	concurrent := a.Concurrent
	if concurrent == 0 {
		concurrent = 4
	}
	l := &Limits{slots: make(chan struct{}, concurrent)}
	if a.Requests > 0 && a.Window > 0 {
		l.pace = rate.NewLimiter(rate.Every(a.Window/time.Duration(a.Requests)), max(a.Requests/10, concurrent, 1))
	}
	return l
}

// wait takes a slot, and waits for the pace and for a pause that the provider asked for.
func (l *Limits) wait(ctx context.Context, clock Clock) (release func(), err error) {
	if l == nil {
		return func() {}, ctx.Err()
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	release = func() { <-l.slots }
	pause := max(l.paused(clock.Now()), l.reserve(clock.Now()))
	if pause > 0 {
		if err := clock.Sleep(ctx, pause); err != nil {
			release()
			return nil, context.Cause(ctx)
		}
	}
	return release, nil
}

func (l *Limits) reserve(now time.Time) time.Duration {
	if l.pace == nil {
		return 0
	}
	return l.pace.ReserveN(now, 1).DelayFrom(now)
}

func (l *Limits) paused(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pausedUntil.Sub(now)
}

// heed makes all requests of the account wait after the provider asked one of them to.
func (l *Limits) heed(a *Answer, now time.Time) {
	if l == nil || a.Status != 429 {
		return
	}
	until := now.Add(min(RetryAfter(a.Header, now), time.Minute))
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.pausedUntil) {
		l.pausedUntil = until
	}
}

// Accounts holds the limits of each account of a connector, by a key of the connector's choice that is
// not a secret. The least recently used are forgotten beyond a thousand.
type Accounts struct {
	Allowance Allowance

	mu     sync.Mutex
	limits map[string]*Limits
	order  []string
}

const mostAccounts = 1000

// Of returns the limits of an account.
func (a *Accounts) Of(key string) *Limits {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l, ok := a.limits[key]; ok {
		return l
	}
	if a.limits == nil {
		a.limits = map[string]*Limits{}
	}
	if len(a.order) >= mostAccounts {
		delete(a.limits, a.order[0])
		a.order = a.order[1:]
	}
	l := NewLimits(a.Allowance)
	a.limits[key], a.order = l, append(a.order, key)
	return l
}
