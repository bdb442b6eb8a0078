package records

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/klauspost/compress/s2"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
)

// A block before sealing: one byte of encoding, the number of records, their lengths, their bytes.
// Records of a compressed facet are compressed one by one, so that a reader takes one out without
// the others.
const (
	encodingRaw        = 0
	encodingDictionary = 1
)

// dictionaryText holds the JSON that records of a kind share. Blocks that were compressed with it
// need the same bytes to be read: a better one takes a new encoding number, this one stays.
//
//go:embed dictionary1.txt
var dictionaryText []byte

var dictionary = sync.OnceValue(func() *s2.Dict { return s2.MakeDictManual(dictionaryText, 0) })

var errMalformed = errors.New("malformed block")

// page is an opened block.
type page struct {
	compressed bool
	body       []byte
	offsets    []uint32 // one more than there are records
}

func encodeBlock(dst []byte, facet Facet, records [][]byte) []byte {
	if facet.Compressed {
		return encodeCompressed(dst, records)
	}
	dst = append(dst, encodingRaw)
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for _, r := range records {
		dst = binary.AppendUvarint(dst, uint64(len(r)))
	}
	for _, r := range records {
		dst = append(dst, r...)
	}
	return dst
}

func encodeCompressed(dst []byte, records [][]byte) []byte {
	dict := dictionary()
	dst = append(dst, encodingDictionary)
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	var body, scratch []byte
	for _, r := range records {
		if most := s2.MaxEncodedLen(len(r)); len(scratch) < most {
			scratch = make([]byte, 2*most)
		}
		packed := dict.Encode(scratch, r)
		dst = binary.AppendUvarint(dst, uint64(len(packed)))
		body = append(body, packed...)
	}
	return append(dst, body...)
}

func decodeBlock(plain []byte) (*page, error) {
	if len(plain) < 2 || plain[0] > encodingDictionary {
		return nil, errMalformed
	}
	rest := plain[1:]
	count, n := binary.Uvarint(rest)
	if n <= 0 || count > uint64(len(rest)) {
		return nil, errMalformed
	}
	rest = rest[n:]
	p := &page{compressed: plain[0] == encodingDictionary, offsets: make([]uint32, count+1)}
	var end uint64
	for i := range count {
		length, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, errMalformed
		}
		rest = rest[n:]
		end += length
		p.offsets[i+1] = uint32(end)
	}
	if end != uint64(len(rest)) {
		return nil, errMalformed
	}
	p.body = rest
	return p, nil
}

func (p *page) len() int { return len(p.offsets) - 1 }

// size is what the page costs in memory.
func (p *page) size() int64 { return int64(cap(p.body)) + int64(4*cap(p.offsets)) + 128 }

// stored returns a record as it is stored, which for a compressed facet is compressed.
func (p *page) stored(i int) []byte { return p.body[p.offsets[i]:p.offsets[i+1]] }

// append appends a record as it is served.
func (p *page) append(dst []byte, i int) ([]byte, error) {
	if i < 0 || i >= p.len() {
		return dst, fmt.Errorf("%w: record %d of %d", errMalformed, i, p.len())
	}
	if !p.compressed {
		return append(dst, p.stored(i)...), nil
	}
	stored := p.stored(i)
	if len(stored) == 0 {
		return dst, nil
	}
	size, err := s2.DecodedLen(stored)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", errMalformed, err)
	}
	start := len(dst)
	dst = grow(dst, size)[:start+size]
	if _, err := dictionary().Decode(dst[start:], stored); err != nil {
		return dst[:start], fmt.Errorf("%w: %w", errMalformed, err)
	}
	return dst, nil
}

// grow makes room for more bytes. It doubles, so that a long answer is copied few times on its way.
func grow(dst []byte, more int) []byte {
	if cap(dst)-len(dst) >= more {
		return dst
	}
	return append(make([]byte, 0, 2*cap(dst)+more), dst...)
}

// place is what a sealed block is bound to: it opens nowhere else.
func place(dst []byte, entity perch.ID, collection, facet string, number, generation int64) []byte {
	dst = append(dst, entity[:]...)
	dst = append(dst, collection...)
	dst = append(dst, 0)
	dst = append(dst, facet...)
	dst = append(dst, 0)
	dst = strconv.AppendInt(dst, number, 10)
	dst = append(dst, 0)
	return strconv.AppendInt(dst, generation, 10)
}

func sealBlock(c *secret.Cipher, entity perch.ID, collection string, facet Facet, number, generation int64, plain []byte) []byte {
	var buffer [160]byte
	bound := place(buffer[:0], entity, collection, facet.Name, number, generation)
	if facet.Identifiers {
		return c.SealIdentifiers(make([]byte, 0, len(plain)+2*secret.Overhead), plain, bound)
	}
	return c.Seal(make([]byte, 0, len(plain)+secret.Overhead), plain, bound)
}

func openBlock(c *secret.Cipher, entity perch.ID, collection string, facet Facet, number, generation int64, sealed []byte) (*page, error) {
	var buffer [160]byte
	bound := place(buffer[:0], entity, collection, facet.Name, number, generation)
	open := c.Open
	if facet.Identifiers {
		open = c.OpenIdentifiers
	}
	plain, err := open(make([]byte, 0, len(sealed)), sealed, bound)
	if err != nil {
		return nil, fmt.Errorf("opening block %s/%s/%d: %w", collection, facet.Name, number, err)
	}
	p, err := decodeBlock(plain)
	if err != nil {
		return nil, fmt.Errorf("reading block %s/%s/%d: %w", collection, facet.Name, number, err)
	}
	return p, nil
}
