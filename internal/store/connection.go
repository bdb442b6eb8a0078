package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/db"
)

// NewConnection is a connection with its first entity.
type NewConnection struct {
	ApplicationID perch.ID
	Connection    access.Connection
	Entity        access.Entity
	// CompanyIdentity is the keyed hash of what identifies the entity's company; zero if nothing does.
	CompanyIdentity perch.ID
	// Authentication is how the entity is authorised, where that is not how the connection is.
	Authentication *perch.AuthenticationType
	// Connector reads the entity; Settings is what it needs, sealed under the connection's key.
	Connector string
	Settings  []byte
	CreatedAt time.Time
}

// InsertConnection stores a connection, its entity and its empty publications.
func (s *Store) InsertConnection(ctx context.Context, tx *sql.Tx, n NewConnection) error {
	c, created := n.Connection, db.Micros(n.CreatedAt)
	if _, err := tx.ExecContext(ctx,
		`INSERT INTO connections (id, application_id, company_id, provider_id, type, authentication_type, status, status_message,
			customer_id, customer_name, customer_email, created_at, disconnected_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)`,
		c.ID, n.ApplicationID, c.CompanyID, c.ProviderID, string(c.Type), string(c.Authentication), string(c.Status), c.StatusMessage,
		c.CustomerID, c.CustomerName, c.CustomerEmail, created); err != nil {
		return fmt.Errorf("storing the connection: %w", err)
	}
	return s.InsertEntity(ctx, tx, n)
}

