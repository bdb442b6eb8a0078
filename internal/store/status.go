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
	if err := tx.QueryRowContext(ctx, `SELECT application_id, company_id, authentication_type FROM connections WHERE id = $1`, connection).
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
