package sandbox

import (
	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// sheet turns slips into pay statements. It owns the memory behind the pointers of the statement,
// which is valid until the next one is written.
type sheet struct {
	fields *mask
	out    provider.PayStatement

	kind          perch.StatementType
	method        perch.PaymentMethod
	hours         perch.Hours
	gross, net    int64
	grossPay      perch.Money
	netPay        perch.Money
	earnings      [maxEarnings]perch.Earning
	taxes         [maxTaxes]perch.Tax
	deductions    [maxDeductions]perch.PayDeduction
	contributions [maxContributions]perch.Contribution
}

var yes, no = true, false

func flag(v bool) *bool {
	if v {
		return &yes
	}
	return &no
}

// write fills the statement of one person. Amounts point into the slip.
func (h *sheet) write(p *profile, s *slip) *provider.PayStatement {
	h.kind, h.method = perch.StatementRegular, perch.PaidByDirectDeposit
	if p.contractor() {
		h.kind = perch.StatementOneTime
	}
	if p.dice.chance(askMethod, 80) {
		h.method = perch.PaidByCheck
	}
	h.gross, h.net = s.gross, s.net
	h.grossPay = perch.Money{Amount: &h.gross, Currency: perch.USD}
	h.netPay = perch.Money{Amount: &h.net, Currency: perch.USD}
	h.out.PersonKey = personKey(p.index)
	h.out.Statement = perch.PayStatement{
		Type: &h.kind, PaymentMethod: &h.method, GrossPay: &h.grossPay, NetPay: &h.netPay,
		Earnings: h.earningLines(s), Taxes: h.taxLines(s),
		EmployeeDeductions: h.deductionLines(s), EmployerContributions: h.contributionLines(s),
	}
	if h.hours > 0 {
		h.out.Statement.TotalHours = &h.hours
	}
	h.fields.statement(&h.out.Statement)
	return &h.out
}

// earningLines also adds up the hours. Lines that no time was worked for have null hours.
func (h *sheet) earningLines(s *slip) []perch.Earning {
	h.hours = 0
	for i := range s.earnings {
		l := &s.earnings[i]
		h.earnings[i] = perch.Earning{Type: &l.kind.kind, Name: &l.kind.name, Amount: &l.amount, Currency: &currency}
		if l.hours > 0 {
			h.earnings[i].Hours = &l.hours
			h.hours += l.hours
		}
	}
	return h.earnings[:len(s.earnings)]
}

func (h *sheet) taxLines(s *slip) []perch.Tax {
	for i := range s.taxes {
		l := &s.taxes[i]
		h.taxes[i] = perch.Tax{Type: l.kind, Name: l.name, Employer: flag(l.employer), Amount: &l.amount, Currency: &currency}
	}
	return h.taxes[:len(s.taxes)]
}

func (h *sheet) deductionLines(s *slip) []perch.PayDeduction {
	for i := range s.deductions {
		l := &s.deductions[i]
		h.deductions[i] = perch.PayDeduction{Name: &l.plan.name, Amount: &l.amount, Currency: &currency, PreTax: flag(l.plan.preTax), Type: &l.plan.kind}
	}
	return h.deductions[:len(s.deductions)]
}

func (h *sheet) contributionLines(s *slip) []perch.Contribution {
	for i := range s.contributions {
		l := &s.contributions[i]
		h.contributions[i] = perch.Contribution{Name: &l.plan.name, Amount: &l.amount, Currency: &currency, Type: &l.plan.kind}
	}
	return h.contributions[:len(s.contributions)]
}
