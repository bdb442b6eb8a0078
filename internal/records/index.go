package records

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	perch "github.com/perchhq/perch"
)

// The index is cut into buckets by the first bits of the id. A bucket is one record: entries in
// order of id, each an id, a position and content hashes: of the whole record and, where it has
// several facets that change apart, of each of them, so that an unchanged record is recognised by one hash.
const (
	entryFixed = 16 + 4
	// bucketEntries is the size at which buckets start; they may grow to four times that before the
	// index is cut anew.
	bucketEntries = 64
)

var indexLayout = Facet{Name: indexFacet, PerBlock: 1}
var headLayout = Facet{Name: headFacet, PerBlock: 1}

func (c *Collection) entrySize() int { return entryFixed + 8*c.hashes() }

// hashes is how many hashes a record has.
func (c *Collection) hashes() int {
	if len(c.Facets) == 1 || c.Derived {
		return 1
	}
	return 1 + len(c.Facets)
}

// bucketBits returns how many bits of the id select the bucket for a collection of n records.
func bucketBits(n int) uint8 {
	if n <= bucketEntries {
		return 0
	}
	return uint8(bits.Len(uint(n-1) / bucketEntries))
}

func bucketOf(id perch.ID, width uint8) int64 {
	return int64(uint64(binary.BigEndian.Uint32(id[:4])) >> (32 - uint64(width)))
}

// head is the size of a collection and the cut of its index.
type head struct {
	count int
	width uint8
}

func (h head) encode() []byte {
	return append(binary.AppendUvarint(nil, uint64(h.count)), h.width)
}

func decodeHead(b []byte) (head, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || n+1 != len(b) || b[n] > 32 {
		return head{}, fmt.Errorf("%w: head", errMalformed)
	}
	return head{count: int(count), width: b[n]}, nil
}

// findEntry looks an id up in a bucket.
func findEntry(bucket []byte, size int, id perch.ID) (entry []byte, ok bool) {
	low, high := 0, len(bucket)/size
	for low < high {
		middle := int(uint(low+high) / 2)
		entry := bucket[middle*size : (middle+1)*size]
		switch bytes.Compare(entry[:16], id[:]) {
		case 0:
			return entry, true
		case -1:
			low = middle + 1
		default:
			high = middle
		}
	}
	return nil, false
}

func entryPosition(entry []byte) int { return int(binary.BigEndian.Uint32(entry[16:20])) }
