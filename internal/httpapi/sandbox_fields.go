package httpapi

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
)

// Bounds of what developers put into simulated employers.
const (
	maxText      = 1000 // bytes
	maxAddress   = 320  // bytes, of an e-mail address
	maxList      = 1000
	maxAddPeople = 10_000
	maxValue     = 16 << 10 // bytes, of a custom field
	maxHours     = 1_000_000
)

// change reads a field's new value; null is one.
func change[T any](s *scanner, name string, into *sandbox.Change[*T], read func() (T, error)) field {
	return field{name, false, func() error {
		into.Set = true
		if s.null() {
			return nil
		}
		value, err := read()
		into.Value = &value
		return err
	}}
}

// changeList reads a list as a field's new value; null is one.
func changeList[T any](s *scanner, name string, into *sandbox.Change[[]T], read func() (T, error)) field {
	return field{name, false, func() (err error) {
		into.Set = true
		if s.null() {
			return nil
		}
		into.Value, err = listOf(s, maxList, read)
		return err
	}}
}

// nullable reads a field that may be null.
func nullable[T any](s *scanner, name string, into **T, read func() (T, error)) field {
	return field{name, false, func() error { return optional(s, into, pointer(read)) }}
}

// listOf reads a list of at most so many elements, which is not nil.
func listOf[T any](s *scanner, most int, read func() (T, error)) ([]T, error) {
	outer, list := s.at, []T{}
	err := s.array(func(i int) error {
		s.at = outer
		if i >= most {
			return s.invalid("must not have more than %d elements.", most)
		}
		s.at = outer.nth(i)
		one, err := read()
		list = append(list, one)
		return err
	})
	s.at = outer
	return list, err
}

// nth is the location of an element of the list at this location.
func (l location) nth(i int) location {
	name := l.field
	return location{index: -1, field: name + "[" + strconv.Itoa(i) + "]"}
}

func (s *scanner) textUpTo(most int) (string, error) {
	text, err := s.text()
	if err == nil && len(text) > most {
		err = s.invalid("must not have more than %d bytes.", most)
	}
	return string(text), err
}

func (s *scanner) shortText() (string, error) { return s.textUpTo(maxText) }

// named reads a text that is not empty.
func (s *scanner) named() (string, error) {
	text, err := s.shortText()
	if err == nil && text == "" {
		err = s.invalid("must not be empty.")
	}
	return text, err
}

func (s *scanner) matching(pattern *regexp.Regexp, what string) func() (string, error) {
	return func() (string, error) {
		text, err := s.shortText()
		if err == nil && !pattern.MatchString(text) {
			err = s.invalid("must be %s.", what)
		}
		return text, err
	}
}

var (
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
	currencyCode = regexp.MustCompile(`^[A-Za-z]{3}$`)
	ssnDigits    = regexp.MustCompile(`^(\d{3}-\d{2}-\d{4}|\d{9})$`)
)

func (s *scanner) currency() (string, error) {
	code, err := s.matching(currencyCode, "a currency code of three letters")()
	return strings.ToLower(code), err
}

// ssn reads nine digits, with or without dashes. The message does not quote them.
func (s *scanner) ssn() (string, error) {
	digits, err := s.matching(ssnDigits, "nine digits, with or without dashes")()
	return strings.ReplaceAll(digits, "-", ""), err
}

func (s *scanner) mailAddress() (string, error) {
	text, err := s.textUpTo(maxAddress)
	if err != nil {
		return "", err
	}
	if parsed, err := mail.ParseAddress(text); err != nil || parsed.Address != text {
		return "", s.invalid("must be an e-mail address.")
	}
	return text, nil
}

// civilDay reads a day as YYYY-MM-DD or, as an example of the contract has it, as M/D/YYYY.
func (s *scanner) civilDay() (perch.Date, error) {
	text, err := s.textUpTo(len("2006-01-02"))
	if err != nil {
		return 0, err
	}
	date, err := perch.ParseDate(text)
	if err == nil {
		return date, nil
	}
	slashed, err := time.Parse("1/2/2006", text)
	if err != nil || slashed.Year() < 1 {
		return 0, s.invalid("must be a day of the calendar as YYYY-MM-DD.")
	}
	return perch.DateOf(slashed), nil
}

