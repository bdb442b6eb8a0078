package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	perch "github.com/perchhq/perch"
)

// slowGate reads for a second of the bubble's time. A reading returns the revision of its start, as
// a database would.
type slowGate struct {
	gate
	revision, readings atomic.Int64
	failing            atomic.Bool
}

const readingTime = time.Second

func newSlowGate() *slowGate {
	s := &slowGate{}
	s.read = func(context.Context) (int64, error) {
		s.readings.Add(1)
		value, failing := s.revision.Load(), s.failing.Load()
		<-time.After(readingTime)
		if failing {
			return 0, errBroken
		}
		return value, nil
	}
	return s
}

func TestARequestAloneReadsForItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, start := newSlowGate(), time.Now()
		for want := range int64(3) {
			s.revision.Store(want)
			if got, err := s.pass(t.Context()); got != want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, want)
			}
		}
		if took := time.Since(start); took != 3*readingTime || s.readings.Load() != 3 {
			t.Errorf("%d readings in %v", s.readings.Load(), took)
		}
	})
}

func TestAReadingThatBeganBeforeTheRequestIsNotUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowGate()
		s.revision.Store(1)
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := s.pass(t.Context()); got != 1 || err != nil {
				t.Errorf("the first request learned %d, %v", got, err)
			}
		})
		<-time.After(readingTime / 2)
		s.revision.Store(2)
		if got, err := s.pass(t.Context()); got != 2 || err != nil {
			t.Errorf("a request after the change learned %d, %v", got, err)
		}
		all.Wait()
	})
}

func TestManyRequestsAtOnceCauseTwoReadings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowGate()
		s.revision.Store(7)
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() {
				if got, err := s.pass(t.Context()); got != 7 || err != nil {
					t.Errorf("learned %d, %v", got, err)
				}
			})
		}
		all.Wait()
		if n := s.readings.Load(); n != 2 {
			t.Errorf("%d readings: the first request's own and one for the others would do", n)
		}
	})
}

// Requests and changes come at random moments; none may learn a revision from before it came.
func TestNoRequestLearnsWhatWasTrueBeforeItCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, random := newSlowGate(), rand.New(rand.NewPCG(1, 2))
		var all sync.WaitGroup
		for range 400 {
			came, changes := time.Duration(random.Int64N(int64(20*readingTime))), time.Duration(random.Int64N(int64(20*readingTime)))
			all.Go(func() {
				<-time.After(changes)
				s.revision.Add(1)
			})
			all.Go(func() {
				<-time.After(came)
				atLeast, start := s.revision.Load(), time.Now()
				got, err := s.pass(t.Context())
				if got < atLeast || err != nil {
					t.Errorf("learned %d, %v, when %d was true on arrival", got, err, atLeast)
				}
				if took := time.Since(start); took > 2*readingTime {
					t.Errorf("waited %v, longer than the running reading and the next", took)
				}
			})
		}
		all.Wait()
		if n := s.readings.Load(); n > 24 {
			t.Errorf("%d readings in 22 times the length of one", n)
		}
	})
}

func TestAFailedReadingFailsAllWhoWaitedForItAndNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowGate()
		s.failing.Store(true)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got, err := s.pass(t.Context()); !errors.Is(err, errBroken) || got != 0 {
					t.Errorf("got %d, %v", got, err)
				}
			})
		}
		all.Wait()
		s.failing.Store(false)
		s.revision.Store(3)
		if got, err := s.pass(t.Context()); got != 3 || err != nil {
			t.Errorf("the next request got %d, %v", got, err)
		}
	})
}

func TestARequestThatIsCancelledLeavesAloneAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowGate()
		s.revision.Store(1)
		gone, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		pass := func(ctx context.Context, want error) {
			all.Go(func() {
				if _, err := s.pass(ctx); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		pass(t.Context(), nil) // leads
		pass(gone, context.Canceled)
		pass(t.Context(), nil) // waits for the same reading
		start := time.Now()
		leave()
		synctest.Wait()
		all.Wait()
		if took := time.Since(start); took != 2*readingTime {
			t.Errorf("the others took %v", took)
		}
	})
}

