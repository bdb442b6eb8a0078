package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/db"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
)

const (
	syncQueue = "sync"
	// syncWorkers is how many syncs run at a time in one process.
	syncWorkers = 4
	// pollEvery is how soon a job begins; a shorter time costs an idle process more.
	pollEvery = 100 * time.Millisecond
	// eraseAttempts is how often an erasure is tried; it fails only with the database.
	eraseAttempts = 25
	// eraseBlocks bounds one transaction of an erasure.
	eraseBlocks = 512
	// requeueEvery is how often idle syncs are looked for.
	requeueEvery = time.Second
	// requeueMost bounds one look.
	requeueMost = 50
)

// Queue queues and runs jobs.
type Queue struct {
	client *river.Client[*sql.Tx]
	engine *syncengine.Engine
	store  *store.Store
	now    func() time.Time
	log    *slog.Logger
	// oneHost is set where every process that shares the database is on this machine.
	oneHost    bool
	overseer   Overseer
	deductions Deductions
	// writing has an entry for each write that WriteNow began; background is their context.
	writing    chan struct{}
	background context.Context
	live       atomic.Bool
	stop       context.CancelFunc
	done       chan struct{}
	uploads    Uploads
}

// SyncArgs names the sync to run. The job is tried once: whether and when a sync is tried again stands
// in the row of the sync, which outlives every job.
type SyncArgs struct {
	ConnectionID perch.ID `json:"connection_id"`
	EntityID     perch.ID `json:"entity_id"`
	SyncID       perch.ID `json:"sync_id"`
}

// Kind implements river.JobArgs.
func (SyncArgs) Kind() string { return "sync" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (SyncArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: syncQueue, MaxAttempts: 1}
}

// New returns a queue. Without Start it only inserts, as the command line does.
func New(database *db.DB, engine *syncengine.Engine, s *store.Store, now func() time.Time, log *slog.Logger) (*Queue, error) {
	q := &Queue{engine: engine, store: s, now: now, log: log, oneHost: database.Dialect == db.SQLite, done: make(chan struct{}), writing: make(chan struct{}, writeWorkers)}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &syncWorker{queue: q}); err != nil {
		return nil, fmt.Errorf("registering the sync worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &eraseWorker{queue: q}); err != nil {
		return nil, fmt.Errorf("registering the erase worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &taskWorker{queue: q}); err != nil {
		return nil, fmt.Errorf("registering the task worker: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &deductionWorker{queue: q}); err != nil {
		return nil, fmt.Errorf("registering the worker of deductions: %w", err)
	}
	if err := river.AddWorkerSafely(workers, &uploadWorker{queue: q}); err != nil {
		return nil, fmt.Errorf("registering the upload worker: %w", err)
	}
	client, err := river.NewClient(database.QueueDriver(), &river.Config{
		Queues:            map[string]river.QueueConfig{syncQueue: {MaxWorkers: syncWorkers}, writeQueue: {MaxWorkers: writeWorkers}},
		Workers:           workers,
		FetchPollInterval: pollEvery,
		FetchCooldown:     pollEvery,
		JobTimeout:        -1,
		Logger:            slog.New(quiet{log.Handler()}),
		PollOnly:          true,
	})
	if err != nil {
		return nil, fmt.Errorf("making the job queue: %w", err)
	}
	q.client = client
	return q, nil
}

// Start runs jobs until Stop.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the job queue: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.background, q.stop = background, stop
	q.live.Store(true)
	go q.watch(background)
	return nil
}

// Stop lets running jobs finish until ctx ends, then cancels them and hands them back.
func (q *Queue) Stop(ctx context.Context) error {
	if !q.live.Swap(false) {
		return nil
	}
	q.stop()
	<-q.done
	q.writesEnd()
	if err := q.client.Stop(ctx); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := q.client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stopping the job queue: %w", err)
	}
	return nil
}

// Running reports whether jobs run in this process.
func (q *Queue) Running() bool { return q.live.Load() }

// Enqueue requests a sync of an entity that is no job, so that nobody can ask about it, and queues it in the
// caller's transaction. While one is unfinished it does nothing.
func (q *Queue) Enqueue(ctx context.Context, tx *sql.Tx, application, connection, entity perch.ID, reason string) error {
	requested, created, err := q.engine.Request(ctx, tx, application, connection, entity, reason)
	if err != nil || !created {
		return err
	}
	return q.InsertSync(ctx, tx, requested)
}

// InsertSync queues a pending sync, in the caller's transaction.
func (q *Queue) InsertSync(ctx context.Context, tx *sql.Tx, s store.Sync) error {
	if _, err := q.client.InsertTx(ctx, tx, SyncArgs{s.ConnectionID, s.EntityID, s.ID}, nil); err != nil {
		return fmt.Errorf("queueing a sync: %w", err)
	}
	return nil
}

