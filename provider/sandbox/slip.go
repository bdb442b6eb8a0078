package sandbox

import perch "github.com/perchhq/perch"

// Capacities of a slip; no person has more lines.
const (
	maxEarnings      = 6
	maxTaxes         = 12
	maxDeductions    = 10
	maxContributions = 4
)

type earningLine struct {
	kind   *earningKind
	amount int64
	hours  perch.Hours
}

type taxLine struct {
	name     *string
	kind     *perch.TaxType
	employer bool
	amount   int64
}

type planLine struct {
	plan   *plan
	amount int64
}

// slip is one person's pay in one pay run, in cents. It is reused from person to person.
type slip struct {
	earnings      []earningLine
	taxes         []taxLine
	deductions    []planLine
	contributions []planLine
	gross         int64
	net           int64
	employeeTaxes int64
	employerTaxes int64

	// taxable is gross without reimbursements; bonus the part of it that is taxed as supplemental
	// wages; untaxed the deductions that no tax is due on; deferrals what goes to the retirement plan
	// before income tax.
	taxable, bonus, untaxed, deferrals int64
	// full reports a period that was worked from its first to its last day.
	full bool

	earningStore      [maxEarnings]earningLine
	taxStore          [maxTaxes]taxLine
	deductionStore    [maxDeductions]planLine
	contributionStore [maxContributions]planLine
}

// yearToDate is what the year's earlier runs add up to for one person.
type yearToDate struct {
	// wages are those that social security, Medicare and unemployment taxes count; deferrals what the
	// person would have deferred without the yearly limit; social the social security tax paid.
	wages, deferrals, social int64
}

func (s *slip) reset() {
	s.earnings, s.taxes = s.earningStore[:0], s.taxStore[:0]
	s.deductions, s.contributions = s.deductionStore[:0], s.contributionStore[:0]
	s.gross, s.net, s.employeeTaxes, s.employerTaxes = 0, 0, 0, 0
	s.taxable, s.bonus, s.untaxed, s.deferrals, s.full = 0, 0, 0, 0, false
}

// payer computes slips one after the other in the same memory.
type payer struct {
	*employer
	slip, prior slip
}

// pay fills the slip of a person for a turn of the schedule of their group. It reports false where
// the person did not work in the period.
func (y *payer) pay(p *profile, turn *period) bool {
	s := &y.slip
	if !s.earn(p, turn, true) {
		return false
	}
	if p.contractor() {
		s.net = s.gross
		return true
	}
	el := y.elections(p)
	s.takeUntaxed(&el)
	s.settle(p, &el, turn, y.before(p, &el, turn))
	return true
}

func (e *employer) keepsHistory() bool { return e.people <= peopleWithHistory }

// before adds up the year's earlier runs. Employers without history assume base pay for them.
func (y *payer) before(p *profile, el *elections, turn *period) yearToDate {
	var ytd yearToDate
	s := &y.prior
	base := rulesOf(turn.year).socialBase * 100
	if !y.keepsHistory() {
		if s.earn(p, turn, false) {
			s.takeUntaxed(el)
			ytd.add(s, el, base, int64(y.turnsWorked(p, turn)))
		}
		return ytd
	}
	turns := y.schedules[p.group]
	for i := range turns {
		if t := &turns[i]; t.year == turn.year && t.pay < turn.pay && s.earn(p, t, true) {
			s.takeUntaxed(el)
			ytd.add(s, el, base, 1)
		}
	}
	return ytd
}

// turnsWorked counts the year's earlier turns in which the person was employed from the first day.
func (e *employer) turnsWorked(p *profile, turn *period) int {
	turns := e.schedules[p.group]
	last := len(turns) - 1
	count := 0
	for i := last - 1; i >= last-turn.earlier; i-- {
		if turns[i].start < p.start {
			break
		}
		count++
	}
	return count
}

// add counts the slip the given number of times.
func (y *yearToDate) add(s *slip, el *elections, socialBase, times int64) {
	wages := s.taxable - s.untaxed
	whole := portion(socialBase, socialRate)
	y.social = min(y.social+portion(wages, socialRate)*times, whole)
	y.wages += wages * times
	if y.wages >= socialBase {
		y.social = whole
	}
	y.deferrals += (portion(s.taxable, el.deferral) + portion(s.taxable, el.roth)) * times
}