// isoDay reads a day as YYYY-MM-DD.
func (s *scanner) isoDay() (perch.Date, error) {
	text, err := s.textUpTo(maxText)
	if err != nil {
		return 0, err
	}
	date, err := perch.ParseDate(text)
	if err != nil {
		return 0, s.invalid("must be a day of the calendar as YYYY-MM-DD.")
	}
	return date, nil
}

func (s *scanner) uuid() (perch.ID, error) {
	text, err := s.text()
	if err != nil {
		return perch.ID{}, err
	}
	id, ok := perch.ParseIDBytes(text)
	if !ok {
		return id, s.invalid("must be a UUID.")
	}
	return id, nil
}

// digitsOf reads a number as it stands.
func (s *scanner) digitsOf(what string) (string, error) {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return "", s.want(what)
	}
	start := s.pos
	if err := s.number(); err != nil {
		return "", err
	}
	return string(s.data[start:s.pos]), nil
}

// cents reads a whole number of cents within what the contract allows.
func (s *scanner) cents() (int64, error) {
	text, err := s.digitsOf("a whole number of cents")
	if err != nil {
		return 0, err
	}
	cents, err := strconv.ParseInt(text, 10, 64)
	if strings.ContainsAny(text, ".eE") {
		return 0, s.invalid("must be a whole number of cents.")
	}
	if err != nil || cents > sandbox.MaxCents || cents < -sandbox.MaxCents {
		return 0, s.invalid("must lie between -%d and %d.", int64(sandbox.MaxCents), int64(sandbox.MaxCents))
	}
	return cents, nil
}

// atLeast reads cents that are not below a number.
func (s *scanner) atLeast(least int64) func() (int64, error) {
	return func() (int64, error) {
		cents, err := s.cents()
		if err == nil && cents < least {
			err = s.invalid("must not be less than %d.", least)
		}
		return cents, err
	}
}

