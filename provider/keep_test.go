package provider_test

import (
	"reflect"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// known is a leaver or not, with something in every kind of field.
func known(active bool) provider.Person {
	p := provider.Person{}
	p.Individual = perch.Individual{
		FirstName: new("Ann"), LastName: new("Roe"), SSN: new("012345678"), DOB: new(perch.NewDate(1980, 1, 2)),
		Emails:       []perch.Email{{Data: "ann@work.example", Type: new(perch.ContactWork)}, {Data: "ann@home.example", Type: new(perch.ContactPersonal)}},
		PhoneNumbers: []perch.PhoneNumber{{Data: new("+16175550134")}},
		Residence:    &perch.Location{Line1: new("1 Main St"), City: new("Salem"), State: new("MA"), Country: new("US")},
	}
	p.Employment = perch.Employment{
		FirstName: new("Ann"), LastName: new("Roe"), Title: new("Welder"), Manager: &perch.Reference{ID: perch.ID{1}},
		StartDate: new(perch.NewDate(2015, 1, 5)), IsActive: new(active), EmploymentStatus: new(perch.EmploymentActive),
		Income:       &perch.Income{Amount: new(int64(52_000_00)), Unit: new(perch.IncomeYearly), EffectiveDate: new(perch.NewDate(2025, 1, 1))},
		CustomFields: []perch.CustomField{{Name: new("Shift"), Value: []byte(`"night"`)}},
	}
	if !active {
		p.Employment.EmploymentStatus, p.Employment.EndDate = new(perch.EmploymentTerminated), new(perch.NewDate(2025, 6, 30))
	}
	return p
}

func TestWhatIsUnsaidKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	status := provider.FieldEmploymentStatus | provider.FieldEndDate
	for name, c := range map[string]struct {
		leaver bool
		unsaid provider.Fields
		said   func(*provider.Person)
		want   func(*provider.Person)
	}{
		"a source that says nothing changes nothing": {unsaid: provider.AllFields,
			said: func(p *provider.Person) { *p = provider.Person{} }, want: func(*provider.Person) {}},
		"what is said to be blank becomes null": {
			unsaid: provider.FieldTitle,
			said:   func(p *provider.Person) { p.Employment.Title, p.Individual.DOB, p.Employment.Income = nil, nil, nil },
			want:   func(p *provider.Person) { p.Individual.DOB, p.Employment.Income = nil, nil }},
		"a known value is stronger than one that was worked out": {
			unsaid: provider.FieldTitle,
			said:   func(p *provider.Person) { p.Employment.Title = new("Someone") }, want: func(*provider.Person) {}},
		"addresses are kept by use and stand there once": {
			unsaid: provider.FieldPersonalEmail | provider.FieldOtherEmail,
			said: func(p *provider.Person) {
				p.Individual.Emails = []perch.Email{{Data: "ANN@home.example", Type: new(perch.ContactWork)}}
			},
			want: func(p *provider.Person) {
				p.Individual.Emails = []perch.Email{{Data: "ANN@home.example", Type: new(perch.ContactWork)}}
			}},
		"a new work address leaves the personal one": {
			unsaid: provider.FieldPersonalEmail,
			said: func(p *provider.Person) {
				p.Individual.Emails = []perch.Email{{Data: "roe@work.example", Type: new(perch.ContactWork)}}
			},
			want: func(p *provider.Person) { p.Individual.Emails[0].Data = "roe@work.example" }},
		"a residence of which only the state is said keeps the street": {
			unsaid: provider.FieldResidenceLine1 | provider.FieldResidenceCity | provider.FieldResidenceCountry,
			said: func(p *provider.Person) {
				p.Individual.Residence = &perch.Location{State: new("MA"), Country: new("US")}
			},
			want: func(*provider.Person) {}},
		"someone who moved does not keep the street": {
			unsaid: provider.FieldResidenceLine1 | provider.FieldResidenceCity | provider.FieldResidenceCountry,
			said: func(p *provider.Person) {
				p.Individual.Residence = &perch.Location{State: new("NH"), Country: new("US")}
			},
			want: func(p *provider.Person) {
				p.Individual.Residence = &perch.Location{State: new("NH"), Country: new("US")}
			}},
		"a part of the address that is said to be blank goes alone": {
			unsaid: provider.FieldResidenceLine1 | provider.FieldResidenceCity | provider.FieldResidenceCountry,
			said:   func(p *provider.Person) { p.Individual.Residence = nil },
			want:   func(p *provider.Person) { p.Individual.Residence.State = nil }},
		"the unit stays with an amount that stays": {
			unsaid: provider.FieldIncomeUnit | provider.FieldIncomeEffectiveDate,
			said:   func(p *provider.Person) { p.Employment.Income = &perch.Income{Amount: new(int64(52_000_00))} },
			want:   func(*provider.Person) {}},
		"a new amount keeps neither unit nor date": {
			unsaid: provider.FieldIncomeUnit | provider.FieldIncomeEffectiveDate,
			said:   func(p *provider.Person) { p.Employment.Income = &perch.Income{Amount: new(int64(5_000_00))} },
			want:   func(p *provider.Person) { p.Employment.Income = &perch.Income{Amount: new(int64(5_000_00))} }},
		"custom fields are kept by name": {
			unsaid: provider.FieldCustomFields,
			said: func(p *provider.Person) {
				p.Employment.CustomFields = []perch.CustomField{{Name: new("Desk"), Value: []byte(`"4"`)}}
			},
			want: func(p *provider.Person) {
				p.Employment.CustomFields = []perch.CustomField{{Name: new("Desk"), Value: []byte(`"4"`)}, p.Employment.CustomFields[0]}
			}},
		"a leaver stays one where nothing but the old start speaks": {leaver: true, unsaid: status,
			said: func(p *provider.Person) {
				p.Employment.IsActive, p.Employment.EmploymentStatus, p.Employment.EndDate = new(true), new(perch.EmploymentActive), nil
			},
			want: func(*provider.Person) {}},
		"a start after the end brings a leaver back": {leaver: true, unsaid: status,
			said: func(p *provider.Person) {
				p.Employment.LatestRehireDate = new(perch.NewDate(2026, 1, 5))
				p.Employment.IsActive, p.Employment.EmploymentStatus, p.Employment.EndDate = new(true), new(perch.EmploymentActive), nil
			},
			want: func(p *provider.Person) {
				p.Employment.LatestRehireDate = new(perch.NewDate(2026, 1, 5))
				p.Employment.IsActive, p.Employment.EmploymentStatus, p.Employment.EndDate = new(true), new(perch.EmploymentActive), nil
			}},
		"a status that says active drops the old end date": {leaver: true, unsaid: provider.FieldEndDate,
			said: func(p *provider.Person) {
				p.Employment.IsActive, p.Employment.EmploymentStatus, p.Employment.EndDate = new(true), new(perch.EmploymentActive), nil
			},
			want: func(p *provider.Person) {
				p.Employment.IsActive, p.Employment.EmploymentStatus, p.Employment.EndDate = new(true), new(perch.EmploymentActive), nil
			}},
		"a blank end date does not take an active status away": {unsaid: provider.FieldEmploymentStatus,
			said: func(p *provider.Person) { p.Employment.IsActive, p.Employment.EmploymentStatus = nil, nil },
			want: func(*provider.Person) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, p, want := known(!c.leaver), known(!c.leaver), known(!c.leaver)
			c.said(&p)
			p.Unsaid, want.Unsaid = c.unsaid, c.unsaid
			c.want(&want)
			provider.KeepKnown(&p, &before.Individual, &before.Employment)
			if !reflect.DeepEqual(p, want) {
				t.Errorf("got  %+v\n%+v\nwant %+v\n%+v", p.Individual, p.Employment, want.Individual, want.Employment)
			}
			if !reflect.DeepEqual(before, known(!c.leaver)) {
				t.Error("what was known has changed")
			}
		})
	}
}

func TestASourceThatSaysEverythingIsLeftAlone(t *testing.T) {
	t.Parallel()
	before, p := known(true), provider.Person{}
	provider.KeepKnown(&p, &before.Individual, &before.Employment)
	if !reflect.DeepEqual(p, provider.Person{}) {
		t.Errorf("got %+v", p)
	}
}
