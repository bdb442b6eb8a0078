package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/event"
)

type fakeEvents struct{ *fake }

func (f fakeEvents) AppendFeed(_ context.Context, application perch.ID, q event.Query, dst []byte) ([]byte, error) {
	return append(dst, `{"events":[]}`...), f.note("events", application.String()[:2], q.Cursor, fmt.Sprint(q.Limit), q.ConnectionID.String()[:4], "["+joined(q.Types)+"]")
}

func (h *harness) asClient(target, secret string) (int, string) {
	r := ask{target: target, token: none, version: none}.request()
	r.SetBasicAuth(clientID, secret)
	w := serve(h, r)
	return w.Code, w.Body.String()
}

func TestTheFeedIsAskedForWhatTheQuerySays(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/events":                               "events 02  100 0000 []",
		"/events?cursor=latest":                 "events 02 latest 100 0000 []",
		"/events?cursor=AQIA8Xy_-kq&limit=1000": "events 02 AQIA8Xy_-kq 1000 0000 []",
		"/events?connection_id=" + anID:         "events 02  100 0d9a []",
		"/events?event_types=company.updated,payment.created&event_types[]=company.updated": "events 02  100 0000 [company.updated, payment.created]",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			if code, body := h.asClient(target, clientSecret); code != 200 || body != `{"events":[]}` || h.last() != want {
				t.Errorf("got %d %s, asked %q, want %q", code, body, h.last(), want)
			}
		})
	}
}

func TestTheFeedRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]struct {
		code int
		text string
	}{
		"/events?limit=1001":              {422, "limit: "},
		"/events?limit=0":                 {400, "limit: must be at least 1"},
		"/events?limit=x":                 {400, "limit: must be an integer"},
		"/events?connection_id=1":         {400, "connection_id: must be a UUID"},
		"/events?event_types=person.born": {400, "event_types: each value must be one of account.updated"},
		"/events?cursor=a&cursor=b":       {400, "cursor: is given more than once"},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			code, body := h.asClient(target, clientSecret)
			var f struct{ Message string }
			if err := json.Unmarshal([]byte(body), &f); err != nil || code != want.code || !strings.HasPrefix(f.Message, want.text) || h.last() != "" {
				t.Errorf("got %d %s, asked %q, want %d %s", code, body, h.last(), want.code, want.text)
			}
		})
	}
	h := setup(t)
	if code, _ := h.asClient("/events", "wrong"); code != 401 {
		t.Errorf("a wrong secret answered %d", code)
	}
	if w := h.do(ask{target: "/events"}); w.Code != 401 {
		t.Errorf("an access token answered %d", w.Code)
	}
}

func TestModifiedAfterIsATimeOrADay(t *testing.T) {
	t.Parallel()
	const since = " since 2026-03-01T12:00:00.25Z"
	batch := func(options string) string {
		return `{"requests":[{"individual_id":"a"}],"options":{` + options + `}}`
	}
	for name, test := range map[string]struct {
		ask
		want string
	}{
		"directory":        {ask{target: "/employer/directory?modified_after=2026-03-01T12:00:00.250Z"}, "directory 11 100 0" + since},
		"with an offset":   {ask{target: "/employer/directory?modified_after=2026-03-01T14:00:00.250%2B02:00"}, "directory 11 100 0" + since},
		"a day":            {ask{target: "/employer/directory?modified_after=2026-03-01"}, "directory 11 100 0 since 2026-03-01T00:00:00Z"},
		"payments":         {ask{target: "/employer/payment?start_date=2024-02-29&end_date=2024-02-29&modified_after=2026-03-01T12:00:00.25Z"}, "payments 11 2024-02-29 2024-02-29" + since},
		"individuals":      {ask{method: "POST", target: "/employer/individual", body: batch(`"modified_after":"2026-03-01T12:00:00.25Z","include":["ssn"]`)}, "individuals 11 true [a]" + since},
		"employments":      {ask{method: "POST", target: "/employer/employment", body: batch(`"modified_after":"2026-03-01T12:00:00.25Z"`)}, "employments 11 [a]" + since},
		"of another field": {ask{method: "POST", target: "/employer/employment", body: batch(`"modified_before":1`)}, "employments 11 [a]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			if w := h.do(test.ask); w.Code != 200 || h.last() != test.want {
				t.Errorf("got %d %s, asked %q, want %q", w.Code, w.Body, h.last(), test.want)
			}
		})
	}
	for name, test := range map[string]struct {
		ask
		want string
	}{
		"yesterday":     {ask{target: "/employer/directory?modified_after=yesterday"}, "modified_after: must be a time"},
		"an empty time": {ask{target: "/employer/directory?modified_after="}, "modified_after: must be a time"},
		"no such day":   {ask{target: "/employer/payment?start_date=2024-02-29&end_date=2024-02-29&modified_after=2026-02-30"}, "modified_after: must be a time"},
		"a number":      {ask{method: "POST", target: "/employer/individual", body: batch(`"modified_after":5`)}, "options.modified_after: must be a string"},
		"given twice":   {ask{method: "POST", target: "/employer/individual", body: batch(`"modified_after":"2026-03-01","modified_after":"2026-03-01"`)}, "options.modified_after: is given more than once"},
		"in a batch":    {ask{method: "POST", target: "/employer/employment", body: batch(`"modified_after":"soon"`)}, "options.modified_after: must be a time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			w := h.do(test.ask)
			if f := readFailure(t, w); w.Code != 400 || !strings.HasPrefix(f.Message, test.want) || h.last() != "" {
				t.Errorf("got %d %+v, asked %q", w.Code, f, h.last())
			}
		})
	}
}