// hours reads a number of hours and rounds it to hundredths.
func (s *scanner) hours() (perch.Hours, error) {
	text, err := s.digitsOf("a number of hours")
	if err != nil {
		return 0, err
	}
	unsigned := strings.TrimPrefix(text, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	if strings.ContainsAny(text, "eE") || len(whole) > len("1000000") {
		return 0, s.invalid("must be a number of hours below %d, without an exponent.", maxHours)
	}
	thousandths, err := strconv.ParseInt(whole+(fraction + "000")[:3], 10, 64)
	if err != nil || thousandths > maxHours*1000 {
		return 0, s.invalid("must be a number of hours below %d, without an exponent.", maxHours)
	}
	hours := perch.Hours((thousandths + 5) / 10)
	if len(unsigned) < len(text) {
		hours = -hours
	}
	return hours, nil
}

// someHours reads hours that are more than none.
func (s *scanner) someHours() (perch.Hours, error) {
	hours, err := s.hours()
	if err == nil && hours <= 0 {
		err = s.invalid("must be greater than 0.")
	}
	return hours, err
}

// raw reads any JSON value.
func (s *scanner) raw() (json.RawMessage, error) {
	s.peek()
	start := s.pos
	if err := s.skip(); err != nil {
		return nil, err
	}
	if s.pos-start > maxValue {
		return nil, s.invalid("must not have more than %d bytes.", maxValue)
	}
	var value bytes.Buffer
	if err := json.Compact(&value, s.data[start:s.pos]); err != nil {
		return nil, s.malformed()
	}
	return value.Bytes(), nil
}

func enumOf[E interface {
	~string
	Values() []E
}](s *scanner) func() (E, error) {
	return func() (E, error) {
		var none E
		return enum(s, none.Values())
	}
}

func (s *scanner) location() (v perch.Location, err error) {
	err = s.fields([]field{
		nullable(s, "line1", &v.Line1, s.shortText), nullable(s, "line2", &v.Line2, s.shortText),
		nullable(s, "city", &v.City, s.shortText), nullable(s, "state", &v.State, s.shortText),
		nullable(s, "postal_code", &v.PostalCode, s.shortText),
		nullable(s, "country", &v.Country, s.matching(countryCode, "a country code of two capital letters")),
		nullable(s, "name", &v.Name, s.shortText), nullable(s, "source_id", &v.SourceID, s.shortText),
	})
	return v, err
}

func (s *scanner) income() (v perch.Income, err error) {
	err = s.fields([]field{
		nullable(s, "unit", &v.Unit, enumOf[perch.IncomeUnit](s)), nullable(s, "amount", &v.Amount, s.atLeast(0)),
		nullable(s, "currency", &v.Currency, s.currency), nullable(s, "effective_date", &v.EffectiveDate, s.civilDay),
	})
	return v, err
}

func (s *scanner) departmentName() (v perch.DepartmentName, err error) {
	return v, s.fields([]field{nullable(s, "name", &v.Name, s.shortText)})
}

func (s *scanner) department() (v perch.Department, err error) {
	err = s.fields([]field{nullable(s, "name", &v.Name, s.shortText), nullable(s, "parent", &v.Parent, s.departmentName)})
	return v, err
}

func (s *scanner) legalEntity() (v perch.LegalEntity, err error) {
	err = s.fields([]field{nullable(s, "type", &v.Type, enumOf[perch.EntityType](s)), nullable(s, "subtype", &v.Subtype, enumOf[perch.EntitySubtype](s))})
	return v, err
}

func (s *scanner) bankAccount() (v perch.BankAccount, err error) {
	err = s.fields([]field{
		nullable(s, "routing_number", &v.RoutingNumber, s.shortText), nullable(s, "account_name", &v.AccountName, s.shortText),
		nullable(s, "institution_name", &v.InstitutionName, s.shortText), nullable(s, "account_type", &v.AccountType, enumOf[perch.AccountType](s)),
		nullable(s, "account_number", &v.AccountNumber, s.shortText),
	})
	return v, err
}

func (s *scanner) email() (v perch.Email, err error) {
	err = s.fields([]field{
		{"data", true, func() (err error) { v.Data, err = s.textUpTo(maxAddress); return err }},
		nullable(s, "type", &v.Type, enumOf[perch.ContactType](s)),
	})
	return v, err
}

func (s *scanner) phoneNumber() (v perch.PhoneNumber, err error) {
	err = s.fields([]field{nullable(s, "data", &v.Data, s.shortText), nullable(s, "type", &v.Type, enumOf[perch.ContactType](s))})
	return v, err
}

func (s *scanner) employmentKind() (v perch.EmploymentKind, err error) {
	err = s.fields([]field{nullable(s, "type", &v.Type, enumOf[perch.EmploymentType](s)), nullable(s, "subtype", &v.Subtype, enumOf[perch.EmploymentSubtype](s))})
	return v, err
}

func (s *scanner) customField() (v perch.CustomField, err error) {
	err = s.fields([]field{
		nullable(s, "name", &v.Name, s.shortText),
		{"value", false, func() (err error) { v.Value, err = s.raw(); return err }},
	})
	return v, err
}

func (s *scanner) manager() (v perch.ID, err error) {
	err = s.fields([]field{{"id", true, func() (err error) { v, err = s.uuid(); return err }}})
	return v, err
}

func nameFields(s *scanner, e *sandbox.PersonEdit) []field {
	return []field{
		change(s, "first_name", &e.FirstName, s.shortText), change(s, "middle_name", &e.MiddleName, s.shortText),
		change(s, "last_name", &e.LastName, s.shortText),
	}
}

// individualFields leave out encrypted_ssn, which nobody here can read.
func individualFields(s *scanner, e *sandbox.PersonEdit) []field {
	return []field{
		change(s, "preferred_name", &e.PreferredName, s.shortText),
		changeList(s, "emails", &e.Emails, s.email), changeList(s, "phone_numbers", &e.PhoneNumbers, s.phoneNumber),
		change(s, "gender", &e.Gender, enumOf[perch.Gender](s)), change(s, "ethnicity", &e.Ethnicity, enumOf[perch.Ethnicity](s)),
		change(s, "marital_status", &e.MaritalStatus, enumOf[perch.MaritalStatus](s)), change(s, "dob", &e.DOB, s.civilDay),
		change(s, "ssn", &e.SSN, s.ssn), change(s, "residence", &e.Residence, s.location),
	}
}

func employmentFields(s *scanner, e *sandbox.PersonEdit) []field {
	return []field{
		change(s, "title", &e.Title, s.shortText), change(s, "manager", &e.Manager, s.manager),
		change(s, "department", &e.Department, s.departmentName), change(s, "employment", &e.Employment, s.employmentKind),
		change(s, "start_date", &e.StartDate, s.civilDay), change(s, "end_date", &e.EndDate, s.civilDay), change(s, "latest_rehire_date", &e.LatestRehireDate, s.civilDay),
		change(s, "is_active", &e.IsActive, s.flag), change(s, "employment_status", &e.EmploymentStatus, enumOf[perch.EmploymentStatus](s)),
		change(s, "flsa_status", &e.FLSAStatus, enumOf[perch.FLSAStatus](s)), change(s, "class_code", &e.ClassCode, s.shortText),
		change(s, "location", &e.Location, s.location), change(s, "income", &e.Income, s.income), changeList(s, "income_history", &e.IncomeHistory, s.income),
		changeList(s, "custom_fields", &e.CustomFields, s.customField), change(s, "union_code", &e.UnionCode, s.shortText), change(s, "union_local", &e.UnionLocal, s.shortText),
		change(s, "highly_compensated_employee", &e.HighlyCompensatedEmployee, s.flag), change(s, "key_employee", &e.KeyEmployee, s.flag),
		change(s, "source_id", &e.SourceID, s.shortText),
	}
}

// whole reads a body that is one value. What is not UTF-8 would otherwise be stored as something else, or be
// served as it came.
func whole[T any](body []byte, read func(s *scanner) (T, error)) (T, error) {
	if !utf8.Valid(body) {
		var none T
		return none, perch.Invalid("body", "must be UTF-8.")
	}
	s := scanner{data: body, at: location{index: -1}}
	value, err := read(&s)
	if err == nil {
		err = s.end()
	}
	return value, err
}

func readIndividual(s *scanner) (e sandbox.PersonEdit, err error) {
	err = s.fields(slices.Concat(nameFields(s, &e), individualFields(s, &e)))
	return e, err
}

func readEmployment(s *scanner) (e sandbox.PersonEdit, err error) {
	err = s.fields(slices.Concat(nameFields(s, &e), employmentFields(s, &e)))
	return e, err
}

// readPeople reads an empty body, which the published client sends for nobody, as an empty list.
func readPeople(s *scanner) ([]sandbox.PersonEdit, error) {
	if len(s.data) == 0 {
		return nil, nil
	}
	return listOf(s, maxAddPeople, func() (e sandbox.PersonEdit, err error) {
		err = s.fields(slices.Concat(nameFields(s, &e), individualFields(s, &e), employmentFields(s, &e)))
		return e, err
	})
}

func readCompany(s *scanner) (e sandbox.CompanyEdit, err error) {
	err = s.fields([]field{
		change(s, "legal_name", &e.LegalName, s.shortText), change(s, "entity", &e.Entity, s.legalEntity),
		change(s, "primary_email", &e.PrimaryEmail, s.mailAddress), change(s, "primary_phone_number", &e.PrimaryPhoneNumber, s.shortText),
		changeList(s, "departments", &e.Departments, s.department), change(s, "ein", &e.EIN, s.shortText),
		changeList(s, "locations", &e.Locations, s.location), changeList(s, "accounts", &e.Accounts, s.bankAccount),
	})
	return e, err
}
