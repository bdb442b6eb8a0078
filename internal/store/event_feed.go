package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// EventLog tells where an application's log begins and ends: floor is the lowest position that is
// kept, next the one that the next batch gets.
func (s *Store) EventLog(ctx context.Context, application perch.ID) (floor, next int64, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT floor, next FROM event_logs WHERE application_id = $1`, application).Scan(&floor, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, 1, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("reading the event log: %w", err)
	}
	return floor, next, nil
}

// EventBatches returns up to most published batches of an application in order, from a position on.
func (s *Store) EventBatches(ctx context.Context, application perch.ID, from int64, most int) ([]EventBatch, error) {
	rows, err := s.db.Read.QueryContext(ctx,
		`SELECT `+batchColumns+` FROM event_batches WHERE application_id = $1 AND position > 0 AND position >= $2 ORDER BY position LIMIT $3`, application, from, most)
	if err != nil {
		return nil, fmt.Errorf("reading the event log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []EventBatch
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

// LoggedEvent is a published event and where it stands.
type LoggedEvent struct {
	Event
	Position    int64
	PublishedAt time.Time
}

// EventSpan is a part of an application's log: the events with numbers from First up to, not including,
// End of the batch at position From, or, if To lies beyond From, all events of the batches from From to To.
type EventSpan struct {
	From, To   int64
	First, End int64
}

// EventsOf calls fn with the events of a span, in order, until it returns false. connection leaves
// those of other connections out, unless it is zero.
func (s *Store) EventsOf(ctx context.Context, application, connection perch.ID, span EventSpan, fn func(LoggedEvent) bool) error {
	query := `SELECT e.batch_id, e.number, e.id, e.application_id, e.connection_id, e.type, e.assisted, e.body, b.position, b.published_at
		  FROM event_batches b JOIN events e ON e.batch_id = b.id WHERE b.application_id = $1 AND b.position > 0 AND b.position `
	args := []any{application, span.From}
	if span.To > span.From {
		query += `BETWEEN $2 AND $3`
		args = append(args, span.To)
	} else {
		query += `= $2 AND e.number >= $3 AND e.number < $4`
		args = append(args, span.First, span.End)
	}
	if !connection.IsZero() {
		args = append(args, connection)
		query += fmt.Sprintf(` AND b.connection_id = $%d`, len(args))
	}
	rows, err := s.db.Read.QueryContext(ctx, query+` ORDER BY b.position, e.number`, args...)
	if err != nil {
		return fmt.Errorf("reading the event log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e LoggedEvent
		var published int64
		if err := rows.Scan(&e.BatchID, &e.Number, &e.ID, &e.ApplicationID, &e.ConnectionID, &e.Type, &e.Assisted, &e.Body, &e.Position, &published); err != nil {
			return fmt.Errorf("reading the event log: %w", err)
		}
		if e.PublishedAt = db.Time(published); !fn(e) {
			return nil
		}
	}
	return rows.Err()
}

// ExpireEvents raises the floor of every application's log over the batches that were published before
// a time. They may be deleted from then on.
func (s *Store) ExpireEvents(ctx context.Context, before time.Time) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE event_logs SET floor = COALESCE((SELECT max(b.position) + 1 FROM event_batches b
			        WHERE b.application_id = event_logs.application_id AND b.position >= event_logs.floor AND b.published_at < $1), floor)
			 WHERE application_id IN (SELECT application_id FROM event_batches WHERE position > 0 AND published_at < $1)`, db.Micros(before)); err != nil {
			return fmt.Errorf("expiring events: %w", err)
		}
		return nil
	})
}

// DeleteExpiredEvents removes up to most events below the floors, and batches that have none left; it
// reports whether there may be more.
func (s *Store) DeleteExpiredEvents(ctx context.Context, tx *sql.Tx, before time.Time, most int) (more bool, err error) {
	const expired = `SELECT b.id FROM event_batches b JOIN event_logs l ON l.application_id = b.application_id
		WHERE b.position > 0 AND b.published_at < $1 AND b.position < l.floor`
	more, err = deleteSome(ctx, tx, most, "deleting expired events",
		`DELETE FROM events WHERE (batch_id, number) IN (SELECT e.batch_id, e.number FROM events e WHERE e.batch_id IN (`+expired+`) LIMIT $2)`,
		db.Micros(before), most)
	if err != nil || more {
		return more, err
	}
	return deleteSome(ctx, tx, most, "deleting expired batches of events",
		`DELETE FROM event_batches WHERE id IN (`+expired+` LIMIT $2)`, db.Micros(before), most)
}

// DeleteOrphanedEvents removes up to most events, and then their batches, that were not published before
// a time and for which no unfinished sync is left that could; it reports whether there may be more.
func (s *Store) DeleteOrphanedEvents(ctx context.Context, tx *sql.Tx, before time.Time, most int) (more bool, err error) {
	const orphaned = `SELECT b.id FROM event_batches b WHERE b.position = 0 AND b.created_at < $1
		AND NOT EXISTS (SELECT 1 FROM syncs s WHERE s.entity_id = b.entity_id AND s.state IN ('pending', 'running'))`
	more, err = deleteSome(ctx, tx, most, "deleting abandoned events",
		`DELETE FROM events WHERE (batch_id, number) IN (SELECT e.batch_id, e.number FROM events e WHERE e.batch_id IN (`+orphaned+`) LIMIT $2)`,
		db.Micros(before), most)
	if err != nil || more {
		return more, err
	}
	return deleteSome(ctx, tx, most, "deleting abandoned batches of events",
		`DELETE FROM event_batches WHERE id IN (`+orphaned+` LIMIT $2)`, db.Micros(before), most)
}
