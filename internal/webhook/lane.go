package webhook

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

const (
	// chunk is how many messages are read at a time.
	chunk = 512
	// lowWater is when the next chunk is read: early enough for a slow database.
	lowWater = 256
	// handedOut is how many messages wait for a worker.
	handedOut = 64
	// storeAt is how many outcomes are stored without waiting for more. While others are being stored, up
	// to storeMost, or storeBytes of answers, gather.
	storeAt    = 256
	storeMost  = 1024
	storeBytes = 1 << 20
	// storeEvery is how long an outcome waits for others, so that one transaction stores them.
	storeEvery = 20 * time.Millisecond
	// slow is when a request that is under way no longer holds back the endpoint's place in the log:
	// until it ends, a row stands for it, which is due after presumedDead in case that this process dies.
	slow         = time.Second
	presumedDead = attemptTimeout + 5*time.Second
	// storeAgainAfter is the pause before outcomes that could not be stored are tried again.
	storeAgainAfter = 200 * time.Millisecond
)

// lane sends to one endpoint. It is one goroutine, drain, which reads, hands out and stores, and up to
// concurrency others that make the requests.
type lane struct {
	*Courier
	work store.WebhookWork
	// again says that there may be more than was read.
	again atomic.Bool

	endpoint store.WebhookEndpoint
	target   Target
	cipher   *secret.Cipher

	feed, replay *stretch
	replayID     perch.ID
	noReplay     bool
	// dueRead says that no delivery was due when last looked.
	dueRead bool
	queue   []*item
	// busy are the events that were read and whose outcome is not stored.
	busy map[perch.ID]*item
	// done have an outcome that is not stored; doneBytes is the size of their answers, and firstDone when
	// the first of them came.
	done      []*item
	doneBytes int
	firstDone time.Time
	// mustStore says that it is time, whether or not much is done.
	mustStore bool
	// saving is what is being stored, if anything; saves tells when it is.
	saving   *batch
	saves    chan error
	targetAt time.Time

	handOut  chan *item
	results  chan *item
	inFlight int
	workers  int
	// failed ends the lane once what is under way is stored.
	failed error
}

// item is a message on its way through the lane.
type item struct {
	store.WebhookMessage
	to      Target
	handed  time.Time // when it was handed out
	sent    bool      // there is an outcome
	covered bool      // a row stands for it
	attempt Attempt
}

// mark is an item and the place in the log behind it.
type mark struct {
	*item
	after store.WebhookCursor
}

// stretch is a part of the event log that is read in order.
type stretch struct {
	cause string
	until int64
	// read is how far it was read, and end that there is no more.
	read store.WebhookCursor
	end  bool
	// order are the items of it that the stored place has not passed.
	order  []mark
	stored store.WebhookCursor
}

func newLane(c *Courier, w store.WebhookWork) *lane {
	return &lane{Courier: c, work: w, busy: map[perch.ID]*item{},
		handOut: make(chan *item, handedOut), results: make(chan *item, handedOut), saves: make(chan error, 1)}
}

// drain sends until there is nothing more to be sent. It returns store.ErrNotFound when another process
// works for the endpoint.
func (l *lane) drain() error {
	endpoint, err := l.Store.HoldWebhook(l.soft, l.lease(l.work), l.Now())
	if err != nil {
		return l.unlessStopped(err)
	}
	if err := l.adopt(endpoint); err != nil {
		return l.unlessStopped(err)
	}
	ctx, breakOff := context.WithCancel(l.hard)
	defer l.dismiss(breakOff)
	timer := time.NewTimer(l.LeaseFor)
	defer timer.Stop()
	for {
		l.fill()
		busy := len(l.queue) > 0 || l.inFlight > 0
		switch {
		case l.saving == nil && (l.mustStore || len(l.done) >= storeAt || l.full() || !busy && l.unstored()):
			l.save()
		case busy || l.saving != nil:
			if err := l.step(ctx, timer); err != nil {
				return err
			}
		case l.resting() || l.readAll():
			return l.failed
		}
	}
}

// full reports that no more outcomes may wait to be stored.
func (l *lane) full() bool { return len(l.done) >= storeMost || l.doneBytes >= storeBytes }

// readAll reports that there was nothing more to be read.
func (l *lane) readAll() bool {
	return l.dueRead && l.feed.end && (l.replay == nil && l.noReplay || l.replay != nil && l.replay.end)
}

// unlessStopped hides errors that come from stopping.
func (l *lane) unlessStopped(err error) error {
	if l.soft.Err() != nil {
		return nil
	}
	return err
}

// adopt takes over what an endpoint is now. Its place in the log is followed from anew.
func (l *lane) adopt(e store.WebhookEndpoint) (err error) {
	if l.target, err = target(l.soft, l.Store, l.Keyring, e, l.Now()); err != nil {
		return err
	}
	if l.cipher, err = l.Keyring.Cipher(l.soft, e.ApplicationID); err != nil {
		return err
	}
	l.endpoint, l.targetAt = e, time.Now()
	l.drop()
	l.feed = &stretch{cause: causeEvent, read: e.Cursor, stored: e.Cursor}
	l.replay, l.noReplay, l.dueRead = nil, false, false
	return nil
}

// resting reports that nothing new may be sent.
func (l *lane) resting() bool {
	return l.failed != nil || l.soft.Err() != nil || l.endpoint.State != store.WebhookEnabled || l.endpoint.PausedUntil.After(l.Now())
}

