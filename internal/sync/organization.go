package sync

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/records"
	"github.com/perchhq/perch/provider"
)

// progressEvery is after how many records progress is told.
const progressEvery = 500

// organization syncs the company, its people and its pay groups, and publishes them together.
func (r *run) organization(ctx context.Context) (err error) {
	p, err := r.newPublisher(ctx, access.Organization)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.settle()) }()
	for _, step := range []func(context.Context, *publisher) error{r.company, r.people, r.payGroups} {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	p.tellFirst()
	return p.publish(ctx, true, func(tx *sql.Tx) error { return r.ids.save(ctx, tx) })
}

func (r *run) company(ctx context.Context, p *publisher) error {
	var company perch.Company
	if reader, ok := r.source.(provider.CompanyReader); ok {
		var err error
		if company, err = reader.Company(ctx); err != nil {
			return fmt.Errorf("reading the company: %w", err)
		}
	}
	st, err := p.stage(ctx, records.Company)
	if err != nil {
		return err
	}
	company.ID = r.account.CompanyID
	if r.peopleCoverage() != provider.Complete && st.Has(company.ID) {
		if err := keepKnown(st, &company); err != nil {
			return err
		}
	}
	accounts := company.Accounts
	company.Accounts = nil
	r.encoder.set(records.FacetCompany, &company)
	kept, err := json.Marshal(accounts)
	if err != nil {
		return fmt.Errorf("encoding the company's accounts: %w", err)
	}
	r.encoder.raw(records.FacetAccounts, kept)
	change, err := r.put(st, KindCompany, company.ID, 2)
	if err != nil {
		return err
	}
	if err := p.tellCompany(ctx, change); err != nil {
		return err
	}
	return p.finish(st)
}

// keepKnown fills in from what is published what a partial source, such as one more file, does not
// say of the company.
func keepKnown(st *records.Stage, company *perch.Company) error {
	var known perch.Company
	for facet, into := range []any{&known, &known.Accounts} {
		stored, err := st.Record(company.ID, facet)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(stored, into); err != nil {
			return fmt.Errorf("reading back the company: %w", err)
		}
	}
	company.LegalName = cmp.Or(company.LegalName, known.LegalName)
	company.Entity = cmp.Or(company.Entity, known.Entity)
	company.PrimaryEmail = cmp.Or(company.PrimaryEmail, known.PrimaryEmail)
	company.PrimaryPhoneNumber = cmp.Or(company.PrimaryPhoneNumber, known.PrimaryPhoneNumber)
	company.EIN = cmp.Or(company.EIN, known.EIN)
	if company.Departments == nil {
		company.Departments = known.Departments
	}
	if company.Locations == nil {
		company.Locations = known.Locations
	}
	if company.Accounts == nil {
		company.Accounts = known.Accounts
	}
	return nil
}

// put stages the record in the encoder and counts what became of it.
func (r *run) put(st *records.Stage, kind Kind, id perch.ID, facets int) (records.Change, error) {
	change, err := st.Put(id, r.encoder.facets[:facets])
	if err != nil {
		return change, err
	}
	r.count(kind, change)
	return change, nil
}

func (r *run) count(kind Kind, change records.Change) {
	c := r.summary.Records[kind]
	switch change {
	case records.Created:
		c.Created++
	case records.Updated:
		c.Updated++
	case records.Unchanged:
		c.Unchanged++
	case records.Repeated:
		return
	}
	r.summary.Records[kind] = c
	if done := c.Created + c.Updated + c.Unchanged; done%progressEvery == 0 {
		r.progress(kind, done)
	}
}

func (r *run) people(ctx context.Context, p *publisher) error {
	reader, ok := r.source.(provider.PeopleReader)
	if !ok {
		return nil
	}
	st, err := p.stage(ctx, records.People)
	if err != nil {
		return err
	}
	if err := r.ids.assign(ctx, reader, st.Has); err != nil {
		return fmt.Errorf("reading the people: %w", err)
	}
	keys, err := r.newPersonKeys(ctx, p)
	if err != nil {
		return err
	}
	wantsSSN := r.wantsSSN()
	for person, err := range reader.People(ctx) {
		if err != nil {
			return fmt.Errorf("reading the people: %w", err)
		}
		if err := r.putPerson(ctx, p, st, person, wantsSSN); err != nil {
			return err
		}
		if err := keys.put(person); err != nil {
			return err
		}
	}
	if err := r.absentPeople(ctx, p, st); err != nil {
		return err
	}
	if err := keys.finish(p); err != nil {
		return err
	}
	return p.finish(st)
}

func (r *run) putPerson(ctx context.Context, p *publisher, st *records.Stage, person *provider.Person, wantsSSN bool) error {
	id := r.ids.of(person.Keys[0])
	if person.Mentioned && st.Has(id) {
		r.count(KindPerson, st.Keep(id))
		return nil
	}
	individual, employment := &person.Individual, &person.Employment
	individual.ID, employment.ID = id, id
	employment.Manager = nil
	if person.ManagerKey != "" {
		employment.Manager = &perch.Reference{ID: r.ids.of(person.ManagerKey)}
	}
	if person.Unsaid != 0 && st.Has(id) {
		if err := keepUnsaid(st, person, id); err != nil {
			return err
		}
	}
	var ssn []byte
	if individual.SSN != nil && wantsSSN {
		ssn = []byte(*individual.SSN)
	}
	r.encoder.raw(records.FacetSSN, ssn)
	individual.SSN, individual.EncryptedSSN = nil, nil
	r.encoder.set(records.FacetIndividual, individual)
	return r.putEmployment(ctx, p, st, employment)
}

