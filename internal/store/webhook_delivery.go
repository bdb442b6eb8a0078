package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// DeliveryState is where a delivery stands.
type DeliveryState string

// States of a delivery.
const (
	// DeliveryWaiting is sent, or sent again, once it is due.
	DeliveryWaiting DeliveryState = "waiting"
	// DeliveryDelivered was answered with 2xx.
	DeliveryDelivered DeliveryState = "delivered"
	// DeliveryFailed was given up.
	DeliveryFailed DeliveryState = "failed"
)

// Values lists the states.
func (DeliveryState) Values() []DeliveryState {
	return []DeliveryState{DeliveryWaiting, DeliveryDelivered, DeliveryFailed}
}

// WebhookDelivery is an event on its way to an endpoint.
type WebhookDelivery struct {
	EventID      perch.ID
	ConnectionID perch.ID
	// BatchID and Number are where the event stands in the log; BatchID is zero for a test event, which
	// has a TestBody instead.
	BatchID  perch.ID
	Number   int64
	Type     string
	TestBody *string
	// Cause is why it is sent: event, replay, resend or test.
	Cause string
	State DeliveryState
	// Attempts counts all, Tries those since it was last asked for.
	Attempts    int
	Tries       int
	NextAt      time.Time
	CreatedAt   time.Time
	AttemptedAt time.Time
	// Took, Status, Error and Answer are those of the last attempt. Status is 0 when there was no answer.
	// Answer is sealed under the application's data key.
	Took   time.Duration
	Status int
	Error  string
	Answer []byte
}

const deliveryColumns = `d.event_id, d.connection_id, d.batch_id, d.number, d.type, d.body, d.cause, d.state, d.attempts, d.tries, d.next_at,
	d.created_at, d.attempted_at, d.took, d.status, d.error`

func scanDelivery(row scanner, more ...any) (WebhookDelivery, error) {
	var d WebhookDelivery
	var next, created, attempted, took int64
	dest := []any{&d.EventID, &d.ConnectionID, &d.BatchID, &d.Number, &d.Type, &d.TestBody, &d.Cause, &d.State, &d.Attempts, &d.Tries, &next,
		&created, &attempted, &took, &d.Status, &d.Error}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return d, fmt.Errorf("reading a delivery: %w", notFound(err))
	}
	d.NextAt, d.CreatedAt, d.AttemptedAt, d.Took = db.Time(next), db.Time(created), db.Time(attempted), time.Duration(took)*time.Microsecond
	return d, nil
}

// WebhookAttempt is one request to a receiver and how it ended.
type WebhookAttempt struct {
	Number int
	At     time.Time
	Took   time.Duration
	// Status is 0 when there was no answer.
	Status int
	Error  string
	// Answer is sealed under the application's data key.
	Answer []byte
}

