package file

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/perchhq/perch/provider"
)

// shared reads a file of the test data that lies beside the repository, and skips where it is absent.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(testneed.Shared(t), "data", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

const (
	censusFile   = "hr-dataset-v14.csv"
	registerFile = "payroll-register-2019.csv"
)

func in2026() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func openReal(t testing.TB, files ...File) *Source {
	t.Helper()
	s, err := Open(files, Mapping{}, Options{Now: in2026})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func realFiles(t testing.TB) []File {
	return []File{
		{Name: censusFile, Kind: Census, Content: shared(t, censusFile)},
		{Name: registerFile, Kind: Payroll, Content: shared(t, registerFile)},
	}
}

// asWorkbook writes the rows of a CSV file into a workbook: amounts and dates as spreadsheets store them.
func asWorkbook(t testing.TB, content []byte) []byte {
	t.Helper()
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	book := excelize.NewFile()
	defer book.Close()
	day, err := book.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	w, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for r, row := range rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = workbookCell(cell, day)
		}
		at, _ := excelize.CoordinatesToCellName(1, r+1)
		if err := w.SetRow(at, cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func workbookCell(cell string, day int) any {
	for _, layout := range []string{"01/02/2006", "01/02/06"} {
		if d, err := time.Parse(layout, cell); err == nil {
			if d.Year() > 2026 {
				d = d.AddDate(-100, 0, 0)
			}
			return excelize.Cell{StyleID: day, Value: d}
		}
	}
	if f, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64); err == nil {
		return f
	}
	return cell
}

func people(t testing.TB, s *Source) []provider.Person {
	t.Helper()
	var out []provider.Person
	for p, err := range s.People(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *p)
	}
	return out
}

func TestRealFilesArriveWhole(t *testing.T) {
	t.Parallel()
	csvFiles := realFiles(t)
	var workbooks []File
	for _, f := range csvFiles {
		workbooks = append(workbooks, File{Name: strings.TrimSuffix(f.Name, ".csv") + ".xlsx", Kind: f.Kind, Content: asWorkbook(t, f.Content)})
	}
	for format, files := range map[string][]File{"as CSV": csvFiles, "as XLSX": workbooks} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := openReal(t, files...)
			t.Run("with everyone of the census", func(t *testing.T) { checkRealPeople(t, s) })
			t.Run("with every payment and statement", func(t *testing.T) { checkRealPayroll(t, s) })
			t.Run("with totals that agree with the register", func(t *testing.T) { checkRealTotals(t, s) })
			t.Run("with problems about absent managers only", func(t *testing.T) { checkRealProblems(t, s) })
		})
	}
}

func checkRealPeople(t *testing.T, s *Source) {
	all := people(t, s)
	active, managed := 0, 0
	byKey := map[string]bool{}
	for _, p := range all {
		byKey[p.Keys[0]] = true
	}
	if len(byKey) != 311 || len(all) != 311 {
		t.Fatalf("people: %d with %d keys, want 311", len(all), len(byKey))
	}
	for _, p := range all {
		checkRealPerson(t, p)
		if *p.Employment.IsActive {
			active++
		}
		if p.ManagerKey != "" {
			managed++
			if !byKey[p.ManagerKey] {
				t.Errorf("%s: the manager is nobody of the source", p.Keys[0])
			}
		}
	}
	if active != 207 {
		t.Errorf("active: %d, want 207", active)
	}
	// 75 rows name a manager who is not in the census: Michael Albert 22, Webster Butler 21, David Stanley 21,
	// Alex Sweetwater 9, and the Board of Directors 2.
	if managed != 236 {
		t.Errorf("with a manager: %d, want 236", managed)
	}
	if !s.Complete() {
		t.Error("the census is not complete")
	}
}

func checkRealPerson(t *testing.T, p provider.Person) {
	t.Helper()
	i, j := p.Individual, p.Employment
	key := p.Keys[0]
	if i.FirstName == nil || i.LastName == nil || i.Gender == nil || i.Ethnicity == nil || i.MaritalStatus == nil || j.Title == nil || j.Department == nil || j.EmploymentStatus == nil {
		t.Errorf("%s: a field is missing", key)
	}
	if y := i.DOB.Year(); y < 1951 || y > 1992 {
		t.Errorf("%s: birth year %d", key, y)
	}
	if y := j.StartDate.Year(); y < 2006 || y > 2018 {
		t.Errorf("%s: year of hire %d", key, y)
	}
	if (j.EndDate == nil) != *j.IsActive {
		t.Errorf("%s: active %v with end date %v", key, *j.IsActive, j.EndDate)
	}
	if j.EndDate != nil && (*j.EndDate < *j.StartDate || j.EndDate.Year() > 2019) {
		t.Errorf("%s: left in %d", key, j.EndDate.Year())
	}
	zip := *i.Residence.PostalCode
	if len(zip) != 5 || *i.Residence.State == "MA" && zip[0] != '0' {
		t.Errorf("%s: the ZIP code has %d characters", key, len(zip))
	}
	if *j.Income.Unit != perch.IncomeYearly || *j.Income.Amount < 45_046_00 || *j.Income.Amount > 250_000_00 {
		t.Errorf("%s: income out of the file's range", key)
	}
	if d := *j.Department.Name; d != strings.TrimSpace(d) {
		t.Errorf("%s: the department has blanks around it", key)
	}
}

