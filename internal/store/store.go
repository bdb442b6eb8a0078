package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// Store runs queries on one database.
type Store struct {
	// StatusChanged, if set, is called whenever an entity gets another status, inside the transaction that
	// gives it and before the revision advances. It is set once, before use.
	StatusChanged func(ctx context.Context, tx *sql.Tx, change StatusChange) error

	db *db.DB
	// revision, grant and block are prepared once: reads run them all the time.
	revision, grant, block *sql.Stmt
}

// ErrNotFound means that there is no such row for the one who asked.
var ErrNotFound = errors.New("not found")

// New returns a store over a migrated database.
func New(ctx context.Context, database *db.DB) (*Store, error) {
	s := &Store{db: database}
	for _, q := range []struct {
		statement **sql.Stmt
		text      string
	}{{&s.revision, revisionQuery}, {&s.grant, grantQuery}, {&s.block, blockQuery}} {
		prepared, err := database.Read.PrepareContext(ctx, q.text)
		if err != nil {
			return nil, fmt.Errorf("preparing queries: %w", err)
		}
		*q.statement = prepared
	}
	return s, nil
}

// Close releases the prepared queries. The database stays open.
func (s *Store) Close() error {
	return errors.Join(s.revision.Close(), s.grant.Close(), s.block.Close())
}

// Tx runs fn in a write transaction.
func (s *Store) Tx(ctx context.Context, fn func(tx *sql.Tx) error) error { return s.db.Tx(ctx, fn) }

const revisionQuery = `SELECT value FROM revision WHERE id = 'this'`

// Revision returns the number of changes so far that a cached grant could miss.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	var value int64
	if err := s.revision.QueryRowContext(ctx).Scan(&value); err != nil {
		return 0, fmt.Errorf("reading the revision: %w", err)
	}
	return value, nil
}

// AdvanceRevision makes every process read grants anew. It is the last statement of its transaction.
func (s *Store) AdvanceRevision(ctx context.Context, tx *sql.Tx) error { return bumpRevision(ctx, tx) }

// bumpRevision makes every process read grants anew. It is the last statement of its transaction,
// so that the row is locked only briefly.
func bumpRevision(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `UPDATE revision SET value = value + 1 WHERE id = 'this'`); err != nil {
		return fmt.Errorf("advancing the revision: %w", err)
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Installation is what tells whether the key files belong to the database.
type Installation struct {
	ID          perch.ID
	IDKeyCheck  []byte
	MasterCheck []byte
}

// Installation returns what was recorded at the first start, or ErrNotFound before it.
func (s *Store) Installation(ctx context.Context) (Installation, error) {
	var kept Installation
	err := s.db.Write.QueryRowContext(ctx, `SELECT id, id_key_check, master_key_check FROM installation ORDER BY created_at LIMIT 1`).
		Scan(&kept.ID, &kept.IDKeyCheck, &kept.MasterCheck)
	if err != nil {
		return kept, fmt.Errorf("reading the installation: %w", notFound(err))
	}
	return kept, nil
}

// EnsureInstallation records the installation if this is the first start and returns what is
// recorded.
func (s *Store) EnsureInstallation(ctx context.Context, first Installation, now int64) (Installation, error) {
	var kept Installation
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		var count int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM installation`).Scan(&count); err != nil {
			return err
		}
		if count == 0 {
			if _, err := tx.ExecContext(ctx,
				`INSERT INTO installation (id, id_key_check, master_key_check, created_at) VALUES ($1, $2, $3, $4)`,
				first.ID, first.IDKeyCheck, first.MasterCheck, now); err != nil {
				return err
			}
		}
		return tx.QueryRowContext(ctx, `SELECT id, id_key_check, master_key_check FROM installation ORDER BY created_at LIMIT 1`).
			Scan(&kept.ID, &kept.IDKeyCheck, &kept.MasterCheck)
	})
	if err != nil {
		return Installation{}, fmt.Errorf("recording the installation: %w", err)
	}
	return kept, nil
}
