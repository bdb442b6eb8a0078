package perch

// Provider is an entry of the catalogue as the API lists it.
type Provider struct {
	ID                    string                 `json:"id"`
	DisplayName           string                 `json:"display_name"`
	Products              []Product              `json:"products"`
	Icon                  string                 `json:"icon,omitempty"`
	Logo                  string                 `json:"logo,omitempty"`
	MFARequired           bool                   `json:"mfa_required"`
	PrimaryColor          string                 `json:"primary_color,omitempty"`
	Manual                bool                   `json:"manual"`
	Beta                  bool                   `json:"beta"`
	AuthenticationMethods []AuthenticationMethod `json:"authentication_methods"`
}

// AuthenticationMethod is one way to connect a provider and what it can then supply. A nil
// SupportedFields means that nothing is known.
type AuthenticationMethod struct {
	Type            AuthenticationType              `json:"type"`
	BenefitsSupport map[BenefitType]*BenefitSupport `json:"benefits_support,omitempty"`
	SupportedFields *SupportedFields                `json:"supported_fields,omitempty"`
}

// BenefitSupport is what a provider can do with one benefit type.
type BenefitSupport struct {
	Features   *BenefitFeatures   `json:"supported_features,omitempty"`
	Operations *BenefitOperations `json:"supported_operations,omitempty"`
}

// BenefitFeatures are the forms in which a provider takes a deduction. A nil list or flag means
// that the provider has no such feature.
type BenefitFeatures struct {
	Description          *string            `json:"description"`
	Frequencies          []BenefitFrequency `json:"frequencies"`
	EmployeeDeduction    []AmountType       `json:"employee_deduction"`
	CompanyContribution  []AmountType       `json:"company_contribution"`
	AnnualMaximum        *bool              `json:"annual_maximum"`
	CatchUp              *bool              `json:"catch_up"`
	HSAContributionLimit []HSALimit         `json:"hsa_contribution_limit"`
}

// BenefitOperations are the operations on deductions and on enrolments.
type BenefitOperations struct {
	Company    *OperationMatrix `json:"company_benefits,omitempty"`
	Individual *OperationMatrix `json:"individual_benefits,omitempty"`
}

// OperationMatrix says which operations exist.
type OperationMatrix struct {
	Create OperationSupport `json:"create,omitempty"`
	Update OperationSupport `json:"update,omitempty"`
	Delete OperationSupport `json:"delete,omitempty"`
	Read   OperationSupport `json:"read,omitempty"`
}

// OperationSupport says whether an operation exists, and if not, on whose side it is missing.
type OperationSupport string

// Degrees of support. NotSupportedByPerch is spelled as the wire has it.
const (
	OperationSupported     OperationSupport = "supported"
	NotSupportedByPerch    OperationSupport = "not_supported_by_finch"
	NotSupportedByProvider OperationSupport = "not_supported_by_provider"
	ClientAccessOnly       OperationSupport = "client_access_only"
)

// Values lists every degree of support.
func (OperationSupport) Values() []OperationSupport {
	return []OperationSupport{OperationSupported, NotSupportedByPerch, NotSupportedByProvider, ClientAccessOnly}
}

// SupportedFields says, field by field, what a provider can supply. A false field is always null
// in answers from that provider.
type SupportedFields struct {
	Company      CompanyFields      `json:"company"`
	Directory    DirectoryFields    `json:"directory"`
	Individual   IndividualFields   `json:"individual"`
	Employment   EmploymentFields   `json:"employment"`
	Payment      PaymentFields      `json:"payment"`
	PayStatement PayStatementFields `json:"pay_statement"`
	PayGroup     PayGroupFields     `json:"pay_group"`
}

// CompanyFields mirrors Company.
type CompanyFields struct {
	ID                 bool              `json:"id"`
	LegalName          bool              `json:"legal_name"`
	Entity             LegalEntityFields `json:"entity"`
	PrimaryEmail       bool              `json:"primary_email"`
	PrimaryPhoneNumber bool              `json:"primary_phone_number"`
	EIN                bool              `json:"ein"`
	Accounts           BankAccountFields `json:"accounts"`
	Departments        DepartmentFields  `json:"departments"`
	Locations          LocationFields    `json:"locations"`
}

