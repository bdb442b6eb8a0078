package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// EventBatch holds the events of one change. Position is where it stands in its application's log,
// which is in order of commit and without gaps from 1 on; it is 0 until the batch is published.
type EventBatch struct {
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	EntityID      perch.ID
	Position      int64
	// Size is the number of events, which are numbered from 0; it is known once the batch is published.
	Size        int64
	CreatedAt   time.Time
	PublishedAt time.Time
}

// Event is one event of a batch. Body is JSON as it is sent.
type Event struct {
	BatchID       perch.ID
	Number        int64
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	Type          perch.EventType
	// Assisted events come from a connection that is kept by file and are sent to those only who ask
	// for them.
	Assisted bool
	Body     string
}

// InsertEventBatch stores a batch that nobody sees before it is published.
func (s *Store) InsertEventBatch(ctx context.Context, tx *sql.Tx, b EventBatch) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO event_batches (id, application_id, connection_id, entity_id, position, size, created_at, published_at)
		VALUES ($1, $2, $3, $4, 0, 0, $5, 0)`, b.ID, b.ApplicationID, b.ConnectionID, b.EntityID, db.Micros(b.CreatedAt)); err != nil {
		return fmt.Errorf("storing a batch of events: %w", err)
	}
	return nil
}

const eventColumns = `batch_id, number, id, application_id, connection_id, type, assisted, body`

// InsertEvents adds events to batches that are not published.
func (s *Store) InsertEvents(ctx context.Context, tx *sql.Tx, events []Event) error {
	values := make([]any, 0, 8*len(events))
	for i := range events {
		e := &events[i]
		values = append(values, e.BatchID, e.Number, e.ID, e.ApplicationID, e.ConnectionID, string(e.Type), e.Assisted, e.Body)
	}
	if err := s.insertRows(ctx, tx, `INSERT INTO events (`+eventColumns+`)`, "", 8, values); err != nil {
		return fmt.Errorf("storing events: %w", err)
	}
	return nil
}

// placeholders returns "($1, $2), ($3, $4)" for two rows of two.
func placeholders(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("), ($")
		default:
			b.WriteString(", $")
		}
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// PublishEventBatch gives a batch of an application the next position in its log, whatever its size in
// constant time. The log stays locked until the transaction ends, so this stands near its end, but
// before what advances the revision: all transactions take the two in this order. It returns
// ErrNotFound when the batch was published or swept before.
func (s *Store) PublishEventBatch(ctx context.Context, tx *sql.Tx, application, batch perch.ID, size int64, now time.Time) (position int64, err error) {
	err = tx.QueryRowContext(ctx, `
		INSERT INTO event_logs (application_id, next, floor) VALUES ($1, 2, 1)
		ON CONFLICT (application_id) DO UPDATE SET next = event_logs.next + 1 RETURNING next - 1`, application).Scan(&position)
	if err != nil {
		return 0, fmt.Errorf("taking a position in the event log: %w", err)
	}
	result, err := tx.ExecContext(ctx, `
		UPDATE event_batches SET position = $1, size = $2, published_at = $3 WHERE id = $4 AND application_id = $5 AND position = 0`,
		position, size, db.Micros(now), batch, application)
	if err != nil {
		return 0, fmt.Errorf("publishing events: %w", err)
	}
	if published, err := result.RowsAffected(); err != nil || published != 1 {
		return 0, fmt.Errorf("publishing events: %w", ErrNotFound)
	}
	return position, nil
}

const batchColumns = `id, application_id, connection_id, entity_id, position, size, created_at, published_at`

func scanBatch(row scanner) (EventBatch, error) {
	var b EventBatch
	var created, published int64
	if err := row.Scan(&b.ID, &b.ApplicationID, &b.ConnectionID, &b.EntityID, &b.Position, &b.Size, &created, &published); err != nil {
		return b, fmt.Errorf("reading a batch of events: %w", notFound(err))
	}
	b.CreatedAt, b.PublishedAt = db.Time(created), db.Time(published)
	return b, nil
}

// EventBatch returns a published batch of an application.
func (s *Store) EventBatch(ctx context.Context, application, batch perch.ID) (EventBatch, error) {
	return scanBatch(s.db.Read.QueryRowContext(ctx,
		`SELECT `+batchColumns+` FROM event_batches WHERE id = $1 AND application_id = $2 AND position > 0`, batch, application))
}

// BatchEvents returns up to most events of a published batch, in order, from a number on.
func (s *Store) BatchEvents(ctx context.Context, application, batch perch.ID, from int64, most int) ([]Event, error) {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT e.batch_id, e.number, e.id, e.application_id, e.connection_id, e.type, e.assisted, e.body
		  FROM event_batches b JOIN events e ON e.batch_id = b.id
		 WHERE b.id = $1 AND b.application_id = $2 AND b.position > 0 AND e.number >= $3 ORDER BY e.number LIMIT $4`,
		batch, application, from, most)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Event
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

func scanEvent(row scanner) (Event, error) {
	var e Event
	if err := row.Scan(&e.BatchID, &e.Number, &e.ID, &e.ApplicationID, &e.ConnectionID, &e.Type, &e.Assisted, &e.Body); err != nil {
		return e, fmt.Errorf("reading an event: %w", notFound(err))
	}
	return e, nil
}

// Event returns a published event of an application.
func (s *Store) Event(ctx context.Context, application, event perch.ID) (Event, error) {
	return scanEvent(s.db.Read.QueryRowContext(ctx, `
		SELECT e.batch_id, e.number, e.id, e.application_id, e.connection_id, e.type, e.assisted, e.body
		  FROM events e JOIN event_batches b ON b.id = e.batch_id
		 WHERE e.id = $1 AND e.application_id = $2 AND b.application_id = $2 AND b.position > 0`, event, application))
}

// DeleteUnpublishedEvents removes up to most events of an entity that a sync left behind unpublished, and
// then their batches; it reports whether there may be more. The caller holds the entity's sync.
func (s *Store) DeleteUnpublishedEvents(ctx context.Context, tx *sql.Tx, entity perch.ID, most int) (more bool, err error) {
	more, err = deleteSome(ctx, tx, most, "deleting abandoned events", `
		DELETE FROM events WHERE (batch_id, number) IN
		 (SELECT e.batch_id, e.number FROM event_batches b JOIN events e ON e.batch_id = b.id
		   WHERE b.entity_id = $1 AND b.position = 0 LIMIT $2)`, entity, most)
	if err != nil || more {
		return more, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM event_batches WHERE entity_id = $1 AND position = 0`, entity); err != nil {
		return false, fmt.Errorf("deleting abandoned events: %w", err)
	}
	return false, nil
}
