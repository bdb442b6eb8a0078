package records

import (
	"encoding/binary"
	"fmt"

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

// nextMark reads the mark at a place of a record and returns where the next one begins, or -1 where the
// record is malformed. Nearly all numbers have one byte, and this is on the way of every read.
func nextMark(marks []byte, at int) (after, number uint64, next int) {
	if at+1 < len(marks) && marks[at]|marks[at+1] < 0x80 {
		return uint64(marks[at]), uint64(marks[at+1]), at + 2
	}
	after, n := binary.Uvarint(marks[at:])
	if n <= 0 {
		return 0, 0, -1
	}
	number, m := binary.Uvarint(marks[at+n:])
	if m <= 0 {
		return 0, 0, -1
	}
	return after, number, at + n + m
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
	for at := 0; at < len(list); {
		var number uint64
		if _, number, at = nextMark(list, at); at < 0 {
			return dst, 0, fmt.Errorf("%w: a mark", errMalformed)
		}
		if number < uint64(len(fragments)) {
			inserted += len(fragments[number])
		}
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
	dst = grow(dst, inserted+p.decodedLen(i))[:start+inserted]
	if dst, err = p.append(dst, i); err != nil {
		return dst[:start], 0, err
	}
	if insert(dst, start, start+inserted, list, fragments) != nil {
		return dst[:start], 0, fmt.Errorf("%w: a mark lies outside its record", errMalformed)
	}
	return dst, inserted, nil
}

// insert fills the room between to and from, where the record begins, with the fragments at marks that
// were read once before. What lies between two fragments moves in one piece.
func insert(dst []byte, to, from int, marks []byte, fragments [][]byte) error {
	end := from // of what is to move next
	for at := 0; to < from && at < len(marks); {
		var after, number uint64
		after, number, at = nextMark(marks, at)
		if after > uint64(len(dst)-end) {
			return errMalformed
		}
		end += int(after)
		if number < uint64(len(fragments)) && len(fragments[number]) > 0 {
			to += copy(dst[to:], dst[from:end])
			from = end
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
