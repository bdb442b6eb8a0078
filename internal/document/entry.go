package document

import (
	"encoding/binary"
	"errors"

	perch "github.com/perchhq/perch"
)

// entry is what the list needs to know of a document. It is stored apart from the document, so that a
// filter opens no form, and without the URL, which depends on the address that the client uses.
type entry struct {
	id, individual perch.ID
	year           int
	kind           perch.DocumentType
}

func (e *entry) append(dst []byte) []byte {
	dst = append(append(dst, e.id[:]...), e.individual[:]...)
	return append(binary.AppendUvarint(dst, uint64(e.year)), e.kind...)
}

var errMalformed = errors.New("a malformed entry of a document")

func decodeEntry(b []byte) (entry, error) {
	const ids = 2 * len(perch.ID{})
	if len(b) < ids {
		return entry{}, errMalformed
	}
	e := entry{id: perch.ID(b[:ids/2]), individual: perch.ID(b[ids/2 : ids])}
	year, n := binary.Uvarint(b[ids:])
	if n <= 0 {
		return entry{}, errMalformed
	}
	e.year, e.kind = int(year), perch.DocumentType(b[ids+n:])
	return e, nil
}

// appendJSON appends the entry as it is served; base is the address of this installation.
func (e *entry) appendJSON(dst []byte, base string) []byte {
	d := perch.Document{ID: e.id, IndividualID: &e.individual, URL: base + "/employer/documents/" + e.id.String(), Year: e.year, Type: e.kind}
	return d.AppendJSON(dst)
}
