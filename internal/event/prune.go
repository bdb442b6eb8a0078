package event

import (
	"context"
	"database/sql"
	"log/slog"
	"time"
)

const (
	// Kept is for how long events stay in the log.
	Kept = 30 * 24 * time.Hour
	// abandonedAfter is how old an unpublished batch is that no sync is left for, before it is deleted;
	// the entity's next sync deletes it sooner.
	abandonedAfter = 24 * time.Hour
	// pruneEvery is how often the log is pruned.
	pruneEvery = time.Hour
	// pruneMost bounds one transaction that deletes.
	pruneMost = 2000
)

// Watch prunes the log now and then until ctx ends.
func (l *Log) Watch(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := l.Prune(ctx); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "deleting old events", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Prune deletes what is older than Kept and what syncs left behind that nobody goes on with. Several
// processes may do it at a time.
func (l *Log) Prune(ctx context.Context) error {
	before := l.Now().Add(-Kept)
	if err := l.Store.ExpireEvents(ctx, before); err != nil {
		return err
	}
	err := l.inChunks(ctx, func(tx *sql.Tx) (bool, error) { return l.Store.DeleteExpiredEvents(ctx, tx, before, pruneMost) })
	if err != nil {
		return err
	}
	abandoned := l.Now().Add(-abandonedAfter)
	return l.inChunks(ctx, func(tx *sql.Tx) (bool, error) { return l.Store.DeleteOrphanedEvents(ctx, tx, abandoned, pruneMost) })
}

func (l *Log) inChunks(ctx context.Context, deletion func(tx *sql.Tx) (bool, error)) error {
	for more := true; more; {
		err := l.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
			more, err = deletion(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
