package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// AuthorizationCode is what an application exchanges for an access token, once.
type AuthorizationCode struct {
	Hash          []byte
	SessionID     perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	Entities      []perch.ID
	Products      []perch.Product
	RedirectURI   string
	// Redirected says that the code went to the redirect URI rather than out by message.
	Redirected bool
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// InsertCode stores a code. An unused one of the same session is worth nothing from then on: a session
// has one working code at most.
func (s *Store) InsertCode(ctx context.Context, tx *sql.Tx, c AuthorizationCode) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM authorization_codes WHERE session_id = $1 AND application_id = $2 AND used_at = 0`,
		c.SessionID, c.ApplicationID); err != nil {
		return fmt.Errorf("replacing the code: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO authorization_codes
			(hash, session_id, application_id, connection_id, entities, products, redirect_uri, redirected, created_at, expires_at, used_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		c.Hash, c.SessionID, c.ApplicationID, c.ConnectionID, joinIDs(c.Entities), joinProducts(c.Products), c.RedirectURI, c.Redirected,
		db.Micros(c.CreatedAt), db.Micros(c.ExpiresAt)); err != nil {
		return fmt.Errorf("storing the code: %w", err)
	}
	return nil
}

// ExtendCode lets an unused code live until a time: it begins to count when it is handed over.
func (s *Store) ExtendCode(ctx context.Context, tx *sql.Tx, hash []byte, until time.Time) error {
	return one(tx.ExecContext(ctx, `UPDATE authorization_codes SET expires_at = $1 WHERE hash = $2 AND used_at = 0`, db.Micros(until), hash))("handing the code over")
}

// ReplaceCode puts a new code in the place of a session's unused one, which is worth nothing from then
// on. It lives as long as that one would have; one that is used or expired gives ErrNotFound.
func (s *Store) ReplaceCode(ctx context.Context, tx *sql.Tx, application, session perch.ID, hash []byte, now time.Time) error {
	return one(tx.ExecContext(ctx, `UPDATE authorization_codes SET hash = $1
		 WHERE session_id = $2 AND application_id = $3 AND used_at = 0 AND expires_at > $4`, hash, session, application, db.Micros(now)))("replacing the code")
}

// UseCode marks a code used and returns it with its live connection. It returns ErrNotFound for a code
// that is unknown, expired or used, belongs to another application, or whose connection ended.
func (s *Store) UseCode(ctx context.Context, tx *sql.Tx, application perch.ID, hash []byte, now time.Time) (AuthorizationCode, access.Connection, error) {
	var entities, products string
	var created int64
	c := AuthorizationCode{Hash: hash, ApplicationID: application}
	err := tx.QueryRowContext(ctx, `UPDATE authorization_codes SET used_at = $1
		 WHERE hash = $2 AND application_id = $3 AND used_at = 0 AND expires_at > $1
		RETURNING session_id, connection_id, entities, products, redirect_uri, redirected, created_at`,
		db.Micros(now), hash, application).Scan(&c.SessionID, &c.ConnectionID, &entities, &products, &c.RedirectURI, &c.Redirected, &created)
	if err != nil {
		return c, access.Connection{}, fmt.Errorf("using the code: %w", notFound(err))
	}
	c.Products, c.CreatedAt = splitProducts(products), db.Time(created)
	if c.Entities, err = splitIDs(entities); err != nil {
		return c, access.Connection{}, fmt.Errorf("using the code: %w", err)
	}
	if err := s.HoldConnection(ctx, tx, application, c.ConnectionID); err != nil {
		return c, access.Connection{}, err
	}
	connection, err := scanConnection(tx.QueryRowContext(ctx, `SELECT `+connectionColumns+` FROM connections c WHERE c.id = $1 AND c.disconnected_at = 0`, c.ConnectionID))
	return c, connection, err
}