// The one who leads reads for those who come after, too: hanging up must not fail them.
func TestTheLeaderMayHangUp(t *testing.T) {
	t.Parallel()
	var seen error
	g := gate{read: func(ctx context.Context) (int64, error) {
		seen = ctx.Err()
		return 5, nil
	}}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if got, err := g.pass(gone); got != 5 || err != nil || seen != nil {
		t.Errorf("got %d, %v; the reading saw %v", got, err, seen)
	}
}

func hashOf(i int) [sha256.Size]byte { return [sha256.Size]byte{byte(i), byte(i >> 8)} }

func TestTheGrantCacheHoldsForOneRevision(t *testing.T) {
	t.Parallel()
	c, a, b := &grantCache{}, &Grant{}, &Grant{}
	if c.get(hashOf(1), 1) != nil {
		t.Error("an empty cache knows a grant")
	}
	c.put(hashOf(1), 1, a)
	if c.get(hashOf(1), 1) != a || c.get(hashOf(2), 1) != nil {
		t.Error("the grant is not found, or found for another token")
	}
	if c.get(hashOf(1), 2) != nil || c.get(hashOf(1), 0) != nil {
		t.Error("a grant of another revision is used")
	}
	c.put(hashOf(2), 2, b)
	if c.get(hashOf(1), 2) != nil || c.get(hashOf(1), 1) != nil || c.get(hashOf(2), 2) != b {
		t.Error("a newer revision does not empty the cache")
	}
	c.put(hashOf(1), 1, a)
	if c.get(hashOf(1), 2) != nil || c.get(hashOf(2), 2) != b {
		t.Error("a grant that was read before the newest revision is kept")
	}
}

func TestTheGrantCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := &grantCache{}
	for i := range cachedGrants + 1 {
		c.put(hashOf(i), 1, &Grant{})
	}
	if len(c.grants) != 1 || c.get(hashOf(cachedGrants), 1) == nil {
		t.Errorf("%d grants are kept", len(c.grants))
	}
}

func TestGrantsAreReadOncePerRevision(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first := w.grant(t)
	if w.grant(t) != first || w.tables.grantReads() != 1 {
		t.Errorf("%d readings of one grant", w.tables.grantReads())
	}
	w.tables.change(token, func(g *Grant) { g.Products = []perch.Product{perch.ProductSSN} })
	if g := w.grant(t); !g.Allows(perch.ProductSSN) || w.tables.grantReads() != 2 {
		t.Errorf("after the change: %v after %d readings", g.Products, w.tables.grantReads())
	}
}

func TestUnknownTokensAreNotCached(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 3 {
		if _, err := w.Authenticate(t.Context(), "guessed"); !errors.Is(err, perch.ErrInvalidToken) {
			t.Errorf("got %v", err)
		}
	}
	if len(w.cache.grants) != 0 || w.tables.grantReads() != 3 {
		t.Errorf("%d cached, %d readings", len(w.cache.grants), w.tables.grantReads())
	}
	// A token that comes to be without a new revision works at once.
	w.tables.mu.Lock()
	w.tables.grants[string(HashSecret("guessed"))] = *grantIn(perch.StatusConnected, perch.AuthOAuth)
	w.tables.mu.Unlock()
	if _, err := w.Authenticate(t.Context(), "guessed"); err != nil {
		t.Error(err)
	}
}

func TestADatabaseThatFailsIsNotAnInvalidToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tables.failWith(errBroken)
	_, err := w.Authenticate(t.Context(), token)
	if !errors.Is(err, errBroken) || !errors.Is(err, &perch.Error{Name: perch.NameServer}) || errors.Is(err, perch.ErrInvalidToken) {
		t.Errorf("got %v", err)
	}
}