// putDeliveries stores deliveries of an endpoint as they stand after an attempt. No event may occur twice.
func (s *Store) putDeliveries(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID, deliveries []WebhookDelivery) error {
	values := make([]any, 0, 19*len(deliveries))
	for i := range deliveries {
		d := &deliveries[i]
		values = append(values, endpoint, d.EventID, application, d.ConnectionID, d.BatchID, d.Number, d.Type, d.TestBody, d.Cause, string(d.State),
			d.Attempts, d.Tries, db.Micros(d.NextAt), db.Micros(d.CreatedAt), db.Micros(d.AttemptedAt), d.Took.Microseconds(), d.Status, d.Error, d.Answer)
		if d.Attempts < 2 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO webhook_attempts (endpoint_id, event_id, number, at, took, status, error, answer)
			SELECT endpoint_id, event_id, attempts, attempted_at, took, status, error, answer FROM webhook_deliveries
			 WHERE endpoint_id = $1 AND event_id = $2 AND attempts = $3`, endpoint, d.EventID, d.Attempts-1); err != nil {
			return fmt.Errorf("storing the attempt before: %w", err)
		}
	}
	// Without a new attempt, the last one stays.
	last := func(column string) string {
		return column + ` = CASE WHEN excluded.attempts = webhook_deliveries.attempts THEN webhook_deliveries.` + column + ` ELSE excluded.` + column + ` END`
	}
	if err := s.insertRows(ctx, tx, `
		INSERT INTO webhook_deliveries (endpoint_id, event_id, application_id, connection_id, batch_id, number, type, body, cause, state,
			attempts, tries, next_at, created_at, attempted_at, took, status, error, answer)`, `
		ON CONFLICT (endpoint_id, event_id) DO UPDATE SET cause = excluded.cause, state = excluded.state, attempts = excluded.attempts,
			tries = excluded.tries, next_at = excluded.next_at, `+last("attempted_at")+`, `+last("took")+`, `+last("status")+`, `+
		last("error")+`, `+last("answer"),
		19, values); err != nil {
		return fmt.Errorf("storing deliveries: %w", err)
	}
	return nil
}

// RecordTest stores a test event that was sent, unless the endpoint is not the application's.
func (s *Store) RecordTest(ctx context.Context, application, endpoint perch.ID, d WebhookDelivery) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		var id perch.ID
		if err := tx.QueryRowContext(ctx, `SELECT id FROM webhook_endpoints WHERE id = $1 AND application_id = $2 AND state <> 'deleted'`,
			endpoint, application).Scan(&id); err != nil {
			return fmt.Errorf("storing a test: %w", notFound(err))
		}
		return s.putDeliveries(ctx, tx, application, endpoint, []WebhookDelivery{d})
	})
}

// QueueDelivery lets an event of the application's log be sent to an endpoint at once, whether or not
// it was before. It returns ErrNotFound when the log does not have the event, or the endpoint is
// another application's.
func (s *Store) QueueDelivery(ctx context.Context, tx *sql.Tx, application, endpoint, event perch.ID, cause string, now time.Time) error {
	return one(tx.ExecContext(ctx, `
		INSERT INTO webhook_deliveries (endpoint_id, event_id, application_id, connection_id, batch_id, number, type, body, cause, state,
			attempts, tries, next_at, created_at, attempted_at, took, status, error)
		SELECT w.id, e.id, e.application_id, e.connection_id, e.batch_id, e.number, e.type, NULL, $1, 'waiting', 0, 0, $2, $2, 0, 0, 0, ''
		  FROM events e JOIN event_batches b ON b.id = e.batch_id JOIN webhook_endpoints w ON w.application_id = e.application_id
		 WHERE e.id = $3 AND e.application_id = $4 AND b.position > 0 AND w.id = $5 AND w.state <> 'deleted'
		ON CONFLICT (endpoint_id, event_id) DO UPDATE SET cause = excluded.cause, state = 'waiting', tries = 0, next_at = excluded.next_at`,
		cause, db.Micros(now), event, application, endpoint))("changing a webhook endpoint")
}

// DeliveryQuery asks for a page of an endpoint's deliveries, newest first.
type DeliveryQuery struct {
	Application, Endpoint perch.ID
	// State is one state, or empty for all.
	State DeliveryState
	// BeforeTime and BeforeEvent continue after the last delivery of a page; zero is the first page.
	BeforeTime  time.Time
	BeforeEvent perch.ID
	Most        int
}

// WebhookDeliveries returns a page of deliveries.
func (s *Store) WebhookDeliveries(ctx context.Context, q DeliveryQuery) ([]WebhookDelivery, error) {
	query, args := `SELECT `+deliveryColumns+` FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
		WHERE d.endpoint_id = $1 AND w.application_id = $2 AND d.application_id = $2`, []any{q.Endpoint, q.Application, q.Most}
	if q.State != "" {
		args = append(args, string(q.State))
		query += fmt.Sprintf(` AND d.state = $%d`, len(args))
	}
	if !q.BeforeTime.IsZero() {
		args = append(args, db.Micros(q.BeforeTime), q.BeforeEvent)
		query += fmt.Sprintf(` AND (d.created_at, d.event_id) < ($%d, $%d)`, len(args)-1, len(args))
	}
	rows, err := s.db.Read.QueryContext(ctx, query+` ORDER BY d.created_at DESC, d.event_id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading deliveries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookDelivery
	for rows.Next() {
		one, err := scanDelivery(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// WebhookDelivery returns the delivery of an event to an endpoint, and its attempts, oldest first.
func (s *Store) WebhookDelivery(ctx context.Context, application, endpoint, event perch.ID) (WebhookDelivery, []WebhookAttempt, error) {
	var answer []byte
	d, err := scanDelivery(s.db.Read.QueryRowContext(ctx,
		`SELECT `+deliveryColumns+`, d.answer FROM webhook_deliveries d WHERE d.endpoint_id = $1 AND d.event_id = $2 AND d.application_id = $3`,
		endpoint, event, application), &answer)
	if err != nil {
		return d, nil, err
	}
	d.Answer = answer
	rows, err := s.db.Read.QueryContext(ctx,
		`SELECT number, at, took, status, error, answer FROM webhook_attempts WHERE endpoint_id = $1 AND event_id = $2 ORDER BY number`, endpoint, event)
	if err != nil {
		return d, nil, fmt.Errorf("reading attempts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookAttempt
	for rows.Next() {
		var a WebhookAttempt
		var at, took int64
		if err := rows.Scan(&a.Number, &at, &took, &a.Status, &a.Error, &a.Answer); err != nil {
			return d, nil, fmt.Errorf("reading an attempt: %w", err)
		}
		a.At, a.Took = db.Time(at), time.Duration(took)*time.Microsecond
		all = append(all, a)
	}
	if d.Attempts > 0 {
		all = append(all, WebhookAttempt{d.Attempts, d.AttemptedAt, d.Took, d.Status, d.Error, d.Answer})
	}
	return d, all, rows.Err()
}

// WebhookCounts says how much an endpoint has before it.
type WebhookCounts struct {
	// Waiting deliveries were tried and are tried again; Failed ones were given up.
	Waiting, Failed int64
	// Unread is the number of events in the log that the endpoint was not sent yet, those that it does
	// not want included.
	Unread int64
}

// WebhookCounts counts for an endpoint.
func (s *Store) WebhookCounts(ctx context.Context, application, endpoint perch.ID) (WebhookCounts, error) {
	var c WebhookCounts
	err := s.db.Read.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting'),
		       (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'failed'),
		       (SELECT COALESCE(sum(b.size - CASE WHEN b.position = e.position THEN e.number ELSE 0 END), 0) FROM event_batches b
		         WHERE b.application_id = e.application_id AND b.position > 0 AND b.position >= e.position)
		  FROM webhook_endpoints e WHERE e.id = $1 AND e.application_id = $2`, endpoint, application).Scan(&c.Waiting, &c.Failed, &c.Unread)
	if err != nil {
		return c, fmt.Errorf("counting deliveries: %w", notFound(err))
	}
	return c, nil
}

// FailWaiting gives up most waiting deliveries of an endpoint and reports whether there may be more.
func (s *Store) FailWaiting(ctx context.Context, tx *sql.Tx, application, endpoint perch.ID, reason string, most int) (more bool, err error) {
	result, err := tx.ExecContext(ctx, `
		UPDATE webhook_deliveries SET state = 'failed', error = $1 WHERE endpoint_id = $2 AND event_id IN
		 (SELECT event_id FROM webhook_deliveries WHERE endpoint_id = $2 AND application_id = $3 AND state = 'waiting' LIMIT $4)`,
		reason, endpoint, application, most)
	if err != nil {
		return false, fmt.Errorf("giving deliveries up: %w", err)
	}
	n, err := result.RowsAffected()
	return n == int64(most), err
}

// SweepWebhooks deletes most deliveries that are older than a time and not sent again, because they are
// over or their endpoint is disabled, or whose endpoint was deleted, with their attempts. It reports
// whether there may be more.
func (s *Store) SweepWebhooks(ctx context.Context, tx *sql.Tx, before time.Time, most int) (more bool, err error) {
	const of = `SELECT d.endpoint_id, d.event_id FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id WHERE `
	keys, err := deliveryKeys(ctx, tx, of+`e.state = 'deleted' LIMIT $1`, most)
	if err == nil && len(keys) == 0 {
		keys, err = deliveryKeys(ctx, tx, of+`d.created_at < $2 AND (d.state <> 'waiting' OR e.state <> 'enabled') LIMIT $1`, most, db.Micros(before))
	}
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		for _, table := range []string{"webhook_attempts", "webhook_deliveries"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE endpoint_id = $1 AND event_id = $2`, key[0], key[1]); err != nil {
				return false, fmt.Errorf("deleting old deliveries: %w", err)
			}
		}
	}
	if len(keys) > 0 {
		return true, nil
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM webhook_endpoints WHERE state = 'deleted' AND lease_until < $1`, db.Micros(before))
	if err != nil {
		return false, fmt.Errorf("deleting webhook endpoints: %w", err)
	}
	return false, nil
}

func deliveryKeys(ctx context.Context, tx *sql.Tx, query string, args ...any) (keys [][2]perch.ID, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for old deliveries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key [2]perch.ID
		if err := rows.Scan(&key[0], &key[1]); err != nil {
			return nil, fmt.Errorf("looking for old deliveries: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
