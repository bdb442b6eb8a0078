package sandbox

import (
	"fmt"
	"testing"

	perch "github.com/perchhq/perch"
)

func fixedAmount(cents int64) *perch.Amount {
	return &perch.Amount{Type: perch.AmountFixed, Amount: &cents}
}
func percentage(bp int64) *perch.Amount {
	return &perch.Amount{Type: perch.AmountPercent, Amount: &bp}
}

func enrolledIn(kind perch.BenefitType, name string, frequency perch.BenefitFrequency, e perch.Enrolment) Enrolled {
	return Enrolled{Deduction: perch.Deduction{Type: &kind, Description: &name, Frequency: &frequency}, Enrolment: e}
}

// amountsOf writes lines as "name amount/contribution".
func amountsOf(list []Enrolled, deductions []perch.PayDeduction, contributions []perch.Contribution) string {
	text := ""
	for _, one := range list {
		var deducted, contributed int64
		for _, l := range deductions {
			if *l.Name == *one.Deduction.Description {
				deducted += *l.Amount
			}
		}
		for _, l := range contributions {
			if *l.Name == *one.Deduction.Description {
				contributed += *l.Amount
			}
		}
		text += fmt.Sprintf("%s %d/%d ", *one.Deduction.Description, deducted, contributed)
	}
	return text
}

