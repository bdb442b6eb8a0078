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

// SyncState is where a run of the sync engine stands.
type SyncState string

// States of a sync. A failed one is over; what is retried stays pending.
const (
	SyncPending  SyncState = "pending"
	SyncRunning  SyncState = "running"
	SyncComplete SyncState = "complete"
	SyncFailed   SyncState = "failed"
)

// Sync is one run of the sync engine for one entity.
type Sync struct {
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	EntityID      perch.ID
	Reason        string
	State         SyncState
	CreatedAt     time.Time
	StartedAt     time.Time
	FinishedAt    time.Time
	Attempts      int
	// Summary is JSON with counts, for people; it holds no personal data.
	Summary   string
	ErrorName string
	ErrorCode string
}

const syncColumns = `id, application_id, connection_id, entity_id, reason, state, created_at, started_at, finished_at, attempts, summary, error_name, error_code`

func scanSync(row scanner) (Sync, error) {
	var s Sync
	var created, started, finished int64
	if err := row.Scan(&s.ID, &s.ApplicationID, &s.ConnectionID, &s.EntityID, &s.Reason, &s.State, &created, &started, &finished,
		&s.Attempts, &s.Summary, &s.ErrorName, &s.ErrorCode); err != nil {
		return s, fmt.Errorf("reading a sync: %w", notFound(err))
	}
	s.CreatedAt, s.StartedAt, s.FinishedAt = db.Time(created), db.Time(started), db.Time(finished)
	return s, nil
}

// InsertSync stores a pending sync unless the entity has an unfinished one, and returns the
// unfinished one; created tells which.
func (s *Store) InsertSync(ctx context.Context, tx *sql.Tx, n Sync) (unfinished Sync, created bool, err error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO syncs (id, application_id, connection_id, entity_id, reason, state, created_at, started_at, finished_at,
			lease_owner, lease_until, attempts, summary, error_name, error_code)
		VALUES ($1, $2, $3, $4, $5, 'pending', $6, 0, 0, '', 0, 0, '', '', '')
		ON CONFLICT (entity_id) WHERE state IN ('pending', 'running') DO NOTHING`,
		n.ID, n.ApplicationID, n.ConnectionID, n.EntityID, n.Reason, db.Micros(n.CreatedAt))
	if err != nil {
		return Sync{}, false, fmt.Errorf("storing a sync: %w", err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return Sync{}, false, fmt.Errorf("storing a sync: %w", err)
	}
	unfinished, err = scanSync(tx.QueryRowContext(ctx,
		`SELECT `+syncColumns+` FROM syncs WHERE entity_id = $1 AND state IN ('pending', 'running')`, n.EntityID))
	return unfinished, inserted == 1, err
}

// Sync returns a sync of an entity.
func (s *Store) Sync(ctx context.Context, entity, sync perch.ID) (Sync, error) {
	return scanSync(s.db.Read.QueryRowContext(ctx, `SELECT `+syncColumns+` FROM syncs WHERE id = $1 AND entity_id = $2`, sync, entity))
}

// LatestSync returns the newest sync of an entity.
func (s *Store) LatestSync(ctx context.Context, entity perch.ID) (Sync, error) {
	return scanSync(s.db.Read.QueryRowContext(ctx,
		`SELECT `+syncColumns+` FROM syncs WHERE entity_id = $1 ORDER BY created_at DESC, id LIMIT 1`, entity))
}

// Lease is the right of one process to run a sync until a time.
type Lease struct {
	Sync  perch.ID
	Owner string
	Until time.Time
}

// AcquireSync takes a pending sync, or a running one whose lease ran out. It returns ErrNotFound
// when another process holds it or it is over.
func (s *Store) AcquireSync(ctx context.Context, lease Lease, now time.Time) (Sync, error) {
	return scanSync(s.db.Write.QueryRowContext(ctx, `
		UPDATE syncs SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1,
		       started_at = CASE WHEN started_at = 0 THEN $3 ELSE started_at END
		 WHERE id = $4 AND (state = 'pending' OR (state = 'running' AND lease_until < $3))
		RETURNING `+syncColumns, lease.Owner, db.Micros(lease.Until), db.Micros(now), lease.Sync))
}

// HoldSync extends a lease inside the transaction that writes under it. It returns ErrNotFound when
// the lease was lost: the transaction must then be rolled back.
func (s *Store) HoldSync(ctx context.Context, tx *sql.Tx, lease Lease) error {
	result, err := tx.ExecContext(ctx,
		`UPDATE syncs SET lease_until = $1 WHERE id = $2 AND lease_owner = $3 AND state = 'running'`,
		db.Micros(lease.Until), lease.Sync, lease.Owner)
	if err != nil {
		return fmt.Errorf("holding the sync: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("the sync was taken over by another process: %w", ErrNotFound)
	}
	return nil
}

// ReleaseSync hands a running sync back, so that any process can take it at once.
func (s *Store) ReleaseSync(ctx context.Context, lease Lease) error {
	if _, err := s.db.Write.ExecContext(ctx,
		`UPDATE syncs SET state = 'pending', lease_owner = '', lease_until = 0 WHERE id = $1 AND lease_owner = $2 AND state = 'running'`,
		lease.Sync, lease.Owner); err != nil {
		return fmt.Errorf("handing the sync back: %w", err)
	}
	return nil
}

// FinishSync ends a sync that the lease holds.
func (s *Store) FinishSync(ctx context.Context, tx *sql.Tx, lease Lease, end Sync) error {
	if err := s.HoldSync(ctx, tx, lease); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE syncs SET state = $1, finished_at = $2, summary = $3, error_name = $4, error_code = $5, lease_owner = '', lease_until = 0
		 WHERE id = $6 AND lease_owner = $7`,
		string(end.State), db.Micros(end.FinishedAt), end.Summary, end.ErrorName, end.ErrorCode, lease.Sync, lease.Owner); err != nil {
		return fmt.Errorf("ending the sync: %w", err)
	}
	return nil
}

// OrphanedSyncs returns syncs that some process began and none holds any more.
func (s *Store) OrphanedSyncs(ctx context.Context, now time.Time, most int) ([]Sync, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+syncColumns+` FROM syncs WHERE state = 'running' AND lease_until < $1 ORDER BY lease_until LIMIT $2`,
		db.Micros(now), most)
	if err != nil {
		return nil, fmt.Errorf("looking for orphaned syncs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Sync
	for rows.Next() {
		one, err := scanSync(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// RecordAttempt notes that a sync of a product group ended without publishing.
func (s *Store) RecordAttempt(ctx context.Context, tx *sql.Tx, entity perch.ID, group access.Group, at time.Time, result access.Result) error {
	if _, err := tx.ExecContext(ctx, `UPDATE publications SET attempted_at = $1, result = $2 WHERE entity_id = $3 AND product_group = $4`,
		db.Micros(at), string(result), entity, group.String()); err != nil {
		return fmt.Errorf("recording the attempt: %w", err)
	}
	return bumpRevision(ctx, tx)
}

// ReclaimSync gives an orphaned sync back, unless another process was faster.
func (s *Store) ReclaimSync(ctx context.Context, tx *sql.Tx, entity, sync perch.ID, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		UPDATE syncs SET state = 'pending', lease_owner = '', lease_until = 0
		 WHERE id = $1 AND entity_id = $2 AND state = 'running' AND lease_until < $3`, sync, entity, db.Micros(now))
	if err != nil {
		return false, fmt.Errorf("taking an orphaned sync back: %w", err)
	}
	reclaimed, err := result.RowsAffected()
	return reclaimed == 1, err
}
