package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
)

// nameCompany decides the legal name and the e-mail domain.
func (e *employer) nameCompany() {
	first := companyFirst[e.dice.below(askCompany, len(companyFirst))]
	second := companySecond[e.dice.below(askCompany+1000, len(companySecond))]
	e.legalName = first + " " + second + e.form().suffix
	e.domain = strings.ToLower(first+second) + ".example"
}

// legalForm is a legal form with the ending of the name that goes with it.
type legalForm struct {
	suffix  string
	kind    perch.EntityType
	subtype perch.EntitySubtype
}

var legalForms = []legalForm{
	{", Inc.", perch.EntityCorporation, perch.SubtypeCCorporation},
	{", Inc.", perch.EntityCorporation, perch.SubtypeSCorporation},
	{", PBC", perch.EntityCorporation, perch.SubtypeBCorporation},
	{" LLC", perch.EntityLLC, ""},
}

func (e *employer) form() *legalForm {
	return &legalForms[e.dice.below(askCompany+2000, len(legalForms))]
}

// unassignedPrefixes begin no employer identification number (IRS, "How EINs are assigned and valid
// EIN prefixes").
var unassignedPrefixes = []string{"07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79", "89", "96", "97"}

// whole returns the company, whatever the provider supplies of it.
func (e *employer) whole() perch.Company {
	serial := strconv.Itoa(1_000_000 + e.dice.below(askCompany+3000, 9_000_000))
	ein := unassignedPrefixes[e.dice.below(askCompany+4000, len(unassignedPrefixes))] + "-" + serial
	name, email := e.legalName, "payroll@"+e.domain
	phone := string(appendPhone(nil, places[e.offices[0]].area, e.dice.below(askCompany+5000, 100)))
	return perch.Company{LegalName: &name, EIN: &ein, PrimaryEmail: &email, PrimaryPhoneNumber: &phone,
		Entity: e.legalEntity(), Departments: e.departmentList(), Locations: e.locationList(), Accounts: e.accountList()}
}

// company returns the company with what the provider supplies of it.
func (e *employer) company() perch.Company {
	c := e.whole()
	e.fields.company(&c)
	return c
}

// edited is company with an encoded [CompanyEdit], or nil, laid over it.
func (e *employer) edited(encoded []byte) (perch.Company, error) {
	if encoded == nil {
		return e.company(), nil
	}
	var edit CompanyEdit
	if err := json.Unmarshal(encoded, &edit); err != nil {
		return perch.Company{}, fmt.Errorf("decoding the edit of the company: %w", err)
	}
	c := e.whole()
	edit.apply(&c)
	e.fields.company(&c)
	return c, nil
}

func (e *employer) legalEntity() *perch.LegalEntity {
	form := e.form()
	v := &perch.LegalEntity{Type: &form.kind}
	if form.subtype != "" {
		v.Subtype = &form.subtype
	}
	return v
}

// departmentList names every department; a parent is named where this employer has it.
func (e *employer) departmentList() []perch.Department {
	top := executive
	list := []perch.Department{{Name: &top}}
	present := map[string]*string{}
	for i := range e.units {
		u := &e.units[i]
		present[u.name] = &u.name
		d := perch.Department{Name: &u.name}
		if parent := present[u.parent]; parent != nil {
			d.Parent = &perch.DepartmentName{Name: parent}
		}
		list = append(list, d)
	}
	return list
}

func (e *employer) locationList() []perch.Location {
	var list []perch.Location
	for _, at := range e.offices {
		list = append(list, e.officeAddress(at))
	}
	return list
}

// officeAddress is the address of the company's office in a place.
func (e *employer) officeAddress(at int) perch.Location {
	d, p := roll(e.seed^0x5bf03635, uint64(at)), &places[at]
	line1 := strconv.Itoa(d.between(askStreet, 100, 2900)) + " " + streets[d.below(askStreet+1000, len(streets))] +
		streetKinds[d.below(askStreet+2000, len(streetKinds))]
	l := perch.Location{Line1: &line1, City: &p.city, State: &p.state, PostalCode: &p.zip, Country: &country}
	if d.chance(askUnit, 600) {
		line2 := "Suite " + strconv.Itoa(d.between(askUnit+1000, 1, 24)*100)
		l.Line2 = &line2
	}
	return l
}

// accountList is the account from which payroll is paid, and for some a savings account.
func (e *employer) accountList() []perch.BankAccount {
	kinds := []perch.AccountType{perch.AccountChecking, perch.AccountSavings}
	names := []string{"Payroll", "Tax Reserve"}
	bank := bankNames[e.dice.below(askBank, len(bankNames))]
	routing := routingNumber(e.dice.between(askBank+1000, 1, 12), e.dice.below(askBank+2000, 1_000_000))
	var list []perch.BankAccount
	for i := range 1 + e.dice.below(askBank+3000, 2) {
		number := strconv.Itoa(1_000_000_000 + e.dice.below(askBank+4000+question(i), 9_000_000_000))
		a := perch.BankAccount{RoutingNumber: &routing, AccountName: &names[i], InstitutionName: &bank, AccountType: &kinds[i], AccountNumber: &number}
		list = append(list, a)
	}
	return list
}

// routingNumber writes an ABA number: the Federal Reserve district, six digits, and the check digit
// that makes the sum of the digits, weighted 3, 7, 1 in turn, a multiple of ten.
func routingNumber(district, serial int) string {
	number := district*1_000_000 + serial
	digits := [9]byte{}
	sum, rest := 0, number
	for i := 7; i >= 0; i-- {
		digit := rest % 10
		rest /= 10
		digits[i] = byte('0' + digit)
		sum += digit * [3]int{3, 7, 1}[i%3]
	}
	digits[8] = byte('0' + (10-sum%10)%10)
	return string(digits[:])
}
