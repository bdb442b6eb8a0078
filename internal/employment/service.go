package employment

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/records"
)

// Gate tells whether a product group may be read, waiting for the first sync where that is due.
type Gate interface {
	Await(ctx context.Context, grant *access.Grant, entity *access.Entity, group access.Group, whole bool, patience time.Duration) (*access.Entity, error)
}

// Service reads organization data. Its methods append the JSON of a whole answer to dst and return
// the publication that it was read from.
type Service struct {
	Records *records.Reader
	Gate    Gate
	// Patience is how long a read waits for the first sync.
	Patience time.Duration
}

func (s *Service) view(ctx context.Context, grant *access.Grant, entity *access.Entity, collection records.Collection) (*records.View, access.Publication, error) {
	entity, err := s.Gate.Await(ctx, grant, entity, collection.Group, false, s.Patience)
	if err != nil {
		return nil, access.Publication{}, err
	}
	published := entity.Groups[collection.Group]
	v, err := s.Records.View(ctx, entity.ID, published.Generation, collection)
	if err != nil {
		return nil, published, perch.Internal(err)
	}
	return v, published, nil
}

// Company answers with the company. Its bank accounts are kept apart and put in here.
func (s *Service) Company(ctx context.Context, grant *access.Grant, entity *access.Entity, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity, records.Company)
	if err != nil {
		return dst, published, err
	}
	if v.Count() == 0 {
		return dst, published, perch.NotFound("item_not_found", "The provider has no company data for this connection.")
	}
	if dst, err = v.Append(dst, records.FacetCompany, 0); err != nil {
		return dst, published, perch.Internal(err)
	}
	const without = `"accounts":null}`
	dst = append(dst[:len(dst)-len(without)], `"accounts":`...)
	if dst, err = v.Append(dst, records.FacetAccounts, 0); err != nil {
		return dst, published, perch.Internal(err)
	}
	return append(dst, '}'), published, nil
}

// Directory answers with a page of people in order of first appearance. The page past the end is
// empty. since counts and lists those only whose entry was published with its present content after it.
func (s *Service) Directory(ctx context.Context, grant *access.Grant, entity *access.Entity, limit, offset int, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity, records.People)
	if err != nil {
		return dst, published, err
	}
	if !since.IsZero() {
		if dst, err = appendChanged(dst, v, limit, offset, since); err != nil {
			return dst, published, perch.Internal(err)
		}
		return dst, published, nil
	}
	from := min(offset, v.Count())
	to := min(from+limit, v.Count())
	dst = appendPaging(dst, v.Count(), offset)
	if dst, err = v.AppendRange(dst, records.FacetDirectory, from, to); err != nil {
		return dst, published, perch.Internal(err)
	}
	return append(dst, "]}"...), published, nil
}