// InsertEntity stores one more entity of a connection that exists.
func (s *Store) InsertEntity(ctx context.Context, tx *sql.Tx, n NewConnection) error {
	e := n.Entity
	if _, err := tx.ExecContext(ctx,
		`INSERT INTO entities (id, connection_id, application_id, connector, name, source_id, status, settings, company_identity, last_generation, created_at, authentication_type)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)`,
		e.ID, n.Connection.ID, n.ApplicationID, n.Connector, e.Name, e.SourceID, string(e.Status), n.Settings, n.CompanyIdentity, db.Micros(n.CreatedAt), n.Authentication); err != nil {
		return fmt.Errorf("storing the entity: %w", err)
	}
	for group := range access.GroupCount {
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO publications (entity_id, product_group, generation, complete, retrieved_at, attempted_at, result)
			 VALUES ($1, $2, 0, $3, 0, 0, '')`, e.ID, group.String(), false); err != nil {
			return fmt.Errorf("storing the publications: %w", err)
		}
	}
	change := StatusChange{ApplicationID: n.ApplicationID, ConnectionID: n.Connection.ID, CompanyID: n.Connection.CompanyID,
		EntityID: e.ID, Authentication: n.Connection.Authentication, Status: e.Status}
	if n.Authentication != nil {
		change.Authentication = *n.Authentication
	}
	return s.statusChanged(ctx, tx, change)
}

// ReplaceSettings stores new connector settings of an entity, sealed under its connection's key.
func (s *Store) ReplaceSettings(ctx context.Context, tx *sql.Tx, connection, entity perch.ID, settings []byte) error {
	if _, err := tx.ExecContext(ctx, `UPDATE entities SET settings = $1 WHERE id = $2 AND connection_id = $3`, settings, entity, connection); err != nil {
		return fmt.Errorf("storing the connector's settings: %w", err)
	}
	return nil
}

// Disconnect marks a connection of an application disconnected, so that all its tokens stop working
// and its syncs stop, and calls within in the same transaction with the owners of data keys that are
// to be destroyed.
func (s *Store) Disconnect(ctx context.Context, application, connection perch.ID, now time.Time, within func(tx *sql.Tx, keyOwners []perch.ID) error) error {
	return s.Tx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx,
			`UPDATE connections SET disconnected_at = $1, customer_name = NULL, customer_email = NULL
			  WHERE id = $2 AND application_id = $3 AND disconnected_at = 0`,
			db.Micros(now), connection, application)
		if err != nil {
			return fmt.Errorf("disconnecting: %w", err)
		}
		if _, err := tx.ExecContext(ctx,
			`UPDATE syncs SET state = 'failed', finished_at = $1, error_name = $2, lease_owner = '', lease_until = 0
			  WHERE connection_id = $3 AND application_id = $4 AND state IN ('pending', 'running')`,
			db.Micros(now), perch.NameInvalidToken, connection, application); err != nil {
			return fmt.Errorf("stopping the connection's syncs: %w", err)
		}
		if err := endJobs(ctx, tx, application, connection, now); err != nil {
			return err
		}
		if err := forgetCustomer(ctx, tx, application, connection); err != nil {
			return err
		}
		owners, err := keyOwners(ctx, tx, application, connection)
		if err != nil {
			return err
		}
		if err := within(tx, owners); err != nil {
			return err
		}
		if ended, err := result.RowsAffected(); err == nil && ended == 1 {
			if err := s.accountsEnded(ctx, tx, application, connection); err != nil {
				return err
			}
		}
		return bumpRevision(ctx, tx)
	})
}

func keyOwners(ctx context.Context, tx *sql.Tx, application, connection perch.ID) ([]perch.ID, error) {
	entities, err := entitiesOf(ctx, tx, application, connection, false)
	return append([]perch.ID{connection}, entities...), err
}

// entitiesOf returns the entities of an application's connection, oldest first; live leaves out those
// that were disconnected by themselves.
func entitiesOf(ctx context.Context, tx *sql.Tx, application, connection perch.ID, live bool) ([]perch.ID, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM entities WHERE connection_id = $1 AND application_id = $2 AND (disconnected_at = 0 OR $3 = 0) ORDER BY created_at, id`,
		connection, application, map[bool]int{true: 1}[live])
	if err != nil {
		return nil, fmt.Errorf("reading the connection's entities: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []perch.ID
	for rows.Next() {
		var id perch.ID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading the connection's entities: %w", err)
		}
		all = append(all, id)
	}
	return all, rows.Err()
}

// DeleteDisconnected removes up to most blocks and edits of an entity that is disconnected, alone or with its
// connection, and its aliases and rules, and reports whether there may be more. Nobody can read them any more.
func (s *Store) DeleteDisconnected(ctx context.Context, entity perch.ID, most int) (more bool, err error) {
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		const gone = `SELECT e.id FROM entities e JOIN connections c ON c.id = e.connection_id WHERE e.id = $1 AND (c.disconnected_at <> 0 OR e.disconnected_at <> 0)`
		if _, err := tx.ExecContext(ctx, `DELETE FROM aliases WHERE entity_id IN (`+gone+`)`, entity); err != nil {
			return fmt.Errorf("deleting a disconnected entity's aliases: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM pay_statement_rules WHERE entity_id IN (`+gone+`)`, entity); err != nil {
			return fmt.Errorf("deleting a disconnected entity's rules: %w", err)
		}
		for _, table := range []string{"deductions", "manual_jobs", "sandbox_deductions", "sandbox_writes"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE entity_id IN (`+gone+`)`, entity); err != nil {
				return fmt.Errorf("deleting a disconnected entity's %s: %w", table, err)
			}
		}
		more, err = deleteSome(ctx, tx, most, "deleting a disconnected entity's enrolments",
			`DELETE FROM sandbox_enrolments WHERE (entity_id, deduction, person) IN
				(SELECT entity_id, deduction, person FROM sandbox_enrolments WHERE entity_id IN (`+gone+`) LIMIT $2)`, entity, most)
		if err != nil || more {
			return err
		}
		if more, err = deleteUploads(ctx, tx, gone, entity, most); err != nil || more {
			return err
		}
		more, err = deleteSome(ctx, tx, most, "deleting a disconnected entity's edits",
			`DELETE FROM sandbox_edits WHERE (entity_id, kind, number, part) IN
				(SELECT entity_id, kind, number, part FROM sandbox_edits WHERE entity_id IN (`+gone+`) LIMIT $2)`, entity, most)
		if err != nil || more {
			return err
		}
		more, err = deleteSome(ctx, tx, most, "deleting a disconnected entity's blocks",
			`DELETE FROM blocks WHERE (entity_id, collection, facet, number, generation) IN
				(SELECT entity_id, collection, facet, number, generation FROM blocks WHERE entity_id IN (`+gone+`) LIMIT $2)`, entity, most)
		return err
	})
	return more, err
}

// Account is what a sync needs to know of an entity. Settings is sealed under the connection's key.
type Account struct {
	ApplicationID  perch.ID
	ConnectionID   perch.ID
	CompanyID      perch.ID
	EntityID       perch.ID
	ProviderID     string
	Type           perch.ConnectionType
	Connector      string
	Authentication perch.AuthenticationType
	Status         perch.ConnectionStatus
	Settings       []byte
	// Products are those of the connection's tokens; see PendingProducts.
	Products []perch.Product
	Groups   [access.GroupCount]access.Publication
	// Disconnected says that the connection or this entity was disconnected.
	Disconnected bool
}

// Account returns the entity of a connection for a sync.
func (s *Store) Account(ctx context.Context, connection, entity perch.ID) (Account, error) {
	a := Account{ConnectionID: connection, EntityID: entity}
	var disconnected, entityDisconnected int64
	err := s.db.Read.QueryRowContext(ctx,
		`SELECT c.application_id, c.company_id, c.provider_id, c.type, COALESCE(e.authentication_type, c.authentication_type), e.status, c.disconnected_at, e.disconnected_at, e.connector, e.settings
		   FROM entities e JOIN connections c ON c.id = e.connection_id WHERE e.id = $1 AND c.id = $2`, entity, connection).
		Scan(&a.ApplicationID, &a.CompanyID, &a.ProviderID, &a.Type, &a.Authentication, &a.Status, &disconnected, &entityDisconnected, &a.Connector, &a.Settings)
	if err != nil {
		return a, fmt.Errorf("reading the account: %w", notFound(err))
	}
	a.Disconnected = disconnected != 0 || entityDisconnected != 0
	if a.Groups, err = s.publications(ctx, entity); err != nil {
		return a, err
	}
	a.Products, err = s.grantedProducts(ctx, connection)
	return a, err
}

func (s *Store) publications(ctx context.Context, entity perch.ID) (groups [access.GroupCount]access.Publication, err error) {
	for group := range access.GroupCount {
		var p publicationColumns
		if err := s.db.Read.QueryRowContext(ctx,
			`SELECT generation, complete, retrieved_at, attempted_at, result FROM publications WHERE entity_id = $1 AND product_group = $2`,
			entity, group.String()).Scan(&p.generation, &p.complete, &p.retrieved, &p.attempted, &p.result); err != nil {
			return groups, fmt.Errorf("reading the publications: %w", notFound(err))
		}
		groups[group] = p.publication()
	}
	return groups, nil
}

// ConnectionByID returns a live connection of an application and its first entity.
func (s *Store) ConnectionByID(ctx context.Context, application, connection perch.ID) (access.Connection, perch.ID, error) {
	var c access.Connection
	var entity perch.ID
	err := s.db.Read.QueryRowContext(ctx,
		`SELECT c.id, c.company_id, c.provider_id, c.type, c.authentication_type, c.status, c.status_message, e.id
		   FROM connections c JOIN entities e ON e.connection_id = c.id
		  WHERE c.id = $1 AND c.application_id = $2 AND c.disconnected_at = 0 AND e.disconnected_at = 0 ORDER BY e.created_at, e.id LIMIT 1`, connection, application).
		Scan(&c.ID, &c.CompanyID, &c.ProviderID, &c.Type, &c.Authentication, &c.Status, &c.StatusMessage, &entity)
	if err != nil {
		return c, entity, fmt.Errorf("reading the connection: %w", notFound(err))
	}
	return c, entity, nil
}

// CountConnections returns how many connections an application has made, those that were disconnected
// since included.
func (s *Store) CountConnections(ctx context.Context, application perch.ID) (int, error) {
	var n int
	if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM connections WHERE application_id = $1`, application).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the application's connections: %w", err)
	}
	return n, nil
}

func joinProducts(products []perch.Product) string {
	words := make([]string, len(products))
	for i, p := range products {
		words[i] = string(p.Canonical())
	}
	return strings.Join(words, " ")
}

func splitProducts(s string) []perch.Product {
	var products []perch.Product
	for _, word := range strings.Fields(s) {
		products = append(products, perch.Product(word))
	}
	return products
}
