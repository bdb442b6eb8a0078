package event

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

// Latest is the cursor that stands for the end of the log.
const Latest = "latest"

const (
	// MaxPage is the largest number of events on a page of the feed.
	MaxPage = 1000
	// scanMost bounds the events that a page looks through when it filters by type.
	scanMost = 5000
	// batchesMost bounds the batches that a page looks through.
	batchesMost = 1000
)

// Query asks for a page of an application's log.
type Query struct {
	// Cursor is where to go on: empty for the oldest event that is kept, Latest, or what a page said.
	Cursor string
	// Limit is between 1 and MaxPage.
	Limit int
	// ConnectionID and Types leave other events out; zero and none leave out none.
	ConnectionID perch.ID
	Types        []perch.EventType
}

// Page is a part of the log in order. With a filter it may hold fewer events than there are, even none,
// while More is set.
type Page struct {
	Events []store.LoggedEvent
	// Next is the cursor of what follows, and stays good when there is nothing yet.
	Next string
	More bool
}

// Feed returns the page of an application's log at a cursor. The log is in order of commit, so that
// nothing is ever added before a cursor that was handed out.
func (l *Log) Feed(ctx context.Context, application perch.ID, q Query) (Page, error) {
	floor, next, err := l.Store.EventLog(ctx, application)
	if err != nil {
		return Page{}, perch.Internal(err)
	}
	at := place{position: floor}
	switch q.Cursor {
	case "":
	case Latest:
		return Page{Next: place{position: next}.cursor(application)}, nil
	default:
		if at, err = parseCursor(application, q.Cursor); err != nil {
			return Page{}, err
		}
		if at.position > next {
			return Page{}, errForeign
		}
	}
	page, err := l.read(ctx, application, at, q)
	if err != nil {
		return Page{}, perch.Internal(err)
	}
	// The floor rises before what lies below it is deleted: what was read is whole if it still stands
	// below the cursor.
	if floor, _, err = l.Store.EventLog(ctx, application); err != nil {
		return Page{}, perch.Internal(err)
	}
	if at.position < floor {
		if q.Cursor == "" {
			return l.Feed(ctx, application, q)
		}
		return Page{}, errExpired
	}
	return page, nil
}

var (
	errForeign = perch.Invalid("cursor", "is not a cursor of this application's events. Leave it out to begin with the oldest event that is kept, or send %q.", Latest)
	errExpired = perch.Invalid("cursor", "events after it were deleted, since events are kept for 30 days. Read the data anew, with modified_after where that helps, and go on from a cursor that was made before with %q.", Latest)
)

func (l *Log) read(ctx context.Context, application perch.ID, at place, q Query) (Page, error) {
	batches, err := l.Store.EventBatches(ctx, application, at.position, batchesMost)
	if err != nil {
		return Page{}, err
	}
	budget := int64(q.Limit)
	if len(q.Types) > 0 {
		budget = max(budget, scanMost)
	}
	spans, end := plan(batches, at, budget, q.ConnectionID)
	page := Page{}
	for _, span := range spans {
		full := false
		err := l.Store.EventsOf(ctx, application, q.ConnectionID, span, func(e store.LoggedEvent) bool {
			if len(q.Types) > 0 && !slices.Contains(q.Types, e.Type) {
				return true
			}
			if full = len(page.Events) == q.Limit; full {
				end = place{e.Position, e.Number}
				return false
			}
			page.Events = append(page.Events, e)
			return true
		})
		if err != nil {
			return Page{}, err
		}
		if full {
			break
		}
	}
	page.Next = end.cursor(application)
	page.More = len(batches) == batchesMost || len(batches) > 0 && end.position <= batches[len(batches)-1].Position
	return page, nil
}

// plan lays out which parts of the batches to read for at most budget events of the connection, and
// where reading ends. The first batch is read from the place on.
func plan(batches []store.EventBatch, at place, budget int64, connection perch.ID) (spans []store.EventSpan, end place) {
	end = at
	whole := false // the last span can be made longer by whole batches
	for _, b := range batches {
		first := int64(0)
		if b.Position == at.position {
			first = at.number
		}
		ours := connection.IsZero() || b.ConnectionID == connection
		if ours && budget <= 0 {
			return spans, end
		}
		left := b.Size - first
		switch {
		case !ours:
		case left > budget:
			spans = append(spans, store.EventSpan{From: b.Position, To: b.Position, First: first, End: first + budget})
			return spans, place{b.Position, first + budget}
		case first == 0 && whole:
			spans[len(spans)-1].To = b.Position
		default:
			spans = append(spans, store.EventSpan{From: b.Position, To: b.Position, First: first, End: b.Size})
			whole = first == 0
		}
		if ours {
			budget -= left
		}
		end = place{position: b.Position + 1}
	}
	return spans, end
}

// place is where the log is read next: an event of a batch, by its number.
type place struct{ position, number int64 }

const cursorVersion = 1

// cursor seals the place with the application, so that a cursor of another one is recognised. It is
// not secret: every query names the application.
func (p place) cursor(application perch.ID) string {
	b := binary.AppendUvarint([]byte{cursorVersion}, uint64(p.position))
	b = binary.AppendUvarint(b, uint64(p.number))
	return base64.RawURLEncoding.EncodeToString(append(b, cursorCheck(application, b)...))
}

func cursorCheck(application perch.ID, b []byte) []byte {
	sum := sha256.Sum256(append(append([]byte("perch event cursor\x00"), application[:]...), b...))
	return sum[:8]
}

// maxCursor is longer than any cursor, in bytes.
const maxCursor = 64

func parseCursor(application perch.ID, text string) (p place, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text[:min(len(text), maxCursor)])
	if err != nil || len(b) < 9 || b[0] != cursorVersion {
		return p, errForeign
	}
	body, check := b[:len(b)-8], b[len(b)-8:]
	if string(check) != string(cursorCheck(application, body)) {
		return p, errForeign
	}
	position, n := binary.Uvarint(body[1:])
	if n <= 0 {
		return p, errForeign
	}
	number, n := binary.Uvarint(body[1+n:])
	if n <= 0 {
		return p, errForeign
	}
	return place{int64(position), int64(number)}, nil
}