// watch queues syncs that nobody works on and that are due: those whose process died, those that wait
// to be tried again, and those whose job was lost.
func (q *Queue) watch(ctx context.Context) {
	defer close(q.done)
	ticker := time.NewTicker(requeueEvery)
	defer ticker.Stop()
	for {
		if err := q.requeue(ctx); err != nil && ctx.Err() == nil {
			q.log.ErrorContext(ctx, "looking for idle syncs", "error", err)
		}
		if q.overseer != nil {
			if err := q.overseer.Look(ctx); err != nil && ctx.Err() == nil {
				q.log.ErrorContext(ctx, "looking for jobs that are due", "error", err)
			}
		}
		if q.deductions != nil {
			if err := q.deductions.Look(ctx); err != nil && ctx.Err() == nil {
				q.log.ErrorContext(ctx, "looking for writes that are due", "error", err)
			}
		}
		if q.uploads != nil {
			if err := q.uploads.Look(ctx); err != nil && ctx.Err() == nil {
				q.log.ErrorContext(ctx, "looking for idle uploads", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (q *Queue) requeue(ctx context.Context) error {
	if err := q.releaseDead(ctx); err != nil {
		return err
	}
	idle, err := q.store.IdleSyncs(ctx, q.now(), requeueMost)
	if err != nil {
		return err
	}
	for _, one := range idle {
		if err := q.store.Tx(ctx, func(tx *sql.Tx) error { return q.requeueOne(ctx, tx, one) }); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) requeueOne(ctx context.Context, tx *sql.Tx, s store.Sync) error {
	if s.Reason == syncengine.ReasonImport {
		// Its files went with the process that read them.
		return q.store.EndSync(ctx, tx, s.EntityID, s.ID, store.Sync{State: store.SyncFailed, FinishedAt: q.now(), ErrorName: perch.NameServer})
	}
	requeued, err := q.store.RequeueSync(ctx, tx, s.EntityID, s.ID, q.now())
	if err != nil || !requeued {
		return err
	}
	q.log.InfoContext(ctx, "queueing an idle sync", "sync_id", s.ID, "entity_id", s.EntityID, "attempts", s.Attempts)
	return q.InsertSync(ctx, tx, s)
}

// releaseDead gives up, on SQLite, what processes of this machine held that are no longer alive, so
// that after a crash nobody waits for their leases to run out.
func (q *Queue) releaseDead(ctx context.Context) error {
	if !q.oneHost {
		return nil
	}
	leases, err := q.store.Leases(ctx)
	if err != nil {
		return err
	}
	for _, lease := range leases {
		if !ownerDied(lease.Owner) {
			continue
		}
		if err := q.store.ExpireLease(ctx, lease); err != nil {
			return err
		}
	}
	owners, err := q.store.ManualJobOwners(ctx)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if !ownerDied(owner) {
			continue
		}
		if err := q.store.ExpireManualJobs(ctx, owner); err != nil {
			return err
		}
	}
	return nil
}

// EraseArgs names the owners of data keys, entities and connections, that were disconnected.
type EraseArgs struct {
	Owners []perch.ID `json:"owners"`
}

// Kind implements river.JobArgs.
func (EraseArgs) Kind() string { return "erase" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (EraseArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: syncQueue, MaxAttempts: eraseAttempts}
}

// EnqueueErase implements access.Eraser.
func (q *Queue) EnqueueErase(ctx context.Context, tx *sql.Tx, owners []perch.ID) error {
	if _, err := q.client.InsertTx(ctx, tx, EraseArgs{Owners: owners}, nil); err != nil {
		return fmt.Errorf("queueing an erasure: %w", err)
	}
	return nil
}

// Destroy implements access.Eraser.
func (q *Queue) Destroy(ctx context.Context, owners ...perch.ID) error {
	return q.engine.Keyring.Destroy(ctx, owners...)
}

type eraseWorker struct {
	river.WorkerDefaults[EraseArgs]
	queue *Queue
}

// Work destroys the keys, should that not have happened, and deletes what they sealed.
func (w *eraseWorker) Work(ctx context.Context, job *river.Job[EraseArgs]) error {
	if err := w.queue.Destroy(ctx, job.Args.Owners...); err != nil {
		return err
	}
	for _, owner := range job.Args.Owners {
		for more := true; more; {
			var err error
			if more, err = w.queue.store.DeleteDisconnected(ctx, owner, eraseBlocks); err != nil {
				return err
			}
		}
	}
	return w.queue.engine.Keyring.Scrub(ctx)
}

type syncWorker struct {
	river.WorkerDefaults[SyncArgs]
	queue *Queue
}

// Work runs the sync. How it ended stands in its row, so the job is done whatever that was.
func (w *syncWorker) Work(ctx context.Context, job *river.Job[SyncArgs]) error {
	args, log := job.Args, w.queue.log.With("sync_id", job.Args.SyncID, "entity_id", job.Args.EntityID)
	started := w.queue.now()
	summary, err := w.queue.engine.Run(ctx, args.ConnectionID, args.EntityID, args.SyncID)
	switch {
	case err == nil:
		log.InfoContext(ctx, "sync complete", "took", w.queue.now().Sub(started).Round(time.Millisecond), "records", summary.String())
	case errors.Is(err, syncengine.ErrHeld):
	case ctx.Err() != nil:
		log.InfoContext(ctx, "sync handed back")
	default:
		log.WarnContext(ctx, "sync failed", "error", err)
	}
	return nil
}

// quiet passes on warnings and errors of the queue only: its progress is not news.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h quiet) WithGroup(name string) slog.Handler { return quiet{h.Handler.WithGroup(name)} }
