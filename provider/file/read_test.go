package file

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

func readText(t testing.TB, text string) *Table {
	t.Helper()
	table, err := Read("people.csv", strings.NewReader(text), Layout{}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func inUTF16(order binary.AppendByteOrder, s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

func TestReadFindsTheTable(t *testing.T) {
	t.Parallel()
	plain := "Emp ID,Name,Dept\n1,\"Doe, José\",Sales\n2,\"Roe, Ann\",\n"
	want := [][]string{{"1", "Doe, José", "Sales"}, {"2", "Roe, Ann", ""}}
	for name, in := range map[string]string{
		"in plain text":                     plain,
		"behind a byte order mark":          "\ufeff" + plain,
		"in UTF-16, little end first":       inUTF16(binary.LittleEndian, plain),
		"in UTF-16, big end first":          inUTF16(binary.BigEndian, plain),
		"in Windows-1252":                   strings.ReplaceAll(plain, "é", "\xe9"),
		"with lines that end in CR LF":      strings.ReplaceAll(plain, "\n", "\r\n"),
		"with lines that end in CR":         strings.ReplaceAll(plain, "\n", "\r"),
		"without an end of the last line":   strings.TrimSuffix(plain, "\n"),
		"with semicolons":                   "Emp ID;Name;Dept\n1;Doe, José;Sales\n2;Roe, Ann;\n",
		"with tabs":                         "Emp ID\tName\tDept\n1\tDoe, José\tSales\n2\tRoe, Ann\t\n",
		"with bars":                         "Emp ID|Name|Dept\n1|Doe, José|Sales\n2|Roe, Ann|\n",
		"with a delimiter that it declares": "sep=;\nEmp ID;Name;Dept\n1;Doe, José;Sales\n2;Roe, Ann;\n",
		"below title lines":                 "Staff List\n\"Acme, Inc.\",FEIN 12-3456789\n\n" + plain,
		"with the header printed again":     strings.Replace(plain, "2,", "Emp ID,Name,Dept\n2,", 1),
		"with blank rows":                   strings.Replace(plain, "2,", ",,\n\n2,", 1),
		"with blanks around the cells":      strings.ReplaceAll(plain, "Sales", "  Sales\u00a0 "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := readText(t, in)
			if got := rowsOf(table); !equalRows(got, want) || len(table.Issues) != 0 {
				t.Errorf("rows %q, issues %v", got, table.Issues)
			}
		})
	}
}

func rowsOf(t *Table) [][]string {
	var out [][]string
	for _, r := range t.Rows() {
		out = append(out, r.Cells)
	}
	return out
}

func equalRows(a, b [][]string) bool {
	return slices.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) })
}

func TestReadReportsBadRowsAndKeepsTheOthers(t *testing.T) {
	t.Parallel()
	table := readText(t, strings.Join([]string{
		"Emp ID,Name,Dept,City",
		"1,Ann Roe,Sales,Salem",
		"2,Roe, Bob,Sales,Salem",      // an unquoted comma: too many cells
		"3,Cy Roe",                    // too few
		"4,\"Di Roe,Sales,Salem",      // a quote without end
		"5,\"Ed\nRoe\",Sales,Salem",   // a line end inside quotes
		"6,\"Flo \"Q\" Roe\",Sales,S", // quotes that nobody doubled
		"Prepared by the office",
		"7,Guy Roe,Sales,Salem",
		"Grand Totals,,7",
	}, "\n"))
	var numbers []string
	for _, r := range table.Rows() {
		numbers = append(numbers, r.Cells[0]+" "+r.Cells[1])
	}
	if want := []string{"1 Ann Roe", "3 Cy Roe", "5 Ed Roe", `6 Flo "Q" Roe`, "7 Guy Roe"}; !slices.Equal(numbers, want) {
		t.Errorf("rows: %q", numbers)
	}
	var rows []int
	for _, i := range table.Issues {
		rows = append(rows, i.Row)
	}
	slices.Sort(rows)
	if want := []int{3, 4, 5, 8}; !slices.Equal(rows, want) {
		t.Errorf("issues in rows %v, want %v: %v", rows, want, table.Issues)
	}
	if len(table.Totals) != 1 || table.Totals[0].After != 5 {
		t.Errorf("totals: %+v", table.Totals)
	}
}

func TestReadKeepsSomeoneNamedTotal(t *testing.T) {
	t.Parallel()
	table := readText(t, "Name,Dept,Salary\n\"Total, Ann\",Sales,5\nTotal,,5\n")
	if len(table.Rows()) != 1 || len(table.Totals) != 1 {
		t.Errorf("%d rows, %d totals", len(table.Rows()), len(table.Totals))
	}
}

func TestReadTellsEqualTitlesApart(t *testing.T) {
	t.Parallel()
	table := readText(t, "Emp ID,Amount,Amount,,Name\n1,2,3,4,Ann\n")
	if want := []string{"Emp ID", "Amount", "Amount (2)", "Column 4", "Name"}; !slices.Equal(table.Header, want) {
		t.Errorf("header: %q", table.Header)
	}
}

