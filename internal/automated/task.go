package automated

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

const (
	// taskLease is how long one attempt at a task may hold its job, taskTime how long it may take: it ends
	// before anybody else takes the job.
	taskLease = time.Minute
	taskTime  = 50 * time.Second
	// taskAttempts is after how many failures a task is given up.
	taskAttempts = 5
	// taskPause is the first pause between two attempts; each one after it is four times as long.
	taskPause = 2 * time.Second
	// longestPause bounds how long a provider can put a task off.
	longestPause = 24 * time.Hour
)

// Task does the work of a type of job that concerns one person.
type Task interface {
	// Accept returns the entity of the grant that the person belongs to, before anything is stored. It fails
	// with the error for the client when there is no such person or the provider has no such thing.
	Accept(ctx context.Context, grant *access.Grant, individual perch.ID) (entity perch.ID, err error)
	// Do does the work and calls finish last, with what is to be stored in the transaction that ends the job
	// and then advances the revision. The transaction holds the connection. An error of within takes it all
	// back and is returned by finish; Do may then call it again. Do may be called again after a failure, and by
	// another process. Its errors decide how the job ends as those of a sync do: perch.ErrReauthenticate and
	// perch.ErrPermissions at once, a provider.RateLimited when the provider lets us, all others after a few
	// attempts.
	Do(ctx context.Context, work Work, finish func(within func(tx *sql.Tx) error) error) error
}

// Work is a job of one person.
type Work struct {
	ApplicationID, ConnectionID, EntityID, IndividualID, JobID perch.ID
}

// errUnread refuses a job about a person before it is known who there is. What reads answer then is a 202,
// which here would say that there is a job.
var errUnread = &perch.Error{Name: perch.NameBadRequest, Code: "invalid_request",
	Message: "cannot create automated job before the first sync has read the individuals; ask again when it is over"}

// RequestTask asks for a job about one person. A job of the type that is unfinished for the person is
// returned instead of a new one. Jobs of one person cost no refreshes.
func (s *Service) RequestTask(ctx context.Context, grant *access.Grant, kind perch.JobType, individual perch.ID) (Requested, error) {
	if grant.Connection.Authentication == perch.AuthAssisted {
		return Requested{}, ErrAssisted
	}
	if !grant.Allows(perch.ProductDocuments) {
		return Requested{}, perch.InsufficientScope(perch.ProductDocuments)
	}
	task, ok := s.Tasks[kind]
	if !ok {
		return Requested{}, perch.ErrNotImplemented
	}
	entity, err := task.Accept(ctx, grant, individual)
	if errors.Is(err, perch.ErrSyncInProgress) || errors.Is(err, perch.ErrPending) {
		return Requested{}, errUnread
	}
	if err != nil {
		return Requested{}, err
	}
	if entity.IsZero() || !slices.ContainsFunc(grant.Entities, func(e access.Entity) bool { return e.ID == entity }) {
		return Requested{}, perch.Internal(fmt.Errorf("a %s job was accepted for an entity of somebody else", kind))
	}
	application, connection, now := grant.Application.ID, grant.Connection.ID, s.Now()
	var answer Requested
	err = s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, application, connection); err != nil {
			return err
		}
		open, err := s.Store.OpenJobOf(ctx, tx, application, connection, kind, individual)
		switch {
		case err == nil:
			answer = Requested{Outcome: Running, JobID: open.ID}
		case !errors.Is(err, store.ErrNotFound):
			return err
		default:
			answer = Requested{Outcome: Queued, JobID: perch.NewID()}
			if err := s.insert(ctx, tx, store.Job{ID: answer.JobID, ApplicationID: application, ConnectionID: connection, EntityID: entity,
				IndividualID: individual, Type: kind, Status: perch.JobPending, Requested: true, CreatedAt: now, StartedAt: now}); err != nil {
				return err
			}
			if err := s.Queue.InsertTask(ctx, tx, connection, answer.JobID); err != nil {
				return err
			}
		}
		answer.Quota, err = s.quotaIn(ctx, tx, grant, now)
		return err
	})
	return answer, failure("asking for a job", err)
}

// RunTask does a job of one person, unless somebody else does or did it.
func (s *Service) RunTask(ctx context.Context, connection, job perch.ID) {
	log := s.Log.With("job_id", job, "connection_id", connection)
	owner := s.Owner + "/" + perch.NewID().String()
	var taken store.Job
	err := s.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
		now := s.Now()
		taken, err = s.Store.TakeJob(ctx, tx, connection, job, owner, now, now.Add(taskLease))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return
	}
	if err != nil {
		log.ErrorContext(ctx, "taking a job", "error", err)
		return
	}
	if err = errAbandoned; taken.Attempts <= taskAttempts {
		err = s.do(ctx, taken, owner)
	}
	if err == nil {
		log.InfoContext(ctx, "job complete", "type", taken.Type)
		return
	}
	stopped := ctx.Err() != nil
	log.WarnContext(ctx, "job failed", "type", taken.Type, "attempt", taken.Attempts, "error", err)
	if err := s.afterFailure(context.WithoutCancel(ctx), taken, owner, err, stopped); err != nil && !errors.Is(err, store.ErrNotFound) {
		log.ErrorContext(ctx, "noting that a job failed", "error", err)
	}
}