// LegalEntityFields mirrors LegalEntity.
type LegalEntityFields struct {
	Type    bool `json:"type"`
	Subtype bool `json:"subtype"`
}

// BankAccountFields mirrors BankAccount.
type BankAccountFields struct {
	RoutingNumber   bool `json:"routing_number"`
	AccountName     bool `json:"account_name"`
	InstitutionName bool `json:"institution_name"`
	AccountType     bool `json:"account_type"`
	AccountNumber   bool `json:"account_number"`
}

// DepartmentFields mirrors Department.
type DepartmentFields struct {
	Name   bool      `json:"name"`
	Parent NameField `json:"parent"`
}

// NameField mirrors an object with a name.
type NameField struct {
	Name bool `json:"name"`
}

// IDField mirrors an object with an id.
type IDField struct {
	ID bool `json:"id"`
}

// LocationFields mirrors Location.
type LocationFields struct {
	Line1      bool `json:"line1"`
	Line2      bool `json:"line2"`
	City       bool `json:"city"`
	State      bool `json:"state"`
	PostalCode bool `json:"postal_code"`
	Country    bool `json:"country"`
}

// PagingFields mirrors the paging object.
type PagingFields struct {
	Count  bool `json:"count"`
	Offset bool `json:"offset"`
}

// DirectoryFields mirrors a directory page.
type DirectoryFields struct {
	Paging      PagingFields         `json:"paging"`
	Individuals DirectoryEntryFields `json:"individuals"`
}

// DirectoryEntryFields mirrors DirectoryEntry.
type DirectoryEntryFields struct {
	ID         bool    `json:"id"`
	FirstName  bool    `json:"first_name"`
	MiddleName bool    `json:"middle_name"`
	LastName   bool    `json:"last_name"`
	IsActive   bool    `json:"is_active"`
	Department bool    `json:"department"`
	Manager    IDField `json:"manager"`
}

// IndividualFields mirrors Individual.
type IndividualFields struct {
	ID            bool           `json:"id"`
	FirstName     bool           `json:"first_name"`
	MiddleName    bool           `json:"middle_name"`
	LastName      bool           `json:"last_name"`
	PreferredName bool           `json:"preferred_name"`
	DOB           bool           `json:"dob"`
	Gender        bool           `json:"gender"`
	Ethnicity     bool           `json:"ethnicity"`
	MaritalStatus bool           `json:"marital_status"`
	SSN           bool           `json:"ssn"`
	EncryptedSSN  bool           `json:"encrypted_ssn"`
	Emails        ContactFields  `json:"emails"`
	PhoneNumbers  ContactFields  `json:"phone_numbers"`
	Residence     LocationFields `json:"residence"`
}

// ContactFields mirrors Email and PhoneNumber.
type ContactFields struct {
	Data bool `json:"data"`
	Type bool `json:"type"`
}

// EmploymentFields mirrors Employment. FLSAStatus and the fields after it go beyond the published
// list of supported fields.
type EmploymentFields struct {
	ID                        bool                 `json:"id"`
	FirstName                 bool                 `json:"first_name"`
	MiddleName                bool                 `json:"middle_name"`
	LastName                  bool                 `json:"last_name"`
	Title                     bool                 `json:"title"`
	StartDate                 bool                 `json:"start_date"`
	EndDate                   bool                 `json:"end_date"`
	IsActive                  bool                 `json:"is_active"`
	EmploymentStatus          bool                 `json:"employment_status"`
	IncomeHistory             bool                 `json:"income_history"`
	ClassCode                 bool                 `json:"class_code"`
	CustomFields              bool                 `json:"custom_fields"`
	Department                NameField            `json:"department"`
	Employment                EmploymentKindFields `json:"employment"`
	Income                    IncomeFields         `json:"income"`
	Location                  LocationFields       `json:"location"`
	Manager                   IDField              `json:"manager"`
	FLSAStatus                bool                 `json:"flsa_status"`
	LatestRehireDate          bool                 `json:"latest_rehire_date"`
	UnionCode                 bool                 `json:"union_code"`
	UnionLocal                bool                 `json:"union_local"`
	HighlyCompensatedEmployee bool                 `json:"highly_compensated_employee"`
	KeyEmployee               bool                 `json:"key_employee"`
	SourceID                  bool                 `json:"source_id"`
	WorkID                    bool                 `json:"work_id"`
}

