package httpapi

import (
	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/sandbox"
)

// Bounds of an added payment. The first is the contract's.
const (
	maxAddStatements = 10_000
	maxLines         = 100
)

// SandboxPayment is the body of POST /sandbox/payment.
type SandboxPayment struct {
	StartDate     *perch.Date         `json:"start_date" required:"false" doc:"First day of the pay period; the business day after the end of the payment made most recently, if left out."`
	EndDate       *perch.Date         `json:"end_date" required:"false" doc:"Last day of the pay period; 14 business days after its first, if left out."`
	PayDate       *perch.Date         `json:"pay_date" required:"false" doc:"The end_date, if left out."`
	DebitDate     *perch.Date         `json:"debit_date" required:"false" doc:"One business day after the pay_date, if left out."`
	PayStatements *[]SandboxStatement `json:"pay_statements" required:"false" maxItems:"10000" doc:"The pay statements; one for each active full-time employee, if left out."`
}

// SandboxStatement is a pay statement of a payment to add. Amounts are cents.
type SandboxStatement struct {
	IndividualID          perch.ID               `json:"individual_id"`
	Type                  *perch.StatementType   `json:"type" required:"false" default:"regular_payroll"`
	PaymentMethod         *perch.PaymentMethod   `json:"payment_method" required:"false" default:"direct_deposit"`
	TotalHours            *perch.Hours           `json:"total_hours" required:"false" doc:"Greater than 0; those of the earnings, if left out."`
	GrossPay              *int64                 `json:"gross_pay" required:"false" minimum:"1" doc:"The sum of the earnings, or base pay for the period without any, if left out."`
	NetPay                *int64                 `json:"net_pay" required:"false" doc:"Gross pay less the employee's taxes and deductions, if left out."`
	Earnings              *[]SandboxEarning      `json:"earnings" required:"false" maxItems:"100"`
	Taxes                 *[]SandboxTax          `json:"taxes" required:"false" maxItems:"100"`
	EmployeeDeductions    *[]SandboxDeduction    `json:"employee_deductions" required:"false" maxItems:"100"`
	EmployerContributions *[]SandboxContribution `json:"employer_contributions" required:"false" maxItems:"100"`
}

// SandboxEarning is a line of gross pay.
type SandboxEarning struct {
	Type   *perch.EarningType `json:"type" required:"false"`
	Name   *string            `json:"name" required:"false" minLength:"1"`
	Amount *int64             `json:"amount" required:"false"`
	Hours  *perch.Hours       `json:"hours" required:"false"`
}

// SandboxTax is a tax line.
type SandboxTax struct {
	Type     *perch.TaxType `json:"type" required:"false"`
	Name     *string        `json:"name" required:"false" minLength:"1"`
	Amount   *int64         `json:"amount" required:"false"`
	Employer *bool          `json:"employer" required:"false" default:"false" doc:"Whether the employer owes it on top of pay."`
}

// SandboxDeduction is taken from pay.
type SandboxDeduction struct {
	Type   *perch.BenefitType `json:"type" required:"false"`
	Name   *string            `json:"name" required:"false" minLength:"1" doc:"Required with a type."`
	Amount *int64             `json:"amount" required:"false"`
	PreTax *bool              `json:"pre_tax" required:"false"`
}

// SandboxContribution is paid by the employer on top of pay.
type SandboxContribution struct {
	Type   *perch.BenefitType `json:"type" required:"false"`
	Name   *string            `json:"name" required:"false" minLength:"1" doc:"Required with a type."`
	Amount *int64             `json:"amount" required:"false"`
}

// currencyOfPay is that of every simulated employer.
func currencyOfPay() *string { code := perch.USD; return &code }

func readPayment(s *scanner) (r sandbox.PaymentRequest, err error) {
	err = s.fields([]field{
		nullable(s, "start_date", &r.StartDate, s.isoDay), nullable(s, "end_date", &r.EndDate, s.isoDay),
		nullable(s, "pay_date", &r.PayDate, s.isoDay), nullable(s, "debit_date", &r.DebitDate, s.isoDay),
		{"pay_statements", false, func() error { return lines(s, &r.Statements, maxAddStatements, s.statement) }},
	})
	return r, err
}

// lines reads a list, or leaves it nil for null.
func lines[T any](s *scanner, into *[]T, most int, read func() (T, error)) error {
	return optional(s, into, func() ([]T, error) { return listOf(s, most, read) })
}

func (s *scanner) statement() (r sandbox.StatementRequest, err error) {
	err = s.fields([]field{
		{"individual_id", true, func() (err error) { r.IndividualID, err = s.uuid(); return err }},
		change(s, "type", &r.Type, enumOf[perch.StatementType](s)), change(s, "payment_method", &r.PaymentMethod, enumOf[perch.PaymentMethod](s)),
		nullable(s, "total_hours", &r.TotalHours, s.someHours), nullable(s, "gross_pay", &r.GrossPay, s.atLeast(1)), nullable(s, "net_pay", &r.NetPay, s.cents),
		{"earnings", false, func() error { return lines(s, &r.Earnings, maxLines, s.earning) }},
		{"taxes", false, func() error { return lines(s, &r.Taxes, maxLines, s.tax) }},
		{"employee_deductions", false, func() error { return lines(s, &r.EmployeeDeductions, maxLines, s.deduction) }},
		{"employer_contributions", false, func() error { return lines(s, &r.EmployerContributions, maxLines, s.contribution) }},
	})
	return r, err
}

func (s *scanner) earning() (v perch.Earning, err error) {
	v.Currency = currencyOfPay()
	err = s.fields([]field{
		nullable(s, "type", &v.Type, enumOf[perch.EarningType](s)), nullable(s, "name", &v.Name, s.named),
		nullable(s, "amount", &v.Amount, s.cents), nullable(s, "hours", &v.Hours, s.hours),
	})
	return v, err
}

func (s *scanner) tax() (v perch.Tax, err error) {
	employer := false
	v.Currency, v.Employer = currencyOfPay(), &employer
	err = s.fields([]field{
		nullable(s, "type", &v.Type, enumOf[perch.TaxType](s)), nullable(s, "name", &v.Name, s.named),
		nullable(s, "amount", &v.Amount, s.cents), nullable(s, "employer", &v.Employer, s.flag),
	})
	return v, err
}

func (s *scanner) deduction() (v perch.PayDeduction, err error) {
	v.Currency = currencyOfPay()
	at := s.at
	err = s.fields([]field{
		nullable(s, "type", &v.Type, enumOf[perch.BenefitType](s)), nullable(s, "name", &v.Name, s.named),
		nullable(s, "amount", &v.Amount, s.cents), nullable(s, "pre_tax", &v.PreTax, s.flag),
	})
	return v, nameWithType(at, v.Type, v.Name, err)
}

func (s *scanner) contribution() (v perch.Contribution, err error) {
	v.Currency = currencyOfPay()
	at := s.at
	err = s.fields([]field{
		nullable(s, "type", &v.Type, enumOf[perch.BenefitType](s)), nullable(s, "name", &v.Name, s.named), nullable(s, "amount", &v.Amount, s.cents),
	})
	return v, nameWithType(at, v.Type, v.Name, err)
}

func nameWithType(at location, kind *perch.BenefitType, name *string, err error) error {
	if err == nil && kind != nil && name == nil {
		return perch.Invalid(at.inner("name").String(), "is required with a type.")
	}
	return err
}
