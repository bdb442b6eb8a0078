package rest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Retry says how often and how patiently a call is tried.
type Retry struct {
	// Attempts is how often a call is tried at the most; 0 means 4.
	Attempts int
	// First is the wait after the first attempt, which doubles with each further one; 0 means 500 ms.
	First time.Duration
	// Longest is the longest wait within a call, also when the provider asks for more; 0 means 30 s. Beyond
	// it the call fails with what the provider asked for, and the whole sync waits instead.
	Longest time.Duration
}

func (r Retry) filled() Retry {
	if r.Attempts == 0 {
		r.Attempts = 4
	}
	if r.First == 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Longest == 0 {
		r.Longest = 30 * time.Second
	}
	return r
}

// after tells how long to wait after a failed attempt, and whether to try again at all. A call that may have
// been done already is only tried again if doing it twice changes nothing.
func (r Retry) after(attempt int, call Call, err error) (time.Duration, bool) {
	r = r.filled()
	if attempt >= r.Attempts {
		return 0, false
	}
	var limited *provider.RateLimited
	var early unsent
	switch {
	case errors.As(err, &limited):
		// The provider has not done it: any call may be sent again.
		if limited.After > r.Longest {
			return 0, false
		}
		return max(limited.After, r.backoff(attempt)), true
	case errors.As(err, &early):
	case errors.Is(err, provider.ErrUnavailable):
		if !call.repeatable() {
			return 0, false
		}
	default:
		return 0, false
	}
	return r.backoff(attempt), true
}

// backoff doubles from attempt to attempt and is spread by half, so that clients that failed together
// do not come back together.
func (r Retry) backoff(attempt int) time.Duration {
	wait := min(r.First<<(attempt-1), r.Longest)
	return wait/2 + rand.N(wait/2+1)
}

func (c Call) repeatable() bool {
	switch c.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return c.Repeatable
}

// ByStatus turns an answer that is not a success into a typed error by its status alone.
func ByStatus(a *Answer, now time.Time) error {
	switch {
	case a.Status == http.StatusUnauthorized:
		return perch.ErrReauthenticate
	case a.Status == http.StatusForbidden:
		return &provider.MissingRight{Right: "access to " + a.call}
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		return &provider.RateLimited{After: RetryAfter(a.Header, now)}
	case a.Status == http.StatusNotFound:
		return ErrNotFound
	case a.Status == http.StatusNotImplemented:
		return provider.ErrNotSupported
	case a.Status >= 500, a.Status == http.StatusRequestTimeout:
		return &status{a.Status, provider.ErrUnavailable}
	case a.Status/100 == 3:
		return &provider.Broken{What: "it redirected"}
	}
	return &status{a.Status, ErrRefused}
}

// ErrNotFound means that the provider has no such thing.
var ErrNotFound = errors.New("the provider has no such thing")

// ErrRefused means that the provider does not accept the request as it is.
var ErrRefused = errors.New("the provider refused the request")

// status is an error with the status that it came with.
type status struct {
	code int
	err  error
}

// Error implements error.
func (s *status) Error() string { return s.err.Error() + " (" + strconv.Itoa(s.code) + ")" }

// Unwrap returns the error without the status.
func (s *status) Unwrap() error { return s.err }

// longestAsked bounds what a provider can ask a client to wait.
const longestAsked = 24 * time.Hour

// RetryAfter reads a Retry-After header in seconds or as a date; without a readable one it is 0.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return min(time.Duration(min(seconds, int(longestAsked/time.Second)))*time.Second, longestAsked)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), longestAsked)
	}
	return 0
}

// machine is the clock of the machine.
type machine struct{}

// Now implements Clock.
func (machine) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (machine) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