func checkRealPayroll(t *testing.T, s *Source) {
	ctx := context.Background()
	var payments []provider.Payment
	for p, err := range s.Payments(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		payments = append(payments, *p)
	}
	// Gross and net are those of the register's totals rows.
	want := []struct {
		day        string
		gross, net int64
	}{{"2019-01-04", 576_019_98, 424_707_01}, {"2019-01-18", 575_785_53, 424_530_82}, {"2019-02-01", 611_885_75, 452_726_36}}
	if len(payments) != len(want) {
		t.Fatalf("payments: %d, want %d", len(payments), len(want))
	}
	statements := 0
	for i, p := range payments {
		w := want[i]
		pay := p.Payment
		if pay.PayDate.String() != w.day || *pay.GrossPay.Amount != w.gross || *pay.NetPay.Amount != w.net {
			t.Errorf("payment %d: %s gross %d net %d, want %+v", i, pay.PayDate, *pay.GrossPay.Amount, *pay.NetPay.Amount, w)
		}
		if debit := *pay.NetPay.Amount + *pay.EmployeeTaxes.Amount + *pay.EmployerTaxes.Amount; *pay.CompanyDebit.Amount != debit {
			t.Errorf("payment %d: company debit", i)
		}
		if len(p.PersonKeys) != 207 || !slices.Equal(pay.PayFrequencies, []perch.PayFrequency{perch.PayBiWeekly}) {
			t.Errorf("payment %d: %d people, paid %v", i, len(p.PersonKeys), pay.PayFrequencies)
		}
		for st, err := range s.PayStatements(ctx, p.Key) {
			if err != nil {
				t.Fatal(err)
			}
			statements++
			checkRealStatement(t, *st)
		}
	}
	if statements != 621 {
		t.Errorf("statements: %d, want 621", statements)
	}
	for g, err := range s.PayGroups(ctx) {
		if err != nil || g.PayGroup.Name != "Bi-weekly" || len(g.MemberKeys) != 207 {
			t.Errorf("pay group %q of %d: %v", g.PayGroup.Name, len(g.MemberKeys), err)
		}
	}
	company, _ := s.Company(ctx)
	if *company.LegalName != "Dental Magic Manufacturing, Inc." || *company.EIN != "04-3217788" || len(company.Departments) != 6 {
		t.Errorf("company: %v %v, %d departments", *company.LegalName, *company.EIN, len(company.Departments))
	}
}

func checkRealStatement(t *testing.T, s provider.PayStatement) {
	t.Helper()
	var earned, withheld int64
	for _, e := range s.Statement.Earnings {
		earned += *e.Amount
	}
	for _, x := range s.Statement.Taxes {
		if !*x.Employer {
			withheld += *x.Amount
		}
	}
	for _, d := range s.Statement.EmployeeDeductions {
		withheld += *d.Amount
	}
	if earned != *s.Statement.GrossPay.Amount || earned-withheld != *s.Statement.NetPay.Amount {
		t.Errorf("%s %s does not add up", s.PersonKey, s.Key)
	}
	if s.Key == "" || *s.Statement.TotalHours < 8000 {
		t.Errorf("%s: key %q, hours %v", s.PersonKey, s.Key, s.Statement.TotalHours)
	}
}

// checkRealTotals sums the lines of the statements by name and compares them with the totals rows, apart
// from the comparison that the package makes itself.
func checkRealTotals(t *testing.T, s *Source) {
	rows := strings.Split(string(shared(t, registerFile)), "\r\n")
	reader := csv.NewReader(strings.NewReader(strings.Join(rows[3:], "\n")))
	reader.FieldsPerRecord = -1
	records, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, total := range records {
		day, ok := strings.CutPrefix(total[0], "Totals for ")
		if !ok {
			continue
		}
		sums := sumsOfDay(t, s, day)
		for i, cell := range total {
			if i < 10 || cell == "" {
				continue
			}
			want, err := strconv.ParseInt(strings.NewReplacer(",", "", ".", "").Replace(cell), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			compared++
			if got := sums[records[0][i]]; got != want {
				t.Errorf("%s %s: %d, want %d", day, records[0][i], got, want)
			}
		}
	}
	if compared != 3*24 {
		t.Errorf("compared %d totals, want 72", compared)
	}
	if controls := s.Preview().Controls; len(controls) != 3 || controls[0].Columns < 24 || len(controls[0].Wrong) != 0 {
		t.Errorf("controls: %+v", controls)
	}
}

func sumsOfDay(t *testing.T, s *Source, day string) map[string]int64 {
	t.Helper()
	sums := map[string]int64{}
	for p := range s.Payments(context.Background()) {
		if p.Payment.PayDate.Time().Format("01/02/2006") != day {
			continue
		}
		for st := range s.PayStatements(context.Background(), p.Key) {
			sums["Gross"] += *st.Statement.GrossPay.Amount
			sums["Net Pay"] += *st.Statement.NetPay.Amount
			for _, x := range st.Statement.Earnings {
				sums[*x.Name] += *x.Amount
			}
			for _, x := range st.Statement.Taxes {
				sums[*x.Name] += *x.Amount
			}
			for _, x := range st.Statement.EmployeeDeductions {
				sums[*x.Name] += *x.Amount
			}
			for _, x := range st.Statement.EmployerContributions {
				sums[*x.Name] += *x.Amount
			}
		}
	}
	return sums
}

func checkRealProblems(t *testing.T, s *Source) {
	rows := 0
	for _, i := range s.Preview().Issues {
		if i.Column != "ManagerName" || i.Skipped {
			t.Errorf("row %d column %s: %s", i.Row, i.Column, i.Message)
		}
		rows++
	}
	if rows != 75 {
		t.Errorf("rows with a problem: %d, want 75", rows)
	}
	if n := len(s.Problems()); n != 1 {
		t.Errorf("problems after folding: %d, want 1", n)
	}
}
