package sandbox

import (
	"encoding/json"

	perch "github.com/perchhq/perch"
)

// Change is a new value for one field. A field without one stays as it is; null is a value too.
type Change[T any] struct {
	Set   bool
	Value T
}

// To returns a change to a value.
func To[T any](value T) Change[T] { return Change[T]{true, value} }

// IsZero makes encoding/json leave out fields that do not change.
func (c Change[T]) IsZero() bool { return !c.Set }

// MarshalJSON implements json.Marshaler.
func (c Change[T]) MarshalJSON() ([]byte, error) { return json.Marshal(c.Value) }

// UnmarshalJSON implements json.Unmarshaler. Nothing of an earlier value is left.
func (c *Change[T]) UnmarshalJSON(b []byte) error {
	*c = Change[T]{Set: true}
	return json.Unmarshal(b, &c.Value)
}

func (c Change[T]) apply(field *T) {
	if c.Set {
		*field = c.Value
	}
}

// CompanyEdit changes the employer itself.
type CompanyEdit struct {
	LegalName          Change[*string]             `json:"legal_name,omitzero"`
	Entity             Change[*perch.LegalEntity]  `json:"entity,omitzero"`
	PrimaryEmail       Change[*string]             `json:"primary_email,omitzero"`
	PrimaryPhoneNumber Change[*string]             `json:"primary_phone_number,omitzero"`
	Departments        Change[[]perch.Department]  `json:"departments,omitzero"`
	EIN                Change[*string]             `json:"ein,omitzero"`
	Locations          Change[[]perch.Location]    `json:"locations,omitzero"`
	Accounts           Change[[]perch.BankAccount] `json:"accounts,omitzero"`
}

func (e *CompanyEdit) apply(c *perch.Company) {
	e.LegalName.apply(&c.LegalName)
	e.Entity.apply(&c.Entity)
	e.PrimaryEmail.apply(&c.PrimaryEmail)
	e.PrimaryPhoneNumber.apply(&c.PrimaryPhoneNumber)
	e.Departments.apply(&c.Departments)
	e.EIN.apply(&c.EIN)
	e.Locations.apply(&c.Locations)
	e.Accounts.apply(&c.Accounts)
}

// PersonEdit changes a person. Names belong to the person and to the job alike.
type PersonEdit struct {
	FirstName     Change[*string]              `json:"first_name,omitzero"`
	MiddleName    Change[*string]              `json:"middle_name,omitzero"`
	LastName      Change[*string]              `json:"last_name,omitzero"`
	PreferredName Change[*string]              `json:"preferred_name,omitzero"`
	Emails        Change[[]perch.Email]        `json:"emails,omitzero"`
	PhoneNumbers  Change[[]perch.PhoneNumber]  `json:"phone_numbers,omitzero"`
	Gender        Change[*perch.Gender]        `json:"gender,omitzero"`
	Ethnicity     Change[*perch.Ethnicity]     `json:"ethnicity,omitzero"`
	MaritalStatus Change[*perch.MaritalStatus] `json:"marital_status,omitzero"`
	DOB           Change[*perch.Date]          `json:"dob,omitzero"`
	Residence     Change[*perch.Location]      `json:"residence,omitzero"`
	// SSN is nine digits.
	SSN Change[*string] `json:"ssn,omitzero"`

	// Temporary marks somebody who was added in order to be removed again, Removed somebody who was: of
	// those who were added, an employer does not list them any more.
	Temporary bool `json:"temporary,omitempty"`
	Removed   bool `json:"removed,omitempty"`

	Title Change[*string] `json:"title,omitzero"`
	// Manager is the index of the manager.
	Manager                   Change[*int]                    `json:"manager,omitzero"`
	Department                Change[*perch.DepartmentName]   `json:"department,omitzero"`
	Employment                Change[*perch.EmploymentKind]   `json:"employment,omitzero"`
	StartDate                 Change[*perch.Date]             `json:"start_date,omitzero"`
	EndDate                   Change[*perch.Date]             `json:"end_date,omitzero"`
	LatestRehireDate          Change[*perch.Date]             `json:"latest_rehire_date,omitzero"`
	IsActive                  Change[*bool]                   `json:"is_active,omitzero"`
	EmploymentStatus          Change[*perch.EmploymentStatus] `json:"employment_status,omitzero"`
	FLSAStatus                Change[*perch.FLSAStatus]       `json:"flsa_status,omitzero"`
	ClassCode                 Change[*string]                 `json:"class_code,omitzero"`
	Location                  Change[*perch.Location]         `json:"location,omitzero"`
	Income                    Change[*perch.Income]           `json:"income,omitzero"`
	IncomeHistory             Change[[]perch.Income]          `json:"income_history,omitzero"`
	CustomFields              Change[[]perch.CustomField]     `json:"custom_fields,omitzero"`
	UnionCode                 Change[*string]                 `json:"union_code,omitzero"`
	UnionLocal                Change[*string]                 `json:"union_local,omitzero"`
	HighlyCompensatedEmployee Change[*bool]                   `json:"highly_compensated_employee,omitzero"`
	KeyEmployee               Change[*bool]                   `json:"key_employee,omitzero"`
	SourceID                  Change[*string]                 `json:"source_id,omitzero"`
}

func (e *PersonEdit) individual(v *perch.Individual) {
	e.FirstName.apply(&v.FirstName)
	e.MiddleName.apply(&v.MiddleName)
	e.LastName.apply(&v.LastName)
	e.PreferredName.apply(&v.PreferredName)
	e.Emails.apply(&v.Emails)
	e.PhoneNumbers.apply(&v.PhoneNumbers)
	e.Gender.apply(&v.Gender)
	e.Ethnicity.apply(&v.Ethnicity)
	e.MaritalStatus.apply(&v.MaritalStatus)
	e.DOB.apply(&v.DOB)
	e.Residence.apply(&v.Residence)
	e.SSN.apply(&v.SSN)
}

func (e *PersonEdit) employment(v *perch.Employment) {
	e.FirstName.apply(&v.FirstName)
	e.MiddleName.apply(&v.MiddleName)
	e.LastName.apply(&v.LastName)
	e.Title.apply(&v.Title)
	e.Department.apply(&v.Department)
	e.Employment.apply(&v.Employment)
	e.StartDate.apply(&v.StartDate)
	e.EndDate.apply(&v.EndDate)
	e.LatestRehireDate.apply(&v.LatestRehireDate)
	e.IsActive.apply(&v.IsActive)
	e.EmploymentStatus.apply(&v.EmploymentStatus)
	e.FLSAStatus.apply(&v.FLSAStatus)
	e.ClassCode.apply(&v.ClassCode)
	e.Location.apply(&v.Location)
	e.Income.apply(&v.Income)
	e.IncomeHistory.apply(&v.IncomeHistory)
	e.CustomFields.apply(&v.CustomFields)
	e.UnionCode.apply(&v.UnionCode)
	e.UnionLocal.apply(&v.UnionLocal)
	e.HighlyCompensatedEmployee.apply(&v.HighlyCompensatedEmployee)
	e.KeyEmployee.apply(&v.KeyEmployee)
	e.SourceID.apply(&v.SourceID)
}
