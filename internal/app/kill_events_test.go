package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/event"
)

// TestEventsAreThoseOfTheDataThatIsPublished kills syncs at random points. Whatever a kill leaves behind,
// the events since the last look are exactly the differences between what a client read then and reads
// now: none for what was not published, none lost for what was.
func TestEventsAreThoseOfTheDataThatIsPublished(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		v := victim{Data: config.Data, URL: config.DatabaseURL}
		_, took := v.begin(t)
		before, cursor := v.look(t, "")
		interrupted, seen := 0, 0
		for round := range 6 {
			v.change(t, uint64(round+2))
			kill(t, v, time.Duration(rand.Int64N(int64(took))))
			cursor = v.agree(t, fmt.Sprintf("round %d, after the kill", round), &before, cursor)
			seen += len(before.events)
			v.syncAgain(t)
			cursor = v.agree(t, fmt.Sprintf("round %d, after the next sync", round), &before, cursor)
			if seen += len(before.events); len(before.events) > 0 {
				interrupted++
			}
		}
		t.Logf("%d of 6 syncs left something to the next one; %d events in all", interrupted, seen)
		if seen == 0 {
			t.Error("there were no events at all")
		}
	})
}

// agree compares the events since the cursor with how the data differs from before, which it replaces.
func (v *victim) agree(t *testing.T, when string, before *snapshot, cursor string) (next string) {
	t.Helper()
	after, next := v.look(t, cursor)
	want := before.differences(after)
	if len(want) != len(after.events) {
		t.Errorf("%s: %d events for %d differences", when, len(after.events), len(want))
	}
	for e, n := range count(after.events) {
		if want[e] != n {
			t.Errorf("%s: %d times %s, want %d", when, n, e, want[e])
		}
	}
	*before = after
	return next
}

func count(list []told) map[told]int {
	all := map[told]int{}
	for _, e := range list {
		all[e]++
	}
	return all
}

// snapshot is what a client reads: JSON by what it is about, with the pay dates of payments; and the
// events of data that came before it was read.
type snapshot struct {
	parts  map[part]string
	dates  map[perch.ID]string
	events []told
}

// part is a thing that has events of its own.
type part struct {
	kind       string
	id, person perch.ID
}

func (p part) event(change string, date string) told {
	kind := perch.EventType(p.kind + "." + change)
	switch p.kind {
	case "company":
		return told{kind, "null"}
	case "payment":
		return ofPayment(kind, p.id, date)
	case "pay_statement":
		return ofStatement(kind, p.id, p.person)
	}
	return ofPerson(kind, p.id)
}

// differences returns the events that lead from one snapshot to the next.
func (s snapshot) differences(next snapshot) map[told]int {
	all := map[told]int{}
	for p, text := range next.parts {
		switch old, existed := s.parts[p]; {
		case !existed:
			all[p.event("created", next.dates[p.id])]++
		case old != text:
			all[p.event("updated", next.dates[p.id])]++
		}
	}
	for p := range s.parts {
		if _, exists := next.parts[p]; !exists {
			all[p.event("deleted", s.dates[p.id])]++
		}
	}
	return all
}

// look reads everything as a client does, and the events since the cursor.
func (v *victim) look(t *testing.T, cursor string) (snapshot, string) {
	t.Helper()
	token, err := os.ReadFile(v.Data + "/token")
	must(t, err)
	s := snapshot{parts: map[part]string{}, dates: map[perch.ID]string{}}
	v.open(t, func(a *app.App) {
		server := httptest.NewServer(a.API.Handler())
		defer server.Close()
		w := &world{t: t, app: a, server: server}
		w.made.AccessToken = string(token)
		s.people(w)
		s.payroll(w)
		for more := true; more; {
			page, err := a.Events.Feed(t.Context(), v.App, event.Query{Cursor: cursor, Limit: event.MaxPage})
			must(t, err)
			for _, e := range page.Events {
				var body perch.Event
				must(t, json.Unmarshal([]byte(e.Body), &body))
				if !strings.HasPrefix(string(body.Type), "job.") && body.Type != perch.EventAccountUpdated {
					s.events = append(s.events, told{body.Type, string(body.Data)})
				}
			}
			cursor, more = page.Next, page.More
		}
	})
	return s, cursor
}

func (s *snapshot) people(w *world) {
	w.t.Helper()
	var company json.RawMessage
	w.call("GET", "/employer/company", "", &company)
	s.parts[part{kind: "company"}] = string(company)
	var d struct{ Individuals []json.RawMessage }
	w.call("GET", "/employer/directory?limit=10000", "", &d)
	var requests []string
	for _, one := range d.Individuals {
		var entry perch.DirectoryEntry
		must(w.t, json.Unmarshal(one, &entry))
		s.parts[part{kind: "directory", id: entry.ID}] = string(one)
		requests = append(requests, `{"individual_id":"`+entry.ID.String()+`"}`)
	}
	for _, kind := range []string{"individual", "employment"} {
		var answer struct {
			Responses []struct {
				ID   perch.ID `json:"individual_id"`
				Code int
				Body json.RawMessage
			}
		}
		w.call("POST", "/employer/"+kind, `{"requests":[`+strings.Join(requests, ",")+`],"options":{"include":["ssn"]}}`, &answer)
		for _, r := range answer.Responses {
			if r.Code != 200 {
				w.t.Fatalf("%s %s answered %d", kind, r.ID, r.Code)
			}
			s.parts[part{kind: kind, id: r.ID}] = string(r.Body)
		}
	}
}

func (s *snapshot) payroll(w *world) {
	w.t.Helper()
	var payments []json.RawMessage
	w.call("GET", "/employer/payment?start_date=2000-01-01&end_date=2100-01-01", "", &payments)
	for _, one := range payments {
		var payment perch.Payment
		must(w.t, json.Unmarshal(one, &payment))
		s.parts[part{kind: "payment", id: payment.ID}] = string(one)
		s.dates[payment.ID] = payment.PayDate.String()
		var answer struct {
			Responses []struct {
				Body struct {
					Statements []json.RawMessage `json:"pay_statements"`
				}
			}
		}
		w.call("POST", "/employer/pay-statement", `{"requests":[{"payment_id":"`+payment.ID.String()+`","limit":5000}]}`, &answer)
		for _, text := range answer.Responses[0].Body.Statements {
			var statement perch.PayStatement
			must(w.t, json.Unmarshal(text, &statement))
			p := part{kind: "pay_statement", id: payment.ID, person: statement.IndividualID}
			if _, twice := s.parts[p]; twice {
				w.t.Fatal("a person has two statements in one payment, which this test cannot tell apart")
			}
			s.parts[p] = string(text)
		}
	}
}
