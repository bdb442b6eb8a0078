package httpapi

import (
	"context"
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/sandbox"
)

// Triggers causes events of simulated employers.
type Triggers interface {
	// Trigger makes a change that an event of the type follows from, and waits for the event. The zero
	// connection stands for the newest one.
	Trigger(ctx context.Context, app *access.Application, kind perch.EventType, connection perch.ID) (sandbox.Triggered, error)
}

func triggerRoutes() []route {
	return []route{{
		method: http.MethodPost, path: "/sandbox/trigger", operation: "post-sandbox-trigger", tag: tagSandbox,
		summary:     "Trigger an event",
		description: "Changes a simulated employer in such a way that an event of the type follows, syncs it where that is needed, and answers when the event is there. Other events may come with it.",
		auth:        authBasic, version: versionOptional,
		body: reflect.TypeFor[TriggerRequest](), bodyRequired: true, bodyExample: `{"event_type":"individual.updated"}`,
		answer: reflect.TypeFor[sandbox.Triggered](), answerExample: `{"event_type":"individual.updated","connection_id":"` + exampleID + `","event_id":"` + exampleID + `","change":"somebody has another telephone number"}`,
		errors: append([]failure{{perch.NameNotFound, "item_not_found"}, {perch.NameConflict, ""}}, badEdit...), handle: triggerEvent,
	}}
}

// TriggerRequest is the body of POST /sandbox/trigger.
type TriggerRequest struct {
	EventType    perch.EventType `json:"event_type"`
	ConnectionID *perch.ID       `json:"connection_id,omitempty" doc:"The connection to change; the application's newest one to a simulated employer if left out, which is made if there is none."`
}

func triggerEvent(c *call) error {
	request, err := decoded(c, func(s *scanner) (r TriggerRequest, err error) {
		return r, s.fields([]field{
			{"event_type", true, func() (err error) { r.EventType, err = enumOf[perch.EventType](s)(); return err }},
			{"connection_id", false, func() error { return optional(s, &r.ConnectionID, pointer(s.uuid)) }},
		})
	})
	if err != nil {
		return err
	}
	var connection perch.ID
	if request.ConnectionID != nil {
		connection = *request.ConnectionID
	}
	triggered, err := c.api.Triggers.Trigger(c.r.Context(), c.app, request.EventType, connection)
	return sent(c, triggered, err)
}
