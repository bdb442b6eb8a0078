package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// JobScheduled is the stored status of a job that begins by itself at its time. The wire has no word of
// its own for it.
const JobScheduled perch.JobStatus = "scheduled"

// Job is an automated job.
//
// Transactions that open, start or end a job, or a sync of one, hold the connection first (see
// HoldConnection): that orders them and keeps them from waiting for each other in a circle.
type Job struct {
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	// EntityID and IndividualID are set for jobs of one person.
	EntityID     perch.ID
	IndividualID perch.ID
	Type         perch.JobType
	Status       perch.JobStatus
	// Requested says that a client asked for it.
	Requested bool
	CreatedAt time.Time
	// ScheduledAt is when the job is to begin by itself; zero for those that somebody asked for.
	ScheduledAt time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	Attempts    int
}

// submittedAt orders the list of jobs.
func (j Job) submittedAt() time.Time {
	if !j.ScheduledAt.IsZero() {
		return j.ScheduledAt
	}
	return j.CreatedAt
}

const jobColumns = `id, application_id, connection_id, entity_id, individual_id, type, status, requested,
	created_at, scheduled_at, started_at, completed_at, attempts`

func scanJob(row scanner) (Job, error) {
	var j Job
	var created, scheduled, started, completed int64
	if err := row.Scan(&j.ID, &j.ApplicationID, &j.ConnectionID, &j.EntityID, &j.IndividualID, &j.Type, &j.Status, &j.Requested,
		&created, &scheduled, &started, &completed, &j.Attempts); err != nil {
		return j, fmt.Errorf("reading a job: %w", notFound(err))
	}
	j.CreatedAt, j.ScheduledAt, j.StartedAt, j.CompletedAt = db.Time(created), db.Time(scheduled), db.Time(started), db.Time(completed)
	return j, nil
}

// InsertJob stores a job and reports whether it did: a connection has one unfinished sync, one scheduled
// one, and one unfinished job of a type for a person.
func (s *Store) InsertJob(ctx context.Context, tx *sql.Tx, j Job) (bool, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO automated_jobs (id, application_id, connection_id, entity_id, individual_id, type, status, requested,
			submitted_at, created_at, scheduled_at, started_at, completed_at, attempts, lease_owner, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, '', $13) ON CONFLICT DO NOTHING`,
		j.ID, j.ApplicationID, j.ConnectionID, j.EntityID, j.IndividualID, string(j.Type), string(j.Status), j.Requested,
		db.Micros(j.submittedAt()), db.Micros(j.CreatedAt), db.Micros(j.ScheduledAt), db.Micros(j.StartedAt), db.Micros(j.StartedAt.Add(queuePatience)))
	if err != nil {
		return false, fmt.Errorf("storing a job: %w", err)
	}
	inserted, err := result.RowsAffected()
	return inserted == 1, err
}

// OpenSync returns the connection's unfinished sync of everything, or ErrNotFound.
func (s *Store) OpenSync(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (Job, error) {
	return scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM automated_jobs
		 WHERE connection_id = $1 AND application_id = $2 AND type = 'data_sync_all' AND status IN ('pending', 'in_progress')`, connection, application))
}

// OpenJobOf returns the unfinished job of a type for a person, or ErrNotFound.
func (s *Store) OpenJobOf(ctx context.Context, tx *sql.Tx, application, connection perch.ID, kind perch.JobType, individual perch.ID) (Job, error) {
	return scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM automated_jobs
		 WHERE connection_id = $1 AND application_id = $2 AND type = $3 AND individual_id = $4 AND status IN ('pending', 'in_progress')`,
		connection, application, string(kind), individual))
}

// LastRequestedSync returns the newest sync of everything that a client asked for, or ErrNotFound.
func (s *Store) LastRequestedSync(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (Job, error) {
	return scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM automated_jobs
		 WHERE connection_id = $1 AND application_id = $2 AND type = 'data_sync_all' AND requested
		 ORDER BY submitted_at DESC, id LIMIT 1`, connection, application))
}

