package payitem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// Gate tells whether a product group may be read, waiting for the first sync where that is due.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Service reads the catalogue and keeps rules. It is safe for concurrent use.
type Service struct {
	Store   *store.Store
	Keyring *secret.Keyring
	Records *records.Reader
	Gate    Gate
	// Patience is how long a read waits for the first sync.
	Patience time.Duration
	Now      func() time.Time

	mu    sync.Mutex
	cache map[perch.ID]*compiled
}

const (
	// maxCompiled bounds how many entities' rules are kept compiled, and maxBytes, about, how much memory they
	// take together. Those of a thousand rules and a few hundred items take about a megabyte.
	maxCompiled = 256
	maxBytes    = 128 << 20
)

// Forget drops what is kept of an entity.
func (s *Service) Forget(entity perch.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cache, entity)
}

func (s *Service) cached(entity *access.Entity, generation int64) *compiled {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cache[entity.ID]
	if c == nil || c.generation != generation || c.revision != entity.RulesRevision {
		return nil
	}
	return c
}

func (s *Service) keep(entity perch.ID, c *compiled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.cache[entity]; held != nil && (held.revision > c.revision || held.generation > c.generation) {
		return // made by a request that saw a later state
	}
	delete(s.cache, entity)
	if s.cache == nil || len(s.cache) >= maxCompiled || s.bytes()+c.bytes() > maxBytes {
		s.cache = map[perch.ID]*compiled{}
	}
	s.cache[entity] = c
}

// bytes is about how much memory all that is kept takes.
func (s *Service) bytes() (total int) {
	for _, c := range s.cache {
		total += c.bytes()
	}
	return total
}

// compiled returns the entity's catalogue and rules as of the request's grant.
func (s *Service) compiled(ctx context.Context, grant *access.Grant, entity *access.Entity) (*compiled, error) {
	generation := entity.Groups[access.Payroll].Generation
	if c := s.cached(entity, generation); c != nil {
		return c, nil
	}
	items, err := s.catalogue(ctx, entity.ID, generation)
	if err != nil {
		return nil, err
	}
	var rules []Rule
	if entity.RulesRevision != 0 {
		if rules, err = s.rules(ctx, ownerOf(grant, entity)); err != nil {
			return nil, err
		}
	}
	c := compile(generation, entity.RulesRevision, items, rules)
	s.keep(entity.ID, c)
	return c, nil
}

func (s *Service) catalogue(ctx context.Context, entity perch.ID, generation int64) ([]Item, error) {
	v, err := s.Records.View(ctx, entity, generation, records.PayItems)
	if err != nil {
		return nil, err
	}
	items := make([]Item, v.Count())
	var buffer []byte
	for position := range items {
		if buffer, err = v.Append(buffer[:0], records.FacetItem, position); err != nil {
			return nil, err
		}
		if items[position], err = DecodeItem(buffer); err != nil {
			return nil, fmt.Errorf("reading the pay statement items: %w", err)
		}
	}
	return items, nil
}

// Fragments returns what to insert at the marks of statements with the given pay date, nil for none; see
// records.View.AppendMarked. It is nil when no rule applies to anything.
func (s *Service) Fragments(ctx context.Context, grant *access.Grant, entity *access.Entity, paid *perch.Date) ([][]byte, error) {
	if entity.RulesRevision == 0 {
		return nil, nil
	}
	c, err := s.compiled(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	return c.on(paid).fragments, nil
}

// Filter says which items are wanted. The zero value is all of them.
type Filter struct {
	// Categories are names; none means all.
	Categories []string
	// Name is a part of the name, in any case; Type is the whole type.
	Name, Type string
	// Start and End bound the day on which the item was last seen, both inclusive.
	Start, End *perch.Date
}

func (f *Filter) wants(i *Item, lowered string) bool {
	if len(f.Categories) > 0 && !slices.Contains(f.Categories, i.Category.String()) {
		return false
	}
	if f.Name != "" && !strings.Contains(strings.ToLower(i.Name), lowered) || f.Type != "" && i.Type != f.Type {
		return false
	}
	if f.Start == nil && f.End == nil {
		return true
	}
	return i.LastSeen != nil && (f.Start == nil || *i.LastSeen >= *f.Start) && (f.End == nil || *i.LastSeen <= *f.End)
}

// maxInserted bounds, in bytes, what rules may add to one answer.
const maxInserted = 64 << 20

// Items appends the answer that lists the items of the entity's pay statements. An item carries the
// metadata that its lines have on the statements on which it was last seen. While the first sync goes on
// the list would lack some, so it is not there yet.
func (s *Service) Items(ctx context.Context, grant *access.Grant, entity *access.Entity, filter Filter, dst []byte) ([]byte, access.Publication, error) {
	entity, err := s.Gate.Await(ctx, grant, entity, access.Payroll, true, s.Patience)
	if err != nil {
		return dst, access.Publication{}, err
	}
	published := entity.Groups[access.Payroll]
	if !published.Complete {
		return dst, published, perch.ErrSyncInProgress
	}
	c, err := s.compiled(ctx, grant, entity)
	if err != nil {
		return dst, published, internal(err)
	}
	lowered, first := strings.ToLower(filter.Name), true
	start := len(dst)
	dst = append(dst, `{"responses":[`...)
	for i := range c.items {
		item := &c.items[i]
		if !filter.wants(item, lowered) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(c.appendMetadataOf(appendItem(dst, item), i), "}}"...)
		if len(dst)-start > maxInserted {
			return dst[:start], published, perch.Invalid("name", "the list is larger than %d MiB; filter it.", maxInserted>>20)
		}
	}
	return append(dst, "]}"...), published, nil
}

// appendItem appends an item up to its metadata.
func appendItem(dst []byte, i *Item) []byte {
	dst = append(dst, `{"name":`...)
	dst = append(dst, quoted(i.Name)...)
	dst = append(dst, `,"category":"`...)
	dst = append(dst, i.Category.String()...)
	dst = append(dst, `","attributes":{"type":`...)
	if i.Type == "" {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, quoted(i.Type)...)
	}
	switch i.Category {
	case EmployeeDeductions:
		dst = append(append(dst, `,"pre_tax":`...), i.Flag.String()...)
	case Taxes:
		dst = append(append(dst, `,"employer":`...), i.Flag.String()...)
	case Earnings, EmployerContributions, categories:
	}
	return append(dst, `,"metadata":`...)
}

// internal hides an unexpected failure. A key that is gone means that the entity was disconnected.
func internal(err error) error {
	var known *perch.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, secret.ErrDestroyed):
		return perch.ErrInvalidToken
	}
	return perch.Internal(err)
}