// EmploymentKindFields mirrors EmploymentKind.
type EmploymentKindFields struct {
	Type    bool `json:"type"`
	Subtype bool `json:"subtype"`
}

// IncomeFields mirrors Income.
type IncomeFields struct {
	Amount   bool `json:"amount"`
	Currency bool `json:"currency"`
	Unit     bool `json:"unit"`
}

// PaymentFields mirrors Payment.
type PaymentFields struct {
	ID             bool            `json:"id"`
	PayDate        bool            `json:"pay_date"`
	DebitDate      bool            `json:"debit_date"`
	CompanyDebit   bool            `json:"company_debit"`
	GrossPay       bool            `json:"gross_pay"`
	NetPay         bool            `json:"net_pay"`
	EmployerTaxes  bool            `json:"employer_taxes"`
	EmployeeTaxes  bool            `json:"employee_taxes"`
	IndividualIDs  bool            `json:"individual_ids"`
	PayPeriod      PayPeriodFields `json:"pay_period"`
	PayGroupIDs    bool            `json:"pay_group_ids"`
	PayFrequencies bool            `json:"pay_frequencies"`
}

// PayPeriodFields mirrors PayPeriod.
type PayPeriodFields struct {
	StartDate bool `json:"start_date"`
	EndDate   bool `json:"end_date"`
}

// PayStatementFields mirrors a page of pay statements.
type PayStatementFields struct {
	Paging        PagingFields    `json:"paging"`
	PayStatements StatementFields `json:"pay_statements"`
}

// StatementFields mirrors PayStatement.
type StatementFields struct {
	IndividualID          bool               `json:"individual_id"`
	Type                  bool               `json:"type"`
	PaymentMethod         bool               `json:"payment_method"`
	TotalHours            bool               `json:"total_hours"`
	GrossPay              bool               `json:"gross_pay"`
	NetPay                bool               `json:"net_pay"`
	Earnings              EarningFields      `json:"earnings"`
	EmployeeDeductions    PayDeductionFields `json:"employee_deductions"`
	EmployerContributions ContributionFields `json:"employer_contributions"`
	Taxes                 TaxFields          `json:"taxes"`
}

// EarningFields mirrors Earning.
type EarningFields struct {
	Type     bool `json:"type"`
	Name     bool `json:"name"`
	Amount   bool `json:"amount"`
	Currency bool `json:"currency"`
}

// PayDeductionFields mirrors PayDeduction.
type PayDeductionFields struct {
	Name     bool `json:"name"`
	Amount   bool `json:"amount"`
	Type     bool `json:"type"`
	PreTax   bool `json:"pre_tax"`
	Currency bool `json:"currency"`
}

// ContributionFields mirrors Contribution.
type ContributionFields struct {
	Name     bool `json:"name"`
	Amount   bool `json:"amount"`
	Currency bool `json:"currency"`
}

// TaxFields mirrors Tax.
type TaxFields struct {
	Type     bool `json:"type"`
	Name     bool `json:"name"`
	Employer bool `json:"employer"`
	Amount   bool `json:"amount"`
	Currency bool `json:"currency"`
}

// PayGroupFields mirrors PayGroup.
type PayGroupFields struct {
	ID             bool `json:"id"`
	Name           bool `json:"name"`
	PayFrequencies bool `json:"pay_frequencies"`
	IndividualIDs  bool `json:"individual_ids"`
}