func zipped(t testing.TB, name string, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	chunk := bytes.Repeat([]byte("0"), 1<<16)
	for ; size > 0; size -= len(chunk) {
		if _, err := f.Write(chunk[:min(size, len(chunk))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadRefusesHostileFiles(t *testing.T) {
	t.Parallel()
	small := Limits{Bytes: 1 << 20, Rows: 100, UnzippedBytes: 1 << 20}
	wide := strings.Repeat("Name,", 10_000)
	lying := zipped(t, "xl/worksheets/sheet1.xml", 8<<20)
	// The archive claims that the part has ten bytes: in the central directory, 24 bytes behind its mark.
	binary.LittleEndian.PutUint32(lying[bytes.Index(lying, []byte("PK\x01\x02"))+24:], 10)
	for name, tt := range map[string]struct {
		in   []byte
		want error
	}{
		"an empty file":                      {nil, ErrNoData},
		"blank lines":                        {[]byte("\n\n , \n"), ErrNoData},
		"a header alone":                     {[]byte("Emp ID,Name\n"), ErrNoData},
		"numbers alone":                      {[]byte("1,2\n3,4\n"), ErrNoData},
		"ten thousand columns":               {[]byte(wide + "\n" + wide), ErrTooLarge},
		"more rows than allowed":             {[]byte("Emp ID,Name\n" + strings.Repeat("1,Ann\n", 101)), ErrTooLarge},
		"more bytes than allowed":            {bytes.Repeat([]byte("a,b\n"), 1<<19), ErrTooLarge},
		"zeros":                              {make([]byte, 4096), ErrNotReadable},
		"an old workbook":                    {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), ErrNotReadable},
		"half a workbook":                    {[]byte("PK\x03\x04 and no more"), ErrNotReadable},
		"a workbook without its parts":       {zipped(t, "readme.txt", 10), ErrNotReadable},
		"a bomb":                             {zipped(t, "xl/worksheets/sheet1.xml", 64<<20), ErrTooLarge},
		"a bomb that lies about its size":    {lying, ErrNotReadable},
		"quotes that never close, in masses": {[]byte("Emp ID,Name\n" + strings.Repeat("\"a\"b,\"\n", 5000)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read("hostile", bytes.NewReader(tt.in), Layout{}, small)
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestReadBoundsCells(t *testing.T) {
	t.Parallel()
	for name, cell := range map[string]string{"a long cell": strings.Repeat("x", 70<<10), "a long quoted cell": `"` + strings.Repeat("x", 70<<10) + `"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := readText(t, "Emp ID,Name\n1,"+cell+"\n2,Ann\n")
			if len(table.Rows()) != 1 || len(table.Issues) != 1 || table.Issues[0].Row != 2 || !table.Issues[0].Skipped {
				t.Errorf("%d rows, issues %v", len(table.Rows()), table.Issues)
			}
		})
	}
}

func TestRepetitionCostsNoMoreThanItsLength(t *testing.T) {
	t.Parallel()
	const rows = 30_000 // compared with one another, these would take minutes
	var census, register strings.Builder
	census.WriteString("Emp ID,Name,Manager\n")
	register.WriteString("Check Date,Emp ID,Name,Gross\n")
	for i := range rows {
		fmt.Fprintf(&census, "%d,Ann Roe,Ann Roe\n", i)
		fmt.Fprintf(&register, "1/1/2019,1,Ann Roe,%d\n", i+1)
	}
	if n := openText(t, Mapping{}, census.String(), register.String()).Preview(); n.People != rows || n.Statements != rows {
		t.Errorf("%d people, %d statements", n.People, n.Statements)
	}
}

func workbook(t testing.TB, fill func(*excelize.File)) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	fill(book)
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func setRows(t testing.TB, book *excelize.File, sheet string, rows ...[]any) {
	t.Helper()
	for i, row := range rows {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := book.SetSheetRow(sheet, cell, &row); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadWorkbooks(t *testing.T) {
	t.Parallel()
	header := []any{"Emp ID", "Name", "Salary"}
	t.Run("takes the first sheet that holds a table", func(t *testing.T) {
		t.Parallel()
		content := workbook(t, func(b *excelize.File) {
			setRows(t, b, "Sheet1", []any{"Cover"})
			_, _ = b.NewSheet("Staff")
			setRows(t, b, "Staff", header, []any{1, "Ann Roe", 50000.5})
		})
		table, err := Read("staff.xlsx", bytes.NewReader(content), Layout{}, Limits{})
		if err != nil || table.Sheet != "Staff" || len(table.Rows()) != 1 || table.Rows()[0].Cells[2] != "50000.5" {
			t.Errorf("%+v, %v", table, err)
		}
	})
	t.Run("steps over merged title lines", func(t *testing.T) {
		t.Parallel()
		content := workbook(t, func(b *excelize.File) {
			setRows(t, b, "Sheet1", []any{"Acme, Inc. Staff List"}, nil, header, []any{1, "Ann Roe", 5})
			_ = b.MergeCell("Sheet1", "A1", "C1")
		})
		table, err := Read("staff.xlsx", bytes.NewReader(content), Layout{}, Limits{})
		if err != nil || table.HeaderRow != 3 || len(table.Titles) != 1 || table.Rows()[0].Number != 4 {
			t.Errorf("%+v, %v", table, err)
		}
	})
	t.Run("reports formulas without a result", func(t *testing.T) {
		t.Parallel()
		content := workbook(t, func(b *excelize.File) {
			setRows(t, b, "Sheet1", header, []any{1, "Ann Roe", 5}, []any{2, "Bo Roe"})
			_ = b.SetCellFormula("Sheet1", "C3", "C2*2")
		})
		table, err := Read("staff.xlsx", bytes.NewReader(content), Layout{}, Limits{})
		if err != nil || len(table.Rows()) != 2 || len(table.Issues) != 1 || table.Issues[0].Row != 3 {
			t.Errorf("%+v, %v", table, err)
		}
	})
	t.Run("refuses a sheet that is not there", func(t *testing.T) {
		t.Parallel()
		content := workbook(t, func(b *excelize.File) { setRows(t, b, "Sheet1", header, []any{1, "Ann", 5}) })
		if _, err := Read("staff.xlsx", bytes.NewReader(content), Layout{Sheet: "Payroll"}, Limits{}); !errors.Is(err, ErrNoData) {
			t.Errorf("error %v", err)
		}
	})
}
