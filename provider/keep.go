package provider

import (
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

// Fields is a set of fields of a person.
type Fields uint64

// Fields that a source may leave open; see Person.Unsaid. Names are those of both Individual and
// Employment. FieldEmploymentStatus stands for IsActive too, FieldEmployment for type and subtype.
const (
	FieldFirstName Fields = 1 << iota
	FieldMiddleName
	FieldLastName
	FieldPreferredName
	FieldWorkEmail
	FieldPersonalEmail
	FieldOtherEmail
	FieldWorkPhone
	FieldPersonalPhone
	FieldOtherPhone
	FieldGender
	FieldEthnicity
	FieldMaritalStatus
	FieldDOB
	FieldSSN
	FieldResidenceLine1
	FieldResidenceLine2
	FieldResidenceCity
	FieldResidenceState
	FieldResidencePostalCode
	FieldResidenceCountry
	FieldTitle
	FieldManager
	FieldDepartment
	FieldEmployment
	FieldStartDate
	FieldEndDate
	FieldLatestRehireDate
	FieldEmploymentStatus
	FieldFLSAStatus
	FieldClassCode
	FieldWorkName
	FieldWorkLine1
	FieldWorkLine2
	FieldWorkCity
	FieldWorkState
	FieldWorkPostalCode
	FieldWorkCountry
	FieldIncomeAmount
	FieldIncomeUnit
	FieldIncomeEffectiveDate
	FieldIncomeHistory
	FieldCustomFields
	FieldUnionCode
	FieldUnionLocal
	FieldHighlyCompensatedEmployee
	FieldKeyEmployee
	FieldSourceID
	FieldWorkID

	// AllFields are all of them.
	AllFields = FieldWorkID<<1 - 1
)

// Has reports whether any of the given fields is in the set.
func (f Fields) Has(any Fields) bool { return f&any != 0 }

// KeepKnown fills in from what is known of a person what p.Unsaid leaves open. A known value takes the
// place of what the source worked out by itself; where nothing is known, that stays. What the source
// does say stands, null included. Three things hang together and are not mixed:
//
//   - The parts of an address, and those of an income, are kept only as long as what is said of it is
//     what was known: someone who has moved does not keep the old street.
//   - The end date goes when somebody who had left is active again.
//   - A leaver whose status is unsaid is back when the end date is blank or a later start is given.
//
// The known individual holds the SSN, and its contact data are kept by use. Managers are compared by
// Employment.Manager, which the caller has filled in from ManagerKey. The known values are shared
// with p afterwards and are not changed.
func KeepKnown(p *Person, individual *perch.Individual, employment *perch.Employment) {
	if p.Unsaid == 0 {
		return
	}
	p.keepIndividual(individual)
	p.keepEmployment(employment)
	p.keepStatus(employment)
}

func (p *Person) keepIndividual(known *perch.Individual) {
	i, u := &p.Individual, p.Unsaid
	keep(u, FieldFirstName, &i.FirstName, known.FirstName)
	keep(u, FieldMiddleName, &i.MiddleName, known.MiddleName)
	keep(u, FieldLastName, &i.LastName, known.LastName)
	keep(u, FieldPreferredName, &i.PreferredName, known.PreferredName)
	keep(u, FieldGender, &i.Gender, known.Gender)
	keep(u, FieldEthnicity, &i.Ethnicity, known.Ethnicity)
	keep(u, FieldMaritalStatus, &i.MaritalStatus, known.MaritalStatus)
	keep(u, FieldDOB, &i.DOB, known.DOB)
	keep(u, FieldSSN, &i.SSN, known.SSN)
	i.Emails = keepContacts(i.Emails, known.Emails, [...]bool{u.Has(FieldWorkEmail), u.Has(FieldPersonalEmail), u.Has(FieldOtherEmail)},
		func(e perch.Email) (*perch.ContactType, string) { return e.Type, e.Data })
	i.PhoneNumbers = keepContacts(i.PhoneNumbers, known.PhoneNumbers, [...]bool{u.Has(FieldWorkPhone), u.Has(FieldPersonalPhone), u.Has(FieldOtherPhone)},
		func(n perch.PhoneNumber) (*perch.ContactType, string) { return n.Type, text(n.Data) })
	i.Residence = keepLocation(i.Residence, known.Residence, [...]bool{true, u.Has(FieldResidenceLine1), u.Has(FieldResidenceLine2),
		u.Has(FieldResidenceCity), u.Has(FieldResidenceState), u.Has(FieldResidencePostalCode), u.Has(FieldResidenceCountry), true})
}

func (p *Person) keepEmployment(known *perch.Employment) {
	j, u := &p.Employment, p.Unsaid
	keep(u, FieldFirstName, &j.FirstName, known.FirstName)
	keep(u, FieldMiddleName, &j.MiddleName, known.MiddleName)
	keep(u, FieldLastName, &j.LastName, known.LastName)
	keep(u, FieldTitle, &j.Title, known.Title)
	keep(u, FieldManager, &j.Manager, known.Manager)
	keep(u, FieldDepartment, &j.Department, known.Department)
	keep(u, FieldEmployment, &j.Employment, known.Employment)
	keep(u, FieldFLSAStatus, &j.FLSAStatus, known.FLSAStatus)
	keep(u, FieldClassCode, &j.ClassCode, known.ClassCode)
	keep(u, FieldUnionCode, &j.UnionCode, known.UnionCode)
	keep(u, FieldUnionLocal, &j.UnionLocal, known.UnionLocal)
	keep(u, FieldHighlyCompensatedEmployee, &j.HighlyCompensatedEmployee, known.HighlyCompensatedEmployee)
	keep(u, FieldKeyEmployee, &j.KeyEmployee, known.KeyEmployee)
	keep(u, FieldSourceID, &j.SourceID, known.SourceID)
	keep(u, FieldWorkID, &j.WorkID, known.WorkID)
	j.Location = keepLocation(j.Location, known.Location, [...]bool{u.Has(FieldWorkName), u.Has(FieldWorkLine1), u.Has(FieldWorkLine2),
		u.Has(FieldWorkCity), u.Has(FieldWorkState), u.Has(FieldWorkPostalCode), u.Has(FieldWorkCountry), true})
	keepIncome(u, &j.Income, known.Income)
	if u.Has(FieldIncomeHistory) && known.IncomeHistory != nil {
		j.IncomeHistory = known.IncomeHistory
	}
	if u.Has(FieldCustomFields) {
		j.CustomFields = keepCustomFields(j.CustomFields, known.CustomFields)
	}
}

// keepStatus settles status and dates together. A start that the source does give counts before the
// known one is filled in.
func (p *Person) keepStatus(known *perch.Employment) {
	j, u := &p.Employment, p.Unsaid
	wasLeaver := known.IsActive != nil && !*known.IsActive
	rehired := j.EmploymentStatus != nil && known.EndDate != nil && (after(j.StartDate, known.EndDate) || after(j.LatestRehireDate, known.EndDate))
	cleared := !u.Has(FieldEndDate) && j.EndDate == nil
	if !wasLeaver || !rehired && !cleared {
		keep(u, FieldEmploymentStatus, &j.EmploymentStatus, known.EmploymentStatus)
		keep(u, FieldEmploymentStatus, &j.IsActive, known.IsActive)
	}
	keep(u, FieldStartDate, &j.StartDate, known.StartDate)
	keep(u, FieldLatestRehireDate, &j.LatestRehireDate, known.LatestRehireDate)
	if back := wasLeaver && j.IsActive != nil && *j.IsActive; !back {
		keep(u, FieldEndDate, &j.EndDate, known.EndDate)
	}
}

func after(d, than *perch.Date) bool { return d != nil && *d > *than }

func keep[T any](unsaid, field Fields, value **T, known *T) {
	if unsaid.Has(field) && known != nil {
		*value = known
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// keepContacts puts together, use by use in the order work, personal, other, what is said and what
// is known. An address appears once.
func keepContacts[C any](said, known []C, unsaid [3]bool, of func(C) (*perch.ContactType, string)) []C {
	if unsaid == [3]bool{} {
		return said
	}
	var out []C
	add := func(use int, from []C) (found bool) {
		for _, c := range from {
			kind, data := of(c)
			if useOf(kind) != use {
				continue
			}
			found = true
			if !slices.ContainsFunc(out, func(o C) bool { _, other := of(o); return strings.EqualFold(other, data) }) {
				out = append(out, c)
			}
		}
		return found
	}
	for use, open := range unsaid {
		if !open || !add(use, known) {
			add(use, said)
		}
	}
	return out
}

func useOf(kind *perch.ContactType) int {
	switch {
	case kind == nil:
		return 2
	case *kind == perch.ContactWork:
		return 0
	}
	return 1
}

// keepLocation keeps the unsaid parts of an address whose said parts are not new. unsaid is in the
// order of parts.
func keepLocation(said, known *perch.Location, unsaid [8]bool) *perch.Location {
	if known == nil {
		return said
	}
	var l perch.Location
	if said != nil {
		l = *said
	}
	old := *known
	given, kept := parts(&l), parts(&old)
	for i, part := range given {
		if !unsaid[i] && *part != nil && text(*part) != text(*kept[i]) {
			return said
		}
	}
	for i, part := range given {
		if unsaid[i] && *kept[i] != nil {
			*part = *kept[i]
		}
	}
	if l == (perch.Location{}) {
		return nil
	}
	return &l
}

func parts(l *perch.Location) [8]**string {
	return [...]**string{&l.Name, &l.Line1, &l.Line2, &l.City, &l.State, &l.PostalCode, &l.Country, &l.SourceID}
}

// keepIncome keeps the unit and the effective date with the amount that they belong to.
func keepIncome(u Fields, income **perch.Income, known *perch.Income) {
	if known == nil {
		return
	}
	if u.Has(FieldIncomeAmount) {
		*income = known
		return
	}
	if *income == nil || (*income).Amount == nil || known.Amount == nil || *(*income).Amount != *known.Amount {
		return
	}
	merged := **income
	keep(u, FieldIncomeUnit, &merged.Unit, known.Unit)
	if merged.Unit == nil || known.Unit == nil || *merged.Unit == *known.Unit {
		keep(u, FieldIncomeEffectiveDate, &merged.EffectiveDate, known.EffectiveDate)
	}
	*income = &merged
}

// keepCustomFields keeps the known fields whose names are not among those said.
func keepCustomFields(said, known []perch.CustomField) []perch.CustomField {
	out := slices.Clone(said)
	for _, k := range known {
		if !slices.ContainsFunc(said, func(s perch.CustomField) bool { return text(s.Name) == text(k.Name) }) {
			out = append(out, k)
		}
	}
	return out
}
