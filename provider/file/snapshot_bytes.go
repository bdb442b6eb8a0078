package file

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	perch "github.com/perchhq/perch"
)

// ErrSnapshot is about bytes that are no snapshot, or one of another version: then there is nothing to
// compare with.
var ErrSnapshot = errors.New("the snapshot cannot be read")

// snapshotVersion is the first byte.
const snapshotVersion = 1

// A person begins with what has a fixed size: keys, aspects, the hashes of the row and of the manager,
// unit and activity. Pay, department and name follow.
const (
	atAspects = 3 * 8
	atText    = atAspects + int(aspects)*4
	atManager = atText + 8
	atUnit    = atManager + 8
	atRest    = atUnit + 2
)

// WriteSnapshot writes what a later reading can be compared with, for [ReadSnapshot] to read.
// Options.Snapshot must have been set. What before knew and these files say nothing about is carried on.
// It holds names and pay: seal it.
func (s *Source) WriteSnapshot(w io.Writer, before *Snapshot) error {
	out := &snapshotWriter{w: bufio.NewWriterSize(w, 64<<10)}
	if before != nil {
		out.departments = before.departments
	}
	out.index = make(map[string]uint64, len(out.departments))
	for i, d := range out.departments {
		out.index[d] = uint64(i + 1)
	}
	layout, people := s.layout, s.printed()
	if s.censuses == 0 && before != nil {
		layout = before.layout
		out.departments = before.departments
	}
	for _, e := range people {
		if e.print != nil {
			out.department(e.print.department)
		}
	}
	var b []byte
	b = append(b, snapshotVersion)
	b = binary.AppendVarint(b, int64(s.today))
	b = binary.LittleEndian.AppendUint64(b, layout)
	b = binary.AppendUvarint(b, uint64(len(out.departments)))
	for _, name := range out.departments {
		b = appendText(b, name)
	}
	switch {
	case s.censuses == 0 && before != nil:
		b = out.write(binary.AppendUvarint(b, uint64(len(before.offsets))))
		for i := range before.offsets {
			b = out.write(append(b, before.raw(i)...))
		}
	default:
		b = out.write(binary.AppendUvarint(b, uint64(len(people))))
		for _, e := range people {
			if e.print == nil {
				b = out.write(append(b, before.raw(int(e.before-1))...))
			} else {
				b = out.write(e.print.append(b, out.index[e.print.department], e.called().whole()))
			}
		}
	}
	payments := s.allPayments(before)
	b = binary.AppendUvarint(b, uint64(len(payments)))
	for _, p := range payments {
		b = appendText(appendText(b, p.Key), p.Group)
		b = binary.AppendVarint(b, int64(p.Day))
		b = binary.AppendVarint(b, int64(p.People))
		b = out.write(binary.AppendVarint(binary.AppendVarint(b, p.Gross), p.Net))
	}
	out.write(b)
	return errors.Join(out.err, out.w.Flush())
}

// printed are the people of whom there is something to compare.
func (s *Source) printed() []*entry {
	list := make([]*entry, 0, len(s.people))
	for _, e := range s.people {
		if e.print != nil || e.before > 0 {
			list = append(list, e)
		}
	}
	return list
}

type snapshotWriter struct {
	w           *bufio.Writer
	err         error
	departments []string
	index       map[string]uint64
}

func (o *snapshotWriter) department(name string) {
	if name != "" && o.index[name] == 0 {
		o.departments = append(o.departments, name)
		o.index[name] = uint64(len(o.departments))
	}
}

// write writes b and returns it empty.
func (o *snapshotWriter) write(b []byte) []byte {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
	return b[:0]
}

