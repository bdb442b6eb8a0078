package file

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

const registerHeader = "Check Date,Period Begin,Period End,Check #,Emp ID,Employee,Hours,OT Hours,Regular,Overtime,PTO,Reimb-Mileage,Gross,FITW,SS EE,MA SIT,401K EE,Garnishment,Net Pay,SS ER,401K ER Match"

func payments(t testing.TB, s *Source) []provider.Payment {
	t.Helper()
	var out []provider.Payment
	for p, err := range s.Payments(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *p)
	}
	return out
}

func statements(t testing.TB, s *Source, key string) []provider.PayStatement {
	t.Helper()
	var out []provider.PayStatement
	for p, err := range s.PayStatements(context.Background(), key) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *p)
	}
	return out
}

// row100 is a row of 100.00 gross that adds up.
func row100(day, check, number, name string) string {
	return fmt.Sprintf("%s,12/16/2018,12/29/2018,%s,%s,%s,8,,100.00,,,,100.00,10.00,6.20,5.00,,,78.80,6.20,", day, check, number, name)
}

func TestRegisterRowBecomesAStatement(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines(registerHeader,
		`01/04/2019,12/16/2018,12/29/2018,77,1,"Roe, Ann",80.00,2.50,"2,000.00",93.75,,20.00,"2,113.75",200.00,129.81,0.00,100.00,50.00,"1,633.94",129.81,50.00`))
	if p := s.Problems(); len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
	pay := payments(t, s)
	if len(pay) != 1 {
		t.Fatalf("%d payments", len(pay))
	}
	st := statements(t, s, pay[0].Key)[0]
	x := st.Statement
	if st.PersonKey != "employee:1" || st.Key != "77" || *x.TotalHours != 8250 || *x.GrossPay.Amount != 2_113_75 || *x.NetPay.Amount != 1_633_94 {
		t.Errorf("%s %s %v", st.PersonKey, st.Key, x.TotalHours)
	}
	var items []string
	for _, e := range x.Earnings {
		hours := ""
		if e.Hours != nil {
			hours = " " + e.Hours.String()
		}
		items = append(items, fmt.Sprintf("%s %s %d%s", *e.Type, *e.Name, *e.Amount, hours))
	}
	for _, e := range x.Taxes {
		items = append(items, fmt.Sprintf("%s %s %v %d", *e.Type, *e.Name, *e.Employer, *e.Amount))
	}
	for _, e := range x.EmployeeDeductions {
		items = append(items, fmt.Sprintf("%s %s %v %d", *e.Type, *e.Name, *e.PreTax, *e.Amount))
	}
	for _, e := range x.EmployerContributions {
		items = append(items, fmt.Sprintf("%s %s %d", *e.Type, *e.Name, *e.Amount))
	}
	want := []string{
		"wage Regular 200000 80", "overtime Overtime 9375 2.5", "reimbursement Reimb-Mileage 2000",
		"federal FITW false 20000", "fica SS EE false 12981", "fica SS ER true 12981",
		"401k 401K EE true 10000", "custom_post_tax Garnishment false 5000", "401k 401K ER Match 5000",
	}
	if !slices.Equal(items, want) {
		t.Errorf("items:\n%s\nwant:\n%s", strings.Join(items, "\n"), strings.Join(want, "\n"))
	}
	p := pay[0].Payment
	if *p.CompanyDebit.Amount != 1_633_94+200_00+129_81+129_81 || *p.EmployeeTaxes.Amount != 329_81 || *p.EmployerTaxes.Amount != 129_81 {
		t.Errorf("totals of the payment: debit %d, taxes %d and %d", *p.CompanyDebit.Amount, *p.EmployeeTaxes.Amount, *p.EmployerTaxes.Amount)
	}
}

func TestHoursThatCoverTimeOffAreNotSplitByGuess(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines(registerHeader, `01/04/2019,12/16/2018,12/29/2018,77,1,Ann Roe,80,,900,,100,,1000,,,,,,1000,,`))
	x := statements(t, s, payments(t, s)[0].Key)[0].Statement
	if x.Earnings[0].Hours != nil || *x.TotalHours != 8000 {
		t.Errorf("regular hours %v, total %v", x.Earnings[0].Hours, x.TotalHours)
	}
}

