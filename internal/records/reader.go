package records

import (
	"context"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// Reader reads published records through a bounded cache. It is safe for concurrent use.
type Reader struct {
	store   *store.Store
	keyring *secret.Keyring
	cache   *cache
}

// NewReader returns a reader whose cache holds at most cacheBytes of opened blocks.
func NewReader(s *store.Store, keyring *secret.Keyring, cacheBytes int64) *Reader {
	return &Reader{store: s, keyring: keyring, cache: newCache(cacheBytes)}
}

// Forget drops what is cached of an entity.
func (r *Reader) Forget(entity perch.ID) { r.cache.drop(entity) }

// View is one collection of one entity at one generation. It lives for one request.
type View struct {
	reader     *Reader
	ctx        context.Context
	entity     perch.ID
	generation int64
	collection Collection
	shelf      *shelf
	cipher     *secret.Cipher
	head       head
	// exists is false for a collection that the generation does not have.
	exists bool
	// last remembers the page read last of each facet, since neighbours are asked for together.
	last [8]lastPage
}

type lastPage struct {
	number int64
	page   *page
}

// View opens a collection at a generation that was published.
func (r *Reader) View(ctx context.Context, entity perch.ID, generation int64, collection Collection) (*View, error) {
	v := &View{reader: r, ctx: ctx, entity: entity, generation: generation, collection: collection, shelf: r.cache.of(shelfKey{entity, collection.Name})}
	p, err := v.page(headLayout, 0)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	if p.len() == 0 {
		return v, nil // the collection was deleted
	}
	if v.shelf == nil { // it is there now, unless nothing fits
		v.shelf = r.cache.of(shelfKey{entity, collection.Name})
	}
	v.exists = true
	v.head, err = decodeHead(p.stored(0))
	return v, err
}

// Exists reports whether the collection was ever published.
func (v *View) Exists() bool { return v.exists }

// Count returns the number of records.
func (v *View) Count() int { return v.head.count }

// page returns a block as of the view's generation, from the cache if it is there.
func (v *View) page(facet Facet, number int64) (*page, error) {
	held := v.shelf.get(facet.Name, number)
	var known int64
	if held != nil && held.version <= v.generation {
		if v.generation <= held.through.Load() {
			if !held.touched.Load() {
				held.touched.Store(true)
			}
			return held.page, nil
		}
		known = held.version
	}
	return v.fetch(facet, number, held, known)
}

func (v *View) fetch(facet Facet, number int64, held *cached, known int64) (*page, error) {
	b, err := v.reader.store.Block(v.ctx, v.entity, v.collection.Name, facet.Name, number, v.generation, known)
	if err != nil {
		return nil, err
	}
	if known != 0 && b.Generation == known {
		advance(&held.through, v.generation)
		return held.page, nil
	}
	if v.cipher == nil {
		if v.cipher, err = v.reader.keyring.Cipher(v.ctx, v.entity); err != nil {
			return nil, fmt.Errorf("opening the entity's records: %w", err)
		}
	}
	p, err := openBlock(v.cipher, v.entity, v.collection.Name, facet, number, b.Generation, b.Body)
	if err != nil {
		return nil, err
	}
	fresh := &cached{page: p, version: b.Generation, facet: facet.Name, number: number}
	fresh.through.Store(v.generation)
	if !facet.Identifiers { // what is sealed twice is not kept open
		v.reader.cache.put(shelfKey{v.entity, v.collection.Name}, fresh)
	}
	return p, nil
}

// Position looks up the position of an id.
func (v *View) Position(id perch.ID) (int, bool, error) {
	if v.head.count == 0 {
		return 0, false, nil
	}
	p, err := v.page(indexLayout, bucketOf(id, v.head.width))
	if errors.Is(err, store.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil || p.len() == 0 {
		return 0, false, err
	}
	entry, ok := findEntry(p.stored(0), v.collection.entrySize(), id)
	if !ok {
		return 0, false, nil
	}
	return entryPosition(entry), true, nil
}

// Append appends the record at a position as it is served.
func (v *View) Append(dst []byte, facet, position int) ([]byte, error) {
	p, i, err := v.at(facet, position)
	if err != nil {
		return dst, err
	}
	return p.append(dst, i)
}

// at returns the page of a position and the record's place on it.
func (v *View) at(facet, position int) (*page, int, error) {
	layout := &v.collection.Facets[facet]
	number := int64(position / layout.PerBlock)
	last := &v.last[facet]
	if last.page == nil || last.number != number {
		p, err := v.page(*layout, number)
		if err != nil {
			return nil, 0, err
		}
		last.number, last.page = number, p
	}
	return last.page, position % layout.PerBlock, nil
}

// AppendRange appends the records from one position up to, not including, another, with commas
// between them.
func (v *View) AppendRange(dst []byte, facet, from, to int) ([]byte, error) {
	var err error
	for position := from; position < to; position++ {
		if position > from {
			dst = append(dst, ',')
		}
		if dst, err = v.Append(dst, facet, position); err != nil {
			return dst, err
		}
	}
	return dst, nil
}
