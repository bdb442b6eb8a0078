package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/event"
)

// Events reads what applications are told of.
type Events interface {
	// AppendFeed appends the page of an application's events at a cursor. Errors name the field at fault.
	AppendFeed(ctx context.Context, application perch.ID, query event.Query, dst []byte) ([]byte, error)
}

func eventRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/events", operation: "get-events", tag: tagEvents,
			summary: "Events",
			description: "Lists what changed, over all connections of the application and in the order in which it was published: the same events as webhooks send. Ask again with next_cursor, which stays good when there is nothing new yet; nothing is ever added before it. " +
				"Events are kept for 30 days. Those of assisted connections are all here, unlike with webhooks. With a filter, a page may hold fewer events than there are, even none, while has_more is true.",
			auth: authBasic, version: versionOptional,
			params: []param{
				{name: "cursor", in: "query", kind: kindText, description: "Where to go on: next_cursor of the page before, or latest for the end of the list. Without it, the list begins with the oldest event that is kept.", example: event.Latest},
				{name: "limit", in: "query", kind: kindInteger, fallback: defaultPage, max: event.MaxPage, page: true, description: "How many events to return.", example: "100"},
				{name: "connection_id", in: "query", kind: kindID, description: "Only events of this connection."},
				{name: "event_types", in: "query", kind: kindEnums, values: texts(perch.EventType("").Values()), description: "Only events of these types."},
			},
			answer: reflect.TypeFor[EventPage](), answerExample: exampleEvents,
			errors: []failure{{perch.NameUnprocessableEntity, "page_size_limit_exceeded"}, {perch.NameInvalidRequest, "invalid_request"}},
			handle: getEvents,
		},
	}
}

// EventPage is the answer of GET /events.
type EventPage struct {
	Events     []LoggedEvent `json:"events" nullable:"false"`
	NextCursor string        `json:"next_cursor" doc:"Where the next page begins."`
	HasMore    bool          `json:"has_more" doc:"There are events after this page already."`
}

// LoggedEvent is an event and when it was published.
type LoggedEvent struct {
	ID        perch.ID    `json:"id" doc:"The id that webhooks send with the event."`
	CreatedAt time.Time   `json:"created_at" doc:"When the change was published."`
	Body      perch.Event `json:"body" doc:"The event, as webhooks send it."`
}

const exampleEvents = `{"events":[{"id":"6f1f7a52-4a0e-4c52-9d2b-000000000000","created_at":"2026-03-01T12:00:00.000Z",
"body":{"connection_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","company_id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11",
"account_id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13","entity_id":"e2b0a5f7-7b8c-4d1e-9f3a-2c4b6d8e0f13","event_type":"individual.updated",
"data":{"individual_id":"c2d6f0b1-3f0e-4b60-a0c6-0b7f6b0d9e55"}}}],"next_cursor":"AQIA8Xy2kq0vYc0","has_more":false}`

func getEvents(c *call) error {
	query, err := c.eventQuery()
	if err != nil {
		return err
	}
	buf := takeBuffer()
	defer buf.release()
	if buf.b, err = c.api.Events.AppendFeed(c.r.Context(), c.app.ID, query, buf.b[:0]); err != nil {
		return err
	}
	c.write(http.StatusOK, buf.b)
	return nil
}

func (c *call) eventQuery() (q event.Query, err error) {
	if q.Cursor, _, err = c.query.one("cursor"); err != nil {
		return q, err
	}
	if q.Limit, err = c.integer("limit"); err != nil {
		return q, err
	}
	if q.Limit == 0 {
		return q, perch.Invalid("limit", "must be at least 1.")
	}
	if q.ConnectionID, err = c.optionalID("connection_id"); err != nil {
		return q, err
	}
	q.Types, err = c.eventTypes("event_types")
	return q, err
}

// eventTypes reads event types, each once.
func (c *call) eventTypes(name string) (list []perch.EventType, err error) {
	p := c.param(name)
	err = c.query.each(name, func(value string) error {
		if !slices.Contains(p.values, value) {
			return perch.Invalid(name, "each value must be one of %s.", strings.Join(p.values, ", "))
		}
		if t := perch.EventType(value); !slices.Contains(list, t) {
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// modifiedAfter describes the parameter of that name.
const modifiedAfter = "Only what changed in a publish after this time: RFC 3339, or a date for its beginning in UTC. Send the Finch-Data-Retrieved header of the last answer of the same endpoint to miss nothing. Deleted records are not listed; events tell of them."

// since reads modified_after from the query; the zero time does not filter.
func (c *call) since() (time.Time, error) {
	c.param("modified_after")
	raw, found, err := c.query.one("modified_after")
	if err != nil || !found {
		return time.Time{}, err
	}
	return parseTime("modified_after", raw)
}

// parseTime reads RFC 3339, or a date for its beginning in UTC.
func parseTime(field, text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Time{}, perch.Invalid(field, "must be a time such as 2026-03-01T12:00:00Z, or a day as YYYY-MM-DD.")
}