func TestRegisterRowsThatDisagree(t *testing.T) {
	t.Parallel()
	good := row100("01/04/2019", "1", "1", "Ann Roe")
	for name, tt := range map[string]struct {
		rows                 []string
		statements, problems int
	}{
		"a net amount that is off by a cent arrives":      {[]string{strings.Replace(good, "78.80", "78.81", 1)}, 1, 1},
		"a gross amount that is off by a cent arrives":    {[]string{strings.Replace(good, ",100.00,10.00", ",100.01,10.00", 1)}, 1, 2},
		"an amount that cannot be read costs its line":    {[]string{good, strings.Replace(row100("01/04/2019", "2", "2", "Bo Roe"), "6.20", "six", 1)}, 2, 1},
		"a date that cannot be read costs the row":        {[]string{good, row100("soon", "2", "2", "Bo Roe")}, 1, 2},
		"a row without a person is skipped":               {[]string{good, row100("01/04/2019", "2", "", "")}, 1, 1},
		"two checks on a day are two statements":          {[]string{good, row100("01/04/2019", "2", "1", "Ann Roe")}, 2, 0},
		"a row that repeats another is read once":         {[]string{good, good}, 1, 1},
		"a check number used twice is told apart":         {[]string{good, strings.Replace(good, ",8,,", ",9,,", 1)}, 2, 1},
		"a number that belongs to another name is a note": {[]string{good, row100("01/18/2019", "2", "1", "Zoe Poe")}, 2, 1},
		"a totals row that is off by a cent is reported":  {[]string{good, "Totals for 01/04/2019,,,,,,,,,,,,100.01,10.00,,,,,78.80,,"}, 1, 1},
		"a totals row that agrees is not":                 {[]string{good, "Totals for 01/04/2019,,,,,,,,,,,,100.00,10.00,,,,,78.80,,"}, 1, 0},
		"a grand total covers every day": {[]string{
			good, "Totals for 01/04/2019,,,,,,,,,,,,100.00,,,,,,,,", row100("01/18/2019", "2", "1", "Ann Roe"),
			"Totals for 01/18/2019,,,,,,,,,,,,100.00,,,,,,,,", "Grand Totals,,,,,,,,,,,,200.00,20.00,,,,,157.60,,"}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openText(t, Mapping{}, lines(append([]string{registerHeader}, tt.rows...)...))
			n := 0
			for _, p := range payments(t, s) {
				list := statements(t, s, p.Key)
				n += len(list)
				keys := map[string]bool{}
				for _, st := range list {
					if k := st.PersonKey + " " + st.Key; keys[k] {
						t.Error("two statements share a key")
					} else {
						keys[k] = true
					}
				}
			}
			if p := s.Problems(); n != tt.statements || len(p) != tt.problems {
				t.Errorf("%d statements, problems %v", n, p)
			}
		})
	}
}

func TestGrossWithAndWithoutReimbursements(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]string{
		"gross holds them":      "01/04/2019,,,1,1,Ann Roe,,,100.00,,,20.00,120.00,10.00,,,,,110.00,,",
		"gross leaves them out": "01/04/2019,,,1,1,Ann Roe,,,100.00,,,20.00,100.00,10.00,,,,,110.00,,",
		"there is no gross":     "01/04/2019,,,1,1,Ann Roe,,,100.00,,,20.00,,10.00,,,,,110.00,,",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p := openText(t, Mapping{}, lines(registerHeader, row)).Problems(); len(p) != 0 {
				t.Errorf("problems: %v", p)
			}
		})
	}
}