// HadSync reports whether the connection had a sync of everything.
func (s *Store) HadSync(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (bool, error) {
	var had bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM automated_jobs
		 WHERE connection_id = $1 AND application_id = $2 AND type = 'data_sync_all')`, connection, application).Scan(&had); err != nil {
		return false, fmt.Errorf("looking for jobs: %w", err)
	}
	return had, nil
}

// visible are the jobs of a connection that a token may see: those of one person only if the person's
// entity is one of the token's.
const visible = ` connection_id = $1 AND application_id = $2 AND
	(entity_id IS NULL OR entity_id IN (SELECT x.entity_id FROM access_token_entities x WHERE x.token_id = $3))`

// Jobs lists the jobs of a connection that a token may see, the newest first.
func (s *Store) Jobs(ctx context.Context, application, connection, token perch.ID, limit, offset int) ([]Job, error) {
	return s.jobs(ctx, `SELECT `+jobColumns+` FROM automated_jobs WHERE`+visible+` ORDER BY submitted_at DESC, id LIMIT $4 OFFSET $5`,
		connection, application, token, limit, offset)
}

// Job returns a job of a connection that a token may see, or ErrNotFound.
func (s *Store) Job(ctx context.Context, application, connection, token, job perch.ID) (Job, error) {
	return scanJob(s.db.Read.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM automated_jobs WHERE`+visible+` AND id = $4`,
		connection, application, token, job))
}

// RecentJobs lists the newest jobs of a connection, whoever they are about.
func (s *Store) RecentJobs(ctx context.Context, application, connection perch.ID, most int) ([]Job, error) {
	return s.jobs(ctx, `SELECT `+jobColumns+` FROM automated_jobs WHERE connection_id = $1 AND application_id = $2
		 ORDER BY submitted_at DESC, id LIMIT $3`, connection, application, most)
}

func (s *Store) jobs(ctx context.Context, query string, args ...any) ([]Job, error) {
	rows, err := s.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Job
	for rows.Next() {
		one, err := scanJob(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// BeginJob marks a job as being worked on.
func (s *Store) BeginJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID) error {
	if _, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = 'in_progress' WHERE id = $1 AND connection_id = $2 AND status = 'pending'`,
		job, connection); err != nil {
		return fmt.Errorf("beginning a job: %w", err)
	}
	return nil
}

// EndJob ends an unfinished job and reports whether it did.
func (s *Store) EndJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, status perch.JobStatus, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = $1, completed_at = $2, lease_owner = '', lease_until = 0
		 WHERE id = $3 AND connection_id = $4 AND status IN ('pending', 'in_progress')`, string(status), db.Micros(now), job, connection)
	if err != nil {
		return false, fmt.Errorf("ending a job: %w", err)
	}
	ended, err := result.RowsAffected()
	return ended == 1, err
}

// endJobs ends all jobs of a connection that is disconnected. Nobody can ask about them any more.
func endJobs(ctx context.Context, tx *sql.Tx, application, connection perch.ID, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = 'error', completed_at = $1, lease_owner = '', lease_until = 0
		 WHERE connection_id = $2 AND application_id = $3 AND status IN ('scheduled', 'pending', 'in_progress')`,
		db.Micros(now), connection, application); err != nil {
		return fmt.Errorf("ending the connection's jobs: %w", err)
	}
	return nil
}

// JobSync is how a sync of a job stands.
type JobSync struct {
	State     SyncState
	ErrorName string
	ErrorCode string
}

// JobSyncs returns how the syncs of a job stand.
func (s *Store) JobSyncs(ctx context.Context, tx *sql.Tx, connection, job perch.ID) ([]JobSync, error) {
	rows, err := tx.QueryContext(ctx, `SELECT state, error_name, error_code FROM syncs WHERE job_id = $1 AND connection_id = $2`, job, connection)
	if err != nil {
		return nil, fmt.Errorf("reading the syncs of a job: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []JobSync
	for rows.Next() {
		var one JobSync
		if err := rows.Scan(&one.State, &one.ErrorName, &one.ErrorCode); err != nil {
			return nil, fmt.Errorf("reading the syncs of a job: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// DueJobs returns scheduled jobs whose time has come, the longest due first.
func (s *Store) DueJobs(ctx context.Context, now time.Time, most int) ([]Job, error) {
	return s.jobs(ctx, `SELECT `+jobColumns+` FROM automated_jobs WHERE status = 'scheduled' AND submitted_at <= $1 ORDER BY submitted_at LIMIT $2`,
		db.Micros(now), most)
}

// StartScheduled turns a scheduled job into one that is to be worked on, unless another process was
// faster.
func (s *Store) StartScheduled(ctx context.Context, tx *sql.Tx, connection, job perch.ID, now time.Time) (bool, error) {
	result, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET status = 'pending', started_at = $1
		 WHERE id = $2 AND connection_id = $3 AND status = 'scheduled' AND submitted_at <= $1`, db.Micros(now), job, connection)
	if err != nil {
		return false, fmt.Errorf("starting a scheduled job: %w", err)
	}
	started, err := result.RowsAffected()
	return started == 1, err
}

