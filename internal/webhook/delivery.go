package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

// Delivery is an event on its way to an endpoint.
type Delivery struct {
	EventID   perch.ID `json:"event_id"`
	EventType string   `json:"event_type"`
	// ConnectionID is nil for a test event.
	ConnectionID *perch.ID           `json:"connection_id"`
	Cause        string              `json:"cause" doc:"Why it is sent: event, replay, resend or test."`
	State        store.DeliveryState `json:"state" doc:"waiting: sent again at next_at. delivered: answered with 2xx. failed: given up."`
	Attempts     int                 `json:"attempts"`
	CreatedAt    time.Time           `json:"created_at"`
	AttemptedAt  *time.Time          `json:"attempted_at"`
	NextAt       *time.Time          `json:"next_at"`
	Status       *int                `json:"status" doc:"The status of the last answer."`
	Error        *string             `json:"error" doc:"Why the last attempt failed."`
}

// DeliveryDetail is a delivery with its attempts.
type DeliveryDetail struct {
	Delivery
	Tried []DeliveryAttempt `json:"tried" nullable:"false" doc:"The attempts, oldest first."`
}

// DeliveryAttempt is one attempt.
type DeliveryAttempt struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	TookMS int64     `json:"took_ms"`
	Status *int      `json:"status"`
	Error  *string   `json:"error"`
	Answer string    `json:"answer" doc:"The beginning of what the receiver answered, at most 64 KiB."`
}

// Page asks for deliveries, newest first.
type Page struct {
	// State is one state, or empty for all.
	State store.DeliveryState
	// Before continues after the delivery of this event, the last one of a page.
	Before perch.ID
	Limit  int
}

// Deliveries returns a page of an endpoint's deliveries. The last one leads to the next page.
func (s *Service) Deliveries(ctx context.Context, application, endpoint perch.ID, p Page) ([]Delivery, error) {
	if _, err := s.find(ctx, application, endpoint); err != nil {
		return nil, err
	}
	q := store.DeliveryQuery{Application: application, Endpoint: endpoint, State: p.State, Most: min(max(p.Limit, 1), MaxPage)}
	if !p.Before.IsZero() {
		last, _, err := s.Store.WebhookDelivery(ctx, application, endpoint, p.Before)
		if errors.Is(err, store.ErrNotFound) {
			return nil, perch.Invalid("before", "is not the event of a delivery to this endpoint.")
		}
		if err != nil {
			return nil, err
		}
		q.BeforeTime, q.BeforeEvent = last.CreatedAt, last.EventID
	}
	found, err := s.Store.WebhookDeliveries(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]Delivery, len(found))
	for i, d := range found {
		list[i] = viewDelivery(d)
	}
	return list, nil
}

// Delivery returns the delivery of an event to an endpoint with all attempts.
func (s *Service) Delivery(ctx context.Context, application, endpoint, event perch.ID) (DeliveryDetail, error) {
	if _, err := s.find(ctx, application, endpoint); err != nil {
		return DeliveryDetail{}, err
	}
	d, attempts, err := s.Store.WebhookDelivery(ctx, application, endpoint, event)
	if errors.Is(err, store.ErrNotFound) {
		return DeliveryDetail{}, perch.NotFound("item_not_found", "There is no delivery of this event to this endpoint.")
	}
	if err != nil {
		return DeliveryDetail{}, err
	}
	cipher, err := s.Keyring.Cipher(ctx, application)
	if err != nil {
		return DeliveryDetail{}, err
	}
	detail := DeliveryDetail{Delivery: viewDelivery(d), Tried: make([]DeliveryAttempt, len(attempts))}
	for i, a := range attempts {
		t := DeliveryAttempt{Number: a.Number, At: a.At.UTC(), TookMS: a.Took.Milliseconds(), Status: unless(a.Status, 0), Error: unless(a.Error, "")}
		if len(a.Answer) > 0 {
			answer, err := cipher.Open(nil, a.Answer, answerPlace(endpoint))
			if err != nil {
				return DeliveryDetail{}, err
			}
			t.Answer = string(answer)
		}
		detail.Tried[i] = t
	}
	return detail, nil
}

func viewDelivery(d store.WebhookDelivery) Delivery {
	v := Delivery{EventID: d.EventID, EventType: d.Type, ConnectionID: unless(d.ConnectionID, perch.ID{}), Cause: d.Cause, State: d.State,
		Attempts: d.Attempts, CreatedAt: d.CreatedAt.UTC(), AttemptedAt: unlessZero(d.AttemptedAt), Status: unless(d.Status, 0), Error: unless(d.Error, "")}
	if d.State == store.DeliveryWaiting {
		v.NextAt = unlessZero(d.NextAt)
	}
	return v
}

// unless returns nil for a value that stands for none.
func unless[T comparable](value, none T) *T {
	if value == none {
		return nil
	}
	return &value
}

// EventTest is the type of a test event.
const EventTest = "test"

