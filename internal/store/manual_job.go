package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
)

// ManualJobType is what a job on deductions does.
type ManualJobType string

// Types of jobs on deductions.
const (
	BenefitCreate   ManualJobType = "benefit_create"
	BenefitRegister ManualJobType = "benefit_register"
	BenefitUpdate   ManualJobType = "benefit_update"
	BenefitEnroll   ManualJobType = "benefit_enroll"
	BenefitUnenroll ManualJobType = "benefit_unenroll"
)

// ManualJob is a write of deductions that a client asked for. Request and Result are sealed under the
// entity's key; Result is nil until the job is over.
type ManualJob struct {
	ID            perch.ID
	ApplicationID perch.ID
	ConnectionID  perch.ID
	EntityID      perch.ID
	Type          ManualJobType
	BenefitID     perch.ID
	// ForPeople says that it waits for people to do it.
	ForPeople bool
	Status    perch.JobStatus
	Request   []byte
	Result    []byte
	CreatedAt time.Time
	Attempts  int
}

const manualJobColumns = `id, application_id, connection_id, entity_id, type, benefit_id, for_people, status, request, result, created_at, attempts`

func scanManualJob(row scanner) (ManualJob, error) {
	var j ManualJob
	var created int64
	if err := row.Scan(&j.ID, &j.ApplicationID, &j.ConnectionID, &j.EntityID, &j.Type, &j.BenefitID, &j.ForPeople, &j.Status, &j.Request, &j.Result,
		&created, &j.Attempts); err != nil {
		return j, fmt.Errorf("reading a job: %w", notFound(err))
	}
	j.CreatedAt = db.Time(created)
	return j, nil
}

// InsertManualJob stores a pending job as the last one of its entity, which the transaction holds.
func (s *Store) InsertManualJob(ctx context.Context, tx *sql.Tx, j ManualJob) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO manual_jobs (id, application_id, connection_id, entity_id, number, type, benefit_id, for_people, status, request, result,
			created_at, started_at, completed_at, attempts, due_at, lease_owner, lease_until)
		SELECT $1, $2, $3, $4, COALESCE(MAX(number), 0) + 1, $5, $6, $7, 'pending', $8, NULL, $9, 0, 0, 0, 0, '', $10 FROM manual_jobs WHERE entity_id = $4`,
		j.ID, j.ApplicationID, j.ConnectionID, j.EntityID, string(j.Type), j.BenefitID, j.ForPeople, j.Request,
		db.Micros(j.CreatedAt), db.Micros(j.CreatedAt.Add(queuePatience))); err != nil {
		return fmt.Errorf("storing a job: %w", err)
	}
	return nil
}

// ManualJob returns a job of an application's connection that an entity of the token has, without its
// request.
func (s *Store) ManualJob(ctx context.Context, application, connection, token, job perch.ID) (ManualJob, error) {
	return scanManualJob(s.db.Read.QueryRowContext(ctx, `SELECT `+strings.Replace(manualJobColumns, "request", "NULL", 1)+` FROM manual_jobs
		 WHERE id = $1 AND connection_id = $2 AND application_id = $3
		   AND entity_id IN (SELECT entity_id FROM access_token_entities WHERE token_id = $4)`, job, connection, application, token))
}

// PeoplesJob returns a job of an application's connection that waits for people, or was done by them.
func (s *Store) PeoplesJob(ctx context.Context, application, connection, job perch.ID) (ManualJob, error) {
	return scanManualJob(s.db.Read.QueryRowContext(ctx, `SELECT `+manualJobColumns+` FROM manual_jobs
		 WHERE id = $1 AND connection_id = $2 AND application_id = $3 AND for_people`, job, connection, application))
}

// EndPeoplesJob ends a job that waits for people. It returns ErrNotFound when it does not wait any more.
func (s *Store) EndPeoplesJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, status perch.JobStatus, result []byte, now time.Time) error {
	return one(tx.ExecContext(ctx, `UPDATE manual_jobs SET status = $1, result = $2, started_at = $3, completed_at = $3
		 WHERE id = $4 AND connection_id = $5 AND for_people AND status = 'pending'`, string(status), result, db.Micros(now), job, connection))("ending a job")
}

// TakeManualJob takes the oldest unfinished job of an entity that machines do, unless it is held, or waits
// to be tried again. It returns ErrNotFound when there is nothing to take.
func (s *Store) TakeManualJob(ctx context.Context, connection, entity perch.ID, owner string, now, until time.Time) (ManualJob, error) {
	return scanManualJob(s.db.Write.QueryRowContext(ctx, `
		UPDATE manual_jobs SET status = 'in_progress', attempts = attempts + 1, lease_owner = $1, lease_until = $2,
		       started_at = CASE WHEN started_at = 0 THEN $3 ELSE started_at END
		 WHERE entity_id = $4 AND connection_id = $5 AND (status = 'pending' AND due_at <= $3 OR status = 'in_progress' AND lease_until < $3)
		   AND number = (SELECT MIN(number) FROM manual_jobs WHERE entity_id = $4 AND status IN ('pending', 'in_progress') AND NOT for_people)
		RETURNING `+manualJobColumns, owner, db.Micros(until), db.Micros(now), entity, connection))
}

// HoldManualJob extends the lease of a job. It returns ErrNotFound when somebody else holds it, or when it
// is over.
func (s *Store) HoldManualJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, owner string, until time.Time) error {
	const text = `UPDATE manual_jobs SET lease_until = $1 WHERE id = $2 AND connection_id = $3 AND lease_owner = $4 AND status = 'in_progress'`
	exec := s.db.Write.ExecContext
	if tx != nil {
		exec = tx.ExecContext
	}
	result, err := exec(ctx, text, db.Micros(until), job, connection, owner)
	if err != nil {
		return fmt.Errorf("holding a job: %w", err)
	}
	if held, err := result.RowsAffected(); err != nil || held != 1 {
		return fmt.Errorf("the job was taken over by another process, or ended: %w", ErrNotFound)
	}
	return nil
}

// ManualJobOwners returns who holds jobs.
func (s *Store) ManualJobOwners(ctx context.Context) ([]string, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (owner string, err error) { return owner, rows.Scan(&owner) },
		`SELECT DISTINCT lease_owner FROM manual_jobs WHERE status IN ('pending', 'in_progress') AND lease_owner <> ''`)
}

// ExpireManualJobs ends the leases of a process that died, so that nobody waits for them to run out. The
// attempts count.
func (s *Store) ExpireManualJobs(ctx context.Context, owner string) error {
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE manual_jobs SET lease_until = 0 WHERE status IN ('pending', 'in_progress') AND lease_owner = $1`, owner); err != nil {
		return fmt.Errorf("ending the leases of jobs: %w", err)
	}
	return nil
}

