package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// WebhookWork is an endpoint that something is to be sent to.
type WebhookWork struct{ ApplicationID, EndpointID perch.ID }

// workQuery finds endpoints that are behind the log of their application, have a delivery that is due
// or are sent a part of the log again, unless another process works for them.
const workQuery = `
	SELECT e.application_id, e.id FROM webhook_endpoints e
	 WHERE e.state = 'enabled' AND e.paused_until <= $1 AND (e.lease_owner = $2 OR e.lease_until < $1)
	   AND (EXISTS (SELECT 1 FROM event_logs l WHERE l.application_id = e.application_id AND l.next > e.position)
	     OR EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.next_at <= $1)
	     OR EXISTS (SELECT 1 FROM webhook_replays r WHERE r.endpoint_id = e.id))`

// WebhookWork returns the endpoints of all applications that something is to be sent to.
func (s *Store) WebhookWork(ctx context.Context, owner string, now time.Time) ([]WebhookWork, error) {
	return webhookWork(ctx, s.db.Read, workQuery, db.Micros(now), owner)
}

// WebhookWorkAfter does the same for one application, after the write transaction that this process has
// under way: on SQLite it waits for the writer.
func (s *Store) WebhookWorkAfter(ctx context.Context, application perch.ID, owner string, now time.Time) ([]WebhookWork, error) {
	return webhookWork(ctx, s.db.Write, workQuery+` AND e.application_id = $3`, db.Micros(now), owner, application)
}