func appendPaging(dst []byte, count, offset int) []byte {
	dst = append(dst, `{"paging":{"count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, int64(offset), 10)
	return append(dst, `},"individuals":[`...)
}

// appendChanged appends a page of the directory entries that changed after a time.
func appendChanged(dst []byte, v *records.View, limit, offset int, since time.Time) ([]byte, error) {
	changes, err := v.ChangedSince(since, records.FacetsOf(records.FacetDirectory))
	if err != nil {
		return dst, err
	}
	positions, err := changes.Positions()
	if err != nil {
		return dst, err
	}
	dst = appendPaging(dst, len(positions), offset)
	from := min(offset, len(positions))
	for i, position := range positions[from:min(from+limit, len(positions))] {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = v.Append(dst, records.FacetDirectory, position); err != nil {
			return dst, err
		}
	}
	return append(dst, "]}"...), nil
}

// Individuals answers a batch of ids, one entry each, in their order. With includeSSN every
// individual carries ssn and encrypted_ssn. since leaves out individuals, their numbers included, that
// were published as they are at that time or before.
func (s *Service) Individuals(ctx context.Context, grant *access.Grant, entity *access.Entity, ids [][]byte, includeSSN bool, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	b := batch{facet: records.FacetIndividual, about: records.FacetsOf(records.FacetIndividual, records.FacetSSN), since: since}
	if includeSSN {
		b.more = appendSSN
	}
	return s.batch(ctx, grant, entity, ids, b, dst)
}

// Employments answers a batch of ids, one entry each, in their order. since leaves out employments
// that were published as they are at that time or before.
func (s *Service) Employments(ctx context.Context, grant *access.Grant, entity *access.Entity, ids [][]byte, since time.Time, dst []byte) ([]byte, access.Publication, error) {
	return s.batch(ctx, grant, entity, ids, batch{facet: records.FacetEmployment, about: records.FacetsOf(records.FacetEmployment), since: since}, dst)
}

// batch says what is read of each person of a batch.
type batch struct {
	facet int
	more  extend
	since time.Time
	about records.FacetSet // whose changes count for since
}

type extend func(dst []byte, v *records.View, position int) ([]byte, error)

// appendSSN adds the number, which is kept apart, to the individual that dst ends with.
func appendSSN(dst []byte, v *records.View, position int) ([]byte, error) {
	dst = append(dst[:len(dst)-1], `,"ssn":`...)
	start := len(dst)
	dst = append(dst, '"')
	dst, err := v.Append(dst, records.FacetSSN, position)
	if err != nil {
		return dst, err
	}
	if len(dst) == start+1 {
		dst = append(dst[:start], "null"...)
	} else {
		dst = append(dst, '"')
	}
	return append(dst, `,"encrypted_ssn":null}`...), nil
}

func (s *Service) batch(ctx context.Context, grant *access.Grant, entity *access.Entity, ids [][]byte, b batch, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity, records.People)
	if err != nil {
		return dst, published, err
	}
	var changes records.Changes
	if !b.since.IsZero() {
		if changes, err = v.ChangedSince(b.since, b.about); err != nil {
			return dst, published, perch.Internal(err)
		}
	}
	dst = append(dst, `{"responses":[`...)
	empty := len(dst)
	for _, id := range ids {
		before := len(dst)
		if before > empty {
			dst = append(dst, ',')
		}
		var left bool
		if dst, left, err = appendPerson(dst, v, id, b, changes); err != nil {
			return dst, published, perch.Internal(err)
		}
		if left {
			dst = dst[:before]
		}
	}
	return append(dst, "]}"...), published, nil
}

// appendPerson reports whether the person is left out, since nothing changed.
func appendPerson(dst []byte, v *records.View, text []byte, b batch, changes records.Changes) (answer []byte, left bool, err error) {
	id, ok := perch.ParseIDBytes(text)
	position := 0
	if ok {
		if position, ok, err = v.Position(id); err != nil {
			return dst, false, err
		}
	}
	if !ok {
		return appendNotFound(dst, text), false, nil
	}
	if changed, err := changes.At(position); err != nil || !changed {
		return dst, true, err
	}
	dst = append(dst, `{"individual_id":"`...)
	dst, _ = id.AppendText(dst)
	dst = append(dst, `","code":200,"body":`...)
	dst, err = v.Append(dst, b.facet, position)
	if err == nil && b.more != nil {
		dst, err = b.more(dst, v, position)
	}
	return append(dst, '}'), false, err
}

func appendNotFound(dst, id []byte) []byte {
	failure := perch.NotFound("individual_not_found", "No individual with id %s found", id)
	return apierror.AppendItem(dst, "individual_id", id, failure)
}

// PayGroups lists the pay groups that have the individual, if one is given, and any of the
// frequencies, if some are.
func (s *Service) PayGroups(ctx context.Context, grant *access.Grant, entity *access.Entity, individual perch.ID, frequencies []perch.PayFrequency, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity, records.PayGroups)
	if err != nil {
		return dst, published, err
	}
	dst = append(dst, '[')
	empty := len(dst)
	for position := range v.Count() {
		matches, err := payGroupMatches(v, position, individual, frequencies)
		if err != nil {
			return dst, published, perch.Internal(err)
		}
		if !matches {
			continue
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		if dst, err = v.Append(dst, records.FacetPayGroupSummary, position); err != nil {
			return dst, published, perch.Internal(err)
		}
	}
	return append(dst, ']'), published, nil
}

func payGroupMatches(v *records.View, position int, individual perch.ID, frequencies []perch.PayFrequency) (bool, error) {
	if individual.IsZero() && len(frequencies) == 0 {
		return true, nil
	}
	stored, err := v.Append(nil, records.FacetPayGroup, position)
	if err != nil {
		return false, err
	}
	var group perch.PayGroup
	if err := json.Unmarshal(stored, &group); err != nil {
		return false, err
	}
	return (individual.IsZero() || slices.Contains(group.IndividualIDs, individual)) &&
		(len(frequencies) == 0 || slices.ContainsFunc(group.PayFrequencies, func(f perch.PayFrequency) bool { return slices.Contains(frequencies, f) })), nil
}

// PayGroup answers with one pay group and its members.
func (s *Service) PayGroup(ctx context.Context, grant *access.Grant, entity *access.Entity, id perch.ID, dst []byte) ([]byte, access.Publication, error) {
	v, published, err := s.view(ctx, grant, entity, records.PayGroups)
	if err != nil {
		return dst, published, err
	}
	position, ok, err := v.Position(id)
	if err != nil {
		return dst, published, perch.Internal(err)
	}
	if !ok {
		return dst, published, perch.NotFound("item_not_found", "No pay group with id %s found", id)
	}
	if dst, err = v.Append(dst, records.FacetPayGroup, position); err != nil {
		return dst, published, perch.Internal(err)
	}
	return dst, published, nil
}