// socialTax is social security tax on a period's wages, rounded for the period. The period that
// reaches the base owes what is left of the tax on the base, so that a year's tax is exact.
func socialTax(wages, base int64, ytd yearToDate) int64 {
	left := portion(base, socialRate) - ytd.social
	if ytd.wages+wages >= base {
		return left
	}
	return min(portion(wages, socialRate), left)
}

// settle computes deductions, contributions, taxes and net pay from earnings.
func (s *slip) settle(p *profile, el *elections, turn *period, ytd yearToDate) {
	rules := rulesOf(turn.year)
	roth := s.defer401k(el, rules.deferralLimit*100, ytd.deferrals)
	s.withhold(p, el, turn, rules, ytd)
	s.matchContributions(el, s.deferrals+roth)
	s.owe(p, ytd, rules)
	for _, t := range s.taxes {
		if t.employer {
			s.employerTaxes += t.amount
		} else {
			s.employeeTaxes += t.amount
		}
	}
	s.net = s.gross - s.employeeTaxes
	for _, d := range s.deductions {
		s.net -= d.amount
	}
	if el.garnishment > 0 && s.full {
		taken := min(el.garnishment, s.net/5)
		s.deduct(&planGarnishment, taken)
		s.net -= taken
	}
}

// withhold adds the employee's taxes.
func (s *slip) withhold(p *profile, el *elections, turn *period, rules *yearRules, ytd yearToDate) {
	wages := s.taxable - s.untaxed
	income := max(0, wages-s.deferrals)
	bonus := min(s.bonus, income)
	tax := rules.withheld(income-bonus, turn.perYear, &el.w4) + portion(bonus, supplementalRate)
	tax += min(el.w4.extra, income/extraShare)
	s.tax(&nameFederal, perch.TaxFederal, false, tax)
	s.tax(&nameSocial, perch.TaxFICA, false, socialTax(wages, rules.socialBase*100, ytd))
	s.tax(&nameMedicare, perch.TaxFICA, false, portion(wages, medicareRate))
	high := wages - below(additionalOver, ytd.wages, wages)
	s.tax(&nameAdditional, perch.TaxFICA, false, portion(high, additionalRate))
	levies := taxesAt[p.office].levies
	for i := range levies {
		l := &levies[i]
		base := income
		if l.onDeferrals {
			base = wages
		}
		s.tax(&l.name, l.kind, false, l.due(base-bonus, bonus, turn.perYear, el.filing, turn.year))
	}
}

// owe adds the employer's taxes.
func (s *slip) owe(p *profile, ytd yearToDate, rules *yearRules) {
	wages := s.taxable - s.untaxed
	place := &taxesAt[p.office]
	s.tax(&nameSocialEmployer, perch.TaxFICA, true, socialTax(wages, rules.socialBase*100, ytd))
	s.tax(&nameMedicareEmployer, perch.TaxFICA, true, portion(wages, medicareRate))
	s.tax(&nameUnemployment, perch.TaxFederal, true, portion(below(unemploymentBase, ytd.wages, wages), unemploymentRate))
	s.tax(&place.insurance, perch.TaxState, true, portion(below(place.insuranceBase, ytd.wages, wages), stateInsuranceRate))
}

// tax adds a line unless the amount is zero.
func (s *slip) tax(name *string, kind perch.TaxType, employer bool, amount int64) {
	if amount > 0 {
		s.taxes = append(s.taxes, taxLine{name, taxKind(kind), employer, amount})
	}
}

func (s *slip) deduct(p *plan, amount int64) {
	if amount > 0 {
		s.deductions = append(s.deductions, planLine{p, amount})
	}
}

func (s *slip) contribute(p *plan, amount int64) {
	if amount > 0 {
		s.contributions = append(s.contributions, planLine{p, amount})
	}
}

// Names of taxes as they stand on the statement.
var (
	nameFederal          = "Federal Income Tax"
	nameSocial           = "Social Security"
	nameMedicare         = "Medicare"
	nameAdditional       = "Additional Medicare"
	nameSocialEmployer   = "Social Security (Employer)"
	nameMedicareEmployer = "Medicare (Employer)"
	nameUnemployment     = "Federal Unemployment"
)

var (
	kindFederal = perch.TaxFederal
	kindState   = perch.TaxState
	kindLocal   = perch.TaxLocal
	kindFICA    = perch.TaxFICA
)

func taxKind(k perch.TaxType) *perch.TaxType {
	switch k {
	case perch.TaxFederal:
		return &kindFederal
	case perch.TaxState:
		return &kindState
	case perch.TaxLocal:
		return &kindLocal
	}
	return &kindFICA
}
