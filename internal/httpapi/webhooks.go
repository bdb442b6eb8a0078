package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/webhook"
)

// Webhooks manages where an application's events are sent, and shows what became of them. Every method
// fails with a not-found error for an endpoint of another application.
type Webhooks interface {
	Create(ctx context.Context, application perch.ID, n webhook.New) (webhook.EndpointWithSecret, error)
	List(ctx context.Context, application perch.ID) ([]webhook.Endpoint, error)
	Detail(ctx context.Context, application, endpoint perch.ID) (webhook.EndpointDetail, error)
	Update(ctx context.Context, application, endpoint perch.ID, c webhook.Change) (webhook.Endpoint, error)
	Delete(ctx context.Context, application, endpoint perch.ID) error
	Rotate(ctx context.Context, application, endpoint perch.ID, overlap time.Duration) (webhook.EndpointWithSecret, error)
	Test(ctx context.Context, application, endpoint perch.ID) (webhook.DeliveryDetail, error)
	Deliveries(ctx context.Context, application, endpoint perch.ID, p webhook.Page) ([]webhook.Delivery, error)
	Delivery(ctx context.Context, application, endpoint, event perch.ID) (webhook.DeliveryDetail, error)
	Resend(ctx context.Context, application, endpoint, event perch.ID) error
	Replay(ctx context.Context, application, endpoint perch.ID, since time.Time) (int64, error)
}

const (
	endpointPath = "/webhooks/endpoints/{endpoint_id}"
	deliveryPath = endpointPath + "/deliveries/{event_id}"
)