func TestPeopleOfRegisterAndCensusMeet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		census, number, who, want string
		people, problems          int
	}{
		"by number":                           {"Emp ID,Name\n1,\"Roe, Ann\"", "1", "Ann Roe", "employee:1", 1, 0},
		"by name where the register has none": {"Emp ID,Name\n1,\"Roe, Ann B\"", "", "Ann Roe", "employee:1", 1, 0},
		"by name where the census has none":   {"Name,DOB\n\"Roe, Ann\",01/05/1980", "1", "Ann Roe", "name:ann roe|1980-01-05", 1, 0},
		"not when the number is unknown":      {"Emp ID,Name\n2,\"Roe, Ann\"", "1", "Ann Roe", "employee:1", 2, 1},
		"not when the name is unknown":        {"Emp ID,Name\n2,\"Doe, Jo\"", "", "Ann Roe", "name:ann roe|", 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openText(t, Mapping{}, tt.census, lines(registerHeader, row100("01/04/2019", "1", tt.number, tt.who)))
			st := statements(t, s, payments(t, s)[0].Key)
			if st[0].PersonKey != tt.want || len(people(t, s)) != tt.people || len(s.Problems()) != tt.problems {
				t.Errorf("person %q of %d, problems %v", st[0].PersonKey, len(people(t, s)), s.Problems())
			}
		})
	}
}

func TestPayFrequency(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		begin, end perch.Date
		want       perch.PayFrequency
	}{
		"seven days":                    {perch.NewDate(2019, 1, 6), perch.NewDate(2019, 1, 12), perch.PayWeekly},
		"fourteen days":                 {perch.NewDate(2019, 1, 6), perch.NewDate(2019, 1, 19), perch.PayBiWeekly},
		"fourteen days from the first":  {perch.NewDate(2019, 1, 1), perch.NewDate(2019, 1, 14), perch.PayBiWeekly},
		"the first half of a month":     {perch.NewDate(2019, 1, 1), perch.NewDate(2019, 1, 15), perch.PaySemiMonthly},
		"the second half of February":   {perch.NewDate(2019, 2, 16), perch.NewDate(2019, 2, 28), perch.PaySemiMonthly},
		"the second half of a long one": {perch.NewDate(2019, 1, 16), perch.NewDate(2019, 1, 31), perch.PaySemiMonthly},
		"a month":                       {perch.NewDate(2019, 2, 1), perch.NewDate(2019, 2, 28), perch.PayMonthly},
		"a year":                        {perch.NewDate(2019, 1, 1), perch.NewDate(2019, 12, 31), perch.PayAnnually},
		"nine days, which say nothing":  {perch.NewDate(2019, 1, 1), perch.NewDate(2019, 1, 9), ""},
	} {
		if got := frequencyOfPeriod(tt.begin, tt.end); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	t.Run("comes from the distance of pay dates where there is no period", func(t *testing.T) {
		t.Parallel()
		s := openText(t, Mapping{}, "Check Date,Emp ID,Gross,Net Pay\n01/04/2019,1,10,10\n01/11/2019,1,10,10\n01/18/2019,1,10,10\n")
		for _, p := range payments(t, s) {
			if p.Payment.PayPeriod != nil || !slices.Equal(p.Payment.PayFrequencies, []perch.PayFrequency{perch.PayWeekly}) {
				t.Errorf("%s: %v", p.Key, p.Payment.PayFrequencies)
			}
		}
	})
}

func TestPayGroupsOfTheRegister(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines("Check Date,Period Begin,Period End,Pay Group,Emp ID,Gross,Net Pay",
		"01/04/2019,12/16/2018,12/29/2018,Plant,1,10,10", "01/04/2019,12/16/2018,12/29/2018,Office,2,10,10", "01/18/2019,12/30/2018,01/12/2019,Plant,1,10,10"))
	var got []string
	for g, err := range s.PayGroups(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(g.Key, " ", g.PayGroup.Name, " ", g.PayGroup.PayFrequencies, g.MemberKeys))
	}
	want := []string{"group:office Office [bi_weekly] [employee:2]", "group:plant Plant [bi_weekly] [employee:1]"}
	if !slices.Equal(got, want) || len(payments(t, s)) != 3 {
		t.Errorf("%q with %d payments", got, len(payments(t, s)))
	}
}
