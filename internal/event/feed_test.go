package event_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/store"
)

// follow reads from a cursor to the end of the log.
func (w *world) follow(t *testing.T, application perch.ID, q event.Query) (all []store.LoggedEvent, next string) {
	t.Helper()
	for {
		page, err := w.Feed(t.Context(), application, q)
		must(t, err)
		if len(page.Events) > q.Limit {
			t.Fatalf("%d events on a page of %d", len(page.Events), q.Limit)
		}
		all = append(all, page.Events...)
		if q.Cursor = page.Next; !page.More {
			return all, page.Next
		}
	}
}

func (w *world) record(t *testing.T, o event.Origin, events ...event.Event) {
	t.Helper()
	must(t, w.tx(t, func(tx *sql.Tx) error { return w.Record(t.Context(), tx, o, events...) }))
}

// TestAReaderThatFollowsMissesNothing has several writers commit and roll back batches while a reader
// follows them: it must see every committed event once, and of each writer in order.
func TestAReaderThatFollowsMissesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const writers, rounds = 6, 40
		ctx := t.Context()
		var done sync.WaitGroup
		committed := make([][]perch.ID, writers)
		for writer := range writers {
			done.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(writer), 7))
				for range rounds {
					var events []event.Event
					var ids []perch.ID
					for range 1 + rng.IntN(4) {
						id := perch.NewID()
						ids = append(ids, id)
						events = append(events, event.Person(perch.EventDirectoryUpdated, id))
					}
					rollback := rng.IntN(4) == 0
					err := w.Store.Tx(ctx, func(tx *sql.Tx) error {
						if err := w.Record(ctx, tx, w.origin, events...); err != nil {
							return err
						}
						if rollback {
							return errStop
						}
						return nil
					})
					switch {
					case err == nil:
						committed[writer] = append(committed[writer], ids...)
					case !errors.Is(err, errStop):
						t.Errorf("writer %d: %v", writer, err)
						return
					}
				}
			})
		}
		finished := make(chan struct{})
		go func() { done.Wait(); close(finished) }()
		var seen []store.LoggedEvent
		cursor, pages := "", 0
		for last := false; ; pages++ {
			page, err := w.Feed(ctx, w.app.ID, event.Query{Cursor: cursor, Limit: 1 + pages%5})
			must(t, err)
			seen, cursor = append(seen, page.Events...), page.Next
			if last && !page.More {
				break
			}
			select {
			case <-finished:
				last = true
			default:
			}
		}
		times := map[string]int{}
		var order []string
		for i, e := range seen {
			if i > 0 && (e.Position < seen[i-1].Position || e.Position == seen[i-1].Position && e.Number <= seen[i-1].Number || e.Position > seen[i-1].Position+1) {
				t.Fatalf("event %d/%d follows %d/%d", e.Position, e.Number, seen[i-1].Position, seen[i-1].Number)
			}
			_, id, _ := strings.Cut(e.Body, `{"individual_id":"`)
			id, _, _ = strings.Cut(id, `"`)
			times[id]++
			order = append(order, id)
		}
		total := 0
		for writer, ids := range committed {
			at := -1
			for _, id := range ids {
				if times[id.String()] != 1 {
					t.Errorf("an event of writer %d was seen %d times", writer, times[id.String()])
				}
				place := slices.Index(order, id.String())
				if place <= at {
					t.Errorf("writer %d: an event stands before an earlier one", writer)
				}
				at = place
			}
			total += len(ids)
		}
		if len(seen) != total {
			t.Errorf("%d events were seen, %d committed", len(seen), total)
		}
	})
}

