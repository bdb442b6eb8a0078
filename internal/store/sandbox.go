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

// SandboxKind is what an edit of a simulated employer changes.
type SandboxKind string

// Kinds of edits. The statements of an added payment come in parts.
const (
	SandboxCompany    SandboxKind = "company"
	SandboxPerson     SandboxKind = "person"
	SandboxPayment    SandboxKind = "payment"
	SandboxStatements SandboxKind = "statements"
)

// SandboxEdit is one edit. Body is sealed under the entity's key, Identifiers twice; it may be nil.
type SandboxEdit struct {
	Kind        SandboxKind
	Number      int
	Part        int
	Body        []byte
	Identifiers []byte
	ChangedAt   time.Time
}

// HoldEntity keeps an entity of an application's connection from being changed by others until the
// transaction ends. It returns ErrNotFound when the entity or its connection is disconnected.
func (s *Store) HoldEntity(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID) error {
	if err := s.HoldConnection(ctx, tx, application, connection); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx,
		`UPDATE entities SET status = status WHERE id = $1 AND connection_id = $2 AND application_id = $3 AND disconnected_at = 0`, entity, connection, application)
	if err != nil {
		return fmt.Errorf("holding the entity: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("holding the entity: %w", ErrNotFound)
	}
	return nil
}

// PutSandboxEdit stores an edit in place of the one of the same kind, number and part.
func (s *Store) PutSandboxEdit(ctx context.Context, tx *sql.Tx, entity perch.ID, e SandboxEdit) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO sandbox_edits (entity_id, kind, number, part, body, identifiers, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (entity_id, kind, number, part) DO UPDATE SET body = excluded.body, identifiers = excluded.identifiers, changed_at = excluded.changed_at`,
		entity, string(e.Kind), e.Number, e.Part, e.Body, e.Identifiers, db.Micros(e.ChangedAt)); err != nil {
		return fmt.Errorf("storing an edit: %w", err)
	}
	return nil
}

// SandboxEdit returns one edit as the transaction sees it.
func (s *Store) SandboxEdit(ctx context.Context, tx *sql.Tx, entity perch.ID, kind SandboxKind, number int) (SandboxEdit, error) {
	e := SandboxEdit{Kind: kind, Number: number}
	err := tx.QueryRowContext(ctx, `SELECT body, identifiers FROM sandbox_edits WHERE entity_id = $1 AND kind = $2 AND number = $3 AND part = 0`,
		entity, string(kind), number).Scan(&e.Body, &e.Identifiers)
	if err != nil {
		return e, fmt.Errorf("reading an edit: %w", notFound(err))
	}
	return e, nil
}

// CountSandboxEdits returns how many edits of a kind have a number from first on.
func (s *Store) CountSandboxEdits(ctx context.Context, tx *sql.Tx, entity perch.ID, kind SandboxKind, first int) (int, error) {
	const query = `SELECT count(*) FROM sandbox_edits WHERE entity_id = $1 AND kind = $2 AND number >= $3`
	row := s.db.Read.QueryRowContext
	if tx != nil {
		row = tx.QueryRowContext
	}
	var n int
	if err := row(ctx, query, entity, string(kind), first).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the edits: %w", err)
	}
	return n, nil
}

// SandboxEditBytes returns how much SandboxEdits would return, sealed.
func (s *Store) SandboxEditBytes(ctx context.Context, tx *sql.Tx, entity perch.ID) (int64, error) {
	var n int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(sum(length(body) + COALESCE(length(identifiers), 0)), 0) FROM sandbox_edits
		WHERE entity_id = $1 AND kind <> 'statements'`, entity).Scan(&n); err != nil {
		return 0, fmt.Errorf("measuring the edits: %w", err)
	}
	return n, nil
}

