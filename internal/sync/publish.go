package sync

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/store"
)

const (
	// chunkBytes and chunkBlocks bound one transaction of staged blocks, so that other writers wait
	// little.
	chunkBytes  = 1 << 20
	chunkBlocks = 256
	// chunkEvents is how many events are gathered at most before they are written.
	chunkEvents = 2000
	// sweepBlocks and sweepEvents bound one transaction that deletes.
	sweepBlocks = 512
	sweepEvents = 5000
)

// publisher stages one product group under a new generation and makes it current.
type publisher struct {
	run        *run
	group      access.Group
	from       access.Publication
	generation int64
	changed    bool
	held       []*records.Pending
	heldBytes  int
	// events are told with the publish; nil where nobody listens.
	events *event.Draft
	// writing carries the result of the chunk that is being written while the next is gathered.
	writing chan error
}

// newPublisher sweeps what an earlier run left behind and takes a generation.
func (r *run) newPublisher(ctx context.Context, group access.Group) (*publisher, error) {
	p := &publisher{run: r, group: group, from: r.account.Groups[group]}
	if err := p.sweep(ctx); err != nil {
		return nil, err
	}
	if r.Events != nil {
		p.events = r.Events.Draft(r.origin())
	}
	return p, p.next(ctx)
}

func (p *publisher) next(ctx context.Context) (err error) {
	p.changed = false
	p.generation, err = p.run.Store.NewGeneration(ctx, p.run.account.EntityID)
	return err
}

// sweep deletes abandoned blocks, and those that the last publish covered: requests that began
// before it are over by now, because a sync does not follow another within a request's time.
func (p *publisher) sweep(ctx context.Context) error {
	r := p.run
	deletions := []func(tx *sql.Tx) (bool, error){
		func(tx *sql.Tx) (bool, error) {
			return r.Store.DeleteUnpublishedEvents(ctx, tx, r.account.EntityID, sweepEvents)
		},
		func(tx *sql.Tx) (bool, error) {
			return r.Store.DeleteAbandoned(ctx, tx, r.account.EntityID, p.group, p.from.Generation, sweepBlocks)
		},
	}
	if r.Now().Sub(p.from.AttemptedAt) > readersGone {
		deletions = append(deletions, func(tx *sql.Tx) (bool, error) {
			return r.Store.DeleteSuperseded(ctx, tx, r.account.EntityID, p.group, p.from.Generation, sweepBlocks)
		})
	}
	for _, deletion := range deletions {
		for more := true; more; {
			err := r.Store.Tx(ctx, func(tx *sql.Tx) (err error) {
				if err = r.hold(ctx, tx); err == nil {
					more, err = deletion(tx)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// stage opens a stage of one of the group's collections.
func (p *publisher) stage(ctx context.Context, collection records.Collection) (*records.Stage, error) {
	return records.NewStage(ctx, p.run.Store, p.run.cipher, p, p.run.account.EntityID, collection, p.from.Generation, p.generation)
}

// finish ends a stage.
func (p *publisher) finish(st *records.Stage) error {
	changed, err := st.Finish()
	p.changed = p.changed || changed
	return err
}

// WriteBlock implements records.Sink.
func (p *publisher) WriteBlock(ctx context.Context, _ records.Collection, b *records.Pending) error {
	p.held = append(p.held, b)
	p.heldBytes += b.Size()
	if p.heldBytes < chunkBytes && len(p.held) < chunkBlocks {
		return nil
	}
	return p.hand(ctx)
}

// hand has the held blocks sealed and written in the background, with the events, once the chunk before
// them is.
func (p *publisher) hand(ctx context.Context) error {
	var events []store.Event
	if p.events != nil {
		events = p.events.Take()
	}
	if err := p.settle(); err != nil || len(p.held)+len(events) == 0 {
		return err
	}
	pending, written := p.held, make(chan error, 1)
	p.held, p.heldBytes, p.writing = nil, 0, written
	go func() {
		chunk := make([]store.Block, len(pending))
		for i, b := range pending {
			chunk[i] = b.Seal()
		}
		written <- p.run.Store.Tx(ctx, func(tx *sql.Tx) error {
			if err := p.run.hold(ctx, tx); err != nil {
				return err
			}
			if err := p.run.Store.InsertBlocks(ctx, tx, p.run.account.EntityID, p.group, chunk); err != nil || len(events) == 0 {
				return err
			}
			return p.events.Write(ctx, tx, events)
		})
	}()
	return nil
}

// settle waits for the chunk that is being written.
func (p *publisher) settle() error {
	if p.writing == nil {
		return nil
	}
	err := <-p.writing
	p.writing = nil
	return err
}

// Flush implements records.Sink.
func (p *publisher) Flush(ctx context.Context) error {
	if err := p.hand(ctx); err != nil {
		return err
	}
	return p.settle()
}

// publish makes what was staged current, in one transaction of constant size, and calls with inside
// it. When nothing changed, the generation stays and only the dates move.
func (p *publisher) publish(ctx context.Context, complete bool, with func(tx *sql.Tx) error) error {
	if err := p.Flush(ctx); err != nil {
		return err
	}
	r, now := p.run, p.run.Now()
	next := access.Publication{Generation: p.from.Generation, Complete: complete, RetrievedAt: after(p.from.RetrievedAt, now), AttemptedAt: now, Result: access.ResultSuccess}
	if p.changed || p.from.Generation == 0 {
		next.Generation = p.generation
	}
	err := r.Store.Tx(ctx, func(tx *sql.Tx) error {
		if err := r.hold(ctx, tx); err != nil {
			return err
		}
		if with != nil {
			if err := with(tx); err != nil {
				return err
			}
		}
		if p.events != nil {
			if err := p.events.Publish(ctx, tx); err != nil {
				return err
			}
		}
		return r.Store.Publish(ctx, tx, r.account.EntityID, p.group, p.from.Generation, next)
	})
	if err != nil {
		return fmt.Errorf("publishing %s: %w", p.group, err)
	}
	p.from = next
	return nil
}

// after is now, or the millisecond after the publish before where a clock went back or another process's
// is ahead: clients ask for what was modified after the time of a publish, and are to miss none.
func after(before, now time.Time) time.Time {
	if next := before.Truncate(time.Millisecond).Add(time.Millisecond); now.Before(next) {
		return next
	}
	return now
}
