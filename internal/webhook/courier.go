package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

const (
	// concurrency is how many requests to one endpoint are under way at a time, and failingConcurrency
	// how many while it fails.
	concurrency        = 16
	failingConcurrency = 4
	// DefaultLease is how long an endpoint is held without a sign of life.
	DefaultLease = 10 * time.Second
	// lookEvery is how soon is noticed what no one told of: a retry that is due, an event that another
	// process published on SQLite.
	lookEvery = 500 * time.Millisecond
	// sweepEvery is how often old deliveries are deleted, and keepFor how long they are kept: as long
	// as the events themselves.
	sweepEvery = time.Hour
	sweepMost  = 500
	keepFor    = 30 * 24 * time.Hour
	// reconnectAfter is the pause before the database is listened to again.
	reconnectAfter = time.Second
)

// Courier sends events to endpoints. Its fields are set once, before Start.
type Courier struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Sender  *Sender
	Now     func() time.Time
	Log     *slog.Logger
	// Owner names this process in leases; LeaseFor is how long they last.
	Owner    string
	LeaseFor time.Duration

	mu    sync.Mutex
	lanes map[perch.ID]*lane
	// stopping is set once no lane may begin.
	stopping bool
	running  sync.WaitGroup

	live atomic.Bool
	// wake carries applications with new events. When it is full, the next look finds them.
	wake chan perch.ID
	// soft ends when nothing new may be sent, hard when what is under way is broken off.
	soft, hard       context.Context
	endSoft, endHard context.CancelFunc
	background       sync.WaitGroup
}

// wakeBuffer is how many applications may have news at a time before the rest waits for a look.
const wakeBuffer = 1024

// Announce implements event.Announcer: it wakes the processes that send, once the transaction is
// committed. What is to be sent follows from the log.
func (c *Courier) Announce(ctx context.Context, tx *sql.Tx, application, _ perch.ID) error {
	if err := c.Store.NotifyEvents(ctx, tx, application); err != nil {
		return err
	}
	c.Wake(application)
	return nil
}

// Wake lets the courier of this process look whether there is something to be sent for an application.
// It may be called inside the transaction that causes it.
func (c *Courier) Wake(application perch.ID) {
	if !c.live.Load() {
		return
	}
	select {
	case c.wake <- application:
	default:
	}
}

// Start sends until Stop.
func (c *Courier) Start(ctx context.Context) {
	c.wake, c.lanes = make(chan perch.ID, wakeBuffer), map[perch.ID]*lane{}
	c.hard, c.endHard = context.WithCancel(context.WithoutCancel(ctx))
	c.soft, c.endSoft = context.WithCancel(c.hard)
	c.live.Store(true)
	c.background.Go(c.look)
	c.background.Go(c.listen)
	c.background.Go(c.sweep)
}

// Stop lets what is under way finish until ctx ends, then breaks it off: a delivery that we broke off
// has not failed and is sent again.
func (c *Courier) Stop(ctx context.Context) error {
	if !c.live.Swap(false) {
		return nil
	}
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	c.endSoft()
	done := make(chan struct{})
	go func() {
		c.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		c.endHard()
		<-done
	}
	c.endHard()
	c.background.Wait()
	c.Sender.Close()
	return c.Store.ReleaseWebhooks(context.WithoutCancel(ctx), c.Owner)
}

// look starts a lane for each endpoint that something is to be sent to.
func (c *Courier) look() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		var work []store.WebhookWork
		var err error
		select {
		case <-c.soft.Done():
			return
		case application := <-c.wake:
			work, err = c.Store.WebhookWorkAfter(c.soft, application, c.Owner, c.Now())
		case <-ticker.C:
			work, err = c.Store.WebhookWork(c.soft, c.Owner, c.Now())
		}
		if err != nil && c.soft.Err() == nil {
			c.Log.WarnContext(c.soft, "looking for webhooks to send", "error", err)
		}
		for _, one := range work {
			c.begin(one)
		}
	}
}

