package file

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// managerRef is what a row says about the person's manager.
type managerRef struct{ name, number, email string }

// Ages at hire that decide the century of a birth date with a two-digit year.
const (
	minAgeAtHire = 14
	maxAgeAtHire = 100
)

var (
	errBirthDate = errors.New("lies in the future, or after the day of hire, or more than 120 years back")
	errEndDate   = errors.New("lies before the day of hire")
	errUnit      = errors.New("has no unit of pay, and the amount does not tell whether it is yearly or hourly; map a column to pay_unit, or give the column a unit")
	errNegative  = errors.New("is negative; nobody is paid less than nothing")
	errNumber    = errors.New("is too long for an employee number")
)

const (
	noIdentity   = "the row has neither a name nor an employee number; it was skipped"
	activeButEnd = "the status is active although the employment has ended; the status was kept"
)

// readPerson reads a row into a zero person, and returns the little that is kept of them. It is nil for a
// row that names nobody.
func readPerson(r record, p *provider.Person) *entry {
	name, named := r.name()
	number := r.number(FieldEmployeeNumber)
	if !named && number == "" {
		r.skip(noIdentity)
		return nil
	}
	i, j := &p.Individual, &p.Employment
	i.FirstName, i.MiddleName, i.LastName = optional(name.first), optional(name.middle), optional(name.last)
	j.FirstName, j.MiddleName, j.LastName = i.FirstName, i.MiddleName, i.LastName
	i.PreferredName = r.string(FieldPreferredName)
	r.employmentDates(j)
	i.DOB = r.birthDate(j.StartDate)
	i.Gender = again(r, FieldGender, genders.parse)
	i.Ethnicity = r.ethnicity()
	i.MaritalStatus = again(r, FieldMaritalStatus, maritalStatuses.parse)
	i.SSN = read(r, FieldSSN, parseSSN)
	i.Emails = r.emails()
	i.PhoneNumbers = r.phones()
	i.Residence = r.location(residenceFields)
	r.job(j)
	j.SourceID = optional(number)
	p.Keys = keys(name, number, i)
	p.Unsaid = r.unsaid(p, named)
	return &entry{sheet: r.sheet, at: int32(r.index), active: tristate(j.IsActive)}
}

// manager reads what a row says about the person's manager.
func (r record) manager() managerRef {
	return managerRef{name: r.text(FieldManagerName), number: r.number(FieldManagerNumber), email: strings.ToLower(r.text(FieldManagerEmail))}
}

// number reads an identifying number; a spreadsheet may have made 10026 into 10026.0.
func (r record) number(f Field) string {
	n := strings.TrimSuffix(squeeze(r.text(f)), ".0")
	if len(n) > 64 {
		r.fail(f, errNumber)
		return ""
	}
	return n
}

