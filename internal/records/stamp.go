package records

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/perchhq/perch/internal/store"
)

// A stamp is, for each facet of a record, the generation under which the facet last changed, in four
// bytes. Records that were published before there were stamps have zeros.
const (
	stampSize     = 4
	stampsInBlock = 1000
)

var stampLayout = Facet{Name: stampFacet, PerBlock: stampsInBlock}

func stampOf(generation int64) uint32 { return uint32(min(generation, math.MaxUint32)) }

// unstamped returns n stamps of zeros, which nobody changes in place.
func unstamped(facets, n int) [][]byte {
	none := make([]byte, facets*stampSize)
	all := make([][]byte, n)
	for i := range all {
		all[i] = none
	}
	return all
}

// restamp is stamp for a record that has one.
func (st *Stage) restamp(position int) error {
	if !st.collection.Stamped {
		return nil
	}
	before, err := st.writers[len(st.collection.Facets)].get(position)
	if err != nil {
		return err
	}
	return st.stamp(position, before)
}

// stamp notes the stage's generation for the facets that were touched, and keeps the others as before.
func (st *Stage) stamp(position int, before []byte) error {
	facets := len(st.collection.Facets)
	if !st.collection.Stamped {
		return nil
	}
	var buffer [8 * stampSize]byte
	stamp := buffer[:facets*stampSize]
	copy(stamp, before)
	for f := range facets {
		if st.touched.Has(f) {
			binary.BigEndian.PutUint32(stamp[f*stampSize:], stampOf(st.generation))
		}
	}
	return st.writers[facets].set(position, stamp)
}

// Changes tells which records of a view changed in some facets after a time. By its zero value, all
// did.
type Changes struct {
	view    *View
	facets  FacetSet
	since   uint32
	partial bool
}

// ChangedSince returns the changes that were published after a time. A record counts as changed when
// one of the facets did, or when it is new. All records do where the time lies before the oldest publish
// that is remembered.
func (v *View) ChangedSince(t time.Time, facets FacetSet) (Changes, error) {
	generation, all, err := v.reader.store.GenerationSince(v.ctx, v.entity, v.collection.Group, t)
	return Changes{view: v, facets: facets, since: stampOf(generation), partial: !all}, err
}

// At reports whether the record at a position changed.
func (c Changes) At(position int) (bool, error) {
	if !c.partial {
		return true, nil
	}
	last, number := &c.view.last[len(c.view.collection.Facets)], int64(position/stampsInBlock)
	if last.page == nil || last.number != number {
		p, err := c.page(number)
		if err != nil {
			return false, err
		}
		last.number, last.page = number, p
	}
	at := position % stampsInBlock
	return at < last.page.len() && c.changed(last.page.stored(at)), nil
}

func (c Changes) page(number int64) (*page, error) {
	p, err := c.view.page(stampLayout, number)
	if errors.Is(err, store.ErrNotFound) {
		return &page{offsets: []uint32{0}}, nil
	}
	return p, err
}

func (c Changes) changed(stamp []byte) bool {
	for f := 0; len(stamp) >= stampSize; f++ {
		if c.facets.Has(f) && binary.BigEndian.Uint32(stamp) >= c.since {
			return true
		}
		stamp = stamp[stampSize:]
	}
	return false
}

// Positions returns the positions of all records that changed, in order.
func (c Changes) Positions() ([]int, error) {
	var all []int
	for position := range c.view.Count() {
		changed, err := c.At(position)
		if err != nil {
			return nil, err
		}
		if changed {
			all = append(all, position)
		}
	}
	return all, nil
}