// Reschedule moves a scheduled job.
func (s *Store) Reschedule(ctx context.Context, tx *sql.Tx, connection, job perch.ID, at time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE automated_jobs SET scheduled_at = $1, submitted_at = $1 WHERE id = $2 AND connection_id = $3 AND status = 'scheduled'`,
		db.Micros(at), job, connection); err != nil {
		return fmt.Errorf("moving a scheduled job: %w", err)
	}
	return nil
}

// Unschedule takes the connection's scheduled job away.
func (s *Store) Unschedule(ctx context.Context, tx *sql.Tx, application, connection perch.ID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM automated_jobs WHERE connection_id = $1 AND application_id = $2 AND status = 'scheduled'`,
		connection, application); err != nil {
		return fmt.Errorf("taking a scheduled job away: %w", err)
	}
	return nil
}

// readable are entities e that the provider lets in, as far as it is known. Read on a schedule are automated
// connections of real providers, as long as one of their entities is readable.
const readable = ` e.disconnected_at = 0 AND e.status IN ('processing', 'connected')`

// SyncsByItself reports whether a connection is read on a schedule, and since when it exists. status is
// what the entity is about to become; with an empty one it counts as it stands.
func (s *Store) SyncsByItself(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, status perch.ConnectionStatus) (created time.Time, yes bool, err error) {
	soon := status == perch.StatusConnected
	except := ""
	if status != "" && !soon {
		except = entity.String()
	}
	var at int64
	err = tx.QueryRowContext(ctx, `SELECT c.created_at FROM connections c
		 WHERE c.id = $1 AND c.application_id = $2 AND c.disconnected_at = 0 AND c.type = 'provider' AND c.authentication_type <> 'assisted'
		   AND ($3 OR EXISTS (SELECT 1 FROM entities e WHERE e.connection_id = c.id AND e.id <> $4 AND`+readable+`))`,
		connection, application, soon, except).Scan(&at)
	switch err = notFound(err); err {
	case nil:
		return db.Time(at), true, nil
	case ErrNotFound:
		return time.Time{}, false, nil
	}
	return time.Time{}, false, fmt.Errorf("looking whether a connection has a schedule: %w", err)
}

// Unscheduled is a connection that should have a job to come and has none.
type Unscheduled struct{ ApplicationID, ConnectionID perch.ID }

