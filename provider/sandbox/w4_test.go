package sandbox

import (
	"errors"
	"reflect"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

func TestWithholdingFollowsThePercentageMethod(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		year           int
		wages, perYear int64
		form           certificate
		cents          int64
	}{
		// 78,000 a year less 8,600: 5,578.50 + 22 % of (69,400 - 54,875) = 8,774.00; over 26.
		"single, bi-weekly, 2025": {2025, 3_000_00, 26, certificate{year: 2022}, 337_46},
		// 120,000 a year less 12,900: 2,480 + 12 % of (107,100 - 44,100) = 10,040.00, over 24; less 4,400 over 24.
		"joint with two children, semi-monthly, 2026": {2026, 5_000_00, 24, certificate{year: 2026, filing: filingJoint, children: 4_400_00}, 235_00},
		// As above with 3,000 more income and 6,000 of deductions: 2,480 + 12 % of (104,100 - 44,100) = 9,680; less 4,400 + 500.
		"all of steps 3 and 4": {2026, 5_000_00, 24, certificate{year: 2026, filing: filingJoint, children: 4_400_00, dependents: 500_00,
			otherIncome: 3_000_00, deductions: 6_000_00, extra: 50_00}, 403_33 - 204_17},
		"below the first bracket": {2026, 250_00, 24, certificate{year: 2020}, 0},
		// Two allowances are 8,600, which is what a single person's newer form takes off by itself.
		"single with two allowances": {2025, 3_000_00, 26, certificate{year: 2015, allowances: 2}, 337_46},
		// 78,000 without any: 5,578.50 + 22 % of (78,000 - 54,875) = 10,666.00; over 26.
		"single with none":               {2025, 3_000_00, 26, certificate{year: 2015}, 410_23},
		"married at the single rate":     {2025, 3_000_00, 26, certificate{year: 2015, filing: filingJoint, higher: true}, 410_23},
		"a head of household before":     {2025, 3_000_00, 26, certificate{year: 2019, filing: filingHead}, 410_23},
		"married with three, as is 2020": {2025, 3_000_00, 26, certificate{year: 2019, filing: filingJoint, allowances: 3}, 203_19},
		// 78,000 less 12,900: 2,385 + 12 % of (65,100 - 40,950) = 5,283.00; over 26.
		"joint from 2020 on": {2025, 3_000_00, 26, certificate{year: 2020, filing: filingJoint}, 203_19},
	} {
		if got := rulesOf(c.year).withheld(c.wages, c.perYear, &c.form); got != c.cents {
			t.Errorf("%s: %d, want %d", name, got, c.cents)
		}
	}
}

