package perch

import "encoding/json"

// PayGroup is a set of people who are paid together.
type PayGroup struct {
	ID             ID             `json:"id"`
	Name           string         `json:"name"`
	PayFrequencies []PayFrequency `json:"pay_frequencies"`
	IndividualIDs  []ID           `json:"individual_ids"`
}

// PayGroupSummary is a pay group as the list of pay groups shows it.
type PayGroupSummary struct {
	ID             ID             `json:"id"`
	Name           string         `json:"name"`
	PayFrequencies []PayFrequency `json:"pay_frequencies"`
}

// PayFrequency is how often a pay group is paid.
type PayFrequency string

// Pay frequencies.
const (
	PayAnnually     PayFrequency = "annually"
	PayBiWeekly     PayFrequency = "bi_weekly"
	PayDaily        PayFrequency = "daily"
	PayMonthly      PayFrequency = "monthly"
	PayOther        PayFrequency = "other"
	PayQuarterly    PayFrequency = "quarterly"
	PaySemiAnnually PayFrequency = "semi_annually"
	PaySemiMonthly  PayFrequency = "semi_monthly"
	PayWeekly       PayFrequency = "weekly"
)

// Values lists every pay frequency.
func (PayFrequency) Values() []PayFrequency {
	return []PayFrequency{PayAnnually, PayBiWeekly, PayDaily, PayMonthly, PayOther, PayQuarterly,
		PaySemiAnnually, PaySemiMonthly, PayWeekly}
}

// Payment is one pay run: a pay period, the day on which it was paid, and its totals.
type Payment struct {
	ID             ID             `json:"id"`
	PayPeriod      *PayPeriod     `json:"pay_period"`
	PayDate        *Date          `json:"pay_date"`
	DebitDate      *Date          `json:"debit_date"`
	CompanyDebit   *Money         `json:"company_debit"`
	GrossPay       *Money         `json:"gross_pay"`
	NetPay         *Money         `json:"net_pay"`
	EmployerTaxes  *Money         `json:"employer_taxes"`
	EmployeeTaxes  *Money         `json:"employee_taxes"`
	IndividualIDs  []ID           `json:"individual_ids"`
	PayGroupIDs    []ID           `json:"pay_group_ids"`
	PayFrequencies []PayFrequency `json:"pay_frequencies"`
}

// PayPeriod is a span of days, both inclusive.
type PayPeriod struct {
	StartDate *Date `json:"start_date"`
	EndDate   *Date `json:"end_date"`
}

// PayStatement is one person's pay slip within a payment.
type PayStatement struct {
	IndividualID          ID             `json:"individual_id"`
	Type                  *StatementType `json:"type"`
	PaymentMethod         *PaymentMethod `json:"payment_method"`
	TotalHours            *Hours         `json:"total_hours"`
	GrossPay              *Money         `json:"gross_pay"`
	NetPay                *Money         `json:"net_pay"`
	Earnings              []Earning      `json:"earnings"`
	Taxes                 []Tax          `json:"taxes"`
	EmployeeDeductions    []PayDeduction `json:"employee_deductions"`
	EmployerContributions []Contribution `json:"employer_contributions"`
}

// StatementType says what kind of pay run a statement belongs to.
type StatementType string

// Statement types.
const (
	StatementOffCycle StatementType = "off_cycle_payroll"
	StatementOneTime  StatementType = "one_time_payment"
	StatementRegular  StatementType = "regular_payroll"
)

// Values lists every statement type.
func (StatementType) Values() []StatementType {
	return []StatementType{StatementOffCycle, StatementOneTime, StatementRegular}
}

// PaymentMethod is how net pay reaches the person.
type PaymentMethod string

// Payment methods.
const (
	PaidByCheck         PaymentMethod = "check"
	PaidByDirectDeposit PaymentMethod = "direct_deposit"
	PaidOther           PaymentMethod = "other"
)

// Values lists every payment method.
func (PaymentMethod) Values() []PaymentMethod {
	return []PaymentMethod{PaidByCheck, PaidByDirectDeposit, PaidOther}
}

// Earning is one line of gross pay; Amount is cents.
type Earning struct {
	Type       *EarningType    `json:"type"`
	Name       *string         `json:"name"`
	Amount     *int64          `json:"amount"`
	Currency   *string         `json:"currency"`
	Hours      *Hours          `json:"hours"`
	Attributes *ItemAttributes `json:"attributes,omitempty"`
}

// EarningType classifies an earning.
type EarningType string

// Earning types.
const (
	EarningSalary         EarningType = "salary"
	EarningWage           EarningType = "wage"
	EarningReimbursement  EarningType = "reimbursement"
	EarningOvertime       EarningType = "overtime"
	EarningSeverance      EarningType = "severance"
	EarningDoubleOvertime EarningType = "double_overtime"
	EarningPTO            EarningType = "pto"
	EarningSick           EarningType = "sick"
	EarningBonus          EarningType = "bonus"
	EarningCommission     EarningType = "commission"
	EarningTips           EarningType = "tips"
	Earning1099           EarningType = "1099"
	EarningOther          EarningType = "other"
)

// Values lists every earning type.
func (EarningType) Values() []EarningType {
	return []EarningType{EarningSalary, EarningWage, EarningReimbursement, EarningOvertime, EarningSeverance,
		EarningDoubleOvertime, EarningPTO, EarningSick, EarningBonus, EarningCommission, EarningTips, Earning1099, EarningOther}
}

// Tax is one tax line, withheld from the employee or owed by the employer; Amount is cents.
type Tax struct {
	Type       *TaxType        `json:"type"`
	Name       *string         `json:"name"`
	Employer   *bool           `json:"employer"`
	Amount     *int64          `json:"amount"`
	Currency   *string         `json:"currency"`
	Attributes *ItemAttributes `json:"attributes,omitempty"`
}

// TaxType classifies a tax.
type TaxType string

// Tax types.
const (
	TaxState   TaxType = "state"
	TaxFederal TaxType = "federal"
	TaxLocal   TaxType = "local"
	TaxFICA    TaxType = "fica"
)

// Values lists every tax type.
func (TaxType) Values() []TaxType { return []TaxType{TaxState, TaxFederal, TaxLocal, TaxFICA} }

// PayDeduction is one deduction from an employee's pay; Amount is cents.
type PayDeduction struct {
	Name       *string         `json:"name"`
	Amount     *int64          `json:"amount"`
	Currency   *string         `json:"currency"`
	PreTax     *bool           `json:"pre_tax"`
	Type       *BenefitType    `json:"type"`
	Attributes *ItemAttributes `json:"attributes,omitempty"`
}

// Contribution is one amount that the employer adds on top of pay; Amount is cents.
type Contribution struct {
	Name       *string         `json:"name"`
	Amount     *int64          `json:"amount"`
	Currency   *string         `json:"currency"`
	Type       *BenefitType    `json:"type"`
	Attributes *ItemAttributes `json:"attributes,omitempty"`
}

// ItemAttributes is what the application's own rules attached to a line of a pay statement.
type ItemAttributes struct {
	Metadata map[string]json.RawMessage `json:"metadata"`
}
