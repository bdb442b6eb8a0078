package sandbox

import (
	"context"
	"encoding/json"
	"fmt"

	perch "github.com/perchhq/perch"
)

// Enrolled is a deduction that one person is enrolled in.
type Enrolled struct {
	Deduction perch.Deduction
	Enrolment perch.Enrolment
}

// WrittenEnrolments returns, by person, what was enrolled over the API, in the order of the deductions.
// What people elected without it is part of generated pay and is not among them.
func WrittenEnrolments(ctx context.Context, ledger Ledger, account perch.ID) (map[int][]Enrolled, error) {
	written, err := ledger.Deductions(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("reading the deductions: %w", err)
	}
	list, err := withWritten(written)
	if err != nil {
		return nil, err
	}
	people := map[int][]Enrolled{}
	for number, one := range list {
		enrolments, err := ledger.Enrolments(ctx, account, number)
		if err != nil {
			return nil, fmt.Errorf("reading the enrolments: %w", err)
		}
		for _, w := range enrolments {
			if !w.Enrolled {
				continue
			}
			e := Enrolled{Deduction: one.Deduction}
			if err := json.Unmarshal(w.Body, &e.Enrolment); err != nil {
				return nil, fmt.Errorf("decoding an enrolment: %w", err)
			}
			people[w.Person] = append(people[w.Person], e)
		}
	}
	return people, nil
}

// lineKey tells deductions apart as statements show them.
type lineKey struct {
	kind perch.BenefitType
	name string
}

// YearToDate is what was deducted from one person's pay, and contributed to it, in the year of a payment
// and before.
type YearToDate struct {
	pay         perch.Date
	deducted    map[lineKey]int64
	contributed map[lineKey]int64
	// last is when something was deducted last, in whatever year.
	last map[lineKey]perch.Date
}

// NewYearToDate returns an empty one for a payment on the given day.
func NewYearToDate(pay perch.Date) *YearToDate {
	return &YearToDate{pay: pay, deducted: map[lineKey]int64{}, contributed: map[lineKey]int64{}, last: map[lineKey]perch.Date{}}
}

// Add counts a statement of another payment.
func (y *YearToDate) Add(pay perch.Date, v *perch.PayStatement) {
	for _, l := range v.EmployeeDeductions {
		y.deduct(pay, keyOf(l.Type, l.Name), valueOf(l.Amount))
	}
	for _, l := range v.EmployerContributions {
		if pay.Year() == y.pay.Year() {
			y.contributed[keyOf(l.Type, l.Name)] += valueOf(l.Amount)
		}
	}
}

func (y *YearToDate) deduct(pay perch.Date, key lineKey, amount int64) {
	if pay.Year() == y.pay.Year() {
		y.deducted[key] += amount
	}
	y.last[key] = max(y.last[key], pay)
}

func keyOf(kind *perch.BenefitType, name *string) lineKey {
	return lineKey{valueOf(kind), valueOf(name)}
}

func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// AddGenerated counts what a person's generated statements of the year deduct.
func (e *Employer) AddGenerated(y *YearToDate, person int) {
	if person < 0 || person >= e.employer.people {
		return
	}
	p := e.employer.person(person)
	payer := &payer{employer: e.employer}
	for i := range e.employer.runs {
		r := &e.employer.runs[i]
		if r.pay.Year() != y.pay.Year() || r.turn[p.group] < 0 || r.newest && !p.paidNewest() || !payer.pay(&p, &e.employer.schedules[p.group][r.turn[p.group]]) {
			continue
		}
		for _, l := range payer.slip.deductions {
			y.deduct(r.pay, lineKey{l.plan.kind, l.plan.name}, l.amount)
		}
		for _, l := range payer.slip.contributions {
			y.contributed[lineKey{l.plan.kind, l.plan.name}] += l.amount
		}
	}
}

// Lines are what a payment deducts and contributes for enrolments, of gross pay of which some is left
// after taxes. Percentages are of gross pay and need it. What an enrolment's annual maximum, the yearly
// limits of the law or what is left of the pay do not allow is not deducted.
func (y *YearToDate) Lines(list []Enrolled, gross *int64, left int64) (deductions []perch.PayDeduction, contributions []perch.Contribution) {
	for i := range list {
		d, e := &list[i].Deduction, &list[i].Enrolment
		key := keyOf(d.Type, d.Description)
		if !y.due(key, valueOf(d.Frequency)) {
			continue
		}
		amount := min(amountOf(e.EmployeeDeduction, gross), y.room(key, e))
		if gross != nil {
			amount = min(amount, left)
		}
		if amount = max(amount, 0); amount > 0 {
			preTax := untaxed(key.kind)
			deductions = append(deductions, perch.PayDeduction{Name: d.Description, Type: d.Type, PreTax: &preTax, Amount: &amount, Currency: &currency})
			y.deduct(y.pay, key, amount)
			left -= amount
		}
		if added := y.contribution(key, d, e, gross, amount); added > 0 {
			contributions = append(contributions, perch.Contribution{Name: d.Description, Type: d.Type, Amount: &added, Currency: &currency})
			y.contributed[key] += added
		}
	}
	return deductions, contributions
}

