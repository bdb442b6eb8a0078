package store

import (
	"context"
	"database/sql"
	"errors"
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
	// JobID is the job that the sync belongs to; zero for those that nobody can ask about.
	JobID      perch.ID
	Reason     string
	State      SyncState
	CreatedAt  time.Time
	StartedAt  time.Time
	FinishedAt time.Time
	Attempts   int
	// Summary is JSON with counts, for people; it holds no personal data.
	Summary   string
	ErrorName string
	ErrorCode string
}

const syncColumns = `id, application_id, connection_id, entity_id, job_id, reason, state, created_at, started_at, finished_at, attempts, summary, error_name, error_code`

func scanSync(row scanner) (Sync, error) {
	var s Sync
	var created, started, finished int64
	if err := row.Scan(&s.ID, &s.ApplicationID, &s.ConnectionID, &s.EntityID, &s.JobID, &s.Reason, &s.State, &created, &started, &finished,
		&s.Attempts, &s.Summary, &s.ErrorName, &s.ErrorCode); err != nil {
		return s, fmt.Errorf("reading a sync: %w", notFound(err))
	}
	s.CreatedAt, s.StartedAt, s.FinishedAt = db.Time(created), db.Time(started), db.Time(finished)
	return s, nil
}

// InsertSync stores a pending sync unless the entity has an unfinished one, and returns the
// unfinished one; created tells which. An unfinished one that belongs to no job joins the new one's.
func (s *Store) InsertSync(ctx context.Context, tx *sql.Tx, n Sync) (unfinished Sync, created bool, err error) {
	// Looking first does not wait for a transaction that holds the unfinished one; inserting would.
	unfinished, err = unfinishedSync(ctx, tx, n.EntityID)
	if errors.Is(err, ErrNotFound) {
		if created, err = insertSync(ctx, tx, n); err != nil {
			return Sync{}, false, err
		}
		unfinished, err = unfinishedSync(ctx, tx, n.EntityID)
	}
	if err != nil || created || n.JobID.IsZero() || !unfinished.JobID.IsZero() {
		return unfinished, created, err
	}
	unfinished.JobID = n.JobID
	if _, err := tx.ExecContext(ctx, `UPDATE syncs SET job_id = $1 WHERE id = $2 AND entity_id = $3 AND job_id IS NULL`,
		n.JobID, unfinished.ID, n.EntityID); err != nil {
		return Sync{}, false, fmt.Errorf("joining a sync to a job: %w", err)
	}
	return unfinished, false, nil
}

func unfinishedSync(ctx context.Context, tx *sql.Tx, entity perch.ID) (Sync, error) {
	return scanSync(tx.QueryRowContext(ctx, `SELECT `+syncColumns+` FROM syncs WHERE entity_id = $1 AND state IN ('pending', 'running')`, entity))
}

func insertSync(ctx context.Context, tx *sql.Tx, n Sync) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO syncs (id, application_id, connection_id, entity_id, reason, state, created_at, started_at, finished_at,
			lease_owner, lease_until, attempts, summary, error_name, error_code, job_id)
		VALUES ($1, $2, $3, $4, $5, 'pending', $6, 0, 0, '', $7, 0, '', '', '', $8)
		ON CONFLICT (entity_id) WHERE state IN ('pending', 'running') DO NOTHING`,
		n.ID, n.ApplicationID, n.ConnectionID, n.EntityID, n.Reason, db.Micros(n.CreatedAt), db.Micros(n.CreatedAt.Add(queuePatience)), n.JobID)
	if err != nil {
		return false, fmt.Errorf("storing a sync: %w", err)
	}
	inserted, err := result.RowsAffected()
	return inserted == 1, err
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

// queuePatience is how long a queued sync may wait for its job before it is queued again, in case that
// the job was lost with its process. Two jobs for one sync do no harm.
const queuePatience = time.Minute

// Lease is the right of one process to run a sync of an entity until a time.
type Lease struct {
	Sync   perch.ID
	Entity perch.ID
	Owner  string
	Until  time.Time
}

// AcquireSync takes a pending sync, or a running one whose lease ran out, and its job is being worked on
// from then. It returns ErrNotFound when another process holds it, when it waits to be tried again, or
// when it is over.
func (s *Store) AcquireSync(ctx context.Context, lease Lease, now time.Time) (taken Sync, err error) {
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE connections SET status = status WHERE id = (SELECT connection_id FROM syncs WHERE id = $1 AND entity_id = $2)`,
			lease.Sync, lease.Entity); err != nil {
			return fmt.Errorf("holding the connection: %w", err)
		}
		if taken, err = scanSync(tx.QueryRowContext(ctx, `
			UPDATE syncs SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1,
			       started_at = CASE WHEN started_at = 0 THEN $3 ELSE started_at END
			 WHERE id = $4 AND entity_id = $5 AND (state = 'pending' OR (state = 'running' AND lease_until < $3))
			RETURNING `+syncColumns, lease.Owner, db.Micros(lease.Until), db.Micros(now), lease.Sync, lease.Entity)); err != nil {
			return err
		}
		if taken.JobID.IsZero() {
			return nil
		}
		return s.BeginJob(ctx, tx, taken.ConnectionID, taken.JobID)
	})
	return taken, err
}

