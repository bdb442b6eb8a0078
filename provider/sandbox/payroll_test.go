package sandbox

import (
	"fmt"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// line sums.
func sumEarnings(st *perch.PayStatement) (sum int64) {
	for _, l := range st.Earnings {
		sum += *l.Amount
	}
	return sum
}

func sumTaxes(st *perch.PayStatement, employer bool) (sum int64) {
	for _, l := range st.Taxes {
		if *l.Employer == employer {
			sum += *l.Amount
		}
	}
	return sum
}

func sumDeductions(st *perch.PayStatement) (sum int64) {
	for _, l := range st.EmployeeDeductions {
		sum += *l.Amount
	}
	return sum
}

func payments(t *testing.T, s *source) []provider.Payment {
	t.Helper()
	var all []provider.Payment
	for p, err := range s.Payments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, clone(t, *p))
	}
	return all
}

func TestPayAddsUpToTheCent(t *testing.T) {
	t.Parallel()
	eachEmployer(t, func(t *testing.T, s *source) {
		for _, p := range payments(t, s) {
			var gross, net, employee, employer int64
			var keys []string
			for st, err := range s.PayStatements(t.Context(), p.Key) {
				if err != nil {
					t.Fatal(err)
				}
				v := &st.Statement
				checkStatement(t, p.Key+" "+st.PersonKey, v)
				gross += *v.GrossPay.Amount
				net += *v.NetPay.Amount
				employee += sumTaxes(v, false)
				employer += sumTaxes(v, true)
				keys = append(keys, st.PersonKey)
			}
			got := []int64{*p.Payment.GrossPay.Amount, *p.Payment.NetPay.Amount, *p.Payment.EmployeeTaxes.Amount, *p.Payment.EmployerTaxes.Amount, *p.Payment.CompanyDebit.Amount}
			want := []int64{gross, net, employee, employer, net + employee + employer}
			if fmt.Sprint(got, p.PersonKeys) != fmt.Sprint(want, keys) {
				t.Errorf("%s: totals %v, statements sum to %v", p.Key, got, want)
			}
		}
	})
}

func checkStatement(t *testing.T, where string, v *perch.PayStatement) {
	t.Helper()
	if *v.GrossPay.Amount != sumEarnings(v) {
		t.Errorf("%s: gross is not the sum of earnings", where)
	}
	if *v.NetPay.Amount != *v.GrossPay.Amount-sumTaxes(v, false)-sumDeductions(v) {
		t.Errorf("%s: net is not gross less taxes and deductions", where)
	}
	if *v.NetPay.Amount <= 0 {
		t.Errorf("%s: net %d", where, *v.NetPay.Amount)
	}
	var hours perch.Hours
	for _, l := range v.Earnings {
		if *l.Amount <= 0 {
			t.Errorf("%s: earning %s of %d", where, *l.Name, *l.Amount)
		}
		if l.Hours != nil {
			hours += *l.Hours
		}
	}
	if hours > 0 && *v.TotalHours != hours {
		t.Errorf("%s: %s hours, want %s", where, v.TotalHours, hours)
	}
	if *v.Type == perch.StatementOneTime && (len(v.Taxes) > 0 || *v.Earnings[0].Type != perch.Earning1099) {
		t.Errorf("%s: a contractor with withholding", where)
	}
}

func TestTheNewestPaymentIsDatedTodayAndPaysEveryActiveFullTimeEmployee(t *testing.T) {
	t.Parallel()
	eachEmployer(t, func(t *testing.T, s *source) {
		all := payments(t, s)
		newest := all[len(all)-1]
		if *newest.Payment.PayDate != s.asOf {
			t.Fatalf("newest payment on %s, want %s", newest.Payment.PayDate, s.asOf)
		}
		var want []string
		for _, p := range people(t, s) {
			if *p.Employment.Employment.Subtype == perch.SubtypeFullTime && *p.Employment.IsActive {
				want = append(want, p.Keys[0])
			}
		}
		if fmt.Sprint(want) != fmt.Sprint(newest.PersonKeys) {
			t.Fatalf("newest payment pays %d, want the %d active full-time employees", len(newest.PersonKeys), len(want))
		}
		if s.people > peopleWithHistory && len(all) != 1 {
			t.Fatalf("%d payments, want one", len(all))
		}
	})
}

func TestHistoryFollowsTheBankCalendar(t *testing.T) {
	t.Parallel()
	banks := newBankingDays()
	for offset := range 30 {
		s := open(t, uint64(offset), 57, asOf.AddDays(offset*13), nil)
		all := payments(t, s)
		from := perch.NewDate(s.asOf.Year()-1, 1, 1)
		var last perch.Date
		for _, p := range all[:len(all)-1] {
			day := *p.Payment.PayDate
			if banks.onOrBefore(day) != day || day < from || day < last || day >= s.asOf {
				t.Errorf("as of %s: payment on %s", s.asOf, day)
			}
			if *p.Payment.PayPeriod.StartDate > *p.Payment.PayPeriod.EndDate || *p.Payment.DebitDate >= day {
				t.Errorf("as of %s: %s has period %s to %s, debit %s", s.asOf, p.Key, p.Payment.PayPeriod.StartDate, p.Payment.PayPeriod.EndDate, p.Payment.DebitDate)
			}
			last = day
		}
		if first := *all[0].Payment.PayDate; first > from.AddDays(17) {
			t.Errorf("as of %s: history begins on %s", s.asOf, first)
		}
	}
}

func TestPeriodsOfAScheduleMeetWithoutGapOrOverlap(t *testing.T) {
	t.Parallel()
	for offset := range 400 {
		e := open(t, 1, 20, asOf.AddDays(offset), nil).employer
		for g, turns := range e.schedules {
			for i := 1; i < len(turns); i++ {
				if turns[i].start != turns[i-1].end+1 {
					t.Fatalf("as of %s, %s: %s follows %s", e.asOf, groupKeys[g], turns[i].start, turns[i-1].end)
				}
			}
		}
	}
}

