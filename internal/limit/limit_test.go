package limit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/limit"
)

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(1_700_000_000, c.nanos.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

func setup(t *testing.T) (*limit.Memory, *clock) {
	t.Helper()
	c := new(clock)
	return limit.NewMemory(c.Now), c
}

func take(t *testing.T, m *limit.Memory, key limit.Key, max int) limit.Place {
	t.Helper()
	p, err := m.Take(context.Background(), key, max, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func key(app byte, product string) limit.Key {
	return limit.Key{Application: perch.ID{0: app}, Product: product}
}

func TestTheWindowSlides(t *testing.T) {
	t.Parallel()
	m, clock := setup(t)
	k := key(1, "company")
	for range 2 {
		if !take(t, m, k, 3).OK {
			t.Fatal("a place below the limit was refused")
		}
	}
	clock.Advance(40 * time.Second)
	if !take(t, m, k, 3).OK {
		t.Fatal("the third place was refused")
	}
	p := take(t, m, k, 3)
	if p.OK {
		t.Fatal("a fourth place was given within the window")
	}
	if p.RetryAfter != 20*time.Second {
		t.Errorf("RetryAfter = %v, want 20s: the two oldest leave then", p.RetryAfter)
	}
	clock.Advance(20*time.Second - 1)
	if take(t, m, k, 3).OK {
		t.Error("a place was given one nanosecond early")
	}
	clock.Advance(1)
	for i, want := range []bool{true, true, false} {
		if got := take(t, m, k, 3).OK; got != want {
			t.Errorf("place %d after the oldest two left: %v, want %v", i, got, want)
		}
	}
}

func TestReleasedPlacesDoNotCount(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	k := key(1, "company")
	first, second := take(t, m, k, 2), take(t, m, k, 2)
	_ = m.Release(context.Background(), k, first.Ticket)
	_ = m.Release(context.Background(), k, first.Ticket)
	if !take(t, m, k, 2).OK {
		t.Error("the released place was not free")
	}
	if take(t, m, k, 2).OK {
		t.Error("releasing twice freed two places")
	}
	_ = m.Release(context.Background(), key(9, "none"), second.Ticket)
	if take(t, m, k, 2).OK {
		t.Error("releasing under another key freed a place")
	}
}

func TestKeysAreCountedApart(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	take(t, m, key(1, "company"), 1)
	for _, other := range []limit.Key{key(2, "company"), key(1, "directory")} {
		if !take(t, m, other, 1).OK {
			t.Errorf("%v shares the count of another key", other)
		}
	}
}

func TestALimitOfZeroRefusesEverything(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	if p := take(t, m, key(1, "x"), 0); p.OK || p.RetryAfter != time.Minute {
		t.Errorf("got %+v", p)
	}
}

func TestALoweredLimitTellsWhenAPlaceIsFree(t *testing.T) {
	t.Parallel()
	m, clock := setup(t)
	k := key(1, "x")
	for range 3 {
		take(t, m, k, 3)
		clock.Advance(10 * time.Second)
	}
	if p := take(t, m, k, 1); p.OK || p.RetryAfter != 50*time.Second {
		t.Errorf("got %+v, want 50s: the youngest place has to leave", p)
	}
}

func TestIdleKeysAreForgotten(t *testing.T) {
	t.Parallel()
	m, clock := setup(t)
	for i := range 200 {
		take(t, m, key(byte(i), "company"), 5)
	}
	clock.Advance(2 * time.Minute)
	take(t, m, key(1, "directory"), 5)
	if m.Len() != 1 {
		t.Errorf("%d keys are held, want 1", m.Len())
	}
}

func TestAClockThatIsSetBackDoesNotLockOut(t *testing.T) {
	t.Parallel()
	m, clock := setup(t)
	k := key(1, "company")
	take(t, m, k, 1)
	clock.Advance(-time.Hour)
	if !take(t, m, k, 1).OK {
		t.Error("a place taken in the future still counts")
	}
}

func TestConcurrentRequestsCannotPassTheLimit(t *testing.T) {
	t.Parallel()
	m, _ := setup(t)
	var given atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if p, _ := m.Take(context.Background(), key(1, "company"), 20, time.Minute); p.OK {
					given.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if given.Load() != 20 {
		t.Errorf("%d places were given, want 20", given.Load())
	}
}

func BenchmarkTake(b *testing.B) {
	c := new(clock)
	m := limit.NewMemory(c.Now)
	b.ReportAllocs()
	for b.Loop() {
		c.Advance(2 * time.Second)
		if p, _ := m.Take(context.Background(), key(1, "company"), 40, time.Minute); !p.OK {
			b.Fatal("refused")
		}
	}
}
