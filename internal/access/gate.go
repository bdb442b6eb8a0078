package access

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// gate reads the database's revision for many requests at a time. A request takes part in the first
// reading that begins after it arrived, so what it learns is never older than the request, and
// however many requests arrive at once, one reading is under way and one is to come.
type gate struct {
	read func(context.Context) (int64, error)

	mu      sync.Mutex
	running bool
	next    *reading // gathers requests for the reading after the running one
}

type reading struct {
	done  chan struct{}
	value int64
	err   error
}

func (g *gate) pass(ctx context.Context) (int64, error) {
	g.mu.Lock()
	if !g.running {
		g.running = true
		g.mu.Unlock()
		return g.lead(ctx)
	}
	if g.next == nil {
		g.next = &reading{done: make(chan struct{})}
	}
	joined := g.next
	g.mu.Unlock()
	return joined.wait(ctx)
}

func (r *reading) wait(ctx context.Context) (int64, error) {
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// lead reads for itself and starts a reading for those who gathered meanwhile.
func (g *gate) lead(ctx context.Context) (int64, error) {
	value, err := g.readSoon(context.WithoutCancel(ctx))
	g.hand()
	return value, err
}

// readTimeout bounds a reading, for which every request waits: a database that hangs is an error.
const readTimeout = 5 * time.Second

func (g *gate) readSoon(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return g.read(ctx)
}

// hand passes the lead to those who wait, or lays it down.
func (g *gate) hand() {
	g.mu.Lock()
	waiting := g.next
	g.next = nil
	g.running = waiting != nil
	g.mu.Unlock()
	if waiting == nil {
		return
	}
	go func() {
		waiting.value, waiting.err = g.readSoon(context.Background())
		close(waiting.done)
		g.hand()
	}()
}

// grantCache keeps grants as of one revision; a newer revision empties it.
type grantCache struct {
	mu       sync.RWMutex
	revision int64
	grants   map[[sha256.Size]byte]*Grant
}

// cachedGrants bounds the cache; a grant takes about 1 KiB.
const cachedGrants = 16384

func (c *grantCache) get(hash [sha256.Size]byte, revision int64) *Grant {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.revision != revision {
		return nil
	}
	return c.grants[hash]
}

// put keeps a grant that was read after the revision was. If the database has moved on since, the
// next request sees a newer revision and reads it again.
func (c *grantCache) put(hash [sha256.Size]byte, revision int64, g *Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if revision < c.revision {
		return
	}
	if revision > c.revision || len(c.grants) >= cachedGrants {
		c.revision, c.grants = revision, map[[sha256.Size]byte]*Grant{}
	}
	c.grants[hash] = g
}