func TestTheBankCalendarIsTheFederalReserves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ day, want perch.Date }{
		"a Sunday goes to Friday":                          {perch.NewDate(2026, 3, 15), perch.NewDate(2026, 3, 13)},
		"Thanksgiving goes to Wednesday":                   {perch.NewDate(2026, 11, 26), perch.NewDate(2026, 11, 25)},
		"the day after Thanksgiving is a banking day":      {perch.NewDate(2026, 11, 27), perch.NewDate(2026, 11, 27)},
		"a Saturday holiday leaves the Friday open":        {perch.NewDate(2026, 7, 3), perch.NewDate(2026, 7, 3)},
		"a Sunday holiday closes the Monday":               {perch.NewDate(2027, 7, 5), perch.NewDate(2027, 7, 2)},
		"New Year's Day goes back to the year before":      {perch.NewDate(2026, 1, 1), perch.NewDate(2025, 12, 31)},
		"Martin Luther King Day goes to the Friday before": {perch.NewDate(2026, 1, 19), perch.NewDate(2026, 1, 16)},
	} {
		if got := newBankingDays().onOrBefore(c.day); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNobodyIsPaidOutsideTheirEmployment(t *testing.T) {
	t.Parallel()
	for seed := range 8 {
		s := open(t, uint64(seed), 100, asOf, nil)
		worked := map[string]profile{}
		for i := range s.people {
			worked[string(appendKey(nil, i))] = s.person(i)
		}
		for _, pay := range payments(t, s) {
			for _, key := range pay.PersonKeys {
				p, period := worked[key], pay.Payment.PayPeriod
				if p.start > *period.EndDate || p.end != 0 && p.end < *period.StartDate || p.leave != 0 && p.leave <= *period.StartDate {
					t.Errorf("seed %d: %s is paid for %s to %s", seed, key, period.StartDate, period.EndDate)
				}
			}
		}
	}
}

// taxesByYear adds up one tax and the wages under it over a year's statements.
type taxesByYear struct{ wages, social, additional, deferred int64 }

func TestYearlyLimitsHoldAcrossStatements(t *testing.T) {
	t.Parallel()
	capped := 0
	for seed := range 4 {
		s := open(t, uint64(seed), 57, perch.NewDate(2026, 12, 30), nil)
		years := map[string]*taxesByYear{}
		for _, pay := range payments(t, s) {
			year := pay.Payment.PayDate.Year()
			for st, err := range s.PayStatements(t.Context(), pay.Key) {
				if err != nil {
					t.Fatal(err)
				}
				key := fmt.Sprint(year, " ", st.PersonKey)
				if years[key] == nil {
					years[key] = &taxesByYear{}
				}
				years[key].add(t, key, &st.Statement, rulesOf(year))
			}
		}
		for key, y := range years {
			base := int64(176_100_00)
			if key[:4] == "2026" {
				base = 184_500_00
			}
			if y.wages > base {
				capped++
				if y.social != portion(base, socialRate) {
					t.Errorf("seed %d, %s: social security %d on wages %d", seed, key, y.social, y.wages)
				}
			}
			if want := portion(max(0, y.wages-additionalOver), additionalRate); y.additional-want > 13 || want-y.additional > 13 {
				t.Errorf("seed %d, %s: additional Medicare %d, want about %d", seed, key, y.additional, want)
			}
		}
	}
	if capped == 0 {
		t.Error("nobody reached the wage base")
	}
}

// add checks one statement against the limits of the year so far.
func (y *taxesByYear) add(t *testing.T, where string, v *perch.PayStatement, rules *yearRules) {
	t.Helper()
	if *v.Type == perch.StatementOneTime {
		return
	}
	wages := *v.GrossPay.Amount
	for _, l := range v.Earnings {
		if *l.Type == perch.EarningReimbursement {
			wages -= *l.Amount
		}
	}
	for _, l := range v.EmployeeDeductions {
		switch *l.Type {
		case perch.Benefit401k, perch.Benefit401kRoth:
			y.deferred += *l.Amount
		default:
			if *l.PreTax {
				wages -= *l.Amount
			}
		}
	}
	tax := map[string]int64{}
	for _, l := range v.Taxes {
		tax[*l.Name] = *l.Amount
	}
	if y.wages+wages <= rules.socialBase*100 && tax[nameSocial] != portion(wages, 620) {
		t.Errorf("%s: social security %d on %d", where, tax[nameSocial], wages)
	}
	if tax[nameMedicare] != portion(wages, 145) || tax[nameMedicare] != tax[nameMedicareEmployer] || tax[nameSocial] != tax[nameSocialEmployer] {
		t.Errorf("%s: Medicare %d on %d", where, tax[nameMedicare], wages)
	}
	y.wages += wages
	y.social += tax[nameSocial]
	y.additional += tax[nameAdditional]
	if y.social > portion(rules.socialBase*100, 620) || y.deferred > rules.deferralLimit*100 {
		t.Errorf("%s: social security %d or deferrals %d over the limit", where, y.social, y.deferred)
	}
}

func TestWeekdaysAreCounted(t *testing.T) {
	t.Parallel()
	for from := asOf; from < asOf+9; from++ {
		want := int64(0)
		for to := from; to < from+30; to++ {
			if day := to.Weekday(); day != time.Saturday && day != time.Sunday {
				want++
			}
			if got := weekdays(from, to); got != want {
				t.Fatalf("%s to %s: %d, want %d", from, to, got, want)
			}
		}
	}
}
