package file

import (
	"bytes"
	"context"
	"testing"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	perch "github.com/perchhq/perch"
)

var fuzzLimits = Limits{Bytes: 1 << 20, Rows: 2000, Columns: 200, Cells: 50_000, UnzippedBytes: 4 << 20}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Emp ID,Name\n1,\"Roe, Ann\"\n2,\"Bo\nTotals,5\n"))
	f.Add([]byte("\xff\xfeE\x00,\x00N\x00\n\x00"))
	f.Add([]byte("sep=;\nEmp ID;Name\n\xe9;\"\"\"\n"))
	f.Add(workbook(f, func(b *excelize.File) { setRows(f, b, "Sheet1", []any{"Emp ID", "Name"}, []any{1, "Ann"}) }))
	f.Fuzz(func(t *testing.T, content []byte) {
		table, err := Read("fuzz", bytes.NewReader(content), Layout{}, fuzzLimits)
		if err != nil {
			return
		}
		for _, r := range table.Rows() {
			if len(r.Cells) != len(table.Header) {
				t.Fatalf("row %d has %d cells below %d titles", r.Number, len(r.Cells), len(table.Header))
			}
			for _, c := range r.Cells {
				if !utf8.ValidString(c) {
					t.Fatalf("row %d is not UTF-8", r.Number)
				}
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add("Emp ID,Name,DOB,Hire Date,SSN,State,Zip,Phone,Salary,Manager Name\n1,\"Roe, Ann\",1/2/80,1/2/10,123-45-6789,MA,1960,6175550134,5,Bo", registerHeader+"\n"+row100("01/04/2019", "1", "1", "Ann Roe"))
	f.Add("Name,DOB\nAnn,\n", "Check Date,Name,Gross\n1/1/19,Ann,(5.00)\nTotal,,5\n")
	f.Fuzz(func(t *testing.T, census, payroll string) {
		s, err := Open([]File{{Name: "c", Kind: Census, Content: []byte(census)}, {Name: "p", Kind: Payroll, Content: []byte(payroll)}}, Mapping{}, Options{Limits: fuzzLimits, Now: in2026})
		if err != nil {
			return
		}
		known := map[string]bool{}
		for p, err := range s.People(context.Background()) {
			if err != nil || len(p.Keys) == 0 {
				t.Fatalf("person without a key: %v", err)
			}
			for _, k := range p.Keys {
				if known[k] {
					t.Fatal("two people share a key")
				}
				known[k] = true
			}
		}
		for p := range s.People(context.Background()) {
			if p.ManagerKey != "" && !known[p.ManagerKey] {
				t.Fatal("the manager is nobody")
			}
		}
		for _, pay := range payments(t, s) {
			var gross int64
			for _, st := range statements(t, s, pay.Key) {
				if !known[st.PersonKey] {
					t.Fatal("the statement is nobody's")
				}
				gross += *st.Statement.GrossPay.Amount
			}
			if gross != *pay.Payment.GrossPay.Amount {
				t.Fatal("the payment is not the sum of its statements")
			}
		}
		s.Preview()
		s.Problems()
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"$1,234.56", "(1.5)", "12/31/99", "Jul 5, 2011", "Smith, John Jr", "Ludwig van B", "123-45-6789", "1960", "(617) 555-0134", "80:15", "1.5E-2", "Non-Exempt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = clean(s)
		if n, err := parseCents(s); err == nil {
			if again, err := parseCents(dollars(n)); err != nil || again != n {
				t.Fatalf("%d cents come back as %d: %v", n, again, err)
			}
		}
		if p, err := splitDate(s); err == nil {
			for _, order := range []DateOrder{MonthFirst, DayFirst, YearFirst} {
				d, err := p.resolve(order, yearRule{0, 30_000})
				if _, again := perch.ParseDate(d.String()); err == nil && again != nil {
					t.Fatalf("%s is not a date", d)
				}
			}
		}
		if ssn, err := parseSSN(s); err == nil && (len(ssn) != 9 || !allDigits(ssn)) {
			t.Fatal("not nine digits")
		}
		if code, err := parseState(s); err == nil && !stateCodes[code] {
			t.Fatal("not a state")
		}
		if zip, err := parseZIP(s, "MA"); err == nil && !hasLetter(zip) && len(zip) != 5 && len(zip) != 10 {
			t.Fatalf("ZIP of %d characters", len(zip))
		}
		for _, format := range []NameFormat{FirstLast, LastFirst} {
			if n, ok := parseName(s, format); ok && n.first == "" && n.last == "" {
				t.Fatal("a name without a name")
			}
		}
		matchName(s)
		_, _ = parsePhone(s)
		_, _ = parseHours(s)
		_, _ = parseRate(s)
		_, _ = parseStatus(s)
		itemColumn(s)
		cellText(s, s+"/", false)
		tidyNumber(s)
		totalsLabel([]string{s})
		titleCompany([]Row{{Cells: []string{s}}})
	})
}

func FuzzParseMapping(f *testing.F) {
	f.Add([]byte("census:\n  columns:\n    - {column: A, field: dob, order: dmy}\n"))
	f.Add([]byte("company: {legal_name: x}\npayroll: {columns: [{column: A, field: earning, type: wage, values: {a: b}}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMapping(text)
		if err != nil {
			return
		}
		again, err := m.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseMapping(again); err != nil {
			t.Fatalf("%v in %q", err, again)
		}
	})
}

func BenchmarkOpenRealFiles(b *testing.B) {
	files := realFiles(b)
	for b.Loop() {
		openReal(b, files...)
	}
}
