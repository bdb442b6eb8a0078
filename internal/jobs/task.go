package jobs

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"

	perch "github.com/perchhq/perch"
)

// taskPriority lets syncs go first.
const taskPriority = 2

// TaskArgs names a job of one person. As with syncs, its row says whether and when it is tried again.
type TaskArgs struct {
	ConnectionID perch.ID `json:"connection_id"`
	JobID        perch.ID `json:"job_id"`
}

// Kind implements river.JobArgs.
func (TaskArgs) Kind() string { return "task" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (TaskArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: syncQueue, MaxAttempts: 1, Priority: taskPriority}
}

// Overseer is who knows what is due and what the jobs of one person do.
type Overseer interface {
	// Look queues what is due. Every process calls it once a second.
	Look(ctx context.Context) error
	// RunTask runs a job of one person. How it ended stands in its row.
	RunTask(ctx context.Context, connection, job perch.ID)
}

// Oversee makes the queue run o's tasks and look for what o has due. It is called before Start.
func (q *Queue) Oversee(o Overseer) { q.overseer = o }

// InsertTask queues a job of one person, in the caller's transaction.
func (q *Queue) InsertTask(ctx context.Context, tx *sql.Tx, connection, job perch.ID) error {
	if _, err := q.client.InsertTx(ctx, tx, TaskArgs{ConnectionID: connection, JobID: job}, nil); err != nil {
		return fmt.Errorf("queueing a job: %w", err)
	}
	return nil
}

type taskWorker struct {
	river.WorkerDefaults[TaskArgs]
	queue *Queue
}

// Work runs the job.
func (w *taskWorker) Work(ctx context.Context, job *river.Job[TaskArgs]) error {
	if w.queue.overseer != nil {
		w.queue.overseer.RunTask(ctx, job.Args.ConnectionID, job.Args.JobID)
	}
	return nil
}
