package jobs

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"

	perch "github.com/perchhq/perch"
)

// DeductionArgs names an entity with writes of deductions to do. As with syncs, their rows say whether and
// when one is tried again.
type DeductionArgs struct {
	ConnectionID perch.ID `json:"connection_id"`
	EntityID     perch.ID `json:"entity_id"`
}

// Kind implements river.JobArgs.
func (DeductionArgs) Kind() string { return "deductions" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (DeductionArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: writeQueue, MaxAttempts: 1}
}

const (
	// writeQueue keeps writes, for which people wait, from standing behind syncs.
	writeQueue = "write"
	// writeWorkers is how many entities are written to at a time in one process.
	writeWorkers = 4
)

// Deductions does writes of deductions.
type Deductions interface {
	// Look queues what is due. Every process calls it once a second.
	Look(ctx context.Context) error
	// Run does the writes of an entity. How they ended stands in their rows.
	Run(ctx context.Context, connection, entity perch.ID)
}

// WriteDeductions makes the queue run d's writes and look for what d has due. It is called before Start.
func (q *Queue) WriteDeductions(d Deductions) { q.deductions = d }

// InsertDeductions queues the writes of an entity, in the caller's transaction.
func (q *Queue) InsertDeductions(ctx context.Context, tx *sql.Tx, connection, entity perch.ID) error {
	if _, err := q.client.InsertTx(ctx, tx, DeductionArgs{ConnectionID: connection, EntityID: entity}, nil); err != nil {
		return fmt.Errorf("queueing writes: %w", err)
	}
	return nil
}

// WriteNow does the writes of an entity at once in this process, if it runs jobs and is not busy with others,
// so that nobody waits for the queue. What was queued finds nothing left to do, or does it after all.
func (q *Queue) WriteNow(connection, entity perch.ID) {
	if !q.live.Load() || q.deductions == nil {
		return
	}
	select {
	case q.writing <- struct{}{}:
		go func() {
			defer func() { <-q.writing }()
			q.deductions.Run(q.background, connection, entity)
		}()
	default:
	}
}

// writesEnd waits until no write is being done that WriteNow began. They were cancelled.
func (q *Queue) writesEnd() {
	for range writeWorkers {
		q.writing <- struct{}{}
	}
}

type deductionWorker struct {
	river.WorkerDefaults[DeductionArgs]
	queue *Queue
}

// Work does the writes.
func (w *deductionWorker) Work(ctx context.Context, job *river.Job[DeductionArgs]) error {
	if w.queue.deductions != nil {
		w.queue.deductions.Run(ctx, job.Args.ConnectionID, job.Args.EntityID)
	}
	return nil
}
