package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// Operator is somebody who works in the operations console.
type Operator struct {
	ID    perch.ID
	Email string
	Name  string
	// PasswordHash is argon2id in PHC form; empty for somebody who signs in by link only.
	PasswordHash string
	CreatedAt    time.Time
	// DisabledAt is zero for those who may sign in.
	DisabledAt time.Time
}

// InsertOperator stores a new operator and reports whether the address was free.
func (s *Store) InsertOperator(ctx context.Context, tx *sql.Tx, o Operator) (bool, error) {
	result, err := tx.ExecContext(ctx,
		`INSERT INTO operators (id, email, name, password_hash, created_at, disabled_at) VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (email) DO NOTHING`,
		o.ID, o.Email, o.Name, o.PasswordHash, db.Micros(o.CreatedAt))
	if err != nil {
		return false, fmt.Errorf("storing the operator: %w", err)
	}
	inserted, err := result.RowsAffected()
	return inserted == 1, err
}

const operatorColumns = `o.id, o.email, o.name, o.password_hash, o.created_at, o.disabled_at`

func scanOperator(row scanner, more ...any) (Operator, error) {
	var o Operator
	var created, disabled int64
	if err := row.Scan(append([]any{&o.ID, &o.Email, &o.Name, &o.PasswordHash, &created, &disabled}, more...)...); err != nil {
		return o, fmt.Errorf("reading an operator: %w", notFound(err))
	}
	o.CreatedAt, o.DisabledAt = db.Time(created), db.Time(disabled)
	return o, nil
}

// OperatorByEmail returns an operator, disabled or not.
func (s *Store) OperatorByEmail(ctx context.Context, email string) (Operator, error) {
	return scanOperator(s.db.Read.QueryRowContext(ctx, `SELECT `+operatorColumns+` FROM operators o WHERE o.email = $1`, email))
}

// Operators returns all of them, oldest first.
func (s *Store) Operators(ctx context.Context) ([]Operator, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (Operator, error) { return scanOperator(rows) },
		`SELECT `+operatorColumns+` FROM operators o ORDER BY o.created_at, o.id`)
}

// query reads all rows of a statement.
func query[T any](ctx context.Context, from interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	rows, err := from.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("querying: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// SetOperatorPassword stores a new password and ends the operator's sessions.
func (s *Store) SetOperatorPassword(ctx context.Context, tx *sql.Tx, operator perch.ID, hash string) error {
	if err := one(tx.ExecContext(ctx, `UPDATE operators SET password_hash = $1, disabled_at = 0 WHERE id = $2`, hash, operator))("storing the password"); err != nil {
		return err
	}
	return endOperator(ctx, tx, operator)
}

// DisableOperator keeps an operator out and ends the sessions.
func (s *Store) DisableOperator(ctx context.Context, tx *sql.Tx, operator perch.ID, now time.Time) error {
	if err := one(tx.ExecContext(ctx, `UPDATE operators SET disabled_at = $1 WHERE id = $2 AND disabled_at = 0`, db.Micros(now), operator))("disabling the operator"); err != nil {
		return err
	}
	return endOperator(ctx, tx, operator)
}

func endOperator(ctx context.Context, tx *sql.Tx, operator perch.ID) error {
	for _, table := range []string{"operator_sessions", "operator_links"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE operator_id = $1`, operator); err != nil {
			return fmt.Errorf("ending the operator's sessions: %w", err)
		}
	}
	return nil
}

// OperatorSession is a browser in which an operator is signed in.
type OperatorSession struct {
	Operator  Operator
	CreatedAt time.Time
	SeenAt    time.Time
}

// InsertOperatorSession stores a session and drops those that ended before a time.
func (s *Store) InsertOperatorSession(ctx context.Context, tx *sql.Tx, operator perch.ID, hash []byte, now, ended time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM operator_sessions WHERE created_at < $1`, db.Micros(ended)); err != nil {
		return fmt.Errorf("dropping old sessions: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO operator_sessions (hash, operator_id, created_at, seen_at) VALUES ($1, $2, $3, $3)`,
		hash, operator, db.Micros(now)); err != nil {
		return fmt.Errorf("storing the session: %w", err)
	}
	return nil
}

// OperatorSession returns the session with a hash, unless its operator was disabled.
func (s *Store) OperatorSession(ctx context.Context, hash []byte) (OperatorSession, error) {
	var created, seen int64
	o, err := scanOperator(s.db.Read.QueryRowContext(ctx, `SELECT `+operatorColumns+`, s.created_at, s.seen_at
		FROM operator_sessions s JOIN operators o ON o.id = s.operator_id WHERE s.hash = $1 AND o.disabled_at = 0`, hash), &created, &seen)
	return OperatorSession{Operator: o, CreatedAt: db.Time(created), SeenAt: db.Time(seen)}, err
}

// TouchOperatorSession notes that a session was used.
func (s *Store) TouchOperatorSession(ctx context.Context, hash []byte, now time.Time) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE operator_sessions SET seen_at = $1 WHERE hash = $2`, db.Micros(now), hash); err != nil {
		return fmt.Errorf("noting the session's use: %w", err)
	}
	return nil
}

// DeleteOperatorSession ends a session.
func (s *Store) DeleteOperatorSession(ctx context.Context, tx *sql.Tx, hash []byte) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM operator_sessions WHERE hash = $1`, hash); err != nil {
		return fmt.Errorf("ending the session: %w", err)
	}
	return nil
}

// InsertOperatorLink stores a link and drops those that nobody can use any more.
func (s *Store) InsertOperatorLink(ctx context.Context, operator perch.ID, hash []byte, now, expires time.Time) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM operator_links WHERE expires_at < $1`, db.Micros(now)); err != nil {
			return fmt.Errorf("dropping old links: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO operator_links (hash, operator_id, expires_at) VALUES ($1, $2, $3)`,
			hash, operator, db.Micros(expires)); err != nil {
			return fmt.Errorf("storing the link: %w", err)
		}
		return nil
	})
}

// TakeOperatorLink uses a link up and returns its operator. A link that was used, has expired or never
// existed is ErrNotFound.
func (s *Store) TakeOperatorLink(ctx context.Context, tx *sql.Tx, hash []byte, now time.Time) (Operator, error) {
	var id perch.ID
	if err := tx.QueryRowContext(ctx, `DELETE FROM operator_links WHERE hash = $1 AND expires_at >= $2 RETURNING operator_id`, hash, db.Micros(now)).Scan(&id); err != nil {
		return Operator{}, fmt.Errorf("using the link: %w", notFound(err))
	}
	return scanOperator(tx.QueryRowContext(ctx, `SELECT `+operatorColumns+` FROM operators o WHERE o.id = $1 AND o.disabled_at = 0`, id))
}
