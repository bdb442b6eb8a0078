package sandbox

import perch "github.com/perchhq/perch"

// mask is what the imitated provider supplies, with the answers for whole objects worked out: an
// object none of whose fields is supplied is null.
type mask struct {
	perch.SupportedFields
	// everything says that nothing is masked.
	everything bool

	entity, parents, departments, accounts bool
	emails, phones                         bool
	department, kind, income               bool
	period                                 bool
	earnings, deductions                   bool
	contributions, taxes                   bool
	payments, payGroups                    bool
}

func newMask(fields *perch.SupportedFields) *mask {
	if fields == nil {
		m := &mask{everything: true}
		m.setAll()
		return m
	}
	m := &mask{SupportedFields: *fields}
	c, i, e, p, s := &m.Company, &m.Individual, &m.Employment, &m.Payment, &m.PayStatement.PayStatements
	m.entity = c.Entity != perch.LegalEntityFields{}
	m.parents = c.Departments.Parent.Name
	m.departments = c.Departments != perch.DepartmentFields{}
	m.accounts = c.Accounts != perch.BankAccountFields{}
	m.emails = i.Emails.Data // an address without its text has no form on the wire
	m.phones = i.PhoneNumbers != perch.ContactFields{}
	m.department = e.Department.Name
	m.kind = e.Employment != perch.EmploymentKindFields{}
	m.income = e.Income != perch.IncomeFields{}
	m.period = p.PayPeriod != perch.PayPeriodFields{}
	m.earnings = s.Earnings != perch.EarningFields{}
	m.deductions = s.EmployeeDeductions != perch.PayDeductionFields{}
	m.contributions = s.EmployerContributions != perch.ContributionFields{}
	m.taxes = s.Taxes != perch.TaxFields{}
	m.payGroups = m.PayGroup != perch.PayGroupFields{}
	m.payments = *p != perch.PaymentFields{} || *s != perch.StatementFields{}
	return m
}

// setAll marks every object as supplied. The single fields are not looked at when everything is.
func (m *mask) setAll() {
	for _, flag := range []*bool{&m.entity, &m.parents, &m.departments, &m.accounts, &m.emails, &m.phones,
		&m.department, &m.kind, &m.income, &m.period, &m.earnings, &m.deductions, &m.contributions, &m.taxes, &m.payments, &m.payGroups} {
		*flag = true
	}
}

// keep clears a field that is not supplied.
func keep[T any](field **T, supplied bool) {
	if !supplied {
		*field = nil
	}
}

// place clears the parts of a location that are not supplied, and all of it where none is.
func (m *mask) place(at **perch.Location, f *perch.LocationFields) {
	if m.everything || *at == nil {
		return
	}
	if *f == (perch.LocationFields{}) {
		*at = nil
		return
	}
	l := *at
	keep(&l.Line1, f.Line1)
	keep(&l.Line2, f.Line2)
	keep(&l.City, f.City)
	keep(&l.State, f.State)
	keep(&l.PostalCode, f.PostalCode)
	keep(&l.Country, f.Country)
}

// company masks the employer.
func (m *mask) company(v *perch.Company) {
	if m.everything {
		return
	}
	f := &m.Company
	keep(&v.LegalName, f.LegalName)
	keep(&v.EIN, f.EIN)
	keep(&v.PrimaryEmail, f.PrimaryEmail)
	keep(&v.PrimaryPhoneNumber, f.PrimaryPhoneNumber)
	keep(&v.Entity, m.entity)
	if v.Entity != nil {
		keep(&v.Entity.Type, f.Entity.Type)
		keep(&v.Entity.Subtype, f.Entity.Subtype)
	}
	if !m.departments {
		v.Departments = nil
	}
	for i := range v.Departments {
		keep(&v.Departments[i].Name, f.Departments.Name)
		keep(&v.Departments[i].Parent, m.parents)
	}
	if f.Locations == (perch.LocationFields{}) {
		v.Locations = nil
	}
	for i := range v.Locations {
		at := &v.Locations[i]
		m.place(&at, &f.Locations)
	}
	if !m.accounts {
		v.Accounts = nil
	}
	for i := range v.Accounts {
		a := &v.Accounts[i]
		keep(&a.RoutingNumber, f.Accounts.RoutingNumber)
		keep(&a.AccountName, f.Accounts.AccountName)
		keep(&a.InstitutionName, f.Accounts.InstitutionName)
		keep(&a.AccountType, f.Accounts.AccountType)
		keep(&a.AccountNumber, f.Accounts.AccountNumber)
	}
}

// individual masks a person.
func (m *mask) individual(v *perch.Individual) {
	if m.everything {
		return
	}
	f := &m.Individual
	keep(&v.FirstName, f.FirstName)
	keep(&v.MiddleName, f.MiddleName)
	keep(&v.LastName, f.LastName)
	keep(&v.PreferredName, f.PreferredName)
	keep(&v.DOB, f.DOB)
	keep(&v.Gender, f.Gender)
	keep(&v.Ethnicity, f.Ethnicity)
	keep(&v.MaritalStatus, f.MaritalStatus)
	keep(&v.SSN, f.SSN || f.EncryptedSSN)
	m.place(&v.Residence, &f.Residence)
	if !m.emails {
		v.Emails = nil
	}
	for i := range v.Emails {
		keep(&v.Emails[i].Type, f.Emails.Type)
	}
	if !m.phones {
		v.PhoneNumbers = nil
	}
	for i := range v.PhoneNumbers {
		keep(&v.PhoneNumbers[i].Data, f.PhoneNumbers.Data)
		keep(&v.PhoneNumbers[i].Type, f.PhoneNumbers.Type)
	}
}

