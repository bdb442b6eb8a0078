package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/secret"
)

// Keys is the database of wrapped data keys. It implements secret.KeyStore.
type Keys struct {
	db  *db.DB
	now func() time.Time
}

// NewKeys returns a key store over a migrated key database.
func NewKeys(database *db.DB, now func() time.Time) *Keys { return &Keys{db: database, now: now} }

// InsertKey implements secret.KeyStore.
func (k *Keys) InsertKey(ctx context.Context, owner perch.ID, wrapped []byte) ([]byte, error) {
	var kept []byte
	err := k.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO data_keys (owner_id, wrapped, created_at) VALUES ($1, $2, $3) ON CONFLICT (owner_id) DO NOTHING`,
			owner, wrapped, db.Micros(k.now())); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT wrapped FROM data_keys WHERE owner_id = $1`, owner).Scan(&kept)
	})
	return kept, err
}

// Key implements secret.KeyStore.
func (k *Keys) Key(ctx context.Context, owner perch.ID) ([]byte, error) {
	var wrapped []byte
	err := k.db.Read.QueryRowContext(ctx, `SELECT wrapped FROM data_keys WHERE owner_id = $1`, owner).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, secret.ErrDestroyed
	}
	return wrapped, err
}

// DeleteKeys implements secret.KeyStore. On SQLite the freed bytes are overwritten and the
// write-ahead log is emptied, so that the file does not keep what was deleted.
func (k *Keys) DeleteKeys(ctx context.Context, owners ...perch.ID) error {
	if k.db.Dialect == db.SQLite {
		if _, err := k.db.Write.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
			return err
		}
	}
	err := k.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, owner := range owners {
			if _, err := tx.ExecContext(ctx, `DELETE FROM data_keys WHERE owner_id = $1`, owner); err != nil {
				return fmt.Errorf("deleting the key of %s: %w", owner, err)
			}
		}
		return nil
	})
	if err == nil && k.db.Dialect == db.SQLite {
		_, err = k.db.Write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return err
}