// HoldSync extends a lease inside the transaction that writes under it. It returns ErrNotFound when
// the lease was lost: the transaction must then be rolled back.
func (s *Store) HoldSync(ctx context.Context, tx *sql.Tx, lease Lease) error {
	return s.leased(ctx, tx, `UPDATE syncs SET lease_until = $1 WHERE id = $2 AND entity_id = $3 AND lease_owner = $4 AND state = 'running'`,
		db.Micros(lease.Until), lease.Sync, lease.Entity, lease.Owner)
}

// PostponeSync lays a held sync down until a time, when any process may take it. An attempt that does
// not count is taken back.
func (s *Store) PostponeSync(ctx context.Context, tx *sql.Tx, lease Lease, until time.Time, counts bool) error {
	back := 1
	if counts {
		back = 0
	}
	return s.leased(ctx, tx, `
		UPDATE syncs SET lease_owner = '', lease_until = $1, attempts = attempts - $5 WHERE id = $2 AND entity_id = $3 AND lease_owner = $4 AND state = 'running'`,
		db.Micros(until), lease.Sync, lease.Entity, lease.Owner, back)
}

func (s *Store) leased(ctx context.Context, tx *sql.Tx, statement string, args ...any) error {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("holding the sync: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("the sync was taken over by another process, or ended: %w", ErrNotFound)
	}
	return nil
}

// ReleaseSync hands a running sync back, so that any process can take it at once. The attempt does
// not count.
func (s *Store) ReleaseSync(ctx context.Context, lease Lease) error {
	if _, err := s.db.Write.ExecContext(ctx, `
		UPDATE syncs SET state = 'pending', lease_owner = '', lease_until = 0, attempts = attempts - 1
		 WHERE id = $1 AND entity_id = $2 AND lease_owner = $3 AND state = 'running'`,
		lease.Sync, lease.Entity, lease.Owner); err != nil {
		return fmt.Errorf("handing the sync back: %w", err)
	}
	return nil
}

// ExpireLease ends the lease of a process that died, so that nobody waits for it to run out. The attempt
// counts.
func (s *Store) ExpireLease(ctx context.Context, lease Lease) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE syncs SET lease_until = 0 WHERE id = $1 AND entity_id = $2 AND lease_owner = $3 AND state = 'running'`,
		lease.Sync, lease.Entity, lease.Owner); err != nil {
		return fmt.Errorf("ending a lease: %w", err)
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
		 WHERE id = $6 AND entity_id = $7 AND lease_owner = $8`,
		string(end.State), db.Micros(end.FinishedAt), end.Summary, end.ErrorName, end.ErrorCode, lease.Sync, lease.Entity, lease.Owner); err != nil {
		return fmt.Errorf("ending the sync: %w", err)
	}
	return nil
}

// IdleSyncs returns unfinished syncs that nobody works on and that are due: those whose process died,
// those that wait to be tried again, and those whose job was lost.
func (s *Store) IdleSyncs(ctx context.Context, now time.Time, most int) ([]Sync, error) {
	return s.syncs(ctx, `SELECT `+syncColumns+` FROM syncs WHERE state IN ('pending', 'running') AND lease_until < $1 ORDER BY lease_until LIMIT $2`,
		db.Micros(now), most)
}

func (s *Store) syncs(ctx context.Context, query string, args ...any) ([]Sync, error) {
	rows, err := s.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for syncs: %w", err)
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

// Leases returns the leases of all running syncs.
func (s *Store) Leases(ctx context.Context) ([]Lease, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT id, entity_id, lease_owner, lease_until FROM syncs WHERE state = 'running'`)
	if err != nil {
		return nil, fmt.Errorf("reading the leases of syncs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Lease
	for rows.Next() {
		var lease Lease
		var until int64
		if err := rows.Scan(&lease.Sync, &lease.Entity, &lease.Owner, &until); err != nil {
			return nil, fmt.Errorf("reading the leases of syncs: %w", err)
		}
		lease.Until = db.Time(until)
		all = append(all, lease)
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

// RequeueSync takes an idle sync for a new job, unless another process was faster.
func (s *Store) RequeueSync(ctx context.Context, tx *sql.Tx, entity, sync perch.ID, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		UPDATE syncs SET state = 'pending', lease_owner = '', lease_until = $1
		 WHERE id = $2 AND entity_id = $3 AND state IN ('pending', 'running') AND lease_until < $4`,
		db.Micros(now.Add(queuePatience)), sync, entity, db.Micros(now))
	if err != nil {
		return false, fmt.Errorf("queueing an idle sync: %w", err)
	}
	requeued, err := result.RowsAffected()
	return requeued == 1, err
}

// EndSync ends an unfinished sync that nobody can go on with.
func (s *Store) EndSync(ctx context.Context, tx *sql.Tx, entity, sync perch.ID, end Sync) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE syncs SET state = $1, finished_at = $2, error_name = $3, lease_owner = '', lease_until = 0
		 WHERE id = $4 AND entity_id = $5 AND state IN ('pending', 'running')`,
		string(end.State), db.Micros(end.FinishedAt), end.ErrorName, sync, entity); err != nil {
		return fmt.Errorf("ending the sync: %w", err)
	}
	return nil
}

// LatestSyncBegan returns when the newest sync of an entity was asked for; zero if there was none.
func (s *Store) LatestSyncBegan(ctx context.Context, tx *sql.Tx, entity perch.ID) (time.Time, error) {
	var at int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(created_at), 0) FROM syncs WHERE entity_id = $1`, entity).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("reading when the last sync began: %w", err)
	}
	return db.Time(at), nil
}
