package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// TakeJob takes a job of one person that waits, or one whose holder was not heard of any more, for as
// long as the lease lasts. It returns ErrNotFound when somebody else holds it or when it is over.
func (s *Store) TakeJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, owner string, now, until time.Time) (Job, error) {
	return scanJob(tx.QueryRowContext(ctx, `
		UPDATE automated_jobs SET status = 'in_progress', attempts = attempts + 1, lease_owner = $1, lease_until = $2
		 WHERE id = $3 AND connection_id = $4 AND individual_id IS NOT NULL AND (status = 'pending' OR (status = 'in_progress' AND lease_until < $5))
		RETURNING `+jobColumns, owner, db.Micros(until), job, connection, db.Micros(now)))
}

// HoldJob makes sure that a job is still held, in the transaction that ends or postpones it. It returns
// ErrNotFound when it is not.
func (s *Store) HoldJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, owner string) error {
	result, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET lease_owner = lease_owner
		 WHERE id = $1 AND connection_id = $2 AND lease_owner = $3 AND status = 'in_progress'`, job, connection, owner)
	if err != nil {
		return fmt.Errorf("holding a job: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("the job was taken over by another process, or ended: %w", ErrNotFound)
	}
	return nil
}

// PostponeJob lays a job of one person down until a time. An attempt that does not count is taken back.
func (s *Store) PostponeJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, until time.Time, counts bool) error {
	back := 1
	if counts {
		back = 0
	}
	if _, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = 'pending', lease_owner = '', lease_until = $1, attempts = attempts - $2
		 WHERE id = $3 AND connection_id = $4 AND status = 'in_progress'`, db.Micros(until), back, job, connection); err != nil {
		return fmt.Errorf("laying a job down: %w", err)
	}
	return nil
}

// IdleJobs returns jobs of one person that nobody works on and that are due.
func (s *Store) IdleJobs(ctx context.Context, now time.Time, most int) ([]Job, error) {
	return s.jobs(ctx, `SELECT `+jobColumns+` FROM automated_jobs
		 WHERE status IN ('pending', 'in_progress') AND individual_id IS NOT NULL AND lease_until < $1 ORDER BY lease_until LIMIT $2`,
		db.Micros(now), most)
}

// RequeueJob takes an idle job for a new place in the queue, unless another process was faster.
func (s *Store) RequeueJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = 'pending', lease_owner = '', lease_until = $1
		 WHERE id = $2 AND connection_id = $3 AND individual_id IS NOT NULL AND status IN ('pending', 'in_progress') AND lease_until < $4`,
		db.Micros(now.Add(queuePatience)), job, connection, db.Micros(now))
	if err != nil {
		return false, fmt.Errorf("queueing an idle job: %w", err)
	}
	requeued, err := result.RowsAffected()
	return requeued == 1, err
}

// RefreshWindow is how much of its refreshes a connection has used in the window that began at BeganAt.
// It is zero before the first one.
type RefreshWindow struct {
	BeganAt time.Time
	Used    int
}

// RefreshWindow returns the last window of a connection.
func (s *Store) RefreshWindow(ctx context.Context, connection perch.ID) (RefreshWindow, error) {
	return scanWindow(s.db.Read.QueryRowContext(ctx, windowQuery, connection))
}

// RefreshWindowIn is RefreshWindow as the transaction sees it.
func (s *Store) RefreshWindowIn(ctx context.Context, tx *sql.Tx, connection perch.ID) (RefreshWindow, error) {
	return scanWindow(tx.QueryRowContext(ctx, windowQuery, connection))
}

const windowQuery = `SELECT began_at, used FROM refresh_windows WHERE connection_id = $1`

func scanWindow(row scanner) (RefreshWindow, error) {
	var w RefreshWindow
	var began int64
	err := notFound(row.Scan(&began, &w.Used))
	if err != nil && err != ErrNotFound {
		return w, fmt.Errorf("reading the refreshes used: %w", err)
	}
	w.BeganAt = db.Time(began)
	return w, nil
}

// UseRefresh counts one refresh and reports whether it was to be had. A window begins with the first
// refresh after the one before it has passed.
func (s *Store) UseRefresh(ctx context.Context, tx *sql.Tx, connection perch.ID, now time.Time, length time.Duration, allowed int) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO refresh_windows (connection_id, began_at, used) VALUES ($1, $2, 1)
		ON CONFLICT (connection_id) DO UPDATE SET
			used = CASE WHEN refresh_windows.began_at <= $3 THEN 1 ELSE refresh_windows.used + 1 END,
			began_at = CASE WHEN refresh_windows.began_at <= $3 THEN $2 ELSE refresh_windows.began_at END
		 WHERE refresh_windows.began_at <= $3 OR refresh_windows.used < $4`,
		connection, db.Micros(now), db.Micros(now.Add(-length)), allowed)
	if err != nil {
		return false, fmt.Errorf("counting a refresh: %w", err)
	}
	used, err := result.RowsAffected()
	return used == 1, err
}
