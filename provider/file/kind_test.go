package file

import (
	"errors"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestAFileOfTheWrongKindIsRefused(t *testing.T) {
	t.Parallel()
	const register = "Check Date,Emp ID,Employee,Regular,Gross,Net Pay"
	for name, c := range map[string]struct {
		kind Kind
		text string
		want string
	}{
		"a register as a census":                            {Census, lines(register, "01/16/2026,1,Ann Roe,10,10,9"), "list.csv: this looks like a payroll register"},
		"a register that knows the hire dates, as a census": {Census, lines(register+",Hire Date", "01/16/2026,1,Ann Roe,10,10,9,2015-01-05", "01/30/2026,1,Ann Roe,10,10,9,2015-01-05"), "use --payroll"},
		"a census with the last pay":                        {Census, lines("Emp ID,Name,Hire Date,Pay Date,Gross Pay", "1,Ann Roe,2015-01-05,2026-01-16,10", "2,Bo Roe,2015-01-05,2026-01-16,10", "2,Bo Roe,2015-01-05,2026-01-16,10"), ""},
		"a census":                                          {Census, lines("Emp ID,Name,Hire Date,Salary", "1,Ann Roe,2015-01-05,52000"), ""},
		"a census as a register": {Payroll, lines("Emp ID,Name,Hire Date,Salary", "1,Ann Roe,2015-01-05,52000"),
			"list.csv: no column was recognised as the pay date; map one of its 4 columns to pay_date, or use --census if it is a list of people"},
		"a register without a pay date":      {Payroll, lines("Emp ID,Name,Gross,Net Pay", "1,Ann Roe,10,9"), "map one of its 4 columns to pay_date"},
		"a census without a readable row":    {Census, lines("Emp ID,Name,City", ",,Salem", ",,Lynn"), "list.csv: none of its rows could be read; the first problem is in row 2: the row has neither"},
		"a register without a readable row":  {Payroll, lines(register, "01/16/2026,1,Ann Roe,,,"), "list.csv: none of its rows could be read; the first problem is in row 2: there is neither a gross"},
		"a census in which one row is whole": {Census, lines("Emp ID,Name,City,Title", ",,Salem,Clerk", "2,Bo Roe,Lynn,Clerk"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open([]File{{Name: "list.csv", Kind: c.kind, Content: []byte(c.text)}}, Mapping{}, Options{Now: in2026})
			if c.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var known *perch.Error
			if !errors.As(err, &known) || known.Name != perch.NameInvalidRequest || !strings.Contains(known.Message, c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheRealRegisterIsNoCensus(t *testing.T) {
	t.Parallel()
	files := realFiles(t)
	for _, f := range files {
		swapped := f
		if swapped.Kind = Census; f.Kind == Census {
			swapped.Kind = Payroll
		}
		_, err := Open([]File{swapped}, Mapping{}, Options{Now: in2026})
		var known *perch.Error
		if !errors.As(err, &known) || !strings.Contains(known.Message, "use --"+string(f.Kind)) {
			t.Errorf("%s read as a %s: %v", f.Name, swapped.Kind, err)
		}
	}
}
