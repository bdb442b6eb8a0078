package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
)

// Each trigger is a real change: its event stands in the feed, with the connection's id, and of the type.
func TestEveryEventCanBeTriggered(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		h := hookAPI{s, s.application(t, perch.ClientSandbox)}
		trigger := func(kind perch.EventType) sandbox.Triggered {
			t.Helper()
			var done sandbox.Triggered
			h.call(t, "POST", "/sandbox/trigger", `{"event_type":"`+string(kind)+`"}`, 200, &done)
			return done
		}
		var caused []sandbox.Triggered
		for _, kind := range perch.EventType("").Values() {
			caused = append(caused, trigger(kind))
		}
		// Once more, since what was deleted is made anew.
		for _, kind := range []perch.EventType{perch.EventIndividualDeleted, perch.EventPayStatementDeleted, perch.EventPayStatementUpdated, perch.EventIndividualUpdated, perch.EventCompanyUpdated, perch.EventBenefitRegistered} {
			caused = append(caused, trigger(kind))
		}
		logged := map[perch.ID]perch.Event{}
		cursor := ""
		for more := true; more; {
			var page struct {
				Events []struct {
					ID   perch.ID
					Body perch.Event
				}
				NextCursor string `json:"next_cursor"`
				HasMore    bool   `json:"has_more"`
			}
			h.call(t, "GET", "/events?limit=1000&cursor="+cursor, "", 200, &page)
			for _, one := range page.Events {
				logged[one.ID] = one.Body
			}
			cursor, more = page.NextCursor, page.HasMore
		}
		seen := map[perch.ID]bool{}
		for _, one := range caused {
			body := logged[one.EventID]
			if body.Type != one.EventType || body.ConnectionID != one.ConnectionID || one.Change == "" || seen[one.EventID] {
				t.Errorf("%+v led to %+v", one, body)
			}
			seen[one.EventID] = true
		}

		notListed(t, s, h)

		var f failure
		for body, wrong := range map[string]string{
			`{}`:                       "event_type: ",
			`{"event_type":"nothing"}`: "event_type: ",
			`{"event_type":"company.updated","connection_id":"x"}`:                                                  "connection_id: ",
			`{"event_type":"job.initial_data_sync_org.succeeded","connection_id":"` + perch.NewID().String() + `"}`: "connection_id: ",
		} {
			if h.call(t, "POST", "/sandbox/trigger", body, 400, &f); !strings.Contains(f.Message, wrong) {
				t.Errorf("%s: %s", body, f.Message)
			}
		}
		mine, err := json.Marshal(map[string]any{"event_type": "company.updated", "connection_id": caused[0].ConnectionID})
		if err != nil {
			t.Fatal(err)
		}
		stranger := hookAPI{s, s.application(t, perch.ClientSandbox)}
		stranger.call(t, "POST", "/sandbox/trigger", string(mine), 404, &f)
		real := hookAPI{s, s.application(t, perch.ClientDevelopment)}
		real.call(t, "POST", "/sandbox/trigger", `{"event_type":"company.updated"}`, 400, &f)
	})
}

// notListed checks that nobody can be named any more whom a trigger removed.
func notListed(t *testing.T, s *server, h hookAPI) {
	t.Helper()
	made := s.ready(t, h.client, `{"provider_id":"gusto","employee_size":3}`)
	mine, ids := `","connection_id":"`+made.ConnectionID.String()+`"}`, s.everyone(t, made.AccessToken)
	var done sandbox.Triggered
	h.call(t, "POST", "/sandbox/trigger", `{"event_type":"`+string(perch.EventDirectoryCreated)+mine, 200, &done)
	gone := s.everyone(t, made.AccessToken)[len(ids)]
	h.call(t, "POST", "/sandbox/trigger", `{"event_type":"`+string(perch.EventDirectoryDeleted)+mine, 200, &done)
	for _, c := range []struct{ method, path, body, field string }{
		{"PUT", "/sandbox/employment/" + ids[1], `{"manager":{"id":"` + gone + `"}}`, "manager.id"},
		{"POST", "/sandbox/payment", `{"pay_statements":[{"individual_id":"` + ids[0] + `"},{"individual_id":"` + gone + `"}]}`, "pay_statements[1].individual_id"},
	} {
		if message := s.request(t, c.method, c.path, c.body, bearer(made.AccessToken)).fails(t, 400, perch.NameInvalidRequest, "invalid_request"); !strings.HasPrefix(message, c.field+": ") {
			t.Errorf("%s %s: %q", c.method, c.path, message)
		}
	}
	s.put(t, made.AccessToken, "/sandbox/individual/"+gone, `{"first_name":"X"}`).fails(t, 404, perch.NameNotFound, "individual_not_found")
}
