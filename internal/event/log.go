package event

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
)

// Announcer is told of every batch inside the transaction that publishes it, such as to queue its
// delivery. An error takes the transaction back.
type Announcer interface {
	Announce(ctx context.Context, tx *sql.Tx, application, batch perch.ID) error
}

// Log writes events. Its fields are set once, before use.
type Log struct {
	Store *store.Store
	Now   func() time.Time
	// PublicURL is where applications reach the API, as https://perch.example.com. Without it, URLs in
	// events are paths.
	PublicURL string
	// Announcer may be nil.
	Announcer Announcer
}

// Origin says whose events they are.
type Origin struct {
	ApplicationID, ConnectionID, CompanyID, EntityID perch.ID
	// Assisted says that the connection is kept by file or by people.
	Assisted bool
}

// Record writes events and publishes them as one batch, which applications see once the caller's
// transaction is committed. The log of the application stays locked until then: call it near the end,
// but before what advances the revision (setting a status, publishing a generation).
func (l *Log) Record(ctx context.Context, tx *sql.Tx, origin Origin, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	d := l.Draft(origin)
	for _, e := range events {
		d.Add(e)
	}
	if err := d.Write(ctx, tx, d.Take()); err != nil {
		return err
	}
	return d.Publish(ctx, tx)
}

// Draft is a batch that is being written and that nobody sees before Publish. A sync writes it in
// chunks; what it leaves behind unpublished is swept by the entity's next sync. It is not safe for
// concurrent use, but Write may run beside Add.
type Draft struct {
	log    *Log
	batch  store.EventBatch
	encode encoder
	size   int64
	held   []store.Event
}

// Draft begins a batch. Nothing is stored before the first Write.
func (l *Log) Draft(origin Origin) *Draft {
	return &Draft{log: l, encode: newEncoder(origin), batch: store.EventBatch{
		ID: perch.NewID(), ApplicationID: origin.ApplicationID, ConnectionID: origin.ConnectionID, EntityID: origin.EntityID,
	}}
}

// Add takes one more event.
func (d *Draft) Add(e Event) {
	number := d.size
	d.size++
	d.held = append(d.held, store.Event{
		BatchID: d.batch.ID, Number: number, ID: eventID(d.batch.ID, number),
		ApplicationID: d.batch.ApplicationID, ConnectionID: d.batch.ConnectionID,
		Type: e.Type, Assisted: d.encode.assisted && OnRequest(e.Type), Body: d.encode.body(e),
	})
}

// Held is the number of events that were added and not taken.
func (d *Draft) Held() int { return len(d.held) }

// Take hands the events out that are to be written next.
func (d *Draft) Take() []store.Event {
	held := d.held
	d.held = nil
	return held
}

// Write stores events that Take handed out. One call follows another's commit.
func (d *Draft) Write(ctx context.Context, tx *sql.Tx, events []store.Event) error {
	if len(events) == 0 {
		return nil
	}
	if events[0].Number == 0 {
		batch := d.batch
		batch.CreatedAt = d.log.Now()
		if err := d.log.Store.InsertEventBatch(ctx, tx, batch); err != nil {
			return err
		}
	}
	return d.log.Store.InsertEvents(ctx, tx, events)
}

// Publish makes the batch visible with the transaction's commit, in constant time. Everything must have
// been written. A batch without events is none.
func (d *Draft) Publish(ctx context.Context, tx *sql.Tx) error {
	if d.size == 0 {
		return nil
	}
	if len(d.held) != 0 {
		return fmt.Errorf("publishing events: %d are not written yet", len(d.held))
	}
	application, batch := d.batch.ApplicationID, d.batch.ID
	if _, err := d.log.Store.PublishEventBatch(ctx, tx, application, batch, d.size, d.log.Now()); err != nil {
		return err
	}
	if d.log.Announcer == nil {
		return nil
	}
	if err := d.log.Announcer.Announce(ctx, tx, application, batch); err != nil {
		return fmt.Errorf("announcing events: %w", err)
	}
	return nil
}

// eventID is the id of an event: the batch's own 74 random bits and the number. Ids of a batch are
// neighbours in the index, so that a million of them are written as fast as rows without an id.
func eventID(batch perch.ID, number int64) perch.ID {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(number))
	copy(batch[10:], n[2:])
	return batch
}