// TestPagesOfAnySizeGiveTheWholeLog reads batches of many sizes through pages of many sizes, with and
// without filters.
func TestPagesOfAnySizeGiveTheWholeLog(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		rng := rand.New(rand.NewPCG(3, 3))
		second := w.origin
		_, second = w.connect(t)
		second.ApplicationID = w.app.ID
		var bodies, ofSecond, payments []string
		expect := func(o event.Origin, e event.Event) {
			text := fmt.Sprint(e.Type, e.Data)
			bodies = append(bodies, text)
			if o == second {
				ofSecond = append(ofSecond, text)
			}
			if e.Type == perch.EventPaymentCreated {
				payments = append(payments, text)
			}
		}
		for _, size := range []int{1, 1, 1, 30, 2, 250, 1, 1, 7, 1} {
			o := []event.Origin{w.origin, second}[rng.IntN(2)]
			var batch []event.Event
			for i := range size {
				e := event.Person(perch.EventIndividualUpdated, perch.NewID())
				if i%10 == 3 {
					e = event.Payment(perch.EventPaymentCreated, perch.NewID(), "2026-01-15")
				}
				batch = append(batch, e)
				expect(o, e)
			}
			w.record(t, o, batch...)
		}
		for _, test := range []struct {
			name string
			q    event.Query
			want []string
		}{
			{"everything", event.Query{}, bodies},
			{"a connection", event.Query{ConnectionID: second.ConnectionID}, ofSecond},
			{"a type", event.Query{Types: []perch.EventType{perch.EventPaymentCreated}}, payments},
			{"what there is none of", event.Query{Types: []perch.EventType{perch.EventCompanyUpdated}}, nil},
			{"nobody's connection", event.Query{ConnectionID: perch.NewID()}, nil},
		} {
			for _, limit := range []int{1, 3, 100, 250, 1000} {
				test.q.Limit = limit
				all, end := w.follow(t, w.app.ID, test.q)
				var got []string
				for _, e := range all {
					_, data, _ := strings.Cut(strings.TrimSuffix(e.Body, "}"), `"data":`)
					got = append(got, fmt.Sprint(e.Type, data))
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s by %d: %d events, want %d", test.name, limit, len(got), len(test.want))
				}
				latest, err := w.Feed(t.Context(), w.app.ID, event.Query{Cursor: event.Latest, Limit: 1})
				must(t, err)
				if end != latest.Next || latest.More || len(latest.Events) != 0 {
					t.Errorf("%s by %d ends at %s, the latest is %+v", test.name, limit, end, latest)
				}
			}
		}
	})
}

func TestACursorIsBoundToItsApplication(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		other, otherOrigin := w.connect(t)
		w.record(t, w.origin, event.Company(), event.Company())
		w.record(t, otherOrigin, event.Company())
		mine, cursor := w.follow(t, w.app.ID, event.Query{Limit: 1})
		if len(mine) != 2 || mine[0].ApplicationID != w.app.ID {
			t.Errorf("the application sees %+v", mine)
		}
		theirs, _ := w.follow(t, other.ID, event.Query{Limit: 1})
		if len(theirs) != 1 || theirs[0].ConnectionID != otherOrigin.ConnectionID {
			t.Errorf("the other application sees %+v", theirs)
		}
		if all, _ := w.follow(t, other.ID, event.Query{Limit: 10, ConnectionID: w.origin.ConnectionID}); len(all) != 0 {
			t.Errorf("the other application sees %+v of a connection that is not its own", all)
		}
		flipped := []byte(cursor)
		flipped[3] ^= 1
		for name, c := range map[string]string{"another application's": cursor, "no base64": "!!", "short": "AQ", "long": strings.Repeat("A", 1000)} {
			if _, err := w.Feed(t.Context(), other.ID, event.Query{Cursor: c, Limit: 1}); refusal(err) == "" {
				t.Errorf("a cursor that is %s: %v", name, err)
			}
		}
		if _, err := w.Feed(t.Context(), w.app.ID, event.Query{Cursor: string(flipped), Limit: 1}); refusal(err) == "" {
			t.Errorf("a cursor that was changed: %v", err)
		}
		if page, err := w.Feed(t.Context(), w.app.ID, event.Query{Cursor: cursor, Limit: 1}); err != nil || page.Next != cursor || page.More {
			t.Errorf("at the end: %+v, %v", page, err)
		}
	})
}

// refusal is the message of an error that names the cursor, or nothing.
func refusal(err error) string {
	var refused *perch.Error
	if errors.As(err, &refused) && refused.Name == perch.NameInvalidRequest && strings.HasPrefix(refused.Message, "cursor: ") {
		return refused.Message
	}
	return ""
}

func TestPruningGoesByChunksAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		many := make([]event.Event, 5000)
		for i := range many {
			many[i] = event.Company()
		}
		w.record(t, w.origin, many...)
		abandoned := w.Draft(w.origin)
		abandoned.Add(event.Company())
		must(t, w.tx(t, func(tx *sql.Tx) error { return abandoned.Write(ctx, tx, abandoned.Take()) }))
		half, err := w.Feed(ctx, w.app.ID, event.Query{Limit: 1000})
		must(t, err)
		w.now = w.now.Add(event.Kept + time.Second)
		w.record(t, w.origin, event.Company())
		must(t, w.Prune(ctx))
		must(t, w.Prune(ctx))
		if _, err := w.Feed(ctx, w.app.ID, event.Query{Cursor: half.Next, Limit: 1}); !strings.Contains(refusal(err), "30 days") {
			t.Errorf("in the midst of what is deleted: %v", err)
		}
		if all, _ := w.follow(t, w.app.ID, event.Query{Limit: 10}); len(all) != 1 {
			t.Errorf("%d events are left, want 1", len(all))
		}
		if err := w.tx(t, func(tx *sql.Tx) error { return abandoned.Publish(ctx, tx) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what nobody went on with: %v", err)
		}
	})
}
