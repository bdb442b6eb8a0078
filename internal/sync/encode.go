package sync

// recordEncoder encodes records once, as they are served. The buffers are reused from record to
// record, so that a sync of a hundred thousand people allocates for few.
type recordEncoder struct {
	facets [4][]byte
}

// appender is a record of the unified model.
type appender interface {
	AppendJSON(dst []byte) []byte
}

// set encodes v as the facet of the current record.
func (e *recordEncoder) set(facet int, v appender) {
	e.facets[facet] = v.AppendJSON(e.facets[facet][:0])
}

// raw sets a facet that is encoded already, or is not JSON.
func (e *recordEncoder) raw(facet int, b []byte) { e.facets[facet] = append(e.facets[facet][:0], b...) }