// keys are a person's natural keys, strongest first. The name is a key only together with the birth
// date, or where there is nothing better.
func keys(name personName, number string, i *perch.Individual) []string {
	keys := make([]string, 0, 3)
	if number != "" {
		keys = append(keys, employeeKey(number))
	}
	if i.SSN != nil {
		keys = append(keys, "ssn:"+*i.SSN)
	}
	if i.DOB != nil || len(keys) == 0 {
		if key := nameKey(name, i.DOB); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

func employeeKey(number string) string { return "employee:" + number }

func nameKey(name personName, dob *perch.Date) string {
	match := name.match()
	if match == "" {
		return ""
	}
	if dob != nil {
		return "name:" + match + "|" + dob.String()
	}
	// Without the birth date the middle name has to tell people apart.
	whole := fold(name.first + " " + name.middle + " " + name.last)
	return "name:" + strings.Join(strings.Fields(whole), " ") + "|"
}

func (r record) employmentDates(j *perch.Employment) {
	hired := yearRule{earliest: perch.NewDate(1930, 1, 1), latest: r.today.AddMonths(12)}
	j.StartDate = r.date(FieldHireDate, hired)
	j.LatestRehireDate = r.date(FieldRehireDate, hired)
	left := yearRule{earliest: hired.earliest, latest: r.today.AddMonths(24)}
	if j.StartDate != nil {
		left.earliest = *j.StartDate
	}
	j.EndDate = r.date(FieldEndDate, left)
	if j.EndDate != nil && j.StartDate != nil && *j.EndDate < *j.StartDate {
		c, _ := r.column(FieldEndDate)
		r.failColumn(c, errEndDate.Error()) // the date arrives all the same
	}
}

func (r record) birthDate(hired *perch.Date) *perch.Date {
	at := r.today
	if hired != nil {
		at = *hired
	}
	dob := r.date(FieldDOB, yearRule{earliest: at.AddMonths(-12 * maxAgeAtHire), latest: at.AddMonths(-12 * minAgeAtHire)})
	if dob != nil && (*dob >= at || *dob >= r.today || *dob < r.today.AddMonths(-12*120)) {
		r.fail(FieldDOB, errBirthDate)
		return nil
	}
	return dob
}

// ethnicity follows the EEO-1 report, in which Hispanic or Latino comes before any race.
func (r record) ethnicity() *perch.Ethnicity {
	hispanic := read(r, FieldHispanic, func(s string) (bool, error) {
		if e, err := ethnicities.parse(s); err == nil {
			return e == perch.EthnicityHispanic, nil
		}
		folded := strings.Join(strings.Fields(fold(s)), " ")
		if strings.HasPrefix(folded, "not ") || strings.HasPrefix(folded, "non ") {
			return false, nil
		}
		return parseFlag(s)
	})
	race := again(r, FieldEthnicity, ethnicities.parse)
	if hispanic != nil && *hispanic {
		e := perch.EthnicityHispanic
		return &e
	}
	return race
}

func (r record) emails() []perch.Email {
	var out []perch.Email
	add := func(f Field, use *perch.ContactType) {
		if address := read(r, f, parseEmail); address != nil && !slices.ContainsFunc(out, func(e perch.Email) bool { return strings.EqualFold(e.Data, *address) }) {
			out = append(out, perch.Email{Data: *address, Type: use})
		}
	}
	add(FieldWorkEmail, new(perch.ContactWork))
	add(FieldPersonalEmail, new(perch.ContactPersonal))
	add(FieldEmail, nil)
	return out
}

func (r record) phones() []perch.PhoneNumber {
	var out []perch.PhoneNumber
	add := func(f Field, use *perch.ContactType) {
		if number := read(r, f, parsePhone); number != nil && !slices.ContainsFunc(out, func(p perch.PhoneNumber) bool { return *p.Data == *number }) {
			out = append(out, perch.PhoneNumber{Data: number, Type: use})
		}
	}
	add(FieldWorkPhone, new(perch.ContactWork))
	add(FieldPersonalPhone, new(perch.ContactPersonal))
	add(FieldPhone, nil)
	return out
}

type locationFields struct{ name, street, street2, city, state, zip, country Field }

var (
	residenceFields = locationFields{"", FieldStreet, FieldStreet2, FieldCity, FieldState, FieldZIP, FieldCountry}
	workFields      = locationFields{FieldWorkLocation, FieldWorkStreet, FieldWorkStreet2, FieldWorkCity, FieldWorkState, FieldWorkZIP, FieldWorkCountry}
)

// location reads an address; nil when every part is blank. A US state makes the country US.
func (r record) location(f locationFields) *perch.Location {
	l := perch.Location{
		Name: r.string(f.name), Line1: r.string(f.street), Line2: r.string(f.street2), City: r.string(f.city),
		Country: again(r, f.country, parseCountry),
	}
	abroad := l.Country != nil && *l.Country != "US"
	if abroad {
		l.State, l.PostalCode = r.string(f.state), r.string(f.zip)
	} else {
		l.State = again(r, f.state, parseState)
		state := ""
		if l.State != nil {
			state = *l.State
			l.Country = new("US")
		}
		l.PostalCode = read(r, f.zip, func(s string) (string, error) { return parseZIP(s, state) })
	}
	if l == (perch.Location{}) {
		return nil
	}
	return &l
}

func (r record) job(j *perch.Employment) {
	j.Title = r.string(FieldTitle)
	if d := r.string(FieldDepartment); d != nil {
		j.Department = &perch.DepartmentName{Name: d}
	}
	if kind := again(r, FieldEmploymentType, parseKind); kind != nil {
		j.Employment = *kind
	}
	r.status(j)
	j.FLSAStatus = again(r, FieldFLSA, parseFLSA)
	j.ClassCode = r.string(FieldClassCode)
	j.UnionCode, j.UnionLocal = r.string(FieldUnionCode), r.string(FieldUnionLocal)
	j.HighlyCompensatedEmployee = again(r, FieldHCE, parseFlag)
	j.KeyEmployee = again(r, FieldKeyEmployee, parseFlag)
	j.WorkID = r.string(FieldWorkID)
	j.Location = r.location(workFields)
	j.Income = r.income()
	for _, c := range r.byField[FieldCustom] {
		if cell := r.cell(c); cell != "" {
			name := or(c.Column.Name, c.Column.Column)
			value, err := json.Marshal(cell)
			if err == nil {
				j.CustomFields = append(j.CustomFields, perch.CustomField{Name: &name, Value: value})
			}
		}
	}
}

// parseFLSA also takes the flag that a column titled "Exempt" holds.
func parseFLSA(s string) (perch.FLSAStatus, error) {
	if exempt, err := parseFlag(s); err == nil && !strings.EqualFold(s, "n") {
		if exempt {
			return perch.FLSAExempt, nil
		}
		return perch.FLSANonExempt, nil
	}
	return flsaStatuses.parse(s)
}

// status combines what the row says in words, by a flag and by dates. It leaves the status open where
// only the day of hire speaks.
func (r record) status(j *perch.Employment) {
	word := again(r, FieldEmploymentStatus, parseStatus)
	status := word
	terminated := again(r, FieldTerminated, parseFlag)
	start := j.StartDate
	if j.LatestRehireDate != nil {
		start = j.LatestRehireDate
	}
	ended := j.EndDate != nil && *j.EndDate < r.today && (start == nil || *j.EndDate >= *start)
	switch {
	case status != nil:
		if ended && *status == perch.EmploymentActive {
			r.note(activeButEnd)
		}
	case terminated != nil && *terminated || ended:
		status = new(perch.EmploymentTerminated)
	case start != nil && *start > r.today:
		status = new(perch.EmploymentPrehire)
	case terminated != nil || start != nil:
		status = new(perch.EmploymentActive)
	}
	if status == nil || word == nil && terminated == nil && !r.readable(FieldEndDate) {
		r.leave(provider.FieldEmploymentStatus) // a day of hire alone does not say who is still there
	}
	j.EmploymentStatus = status
	if status != nil {
		j.IsActive = new(oneOf(*status, perch.EmploymentActive, perch.EmploymentLeave))
	}
}

// parseStatus falls back on the word within a longer status, such as "Terminated - Voluntary".
func parseStatus(s string) (perch.EmploymentStatus, error) {
	status, err := statuses.parse(s)
	if err == nil {
		return status, nil
	}
	folded := " " + strings.Join(strings.Fields(fold(s)), " ") + " "
	for _, known := range []struct {
		word   string
		status perch.EmploymentStatus
	}{
		{" terminated ", perch.EmploymentTerminated}, {" termination ", perch.EmploymentTerminated}, {" retired ", perch.EmploymentRetired},
		{" deceased ", perch.EmploymentDeceased}, {" leave ", perch.EmploymentLeave}, {" inactive ", perch.EmploymentTerminated},
		{" resigned ", perch.EmploymentTerminated}, {" active ", perch.EmploymentActive},
	} {
		if strings.Contains(folded, known.word) && !strings.Contains(folded, " not ") {
			return known.status, nil
		}
	}
	return "", err
}

// income reads the pay and its unit: from a column of units, from the mapping or the title, from the pay
// type, and at last from the amount itself. Contract: the amount is kept also when the unit is unknown.
func (r record) income() *perch.Income {
	amount := read(r, FieldSalary, parseRate)
	if amount == nil || *amount == 0 {
		return nil
	}
	if *amount < 0 {
		r.fail(FieldSalary, errNegative)
		return nil
	}
	c, _ := r.column(FieldSalary)
	income := &perch.Income{Amount: amount, Currency: new(perch.USD)}
	income.EffectiveDate = r.date(FieldEffectiveDate, yearRule{earliest: perch.NewDate(1930, 1, 1), latest: r.today.AddMonths(12)})
	unit := again(r, FieldPayUnit, units.parse)
	if unit == nil {
		unit = optional(perch.IncomeUnit(c.Unit))
	}
	if unit == nil {
		r.leave(provider.FieldIncomeUnit)
		unit = guessUnit(*amount, again(r, FieldPayType, units.parse))
	}
	if unit == nil {
		r.failColumn(c, errUnit.Error())
	}
	income.Unit = unit
	return income
}

// Bounds in cents: nobody earns a thousand dollars an hour, or ten thousand a year or more by the hour.
const (
	mostPerHour  = 1_000_00
	leastPerYear = 10_000_00
)

func guessUnit(amount int64, payType *perch.IncomeUnit) *perch.IncomeUnit {
	switch {
	case amount < mostPerHour:
		return new(perch.IncomeHourly)
	case amount >= leastPerYear:
		return new(perch.IncomeYearly)
	case payType != nil && *payType != perch.IncomeHourly:
		return payType
	}
	return nil
}
