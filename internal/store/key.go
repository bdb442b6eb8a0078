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

// ErrLogBusy means that another connection was reading the key database, so that its log could not be
// emptied. Asking again later helps.
var ErrLogBusy = errors.New("the log of the key database is being read and could not be emptied")

// DeleteKeys implements secret.KeyStore. On SQLite the freed bytes are overwritten, and the
// write-ahead log is emptied so that it does not keep what was deleted. Where that fails, because the
// database is being read for instance, the keys are deleted all the same and the error is nil:
// whoever erases calls EmptyLog until it succeeds.
func (k *Keys) DeleteKeys(ctx context.Context, owners ...perch.ID) error {
	if k.db.Dialect == db.SQLite {
		if _, err := k.db.Write.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
			return fmt.Errorf("preparing to delete keys: %w", err)
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
	if err == nil {
		_ = k.EmptyLog(ctx) // the keys are gone; see above
	}
	return err
}

// logPatience is how long emptying the log waits for readers. Their transactions are short, and those
// who disconnect wait for this.
const logPatience = 250 * time.Millisecond

// EmptyLog moves the write-ahead log of SQLite into the database and cuts it to nothing. It returns
// ErrLogBusy, after a fraction of a second, if another connection does not let it. On PostgreSQL there
// is no log of ours, and it does nothing.
func (k *Keys) EmptyLog(ctx context.Context) error {
	if k.db.Dialect != db.SQLite {
		return nil
	}
	conn, err := k.db.Write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("emptying the log of the key database: %w", err)
	}
	defer func() { _ = conn.Close() }()
	busy, err := truncateLog(ctx, conn)
	switch {
	case err != nil:
		return fmt.Errorf("emptying the log of the key database: %w", err)
	case busy:
		return ErrLogBusy
	}
	return nil
}

// truncateLog leaves the connection as patient as it was.
func truncateLog(ctx context.Context, conn *sql.Conn) (busy bool, err error) {
	var before int64
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&before); err != nil {
		return false, err
	}
	defer func() {
		if restoring := setPatience(context.WithoutCancel(ctx), conn, before); err == nil {
			err = restoring
		}
	}()
	if err := setPatience(ctx, conn, logPatience.Milliseconds()); err != nil {
		return false, err
	}
	var frames, moved int64 // of a log in use; both are 0 once it was emptied
	err = conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	return busy, err
}

func setPatience(ctx context.Context, conn *sql.Conn, milliseconds int64) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, milliseconds))
	return err
}
