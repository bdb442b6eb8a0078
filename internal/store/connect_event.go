package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// ConnectEvent is one thing that happened during a visit.
type ConnectEvent struct {
	ID            perch.ID
	SessionID     perch.ID
	ApplicationID perch.ID
	Step          string
	ProviderID    string
	Event         string
	ErrorKind     string
	// Detail is what an employer typed, sealed under the application's data key; nil for most events.
	Detail []byte
	At     time.Time
}

const connectEventColumns = `id, session_id, application_id, step, provider_id, event, error_kind, detail, at`

// InsertConnectEvent stores an event.
func (s *Store) InsertConnectEvent(ctx context.Context, tx *sql.Tx, e ConnectEvent) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO connect_events (`+connectEventColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID, e.SessionID, e.ApplicationID, e.Step, e.ProviderID, e.Event, e.ErrorKind, e.Detail, db.Micros(e.At)); err != nil {
		return fmt.Errorf("recording the visit: %w", err)
	}
	return nil
}

// ConnectEvents returns what happened during the visits of a session, oldest first.
func (s *Store) ConnectEvents(ctx context.Context, application, session perch.ID) ([]ConnectEvent, error) {
	return s.connectEvents(ctx, `session_id = $1 AND application_id = $2 ORDER BY at, id`, session, application)
}

// ConnectEventsOf returns up to most events of one kind of an application, newest first.
func (s *Store) ConnectEventsOf(ctx context.Context, application perch.ID, event string, most int) ([]ConnectEvent, error) {
	return s.connectEvents(ctx, `application_id = $1 AND event = $2 ORDER BY at DESC, id LIMIT $3`, application, event, most)
}

// CountConnectEvents counts the events of a session, of one kind or with an empty kind all, inside tx
// or, without one, by itself.
func (s *Store) CountConnectEvents(ctx context.Context, tx *sql.Tx, application, session perch.ID, event string) (n int, err error) {
	const query = `SELECT count(*) FROM connect_events WHERE session_id = $1 AND application_id = $2 AND ($3 = '' OR event = $3)`
	row := s.db.Read.QueryRowContext
	if tx != nil {
		row = tx.QueryRowContext
	}
	if err := row(ctx, query, session, application, event).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting events: %w", err)
	}
	return n, nil
}

func (s *Store) connectEvents(ctx context.Context, which string, values ...any) ([]ConnectEvent, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+connectEventColumns+` FROM connect_events WHERE `+which, values...)
	if err != nil {
		return nil, fmt.Errorf("reading visits: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []ConnectEvent
	for rows.Next() {
		var e ConnectEvent
		var at int64
		if err := rows.Scan(&e.ID, &e.SessionID, &e.ApplicationID, &e.Step, &e.ProviderID, &e.Event, &e.ErrorKind, &e.Detail, &at); err != nil {
			return nil, fmt.Errorf("reading visits: %w", err)
		}
		e.At = db.Time(at)
		all = append(all, e)
	}
	return all, rows.Err()
}