// Test sends a test event at once and returns what became of it. It is not tried again. The endpoint
// may be disabled.
func (s *Service) Test(ctx context.Context, application, endpoint perch.ID) (DeliveryDetail, error) {
	e, err := s.find(ctx, application, endpoint)
	if err != nil {
		return DeliveryDetail{}, err
	}
	to, err := target(ctx, s.Store, s.Keyring, e, s.Now())
	if err != nil {
		return DeliveryDetail{}, err
	}
	body, err := testBody()
	if err != nil {
		return DeliveryDetail{}, err
	}
	text := string(body)
	d := store.WebhookDelivery{EventID: perch.NewID(), Type: EventTest, TestBody: &text, Cause: causeTest, CreatedAt: s.Now(), Attempts: 1, Tries: 1}
	a := s.Sender.Send(ctx, to, d.EventID, body)
	if a.Cancelled {
		return DeliveryDetail{}, ctx.Err()
	}
	settle(&d, a, s.Now())
	if d.State == store.DeliveryWaiting {
		d.State, d.NextAt = store.DeliveryFailed, time.Time{}
	}
	d.Took = a.Took
	if a.Answer != "" {
		cipher, err := s.Keyring.Cipher(ctx, application)
		if err != nil {
			return DeliveryDetail{}, err
		}
		d.Answer = cipher.Seal(nil, []byte(a.Answer), answerPlace(endpoint))
	}
	if err := s.Store.RecordTest(ctx, application, endpoint, d); err != nil {
		return DeliveryDetail{}, s.missing(err)
	}
	return s.Delivery(ctx, application, endpoint, d.EventID)
}

// testBody has the form of an event of a change of data, about nobody.
func testBody() ([]byte, error) {
	entity := perch.NewID()
	data, err := json.Marshal(map[string]perch.ID{"individual_id": perch.NewID()})
	if err != nil {
		return nil, err
	}
	return json.Marshal(perch.Event{ConnectionID: perch.NewID(), CompanyID: perch.NewID(), AccountID: entity, EntityID: entity, Type: EventTest, Data: data})
}

// Resend sends one event of the log to an endpoint again, or for the first time, whether or not the
// endpoint asks for its type. It is queued when Resend returns.
func (s *Service) Resend(ctx context.Context, application, endpoint, event perch.ID) error {
	if err := s.enabled(ctx, application, endpoint); err != nil {
		return err
	}
	err := s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.QueueDelivery(ctx, tx, application, endpoint, event, causeResend, s.Now()); err != nil {
			return err
		}
		return s.told(ctx, tx, application)
	})
	if errors.Is(err, store.ErrNotFound) {
		return perch.NotFound("item_not_found", "There is no event with this id, or it is no longer kept.")
	}
	return err
}

// Replay sends everything that was published since a time to an endpoint again, as far as it asks for
// it. It returns how many events there are, those that it does not ask for included.
func (s *Service) Replay(ctx context.Context, application, endpoint perch.ID, since time.Time) (events int64, err error) {
	now := s.Now()
	if since.After(now) {
		return 0, perch.Invalid("since", "must not lie in the future.")
	}
	if err := s.enabled(ctx, application, endpoint); err != nil {
		return 0, err
	}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		if events, err = s.Store.InsertReplay(ctx, tx, application, endpoint, perch.NewID(), since, now); err != nil {
			return err
		}
		if err := s.note(ctx, tx, endpoint, "replayed", "Everything since "+since.UTC().Format(time.RFC3339)+"."); err != nil {
			return err
		}
		return s.told(ctx, tx, application)
	})
	return events, s.missing(err)
}

// told lets the couriers of all processes look, after the commit.
func (s *Service) told(ctx context.Context, tx *sql.Tx, application perch.ID) error {
	if s.Wake != nil {
		s.Wake(application)
	}
	return s.Store.NotifyEvents(ctx, tx, application)
}

// enabled refuses to send to an endpoint that is disabled.
func (s *Service) enabled(ctx context.Context, application, endpoint perch.ID) error {
	e, err := s.find(ctx, application, endpoint)
	if err == nil && e.State != store.WebhookEnabled {
		err = &perch.Error{Name: perch.NameConflict, Message: "The endpoint is disabled. Enable it first."}
	}
	return err
}

// Ensure gives an application an endpoint with a secret of the caller's, or brings the one that has the
// id up to date. It returns the endpoint's id.
func (s *Service) Ensure(ctx context.Context, application, endpoint perch.ID, n New) (perch.ID, error) {
	key, err := parseSecret(n.Secret)
	if err != nil {
		return perch.ID{}, err
	}
	e, err := s.Store.WebhookEndpoint(ctx, application, endpoint)
	if errors.Is(err, store.ErrNotFound) {
		made, err := s.Create(ctx, application, n)
		return made.ID, err
	}
	if err != nil {
		return perch.ID{}, err
	}
	to, err := target(ctx, s.Store, s.Keyring, e, s.Now())
	if err != nil {
		return perch.ID{}, err
	}
	if string(to.Keys[0]) != string(key) {
		if err := s.setSecret(ctx, application, endpoint, key, 0); err != nil {
			return perch.ID{}, err
		}
	}
	if yes := true; to.URL != n.URL || e.State != store.WebhookEnabled {
		_, err = s.Update(ctx, application, endpoint, Change{URL: &n.URL, Enabled: &yes})
	}
	return endpoint, err
}

// DeliveryState is where a delivery stands.
type DeliveryState = store.DeliveryState

// DeliveryStates lists the states.
func DeliveryStates() []DeliveryState { return DeliveryState("").Values() }