// errAbandoned ends a job that no process brought to an end in all its attempts.
var errAbandoned = errors.New("each process that tried the job ended before it did")

// errUnfinished is a mistake of a task.
var errUnfinished = errors.New("the task returned without finishing")

func (s *Service) do(ctx context.Context, taken store.Job, owner string) (err error) {
	task, ok := s.Tasks[taken.Type]
	if !ok {
		return fmt.Errorf("this Perch does no jobs of type %q", taken.Type)
	}
	ctx, cancel := context.WithTimeout(ctx, taskTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the task panicked: %v\n%s", p, debug.Stack())
		}
	}()
	finished := false
	work := Work{taken.ApplicationID, taken.ConnectionID, taken.EntityID, taken.IndividualID, taken.ID}
	err = task.Do(ctx, work, func(within func(tx *sql.Tx) error) error {
		err := s.endTask(ctx, taken, owner, perch.JobComplete, within)
		finished = err == nil
		return err
	})
	if err == nil && !finished {
		return errUnfinished
	}
	return err
}

// endTask ends a job of one person together with what within stores.
func (s *Service) endTask(ctx context.Context, taken store.Job, owner string, status perch.JobStatus, within func(tx *sql.Tx) error) error {
	return s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, taken.ApplicationID, taken.ConnectionID); err != nil {
			return err
		}
		if err := s.Store.HoldJob(ctx, tx, taken.ConnectionID, taken.ID, owner); err != nil {
			return err
		}
		if within != nil {
			if err := within(tx); err != nil {
				return err
			}
		}
		if _, err := s.Store.EndJob(ctx, tx, taken.ConnectionID, taken.ID, status, s.Now()); err != nil {
			return err
		}
		if err := s.record(ctx, tx, taken.ApplicationID, taken.ConnectionID, taken.EntityID, taken.ID, completed[taken.Type]); err != nil {
			return err
		}
		if status == perch.JobReauthError {
			if err := s.lostAccess(ctx, tx, taken); err != nil {
				return err
			}
		}
		if within == nil {
			return s.failedAttempt(ctx, tx, taken)
		}
		return s.Store.AdvanceRevision(ctx, tx) // what was stored may be a publication
	})
}

// lostAccess shows that the provider does not take the credentials any more, with which all data of the
// entity is read. A right that is missing may be missing for forms only, so that shows in the job alone.
func (s *Service) lostAccess(ctx context.Context, tx *sql.Tx, taken store.Job) error {
	held, err := s.Store.StatusHeld(ctx, tx, taken.ConnectionID, taken.EntityID)
	if err != nil || held {
		return err
	}
	return s.Store.SetStatus(ctx, tx, taken.ConnectionID, taken.EntityID, perch.StatusReauth, perch.ErrReauthenticate.Message)
}

// failedAttempt notes an attempt that failed where the data that was wanted shows when it was tried last. It comes
// last in its transaction, because it advances the revision.
func (s *Service) failedAttempt(ctx context.Context, tx *sql.Tx, taken store.Job) error {
	return s.Store.RecordAttempt(ctx, tx, taken.EntityID, access.Documents, s.Now(), access.ResultError)
}

// completed are the events of jobs of one person.
var completed = map[perch.JobType]perch.EventType{perch.JobW4Sync: perch.EventW4SyncCompleted}

// afterFailure ends a job or lays it down until the next attempt. A stop does not count as one.
func (s *Service) afterFailure(ctx context.Context, taken store.Job, owner string, cause error, stopped bool) error {
	status, final := perch.JobError, taken.Attempts >= taskAttempts
	pause, counts := taskPause<<(2*(taken.Attempts-1)), true
	var limited *provider.RateLimited
	switch {
	case errors.Is(cause, perch.ErrReauthenticate):
		status, final = perch.JobReauthError, true
	case errors.Is(cause, perch.ErrPermissions):
		status, final = perch.JobPermissionsError, true
	case stopped:
		final, pause, counts = false, 0, false
	case errors.As(cause, &limited):
		pause, counts = min(max(limited.After, taskLease), longestPause), false
		final = s.Now().Sub(taken.CreatedAt) > longestPause
	}
	if final {
		return s.endTask(ctx, taken, owner, status, nil)
	}
	return s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldJob(ctx, tx, taken.ConnectionID, taken.ID, owner); err != nil {
			return err
		}
		if err := s.Store.PostponeJob(ctx, tx, taken.ConnectionID, taken.ID, s.Now().Add(pause), counts); err != nil || stopped {
			return err
		}
		return s.failedAttempt(ctx, tx, taken)
	})
}

// requeueTasks queues jobs of one person that nobody works on and that are due.
func (s *Service) requeueTasks(ctx context.Context) error {
	idle, err := s.Store.IdleJobs(ctx, s.Now(), lookMost)
	if err != nil {
		return err
	}
	for _, one := range idle {
		err := s.holding(ctx, one, func(ctx context.Context, tx *sql.Tx, one store.Job) error {
			requeued, err := s.Store.RequeueJob(ctx, tx, one.ConnectionID, one.ID, s.Now())
			if err != nil || !requeued {
				return err
			}
			return s.Queue.InsertTask(ctx, tx, one.ConnectionID, one.ID)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