// due reports whether a deduction is taken from this payment.
func (y *YearToDate) due(key lineKey, frequency perch.BenefitFrequency) bool {
	last, taken := y.last[key]
	switch frequency {
	case perch.OneTime:
		return !taken
	case perch.BenefitMonth:
		lastYear, lastMonth, _ := last.Calendar()
		year, month, _ := y.pay.Calendar()
		return !taken || lastYear != year || lastMonth != month
	}
	return true
}

// amountOf is a fixed amount, or a percentage of gross pay.
func amountOf(a *perch.Amount, gross *int64) int64 {
	switch {
	case a == nil || a.Amount == nil:
		return 0
	case a.Type == perch.AmountFixed:
		return *a.Amount
	case a.Type == perch.AmountPercent && gross != nil:
		return share(*gross, *a.Amount)
	}
	return 0
}

// share is portion for amounts of any size.
func share(cents, basisPoints int64) int64 {
	return cents/10_000*basisPoints + portion(cents%10_000, basisPoints)
}

// contribution is what the employer adds to what is deducted. Without one of the enrolment's own, the
// match of the company's deduction counts.
func (y *YearToDate) contribution(key lineKey, d *perch.Deduction, e *perch.Enrolment, gross *int64, deducted int64) int64 {
	a := e.CompanyContribution
	if a == nil {
		a = d.CompanyContribution
	}
	added := amountOf(a, gross)
	if a != nil && gross != nil && (a.Type == perch.AmountTiered || a.Type == perch.AmountMatch) {
		added = matched(a.Tiers, *gross, deducted)
	}
	if limit := y.savingsLimit(key.kind, e); limit >= 0 {
		added = min(added, max(0, limit-y.total(true, perch.BenefitHSAPre, perch.BenefitHSAPost)))
	}
	return added
}

// matched is the employer's match: of what is deducted up to the threshold of the first tier at its rate, of
// what goes from there to the next threshold at the next rate, and so on.
func matched(tiers []perch.MatchTier, gross, deducted int64) (sum int64) {
	from := int64(0)
	for _, tier := range tiers {
		to := share(gross, tier.Threshold)
		sum += share(max(0, min(deducted, to)-from), tier.Match)
		from = to
	}
	return sum
}

// room is how much more may be deducted this year.
func (y *YearToDate) room(key lineKey, e *perch.Enrolment) int64 {
	room := int64(mostIncome)
	if e.AnnualMaximum != nil {
		room = *e.AnnualMaximum - y.deducted[key]
	}
	rules := rulesOf(y.pay.Year())
	switch key.kind {
	case perch.Benefit401k, perch.Benefit401kRoth, perch.Benefit403b, perch.Benefit403bRoth:
		limit := rules.deferralLimit * 100
		if valueOf(e.CatchUp) {
			limit += rules.catchUp * 100
		}
		return min(room, limit-y.total(false, perch.Benefit401k, perch.Benefit401kRoth, perch.Benefit403b, perch.Benefit403bRoth))
	}
	if limit := y.savingsLimit(key.kind, e); limit >= 0 {
		return min(room, limit-y.total(true, perch.BenefitHSAPre, perch.BenefitHSAPost))
	}
	return room
}

// savingsCatchUp is what people of 55 and more may add to a health savings account (Internal Revenue Code
// section 223(b)(3)).
const savingsCatchUp = 1_000_00

// savingsLimit is the most that employee and employer together may put into a health savings account in
// the year, or -1 where no limit was chosen.
func (y *YearToDate) savingsLimit(kind perch.BenefitType, e *perch.Enrolment) int64 {
	if kind != perch.BenefitHSAPre && kind != perch.BenefitHSAPost || e.HSAContributionLimit == nil {
		return -1
	}
	rules := rulesOf(y.pay.Year())
	limit := rules.savingsSelf * 100
	if *e.HSAContributionLimit == perch.HSAFamily {
		limit = rules.savingsFamily * 100
	}
	if valueOf(e.CatchUp) {
		limit += savingsCatchUp
	}
	return limit
}

// total is what was deducted this year for some types, and contributed as well if that counts.
func (y *YearToDate) total(contributed bool, kinds ...perch.BenefitType) (sum int64) {
	for _, kind := range kinds {
		for key, amount := range y.deducted {
			if key.kind == kind {
				sum += amount
			}
		}
		for key, amount := range y.contributed {
			if contributed && key.kind == kind {
				sum += amount
			}
		}
	}
	return sum
}

// untaxed reports whether a deduction of a type is taken before tax.
func untaxed(kind perch.BenefitType) bool {
	switch kind {
	case perch.Benefit401kRoth, perch.Benefit403bRoth, perch.Benefit457Roth, perch.Benefit401kLoan, perch.BenefitHSAPost, perch.BenefitCustomPostTax:
		return false
	}
	return true
}