// begin starts the lane of an endpoint, or tells the one that runs to look again.
func (c *Courier) begin(w store.WebhookWork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return
	}
	if running := c.lanes[w.EndpointID]; running != nil {
		running.again.Store(true)
		return
	}
	l := newLane(c, w)
	c.lanes[w.EndpointID] = l
	c.running.Go(func() {
		for {
			l.again.Store(false)
			if err := l.drain(); err != nil && !errors.Is(err, store.ErrNotFound) {
				c.Log.WarnContext(c.hard, "sending webhooks", "endpoint_id", w.EndpointID, "error", err)
				l.again.Store(false) // the next look begins anew
			}
			if c.finished(w.EndpointID, l) {
				return
			}
			l = newLane(c, w)
			c.replace(w.EndpointID, l)
		}
	})
}

// finished ends a lane unless it was told meanwhile that there is more.
func (c *Courier) finished(endpoint perch.ID, l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.again.Load() && !c.stopping {
		return false
	}
	delete(c.lanes, endpoint)
	return true
}

func (c *Courier) replace(endpoint perch.ID, l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[endpoint] = l
}

// listen is told by PostgreSQL of what any process published.
func (c *Courier) listen() {
	for c.soft.Err() == nil {
		if err := c.Store.ListenEvents(c.soft, c.Wake); err != nil {
			c.Log.WarnContext(c.soft, "new events are noticed later until the database answers", "error", err)
		}
		c.pause(reconnectAfter)
	}
}

// pause waits, or until nothing new may be sent.
func (c *Courier) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.soft.Done():
	case <-timer.C:
	}
}

// sweep deletes old deliveries in small transactions.
func (c *Courier) sweep() {
	for c.soft.Err() == nil {
		for more := true; more && c.soft.Err() == nil; {
			err := c.Store.Tx(c.soft, func(tx *sql.Tx) (err error) {
				more, err = c.Store.SweepWebhooks(c.soft, tx, c.Now().Add(-keepFor), sweepMost)
				return err
			})
			if err != nil {
				if c.soft.Err() == nil {
					c.Log.WarnContext(c.soft, "deleting old deliveries", "error", err)
				}
				break
			}
		}
		c.pause(sweepEvery)
	}
}

func (c *Courier) lease(w store.WebhookWork) store.WebhookLease {
	return store.WebhookLease{ApplicationID: w.ApplicationID, EndpointID: w.EndpointID, Owner: c.Owner, Until: c.Now().Add(c.LeaseFor)}
}

// target is where an endpoint's messages go, with the secrets that sign them now.
func target(ctx context.Context, s *store.Store, keyring *secret.Keyring, e store.WebhookEndpoint, now time.Time) (Target, error) {
	application, _, err := s.Application(ctx, e.ApplicationID)
	if err != nil {
		return Target{}, err
	}
	cipher, err := keyring.Cipher(ctx, e.ApplicationID)
	if err != nil {
		return Target{}, err
	}
	address, err := cipher.Open(nil, e.URL, urlPlace(e.ID))
	if err != nil {
		return Target{}, fmt.Errorf("opening the address of a webhook endpoint: %w", err)
	}
	to := Target{URL: string(address), Kind: application.Type}
	secrets, err := s.WebhookSecrets(ctx, e.ApplicationID, e.ID, now)
	if err != nil {
		return Target{}, err
	}
	for _, one := range secrets {
		key, err := cipher.Open(nil, one.Sealed, secretPlace(one.ID))
		if err != nil {
			return Target{}, fmt.Errorf("opening a secret of a webhook endpoint: %w", err)
		}
		to.Keys = append(to.Keys, key)
	}
	if len(to.Keys) == 0 {
		return Target{}, errors.New("a webhook endpoint has no secret")
	}
	return to, nil
}

// What is sealed is bound to where it stands.
func urlPlace(endpoint perch.ID) []byte    { return append([]byte("webhook url "), endpoint[:]...) }
func secretPlace(secret perch.ID) []byte   { return append([]byte("webhook secret "), secret[:]...) }
func answerPlace(endpoint perch.ID) []byte { return append([]byte("webhook answer "), endpoint[:]...) }
