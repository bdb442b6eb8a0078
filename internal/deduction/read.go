package deduction

import (
	"context"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/provider"
)

// read opens an entity whose deductions can be read, and its provider.
func (s *Service) read(ctx context.Context, grant *access.Grant, entity *access.Entity) (*desk, provider.DeductionReader, func(), error) {
	d, err := s.open(ctx, grant, entity)
	if err != nil {
		return nil, nil, nil, err
	}
	if d.terms.assisted {
		return nil, nil, nil, errAssistedReads
	}
	reader, done, err := d.reader(ctx)
	return d, reader, done, err
}

// List lists the company's deductions as the provider has them now.
func (s *Service) List(ctx context.Context, grant *access.Grant, entity *access.Entity) ([]perch.Deduction, error) {
	d, reader, done, err := s.read(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	defer done()
	list, _, err := d.live(ctx, reader)
	if err != nil {
		return nil, err
	}
	deductions := make([]perch.Deduction, len(list))
	for i, one := range list {
		deductions[i] = one.Deduction
	}
	return deductions, nil
}

// Get reads one deduction.
func (s *Service) Get(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID) (perch.Deduction, error) {
	d, reader, done, err := s.read(ctx, grant, entity)
	if err != nil {
		return perch.Deduction{}, err
	}
	defer done()
	found, err := d.find(ctx, reader, benefit)
	return found.Deduction, err
}

// Enrolled is an individual who is enrolled in a deduction.
type Enrolled struct {
	IndividualID perch.ID
	Enrolment    perch.Enrolment
}

// Enrolments lists who is enrolled in a deduction now.
func (s *Service) Enrolments(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID) ([]Enrolled, error) {
	d, reader, done, err := s.read(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	defer done()
	return d.enrolments(ctx, reader, benefit)
}

func (d *desk) enrolments(ctx context.Context, reader provider.DeductionReader, benefit perch.ID) ([]Enrolled, error) {
	found, err := d.find(ctx, reader, benefit)
	if err != nil || found.Key == "" { // nobody is enrolled yet in what is on its way
		return nil, err
	}
	var list []Enrolled
	for one, err := range reader.Enrolments(ctx, found.Key) {
		if err != nil {
			return nil, providerFailure("reading the enrolments", err)
		}
		list = append(list, Enrolled{d.Identity.RecordID(d.account.EntityID, "individual", one.PersonKey), one.Enrolment})
	}
	return list, nil
}

// Found is what there is about one individual who was asked for: an enrolment or an error. The id may be
// any text.
type Found struct {
	IndividualID string
	Enrolment    *perch.Enrolment
	Err          *perch.Error
}

// Individuals reads the enrolments of individuals, one entry each and in their order. No ids stand for
// everybody who is enrolled.
func (s *Service) Individuals(ctx context.Context, grant *access.Grant, entity *access.Entity, benefit perch.ID, ids []string) ([]Found, error) {
	d, reader, done, err := s.read(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	defer done()
	list, err := d.enrolments(ctx, reader, benefit)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		found := make([]Found, len(list))
		for i := range list {
			found[i] = Found{IndividualID: list[i].IndividualID.String(), Enrolment: &list[i].Enrolment}
		}
		return found, nil
	}
	enrolled := make(map[perch.ID]*perch.Enrolment, len(list))
	for i := range list {
		enrolled[list[i].IndividualID] = &list[i].Enrolment
	}
	people, err := d.Records.View(ctx, d.account.EntityID, d.account.Groups[access.Organization].Generation, records.People)
	if err != nil {
		return nil, perch.Internal(err)
	}
	found := make([]Found, len(ids))
	for i, text := range ids {
		found[i] = Found{IndividualID: text, Err: perch.NotFound("individual_not_found", "No individual with id %s found", text)}
		id, err := perch.ParseID(text)
		if err != nil {
			continue
		}
		if found[i].Enrolment = enrolled[id]; found[i].Enrolment != nil {
			found[i].Err = nil
			continue
		}
		_, known, err := people.Position(id)
		if err != nil {
			return nil, perch.Internal(err)
		}
		if known {
			found[i].Err = errNotEnrolled
		}
	}
	return found, nil
}

var errNotEnrolled = &perch.Error{Name: perch.NameBadRequest, Code: "enrollment_not_found", Message: "Enrollment not found for individual"}

// Feature is what a provider does with a benefit type.
type Feature struct {
	Type perch.BenefitType `json:"type"`
	perch.BenefitFeatures
}

// Meta says what the provider does with each benefit type, in the order of the model. Nil means that it is
// not known.
func (s *Service) Meta(ctx context.Context, grant *access.Grant, entity *access.Entity) ([]Feature, error) {
	d, err := s.open(ctx, grant, entity)
	if err != nil {
		return nil, err
	}
	var list []Feature
	for _, kind := range perch.BenefitType("").Values() {
		support := d.terms.types[kind]
		if support == nil {
			continue
		}
		f := Feature{Type: kind}
		if support.Features != nil {
			f.BenefitFeatures = *support.Features
		}
		if f.Frequencies == nil {
			f.Frequencies = []perch.BenefitFrequency{}
		}
		list = append(list, f)
	}
	return list, nil
}
