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

// NewToken is an access token of one or more entities of a connection; the first is the default.
type NewToken struct {
	ID            perch.ID
	Hash          []byte
	ApplicationID perch.ID
	ConnectionID  perch.ID
	Entities      []perch.ID
	Products      []perch.Product
	CreatedAt     time.Time
}

// InsertToken stores the hash of an access token of one entity of a connection.
func (s *Store) InsertToken(ctx context.Context, tx *sql.Tx, application, connection, entity, token perch.ID, hash []byte, products []perch.Product, now time.Time) error {
	return s.InsertTokenFor(ctx, tx, NewToken{ID: token, Hash: hash, ApplicationID: application, ConnectionID: connection,
		Entities: []perch.ID{entity}, Products: products, CreatedAt: now})
}

// InsertTokenFor stores the hash of an access token of several entities.
func (s *Store) InsertTokenFor(ctx context.Context, tx *sql.Tx, n NewToken) error {
	if _, err := tx.ExecContext(ctx,
		`INSERT INTO access_tokens (hash, id, application_id, connection_id, entity_id, products, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		n.Hash, n.ID, n.ApplicationID, n.ConnectionID, n.Entities[0], joinProducts(n.Products), db.Micros(n.CreatedAt)); err != nil {
		return fmt.Errorf("storing the access token: %w", err)
	}
	for i, entity := range n.Entities {
		if _, err := tx.ExecContext(ctx, `INSERT INTO access_token_entities (token_id, entity_id, position) VALUES ($1, $2, $3)`, n.ID, entity, i); err != nil {
			return fmt.Errorf("storing the entities of the access token: %w", err)
		}
	}
	return nil
}

// grantQuery reads one row per entity. A disconnected entity is listed, but is no default.
const grantQuery = `
	SELECT t.id, t.products, e.id,
	       a.id, a.name, a.type, a.created_at,
	       c.id, c.company_id, c.provider_id, c.type, COALESCE(e.authentication_type, c.authentication_type), c.status, c.status_message,
	       c.customer_id, c.customer_name, c.customer_email,
	       e.name, e.source_id, e.status, e.status_held, e.rules_revision,
	       o.generation, o.complete, o.retrieved_at, o.attempted_at, o.result,
	       p.generation, p.complete, p.retrieved_at, p.attempted_at, p.result,
	       d.generation, d.complete, d.retrieved_at, d.attempted_at, d.result
	  FROM access_tokens t
	  JOIN applications a ON a.id = t.application_id
	  JOIN connections c ON c.id = t.connection_id
	  JOIN access_token_entities x ON x.token_id = t.id
	  JOIN entities e ON e.id = x.entity_id
	  JOIN publications o ON o.entity_id = e.id AND o.product_group = 'organization'
	  JOIN publications p ON p.entity_id = e.id AND p.product_group = 'payroll'
	  JOIN publications d ON d.entity_id = e.id AND d.product_group = 'documents'
	 WHERE t.hash = $1 AND c.disconnected_at = 0
	 ORDER BY CASE WHEN e.disconnected_at = 0 THEN 0 ELSE 1 END, x.position`

// Grant returns what the access token with the given hash stands for. It returns ErrNotFound for an
// unknown token and for one of a disconnected connection.
func (s *Store) Grant(ctx context.Context, tokenHash []byte) (*access.Grant, error) {
	rows, err := s.grant.QueryContext(ctx, tokenHash)
	if err != nil {
		return nil, fmt.Errorf("reading a grant: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var g access.Grant
	for rows.Next() {
		if err := scanGrant(rows, &g); err != nil {
			return nil, fmt.Errorf("reading a grant: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading a grant: %w", err)
	}
	if len(g.Entities) == 0 {
		return nil, fmt.Errorf("reading a grant: %w", ErrNotFound)
	}
	return &g, nil
}

// scanGrant reads a row into the grant and adds the row's entity to it.
func scanGrant(row scanner, g *access.Grant) error {
	var (
		e          access.Entity
		products   string
		appCreated int64
		org, pay   publicationColumns
		documents  publicationColumns
	)
	c := &g.Connection
	err := row.Scan(
		&g.TokenID, &products, &e.ID,
		&g.Application.ID, &g.Application.Name, &g.Application.Type, &appCreated,
		&c.ID, &c.CompanyID, &c.ProviderID, &c.Type, &c.Authentication, &c.Status, &c.StatusMessage,
		&c.CustomerID, &c.CustomerName, &c.CustomerEmail,
		&e.Name, &e.SourceID, &e.Status, &e.StatusHeld, &e.RulesRevision,
		&org.generation, &org.complete, &org.retrieved, &org.attempted, &org.result,
		&pay.generation, &pay.complete, &pay.retrieved, &pay.attempted, &pay.result,
		&documents.generation, &documents.complete, &documents.retrieved, &documents.attempted, &documents.result)
	if err != nil {
		return err
	}
	g.Application.CreatedAt = db.Time(appCreated)
	g.Products = splitProducts(products)
	e.Groups = [access.GroupCount]access.Publication{org.publication(), pay.publication(), documents.publication()}
	g.Entities = append(g.Entities, e)
	return nil
}

type publicationColumns struct {
	generation, retrieved, attempted int64
	complete                         bool
	result                           string
}

func (p publicationColumns) publication() access.Publication {
	return access.Publication{
		Generation: p.generation, Complete: p.complete, RetrievedAt: db.Time(p.retrieved),
		AttemptedAt: db.Time(p.attempted), Result: access.Result(p.result),
	}
}

func columnsOf(p access.Publication) publicationColumns {
	return publicationColumns{
		generation: p.Generation, complete: p.Complete, retrieved: db.Micros(p.RetrievedAt),
		attempted: db.Micros(p.AttemptedAt), result: string(p.Result),
	}
}