// employment masks a job.
func (m *mask) employment(v *perch.Employment) {
	if m.everything {
		return
	}
	f := &m.Employment
	keep(&v.FirstName, f.FirstName)
	keep(&v.MiddleName, f.MiddleName)
	keep(&v.LastName, f.LastName)
	keep(&v.Title, f.Title)
	keep(&v.Department, m.department)
	keep(&v.StartDate, f.StartDate)
	keep(&v.EndDate, f.EndDate)
	keep(&v.LatestRehireDate, f.LatestRehireDate)
	keep(&v.IsActive, f.IsActive)
	keep(&v.EmploymentStatus, f.EmploymentStatus)
	keep(&v.FLSAStatus, f.FLSAStatus)
	keep(&v.ClassCode, f.ClassCode)
	keep(&v.UnionCode, f.UnionCode)
	keep(&v.UnionLocal, f.UnionLocal)
	keep(&v.HighlyCompensatedEmployee, f.HighlyCompensatedEmployee)
	keep(&v.KeyEmployee, f.KeyEmployee)
	keep(&v.SourceID, f.SourceID)
	keep(&v.WorkID, f.WorkID)
	keep(&v.Employment, m.kind)
	if v.Employment != nil {
		keep(&v.Employment.Type, f.Employment.Type)
		keep(&v.Employment.Subtype, f.Employment.Subtype)
	}
	keep(&v.Income, m.income)
	if v.Income != nil {
		m.pay(v.Income)
	}
	if !f.IncomeHistory {
		v.IncomeHistory = nil
	}
	for i := range v.IncomeHistory {
		m.pay(&v.IncomeHistory[i])
	}
	if !f.CustomFields {
		v.CustomFields = nil
	}
}

// pay masks an income. Its effective date has no entry of its own in the list of supported fields.
func (m *mask) pay(v *perch.Income) {
	f := &m.Employment.Income
	keep(&v.Amount, f.Amount)
	keep(&v.Currency, f.Currency)
	keep(&v.Unit, f.Unit)
}

// payment masks a pay run.
func (m *mask) payment(v *perch.Payment) {
	if m.everything {
		return
	}
	f := &m.Payment
	keep(&v.PayDate, f.PayDate)
	keep(&v.DebitDate, f.DebitDate)
	keep(&v.CompanyDebit, f.CompanyDebit)
	keep(&v.GrossPay, f.GrossPay)
	keep(&v.NetPay, f.NetPay)
	keep(&v.EmployerTaxes, f.EmployerTaxes)
	keep(&v.EmployeeTaxes, f.EmployeeTaxes)
	keep(&v.PayPeriod, m.period)
	if m.period {
		keep(&v.PayPeriod.StartDate, f.PayPeriod.StartDate)
		keep(&v.PayPeriod.EndDate, f.PayPeriod.EndDate)
	}
	if !f.PayFrequencies {
		v.PayFrequencies = nil
	}
}

// statement masks a pay statement.
func (m *mask) statement(v *perch.PayStatement) {
	if m.everything {
		return
	}
	f := &m.PayStatement.PayStatements
	keep(&v.Type, f.Type)
	keep(&v.PaymentMethod, f.PaymentMethod)
	keep(&v.TotalHours, f.TotalHours)
	keep(&v.GrossPay, f.GrossPay)
	keep(&v.NetPay, f.NetPay)
	m.lines(v, f)
	m.additions(v, f)
}

// lines masks earnings and taxes.
func (m *mask) lines(v *perch.PayStatement, f *perch.StatementFields) {
	if !m.earnings {
		v.Earnings = nil
	}
	for i := range v.Earnings {
		l := &v.Earnings[i]
		keep(&l.Type, f.Earnings.Type)
		keep(&l.Name, f.Earnings.Name)
		keep(&l.Amount, f.Earnings.Amount)
		keep(&l.Currency, f.Earnings.Currency)
	}
	if !m.taxes {
		v.Taxes = nil
	}
	for i := range v.Taxes {
		l := &v.Taxes[i]
		keep(&l.Type, f.Taxes.Type)
		keep(&l.Name, f.Taxes.Name)
		keep(&l.Employer, f.Taxes.Employer)
		keep(&l.Amount, f.Taxes.Amount)
		keep(&l.Currency, f.Taxes.Currency)
	}
}

// additions masks deductions and contributions.
func (m *mask) additions(v *perch.PayStatement, f *perch.StatementFields) {
	if !m.deductions {
		v.EmployeeDeductions = nil
	}
	for i := range v.EmployeeDeductions {
		l := &v.EmployeeDeductions[i]
		keep(&l.Type, f.EmployeeDeductions.Type)
		keep(&l.Name, f.EmployeeDeductions.Name)
		keep(&l.Amount, f.EmployeeDeductions.Amount)
		keep(&l.Currency, f.EmployeeDeductions.Currency)
		keep(&l.PreTax, f.EmployeeDeductions.PreTax)
	}
	if !m.contributions {
		v.EmployerContributions = nil
	}
	for i := range v.EmployerContributions {
		l := &v.EmployerContributions[i]
		keep(&l.Name, f.EmployerContributions.Name)
		keep(&l.Amount, f.EmployerContributions.Amount)
		keep(&l.Currency, f.EmployerContributions.Currency)
	}
}
