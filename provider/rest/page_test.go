package rest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/perchhq/perch/provider"
)

func TestCursorReadsToTheEnd(t *testing.T) {
	t.Parallel()
	got, err := Collect(Cursor(t.Context(), func(_ context.Context, at string) ([]int, string, error) {
		next := map[string]string{"": "b", "b": "c", "c": ""}
		return []int{len(at)}, next[at], nil
	}), 10)
	if err != nil || !slices.Equal(got, []int{0, 1, 1}) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestPagingThatDoesNotEndIsAnError(t *testing.T) {
	t.Parallel()
	var broken *provider.Broken
	_, err := Collect(Cursor(t.Context(), func(context.Context, string) ([]int, string, error) { return nil, "same", nil }), 10)
	if !errors.As(err, &broken) {
		t.Errorf("a cursor that comes back ended with %v", err)
	}
	_, err = Collect(Numbered(t.Context(), 1, func(context.Context, int) ([]int, int, error) { return []int{1}, 1 << 30, nil }), 10)
	if !errors.As(err, &broken) {
		t.Errorf("a billion pages ended with %v", err)
	}
}

func TestNumberedPagesComeInOrderAndSeveralAtATime(t *testing.T) {
	t.Parallel()
	const pages, ahead = 9, 4
	var under, most atomic.Int32
	gate := make(chan struct{})
	var opened atomic.Bool
	got, err := Collect(Numbered(t.Context(), ahead, func(_ context.Context, number int) ([]int, int, error) {
		now := under.Add(1)
		defer under.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		if number > 0 {
			if now == ahead && !opened.Swap(true) {
				close(gate)
			}
			<-gate // the first four wait for each other
		}
		return []int{2 * number, 2*number + 1}, pages, nil
	}), 100)
	if err != nil || len(got) != 2*pages || !slices.IsSorted(got) || most.Load() != ahead {
		t.Fatalf("got %v with up to %d calls at once, %v", got, most.Load(), err)
	}
}

func TestNumberedPagesWithoutACount(t *testing.T) {
	t.Parallel()
	got, err := Collect(Numbered(t.Context(), 3, func(_ context.Context, number int) ([]int, int, error) {
		if number == 3 {
			return nil, 0, nil
		}
		return []int{number}, 0, nil
	}), 10)
	if err != nil || !slices.Equal(got, []int{0, 1, 2}) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestOffsets(t *testing.T) {
	t.Parallel()
	all := []int{0, 1, 2, 3, 4, 5, 6}
	got, err := Collect(Offset(t.Context(), 2, 3, func(_ context.Context, offset int) ([]int, int, error) {
		return all[offset:min(offset+3, len(all))], len(all), nil
	}), 10)
	if err != nil || !slices.Equal(got, all) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAheadStopsAtTheFirstErrorAndWaitsForCallsUnderWay(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	var under atomic.Int32
	numbers := func(yield func(int, error) bool) {
		for n := 0; n < 100 && yield(n, nil); n++ {
		}
	}
	got, err := Collect(Ahead(t.Context(), 5, numbers, func(ctx context.Context, n int) (int, error) {
		under.Add(1)
		defer under.Add(-1)
		if n == 7 {
			return 0, wrong
		}
		if n > 7 {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return n, nil
	}), 100)
	if !errors.Is(err, wrong) || got != nil || under.Load() != 0 {
		t.Fatalf("got %v, %v, %d calls under way", got, err, under.Load())
	}
}

func TestAheadYieldsWhatCameBeforeAnErrorOfItsInputs(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	inputs := func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) && yield(0, wrong) }
	var got []int
	var failure error
	for n, err := range Ahead(t.Context(), 4, inputs, func(_ context.Context, n int) (int, error) { return 10 * n, nil }) {
		if failure = err; err == nil {
			got = append(got, n)
		}
	}
	if !slices.Equal(got, []int{10, 20}) || !errors.Is(failure, wrong) {
		t.Fatalf("got %v, %v", got, failure)
	}
}
