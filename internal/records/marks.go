package records

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
)

// A facet of marks says where in the records of another facet of the same collection a reader may
// insert something, without a look at what they hold. A record of it is a list of marks in order: how
// many bytes lie between the mark and the one before it, and a number that says what belongs there.

// AppendMark adds a mark to a record of marks: after bytes from the mark before it, or from the
// beginning, belongs what has the number.
func AppendMark(dst []byte, after int, number uint32) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(after)), uint64(number))
}

// eachMark calls visit with every mark of a record.
func eachMark(marks []byte, visit func(after, number uint64)) error {
	for len(marks) > 0 {
		after, n := binary.Uvarint(marks)
		if n <= 0 {
			return fmt.Errorf("%w: a mark", errMalformed)
		}
		number, m := binary.Uvarint(marks[n:])
		if m <= 0 {
			return fmt.Errorf("%w: a mark", errMalformed)
		}
		visit(after, number)
		marks = marks[n+m:]
	}
	return nil
}

// AppendMarked appends the record at a position as Append does, with fragments inserted at the marks
// that another facet has for it: fragments[n] at marks with number n, and nothing where that is empty
// or n is beyond the end. It returns how many bytes it inserted.
func (v *View) AppendMarked(dst []byte, facet, marks, position int, fragments [][]byte) (answer []byte, inserted int, err error) {
	p, i, err := v.at(marks, position)
	if err != nil {
		return dst, 0, err
	}
	if i >= p.len() {
		return dst, 0, fmt.Errorf("%w: record %d of %d", errMalformed, i, p.len())
	}
	list := p.stored(i)
	err = eachMark(list, func(_, number uint64) {
		if number < uint64(len(fragments)) {
			inserted += len(fragments[number])
		}
	})
	if err != nil {
		return dst, 0, err
	}
	if inserted == 0 {
		dst, err = v.Append(dst, facet, position)
		return dst, 0, err
	}
	// The record is opened to the right of where it belongs, by the length of all that is to be inserted.
	// Then what lies before each mark moves left into its place, up to the last mark: what follows that
	// stands where it should already.
	start := len(dst)
	p, i, err = v.at(facet, position)
	if err != nil {
		return dst, 0, err
	}
	dst = slices.Grow(dst, inserted+p.decodedLen(i))[:start+inserted]
	if dst, err = p.append(dst, i); err != nil {
		return dst[:start], 0, err
	}
	if insert(dst, start, start+inserted, list, fragments) != nil {
		return dst[:start], 0, fmt.Errorf("%w: a mark lies outside its record", errMalformed)
	}
	return dst, inserted, nil
}

// insert fills the room between to and from, where the record begins, with the fragments.
func insert(dst []byte, to, from int, marks []byte, fragments [][]byte) error {
	for len(marks) > 0 && to < from {
		// The same list was read once before: its numbers are well formed.
		after, n := binary.Uvarint(marks)
		number, m := binary.Uvarint(marks[n:])
		marks = marks[n+m:]
		if after > uint64(len(dst)-from) {
			return errMalformed
		}
		to += copy(dst[to:], dst[from:from+int(after)])
		from += int(after)
		if number < uint64(len(fragments)) {
			to += copy(dst[to:from], fragments[number])
		}
	}
	return nil
}

// decodedLen is the length of a record as it is served, or 0 where that cannot be said.
func (p *page) decodedLen(i int) int {
	if i >= p.len() {
		return 0
	}
	if !p.compressed {
		return len(p.stored(i))
	}
	size, err := s2.DecodedLen(p.stored(i))
	if err != nil {
		return 0
	}
	return size
}
