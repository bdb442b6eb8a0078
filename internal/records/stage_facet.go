package records

import (
	"errors"
	"fmt"

	"github.com/perchhq/perch/internal/store"
)

// openBlocks is how many blocks of a facet a stage holds at a time. Providers list people in much
// the same order each time, so changes come block after block.
const openBlocks = 16

// facetWriter holds the blocks of one facet that are being changed, and writes the one used longest
// ago when another is needed.
type facetWriter struct {
	stage *Stage
	facet Facet
	open  []*heldBlock // most recently used last
	// spilled are the blocks that this stage wrote before and may need again.
	spilled map[int64]bool
}

type heldBlock struct {
	number  int64
	records [][]byte
	dirty   bool
	// room is where the next records are copied to, several to an allocation.
	room []byte
}

// keep returns a copy of content.
func (b *heldBlock) keep(content []byte, perBlock int) []byte {
	if cap(b.room)-len(b.room) < len(content) {
		b.room = make([]byte, 0, len(content)*min(perBlock, 32))
	}
	start := len(b.room)
	b.room = append(b.room, content...)
	return b.room[start:len(b.room):len(b.room)]
}

func newFacetWriter(st *Stage, facet Facet) *facetWriter {
	return &facetWriter{stage: st, facet: facet, spilled: map[int64]bool{}}
}

func (w *facetWriter) get(position int) ([]byte, error) {
	b, err := w.block(int64(position / w.facet.PerBlock))
	if err != nil {
		return nil, err
	}
	at := position % w.facet.PerBlock
	if at >= len(b.records) {
		return nil, fmt.Errorf("%w: %s has no record %d", errMalformed, w.facet.Name, position)
	}
	return b.records[at], nil
}

func (w *facetWriter) set(position int, content []byte) error {
	b, err := w.block(int64(position / w.facet.PerBlock))
	if err != nil {
		return err
	}
	at := position % w.facet.PerBlock
	content = b.keep(content, w.facet.PerBlock)
	switch {
	case at < len(b.records):
		b.records[at] = content
	case at == len(b.records):
		b.records = append(b.records, content)
	default:
		return fmt.Errorf("%w: %s cannot take record %d", errMalformed, w.facet.Name, position)
	}
	b.dirty = true
	return nil
}

// truncate forgets the record at position, which is the last one.
func (w *facetWriter) truncate(position int) error {
	b, err := w.block(int64(position / w.facet.PerBlock))
	if err != nil {
		return err
	}
	b.records = b.records[:position%w.facet.PerBlock]
	b.dirty = true
	return nil
}

// block returns a block to change, read from what this stage wrote or from what is published.
func (w *facetWriter) block(number int64) (*heldBlock, error) {
	for i := len(w.open) - 1; i >= 0; i-- {
		if b := w.open[i]; b.number == number {
			copy(w.open[i:], w.open[i+1:])
			w.open[len(w.open)-1] = b
			return b, nil
		}
	}
	b, err := w.load(number)
	if err != nil {
		return nil, err
	}
	if len(w.open) == openBlocks {
		if err := w.flush(w.open[0]); err != nil {
			return nil, err
		}
		copy(w.open, w.open[1:])
		w.open = w.open[:openBlocks-1]
	}
	w.open = append(w.open, b)
	return b, nil
}

func (w *facetWriter) load(number int64) (*heldBlock, error) {
	b := &heldBlock{number: number}
	st := w.stage
	if !w.spilled[number] && number*int64(w.facet.PerBlock) >= int64(st.old.count) {
		return b, nil // it does not exist yet
	}
	upTo := st.base
	if w.spilled[number] {
		upTo = st.generation
		if err := st.sink.Flush(st.ctx); err != nil {
			return nil, err
		}
	}
	stored, err := st.store.Block(st.ctx, st.entity, st.collection.Name, w.facet.Name, number, upTo, 0)
	if errors.Is(err, store.ErrNotFound) && w.facet.Name == stampFacet {
		b.records = unstamped(len(st.collection.Facets), min(w.facet.PerBlock, st.old.count-int(number)*w.facet.PerBlock))
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := openBlock(st.cipher, st.entity, st.collection.Name, w.facet, number, stored.Generation, stored.Body)
	if err != nil {
		return nil, err
	}
	for i := range p.len() {
		record, err := p.append(nil, i)
		if err != nil {
			return nil, err
		}
		b.records = append(b.records, record)
	}
	return b, nil
}

func (w *facetWriter) flush(b *heldBlock) error {
	if !b.dirty {
		return nil
	}
	b.dirty = false
	w.spilled[b.number] = true
	return w.stage.write(w.facet, b.number, b.records)
}

// finish writes the blocks that are held, and empty ones over those that a shorter collection left
// behind, so that nothing of a deleted record stays readable.
func (w *facetWriter) finish(before, after int) error {
	for _, b := range w.open {
		if err := w.flush(b); err != nil {
			return err
		}
	}
	for number := blocksOf(after, w.facet); number < blocksOf(before, w.facet); number++ {
		if w.spilled[number] {
			continue // truncate has emptied it
		}
		if err := w.stage.write(w.facet, number, nil); err != nil {
			return err
		}
	}
	return nil
}

func blocksOf(records int, facet Facet) int64 {
	return int64((records + facet.PerBlock - 1) / facet.PerBlock)
}
