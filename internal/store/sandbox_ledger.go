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

// LedgerDeduction is a deduction of a simulated employer. Body is sealed under the entity's key.
type LedgerDeduction struct {
	Number int
	Body   []byte
}

// LedgerEnrolment is what was written about one person in a deduction. Body is sealed under the entity's
// key.
type LedgerEnrolment struct {
	Person   int
	Enrolled bool
	Body     []byte
}

// HoldLedger keeps others from writing to an entity's ledger until the transaction ends. It returns
// ErrNotFound when the entity is disconnected.
func (s *Store) HoldLedger(ctx context.Context, tx *sql.Tx, entity perch.ID) error {
	result, err := tx.ExecContext(ctx, `UPDATE entities SET status = status WHERE id = $1 AND disconnected_at = 0`, entity)
	if err != nil {
		return fmt.Errorf("holding a ledger: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("holding a ledger: %w", ErrNotFound)
	}
	return nil
}

// LedgerDeductions returns the deductions in an entity's ledger by number. tx may be nil.
func (s *Store) LedgerDeductions(ctx context.Context, tx *sql.Tx, entity perch.ID) ([]LedgerDeduction, error) {
	const text = `SELECT number, body FROM sandbox_deductions WHERE entity_id = $1 ORDER BY number`
	scan := func(rows *sql.Rows) (d LedgerDeduction, err error) { return d, rows.Scan(&d.Number, &d.Body) }
	if tx == nil {
		return query(ctx, s.db.Read, scan, text, entity)
	}
	return query(ctx, tx, scan, text, entity)
}

// PutLedgerDeduction stores a deduction in place of the one of the same number.
func (s *Store) PutLedgerDeduction(ctx context.Context, tx *sql.Tx, entity perch.ID, d LedgerDeduction) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO sandbox_deductions (entity_id, number, body) VALUES ($1, $2, $3)
		ON CONFLICT (entity_id, number) DO UPDATE SET body = excluded.body`, entity, d.Number, d.Body); err != nil {
		return fmt.Errorf("storing a ledger's deduction: %w", err)
	}
	return nil
}

// LedgerEnrolments returns what an entity's ledger has of a deduction's people, by person.
func (s *Store) LedgerEnrolments(ctx context.Context, entity perch.ID, deduction int) ([]LedgerEnrolment, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (e LedgerEnrolment, err error) {
		return e, rows.Scan(&e.Person, &e.Enrolled, &e.Body)
	}, `SELECT person, enrolled, body FROM sandbox_enrolments WHERE entity_id = $1 AND deduction = $2 ORDER BY person`, entity, deduction)
}

// LedgerEnrolled is LedgerEnrolments without the bodies, as the transaction sees them.
func (s *Store) LedgerEnrolled(ctx context.Context, tx *sql.Tx, entity perch.ID, deduction int) ([]LedgerEnrolment, error) {
	return query(ctx, tx, func(rows *sql.Rows) (e LedgerEnrolment, err error) {
		return e, rows.Scan(&e.Person, &e.Enrolled)
	}, `SELECT person, enrolled FROM sandbox_enrolments WHERE entity_id = $1 AND deduction = $2`, entity, deduction)
}

// PutLedgerEnrolments stores enrolments, no two of the same person, in place of those of the same people.
func (s *Store) PutLedgerEnrolments(ctx context.Context, tx *sql.Tx, entity perch.ID, deduction int, list []LedgerEnrolment) error {
	values := make([]any, 0, 5*len(list))
	for _, e := range list {
		values = append(values, entity, deduction, e.Person, e.Enrolled, e.Body)
	}
	if err := s.insertRows(ctx, tx, `INSERT INTO sandbox_enrolments (entity_id, deduction, person, enrolled, body)`,
		` ON CONFLICT (entity_id, deduction, person) DO UPDATE SET enrolled = excluded.enrolled, body = excluded.body`, 5, values); err != nil {
		return fmt.Errorf("storing enrolments: %w", err)
	}
	return nil
}

// LedgerWrite returns what a write did, or ErrNotFound if it was not applied.
func (s *Store) LedgerWrite(ctx context.Context, tx *sql.Tx, entity perch.ID, id string) (result []byte, err error) {
	err = tx.QueryRowContext(ctx, `SELECT result FROM sandbox_writes WHERE entity_id = $1 AND id = $2`, entity, id).Scan(&result)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading what a write did: %w", err)
	}
	return result, nil
}

// PutLedgerWrite notes what a write did, and forgets what those did that nobody tries again.
func (s *Store) PutLedgerWrite(ctx context.Context, tx *sql.Tx, entity perch.ID, id string, result []byte, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sandbox_writes WHERE entity_id = $1 AND created_at < $2`, entity, db.Micros(now.Add(-ledgerMemory))); err != nil {
		return fmt.Errorf("forgetting old writes: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO sandbox_writes (entity_id, id, result, created_at) VALUES ($1, $2, $3, $4)`,
		entity, id, result, db.Micros(now)); err != nil {
		return fmt.Errorf("noting what a write did: %w", err)
	}
	return nil
}

// ledgerMemory is how long a ledger recognises a write. Jobs are given up long before.
const ledgerMemory = 7 * 24 * time.Hour
