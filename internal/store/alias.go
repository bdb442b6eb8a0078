package store

import (
	"context"
	"database/sql"
	"fmt"

	perch "github.com/perchhq/perch"
)

// Alias maps one more natural key of a record to its id. KeyHash is keyed by the entity.
type Alias struct {
	Kind     string
	KeyHash  []byte
	RecordID perch.ID
}

// Aliases returns every alias of an entity.
func (s *Store) Aliases(ctx context.Context, entity perch.ID) ([]Alias, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT kind, key_hash, record_id FROM aliases WHERE entity_id = $1`, entity)
	if err != nil {
		return nil, fmt.Errorf("reading aliases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Alias
	for rows.Next() {
		var a Alias
		if err := rows.Scan(&a.Kind, &a.KeyHash, &a.RecordID); err != nil {
			return nil, fmt.Errorf("reading aliases: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// InsertAliases stores aliases of an entity; one that exists stays as it is.
func (s *Store) InsertAliases(ctx context.Context, tx *sql.Tx, entity perch.ID, aliases []Alias) error {
	for _, a := range aliases {
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO aliases (entity_id, kind, key_hash, record_id) VALUES ($1, $2, $3, $4) ON CONFLICT (entity_id, kind, key_hash) DO NOTHING`,
			entity, a.Kind, a.KeyHash, a.RecordID); err != nil {
			return fmt.Errorf("storing an alias: %w", err)
		}
	}
	return nil
}
