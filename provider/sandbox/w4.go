package sandbox

import (
	"context"
	"slices"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// certificate is a person's Form W-4, by which their tax is withheld. Amounts are cents a year, but
// extra, which is cents a pay period.
type certificate struct {
	// year is that of the form. Forms before 2020 claim allowances, later ones amounts.
	year   int
	filing filing
	// higher is the box "married, but withhold at higher single rate" of forms before 2020.
	higher bool
	// allowances are the total number of a form before 2020.
	allowances int64
	// children and dependents are the amounts of Step 3, otherIncome and deductions those of Step 4(a)
	// and 4(b).
	children, dependents, otherIncome, deductions int64
	// extra is Step 4(c), or the additional amount of a form before 2020.
	extra int64
}

const (
	// redesigned is the first year of the form without allowances, firstEdition the year by which the
	// form before it is named; nobody has an older one on file.
	redesigned, firstEdition = 2020, 2005
	// perAllowance is what an allowance is worth, and standard and standardJoint what Worksheet 1A
	// takes off where Step 2 of a form of 2020 or later is not ticked (Publication 15-T, 2024 to 2026).
	perAllowance, standard, standardJoint = 4_300_00, 8_600_00, 12_900_00
	// perDependent is the credit for dependents other than children in Step 3.
	perDependent = 500_00
	// creditsUpTo is the most income with which Step 3 is filled in; joint filers have twice that.
	creditsUpTo = 200_000_00
	// extraShare bounds extra withholding in a short period to a part of its wages, so that taxes
	// never take more than the pay.
	extraShare = 4
)

func (c *certificate) old() bool { return c.year < redesigned }

// column is the table by which tax is withheld. Forms before 2020 have no head of household.
func (c *certificate) column() filing {
	if c.old() && (c.higher || c.filing == filingHead) {
		return filingSingle
	}
	return c.filing
}

// adjustment is what the form adds to annual wages before the table is applied.
func (c *certificate) adjustment() int64 {
	if c.old() {
		return -c.allowances * perAllowance
	}
	if c.filing == filingJoint {
		return c.otherIncome - c.deductions - standardJoint
	}
	return c.otherIncome - c.deductions - standard
}

// credits is the total of Step 3.
func (c *certificate) credits() int64 { return c.children + c.dependents }

// certificate decides on a person's form: the one filled in when they were hired, or hired again, or a
// newer one. Newer forms are older than the oldest payment, so that one form explains every payment.
func (e *employer) certificate(p *profile, column filing, children int64) certificate {
	d := p.dice
	c := certificate{year: p.start.Year(), filing: column}
	if p.rehired != 0 {
		c.year = p.rehired.Year()
	}
	if from, to := max(c.year+1, redesigned), e.asOf.Year()-2; from <= to && d.chance(askForm, 400) {
		c.year = d.between(askForm+1000, from, to)
	}
	if c.old() {
		c.year = max(c.year, min(firstEdition, e.asOf.Year()))
		c.claim(p, children)
		return c
	}
	if most := int64(creditsUpTo); p.yearlyPay() <= most || column == filingJoint && p.yearlyPay() <= 2*most {
		c.children = children * rulesOf(c.year).childCredit * 100
		if d.chance(askDependents, 60) {
			c.dependents = perDependent
		}
	}
	if d.chance(askOtherIncome, 50) {
		c.otherIncome = int64(d.between(askOtherIncome+1000, 1, 8)) * 500_00
	}
	if d.chance(askDeductible, 60) {
		c.deductions = int64(d.between(askDeductible+1000, 2, 18)) * 500_00
	}
	if d.chance(askExtra, 120) {
		c.extra = int64(d.between(askExtra+1000, 2, 20)) * 5_00
	}
	return c
}

// claim fills in a form before 2020 by its personal allowances worksheet: one for oneself, one for a
// single job, one for a spouse, one for each child and one for a head of household.
func (c *certificate) claim(p *profile, children int64) {
	d := p.dice
	c.higher = c.filing == filingJoint && d.chance(askForm+2000, 200)
	if d.chance(askExtra, 120) {
		c.extra = int64(d.between(askExtra+1000, 2, 20)) * 5_00
	}
	switch n := d.below(askAllowances, 1000); {
	case n < 90:
		return // nothing claimed, which is safe
	case n < 700:
		c.allowances++
	}
	c.allowances++
	if c.higher {
		return // the spouse claims the rest
	}
	switch c.filing {
	case filingJoint, filingHead:
		c.allowances += 1 + children
	}
}

// yearlyPay is the current pay in cents a year; part-timers are taken to work full-time.
func (p *profile) yearlyPay() int64 {
	if p.unit == perch.IncomeHourly {
		return p.rates[0].amount * fullTimeHours
	}
	return p.rates[0].amount
}

var _ provider.W4Reader = (*source)(nil)

// W4 implements provider.W4Reader. Contractors hand in no W-4, and people who are still to start have
// not yet. Nothing is generated for people who were added, so they have none either.
func (s *source) W4(_ context.Context, personKey string) (*provider.W4, error) {
	index, ok := indexOf(personKey)
	_, added := slices.BinarySearchFunc(s.edits.People, index, func(p EditedPerson, index int) int { return p.Index - index })
	switch {
	case !ok, index >= s.people && !added:
		return nil, perch.NotFound("individual_not_found", "The simulated employer has no such person.")
	case index >= s.people:
		return nil, nil
	}
	p := s.person(index)
	if p.contractor() || p.start > s.asOf {
		return nil, nil
	}
	column, children := p.family()
	c := s.certificate(&p, column, children)
	return c.form(), nil
}

// indexOf is the inverse of personKey.
func indexOf(key string) (int, bool) {
	digits, ok := strings.CutPrefix(key, keyPrefix)
	number, err := strconv.Atoi(digits)
	index := number - firstNumber
	return index, ok && err == nil && index >= 0 && personKey(index) == key
}

// form writes the certificate as the form of its year.
func (c *certificate) form() *provider.W4 {
	if !c.old() {
		status := [...]perch.FilingStatus{perch.FilingSingleOrApart, perch.FilingMarriedJointly, perch.FilingHeadOfHousehold}[c.filing]
		return &provider.W4{Year: c.year, W2020: &perch.W42020{
			FilingStatus: &status, AmountForQualifyingChildren: c.children, AmountForOtherDependents: c.dependents,
			TotalClaimDependentAndCredits: c.credits(), OtherIncome: c.otherIncome, Deductions: c.deductions, ExtraWithholding: c.extra,
		}}
	}
	status, exemption := perch.FilingSingle, perch.W4NonExempt
	switch {
	case c.higher:
		status = perch.FilingMarriedHigher
	case c.filing == filingJoint:
		status = perch.FilingMarried
	}
	// An exemption has to be claimed anew every year, so none of before 2020 is in force.
	return &provider.W4{Year: c.year, W2005: &perch.W42005{
		FilingStatus: &status, TotalNumberOfAllowances: c.allowances, AdditionalWithholding: c.extra, Exemption: &exemption,
	}}
}
