package sync

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// recordEncoder encodes records once, as they are served. The slots are reused from record to
// record, so that a sync of a hundred thousand people allocates for few.
type recordEncoder struct {
	slots  [4]encoderSlot
	facets [4][]byte
}

type encoderSlot struct {
	buffer  bytes.Buffer
	encoder *json.Encoder
}

// set encodes v as the facet of the current record.
func (e *recordEncoder) set(facet int, v any) error {
	slot := &e.slots[facet]
	if slot.encoder == nil {
		slot.encoder = json.NewEncoder(&slot.buffer)
		slot.encoder.SetEscapeHTML(false)
	}
	slot.buffer.Reset()
	if err := slot.encoder.Encode(v); err != nil {
		return fmt.Errorf("encoding a record: %w", err)
	}
	b := slot.buffer.Bytes()
	e.facets[facet] = b[:len(b)-1] // Encode ends with a newline
	return nil
}

// raw sets a facet that is not JSON.
func (e *recordEncoder) raw(facet int, b []byte) {
	slot := &e.slots[facet]
	slot.buffer.Reset()
	slot.buffer.Write(b)
	e.facets[facet] = slot.buffer.Bytes()
}
