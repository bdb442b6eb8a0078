package file

import (
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

func openText(t testing.TB, m Mapping, texts ...string) *Source {
	t.Helper()
	var files []File
	for i, text := range texts {
		f := File{Name: "census.csv", Kind: Census, Content: []byte(text)}
		if i > 0 || strings.Contains(strings.SplitN(text, "\n", 2)[0], "Check Date") {
			f.Name, f.Kind = "payroll.csv", Payroll
		}
		files = append(files, f)
	}
	s, err := Open(files, m, Options{Now: in2026})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lines(rows ...string) string { return strings.Join(rows, "\n") + "\n" }

func onePerson(t testing.TB, header, row string) provider.Person {
	t.Helper()
	s := openText(t, Mapping{}, lines(header, row))
	if p := s.Problems(); len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
	all := people(t, s)
	if len(all) != 1 {
		t.Fatalf("%d people", len(all))
	}
	return all[0]
}

func TestCensusOfAnotherSystem(t *testing.T) {
	t.Parallel()
	p := onePerson(t,
		"Legal First Name,Middle Initial,Legal Last Name,Suffix,Preferred First Name,Social Security Number,Birth Date,Work Email,Home Email,Mobile Phone,Address Line 1,Apt,City,State/Province,Zip Code,Job Title,Worker Type,FLSA Status,Hire Date,Rehire Date,Worker Status,Hourly Rate,Work Location,Work State,Union Code,HCE",
		"Ann,B.,Roe,Jr,Annie,012-34-5678,02/29/04,ann@example.com,ann@home.example,(617) 555-0134,1 Main St,2,Salem,Massachusetts,1970,Welder,Full-Time,Non-Exempt,2023-01-05,2024-06-01,Leave of Absence,$25.125,Plant 2,MA,U7,No")
	i, j := p.Individual, p.Employment
	if *i.FirstName != "Ann" || *i.MiddleName != "B" || *i.LastName != "Roe Jr" || *i.PreferredName != "Annie" {
		t.Errorf("name: %v %v %v %v", *i.FirstName, *i.MiddleName, *i.LastName, *i.PreferredName)
	}
	if *i.SSN != "012345678" || i.DOB.String() != "2004-02-29" {
		t.Errorf("identity: %s", i.DOB)
	}
	if len(i.Emails) != 2 || *i.Emails[0].Type != perch.ContactWork || *i.Emails[1].Type != perch.ContactPersonal || *i.PhoneNumbers[0].Data != "+16175550134" {
		t.Errorf("contacts: %d, %d", len(i.Emails), len(i.PhoneNumbers))
	}
	if r := i.Residence; *r.Line1 != "1 Main St" || *r.Line2 != "2" || *r.State != "MA" || *r.PostalCode != "01970" || *r.Country != "US" {
		t.Errorf("residence: %+v", r)
	}
	if *j.Employment.Subtype != perch.SubtypeFullTime || *j.FLSAStatus != perch.FLSANonExempt || *j.EmploymentStatus != perch.EmploymentLeave || !*j.IsActive {
		t.Error("employment differs")
	}
	if j.LatestRehireDate.String() != "2024-06-01" || *j.Income.Amount != 25_13 || *j.Income.Unit != perch.IncomeHourly {
		t.Errorf("income %d %s", *j.Income.Amount, *j.Income.Unit)
	}
	if *j.Location.Name != "Plant 2" || *j.Location.State != "MA" || *j.UnionCode != "U7" || *j.HighlyCompensatedEmployee {
		t.Error("work differs")
	}
	if want := []string{"ssn:012345678", "name:ann roe|2004-02-29"}; !slices.Equal(p.Keys, want) {
		t.Errorf("keys: %d", len(p.Keys))
	}
}

func TestTheColumnDecidesTheOrderOfDates(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines("Emp ID,Name,DOB,Hire Date", "1,Ann Roe,03/04/80,05/06/2015", "2,Bo Roe,25/12/79,07/08/2016"))
	p := people(t, s)[0]
	if p.Individual.DOB.String() != "1980-04-03" || p.Employment.StartDate.String() != "2015-06-05" {
		t.Errorf("born %s, hired %s: another column's dates decide too", p.Individual.DOB, p.Employment.StartDate)
	}
}

func TestCenturyOfBirth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ dob, hired, want string }{
		"someone hired young":               {"05/01/05", "06/01/2022", "2005-05-01"},
		"a year that could be this century": {"05/01/20", "06/01/1975", "1920-05-01"},
		"someone hired old":                 {"05/01/26", "06/01/1999", "1926-05-01"},
		"no day of hire":                    {"05/01/85", "", "1985-05-01"},
		"no century in which they can work": {"05/01/13", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openText(t, Mapping{}, lines("Emp ID,Name,DOB,Hire Date", "1,Ann Roe,"+tt.dob+","+tt.hired))
			dob := people(t, s)[0].Individual.DOB
			if got := dateText(dob); got != tt.want {
				t.Errorf("born %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStatusOfEmployment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row    string
		want   perch.EmploymentStatus
		active bool
	}{
		"nothing but a hire date is active":       {"1,Ann Roe,01/05/2015,,,", perch.EmploymentActive, true},
		"a day of leaving in the past":            {"1,Ann Roe,01/05/2015,01/05/2016,,", perch.EmploymentTerminated, false},
		"a day of leaving to come":                {"1,Ann Roe,01/05/2015,04/05/2026,,", perch.EmploymentActive, true},
		"a day of hire to come":                   {"1,Ann Roe,04/05/2026,,,", perch.EmploymentPrehire, false},
		"a flag":                                  {"1,Ann Roe,01/05/2015,,,1", perch.EmploymentTerminated, false},
		"words before the flag":                   {"1,Ann Roe,01/05/2015,,Retired,1", perch.EmploymentRetired, false},
		"words that say future start":             {"1,Ann Roe,04/05/2026,,Future Start,0", perch.EmploymentPrehire, false},
		"words that say terminated for cause":     {"1,Ann Roe,01/05/2015,02/01/2016,Terminated for Cause,1", perch.EmploymentTerminated, false},
		"words that say leave, which is not left": {"1,Ann Roe,01/05/2015,,Leave of Absence,0", perch.EmploymentLeave, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := onePerson(t, "Emp ID,Name,Hire Date,Termination Date,Status,Termd", tt.row).Employment
			if *j.EmploymentStatus != tt.want || *j.IsActive != tt.active {
				t.Errorf("%s, active %v", *j.EmploymentStatus, *j.IsActive)
			}
		})
	}
}

func TestManagersAreFound(t *testing.T) {
	t.Parallel()
	header := "Emp ID,Name,Middle Initial,Hire Date,Status,Manager Name,Manager ID"
	boss, other := `10,"Roe, Ann B",,01/05/2015,Active,,`, `11,"Roe, Ann C",,01/05/2015,Active,,`
	for name, tt := range map[string]struct {
		rows    []string
		want    string
		problem bool
	}{
		"by name in the other order":           {[]string{boss, `1,"Doe, Jo",,,Active,Ann Roe,7`}, "employee:10", false},
		"by employee number without a name":    {[]string{boss, `1,"Doe, Jo",,,Active,,10`}, "employee:10", false},
		"by the initial among namesakes":       {[]string{boss, other, `1,"Doe, Jo",,,Active,Ann C. Roe,`}, "employee:11", false},
		"by the number among namesakes":        {[]string{boss, other, `1,"Doe, Jo",,,Active,Ann Roe,11`}, "employee:11", false},
		"not when namesakes cannot be told":    {[]string{boss, other, `1,"Doe, Jo",,,Active,Ann Roe,`}, "", true},
		"not by a code that is someone's own":  {[]string{boss, `1,"Doe, Jo",,,Active,Zoe Poe,10`}, "", true},
		"not when they are the person":         {[]string{boss, `1,"Doe, Jo",,,Active,Jo Doe,`}, "", true},
		"not by a number that nobody has":      {[]string{boss, `1,"Doe, Jo",,,Active,,99`}, "", true},
		"by being the one who has not left":    {[]string{boss, `11,"Roe, Ann C",,01/05/2015,Terminated,,`, `1,"Doe, Jo",,,Active,Ann Roe,`}, "employee:10", false},
		"by the first of several given names":  {[]string{`10,"Roe, Ann Marie",,,Active,,`, `1,"Doe, Jo",,,Active,Ann Roe,`}, "employee:10", false},
		"by a name with accents that got lost": {[]string{`10,"Núñez, José",,,Active,,`, `1,"Doe, Jo",,,Active,Jose Nunez,`}, "employee:10", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openText(t, Mapping{}, lines(append([]string{header}, tt.rows...)...))
			all := people(t, s)
			if got := all[len(all)-1].ManagerKey; got != tt.want || (len(s.Problems()) > 0) != tt.problem {
				t.Errorf("manager %q, problems %v", got, s.Problems())
			}
		})
	}
}