// formOf reads a form by the connector's own interface.
func formOf(t *testing.T, s *source, key string) *provider.W4 {
	t.Helper()
	form, err := s.W4(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// The federal tax on every statement without a bonus is worked out again from what the form says.
func TestTheFormExplainsTheTaxWithheld(t *testing.T) {
	t.Parallel()
	checked, editions := 0, map[bool]int{}
	for seed := range 3 {
		s := open(t, uint64(seed), 90, perch.NewDate(2026, 6, 30), nil)
		for _, pay := range payments(t, s) {
			for st, err := range s.PayStatements(t.Context(), pay.Key) {
				if err != nil {
					t.Fatal(err)
				}
				if *st.Statement.Type == perch.StatementOneTime {
					continue
				}
				form := formOf(t, s, st.PersonKey)
				if form == nil {
					t.Fatalf("seed %d: %s is paid as an employee and has no form", seed, st.PersonKey)
				}
				income, bonus := regularIncome(&st.Statement)
				if bonus {
					continue
				}
				index, _ := indexOf(st.PersonKey)
				want := explained(form, income, periodsOf(s, index), rulesOf(pay.Payment.PayDate.Year()))
				if got := federalTax(&st.Statement); got != want {
					t.Errorf("seed %d, %s, %s: %d withheld of %d, the form says %d", seed, pay.Key, st.PersonKey, got, income, want)
				}
				checked++
				editions[form.W2005 != nil]++
			}
		}
	}
	if checked < 1000 || editions[true] < 50 || editions[false] < 50 {
		t.Errorf("%d statements, editions %v", checked, editions)
	}
}

func regularIncome(v *perch.PayStatement) (income int64, bonus bool) {
	income = *v.GrossPay.Amount
	for _, l := range v.Earnings {
		switch *l.Type {
		case perch.EarningReimbursement:
			income -= *l.Amount
		case perch.EarningBonus, perch.EarningCommission:
			bonus = true
		}
	}
	for _, l := range v.EmployeeDeductions {
		if *l.PreTax {
			income -= *l.Amount
		}
	}
	return income, bonus
}

func federalTax(v *perch.PayStatement) (sum int64) {
	for _, l := range v.Taxes {
		if *l.Type == perch.TaxFederal && !*l.Employer {
			sum += *l.Amount
		}
	}
	return sum
}

func periodsOf(s *source, index int) int64 {
	if s.person(index).group == groupSalaried {
		return 24
	}
	return 26
}

// explained is the tax on a period's income by the form, written anew from Publication 15-T.
func explained(form *provider.W4, income, perYear int64, rules *yearRules) int64 {
	annual, credit, extra := income*perYear, int64(0), int64(0)
	column := filingSingle
	if f := form.W2020; f != nil {
		annual += f.OtherIncome - f.Deductions
		switch *f.FilingStatus {
		case perch.FilingMarriedJointly:
			column, annual = filingJoint, annual-12_900_00
		case perch.FilingHeadOfHousehold:
			column, annual = filingHead, annual-8_600_00
		default:
			annual -= 8_600_00
		}
		credit, extra = f.TotalClaimDependentAndCredits, f.ExtraWithholding
	}
	if f := form.W2005; f != nil {
		annual -= f.TotalNumberOfAllowances * 4_300_00
		if *f.FilingStatus == perch.FilingMarried {
			column = filingJoint
		}
		extra = f.AdditionalWithholding
	}
	var yearly int64 // in thousandths of a percent of a cent
	brackets := rules.brackets[column]
	for i, b := range brackets {
		upTo := annual
		if i+1 < len(brackets) {
			upTo = min(annual, brackets[i+1].over*100)
		}
		yearly += max(0, upTo-b.over*100) * b.rate
	}
	tax := (yearly + 50_000*perYear) / (100_000 * perYear)
	tax = max(0, tax-(2*credit+perYear)/(2*perYear))
	return tax + min(extra, income/4)
}

func TestFormsFitTheFamilyAndThePay(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range 6 {
		s := open(t, uint64(seed), 400, perch.NewDate(2026, 6, 30), nil)
		for i := range s.people {
			p := s.person(i)
			key := personKey(i)
			form := formOf(t, s, key)
			if none := p.contractor() || p.start > s.asOf; none != (form == nil) {
				t.Fatalf("seed %d, %s: form %v", seed, key, form)
			}
			if form == nil {
				seen["none"]++
				continue
			}
			if again := formOf(t, s, key); !reflect.DeepEqual(form, again) {
				t.Errorf("seed %d, %s: two forms, %+v and %+v", seed, key, form, again)
			}
			hired := p.start.Year()
			if p.rehired != 0 {
				hired = p.rehired.Year()
			}
			if form.Year < hired || form.Year > 2026 || (form.W2005 != nil) == (form.W2020 != nil) || (form.W2005 != nil) != (form.Year < 2020) {
				t.Errorf("seed %d, %s: a form of %d for someone hired in %d: %+v", seed, key, form.Year, hired, form)
			}
			if f := form.W2005; f != nil {
				seen[string(*f.FilingStatus)]++
				married := p.marital() == perch.MaritalMarried
				if single := *f.FilingStatus == perch.FilingSingle; single == married || f.TotalNumberOfAllowances < 0 || f.TotalNumberOfAllowances > 7 || *f.Exemption != perch.W4NonExempt {
					t.Errorf("seed %d, %s: %s, form %+v", seed, key, p.marital(), f)
				}
				continue
			}
			checkNewForm(t, &p, form.W2020, form.Year)
			seen[string(*form.W2020.FilingStatus)]++
		}
	}
	for _, status := range perch.FilingStatus("").Values() {
		if seen[string(status)] == 0 {
			t.Errorf("nobody files as %s", status)
		}
	}
	if seen["none"] == 0 {
		t.Error("everybody has a form")
	}
}

func checkNewForm(t *testing.T, p *profile, f *perch.W42020, year int) {
	t.Helper()
	married := p.marital() == perch.MaritalMarried
	if joint := *f.FilingStatus == perch.FilingMarriedJointly; joint != married {
		t.Errorf("%d: %s files as %s", p.number, p.marital(), *f.FilingStatus)
	}
	if f.TotalClaimDependentAndCredits != f.AmountForQualifyingChildren+f.AmountForOtherDependents {
		t.Errorf("%d: step 3 does not add up: %+v", p.number, f)
	}
	perChild := int64(2_000_00)
	if year >= 2026 {
		perChild = 2_200_00
	}
	_, children := p.family()
	rich := p.yearlyPay() > 200_000_00 && (!married || p.yearlyPay() > 400_000_00)
	want := children * perChild
	if rich {
		want = 0
	}
	if f.AmountForQualifyingChildren != want || f.AmountForOtherDependents%500_00 != 0 || rich && f.TotalClaimDependentAndCredits != 0 {
		t.Errorf("%d: %d children, form of %d: %+v", p.number, children, year, f)
	}
	if f.OtherIncome < 0 || f.Deductions < 0 || f.ExtraWithholding < 0 || f.ExtraWithholding > 100_00 {
		t.Errorf("%d: %+v", p.number, f)
	}
}

func TestNobodyElseHasAForm(t *testing.T) {
	t.Parallel()
	s := open(t, 1, 20, asOf, nil)
	s.edits.People = []EditedPerson{{Index: 3, Edit: []byte(`{}`)}, {Index: 21, Edit: []byte(`{}`)}}
	if form := formOf(t, s, personKey(21)); form != nil {
		t.Errorf("someone who was added has %+v", form)
	}
	for _, key := range []string{"", "employee:", "employee:1000", "employee:1021", "employee:01001", "employee:+1001", "1001", "employee:99999999999999999999"} {
		form, err := s.W4(t.Context(), key)
		if !errors.Is(err, perch.NotFound("individual_not_found", "")) || form != nil {
			t.Errorf("%q: %v, %v", key, form, err)
		}
	}
}