func TestEnrolmentsAreDeductedFromPay(t *testing.T) {
	t.Parallel()
	tiers := &perch.Amount{Type: perch.AmountTiered, Tiers: []perch.MatchTier{{Match: 10_000, Threshold: 300}, {Match: 5_000, Threshold: 500}}}
	maximum, yes, family := int64(700_00), true, perch.HSAFamily
	match := enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(200)})
	match.Deduction.CompanyContribution = &perch.Amount{Type: perch.AmountMatch, Tiers: []perch.MatchTier{{Match: 5_000, Threshold: 600}}}
	pay := perch.NewDate(2026, 7, 15)
	for name, c := range map[string]struct {
		list  []Enrolled
		gross int64
		left  int64
		// before is what was deducted under the same names: on which day, how much, and what was contributed.
		before map[perch.Date][2]int64
		want   string
	}{
		"a fixed amount":            {[]Enrolled{enrolledIn(perch.BenefitCommuter, "c", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(50_00), CompanyContribution: fixedAmount(25_00)})}, 1000_00, 1000_00, nil, "c 5000/2500 "},
		"a percentage of gross pay": {[]Enrolled{enrolledIn(perch.Benefit403b, "p", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(650), CompanyContribution: percentage(100)})}, 1234_57, 1000_00, nil, "p 8025/1235 "},
		"a match of the company":    {[]Enrolled{match}, 5000_00, 5000_00, nil, "k 10000/5000 "},
		"tiers, all of both":        {[]Enrolled{enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(800), CompanyContribution: tiers})}, 5000_00, 5000_00, nil, "k 40000/20000 "},
		"tiers, part of the second": {[]Enrolled{enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(400), CompanyContribution: tiers})}, 5000_00, 5000_00, nil, "k 20000/17500 "},
		"tiers, part of the first":  {[]Enrolled{enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(100_00), CompanyContribution: tiers})}, 5000_00, 5000_00, nil, "k 10000/10000 "},
		"an annual maximum, reached": {[]Enrolled{enrolledIn(perch.Benefit403b, "m", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(100_00), AnnualMaximum: &maximum})}, 5000_00, 5000_00,
			map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {640_00, 0}, perch.NewDate(2025, 12, 31): {500_00, 0}}, "m 6000/0 "},
		"an annual maximum, passed": {[]Enrolled{enrolledIn(perch.Benefit403b, "m", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(100_00), AnnualMaximum: &maximum})}, 5000_00, 5000_00,
			map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {900_00, 0}}, "m 0/0 "},
		"the limit of the law": {[]Enrolled{enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(10_000)})}, 9000_00, 9000_00,
			map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {24_000_00, 0}}, "k 50000/0 "},
		"and catching up": {[]Enrolled{enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(10_000), CatchUp: &yes})}, 9000_00, 9000_00,
			map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {24_000_00, 0}}, "k 850000/0 "},
		"a savings account of a family, with what the employer adds": {[]Enrolled{enrolledIn(perch.BenefitHSAPre, "h", perch.EveryPaycheck, perch.Enrolment{
			EmployeeDeduction: fixedAmount(200_00), CompanyContribution: fixedAmount(200_00), HSAContributionLimit: &family})}, 9000_00, 9000_00,
			map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {8_000_00, 500_00}}, "h 20000/5000 "},
		"no more than is left":        {[]Enrolled{enrolledIn(perch.BenefitCommuter, "a", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(60_00)}), enrolledIn(perch.BenefitCommuter, "b", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(60_00)})}, 100_00, 100_00, nil, "a 6000/0 b 4000/0 "},
		"once a month, due":           {[]Enrolled{enrolledIn(perch.BenefitCommuter, "c", perch.BenefitMonth, perch.Enrolment{EmployeeDeduction: fixedAmount(5_00)})}, 100_00, 100_00, map[perch.Date][2]int64{perch.NewDate(2026, 6, 30): {5_00, 0}}, "c 500/0 "},
		"once a month, taken already": {[]Enrolled{enrolledIn(perch.BenefitCommuter, "c", perch.BenefitMonth, perch.Enrolment{EmployeeDeduction: fixedAmount(5_00)})}, 100_00, 100_00, map[perch.Date][2]int64{perch.NewDate(2026, 7, 1): {5_00, 0}}, "c 0/0 "},
		"once, taken the year before": {[]Enrolled{enrolledIn(perch.BenefitCommuter, "c", perch.OneTime, perch.Enrolment{EmployeeDeduction: fixedAmount(5_00)})}, 100_00, 100_00, map[perch.Date][2]int64{perch.NewDate(2025, 7, 1): {5_00, 0}}, "c 0/0 "},
	} {
		y := NewYearToDate(pay)
		for day, amounts := range c.before {
			d := &c.list[0].Deduction
			y.Add(day, &perch.PayStatement{
				EmployeeDeductions:    []perch.PayDeduction{{Name: d.Description, Type: d.Type, Amount: &amounts[0]}},
				EmployerContributions: []perch.Contribution{{Name: d.Description, Type: d.Type, Amount: &amounts[1]}},
			})
		}
		deductions, contributions := y.Lines(c.list, &c.gross, c.left)
		if got := amountsOf(c.list, deductions, contributions); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestPercentagesNeedGrossPay(t *testing.T) {
	t.Parallel()
	list := []Enrolled{
		enrolledIn(perch.Benefit401k, "k", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: percentage(500), CompanyContribution: percentage(500)}),
		enrolledIn(perch.BenefitCommuter, "c", perch.EveryPaycheck, perch.Enrolment{EmployeeDeduction: fixedAmount(5_00)}),
	}
	deductions, contributions := NewYearToDate(perch.NewDate(2026, 7, 15)).Lines(list, nil, 0)
	if got := amountsOf(list, deductions, contributions); got != "k 0/0 c 500/0 " {
		t.Errorf("got %s", got)
	}
}

func TestSharesOfLargeAmountsDoNotOverflow(t *testing.T) {
	t.Parallel()
	if got := share(1<<53-1, 10_000); got != 1<<53-1 {
		t.Errorf("all of it is %d", got)
	}
	for _, cents := range []int64{0, 1, 9_999, 10_000, 123_457} {
		for _, bp := range []int64{1, 650, 9_999, 10_000} {
			if share(cents, bp) != portion(cents, bp) {
				t.Errorf("%d bp of %d are %d and %d", bp, cents, share(cents, bp), portion(cents, bp))
			}
		}
	}
}
