package store

import (
	"context"
	"database/sql"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
)

// Block is one sealed row of records.
type Block struct {
	Collection string
	Facet      string
	Number     int64
	Generation int64
	Body       []byte
}

// Block returns the newest version of a block that a reader at the generation sees. known is a
// version that the caller holds already: if it is still the newest, Body is nil. It returns
// ErrNotFound when there is none.
func (s *Store) Block(ctx context.Context, entity perch.ID, collection, facet string, number, generation, known int64) (Block, error) {
	b := Block{Collection: collection, Facet: facet, Number: number}
	err := s.block.QueryRowContext(ctx, entity, collection, facet, number, generation, known).Scan(&b.Generation, &b.Body)
	if err != nil {
		return b, fmt.Errorf("reading block %s/%s/%d: %w", collection, facet, number, notFound(err))
	}
	return b, nil
}

const blockQuery = `
	SELECT generation, CASE WHEN generation = $6 THEN NULL ELSE body END
	  FROM blocks
	 WHERE entity_id = $1 AND collection = $2 AND facet = $3 AND number = $4 AND generation <= $5
	 ORDER BY generation DESC LIMIT 1`

// Blocks calls fn with every block of a facet as a reader at the generation sees them, in order of
// number.
func (s *Store) Blocks(ctx context.Context, entity perch.ID, collection, facet string, generation int64, fn func(Block) error) error {
	rows, err := s.db.Read.QueryContext(ctx, `
		SELECT b.number, b.generation, b.body FROM blocks b
		 WHERE b.entity_id = $1 AND b.collection = $2 AND b.facet = $3 AND b.generation =
		       (SELECT max(n.generation) FROM blocks n
		         WHERE n.entity_id = $1 AND n.collection = $2 AND n.facet = $3 AND n.number = b.number AND n.generation <= $4)
		 ORDER BY b.number`, entity, collection, facet, generation)
	if err != nil {
		return fmt.Errorf("reading blocks of %s/%s: %w", collection, facet, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		b := Block{Collection: collection, Facet: facet}
		if err := rows.Scan(&b.Number, &b.Generation, &b.Body); err != nil {
			return fmt.Errorf("reading blocks of %s/%s: %w", collection, facet, err)
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BlockNumber is the place of a block within a collection.
type BlockNumber struct {
	Facet  string
	Number int64
}

// BlockNumbers returns the places of all blocks of a collection that a reader at the generation or
// before may have seen.
func (s *Store) BlockNumbers(ctx context.Context, entity perch.ID, collection string, generation int64) ([]BlockNumber, error) {
	rows, err := s.db.Read.QueryContext(ctx,
		`SELECT DISTINCT facet, number FROM blocks WHERE entity_id = $1 AND collection = $2 AND generation <= $3 ORDER BY facet, number`,
		entity, collection, generation)
	if err != nil {
		return nil, fmt.Errorf("reading the blocks of %s: %w", collection, err)
	}
	defer func() { _ = rows.Close() }()
	var all []BlockNumber
	for rows.Next() {
		var n BlockNumber
		if err := rows.Scan(&n.Facet, &n.Number); err != nil {
			return nil, fmt.Errorf("reading the blocks of %s: %w", collection, err)
		}
		all = append(all, n)
	}
	return all, rows.Err()
}

// InsertBlocks writes blocks of one product group. A block that the same generation wrote before is
// replaced.
func (s *Store) InsertBlocks(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, blocks []Block) error {
	insert, err := tx.PrepareContext(ctx, `
		INSERT INTO blocks (entity_id, collection, facet, number, generation, product_group, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (entity_id, collection, facet, number, generation) DO UPDATE SET body = excluded.body`)
	if err != nil {
		return fmt.Errorf("writing blocks: %w", err)
	}
	defer func() { _ = insert.Close() }()
	for _, b := range blocks {
		if _, err := insert.ExecContext(ctx, entity, b.Collection, b.Facet, b.Number, b.Generation, group.String(), b.Body); err != nil {
			return fmt.Errorf("writing block %s/%s/%d: %w", b.Collection, b.Facet, b.Number, err)
		}
	}
	return nil
}

// NewGeneration returns a generation number of an entity that was never used before.
func (s *Store) NewGeneration(ctx context.Context, entity perch.ID) (generation int64, err error) {
	err = s.db.Write.QueryRowContext(ctx,
		`UPDATE entities SET last_generation = last_generation + 1 WHERE id = $1 RETURNING last_generation`, entity).Scan(&generation)
	if err != nil {
		return 0, fmt.Errorf("taking a generation: %w", notFound(err))
	}
	return generation, nil
}

// DeleteAbandoned removes up to most blocks that a sync wrote but never published, and reports
// whether there may be more. The caller holds the entity's sync.
func (s *Store) DeleteAbandoned(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, current int64, most int) (more bool, err error) {
	return deleteSome(ctx, tx, most, "deleting abandoned blocks", `
		DELETE FROM blocks WHERE (entity_id, collection, facet, number, generation) IN
		 (SELECT entity_id, collection, facet, number, generation FROM blocks
		   WHERE entity_id = $1 AND product_group = $2 AND generation > $3 LIMIT $4)`,
		entity, group.String(), current, most)
}

// DeleteSuperseded removes up to most blocks that a newer published version covers, and reports
// whether there may be more.
func (s *Store) DeleteSuperseded(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, current int64, most int) (more bool, err error) {
	return deleteSome(ctx, tx, most, "deleting superseded blocks", `
		DELETE FROM blocks WHERE (entity_id, collection, facet, number, generation) IN
		 (SELECT b.entity_id, b.collection, b.facet, b.number, b.generation FROM blocks b
		   WHERE b.entity_id = $1 AND b.product_group = $2 AND b.generation <
		         (SELECT max(n.generation) FROM blocks n
		           WHERE n.entity_id = b.entity_id AND n.collection = b.collection AND n.facet = b.facet
		             AND n.number = b.number AND n.generation <= $3)
		   LIMIT $4)`,
		entity, group.String(), current, most)
}

func deleteSome(ctx context.Context, tx *sql.Tx, most int, doing, query string, args ...any) (more bool, err error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	deleted, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	return deleted == int64(most), nil
}

// Publish makes a generation of a product group current. It fails with ErrNotFound when another
// sync published in between.
func (s *Store) Publish(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, from int64, p access.Publication) error {
	if err := s.SetPublication(ctx, tx, entity, group, from, p); err != nil {
		return err
	}
	return bumpRevision(ctx, tx)
}

// SetPublication is Publish for transactions that have more to do before they advance the revision.
func (s *Store) SetPublication(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, from int64, p access.Publication) error {
	c := columnsOf(p)
	result, err := tx.ExecContext(ctx, `
		UPDATE publications SET generation = $1, complete = $2, retrieved_at = $3, attempted_at = $4, result = $5
		 WHERE entity_id = $6 AND product_group = $7 AND generation = $8`,
		c.generation, c.complete, c.retrieved, c.attempted, c.result, entity, group.String(), from)
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		return fmt.Errorf("publishing %s from generation %d: %w", group, from, ErrNotFound)
	}
	if p.Generation != from {
		return rememberGeneration(ctx, tx, entity, group, p)
	}
	return nil
}
