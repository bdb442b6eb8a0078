package records

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// Sink takes finished blocks and keeps them under a generation that nobody reads yet. It may hold
// several back to write them together.
type Sink interface {
	WriteBlock(ctx context.Context, collection Collection, b *Pending) error
	// Flush writes what was held back, so that the store can read it.
	Flush(ctx context.Context) error
}

// Change is what Put found.
type Change uint8

// Changes of a record. Repeated means that the same id was put before into this stage.
const (
	Unchanged Change = iota
	Created
	Updated
	Repeated
)

// Stage brings one collection up to date under a new generation. Records are put one by one; what
// did not change is not written. It holds the index in memory (about 60 bytes per record) and a
// bounded number of blocks, whatever the size of the collection.
type Stage struct {
	ctx        context.Context
	store      *store.Store
	cipher     *secret.Cipher
	sink       Sink
	entity     perch.ID
	collection Collection
	base       int64 // the published generation
	generation int64 // the one being written
	old        head
	existed    bool

	positions map[perch.ID]int32
	ids       []perch.ID
	hashes    []uint64 // per position: of the record, then of its facets
	seen      []bool
	dirty     []bool // by position: the index entry changed
	removed   []perch.ID
	changed   bool
	touched   FacetSet       // what the last Put changed
	writers   []*facetWriter // one per facet, then one for the stamps of a stamped collection
}

// NewStage opens a stage over what is published at base.
func NewStage(ctx context.Context, s *store.Store, cipher *secret.Cipher, sink Sink, entity perch.ID, collection Collection, base, generation int64) (*Stage, error) {
	st := &Stage{ctx: ctx, store: s, cipher: cipher, sink: sink, entity: entity, collection: collection,
		base: base, generation: generation, positions: map[perch.ID]int32{}}
	for _, facet := range collection.Facets {
		st.writers = append(st.writers, newFacetWriter(st, facet))
	}
	if collection.Stamped {
		st.writers = append(st.writers, newFacetWriter(st, stampLayout))
	}
	if base == 0 {
		return st, nil
	}
	if err := st.loadHead(); err != nil || !st.existed {
		return st, err
	}
	return st, st.loadIndex()
}

func (st *Stage) loadHead() error {
	b, err := st.store.Block(st.ctx, st.entity, st.collection.Name, headFacet, 0, st.base, 0)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := openBlock(st.cipher, st.entity, st.collection.Name, headLayout, 0, b.Generation, b.Body)
	if err != nil || p.len() == 0 {
		return err
	}
	st.existed = true
	st.old, err = decodeHead(p.stored(0))
	return err
}

func (st *Stage) loadIndex() error {
	n := st.old.count
	st.positions = make(map[perch.ID]int32, n+n/8)
	st.ids = make([]perch.ID, n)
	hashes := st.collection.hashes()
	st.hashes = make([]uint64, n*hashes)
	st.seen, st.dirty = make([]bool, n), make([]bool, n)
	size, found := st.collection.entrySize(), 0
	err := st.store.Blocks(st.ctx, st.entity, st.collection.Name, indexFacet, st.base, func(b store.Block) error {
		if b.Number >= 1<<st.old.width {
			return nil // of a wider cut, before the collection was deleted
		}
		p, err := openBlock(st.cipher, st.entity, st.collection.Name, indexLayout, b.Number, b.Generation, b.Body)
		if err != nil || p.len() == 0 {
			return err
		}
		for bucket := p.stored(0); len(bucket) >= size; bucket = bucket[size:] {
			position := entryPosition(bucket)
			if position >= n {
				return fmt.Errorf("%w: the index of %s names position %d of %d", errMalformed, st.collection.Name, position, n)
			}
			id := perch.ID(bucket[:16])
			st.ids[position] = id
			st.positions[id] = int32(position)
			for h := range hashes {
				st.hashes[position*hashes+h] = binary.BigEndian.Uint64(bucket[entryFixed+8*h:])
			}
			found++
		}
		return nil
	})
	if err == nil && found != n {
		err = fmt.Errorf("%w: the index of %s has %d of %d entries", errMalformed, st.collection.Name, found, n)
	}
	return err
}

// Has reports whether the id is published or was put.
func (st *Stage) Has(id perch.ID) bool { _, ok := st.positions[id]; return ok }

// Seen reports whether the id was put into this stage.
func (st *Stage) Seen(id perch.ID) bool {
	position, ok := st.positions[id]
	return ok && st.seen[position]
}

// Put brings one record up to date. facets are its parts in the collection's order; they are copied
// where they must be kept.
func (st *Stage) Put(id perch.ID, facets [][]byte) (Change, error) {
	st.touched = 0
	position, known := st.positions[id]
	if !known {
		return Created, st.create(id, facets)
	}
	if st.seen[position] {
		return Repeated, nil
	}
	st.seen[position] = true
	return st.update(int(position), facets)
}

// Touched tells which facets the last Put changed; of a new record, all.
func (st *Stage) Touched() FacetSet { return st.touched }

// Keep takes a published record over as it is.
func (st *Stage) Keep(id perch.ID) Change {
	position := st.positions[id]
	if st.seen[position] {
		return Repeated
	}
	st.seen[position] = true
	return Unchanged
}