func TestRepeatedPeople(t *testing.T) {
	t.Parallel()
	header := "Emp ID,SSN,Name,DOB,City"
	for name, tt := range map[string]struct {
		rows             []string
		people, problems int
		complete         bool
	}{
		"rows that say the same are one":         {[]string{"1,,Ann Roe,01/05/1980,Salem", "1,,Ann Roe,01/05/1980,Salem"}, 1, 0, true},
		"one number with other data":             {[]string{"1,,Ann Roe,01/05/1980,Salem", "1,,Bo Doe,01/05/1981,Salem"}, 1, 1, false},
		"one social security number":             {[]string{"1,123-45-6789,Ann Roe,,", "2,123-45-6789,Ann Roe,,"}, 1, 1, false},
		"namesakes with numbers are two":         {[]string{"1,,Ann Roe,01/05/1980,Salem", "2,,Ann Roe,01/05/1980,Lynn"}, 2, 1, true},
		"namesakes with other birth dates":       {[]string{",,Ann Roe,01/05/1980,", ",,Ann Roe,01/06/1980,"}, 2, 0, true},
		"a name twice without birth dates":       {[]string{",,Ann Roe,,Salem", ",,Ann Roe,,Lynn"}, 1, 1, false},
		"a row that says nothing about who":      {[]string{"1,,Ann Roe,,", ",,,01/05/1980,Salem"}, 1, 1, false},
		"a masked social security number":        {[]string{"1,***-**-6789,Ann Roe,,"}, 1, 1, true},
		"a birth date after today, which is out": {[]string{"1,,Ann Roe,01/05/2080,"}, 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openText(t, Mapping{}, lines(append([]string{header}, tt.rows...)...))
			if n, p := len(people(t, s)), s.Problems(); n != tt.people || len(p) != tt.problems || s.Complete() != tt.complete {
				t.Errorf("%d people, complete %v, problems %v", n, s.Complete(), p)
			}
			seen := map[string]bool{}
			for _, p := range people(t, s) {
				for _, k := range p.Keys {
					if seen[k] {
						t.Error("two people share a key")
					}
					seen[k] = true
				}
			}
		})
	}
}