// SandboxEdits returns the edits of an entity as of one moment, by kind and number, without the
// statements of payments.
func (s *Store) SandboxEdits(ctx context.Context, entity perch.ID) ([]SandboxEdit, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT kind, number, part, body, identifiers FROM sandbox_edits
		WHERE entity_id = $1 AND kind <> 'statements' ORDER BY kind, number`, entity)
	if err != nil {
		return nil, fmt.Errorf("reading the edits: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []SandboxEdit
	for rows.Next() {
		var e SandboxEdit
		if err := rows.Scan(&e.Kind, &e.Number, &e.Part, &e.Body, &e.Identifiers); err != nil {
			return nil, fmt.Errorf("reading the edits: %w", err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// EditedSince reports whether an edit of an entity is as new as a time.
func (s *Store) EditedSince(ctx context.Context, entity perch.ID, at time.Time) (bool, error) {
	var edited bool
	err := s.db.Read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sandbox_edits WHERE entity_id = $1 AND changed_at >= $2)`, entity, db.Micros(at)).Scan(&edited)
	if err != nil {
		return false, fmt.Errorf("looking for new edits: %w", err)
	}
	return edited, nil
}

// SandboxStatements returns a part of the statements of a payment, or ErrNotFound.
func (s *Store) SandboxStatements(ctx context.Context, entity perch.ID, payment, part int) (SandboxEdit, error) {
	e := SandboxEdit{Kind: SandboxStatements, Number: payment, Part: part}
	err := s.db.Read.QueryRowContext(ctx, `SELECT body FROM sandbox_edits WHERE entity_id = $1 AND kind = 'statements' AND number = $2 AND part = $3`,
		entity, payment, part).Scan(&e.Body)
	if err != nil {
		return e, fmt.Errorf("reading added pay statements: %w", notFound(err))
	}
	return e, nil
}

// JobOutcome returns how jobs of a type on a connection are to end, or complete where nobody said.
func (s *Store) JobOutcome(ctx context.Context, connection perch.ID, kind perch.JobType) (perch.JobStatus, error) {
	var status perch.JobStatus
	err := s.db.Read.QueryRowContext(ctx, `SELECT completion_status FROM sandbox_jobs WHERE connection_id = $1 AND type = $2`, connection, string(kind)).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		return perch.JobComplete, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading how jobs end: %w", err)
	}
	return status, nil
}

// SetJobOutcome says how jobs of a type on a connection are to end.
func (s *Store) SetJobOutcome(ctx context.Context, tx *sql.Tx, connection perch.ID, kind perch.JobType, status perch.JobStatus) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO sandbox_jobs (connection_id, type, completion_status) VALUES ($1, $2, $3)
		ON CONFLICT (connection_id, type) DO UPDATE SET completion_status = excluded.completion_status`,
		connection, string(kind), string(status)); err != nil {
		return fmt.Errorf("storing how jobs end: %w", err)
	}
	return nil
}

// CompanyPair returns the oldest live connection of an application to a company at a provider.
func (s *Store) CompanyPair(ctx context.Context, application, company perch.ID, providerID string) (perch.ID, error) {
	var id perch.ID
	err := s.db.Read.QueryRowContext(ctx, `SELECT id FROM connections
		 WHERE application_id = $1 AND company_id = $2 AND provider_id = $3 AND disconnected_at = 0 ORDER BY created_at, id LIMIT 1`,
		application, company, providerID).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("looking for the company's connection: %w", notFound(err))
	}
	return id, nil
}

// CountLive returns, as the transaction sees them, how many live connections an application has and how
// many live entities one of them.
func (s *Store) CountLive(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (connections, entities int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM connections WHERE application_id = $1 AND disconnected_at = 0),
		(SELECT count(*) FROM entities WHERE application_id = $1 AND connection_id = $2 AND disconnected_at = 0)`,
		application, connection).Scan(&connections, &entities)
	if err != nil {
		return 0, 0, fmt.Errorf("counting connections and accounts: %w", err)
	}
	return connections, entities, nil
}

// NewestSimulated returns the application's newest connection to a simulated employer that is connected,
// or about to be, and either assisted or not, or ErrNotFound. An empty provider stands for any.
func (s *Store) NewestSimulated(ctx context.Context, application perch.ID, providerID string, assisted bool) (id perch.ID, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT id FROM connections
		 WHERE application_id = $1 AND type = $2 AND status IN ($3, $4) AND (authentication_type = $5) = $6 AND disconnected_at = 0
		   AND (provider_id = $7 OR $7 = '') ORDER BY created_at DESC, id LIMIT 1`,
		application, string(perch.ConnectionSimulated), string(perch.StatusConnected), string(perch.StatusProcessing), string(perch.AuthAssisted),
		assisted, providerID).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("looking for a simulated connection: %w", notFound(err))
	}
	return id, nil
}
