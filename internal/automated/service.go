package automated

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/store"
)

// How many refreshes an application may ask for in a window, which begins with the first of them.
const (
	refreshes        = 1
	sandboxRefreshes = 10
	refreshWindow    = time.Hour
)

// Queue queues work, in the caller's transaction.
type Queue interface {
	InsertSync(ctx context.Context, tx *sql.Tx, sync store.Sync) error
	InsertTask(ctx context.Context, tx *sql.Tx, connection, job perch.ID) error
}

// Service makes, lists and ends automated jobs. Its fields are set once, before use.
type Service struct {
	Store  *store.Store
	Queue  Queue
	Events *event.Log
	// Tasks do the work of jobs of one person, by type.
	Tasks map[perch.JobType]Task
	// Owner names this process in leases.
	Owner string
	Now   func() time.Time
	Log   *slog.Logger

	looked lastLook
}

// Job is an automated job, as a client sees it but for its address.
type Job struct {
	ID          perch.ID
	Type        perch.JobType
	Status      perch.JobStatus
	CreatedAt   time.Time
	ScheduledAt time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	// IndividualID is zero for syncs of everything.
	IndividualID perch.ID
}

func shown(j store.Job) Job {
	status := j.Status
	if status == store.JobScheduled {
		status = perch.JobPending
	}
	return Job{j.ID, j.Type, status, j.CreatedAt, j.ScheduledAt, j.StartedAt, j.CompletedAt, j.IndividualID}
}

// Quota is how many refreshes a connection may ask for. When none remains, RetryAt and RetryAfter say when
// there are some again.
type Quota struct {
	Allowed, Remaining int
	RetryAt            time.Time
	RetryAfter         time.Duration
}

// Outcome is what became of a request for a job.
type Outcome int

// Outcomes.
const (
	// Queued means that there is a new job.
	Queued Outcome = iota
	// Running means that a job is queued or runs that does what was asked for. It costs no quota.
	Running
	// Refused means that no refresh remains. The job, if there is one, is the last that was asked for.
	Refused
)

// Requested answers a request for a job.
type Requested struct {
	Outcome Outcome
	// JobID may be zero.
	JobID perch.ID
	Quota Quota
}

// ErrAssisted refuses a refresh of a connection that machines do not read. The words are the contract's.
var ErrAssisted = &perch.Error{Name: perch.NameBadRequest, Code: "invalid_request", Message: "cannot create automated job for Assisted Connect token"}

// Refresh asks for a sync of everything of the grant's connection, all entities included. It returns
// ErrAssisted for an assisted connection.
func (s *Service) Refresh(ctx context.Context, grant *access.Grant) (Requested, error) {
	if grant.Connection.Authentication == perch.AuthAssisted {
		return Requested{}, ErrAssisted
	}
	return s.refresh(ctx, grant)
}

// RefreshSimulated is Refresh for simulated connections. An assisted one is synced too, as if people had
// brought its data up to date: there is no job to ask about, and the JobID is zero.
func (s *Service) RefreshSimulated(ctx context.Context, grant *access.Grant) (Requested, error) {
	if grant.Connection.Type != perch.ConnectionSimulated {
		return Requested{}, perch.Invalid("access_token", "Only simulated connections have this endpoint.")
	}
	return s.refresh(ctx, grant)
}

func (s *Service) refresh(ctx context.Context, grant *access.Grant) (Requested, error) {
	application, connection := grant.Application.ID, grant.Connection.ID
	var answer Requested
	err := s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		now := s.Now() // one moment, lest a window end between the refusal and what it says
		open, err := s.Store.OpenSync(ctx, tx, application, connection)
		switch {
		case err == nil:
			answer = Requested{Outcome: Running, JobID: open.ID}
		case !errors.Is(err, store.ErrNotFound):
			return err
		default:
			if answer, err = s.newRefresh(ctx, tx, grant, now); err != nil {
				return err
			}
		}
		answer.Quota, err = s.quotaIn(ctx, tx, grant, now)
		return err
	})
	return answer, failure("asking for a sync", err)
}

