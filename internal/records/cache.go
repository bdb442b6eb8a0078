package records

import (
	"sync"
	"sync/atomic"

	perch "github.com/perchhq/perch"
)

// DefaultCacheBytes bounds the memory for opened blocks.
const DefaultCacheBytes = 64 << 20

// cache keeps opened blocks. A hit takes no lock beyond the one that finds the collection: pages of
// a collection stand in a slice by number. When the budget is exceeded, pages go in the order in
// which they came, except that one used since is passed over once (the clock algorithm).
type cache struct {
	budget int64
	mu     sync.RWMutex
	shelf  map[shelfKey]*shelf

	clockMu sync.Mutex
	clock   []*cached // in no order that matters; hand goes round
	hand    int
	used    int64
}

type shelfKey struct {
	entity     perch.ID
	collection string
}

// shelf holds the cached pages of one collection, by facet and number. A nil shelf is empty.
type shelf struct {
	key    shelfKey
	mu     sync.RWMutex
	live   int
	facets map[string][]*cached
}

// cached is a page with the span of generations for which it is the newest version.
type cached struct {
	page    *page
	version int64
	through atomic.Int64
	touched atomic.Bool
	shelf   *shelf
	facet   string
	number  int64
}

func newCache(budget int64) *cache {
	return &cache{budget: budget, shelf: map[shelfKey]*shelf{}}
}

// of returns the shelf of a collection, or nil while nothing of it is cached.
func (c *cache) of(key shelfKey) *shelf {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.shelf[key]
}

// make returns the shelf of a collection, new if need be.
func (c *cache) make(key shelfKey) *shelf {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelf[key]
	if s == nil {
		s = &shelf{key: key, facets: map[string][]*cached{}}
		c.shelf[key] = s
	}
	return s
}

// drop forgets an entity, whose key was destroyed.
func (c *cache) drop(entity perch.ID) {
	c.mu.Lock()
	var gone []*shelf
	for key, s := range c.shelf {
		if key.entity == entity {
			gone = append(gone, s)
			delete(c.shelf, key)
		}
	}
	c.mu.Unlock()
	for _, s := range gone {
		s.mu.Lock()
		s.facets, s.live = map[string][]*cached{}, 0
		s.mu.Unlock()
	}
}

// get returns the cached page of a block, or nil.
func (s *shelf) get(facet string, number int64) *cached {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	pages := s.facets[facet]
	if number >= int64(len(pages)) {
		return nil
	}
	return pages[number]
}

// put stores a page in place of an older one and makes room for it.
func (c *cache) put(key shelfKey, e *cached) {
	size := e.page.size()
	if size > c.budget/4 {
		return
	}
	s := c.make(key)
	e.shelf = s
	s.mu.Lock()
	pages := s.facets[e.facet]
	for int64(len(pages)) <= e.number {
		pages = append(pages, nil)
	}
	if held := pages[e.number]; held != nil && held.version > e.version {
		s.mu.Unlock()
		return // a newer one came first
	}
	if pages[e.number] == nil {
		s.live++
	}
	pages[e.number] = e
	s.facets[e.facet] = pages
	s.mu.Unlock()

	c.clockMu.Lock()
	defer c.clockMu.Unlock()
	c.clock = append(c.clock, e)
	c.used += size
	for c.used > c.budget && len(c.clock) > 1 {
		c.evictOne(e)
	}
}

func (c *cache) evictOne(keep *cached) {
	if c.hand >= len(c.clock) {
		c.hand = 0
	}
	e := c.clock[c.hand]
	if e == keep || (e.touched.Swap(false) && e.shelf.holds(e)) {
		c.hand++
		return
	}
	last := len(c.clock) - 1
	c.clock[c.hand] = c.clock[last]
	c.clock[last] = nil
	c.clock = c.clock[:last]
	c.used -= e.page.size()
	if e.shelf.remove(e) {
		c.mu.Lock()
		if c.shelf[e.shelf.key] == e.shelf {
			delete(c.shelf, e.shelf.key)
		}
		c.mu.Unlock()
	}
}

func (s *shelf) holds(e *cached) bool { return s.get(e.facet, e.number) == e }

// remove takes a page off the shelf and reports whether that left the shelf empty. A reader that
// holds an emptied shelf may still put a page on it; the clock then finds that page like any other.
func (s *shelf) remove(e *cached) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pages := s.facets[e.facet]; e.number < int64(len(pages)) && pages[e.number] == e {
		pages[e.number] = nil
		s.live--
	}
	return s.live == 0
}

// advance raises a to at least value.
func advance(a *atomic.Int64, value int64) {
	for {
		held := a.Load()
		if held >= value || a.CompareAndSwap(held, value) {
			return
		}
	}
}
