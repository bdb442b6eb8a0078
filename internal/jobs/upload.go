package jobs

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"

	perch "github.com/perchhq/perch"
)

// UploadArgs names files that were handed in. As with syncs, their row says what is to be done with them
// and whether that is tried again.
type UploadArgs struct {
	ConnectionID perch.ID `json:"connection_id"`
	EntityID     perch.ID `json:"entity_id"`
	UploadID     perch.ID `json:"upload_id"`
}

// Kind implements river.JobArgs.
func (UploadArgs) Kind() string { return "upload" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (UploadArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: syncQueue, MaxAttempts: 1}
}

// Uploads is who reads and publishes files.
type Uploads interface {
	// Work does what an upload waits for. How it ended stands in its row.
	Work(ctx context.Context, entity, upload perch.ID)
	// Look queues what was lost. Every process calls it once a second.
	Look(ctx context.Context) error
}

// ServeUploads makes the queue run the work of uploads. It is called before Start.
func (q *Queue) ServeUploads(u Uploads) { q.uploads = u }

// InsertUpload queues the work on an upload, in the caller's transaction.
func (q *Queue) InsertUpload(ctx context.Context, tx *sql.Tx, connection, entity, upload perch.ID) error {
	if _, err := q.client.InsertTx(ctx, tx, UploadArgs{connection, entity, upload}, nil); err != nil {
		return fmt.Errorf("queueing an upload: %w", err)
	}
	return nil
}

type uploadWorker struct {
	river.WorkerDefaults[UploadArgs]
	queue *Queue
}

// Work runs the job.
func (w *uploadWorker) Work(ctx context.Context, job *river.Job[UploadArgs]) error {
	if w.queue.uploads != nil {
		w.queue.uploads.Work(ctx, job.Args.EntityID, job.Args.UploadID)
	}
	return nil
}
