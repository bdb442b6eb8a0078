package records

import (
	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// Pending is a finished block that is yet to be encoded and sealed. That takes about as long as gathering
// it, and another goroutine can do it: nobody changes the records any more.
type Pending struct {
	cipher             *secret.Cipher
	entity             perch.ID
	collection         string
	facet              Facet
	number, generation int64
	records            [][]byte
}

// compression is about how much smaller records of a compressed facet become.
const compression = 4

// Size is about how many bytes the sealed block will have.
func (p *Pending) Size() int {
	total := 0
	for _, r := range p.records {
		total += len(r)
	}
	if p.facet.Compressed {
		total /= compression
	}
	return total
}

// Seal encodes and seals the block.
func (p *Pending) Seal() store.Block {
	plain := encodeBlock(nil, p.facet, p.records)
	return store.Block{
		Collection: p.collection, Facet: p.facet.Name, Number: p.number, Generation: p.generation,
		Body: sealBlock(p.cipher, p.entity, p.collection, p.facet, p.number, p.generation, plain),
	}
}