// fill reads what is to be sent next. Deliveries that are due and new events take turns, so that neither
// waits for all of the other.
func (l *lane) fill() {
	if l.resting() {
		l.drop()
		return
	}
	if l.again.Swap(false) {
		l.dueRead, l.feed.end, l.noReplay = false, false, false
		if l.replay != nil {
			l.replay.end = false
		}
	}
	if len(l.queue) >= lowWater {
		return
	}
	for _, read := range []func() error{l.readDue, l.readFeed, l.readReplay} {
		if err := read(); err != nil {
			if l.soft.Err() == nil {
				l.failed = err
			}
			return
		}
	}
}

// drop forgets what was read and not handed out, so that it is read again.
func (l *lane) drop() {
	if len(l.queue) == 0 {
		return
	}
	for _, one := range l.queue {
		delete(l.busy, one.EventID)
	}
	l.queue, l.dueRead = nil, false
	l.feed.rewind()
	if l.replay != nil {
		l.replay.rewind()
	}
}

// rewind goes back to before the first item that was not handed out.
func (s *stretch) rewind() {
	for i, m := range s.order {
		if m.sent || m.covered || !m.handed.IsZero() {
			continue
		}
		s.read, s.end = s.stored, false
		if i > 0 {
			s.read = s.order[i-1].after
		}
		s.order = s.order[:i]
		return
	}
}

func (l *lane) readDue() error {
	if l.dueRead {
		return nil
	}
	most := chunk + len(l.busy)
	list, err := l.Store.DueDeliveries(l.soft, l.work.ApplicationID, l.work.EndpointID, l.Now(), most)
	if err != nil {
		return err
	}
	taken := 0
	for _, m := range list {
		if l.busy[m.EventID] == nil && taken < chunk {
			l.push(&item{WebhookMessage: m})
			taken++
		}
	}
	l.dueRead = len(list) < most && taken < chunk
	return nil
}

func (l *lane) readFeed() error { return l.readStretch(l.feed) }

func (l *lane) readReplay() error {
	if l.noReplay {
		return nil
	}
	if l.replay == nil {
		r, err := l.Store.OldestReplay(l.soft, l.work.ApplicationID, l.work.EndpointID)
		if errors.Is(err, store.ErrNotFound) {
			l.noReplay = true
			return nil
		}
		if err != nil {
			return err
		}
		l.replayID = r.ID
		l.replay = &stretch{cause: causeReplay, until: r.Until, read: r.Cursor, stored: r.Cursor}
	}
	return l.readStretch(l.replay)
}

func (l *lane) readStretch(s *stretch) error {
	if s.end {
		return nil
	}
	list, next, end, err := l.Store.EndpointFeed(l.soft, store.FeedQuery{
		Application: l.work.ApplicationID, Endpoint: l.work.EndpointID, From: s.read, Until: s.until, Types: l.endpoint.Events, Most: chunk})
	if err != nil {
		return err
	}
	s.read, s.end = next, end
	for _, m := range list {
		if busy := l.busy[m.EventID]; busy != nil {
			s.order = append(s.order, mark{busy, m.After})
			continue
		}
		one := &item{WebhookMessage: m}
		s.order = append(s.order, mark{one, m.After})
		if s == l.feed && m.Known {
			one.covered = true // its row says whether and when it is sent
			continue
		}
		one.Cause = s.cause
		if one.CreatedAt.IsZero() {
			one.CreatedAt = l.Now()
		}
		l.push(one)
	}
	return nil
}

func (l *lane) push(one *item) {
	l.busy[one.EventID] = one
	l.queue = append(l.queue, one)
}

// step waits for one thing to happen.
func (l *lane) step(ctx context.Context, timer *time.Timer) error {
	var out chan *item
	var next *item
	if len(l.queue) > 0 {
		next, out = l.queue[0], l.handOut
		if next.Lost {
			l.queue = l.queue[1:]
			next.attempt = Attempt{At: l.Now(), Error: "the event is no longer kept"}
			l.settled(next)
			return nil
		}
		next.to = l.target
	}
	if !l.endpoint.FailingSince.IsZero() && l.inFlight >= failingConcurrency {
		out = nil
	}
	wait := l.LeaseFor / 3
	if len(l.done) > 0 && l.saving == nil {
		wait = max(storeEvery-time.Since(l.firstDone), 0)
	}
	timer.Reset(wait)
	results := l.results
	if l.full() {
		results = nil // until those before are stored
	}
	stopped := l.soft.Done()
	if l.resting() {
		stopped = nil // it was noticed
	}
	select {
	case out <- next:
		next.handed = time.Now()
		l.queue = l.queue[1:]
		l.inFlight++
		l.employ(ctx)
	case one := <-results:
		l.inFlight--
		l.settled(one)
	case err := <-l.saves:
		return l.saved(err)
	case <-timer.C:
		l.mustStore = true
	case <-stopped:
	}
	return nil
}

// employ starts a worker where one more is of use.
func (l *lane) employ(ctx context.Context) {
	if l.workers >= min(concurrency, l.inFlight) {
		return
	}
	l.workers++
	go func() {
		for one := range l.handOut {
			if l.soft.Err() != nil {
				one.attempt = Attempt{Cancelled: true}
			} else {
				one.attempt = l.Sender.Send(ctx, one.to, one.EventID, []byte(one.Body))
			}
			l.results <- one
		}
	}()
}

// dismiss ends the workers. Where the lane ended before them, what they do is broken off.
func (l *lane) dismiss(breakOff context.CancelFunc) {
	breakOff()
	close(l.handOut)
	for ; l.inFlight > 0; l.inFlight-- {
		<-l.results
	}
}
