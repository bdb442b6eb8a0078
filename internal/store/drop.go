package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// Drop is where a connection's files arrive by themselves.
type Drop struct {
	ConnectionID  perch.ID
	ApplicationID perch.ID
	EntityID      perch.ID
	// Folder says that a folder is watched.
	Folder bool
	// Login is the user name on the SFTP server. PasswordHash is SHA-256 of a random password, in
	// hexadecimal; PublicKey is a line as in authorized_keys. Either may be empty.
	Login        string
	PasswordHash string
	PublicKey    string
	UpdatedAt    time.Time
}

const dropQuery = `SELECT d.connection_id, d.application_id, d.entity_id, d.folder, d.login, d.password_hash, d.public_key, d.updated_at
	FROM drops d JOIN connections c ON c.id = d.connection_id AND c.application_id = d.application_id
	JOIN entities e ON e.id = d.entity_id WHERE c.disconnected_at = 0 AND e.disconnected_at = 0`

func scanDrop(row scanner) (Drop, error) {
	var d Drop
	var updated int64
	if err := row.Scan(&d.ConnectionID, &d.ApplicationID, &d.EntityID, &d.Folder, &d.Login, &d.PasswordHash, &d.PublicKey, &updated); err != nil {
		return d, fmt.Errorf("reading where files arrive: %w", notFound(err))
	}
	d.UpdatedAt = db.Time(updated)
	return d, nil
}

// Drop returns where files of an application's connection arrive; the zero value where they do not.
func (s *Store) Drop(ctx context.Context, application, connection perch.ID) (Drop, error) {
	d, err := scanDrop(s.db.Read.QueryRowContext(ctx, dropQuery+` AND d.connection_id = $1 AND d.application_id = $2`, connection, application))
	if errors.Is(err, ErrNotFound) {
		return Drop{}, nil
	}
	return d, err
}

// DropByLogin returns the drop that a user name of the SFTP server belongs to.
func (s *Store) DropByLogin(ctx context.Context, login string) (Drop, error) {
	return scanDrop(s.db.Read.QueryRowContext(ctx, dropQuery+` AND d.login = $1`, login))
}

// FolderDrops returns the drops whose folder is watched.
func (s *Store) FolderDrops(ctx context.Context) ([]Drop, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (Drop, error) { return scanDrop(rows) }, dropQuery+` AND d.folder ORDER BY d.connection_id`)
}

// PutDrop stores where files of a connection that the caller holds arrive.
func (s *Store) PutDrop(ctx context.Context, tx *sql.Tx, d Drop) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO drops (connection_id, application_id, entity_id, folder, login, password_hash, public_key, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (connection_id) DO UPDATE SET folder = excluded.folder, password_hash = excluded.password_hash, public_key = excluded.public_key, updated_at = excluded.updated_at`,
		d.ConnectionID, d.ApplicationID, d.EntityID, d.Folder, d.Login, d.PasswordHash, d.PublicKey, db.Micros(d.UpdatedAt)); err != nil {
		return fmt.Errorf("storing where files arrive: %w", err)
	}
	return nil
}