func (pr *Print) append(b []byte, department uint64, name string) []byte {
	for _, k := range pr.keys {
		b = binary.LittleEndian.AppendUint64(b, k)
	}
	for _, a := range pr.aspects {
		b = binary.LittleEndian.AppendUint32(b, a)
	}
	b = binary.LittleEndian.AppendUint64(b, pr.text)
	b = binary.LittleEndian.AppendUint64(b, pr.manager)
	b = append(b, pr.unit, byte(pr.active))
	b = binary.AppendVarint(b, pr.pay)
	return appendText(binary.AppendUvarint(b, department), name)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Snapshot is what was kept of a reading to compare the next one with.
type Snapshot struct {
	// Day is when it was read.
	Day perch.Date
	// layout tells whether rows are read now as they were then; 0 where there was no census.
	layout      uint64
	departments []string
	// text holds the people as they were written, from offsets on.
	text     string
	offsets  []uint32
	payments []PaymentPrint
	byText   map[uint64]int32
}

// maxSnapshot bounds a snapshot: two hundred thousand people take thirty megabytes.
const maxSnapshot = 256 << 20

// ReadSnapshot reads what WriteSnapshot wrote; size is how large it is, as far as is known.
func ReadSnapshot(r io.Reader, size int64) (*Snapshot, error) {
	text, err := readAll(known{r, size}, maxSnapshot)
	if err != nil {
		return nil, fmt.Errorf("reading the snapshot: %w", err)
	}
	p := parser{rest: text}
	if p.byte() != snapshotVersion {
		return nil, ErrSnapshot
	}
	s := &Snapshot{text: text, Day: perch.Date(p.int()), layout: p.fixed(8)}
	s.departments = make([]string, p.count(1))
	for i := range s.departments {
		s.departments[i] = p.text()
	}
	s.offsets = make([]uint32, p.count(atRest+3))
	for i := range s.offsets {
		s.offsets[i] = uint32(len(text) - len(p.rest))
		p.take(uint64(atRest))
		p.int()
		if d := p.uint(); d > uint64(len(s.departments)) {
			p.failed = true
		}
		p.text()
	}
	s.payments = make([]PaymentPrint, p.count(6))
	for i := range s.payments {
		s.payments[i] = PaymentPrint{Key: p.text(), Group: p.text(), Day: perch.Date(p.int()), People: int(p.int()), Gross: p.int(), Net: p.int()}
	}
	if p.failed || p.rest != "" {
		return nil, ErrSnapshot
	}
	return s, nil
}

// raw is a person as it was written.
func (s *Snapshot) raw(i int) string {
	p := parser{rest: s.text[s.offsets[i]:]}
	p.take(uint64(atRest))
	p.int()
	p.uint()
	p.text()
	return s.text[s.offsets[i] : uint32(len(s.text))-uint32(len(p.rest))]
}

func (s *Snapshot) at(i, offset int) uint64 {
	p := parser{rest: s.text[int(s.offsets[i])+offset:]}
	return p.fixed(8)
}

func (s *Snapshot) keys(i int) [3]uint64 { return [3]uint64{s.at(i, 0), s.at(i, 8), s.at(i, 16)} }

func (s *Snapshot) active(i int) answer { return answer(s.text[int(s.offsets[i])+atUnit+1]) }

func (s *Snapshot) department(i int) string {
	p := parser{rest: s.text[int(s.offsets[i])+atRest:]}
	p.int()
	if d := p.uint(); d > 0 {
		return s.departments[d-1]
	}
	return ""
}

// person returns all that was written of a person.
func (s *Snapshot) person(i int) (pr Print, name string) {
	p := parser{rest: s.text[s.offsets[i]:]}
	for k := range pr.keys {
		pr.keys[k] = p.fixed(8)
	}
	for a := range pr.aspects {
		pr.aspects[a] = uint32(p.fixed(4))
	}
	pr.text, pr.manager = p.fixed(8), p.fixed(8)
	pr.unit, pr.active = p.byte(), answer(p.byte())
	pr.pay = p.int()
	if d := p.uint(); d > 0 {
		pr.department = s.departments[d-1]
	}
	return pr, p.text()
}

// parser takes values off the front of a text; what is missing is zero and noted.
type parser struct {
	rest   string
	failed bool
}

func (p *parser) take(n uint64) string {
	if n > uint64(len(p.rest)) {
		p.failed, p.rest = true, ""
		return ""
	}
	head := p.rest[:n]
	p.rest = p.rest[n:]
	return head
}

func (p *parser) byte() byte {
	if s := p.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (p *parser) fixed(size int) (v uint64) {
	s := p.take(uint64(size))
	for i := range len(s) {
		v |= uint64(s[i]) << (8 * i)
	}
	return v
}

func (p *parser) uint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		c := p.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	p.failed = true
	return 0
}

func (p *parser) int() int64 {
	v := p.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (p *parser) text() string { return p.take(p.uint()) }

// count is how many things of at least so many bytes follow.
func (p *parser) count(least int) int {
	n := p.uint()
	if n > math.MaxInt32 || n*uint64(least) > uint64(len(p.rest)) {
		p.failed = true
		return 0
	}
	return int(n)
}