// newRefresh counts a refresh and opens its job, or finds that none remains.
func (s *Service) newRefresh(ctx context.Context, tx *sql.Tx, grant *access.Grant, now time.Time) (Requested, error) {
	application, connection := grant.Application.ID, grant.Connection.ID
	had, err := s.Store.UseRefresh(ctx, tx, connection, now, refreshWindow, allowed(grant))
	if err != nil {
		return Requested{}, err
	}
	if !had {
		last, err := s.Store.LastRequestedSync(ctx, tx, application, connection)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Requested{}, err
		}
		return Requested{Outcome: Refused, JobID: last.ID}, nil
	}
	job := store.Job{ApplicationID: application, ConnectionID: connection, Type: perch.JobDataSyncAll,
		Status: perch.JobPending, Requested: true, CreatedAt: now, StartedAt: now}
	if grant.Connection.Authentication != perch.AuthAssisted {
		job.ID = perch.NewID()
		if err := s.insert(ctx, tx, job); err != nil {
			return Requested{}, err
		}
	}
	return Requested{Outcome: Queued, JobID: job.ID}, s.syncAll(ctx, tx, job, "requested")
}

// insert stores a job that the caller knows to be the only one of its kind, holding the connection.
func (s *Service) insert(ctx context.Context, tx *sql.Tx, j store.Job) error {
	inserted, err := s.Store.InsertJob(ctx, tx, j)
	if err == nil && !inserted {
		err = fmt.Errorf("connection %s has a job already", j.ConnectionID)
	}
	return err
}

// syncAll queues a sync of every entity of a connection that was set up, whatever its status: employers
// may have put right what kept us out. job is zero for syncs that nobody can ask about.
func (s *Service) syncAll(ctx context.Context, tx *sql.Tx, job store.Job, reason string) error {
	entities, err := s.Store.EntitiesToSync(ctx, tx, job.ApplicationID, job.ConnectionID, false)
	if err != nil {
		return err
	}
	return s.syncEach(ctx, tx, job, entities, reason)
}

func (s *Service) syncEach(ctx context.Context, tx *sql.Tx, job store.Job, entities []perch.ID, reason string) error {
	for _, entity := range entities {
		if err := s.sync(ctx, tx, job.ApplicationID, job.ConnectionID, entity, job.ID, reason); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sync(ctx context.Context, tx *sql.Tx, application, connection, entity, job perch.ID, reason string) error {
	row, created, err := s.Store.InsertSync(ctx, tx, store.Sync{ID: perch.NewID(), ApplicationID: application, ConnectionID: connection,
		EntityID: entity, JobID: job, Reason: reason, CreatedAt: s.Now()})
	if err != nil || !created {
		return err
	}
	return s.Queue.InsertSync(ctx, tx, row)
}

// Enqueue queues a sync of an entity that was made, or authorised anew, in the caller's transaction, which
// holds the connection. It belongs to the connection's unfinished job or to a new one. The connection's
// first job counts as scheduled: nobody asked for it. Assisted connections have no jobs.
func (s *Service) Enqueue(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) error {
	origin, err := s.Store.JobOrigin(ctx, tx, application, connection)
	if err != nil {
		return err
	}
	if origin.Assisted {
		return s.sync(ctx, tx, application, connection, entity, perch.ID{}, reason)
	}
	open, err := s.Store.OpenSync(ctx, tx, application, connection)
	if errors.Is(err, store.ErrNotFound) {
		open, err = s.firstJob(ctx, tx, application, connection)
	}
	if err != nil {
		return err
	}
	return s.sync(ctx, tx, application, connection, entity, open.ID, reason)
}

func (s *Service) firstJob(ctx context.Context, tx *sql.Tx, application, connection perch.ID) (store.Job, error) {
	now := s.Now()
	j := store.Job{ID: perch.NewID(), ApplicationID: application, ConnectionID: connection, Type: perch.JobDataSyncAll,
		Status: perch.JobPending, CreatedAt: now, StartedAt: now}
	had, err := s.Store.HadSync(ctx, tx, application, connection)
	if err != nil {
		return j, err
	}
	if !had {
		j.ScheduledAt = now
	}
	return j, s.insert(ctx, tx, j)
}

// SyncNow queues a sync of everything for the operator, who has no quota. It returns the job, which may
// be one that is unfinished already.
func (s *Service) SyncNow(ctx context.Context, application, connection perch.ID) (Requested, error) {
	found, err := s.Store.LiveConnection(ctx, application, connection)
	if err != nil {
		return Requested{}, failure("looking for the connection", err)
	}
	if found.Authentication == perch.AuthAssisted {
		return Requested{}, perch.Invalid("connection", "Connection %s is kept by files. Import newer ones to bring it up to date.", connection)
	}
	answer := Requested{Outcome: Running}
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		open, err := s.Store.OpenSync(ctx, tx, application, connection)
		if err == nil {
			answer.JobID = open.ID
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		now := s.Now()
		answer = Requested{Outcome: Queued, JobID: perch.NewID()}
		row := store.Job{ID: answer.JobID, ApplicationID: application, ConnectionID: connection, Type: perch.JobDataSyncAll,
			Status: perch.JobPending, CreatedAt: now, StartedAt: now}
		if err := s.insert(ctx, tx, row); err != nil {
			return err
		}
		return s.syncAll(ctx, tx, row, "operator")
	})
	return answer, failure("asking for a sync", err)
}

// failure lets errors that are for the caller through and wraps all others. A connection that is not
// there any more was disconnected meanwhile.
func failure(doing string, err error) error {
	var known *perch.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, store.ErrNotFound):
		return perch.ErrInvalidToken
	}
	return perch.Internal(fmt.Errorf("%s: %w", doing, err))
}

