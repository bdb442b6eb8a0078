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

// LockApplication makes transactions that decide about an application's connections run one after the
// other: two visits that end at the same moment must not both find that there is no connection yet.
// SQLite has one writer anyway; on PostgreSQL the update holds the row until the transaction ends.
func (s *Store) LockApplication(ctx context.Context, tx *sql.Tx, application perch.ID) error {
	if _, err := tx.ExecContext(ctx, `UPDATE applications SET name = name WHERE id = $1`, application); err != nil {
		return fmt.Errorf("locking the application: %w", err)
	}
	return nil
}

// HoldConnection keeps a connection from being disconnected until the transaction ends. It returns
// ErrNotFound when it is disconnected already.
func (s *Store) HoldConnection(ctx context.Context, tx *sql.Tx, application, connection perch.ID) error {
	result, err := tx.ExecContext(ctx, `UPDATE connections SET status = status WHERE id = $1 AND application_id = $2 AND disconnected_at = 0`, connection, application)
	if err != nil {
		return fmt.Errorf("holding the connection: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("holding the connection: %w", ErrNotFound)
	}
	return nil
}

// EntityLives reports whether an entity of a connection, which the transaction holds, is not disconnected.
func (s *Store) EntityLives(ctx context.Context, tx *sql.Tx, connection, entity perch.ID) (lives bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT disconnected_at = 0 FROM entities WHERE id = $1 AND connection_id = $2`, entity, connection).Scan(&lives)
	if err != nil {
		return false, fmt.Errorf("reading whether the entity is disconnected: %w", notFound(err))
	}
	return lives, nil
}

// CustomerConnection returns the oldest live connection of an application's customer.
func (s *Store) CustomerConnection(ctx context.Context, application perch.ID, customer string) (perch.ID, error) {
	var id perch.ID
	err := s.db.Read.QueryRowContext(ctx,
		`SELECT id FROM connections WHERE application_id = $1 AND customer_id = $2 AND disconnected_at = 0 ORDER BY created_at, id LIMIT 1`,
		application, customer).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("looking for the customer's connection: %w", notFound(err))
	}
	return id, nil
}

// Company says which connection a company account would belong to.
type Company struct {
	ApplicationID perch.ID
	ProviderID    string
	// CustomerID is the application's own id of the customer; nil matches nil only.
	CustomerID *string
	Identity   perch.ID
}

// CompanyConnection returns the oldest live connection that has an entity of the company.
func (s *Store) CompanyConnection(ctx context.Context, tx *sql.Tx, c Company) (access.Connection, error) {
	var customer string
	if c.CustomerID != nil {
		customer = *c.CustomerID
	}
	return scanConnection(tx.QueryRowContext(ctx, `SELECT `+connectionColumns+` FROM connections c
		 WHERE c.application_id = $1 AND c.provider_id = $2 AND c.disconnected_at = 0
		   AND (c.customer_id IS NULL) = $3 AND COALESCE(c.customer_id, '') = $4
		   AND EXISTS (SELECT 1 FROM entities e WHERE e.connection_id = c.id AND e.disconnected_at = 0 AND e.company_identity = $5)
		 ORDER BY c.created_at, c.id LIMIT 1`, c.ApplicationID, c.ProviderID, c.CustomerID == nil, customer, c.Identity))
}

const connectionColumns = `c.id, c.company_id, c.provider_id, c.type, c.authentication_type, c.status, c.status_message,
	c.customer_id, c.customer_name, c.customer_email`

func scanConnection(row scanner) (access.Connection, error) {
	var c access.Connection
	if err := row.Scan(&c.ID, &c.CompanyID, &c.ProviderID, &c.Type, &c.Authentication, &c.Status, &c.StatusMessage,
		&c.CustomerID, &c.CustomerName, &c.CustomerEmail); err != nil {
		return c, fmt.Errorf("reading the connection: %w", notFound(err))
	}
	return c, nil
}

// LiveConnection returns a live connection of an application.
func (s *Store) LiveConnection(ctx context.Context, application, connection perch.ID) (access.Connection, error) {
	return scanConnection(s.db.Read.QueryRowContext(ctx,
		`SELECT `+connectionColumns+` FROM connections c WHERE c.id = $1 AND c.application_id = $2 AND c.disconnected_at = 0`, connection, application))
}

// LiveEntity is an entity as reauthentication finds it. Settings is sealed under the connection's key.
type LiveEntity struct {
	ID              perch.ID
	Name            *string
	CompanyIdentity perch.ID
	Status          perch.ConnectionStatus
	Connector       string
	Settings        []byte
}

// LiveEntities returns the entities of an application's connection that are not disconnected, oldest first.
func (s *Store) LiveEntities(ctx context.Context, application, connection perch.ID) ([]LiveEntity, error) {
	rows, err := s.db.Read.QueryContext(ctx,
		`SELECT id, name, company_identity, status, connector, settings FROM entities
		  WHERE connection_id = $1 AND application_id = $2 AND disconnected_at = 0 ORDER BY created_at, id`, connection, application)
	if err != nil {
		return nil, fmt.Errorf("reading the connection's entities: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []LiveEntity
	for rows.Next() {
		var e LiveEntity
		if err := rows.Scan(&e.ID, &e.Name, &e.CompanyIdentity, &e.Status, &e.Connector, &e.Settings); err != nil {
			return nil, fmt.Errorf("reading the connection's entities: %w", err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// Reauthorise gives an entity new settings and takes over how it is read.
func (s *Store) Reauthorise(ctx context.Context, tx *sql.Tx, n NewConnection) error {
	if _, err := tx.ExecContext(ctx,
		`UPDATE entities SET settings = $1, connector = $2, authentication_type = NULL, company_identity = COALESCE(company_identity, $3) WHERE id = $4 AND connection_id = $5 AND disconnected_at = 0`,
		n.Settings, n.Connector, n.CompanyIdentity, n.Entity.ID, n.Connection.ID); err != nil {
		return fmt.Errorf("storing the entity's new settings: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE connections SET authentication_type = $1 WHERE id = $2 AND application_id = $3 AND disconnected_at = 0`,
		string(n.Connection.Authentication), n.Connection.ID, n.ApplicationID); err != nil {
		return fmt.Errorf("storing how the connection is authorised: %w", err)
	}
	return s.SetStatus(ctx, tx, n.Connection.ID, n.Entity.ID, n.Entity.Status, "")
}