// Unscheduled returns connections that are read on a schedule and have neither a scheduled nor an
// unfinished sync.
func (s *Store) Unscheduled(ctx context.Context, most int) ([]Unscheduled, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT c.application_id, c.id FROM connections c
		 WHERE c.disconnected_at = 0 AND c.type = 'provider' AND c.authentication_type <> 'assisted'
		   AND EXISTS (SELECT 1 FROM entities e WHERE e.connection_id = c.id AND`+readable+`)
		   AND NOT EXISTS (SELECT 1 FROM automated_jobs j WHERE j.connection_id = c.id AND j.type = 'data_sync_all'
		                      AND j.status IN ('scheduled', 'pending', 'in_progress'))
		 LIMIT $1`, most)
	if err != nil {
		return nil, fmt.Errorf("looking for connections without a schedule: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Unscheduled
	for rows.Next() {
		var one Unscheduled
		if err := rows.Scan(&one.ApplicationID, &one.ConnectionID); err != nil {
			return nil, fmt.Errorf("looking for connections without a schedule: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// FinishedSyncs returns unfinished jobs none of whose syncs is unfinished, as is so when the last of them
// was stopped by a disconnection.
func (s *Store) FinishedSyncs(ctx context.Context, most int) ([]Job, error) {
	return s.jobs(ctx, `SELECT `+jobColumns+` FROM automated_jobs j WHERE status IN ('pending', 'in_progress') AND type = 'data_sync_all'
		   AND NOT EXISTS (SELECT 1 FROM syncs s WHERE s.job_id = j.id AND s.state IN ('pending', 'running')) LIMIT $1`, most)
}

// WaitingSyncs returns how many syncs are queued and not begun.
func (s *Store) WaitingSyncs(ctx context.Context) (int, error) {
	var n int
	if err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM syncs WHERE state = 'pending'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the queued syncs: %w", err)
	}
	return n, nil
}

// EntitiesToSync returns the entities of a connection that are there to be read: all but those that are
// still being set up, and, for what happens by itself, those that the provider let in.
func (s *Store) EntitiesToSync(ctx context.Context, tx *sql.Tx, application, connection perch.ID, byItself bool) ([]perch.ID, error) {
	rows, err := tx.QueryContext(ctx, `SELECT e.id FROM entities e WHERE e.connection_id = $1 AND e.application_id = $2 AND e.disconnected_at = 0
		   AND (`+readable+` OR (NOT $3 AND e.status <> 'pending')) ORDER BY e.created_at, e.id`, connection, application, byItself)
	if err != nil {
		return nil, fmt.Errorf("reading the entities to sync: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []perch.ID
	for rows.Next() {
		var id perch.ID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading the entities to sync: %w", err)
		}
		all = append(all, id)
	}
	return all, rows.Err()
}

// DeleteJobs deletes up to most jobs that ended before a time, and their syncs.
func (s *Store) DeleteJobs(ctx context.Context, before time.Time, most int) error {
	const old = `(SELECT id FROM automated_jobs WHERE completed_at > 0 AND completed_at < $1 ORDER BY completed_at, id LIMIT $2)`
	return s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM syncs WHERE job_id IN `+old, db.Micros(before), most); err != nil {
			return fmt.Errorf("deleting the syncs of old jobs: %w", err)
		}
		_, err := deleteSome(ctx, tx, most, "deleting old jobs", `DELETE FROM automated_jobs WHERE id IN `+old, db.Micros(before), most)
		return err
	})
}

// JobOrigin is whose a job is, for those who are told of its end.
type JobOrigin struct {
	CompanyID perch.ID
	// EntityID is the first entity of the connection that is there.
	EntityID perch.ID
	Assisted bool
}

// JobOrigin returns whose the jobs of a connection are, or ErrNotFound when it is disconnected.
func (s *Store) JobOrigin(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (JobOrigin, error) {
	var o JobOrigin
	var method perch.AuthenticationType
	err := tx.QueryRowContext(ctx, `SELECT c.company_id, c.authentication_type, e.id FROM connections c JOIN entities e ON e.connection_id = c.id
		 WHERE c.id = $1 AND c.application_id = $2 AND c.disconnected_at = 0 AND e.disconnected_at = 0 ORDER BY e.created_at, e.id LIMIT 1`,
		connection, application).Scan(&o.CompanyID, &method, &o.EntityID)
	if err != nil {
		return o, fmt.Errorf("reading whose a job is: %w", notFound(err))
	}
	o.Assisted = method == perch.AuthAssisted
	return o, nil
}