// EndManualJob ends a job that the transaction holds.
func (s *Store) EndManualJob(ctx context.Context, tx *sql.Tx, connection, job perch.ID, status perch.JobStatus, result []byte, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE manual_jobs SET status = $1, result = $2, completed_at = $3, lease_owner = '', lease_until = 0
		 WHERE id = $4 AND connection_id = $5 AND status IN ('pending', 'in_progress')`, string(status), result, db.Micros(now), job, connection); err != nil {
		return fmt.Errorf("ending a job: %w", err)
	}
	return nil
}

// PostponeManualJob lays a held job down until a time. An attempt that does not count is taken back.
func (s *Store) PostponeManualJob(ctx context.Context, connection, job perch.ID, owner string, until time.Time, counts bool) error {
	back := 1
	if counts {
		back = 0
	}
	if _, err := s.db.Write.ExecContext(ctx, `UPDATE manual_jobs SET status = 'pending', lease_owner = '', due_at = $1, lease_until = $1, attempts = attempts - $2
		 WHERE id = $3 AND connection_id = $4 AND lease_owner = $5 AND status = 'in_progress'`, db.Micros(until), back, job, connection, owner); err != nil {
		return fmt.Errorf("laying a job down: %w", err)
	}
	return nil
}

// ReleaseManualJobs hands the jobs of a connection that wait for people to machines, and returns the
// entities that had any.
func (s *Store) ReleaseManualJobs(ctx context.Context, application, connection perch.ID) ([]perch.ID, error) {
	released, err := query(ctx, s.db.Write, func(rows *sql.Rows) (entity perch.ID, err error) { return entity, rows.Scan(&entity) }, `
		UPDATE manual_jobs SET for_people = FALSE WHERE connection_id = $1 AND application_id = $2 AND for_people AND status = 'pending'
		RETURNING entity_id`, connection, application)
	slices.SortFunc(released, func(a, b perch.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(released), err
}

// EntityOf is an entity of a connection.
type EntityOf struct{ ConnectionID, EntityID perch.ID }

// IdleManualJobs returns entities whose oldest job nobody works on although it is due, and notes that they
// are queued, so that no other process queues them too.
func (s *Store) IdleManualJobs(ctx context.Context, now time.Time, most int) ([]EntityOf, error) {
	return query(ctx, s.db.Write, func(rows *sql.Rows) (e EntityOf, err error) { return e, rows.Scan(&e.ConnectionID, &e.EntityID) }, `
		UPDATE manual_jobs SET status = 'pending', lease_owner = '', lease_until = $1 WHERE status IN ('pending', 'in_progress') AND id IN
		 (SELECT j.id FROM manual_jobs j WHERE j.status IN ('pending', 'in_progress') AND NOT j.for_people AND j.lease_until < $2
		     AND j.number = (SELECT MIN(o.number) FROM manual_jobs o WHERE o.entity_id = j.entity_id AND o.status IN ('pending', 'in_progress') AND NOT o.for_people)
		   ORDER BY j.lease_until LIMIT $3) AND lease_until < $2
		RETURNING connection_id, entity_id`, db.Micros(now.Add(queuePatience)), db.Micros(now), most)
}

// KnownDeduction is a deduction that was asked for over the API. Body is sealed under the entity's key.
type KnownDeduction struct {
	ID perch.ID
	// Identity is a keyed hash of what makes two deductions the same. KeyHash is one of the provider's key;
	// nil until it is known that the provider has the deduction.
	Identity, KeyHash []byte
	Body              []byte
	// Failed says that the provider did not take it.
	Failed bool
}

// KnownDeductions returns the deductions of an entity that were asked for over the API, oldest first.
func (s *Store) KnownDeductions(ctx context.Context, entity perch.ID) ([]KnownDeduction, error) {
	return query(ctx, s.db.Read, func(rows *sql.Rows) (d KnownDeduction, err error) {
		return d, rows.Scan(&d.ID, &d.Identity, &d.KeyHash, &d.Body, &d.Failed)
	}, `SELECT id, identity, key_hash, body, failed FROM deductions WHERE entity_id = $1 ORDER BY created_at, id`, entity)
}

// EnsureDeduction stores a deduction that is asked for, or finds the one that is the same, and returns its
// id. The body of one that is there stays: what is sealed is bound to its id.
func (s *Store) EnsureDeduction(ctx context.Context, tx *sql.Tx, entity perch.ID, d KnownDeduction, identity []byte, now time.Time) (id perch.ID, err error) {
	err = tx.QueryRowContext(ctx, `
		INSERT INTO deductions (id, entity_id, identity, key_hash, body, failed, created_at) VALUES ($1, $2, $3, NULL, $4, $5, $6)
		ON CONFLICT (entity_id, identity) DO UPDATE SET failed = excluded.failed RETURNING id`,
		d.ID, entity, identity, d.Body, false, db.Micros(now)).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("storing a deduction: %w", err)
	}
	return id, nil
}

// SettleDeduction notes the provider's key of a deduction that was asked for, or, for a nil key, that the
// provider did not take it.
func (s *Store) SettleDeduction(ctx context.Context, tx *sql.Tx, entity, id perch.ID, keyHash []byte) error {
	if _, err := tx.ExecContext(ctx, `UPDATE deductions SET key_hash = $1, failed = $2 WHERE id = $3 AND entity_id = $4 AND key_hash IS NULL`,
		keyHash, keyHash == nil, id, entity); err != nil {
		return fmt.Errorf("settling a deduction: %w", err)
	}
	return nil
}

// RedescribeDeduction gives a deduction that was asked for a new body and identity. The identity of another
// one is not taken away from it.
func (s *Store) RedescribeDeduction(ctx context.Context, tx *sql.Tx, entity, id perch.ID, body, identity []byte) error {
	var taken perch.ID
	err := tx.QueryRowContext(ctx, `SELECT id FROM deductions WHERE entity_id = $1 AND identity = $2 AND id <> $3`, entity, identity, id).Scan(&taken)
	if err == nil {
		identity = id[:] // hashes are longer, so it meets none
	} else if !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("describing a deduction: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE deductions SET body = $1, identity = $2 WHERE id = $3 AND entity_id = $4`, body, identity, id, entity); err != nil {
		return fmt.Errorf("describing a deduction: %w", err)
	}
	return nil
}