// DisconnectEntities ends entities of an application's connection: their syncs stop and their status
// is disconnected from the commit on. within gets the owners of the data keys to destroy, in the same
// transaction. When no entity is left, the connection ends too and its key is among them.
func (s *Store) DisconnectEntities(ctx context.Context, application, connection perch.ID, entities []perch.ID, now time.Time, within func(tx *sql.Tx, keyOwners []perch.ID) error) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.LockApplication(ctx, tx, application); err != nil {
			return err
		}
		if err := s.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		owners := make([]perch.ID, 0, len(entities)+1)
		for _, entity := range entities {
			if err := endEntity(ctx, tx, application, connection, entity, now); err != nil {
				return err
			}
			owners = append(owners, entity)
		}
		last, err := endEmptyConnection(ctx, tx, application, connection, now)
		if err != nil {
			return err
		}
		if last {
			owners = append(owners, connection)
		}
		if err := within(tx, owners); err != nil {
			return err
		}
		for _, entity := range entities {
			if err := s.entityChanged(ctx, tx, connection, entity, perch.StatusDisconnected); err != nil {
				return err
			}
		}
		return bumpRevision(ctx, tx)
	})
}

func endEntity(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, now time.Time) error {
	result, err := tx.ExecContext(ctx,
		`UPDATE entities SET disconnected_at = $1, status = 'disconnected', company_identity = NULL
		  WHERE id = $2 AND connection_id = $3 AND application_id = $4 AND disconnected_at = 0`,
		db.Micros(now), entity, connection, application)
	if err != nil {
		return fmt.Errorf("disconnecting the entity: %w", err)
	}
	if ended, err := result.RowsAffected(); err != nil || ended != 1 {
		return fmt.Errorf("disconnecting the entity: %w", ErrNotFound)
	}
	if _, err := tx.ExecContext(ctx,
		`UPDATE syncs SET state = 'failed', finished_at = $1, error_name = $2, lease_owner = '', lease_until = 0
		  WHERE entity_id = $3 AND application_id = $4 AND state IN ('pending', 'running')`,
		db.Micros(now), perch.NameInvalidToken, entity, application); err != nil {
		return fmt.Errorf("stopping the entity's syncs: %w", err)
	}
	if _, err := tx.ExecContext(ctx,
		`UPDATE automated_jobs SET status = 'error', completed_at = $1, lease_owner = '', lease_until = 0
		  WHERE entity_id = $2 AND connection_id = $3 AND status IN ('pending', 'in_progress')`, db.Micros(now), entity, connection); err != nil {
		return fmt.Errorf("ending the entity's jobs: %w", err)
	}
	return nil
}

// endEmptyConnection ends a connection without entities and reports whether it did; nothing could be
// read from it, and it would stand in the way of a new one.
func endEmptyConnection(ctx context.Context, tx *sql.Tx, application, connection perch.ID, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx,
		`UPDATE connections SET disconnected_at = $1, customer_name = NULL, customer_email = NULL
		  WHERE id = $2 AND application_id = $3 AND disconnected_at = 0
		    AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.connection_id = connections.id AND e.disconnected_at = 0)`,
		db.Micros(now), connection, application)
	if err != nil {
		return false, fmt.Errorf("ending the connection: %w", err)
	}
	ended, err := result.RowsAffected()
	if err != nil || ended != 1 {
		return false, err
	}
	if err := endJobs(ctx, tx, application, connection, now); err != nil {
		return false, err
	}
	return true, forgetCustomer(ctx, tx, application, connection)
}

// forgetCustomer removes the customer's name and address from the visits that led to a connection that
// has ended.
func forgetCustomer(ctx context.Context, tx *sql.Tx, application, connection perch.ID) error {
	if _, err := tx.ExecContext(ctx, `UPDATE connect_sessions SET customer_name = NULL, customer_email = NULL
		 WHERE application_id = $1 AND (made_connection = $2 OR connection_id = $2)`, application, connection); err != nil {
		return fmt.Errorf("forgetting the customer: %w", err)
	}
	return nil
}