// keepUnsaid fills in from what is published what the source leaves open about a person.
func keepUnsaid(st *records.Stage, person *provider.Person, id perch.ID) error {
	var individual perch.Individual
	var employment perch.Employment
	for facet, into := range map[int]any{records.FacetIndividual: &individual, records.FacetEmployment: &employment} {
		stored, err := st.Record(id, facet)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(stored, into); err != nil {
			return fmt.Errorf("reading back a person: %w", err)
		}
	}
	ssn, err := st.Record(id, records.FacetSSN)
	if err != nil {
		return err
	}
	if len(ssn) > 0 {
		text := string(ssn)
		individual.SSN = &text
	}
	provider.KeepKnown(person, &individual, &employment)
	return nil
}

// putEmployment encodes the employment and the directory entry that follows from it, and stages
// the person.
func (r *run) putEmployment(ctx context.Context, p *publisher, st *records.Stage, employment *perch.Employment) error {
	entry := perch.DirectoryEntry{
		ID: employment.ID, FirstName: employment.FirstName, MiddleName: employment.MiddleName, LastName: employment.LastName,
		Manager: employment.Manager, Department: employment.Department, IsActive: employment.IsActive,
	}
	r.encoder.set(records.FacetEmployment, employment)
	r.encoder.set(records.FacetDirectory, &entry)
	change, err := r.put(st, KindPerson, employment.ID, 4)
	if err != nil {
		return err
	}
	return p.tellPerson(ctx, employment.ID, change, st.Touched())
}

// absentPeople deals with those who are published and were not listed.
func (r *run) absentPeople(ctx context.Context, p *publisher, st *records.Stage) error {
	switch r.peopleCoverage() {
	case provider.Complete:
		removed, err := st.RemoveAbsent()
		if err != nil {
			return err
		}
		r.countDeleted(KindPerson, len(removed))
		return p.tellPeopleGone(ctx, removed)
	case provider.AbsentLeft:
		return st.Absent(func(id perch.ID) error { return r.markLeft(ctx, p, st, id) })
	}
	return nil
}

func (r *run) peopleCoverage() provider.Coverage {
	if reporter, ok := r.source.(provider.CoverageReporter); ok {
		return reporter.PeopleCoverage()
	}
	return provider.Complete
}

func (r *run) countDeleted(kind Kind, n int) {
	if n > 0 {
		c := r.summary.Records[kind]
		c.Deleted += n
		r.summary.Records[kind] = c
	}
}

// markLeft keeps a person whom the source no longer lists, as a leaver. The end date is the day on
// which the absence was seen, unless the source gave one before.
func (r *run) markLeft(ctx context.Context, p *publisher, st *records.Stage, id perch.ID) error {
	var employment perch.Employment
	stored, err := st.Record(id, records.FacetEmployment)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(stored, &employment); err != nil {
		return fmt.Errorf("reading back an employment: %w", err)
	}
	individual, err := st.Record(id, records.FacetIndividual)
	if err != nil {
		return err
	}
	r.encoder.raw(records.FacetIndividual, individual)
	ssn, err := st.Record(id, records.FacetSSN)
	if err != nil {
		return err
	}
	r.encoder.raw(records.FacetSSN, ssn)
	if employment.IsActive == nil || *employment.IsActive {
		active, status, today := false, perch.EmploymentTerminated, perch.DateOf(r.Now())
		employment.IsActive, employment.EmploymentStatus = &active, &status
		if employment.EndDate == nil {
			employment.EndDate = &today
		}
		c := r.summary.Records[KindPerson]
		c.Left++
		r.summary.Records[KindPerson] = c
	}
	return r.putEmployment(ctx, p, st, &employment)
}

func (r *run) payGroups(ctx context.Context, p *publisher) error {
	reader, ok := r.source.(provider.PayGroupReader)
	if !ok {
		return nil
	}
	st, err := p.stage(ctx, records.PayGroups)
	if err != nil {
		return err
	}
	for group, err := range reader.PayGroups(ctx) {
		if err != nil {
			return fmt.Errorf("reading the pay groups: %w", err)
		}
		if err := r.putPayGroup(st, group); err != nil {
			return err
		}
	}
	if r.paymentCoverage() == provider.Complete {
		removed, err := st.RemoveAbsent()
		if err != nil {
			return err
		}
		r.countDeleted(KindPayGroup, len(removed))
	}
	return p.finish(st)
}

func (r *run) putPayGroup(st *records.Stage, group *provider.PayGroup) error {
	g := group.PayGroup
	g.ID = r.payGroupID(group.Key)
	g.IndividualIDs = r.individualIDs(group.MemberKeys)
	if g.PayFrequencies == nil {
		g.PayFrequencies = []perch.PayFrequency{}
	}
	r.encoder.set(records.FacetPayGroupSummary, &perch.PayGroupSummary{ID: g.ID, Name: g.Name, PayFrequencies: g.PayFrequencies})
	r.encoder.set(records.FacetPayGroup, &g)
	_, err := r.put(st, KindPayGroup, g.ID, 2)
	return err
}

func (r *run) payGroupID(key string) perch.ID {
	return r.Identity.RecordID(r.account.EntityID, "pay_group", key)
}

func (r *run) individualIDs(keys []string) []perch.ID {
	ids := make([]perch.ID, len(keys))
	for i, key := range keys {
		ids[i] = r.ids.of(key)
	}
	return ids
}
