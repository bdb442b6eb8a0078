package records

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

var marked = Collection{Name: "marked", Facets: []Facet{{Name: "record", PerBlock: 10, Compressed: true}, {Name: "marks", PerBlock: 100}}}

// view is a view of one record and its marks, read already.
func view(t testing.TB, record, marks []byte) *View {
	t.Helper()
	v := &View{collection: marked}
	for i, content := range [][]byte{record, marks} {
		p, err := decodeBlock(encodeBlock(nil, marked.Facets[i], [][]byte{content}))
		if err != nil {
			t.Fatal(err)
		}
		v.last[i] = lastPage{page: p}
	}
	return v
}

// naive inserts piece by piece.
func naive(record []byte, at []int, numbers []uint32, fragments [][]byte) (out []byte) {
	before := 0
	for i := range at {
		out = append(out, record[before:at[i]]...)
		if int(numbers[i]) < len(fragments) {
			out = append(out, fragments[numbers[i]]...)
		}
		before = at[i]
	}
	return append(out, record[before:]...)
}

func TestFragmentsAreInsertedAtTheirMarks(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(most int) []byte {
		b := make([]byte, rng.IntN(most))
		for i := range b {
			b[i] = byte('a' + rng.IntN(26))
		}
		return b
	}
	for range 5000 {
		record := random(400)
		var at []int
		var numbers []uint32
		var marks []byte
		for place := 0; len(record) > 0; {
			step := rng.IntN(1 + len(record)/4)
			if place+step > len(record) || rng.IntN(12) == 0 {
				break
			}
			number := uint32(rng.IntN(8))
			marks = AppendMark(marks, step, number)
			place += step
			at, numbers = append(at, place), append(numbers, number)
		}
		fragments := make([][]byte, rng.IntN(8))
		for i := range fragments {
			if rng.IntN(2) == 0 {
				fragments[i] = random(60)
			}
		}
		prefix := random(50)
		want := append(bytes.Clone(prefix), naive(record, at, numbers, fragments)...)
		got, inserted, err := view(t, record, marks).AppendMarked(bytes.Clone(prefix), 0, 1, 0, fragments)
		if err != nil || !bytes.Equal(got, want) || inserted != len(want)-len(prefix)-len(record) {
			t.Fatalf("record %q, marks at %v numbered %v, fragments %q:\ngot  %q, %d, %v\nwant %q", record, at, numbers, fragments, got, inserted, err, want)
		}
	}
}

// Whatever marks say, nothing outside the record is read or written.
func FuzzMarks(f *testing.F) {
	f.Add([]byte(`{"a":[{},{}]}`), AppendMark(AppendMark(nil, 6, 1), 3, 2), []byte(`"x":1`))
	f.Add([]byte(`{}`), []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1}, []byte("x"))
	f.Add([]byte(``), []byte{0, 1, 0, 1}, []byte("x"))
	f.Fuzz(func(t *testing.T, record, marks, fragment []byte) {
		got, inserted, err := view(t, record, marks).AppendMarked([]byte("before"), 0, 1, 0, [][]byte{nil, fragment, fragment})
		if !bytes.HasPrefix(got, []byte("before")) {
			t.Fatalf("what came before was touched: %q", got)
		}
		if err == nil && len(got) != len("before")+len(record)+inserted {
			t.Fatalf("%d bytes of %d and %d inserted", len(got), len(record), inserted)
		}
	})
}