func (st *Stage) create(id perch.ID, facets [][]byte) error {
	position := len(st.ids)
	st.positions[id] = int32(position)
	st.ids = append(st.ids, id)
	st.seen = append(st.seen, true)
	st.dirty = append(st.dirty, true)
	st.changed = true
	st.hashes = append(st.hashes, st.hash(facets...))
	for f, content := range facets {
		if st.collection.hashes() > 1 {
			st.hashes = append(st.hashes, st.hash(content))
		}
		if err := st.writers[f].set(position, content); err != nil {
			return err
		}
		st.touched |= FacetsOf(f)
	}
	return st.stamp(position, nil)
}

func (st *Stage) update(position int, facets [][]byte) (Change, error) {
	hashes := st.hashes[position*st.collection.hashes():]
	whole := st.hash(facets...)
	if hashes[0] == whole {
		return Unchanged, nil
	}
	hashes[0] = whole
	for f, content := range facets {
		if st.collection.hashes() > 1 {
			hash := st.hash(content)
			if hashes[1+f] == hash {
				continue
			}
			hashes[1+f] = hash
		} else if len(facets) > 1 {
			stored, err := st.writers[f].get(position)
			if err != nil {
				return Updated, err
			}
			if bytes.Equal(stored, content) {
				continue
			}
		}
		if err := st.writers[f].set(position, content); err != nil {
			return Updated, err
		}
		st.touched |= FacetsOf(f)
	}
	st.dirty[position], st.changed = true, true
	return Updated, st.restamp(position)
}

// hash is 64 bits of a keyed hash: it can be wrong about a change once in 2^64 times.
func (st *Stage) hash(parts ...[]byte) uint64 {
	sum := st.cipher.Hash(parts...)
	return binary.BigEndian.Uint64(sum[:8])
}

// Count returns the number of records, removed ones not counted.
func (st *Stage) Count() int { return len(st.ids) }

// Absent calls fn for every published record that was not put, and must be called before Remove.
func (st *Stage) Absent(fn func(id perch.ID) error) error {
	for position := range st.ids {
		if !st.seen[position] {
			if err := fn(st.ids[position]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Record returns one facet of a record as it stands in this stage.
func (st *Stage) Record(id perch.ID, facet int) ([]byte, error) {
	position, ok := st.positions[id]
	if !ok {
		return nil, store.ErrNotFound
	}
	return st.writers[facet].get(int(position))
}

// RemoveAbsent deletes every record that was not put; the last record moves into each hole. It
// returns the ids that went.
func (st *Stage) RemoveAbsent() ([]perch.ID, error) {
	for position := 0; position < len(st.ids); {
		if st.seen[position] {
			position++
			continue
		}
		if err := st.removeAt(position); err != nil {
			return nil, err
		}
	}
	return st.removed, nil
}

func (st *Stage) removeAt(position int) error {
	last, hashes := len(st.ids)-1, st.collection.hashes()
	id := st.ids[position]
	if position != last {
		for _, w := range st.writers {
			content, err := w.get(last)
			if err != nil {
				return err
			}
			if err := w.set(position, content); err != nil {
				return err
			}
		}
		moved := st.ids[last]
		st.ids[position], st.positions[moved] = moved, int32(position)
		copy(st.hashes[position*hashes:(position+1)*hashes], st.hashes[last*hashes:])
		st.seen[position], st.dirty[position] = st.seen[last], true
	}
	for _, w := range st.writers {
		if err := w.truncate(last); err != nil {
			return err
		}
	}
	delete(st.positions, id)
	st.ids, st.seen, st.dirty = st.ids[:last], st.seen[:last], st.dirty[:last]
	st.hashes = st.hashes[:last*hashes]
	st.removed = append(st.removed, id)
	st.changed = true
	return nil
}

// Finish writes what is still held: the open blocks, the changed part of the index and the head. It
// reports whether anything was written.
func (st *Stage) Finish() (changed bool, err error) {
	if !st.changed && st.existed {
		return false, nil
	}
	for _, w := range st.writers {
		if err := w.finish(st.old.count, len(st.ids)); err != nil {
			return true, err
		}
	}
	next, err := st.writeIndex()
	if err != nil {
		return true, err
	}
	return true, st.write(headLayout, 0, [][]byte{next.encode()})
}

// write hands on a block whose records nobody changes any more.
func (st *Stage) write(facet Facet, number int64, records [][]byte) error {
	return st.sink.WriteBlock(st.ctx, st.collection, &Pending{
		cipher: st.cipher, entity: st.entity, collection: st.collection.Name,
		facet: facet, number: number, generation: st.generation, records: records,
	})
}

// DeleteCollection lays empty blocks over all of a collection that is published at base: readers then
// find that it does not exist, and the sweep removes what lies beneath.
func DeleteCollection(ctx context.Context, s *store.Store, cipher *secret.Cipher, sink Sink, entity perch.ID, collection Collection, base, generation int64) error {
	st := &Stage{ctx: ctx, cipher: cipher, sink: sink, entity: entity, collection: collection, generation: generation}
	numbers, err := s.BlockNumbers(ctx, entity, collection.Name, base)
	if err != nil {
		return err
	}
	layouts := map[string]Facet{headFacet: headLayout, indexFacet: indexLayout, stampFacet: stampLayout}
	for _, facet := range collection.Facets {
		layouts[facet.Name] = facet
	}
	for _, n := range numbers {
		if err := st.write(layouts[n.Facet], n.Number, nil); err != nil {
			return err
		}
	}
	return nil
}
