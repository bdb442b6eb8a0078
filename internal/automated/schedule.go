package automated

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

const (
	// syncEvery is how often automated connections are read.
	syncEvery = 24 * time.Hour
	// waitingMost is how many syncs may wait before scheduled ones are held back. After a downtime all that
	// became due meanwhile goes through in portions of it, so that those that people wait for stay quick.
	waitingMost = 50
	// lookMost bounds what else one look does.
	lookMost = 50
	// adoptEvery is how often connections are looked for that have no schedule and should have one, and
	// adoptMost how many get one in one look.
	adoptEvery = time.Hour
	adoptMost  = 200
	// keptFor is how long jobs can be asked about after their end, and forgetMost how many are forgotten at
	// a time.
	keptFor    = 90 * 24 * time.Hour
	forgetMost = 1000
)

// slot is when a connection is read next: the first of its times after a moment. Its times are a day
// apart, at a time of day that follows from its id, so that connections made together are spread over
// the day.
func slot(connection perch.ID, after time.Time) time.Time {
	phase := time.Duration(binary.BigEndian.Uint64(connection[8:])%uint64(syncEvery/time.Microsecond)) * time.Microsecond
	day := after.UTC().Truncate(syncEvery)
	for at := day.Add(phase); ; at = at.Add(syncEvery) {
		if at.After(after) {
			return at
		}
	}
}

// schedule gives the connection of a sync its next sync, or takes it away when the connection is not read
// by itself any more.
func (s *Service) schedule(ctx context.Context, tx *sql.Tx, ended store.Sync, status perch.ConnectionStatus) error {
	application, connection := ended.ApplicationID, ended.ConnectionID
	since, yes, err := s.Store.SyncsByItself(ctx, tx, application, connection, ended.EntityID, status)
	if err != nil {
		return err
	}
	if !yes {
		return s.Store.Unschedule(ctx, tx, application, connection)
	}
	_, err = s.Store.InsertJob(ctx, tx, store.Job{ID: perch.NewID(), ApplicationID: application, ConnectionID: connection,
		Type: perch.JobDataSyncAll, Status: store.JobScheduled, CreatedAt: since, ScheduledAt: slot(connection, s.Now())})
	return err
}

// lastLook is when this process last found that every connection has the schedule that it should have.
type lastLook struct {
	mu sync.Mutex
	at time.Time
}

// due reports whether it is time to look again.
func (l *lastLook) due(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.IsZero() || now.Sub(l.at) >= adoptEvery
}

func (l *lastLook) done(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = now
}

// Look starts scheduled syncs whose time has come, queues jobs of one person that nobody works on, and
// ends jobs whose syncs are over. Every process may do so at any time: the database decides who does
// what.
func (s *Service) Look(ctx context.Context) error {
	return errors.Join(s.startDue(ctx), s.requeueTasks(ctx), s.settleFinished(ctx), s.adopt(ctx))
}

func (s *Service) startDue(ctx context.Context) error {
	waiting, err := s.Store.WaitingSyncs(ctx)
	if err != nil || waiting >= waitingMost {
		return err
	}
	due, err := s.Store.DueJobs(ctx, s.Now(), waitingMost-waiting)
	if err != nil {
		return err
	}
	for _, one := range due {
		if err := s.holding(ctx, one, s.start); err != nil {
			return err
		}
	}
	return nil
}

// holding runs fn with a job in a transaction that holds the job's connection, unless that is gone.
func (s *Service) holding(ctx context.Context, one store.Job, fn func(ctx context.Context, tx *sql.Tx, one store.Job) error) error {
	err := s.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Store.HoldConnection(ctx, tx, one.ApplicationID, one.ConnectionID); err != nil {
			return err
		}
		return fn(ctx, tx, one)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// start begins a scheduled sync. A sync that is under way does as well: then this one waits for its next
// time.
func (s *Service) start(ctx context.Context, tx *sql.Tx, one store.Job) error {
	application, connection := one.ApplicationID, one.ConnectionID
	_, err := s.Store.OpenSync(ctx, tx, application, connection)
	if err == nil {
		return s.Store.Reschedule(ctx, tx, connection, one.ID, slot(connection, s.Now()))
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	entities, err := s.Store.EntitiesToSync(ctx, tx, application, connection, true)
	if err != nil {
		return err
	}
	if len(entities) == 0 {
		return s.Store.Unschedule(ctx, tx, application, connection)
	}
	started, err := s.Store.StartScheduled(ctx, tx, connection, one.ID, s.Now())
	if err != nil || !started {
		return err
	}
	return s.syncEach(ctx, tx, one, entities, "scheduled")
}

// settleFinished ends jobs that have no unfinished sync: those whose last one a disconnection stopped, and
// those that found nothing to sync.
func (s *Service) settleFinished(ctx context.Context) error {
	finished, err := s.Store.FinishedSyncs(ctx, lookMost)
	if err != nil {
		return err
	}
	for _, one := range finished {
		err := s.holding(ctx, one, func(ctx context.Context, tx *sql.Tx, one store.Job) error {
			return s.settle(ctx, tx, store.Sync{ApplicationID: one.ApplicationID, ConnectionID: one.ConnectionID, JobID: one.ID}, "")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// adopt schedules connections that should have a schedule and have none, such as those from before there
// were schedules, some at each look. Then it forgets jobs of long ago.
func (s *Service) adopt(ctx context.Context) error {
	if !s.looked.due(s.Now()) {
		return nil
	}
	found, err := s.Store.Unscheduled(ctx, adoptMost)
	if err != nil {
		return err
	}
	for _, one := range found {
		if err := s.holding(ctx, store.Job{ApplicationID: one.ApplicationID, ConnectionID: one.ConnectionID}, s.adoptOne); err != nil {
			return err
		}
	}
	if len(found) == adoptMost {
		return nil
	}
	s.looked.done(s.Now())
	return s.Store.DeleteJobs(ctx, s.Now().Add(-keptFor), forgetMost)
}

func (s *Service) adoptOne(ctx context.Context, tx *sql.Tx, one store.Job) error {
	if _, err := s.Store.OpenSync(ctx, tx, one.ApplicationID, one.ConnectionID); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.schedule(ctx, tx, store.Sync{ApplicationID: one.ApplicationID, ConnectionID: one.ConnectionID}, "")
}