func webhookRoutes() []route {
	endpoint := param{name: "endpoint_id", in: "path", kind: kindID, required: true, description: "Id of the endpoint.", example: exampleID}
	event := param{name: "event_id", in: "path", kind: kindID, required: true, description: "Id of the event.", example: exampleID}
	unknown := failure{perch.NameNotFound, "item_not_found"}
	invalid := []failure{{perch.NameInvalidRequest, "invalid_request"}, {perch.NameInvalidRequest, "request_too_large"}}
	list := []route{
		{
			method: http.MethodPost, path: "/webhooks/endpoints", operation: "post-webhook-endpoints", summary: "Create an endpoint",
			description: "Makes an endpoint that is sent the application's events from now on, and returns the secret that they are signed with. The secret is shown this once.",
			created:     true,
			body:        reflect.TypeFor[WebhookEndpointRequest](), bodyRequired: true, bodyExample: `{"url":"https://app.example.com/webhooks","events":["individual.updated"]}`,
			answer: reflect.TypeFor[webhook.EndpointWithSecret](), answerExample: `{` + exampleEndpoint + `,"secret":"c2hvd24gdGhpcyBvbmNlLCB0aGVuIG5ldmVyIGFnYWlu"}`,
			errors: invalid, handle: createEndpoint,
		},
		{
			method: http.MethodGet, path: "/webhooks/endpoints", operation: "get-webhook-endpoints", summary: "Endpoints",
			description: "Lists the application's endpoints, the oldest first.",
			answer:      reflect.TypeFor[[]webhook.Endpoint](), answerExample: `[{` + exampleEndpoint + `}]`,
			handle: listEndpoints,
		},
		{
			method: http.MethodGet, path: endpointPath, operation: "get-webhook-endpoint", summary: "Endpoint",
			description: "Reads one endpoint: whether it is enabled, how many deliveries wait or were given up, how old its secrets are, and what happened to it.",
			params:      []param{endpoint}, errors: []failure{unknown},
			answer: reflect.TypeFor[webhook.EndpointDetail](), answerExample: `{` + exampleEndpoint + `,"secrets":[{"created_at":"2024-03-01T09:30:00Z","expires_at":null}],` +
				`"waiting":0,"failed":0,"unread":0,"history":[{"at":"2024-03-01T09:30:00Z","what":"created","detail":""}]}`,
			handle: getEndpoint,
		},
		{
			method: http.MethodPatch, path: endpointPath, operation: "patch-webhook-endpoint", summary: "Update an endpoint",
			description: "Changes what is given. An endpoint that was disabled begins anew when it is enabled: what happened meanwhile is not sent, unless it is replayed.",
			params:      []param{endpoint}, errors: slices.Concat(invalid, []failure{unknown}),
			body: reflect.TypeFor[WebhookEndpointChange](), bodyRequired: true, bodyExample: `{"enabled":true}`,
			answer: reflect.TypeFor[webhook.Endpoint](), answerExample: `{` + exampleEndpoint + `}`,
			handle: updateEndpoint,
		},
		{
			method: http.MethodDelete, path: endpointPath, operation: "delete-webhook-endpoint", summary: "Delete an endpoint",
			description: "Deletes an endpoint with its secrets and the record of what it was sent.",
			params:      []param{endpoint}, errors: []failure{unknown},
			answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"success"}`,
			handle: deleteEndpoint,
		},
		{
			method: http.MethodPost, path: endpointPath + "/rotate", operation: "post-webhook-endpoint-rotate", summary: "Rotate the secret",
			description: "Gives the endpoint another secret, which is shown this once. Until the overlap is over, messages carry a signature for each secret, so that the receiver can change over without losing one.",
			params:      []param{endpoint}, errors: slices.Concat(invalid, []failure{unknown}),
			body: reflect.TypeFor[WebhookRotation](), bodyExample: `{"overlap_hours":24}`,
			answer: reflect.TypeFor[webhook.EndpointWithSecret](), answerExample: `{` + exampleEndpoint + `,"secret":"c2hvd24gdGhpcyBvbmNlLCB0aGVuIG5ldmVyIGFnYWlu"}`,
			handle: rotateEndpoint,
		},
		{
			method: http.MethodPost, path: endpointPath + "/test", operation: "post-webhook-endpoint-test", summary: "Send a test event",
			description: "Sends an event of the type test at once, once, and returns how the receiver answered.",
			params:      []param{endpoint}, errors: []failure{unknown},
			answer: reflect.TypeFor[webhook.DeliveryDetail](), answerExample: exampleDeliveryDetail,
			handle: testEndpoint,
		},
		{
			method: http.MethodPost, path: endpointPath + "/replay", operation: "post-webhook-endpoint-replay", summary: "Replay events",
			description: "Sends the endpoint everything again that was published since a time, as far as it asks for it. Events are kept for 30 days.",
			params:      []param{endpoint}, errors: slices.Concat(invalid, []failure{unknown, {perch.NameConflict, ""}}),
			body: reflect.TypeFor[WebhookReplay](), bodyRequired: true, bodyExample: `{"since":"2024-03-01T09:30:00Z"}`,
			answer: reflect.TypeFor[WebhookReplayed](), answerExample: `{"events":12}`,
			handle: replayEndpoint,
		},
		{
			method: http.MethodGet, path: endpointPath + "/deliveries", operation: "get-webhook-deliveries", summary: "Deliveries",
			description: "Lists what the endpoint was sent, the newest first.",
			params: []param{endpoint,
				{name: "state", in: "query", kind: kindEnums, values: texts(webhook.DeliveryStates()), description: "Only deliveries in this state; one at most."},
				{name: "before", in: "query", kind: kindID, description: "Continue after the delivery of this event, the last one of the page before."},
				{name: "limit", in: "query", kind: kindInteger, fallback: webhook.DefaultPage, max: webhook.MaxPage, page: true, description: "How many deliveries to return.", example: "50"},
			},
			errors: []failure{{perch.NameInvalidRequest, "invalid_request"}, unknown, {perch.NameUnprocessableEntity, "page_size_limit_exceeded"}},
			answer: reflect.TypeFor[[]webhook.Delivery](), answerExample: `[{` + exampleDelivery + `}]`,
			handle: listDeliveries,
		},
		{
			method: http.MethodGet, path: deliveryPath, operation: "get-webhook-delivery", summary: "Delivery",
			description: "Reads what became of one event, with every attempt and the beginning of what the receiver answered.",
			params:      []param{endpoint, event}, errors: []failure{unknown},
			answer: reflect.TypeFor[webhook.DeliveryDetail](), answerExample: exampleDeliveryDetail,
			handle: getDelivery,
		},
		{
			method: http.MethodPost, path: deliveryPath + "/resend", operation: "post-webhook-delivery-resend", summary: "Resend an event",
			description: "Queues one event of the application for the endpoint, whether or not it was sent before or the endpoint asks for its type.",
			params:      []param{endpoint, event}, errors: []failure{unknown, {perch.NameConflict, ""}},
			answer: reflect.TypeFor[StatusAnswer](), answerExample: `{"status":"queued"}`,
			handle: resendEvent,
		},
	}
	for i := range list {
		list[i].tag, list[i].auth, list[i].version = tagWebhooks, authBasic, versionOptional
	}
	return list
}

const (
	exampleEndpoint = `"id":"` + exampleID + `","url":"https://app.example.com/webhooks","events":["individual.updated"],"description":"","state":"enabled","reason":null,` +
		`"created_at":"2024-03-01T09:30:00Z","updated_at":"2024-03-01T09:30:00Z","disabled_at":null,"failing_since":null,"paused_until":null`
	exampleDelivery = `"event_id":"` + exampleID + `","event_type":"individual.updated","connection_id":"` + exampleID + `","cause":"event","state":"delivered","attempts":1,` +
		`"created_at":"2024-03-01T09:30:00Z","attempted_at":"2024-03-01T09:30:00Z","next_at":null,"status":200,"error":null`
	exampleDeliveryDetail = `{` + exampleDelivery + `,"tried":[{"number":1,"at":"2024-03-01T09:30:00Z","took_ms":12,"status":200,"error":null,"answer":"ok"}]}`
)

// WebhookEndpointRequest is the body of POST /webhooks/endpoints.
type WebhookEndpointRequest struct {
	URL         string            `json:"url" maxLength:"2048" doc:"Where to send events: https, or http on localhost for sandbox applications under perch dev."`
	Events      []perch.EventType `json:"events,omitempty" nullable:"false" doc:"Types to send; all if left out. Events of connections that are kept by file, other than account.updated and the ends of benefit jobs, are sent only to endpoints that name their types."`
	Description *string           `json:"description,omitempty" maxLength:"200"`
}

// WebhookEndpointChange is the body of PATCH /webhooks/endpoints/{endpoint_id}.
type WebhookEndpointChange struct {
	URL         *string            `json:"url,omitempty" maxLength:"2048"`
	Events      *[]perch.EventType `json:"events,omitempty" doc:"An empty list stands for all."`
	Description *string            `json:"description,omitempty" maxLength:"200"`
	Enabled     *bool              `json:"enabled,omitempty" doc:"false stops deliveries, true begins them anew."`
}

// WebhookRotation is the body of POST /webhooks/endpoints/{endpoint_id}/rotate.
type WebhookRotation struct {
	OverlapHours *int `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"How long the old secrets are used beside the new one; 24 if left out."`
}

// WebhookReplay is the body of POST /webhooks/endpoints/{endpoint_id}/replay.
type WebhookReplay struct {
	Since string `json:"since" format:"date-time" doc:"Beginning with what was published at this time, in ISO 8601."`
}

// WebhookReplayed is its answer.
type WebhookReplayed struct {
	Events int64 `json:"events" doc:"How many events there are, those that the endpoint does not ask for included."`
}

// pathID reads an id of the address. What is no id is nothing's.
func (c *call) pathID(name string) (perch.ID, error) {
	c.param(name)
	id, err := perch.ParseID(c.r.PathValue(name))
	if err != nil {
		return id, perch.NotFound("item_not_found", "There is nothing with the id in this address.")
	}
	return id, nil
}

// sent answers with a value, unless there is an error.
func sent[T any](c *call, answer T, err error) error {
	if err != nil {
		return err
	}
	return c.encode(answer)
}

func createEndpoint(c *call) error {
	n, err := decoded(c, decodeEndpoint)
	if err != nil {
		return err
	}
	made, err := c.api.Webhooks.Create(c.r.Context(), c.app.ID, n)
	if err != nil {
		return err
	}
	return c.encodeCreated(made)
}

func listEndpoints(c *call) error {
	list, err := c.api.Webhooks.List(c.r.Context(), c.app.ID)
	return sent(c, list, err)
}

func getEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	detail, err := c.api.Webhooks.Detail(c.r.Context(), c.app.ID, id)
	return sent(c, detail, err)
}

func updateEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	change, err := decoded(c, decodeEndpointChange)
	if err != nil {
		return err
	}
	updated, err := c.api.Webhooks.Update(c.r.Context(), c.app.ID, id, change)
	return sent(c, updated, err)
}

func deleteEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	return sent(c, StatusAnswer{Status: "success"}, c.api.Webhooks.Delete(c.r.Context(), c.app.ID, id))
}

func rotateEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	overlap, err := decoded(c, decodeRotation)
	if err != nil {
		return err
	}
	rotated, err := c.api.Webhooks.Rotate(c.r.Context(), c.app.ID, id, overlap)
	return sent(c, rotated, err)
}

func testEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	detail, err := c.api.Webhooks.Test(c.r.Context(), c.app.ID, id)
	return sent(c, detail, err)
}

func replayEndpoint(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	since, err := decoded(c, decodeReplay)
	if err != nil {
		return err
	}
	events, err := c.api.Webhooks.Replay(c.r.Context(), c.app.ID, id, since)
	return sent(c, WebhookReplayed{Events: events}, err)
}

func listDeliveries(c *call) error {
	id, err := c.pathID("endpoint_id")
	if err != nil {
		return err
	}
	page, err := c.deliveriesPage()
	if err != nil {
		return err
	}
	list, err := c.api.Webhooks.Deliveries(c.r.Context(), c.app.ID, id, page)
	return sent(c, list, err)
}

func (c *call) deliveriesPage() (p webhook.Page, err error) {
	if state, found, err := c.query.one("state"); err != nil {
		return p, err
	} else if found {
		if !slices.Contains(webhook.DeliveryStates(), webhook.DeliveryState(state)) {
			return p, perch.Invalid("state", "must be one of %s.", joined(webhook.DeliveryStates()))
		}
		p.State = webhook.DeliveryState(state)
	}
	if p.Before, err = c.optionalID("before"); err != nil {
		return p, err
	}
	p.Limit, err = c.integer("limit")
	if err == nil && p.Limit < 1 {
		err = perch.Invalid("limit", "must be at least 1.")
	}
	return p, err
}

func getDelivery(c *call) error {
	id, event, err := c.deliveryIDs()
	if err != nil {
		return err
	}
	detail, err := c.api.Webhooks.Delivery(c.r.Context(), c.app.ID, id, event)
	return sent(c, detail, err)
}

func resendEvent(c *call) error {
	id, event, err := c.deliveryIDs()
	if err != nil {
		return err
	}
	return sent(c, StatusAnswer{Status: "queued"}, c.api.Webhooks.Resend(c.r.Context(), c.app.ID, id, event))
}

func (c *call) deliveryIDs() (endpoint, event perch.ID, err error) {
	if endpoint, err = c.pathID("endpoint_id"); err == nil {
		event, err = c.pathID("event_id")
	}
	return endpoint, event, err
}

// eventTypes reads a list of types of events.
func (s *scanner) eventTypes() (list []perch.EventType, err error) {
	list = []perch.EventType{}
	err = s.array(func(i int) error {
		s.at.element, s.at.inside = i, true
		one, err := enum(s, perch.EventType("").Values())
		if err == nil && !slices.Contains(list, one) {
			list = append(list, one)
		}
		return err
	})
	s.at.inside = false
	return list, err
}

func decodeEndpoint(s *scanner) (webhook.New, error) {
	var n webhook.New
	err := s.fields([]field{
		{"url", true, func() (err error) { n.URL, err = s.words(); return err }},
		{"events", false, func() error { return optional(s, &n.Events, s.eventTypes) }},
		{"description", false, func() error { return optional(s, &n.Description, s.words) }},
	})
	return n, err
}

func decodeEndpointChange(s *scanner) (webhook.Change, error) {
	var change webhook.Change
	err := s.fields([]field{
		{"url", false, func() error { return optional(s, &change.URL, pointer(s.words)) }},
		{"events", false, func() error { return optional(s, &change.Events, pointer(s.eventTypes)) }},
		{"description", false, func() error { return optional(s, &change.Description, pointer(s.words)) }},
		{"enabled", false, func() error { return optional(s, &change.Enabled, pointer(s.flag)) }},
	})
	return change, err
}

// decodeRotation takes an empty body for one that says nothing.
func decodeRotation(s *scanner) (time.Duration, error) {
	if len(s.data) == 0 {
		return webhook.DefaultOverlap, nil
	}
	hours := int(webhook.DefaultOverlap / time.Hour)
	most := int(webhook.MaxOverlap / time.Hour)
	err := s.fields([]field{{"overlap_hours", false, func() error {
		err := optional(s, &hours, s.integer)
		if err == nil && hours > most {
			err = s.invalid("must be between 0 and %d.", most)
		}
		return err
	}}})
	return time.Duration(hours) * time.Hour, err
}

func decodeReplay(s *scanner) (since time.Time, err error) {
	err = s.fields([]field{{"since", true, func() error {
		text, err := s.words()
		if err != nil {
			return err
		}
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return s.invalid("must be a time such as 2024-03-01T09:30:00Z.")
		}
		return nil
	}}})
	return since, err
}
