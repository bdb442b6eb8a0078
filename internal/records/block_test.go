package records

import (
	"bytes"
	"testing"

	perch "github.com/perchhq/perch"
)

func FuzzDecodeBlockNeverPanics(f *testing.F) {
	f.Add(encodeBlock(nil, Facet{PerBlock: 3}, [][]byte{[]byte("a"), nil, []byte("ccc")}))
	f.Add(encodeBlock(nil, Facet{PerBlock: 3, Compressed: true}, [][]byte{bytes.Repeat([]byte("first_name"), 9)}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(_ *testing.T, plain []byte) {
		p, err := decodeBlock(plain)
		if err != nil {
			return
		}
		for i := -1; i <= p.len(); i++ {
			if out, err := p.append(nil, i); err == nil && len(out) > 64<<20 {
				panic("a record larger than any that is written")
			}
		}
	})
}

func TestBucketsHoldAFewDozenEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		records int
		width   uint8
	}{{0, 0}, {1, 0}, {64, 0}, {65, 1}, {128, 1}, {129, 2}, {100_000, 11}} {
		if got := bucketBits(c.records); got != c.width {
			t.Errorf("%d records: %d bits, want %d", c.records, got, c.width)
		}
	}
	if got := bucketOf(perch.ID{0xff, 0xff, 0xff, 0xff}, 11); got != 2047 {
		t.Errorf("the last id is in bucket %d, want 2047", got)
	}
	if got := bucketOf(perch.ID{0xff}, 0); got != 0 {
		t.Errorf("one bucket takes every id, not %d", got)
	}
}
