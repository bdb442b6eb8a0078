package document

import (
	"context"
	"slices"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
)

// Gate tells whether a product group may be read.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Service reads documents. Its methods append the JSON of a whole answer to dst and return the
// publication that it was read from. Before the first W-4 was fetched they fail with
// perch.ErrW4SyncRequired.
type Service struct {
	Records *records.Reader
	Gate    Gate
}

// Filter says which documents to list. Empty lists do not filter.
type Filter struct {
	Individuals []perch.ID
	Types       []perch.DocumentType
	// Limit is negative for all.
	Limit, Offset int
}

func (s *Service) view(ctx context.Context, grant *access.Grant, entity *access.Entity) (*records.View, access.Publication, error) {
	// Nothing is waited for: the job that fetches a document may be a long time off.
	entity, err := s.Gate.Await(ctx, grant, entity, access.Documents, false, 0)
	if err != nil {
		return nil, access.Publication{}, err
	}
	published := entity.Groups[access.Documents]
	v, err := s.Records.View(ctx, entity.ID, published.Generation, records.Documents)
	if err != nil {
		return nil, published, perch.Internal(err)
	}
	return v, published, nil
}

// List lists a page of the documents that the filter lets through, in order of their first appearance.
// base is the address of this installation, for their URLs.
func (s *Service) List(ctx context.Context, grant *access.Grant, entity *access.Entity, filter Filter, base string, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity)
	if err != nil {
		return dst, published, err
	}
	page, count, err := filter.apply(v)
	if err != nil {
		return dst, published, perch.Internal(err)
	}
	dst = strconv.AppendInt(append(dst, `{"paging":{"count":`...), int64(count), 10)
	dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(filter.Offset), 10)
	dst = append(dst, `},"documents":[`...)
	for i := range page {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = page[i].appendJSON(dst, base)
	}
	return append(dst, "]}"...), published, nil
}

// apply returns the page and how many documents there are in the whole list.
func (f *Filter) apply(v *records.View) (page []entry, count int, err error) {
	var stored []byte
	people := make(map[perch.ID]bool, len(f.Individuals))
	for _, id := range f.Individuals {
		people[id] = true
	}
	for position := range v.Count() {
		if stored, err = v.Append(stored[:0], records.FacetDocumentEntry, position); err != nil {
			return nil, 0, err
		}
		e, err := decodeEntry(stored)
		if err != nil {
			return nil, 0, err
		}
		if len(people) > 0 && !people[e.individual] || len(f.Types) > 0 && !slices.Contains(f.Types, e.kind) {
			continue
		}
		if count >= f.Offset && (f.Limit < 0 || len(page) < f.Limit) {
			page = append(page, e)
		}
		count++
	}
	return page, count, nil
}

// Document reads one document.
func (s *Service) Document(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity)
	if err != nil {
		return dst, published, err
	}
	position, ok, err := v.Position(id)
	if err != nil {
		return dst, published, perch.Internal(err)
	}
	if !ok {
		return dst, published, perch.NotFound("item_not_found", "No document with id %s found", id)
	}
	if dst, err = v.Append(dst, records.FacetDocument, position); err != nil {
		return dst, published, perch.Internal(err)
	}
	return dst, published, nil
}
