package file

import (
	"reflect"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// update reads a census of one person after another one and keeps what the second leaves open.
func update(t *testing.T, first, second string) (before, after provider.Person) {
	t.Helper()
	before = people(t, openText(t, Mapping{}, first))[0]
	after = people(t, openText(t, Mapping{}, second))[0]
	provider.KeepKnown(&after, &before.Individual, &before.Employment)
	before.Unsaid, after.Unsaid = 0, 0
	before.Keys, after.Keys = nil, nil
	return before, after
}

const (
	fullHeader = "Emp ID,First Name,Middle Name,Last Name,SSN,DOB,Gender,Race,Marital Status,Work Email,Mobile Phone,Address,City,State,Zip,Job Title,Department,Hire Date,Termination Date,Annual Salary,FLSA,Work Location"
	fullRow    = "1,Ann,B,Roe,012-34-5678,1980-01-02,F,White,Single,ann@example.com,(617) 555-0134,1 Main St,Salem,MA,01970,Welder,Shop,2015-01-05,,52000,Exempt,Plant 2"
)

func TestAThinnerCensusTakesNothingAway(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{
		"of numbers and names":          lines("Emp ID,First Name,Last Name", "1,Ann,Roe"),
		"of numbers and whole names":    lines("Emp ID,Name", `1,"Roe, Ann"`),
		"of numbers alone":              lines("Emp ID,Job Title", "1,Welder"),
		"with the state and no street":  lines("Emp ID,Name,State", "1,Ann Roe,MA"),
		"with the salary":               lines("Emp ID,Name,Salary", `1,Ann Roe,"52,000.00"`),
		"with nothing but the hire":     lines("Emp ID,Name,Hire Date", "1,Ann Roe,01/05/2015"),
		"with cells that nobody reads":  lines("Emp ID,Name,DOB,SSN,Annual Salary,Gender,Hire Date,Termination Date", "1,Ann Roe,1980-02-30,12,lots,?,never,someday"),
		"with a manager who is nobody":  lines("Emp ID,Name,Manager", "1,Ann Roe,Who Knows"),
		"that is the same census again": lines(fullHeader, fullRow),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := update(t, lines(fullHeader, fullRow), second)
			if !reflect.DeepEqual(before, after) {
				t.Errorf("got  %+v\n%+v\nwant %+v\n%+v", after.Individual, after.Employment, before.Individual, before.Employment)
			}
		})
	}
}

func TestABlankCellClearsTheField(t *testing.T) {
	t.Parallel()
	_, after := update(t, lines(fullHeader, fullRow), lines("Emp ID,Name,DOB,Job Title,Salary,Middle Name", "1,Ann Roe,,,,"))
	if i, j := after.Individual, after.Employment; i.DOB != nil || j.Title != nil || j.Income != nil || i.SSN == nil || j.StartDate == nil {
		t.Errorf("got %+v\n%+v", i, j)
	}
}

func TestALeaverIsBackWhenTheFileSaysSo(t *testing.T) {
	t.Parallel()
	left := lines("Emp ID,Name,Hire Date,Termination Date", "1,Ann Roe,2015-01-05,2020-01-05")
	for name, c := range map[string]struct {
		second string
		active bool
	}{
		"the end date is cleared":         {lines("Emp ID,Name,Hire Date,Termination Date", "1,Ann Roe,2015-01-05,"), true},
		"the status says active":          {lines("Emp ID,Name,Status", "1,Ann Roe,Active"), true},
		"there is a later day of rehire":  {lines("Emp ID,Name,Hire Date,Rehire Date", "1,Ann Roe,2015-01-05,2024-01-05"), true},
		"the file says nothing about it":  {lines("Emp ID,Name,Hire Date", "1,Ann Roe,2015-01-05"), false},
		"the end date cannot be read":     {lines("Emp ID,Name,Hire Date,Termination Date", "1,Ann Roe,2015-01-05,someday"), false},
		"the status is blank, no date is": {lines("Emp ID,Name,Hire Date,Status", "1,Ann Roe,2015-01-05,"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, after := update(t, left, c.second)
			j := after.Employment
			if *j.IsActive != c.active || (j.EndDate == nil) != c.active || (*j.EmploymentStatus == perch.EmploymentActive) != c.active {
				t.Errorf("active %v, %s, ended %s", *j.IsActive, *j.EmploymentStatus, dateText(j.EndDate))
			}
		})
	}
}

func TestANegativeSalaryIsAProblemAndNoIncome(t *testing.T) {
	t.Parallel()
	s := openText(t, Mapping{}, lines("Emp ID,Name,Annual Salary", "1,Ann Roe,-52000", "2,Bo Roe,(52000)", "3,Cy Roe,52000"))
	all := people(t, s)
	if all[0].Employment.Income != nil || all[1].Employment.Income != nil || all[2].Employment.Income == nil {
		t.Error("incomes differ")
	}
	problems := s.Problems()
	if len(problems) != 1 || problems[0].Where != "census.csv rows 2, 3 column Annual Salary" || !strings.Contains(problems[0].Message, "negative") {
		t.Errorf("problems: %v", problems)
	}
}
