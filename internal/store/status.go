package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
)

// StatusChange is the new status of an entity, its first one included.
type StatusChange struct {
	ApplicationID, ConnectionID, CompanyID, EntityID perch.ID
	Authentication                                   perch.AuthenticationType
	Status                                           perch.ConnectionStatus
}

// SetStatus moves an entity to a status. The connection shows the status of the entity that needs most
// attention, and the message that goes with it.
func (s *Store) SetStatus(ctx context.Context, tx *sql.Tx, connection, entity perch.ID, status perch.ConnectionStatus, message string) error {
	return s.setStatus(ctx, tx, connection, entity, status, false, message)
}

// HoldStatus moves an entity to a status in which it stays, whatever its syncs bring, until SetStatus.
func (s *Store) HoldStatus(ctx context.Context, tx *sql.Tx, connection, entity perch.ID, status perch.ConnectionStatus, message string) error {
	return s.setStatus(ctx, tx, connection, entity, status, true, message)
}

// StatusHeld reports whether an entity's status was held last, and keeps that so until the transaction
// ends.
func (s *Store) StatusHeld(ctx context.Context, tx *sql.Tx, connection, entity perch.ID) (held bool, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE entities SET status = status WHERE id = $1 AND connection_id = $2 RETURNING status_held`, entity, connection).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("reading whether the status is held: %w", notFound(err))
	}
	return held, nil
}

func (s *Store) setStatus(ctx context.Context, tx *sql.Tx, connection, entity perch.ID, status perch.ConnectionStatus, held bool, message string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE entities SET status_held = $1 WHERE id = $2 AND connection_id = $3 AND disconnected_at = 0 AND status_held <> $1`,
		held, entity, connection); err != nil {
		return fmt.Errorf("storing whether the status is held: %w", err)
	}
	result, err := tx.ExecContext(ctx, `UPDATE entities SET status = $1 WHERE id = $2 AND connection_id = $3 AND disconnected_at = 0 AND status <> $1`,
		string(status), entity, connection)
	if err != nil {
		return fmt.Errorf("storing the entity's status: %w", err)
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("storing the entity's status: %w", err)
	}
	var worst perch.ConnectionStatus
	err = tx.QueryRowContext(ctx, `SELECT status FROM entities WHERE connection_id = $1 AND disconnected_at = 0
		ORDER BY CASE status WHEN 'reauth' THEN 0 WHEN 'error_permissions' THEN 1 WHEN 'error_no_account_setup' THEN 2
			WHEN 'pending' THEN 3 WHEN 'processing' THEN 4 ELSE 5 END LIMIT 1`, connection).Scan(&worst)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the entities' status: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE connections SET status = $1, status_message = CASE WHEN $1 = $2 THEN $3 ELSE status_message END
		 WHERE id = $4 AND disconnected_at = 0`, string(worst), string(status), message, connection); err != nil {
		return fmt.Errorf("storing the connection's status: %w", err)
	}
	if changed == 1 {
		if err := s.entityChanged(ctx, tx, connection, entity, status); err != nil {
			return err
		}
	}
	return bumpRevision(ctx, tx)
}

func (s *Store) statusChanged(ctx context.Context, tx *sql.Tx, change StatusChange) error {
	if s.StatusChanged == nil {
		return nil
	}
	return s.StatusChanged(ctx, tx, change)
}

// entityChanged tells that an entity of the connection has a new status.
func (s *Store) entityChanged(ctx context.Context, tx *sql.Tx, connection, entity perch.ID, status perch.ConnectionStatus) error {
	c := StatusChange{ConnectionID: connection, EntityID: entity, Status: status}
	if err := tx.QueryRowContext(ctx, `SELECT c.application_id, c.company_id, COALESCE(e.authentication_type, c.authentication_type)
		FROM connections c JOIN entities e ON e.connection_id = c.id WHERE c.id = $1 AND e.id = $2`, connection, entity).
		Scan(&c.ApplicationID, &c.CompanyID, &c.Authentication); err != nil {
		return fmt.Errorf("reading the connection: %w", notFound(err))
	}
	return s.statusChanged(ctx, tx, c)
}

// accountsEnded tells that the entities that were left of a connection are disconnected with it.
func (s *Store) accountsEnded(ctx context.Context, tx *sql.Tx, application, connection perch.ID) error {
	live, err := entitiesOf(ctx, tx, application, connection, true)
	if err != nil {
		return err
	}
	for _, entity := range live {
		if err := s.entityChanged(ctx, tx, connection, entity, perch.StatusDisconnected); err != nil {
			return err
		}
	}
	return nil
}

// NoteFailure says why the last sync brought nothing, on a connection that is well otherwise.
func (s *Store) NoteFailure(ctx context.Context, tx *sql.Tx, connection perch.ID, message string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE connections SET status_message = $1 WHERE id = $2 AND disconnected_at = 0 AND status IN ('processing', 'connected')`,
		message, connection); err != nil {
		return fmt.Errorf("noting why a sync failed: %w", err)
	}
	return bumpRevision(ctx, tx)
}