func TestProblemsNeverQuoteTheFile(t *testing.T) {
	t.Parallel()
	const secret = "Zq9secret"
	header := "Emp ID,Name,SSN,DOB,Gender,State,Zip,Email,Phone,Status,Salary,Hire Date,Manager Name,Employment Type,FLSA,Marital Status,Ethnicity"
	row := "1,Ann Roe" + strings.Repeat(","+secret, 15)
	good := "2,Bo Roe,123-45-6789,01/05/1980,F,MA,1960,b@example.com,6175550134,Active,50000,01/05/2015,Ann Roe,FT,Exempt,Single,White"
	s := openText(t, Mapping{}, lines(header, good, strings.Replace(good, "2,Bo Roe,123-45-6789", "3,Cy Roe,123-45-6780", 1), row))
	if len(people(t, s)) != 3 || len(s.Problems()) < 10 {
		t.Errorf("%d people, problems %v", len(people(t, s)), s.Problems())
	}
	for _, p := range s.Problems() {
		if strings.Contains(p.Where+p.Message, secret) {
			t.Errorf("the problem quotes the cell: %s", p.Where)
		}
	}
	for _, f := range s.Preview().Files {
		for _, sample := range f.Samples {
			for _, v := range sample.Values {
				if strings.Contains(v.Text, "12345") {
					t.Error("the preview shows a social security number")
				}
			}
		}
	}
}

func TestPay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header, row string
		amount      int64
		unit        perch.IncomeUnit
	}{
		"a yearly salary by its size":        {"Emp ID,Name,Salary", "1,Ann Roe,62506", 62_506_00, perch.IncomeYearly},
		"an hourly rate by its size":         {"Emp ID,Name,Rate", "1,Ann Roe,18.5", 18_50, perch.IncomeHourly},
		"a column of units":                  {"Emp ID,Name,Pay Rate,Pay Unit", "1,Ann Roe,5000,Monthly", 5_000_00, perch.IncomeMonthly},
		"a title that names the unit":        {"Emp ID,Name,Annual Salary", "1,Ann Roe,\"9,000\"", 9_000_00, perch.IncomeYearly},
		"a pay type where size is no answer": {"Emp ID,Name,Rate,Pay Type", "1,Ann Roe,\"5,200\",Salary", 5_200_00, perch.IncomeYearly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			income := onePerson(t, tt.header, tt.row).Employment.Income
			if *income.Amount != tt.amount || *income.Unit != tt.unit {
				t.Errorf("%d %s", *income.Amount, *income.Unit)
			}
		})
	}
}
