package perch

// Company is the employer itself.
type Company struct {
	ID                 ID            `json:"id"`
	LegalName          *string       `json:"legal_name"`
	Entity             *LegalEntity  `json:"entity"`
	PrimaryEmail       *string       `json:"primary_email"`
	PrimaryPhoneNumber *string       `json:"primary_phone_number"`
	Departments        []Department  `json:"departments"`
	EIN                *string       `json:"ein"`
	Locations          []Location    `json:"locations"`
	Accounts           []BankAccount `json:"accounts"`
}

// LegalEntity is the company's legal form and tax election.
type LegalEntity struct {
	Type    *EntityType    `json:"type"`
	Subtype *EntitySubtype `json:"subtype"`
}

// EntityType is a legal form.
type EntityType string

// Legal forms.
const (
	EntityLLC            EntityType = "llc"
	EntityLP             EntityType = "lp"
	EntityCorporation    EntityType = "corporation"
	EntitySoleProprietor EntityType = "sole_proprietor"
	EntityNonProfit      EntityType = "non_profit"
	EntityPartnership    EntityType = "partnership"
	EntityCooperative    EntityType = "cooperative"
)

// Values lists every legal form.
func (EntityType) Values() []EntityType {
	return []EntityType{EntityLLC, EntityLP, EntityCorporation, EntitySoleProprietor, EntityNonProfit, EntityPartnership, EntityCooperative}
}

// EntitySubtype is a tax election.
type EntitySubtype string

// Tax elections.
const (
	SubtypeSCorporation EntitySubtype = "s_corporation"
	SubtypeCCorporation EntitySubtype = "c_corporation"
	SubtypeBCorporation EntitySubtype = "b_corporation"
)

// Values lists every tax election.
func (EntitySubtype) Values() []EntitySubtype {
	return []EntitySubtype{SubtypeSCorporation, SubtypeCCorporation, SubtypeBCorporation}
}

// Department is a unit of the company; Parent is nil at the top.
type Department struct {
	Name   *string         `json:"name"`
	Parent *DepartmentName `json:"parent"`
}

// DepartmentName refers to a department.
type DepartmentName struct {
	Name *string `json:"name"`
}

// Location is a postal address. Country is an ISO 3166 two-letter code, State a two-letter code in
// the US.
type Location struct {
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	City       *string `json:"city"`
	State      *string `json:"state"`
	PostalCode *string `json:"postal_code"`
	Country    *string `json:"country"`
	Name       *string `json:"name,omitempty"`
	SourceID   *string `json:"source_id,omitempty"`
}

// BankAccount is an account from which the company pays.
type BankAccount struct {
	RoutingNumber   *string      `json:"routing_number"`
	AccountName     *string      `json:"account_name"`
	InstitutionName *string      `json:"institution_name"`
	AccountType     *AccountType `json:"account_type"`
	AccountNumber   *string      `json:"account_number"`
}

// AccountType is a kind of bank account.
type AccountType string

// Kinds of bank accounts.
const (
	AccountChecking AccountType = "checking"
	AccountSavings  AccountType = "savings"
)

// Values lists every kind of bank account.
func (AccountType) Values() []AccountType { return []AccountType{AccountChecking, AccountSavings} }
