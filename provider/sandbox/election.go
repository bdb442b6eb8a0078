package sandbox

import perch "github.com/perchhq/perch"

// plan is a deduction or contribution as the statement names it.
type plan struct {
	name   string
	kind   perch.BenefitType
	preTax bool
}

var (
	plan401k        = plan{"401(k)", perch.Benefit401k, true}
	planRoth        = plan{"Roth 401(k)", perch.Benefit401kRoth, false}
	planMedical     = plan{"Medical Insurance", perch.BenefitS125Medical, true}
	planDental      = plan{"Dental Insurance", perch.BenefitS125Dental, true}
	planVision      = plan{"Vision Insurance", perch.BenefitS125Vision, true}
	planHSA         = plan{"Health Savings Account", perch.BenefitHSAPre, true}
	planCommuter    = plan{"Commuter Benefit", perch.BenefitCommuter, true}
	planGarnishment = plan{"Wage Garnishment", perch.BenefitCustomPostTax, false}
	planMatch       = plan{"401(k) Match", perch.Benefit401k, true}
)

// elections are what a person chose on Form W-4 and in the benefit plans. deferral and roth are
// basis points of taxable pay; the other amounts are cents per pay period.
type elections struct {
	w4             certificate
	filing         filing
	children       int64
	deferral, roth int64
	medical        int64
	medicalShare   int64
	dental, vision int64
	hsa, hsaShare  int64
	commuter       int64
	garnishment    int64
}

// Premiums per pay period in cents, for the employee alone and with a family.
var (
	medicalPremium = [2]int64{9_500, 24_500}
	medicalShare   = [2]int64{31_500, 68_000}
	dentalPremium  = [2]int64{1_450, 3_900}
	visionPremium  = [2]int64{420, 1_100}
)

// The employer matches half of what is deferred, of up to 6 % of pay.
const (
	matchRate  = 5000
	matchUpTo  = 600
	hsaByMonth = 4_000
)

// family decides what the tax depends on: the filing status and the number of children under 17.
func (p *profile) family() (column filing, children int64) {
	d := p.dice
	switch p.marital() {
	case perch.MaritalMarried:
		column = filingJoint
	case perch.MaritalDivorced, perch.MaritalWidowed:
		if d.chance(askFiling, 350) {
			column = filingHead
		}
	}
	if column != filingSingle {
		children = int64(d.below(askChildren, 4))
	}
	return column, children
}

// elections decides a person's choices. Benefits are for full-time employees.
func (e *employer) elections(p *profile) elections {
	d := p.dice
	var el elections
	el.filing, el.children = p.family()
	el.w4 = e.certificate(p, el.filing, el.children)
	if p.group > groupHourly {
		return el
	}
	if n := d.below(askDeferral, 100); n >= 28 {
		el.deferral = int64(n%8+3) * 100
	}
	if d.chance(askRoth, 130) {
		el.roth = int64(d.between(askRoth+1000, 2, 5)) * 100
	}
	el.insure(d)
	if d.chance(askCommuter, 110) {
		el.commuter = int64(d.between(askCommuter+1000, 5, 14)) * 500
	}
	if d.chance(askGarnishment, 18) {
		el.garnishment = int64(d.between(askGarnishment+1000, 50, 180)) * 100
	}
	return el
}

// insure decides on insurance and the savings account that goes with it.
func (el *elections) insure(d dice) {
	family := 0
	if el.filing != filingSingle {
		family = 1
	}
	if d.chance(askMedical, 820) {
		el.medical, el.medicalShare = medicalPremium[family], medicalShare[family]
		if d.chance(askHSA, 330) {
			el.hsa, el.hsaShare = int64(d.between(askHSA+1000, 6, 25))*500, hsaByMonth
		}
	}
	if d.chance(askDental, 710) {
		el.dental = dentalPremium[family]
	}
	if d.chance(askVision, 540) {
		el.vision = visionPremium[family]
	}
}

// takeUntaxed takes the deductions on which no tax is due (cafeteria plan, section 125; commuter
// benefits, section 132(f)). They are taken for whole periods only.
func (s *slip) takeUntaxed(el *elections) {
	if !s.full {
		return
	}
	s.deduct(&planMedical, el.medical)
	s.deduct(&planDental, el.dental)
	s.deduct(&planVision, el.vision)
	s.deduct(&planHSA, el.hsa)
	s.deduct(&planCommuter, el.commuter)
	s.untaxed = el.medical + el.dental + el.vision + el.hsa + el.commuter
}

// defer401k takes the retirement deferrals, both kinds together up to the yearly limit, and returns
// the part that is taxed now. Deferrals are subject to social security and Medicare tax.
func (s *slip) defer401k(el *elections, limit, earlier int64) (roth int64) {
	want := portion(s.taxable, el.deferral)
	roth = portion(s.taxable, el.roth)
	room := below(limit, earlier, want+roth)
	s.deferrals = min(want, room)
	roth = room - s.deferrals
	s.deduct(&plan401k, s.deferrals)
	s.deduct(&planRoth, roth)
	return roth
}

// matchContributions adds what the employer pays on top.
func (s *slip) matchContributions(el *elections, deferred int64) {
	s.contribute(&planMatch, portion(min(deferred, portion(s.taxable, matchUpTo)), matchRate))
	if s.full {
		s.contribute(&planMedical, el.medicalShare)
		s.contribute(&planHSA, el.hsaShare)
	}
}