func webhookWork(ctx context.Context, pool *sql.DB, query string, args ...any) ([]WebhookWork, error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for webhooks to send: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookWork
	for rows.Next() {
		var one WebhookWork
		if err := rows.Scan(&one.ApplicationID, &one.EndpointID); err != nil {
			return nil, fmt.Errorf("looking for webhooks to send: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// WebhookLease is the right of one process to work for an endpoint until a time.
type WebhookLease struct {
	ApplicationID, EndpointID perch.ID
	Owner                     string
	Until                     time.Time
}

// HoldWebhook takes an endpoint or goes on holding it. It returns ErrNotFound when another process
// holds it, or it is not enabled.
func (s *Store) HoldWebhook(ctx context.Context, lease WebhookLease, now time.Time) (WebhookEndpoint, error) {
	return scanEndpoint(s.db.Write.QueryRowContext(ctx, `
		UPDATE webhook_endpoints SET lease_owner = $1, lease_until = $2
		 WHERE id = $3 AND application_id = $4 AND state = 'enabled' AND (lease_owner = $1 OR lease_until < $5)
		RETURNING `+endpointColumns, lease.Owner, db.Micros(lease.Until), lease.EndpointID, lease.ApplicationID, db.Micros(now)))
}

// ReleaseWebhooks hands everything back that a process holds.
func (s *Store) ReleaseWebhooks(ctx context.Context, owner string) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE webhook_endpoints SET lease_owner = '', lease_until = 0 WHERE lease_owner = $1`, owner); err != nil {
		return fmt.Errorf("handing webhooks back: %w", err)
	}
	return nil
}

// WebhookProgress is what a process did for an endpoint since the last time that it told.
type WebhookProgress struct {
	Lease WebhookLease
	// Version is the endpoint's that the rest was worked out from. Where people changed the endpoint
	// since, their word stands and only the outcomes are stored.
	Version      int64
	Cursor       WebhookCursor
	FailingSince time.Time
	PausedUntil  time.Time
	// Outcomes are deliveries as they stand now.
	Outcomes []WebhookDelivery
	// Replay is how far the replay under way is, if ReplayID is set.
	ReplayID     perch.ID
	ReplayCursor WebhookCursor
	ReplayDone   bool
	// Disable, if not empty, is why nothing is sent any more, and DisableDetail says it at length.
	Disable, DisableDetail string
	Now                    time.Time
}

// RecordWebhook stores progress in one transaction, goes on holding the lease, and returns the endpoint
// as it is then. It returns ErrNotFound, and stores nothing, when another process took over.
func (s *Store) RecordWebhook(ctx context.Context, p WebhookProgress) (WebhookEndpoint, error) {
	var after WebhookEndpoint
	err := s.Tx(ctx, func(tx *sql.Tx) (err error) {
		l := p.Lease
		after, err = scanEndpoint(tx.QueryRowContext(ctx, `
			UPDATE webhook_endpoints SET lease_until = $1,
			       position = CASE WHEN version = $2 THEN $3 ELSE position END,
			       number = CASE WHEN version = $2 THEN $4 ELSE number END,
			       failing_since = CASE WHEN version = $2 THEN $5 ELSE failing_since END,
			       paused_until = CASE WHEN version = $2 THEN $6 ELSE paused_until END
			 WHERE id = $7 AND application_id = $8 AND lease_owner = $9
			RETURNING `+endpointColumns,
			db.Micros(l.Until), p.Version, p.Cursor.Position, p.Cursor.Number, db.Micros(p.FailingSince), db.Micros(p.PausedUntil),
			l.EndpointID, l.ApplicationID, l.Owner))
		if err != nil {
			return err
		}
		if err := s.putDeliveries(ctx, tx, l.ApplicationID, l.EndpointID, p.Outcomes); err != nil {
			return err
		}
		if err := recordReplay(ctx, tx, p); err != nil {
			return err
		}
		if p.Disable == "" || after.Version != p.Version || after.State != WebhookEnabled {
			return nil
		}
		after.State, after.Reason, after.DisabledAt, after.UpdatedAt = WebhookDisabled, p.Disable, p.Now, p.Now
		if err := s.UpdateWebhookEndpoint(ctx, tx, after); err != nil {
			return err
		}
		return s.InsertWebhookNote(ctx, tx, l.EndpointID, WebhookNote{At: p.Now, What: "disabled", Detail: p.DisableDetail})
	})
	return after, err
}

func recordReplay(ctx context.Context, tx *sql.Tx, p WebhookProgress) (err error) {
	switch {
	case p.ReplayID.IsZero():
		return nil
	case p.ReplayDone:
		_, err = tx.ExecContext(ctx, `DELETE FROM webhook_replays WHERE id = $1 AND endpoint_id = $2`, p.ReplayID, p.Lease.EndpointID)
	default:
		_, err = tx.ExecContext(ctx, `UPDATE webhook_replays SET position = $1, number = $2 WHERE id = $3 AND endpoint_id = $4`,
			p.ReplayCursor.Position, p.ReplayCursor.Number, p.ReplayID, p.Lease.EndpointID)
	}
	if err != nil {
		return fmt.Errorf("storing how far a replay is: %w", err)
	}
	return nil
}

// WebhookReplay is a part of the log that an endpoint is sent again, up to, without, a position.
type WebhookReplay struct {
	ID     perch.ID
	Cursor WebhookCursor
	Until  int64
}

// InsertReplay lets everything that was published since a time be sent to an endpoint of the
// application again, and returns how many events that are, those that it does not want included.
func (s *Store) InsertReplay(ctx context.Context, tx *sql.Tx, application, endpoint, id perch.ID, since, now time.Time) (events int64, err error) {
	var first, head int64
	err = tx.QueryRowContext(ctx, `
		SELECT COALESCE(min(b.position), 0), COALESCE(sum(b.size), 0), `+headOfLog+`
		  FROM event_batches b WHERE b.application_id = $1 AND b.position > 0 AND b.published_at >= $2`, application, db.Micros(since)).Scan(&first, &events, &head)
	if err != nil {
		return 0, fmt.Errorf("looking for events since a time: %w", err)
	}
	if events == 0 {
		first = head
	}
	return events, one(tx.ExecContext(ctx, `
		INSERT INTO webhook_replays (id, endpoint_id, position, number, until_position, created_at)
		SELECT $1, e.id, $2, 0, $3, $4 FROM webhook_endpoints e WHERE e.id = $5 AND e.application_id = $6 AND e.state <> 'deleted'`,
		id, first, head, db.Micros(now), endpoint, application))("changing a webhook endpoint")
}

// OldestReplay returns the replay of an endpoint that comes first, or ErrNotFound.
func (s *Store) OldestReplay(ctx context.Context, application, endpoint perch.ID) (WebhookReplay, error) {
	var r WebhookReplay
	err := s.db.Read.QueryRowContext(ctx, `
		SELECT r.id, r.position, r.number, r.until_position FROM webhook_replays r JOIN webhook_endpoints e ON e.id = r.endpoint_id
		 WHERE e.id = $1 AND e.application_id = $2 ORDER BY r.created_at, r.id LIMIT 1`, endpoint, application).
		Scan(&r.ID, &r.Cursor.Position, &r.Cursor.Number, &r.Until)
	if err != nil {
		return r, fmt.Errorf("looking for a replay: %w", notFound(err))
	}
	return r, nil
}

// WebhookMessage is a delivery with what is sent.
type WebhookMessage struct {
	WebhookDelivery
	Body string
	// Known says that the endpoint has a delivery of the event already; Lost that the log no longer has
	// the event.
	Known, Lost bool
	// After is the place in the log behind the event.
	After WebhookCursor
}

// DueDeliveries returns up to most waiting deliveries of an endpoint that are due, longest due first.
func (s *Store) DueDeliveries(ctx context.Context, application, endpoint perch.ID, now time.Time, most int) ([]WebhookMessage, error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT `+deliveryColumns+`, COALESCE(d.body, x.body, ''), d.body IS NULL AND x.body IS NULL
		  FROM webhook_deliveries d LEFT JOIN events x ON x.batch_id = d.batch_id AND x.number = d.number AND x.application_id = d.application_id
		 WHERE d.endpoint_id = $1 AND d.application_id = $2 AND d.state = 'waiting' AND d.next_at <= $3 ORDER BY d.next_at LIMIT $4`,
		endpoint, application, db.Micros(now), most)
	if err != nil {
		return nil, fmt.Errorf("reading deliveries that are due: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookMessage
	for rows.Next() {
		m := WebhookMessage{Known: true}
		if m.WebhookDelivery, err = scanDelivery(rows, &m.Body, &m.Lost); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// FeedQuery asks for the events after a place in an application's log that an endpoint wants.
type FeedQuery struct {
	Application, Endpoint perch.ID
	From                  WebhookCursor
	// Until ends before a position; 0 reads up to the newest.
	Until int64
	// Types are those wanted; none means all, except those that come from a connection kept by file and
	// are sent to those only who ask for them.
	Types []perch.EventType
	Most  int
}

// EndpointFeed returns the next events and the place to go on from; end tells that there are no more.
func (s *Store) EndpointFeed(ctx context.Context, q FeedQuery) (list []WebhookMessage, next WebhookCursor, end bool, err error) {
	next = q.From
	if next.Number > 0 {
		// The rest of a batch, found by its number instead of from its beginning.
		if list, err = s.feed(ctx, q, `b.position = `, `AND e.number >= `, q.Most); err != nil {
			return nil, next, false, err
		}
		if len(list) == q.Most {
			return list, list[len(list)-1].After, false, nil
		}
		next = WebhookCursor{Position: next.Position + 1}
	}
	// Read before the events, so that what is published meanwhile is not passed over.
	var head int64
	if err := s.db.Read.QueryRowContext(ctx, `SELECT `+headOfLog, q.Application).Scan(&head); err != nil {
		return nil, next, false, fmt.Errorf("reading the event log: %w", err)
	}
	q.From = next
	more, err := s.feed(ctx, q, `b.position >= `, `AND e.number >= `, q.Most-len(list))
	if err != nil {
		return nil, next, false, err
	}
	if len(more) == q.Most-len(list) {
		list = append(list, more...)
		return list, list[len(list)-1].After, false, nil
	}
	if q.Until > 0 {
		head = min(head, q.Until)
	}
	if len(more) > 0 {
		head = max(head, more[len(more)-1].After.Position+1)
	}
	return append(list, more...), WebhookCursor{Position: max(head, next.Position)}, true, nil
}

// feed reads events; position and number are the comparisons with where it begins.
func (s *Store) feed(ctx context.Context, q FeedQuery, position, number string, most int) ([]WebhookMessage, error) {
	args := []any{q.Application, q.Endpoint, q.From.Position, q.From.Number, most}
	query := `
		SELECT b.position, e.number, e.batch_id, e.id, e.connection_id, e.type, e.body, COALESCE(d.attempts, 0), COALESCE(d.created_at, 0), d.event_id IS NOT NULL
		  FROM event_batches b JOIN events e ON e.batch_id = b.id
		  LEFT JOIN webhook_deliveries d ON d.endpoint_id = $2 AND d.event_id = e.id
		 WHERE b.application_id = $1 AND b.position > 0 AND ` + position + `$3 ` + number + `$4`
	if q.Until > 0 {
		args = append(args, q.Until)
		query += fmt.Sprintf(` AND b.position < $%d`, len(args))
	}
	if len(q.Types) == 0 {
		query += ` AND NOT e.assisted`
	} else {
		query += ` AND e.type IN (`
		for i, one := range q.Types {
			args = append(args, string(one))
			if i > 0 {
				query += `, `
			}
			query += fmt.Sprintf(`$%d`, len(args))
		}
		query += `)`
	}
	rows, err := s.db.Read.QueryContext(ctx, query+` ORDER BY b.position, e.number LIMIT $5`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []WebhookMessage
	for rows.Next() {
		var m WebhookMessage
		var created int64
		if err := rows.Scan(&m.After.Position, &m.Number, &m.BatchID, &m.EventID, &m.ConnectionID, &m.Type, &m.Body, &m.Attempts, &created, &m.Known); err != nil {
			return nil, fmt.Errorf("reading an event: %w", err)
		}
		m.After.Number, m.CreatedAt = m.Number+1, db.Time(created)
		all = append(all, m)
	}
	return all, rows.Err()
}

// NotifyEvents tells the processes that listen, once the transaction is committed, that an application
// has new events. On SQLite it does nothing.
func (s *Store) NotifyEvents(ctx context.Context, tx *sql.Tx, application perch.ID) error {
	if s.db.Dialect != db.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_notify('`+eventChannel+`', $1)`, application.String()); err != nil {
		return fmt.Errorf("telling of new events: %w", err)
	}
	return nil
}

// eventChannel is shared by all schemas of a database: what it carries are ids, which occur in one.
const eventChannel = "perch_events"

// ListenEvents calls woken with each application that has new events, until ctx ends or the connection
// breaks. On SQLite it waits for ctx: other processes cannot tell.
func (s *Store) ListenEvents(ctx context.Context, woken func(application perch.ID)) error {
	return s.db.Listen(ctx, eventChannel, func(payload string) {
		if id, err := perch.ParseID(payload); err == nil {
			woken(id)
		}
	})
}

// FirstEvent returns the first event of a type and a connection in an application's log, from a position
// on, or ErrNotFound.
func (s *Store) FirstEvent(ctx context.Context, application, connection perch.ID, kind perch.EventType, from int64) (id perch.ID, err error) {
	err = s.db.Read.QueryRowContext(ctx, `
		SELECT e.id FROM event_batches b JOIN events e ON e.batch_id = b.id
		 WHERE b.application_id = $1 AND b.position > 0 AND b.position >= $2 AND e.connection_id = $3 AND e.type = $4
		 ORDER BY b.position, e.number LIMIT 1`, application, from, connection, string(kind)).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("looking for an event: %w", notFound(err))
	}
	return id, nil
}
