package perch

import "encoding/json"

// Employment is one person's job with the employer and the income from it.
type Employment struct {
	ID                        ID                `json:"id"`
	FirstName                 *string           `json:"first_name"`
	MiddleName                *string           `json:"middle_name"`
	LastName                  *string           `json:"last_name"`
	Title                     *string           `json:"title"`
	Manager                   *Reference        `json:"manager"`
	Department                *DepartmentName   `json:"department"`
	Employment                *EmploymentKind   `json:"employment"`
	StartDate                 *Date             `json:"start_date"`
	EndDate                   *Date             `json:"end_date"`
	LatestRehireDate          *Date             `json:"latest_rehire_date"`
	IsActive                  *bool             `json:"is_active"`
	EmploymentStatus          *EmploymentStatus `json:"employment_status"`
	FLSAStatus                *FLSAStatus       `json:"flsa_status"`
	ClassCode                 *string           `json:"class_code"`
	Location                  *Location         `json:"location"`
	Income                    *Income           `json:"income"`
	IncomeHistory             []Income          `json:"income_history"`
	CustomFields              []CustomField     `json:"custom_fields"`
	UnionCode                 *string           `json:"union_code"`
	UnionLocal                *string           `json:"union_local"`
	HighlyCompensatedEmployee *bool             `json:"highly_compensated_employee"`
	KeyEmployee               *bool             `json:"key_employee"`
	SourceID                  *string           `json:"source_id"`
	WorkID                    *string           `json:"work_id"`
}

// EmploymentKind is the relation to the employer.
type EmploymentKind struct {
	Type    *EmploymentType    `json:"type"`
	Subtype *EmploymentSubtype `json:"subtype"`
}

// EmploymentType tells employees from contractors.
type EmploymentType string

// Employment types.
const (
	EmploymentEmployee   EmploymentType = "employee"
	EmploymentContractor EmploymentType = "contractor"
)

// Values lists every employment type.
func (EmploymentType) Values() []EmploymentType {
	return []EmploymentType{EmploymentEmployee, EmploymentContractor}
}

// EmploymentSubtype refines EmploymentType.
type EmploymentSubtype string

// Employment subtypes.
const (
	SubtypeFullTime             EmploymentSubtype = "full_time"
	SubtypeIntern               EmploymentSubtype = "intern"
	SubtypePartTime             EmploymentSubtype = "part_time"
	SubtypeTemp                 EmploymentSubtype = "temp"
	SubtypeSeasonal             EmploymentSubtype = "seasonal"
	SubtypeIndividualContractor EmploymentSubtype = "individual_contractor"
)

// Values lists every employment subtype.
func (EmploymentSubtype) Values() []EmploymentSubtype {
	return []EmploymentSubtype{SubtypeFullTime, SubtypeIntern, SubtypePartTime, SubtypeTemp, SubtypeSeasonal, SubtypeIndividualContractor}
}

// EmploymentStatus is where the person stands with the employer.
type EmploymentStatus string

// Employment statuses.
const (
	EmploymentActive     EmploymentStatus = "active"
	EmploymentDeceased   EmploymentStatus = "deceased"
	EmploymentLeave      EmploymentStatus = "leave"
	EmploymentOnboarding EmploymentStatus = "onboarding"
	EmploymentPrehire    EmploymentStatus = "prehire"
	EmploymentRetired    EmploymentStatus = "retired"
	EmploymentTerminated EmploymentStatus = "terminated"
)

// Values lists every employment status.
func (EmploymentStatus) Values() []EmploymentStatus {
	return []EmploymentStatus{EmploymentActive, EmploymentDeceased, EmploymentLeave, EmploymentOnboarding,
		EmploymentPrehire, EmploymentRetired, EmploymentTerminated}
}

// FLSAStatus says whether the Fair Labor Standards Act's overtime rules apply.
type FLSAStatus string

// FLSA statuses.
const (
	FLSAExempt    FLSAStatus = "exempt"
	FLSANonExempt FLSAStatus = "non_exempt"
	FLSAUnknown   FLSAStatus = "unknown"
)

// Values lists every FLSA status.
func (FLSAStatus) Values() []FLSAStatus { return []FLSAStatus{FLSAExempt, FLSANonExempt, FLSAUnknown} }

// Income is pay per unit of time; Amount is cents. It is as the provider reports it, not annualised.
type Income struct {
	Unit          *IncomeUnit `json:"unit"`
	Amount        *int64      `json:"amount"`
	Currency      *string     `json:"currency"`
	EffectiveDate *Date       `json:"effective_date"`
}

// IncomeUnit is the span of time that an income's amount pays for.
type IncomeUnit string

// Units of income. Fixed is a lump sum, such as a contractor's fee.
const (
	IncomeYearly      IncomeUnit = "yearly"
	IncomeQuarterly   IncomeUnit = "quarterly"
	IncomeMonthly     IncomeUnit = "monthly"
	IncomeSemiMonthly IncomeUnit = "semi_monthly"
	IncomeBiWeekly    IncomeUnit = "bi_weekly"
	IncomeWeekly      IncomeUnit = "weekly"
	IncomeDaily       IncomeUnit = "daily"
	IncomeHourly      IncomeUnit = "hourly"
	IncomeFixed       IncomeUnit = "fixed"
)

// Values lists every income unit.
func (IncomeUnit) Values() []IncomeUnit {
	return []IncomeUnit{IncomeYearly, IncomeQuarterly, IncomeMonthly, IncomeSemiMonthly, IncomeBiWeekly,
		IncomeWeekly, IncomeDaily, IncomeHourly, IncomeFixed}
}

// CustomField is a field that the employer added to its own system. Value is any JSON value.
type CustomField struct {
	Name  *string         `json:"name"`
	Value json.RawMessage `json:"value"`
}