func allowed(grant *access.Grant) int {
	if grant.Application.Type == perch.ClientSandbox {
		return sandboxRefreshes
	}
	return refreshes
}

func (s *Service) quotaIn(ctx context.Context, tx *sql.Tx, grant *access.Grant, now time.Time) (Quota, error) {
	w, err := s.Store.RefreshWindowIn(ctx, tx, grant.Connection.ID)
	return quota(grant, w, now), err
}

func quota(grant *access.Grant, w store.RefreshWindow, now time.Time) Quota {
	q := Quota{Allowed: allowed(grant), Remaining: allowed(grant)}
	end := w.BeganAt.Add(refreshWindow)
	if w.BeganAt.IsZero() || !now.Before(end) {
		return q
	}
	if q.Remaining = max(q.Allowed-w.Used, 0); q.Remaining == 0 {
		q.RetryAt, q.RetryAfter = end, end.Sub(now)
	}
	return q
}

// Listed is a page of jobs. Quota is nil for connections that cannot be refreshed.
type Listed struct {
	Jobs  []Job
	Quota *Quota
}

// List returns the jobs of the grant's connection, the newest first and before them the next scheduled
// one.
func (s *Service) List(ctx context.Context, grant *access.Grant, limit, offset int) (Listed, error) {
	rows, err := s.Store.Jobs(ctx, grant.Application.ID, grant.Connection.ID, grant.TokenID, limit, offset)
	if err != nil {
		return Listed{}, perch.Internal(err)
	}
	list := Listed{Jobs: make([]Job, len(rows))}
	for i, row := range rows {
		list.Jobs[i] = shown(row)
	}
	if grant.Connection.Authentication == perch.AuthAssisted {
		return list, nil
	}
	w, err := s.Store.RefreshWindow(ctx, grant.Connection.ID)
	if err != nil {
		return Listed{}, perch.Internal(err)
	}
	q := quota(grant, w, s.Now())
	list.Quota = &q
	return list, nil
}

// Recent returns the newest jobs of a connection for its operator.
func (s *Service) Recent(ctx context.Context, application, connection perch.ID, most int) ([]Job, error) {
	rows, err := s.Store.RecentJobs(ctx, application, connection, most)
	list := make([]Job, len(rows))
	for i, row := range rows {
		list[i] = shown(row)
	}
	return list, err
}

// Get returns a job of the grant's connection. It returns a not-found error for any other.
func (s *Service) Get(ctx context.Context, grant *access.Grant, job perch.ID) (Job, error) {
	row, err := s.Store.Job(ctx, grant.Application.ID, grant.Connection.ID, grant.TokenID, job)
	if errors.Is(err, store.ErrNotFound) {
		return Job{}, NotFound(job.String())
	}
	if err != nil {
		return Job{}, perch.Internal(err)
	}
	return shown(row), nil
}

// NotFound is the error for a job that does not exist for the caller.
func NotFound(job string) error {
	return perch.NotFound("item_not_found", "could not find job with id '%.60s'", job)
}
