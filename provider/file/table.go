package file

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Row is one row of a table.
type Row struct {
	// Number is the row as a spreadsheet shows it, from 1, title lines and blank lines counted.
	Number int
	Cells  []string
}

// Total is a totals row that the file prints below its data.
type Total struct {
	Row
	// Label is the row's text, such as "Totals for 01/04/2019".
	Label string
	// After is how many rows of data precede it, and From how many preceded the totals row before it.
	From, After int
}

// Table is a file's data, cleaned but not yet interpreted.
type Table struct {
	// Name is the file's name as the caller gave it, Sheet the worksheet's.
	Name, Sheet string
	// Format is "csv" or "xlsx"; Encoding and Delimiter say how the text was read.
	Format, Encoding, Delimiter string
	// Titles are the lines above the header.
	Titles []Row
	// Header holds the titles of the columns, each once: a second "Amount" is "Amount (2)", a blank one
	// "Column 7".
	Header    []string
	HeaderRow int
	// Rows have exactly one cell per column, trimmed.
	Rows   []Row
	Totals []Total
	// Issues are rows that could not be read.
	Issues []Issue
}

// grid is a file before its header is found.
type grid struct {
	format, encoding, delimiter, sheet string
	rows                               []Row
	issues                             []Issue
}

// Layout says where in a file the table is, where that cannot be seen from the file itself.
type Layout struct {
	// Sheet is the worksheet's name; empty means the first that holds data.
	Sheet string
	// HeaderRow is the row of the column titles; 0 means that it is found.
	HeaderRow int
}

// Read reads a CSV or XLSX file. It fails with [ErrTooLarge], [ErrNotReadable] or [ErrNoData] when the
// file as a whole is of no use, and otherwise reports what it skipped in Issues.
func Read(name string, r io.Reader, layout Layout, limits Limits) (*Table, error) {
	limits = limits.orDefault()
	content, err := io.ReadAll(io.LimitReader(r, limits.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(content)) > limits.Bytes {
		return nil, fmt.Errorf("reading %s: %w", name, tooLarge("more than %d MiB", limits.Bytes>>20))
	}
	var g *grid
	switch {
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		g, err = readXLSX(name, content, layout.Sheet, limits)
	case bytes.HasPrefix(content, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		err = fmt.Errorf("%w: it is an old or password-protected workbook; save it as XLSX without a password, or as CSV", ErrNotReadable)
	default:
		g, err = readCSV(name, content, limits)
	}
	if err == nil {
		var t *Table
		if t, err = g.table(name, layout.HeaderRow); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("reading %s: %w", name, err)
}

func (g *grid) table(name string, headerRow int) (*Table, error) {
	for _, r := range g.rows {
		for i, c := range r.Cells {
			r.Cells[i] = clean(c)
		}
	}
	at := g.findHeader(headerRow)
	if at < 0 {
		return nil, fmt.Errorf("%w: it needs a row of column titles and data below it", ErrNoData)
	}
	t := &Table{
		Name: name, Sheet: g.sheet, Format: g.format, Encoding: g.encoding, Delimiter: g.delimiter,
		Titles: g.rows[:at], Header: uniqueTitles(g.rows[at].Cells), HeaderRow: g.rows[at].Number,
	}
	for _, i := range g.issues {
		if i.Row == 0 || i.Row > t.HeaderRow {
			t.Issues = append(t.Issues, i)
		}
	}
	for _, r := range g.rows[at+1:] {
		t.addRow(r, g.rows[at].Cells)
	}
	if len(t.Rows) == 0 && len(t.Issues) == 0 {
		return nil, fmt.Errorf("%w: there are no rows below the column titles", ErrNoData)
	}
	return t, nil
}

// addRow sorts a row below the header into data, totals, repeated headers and what cannot be read.
func (t *Table) addRow(r Row, header []string) {
	width := len(t.Header)
	cells := trimBlankTail(r.Cells)
	if sameCells(cells, header) {
		return
	}
	if label, ok := totalsLabel(cells); ok {
		from := 0
		if n := len(t.Totals); n > 0 {
			from = t.Totals[n-1].After
		}
		t.Totals = append(t.Totals, Total{Row: Row{r.Number, padded(cells, width)}, Label: label, From: from, After: len(t.Rows)})
		return
	}
	issue := Issue{File: t.Name, Row: r.Number}
	switch {
	case len(cells) > width:
		issue.Skipped = true
		issue.Message = "the row has more cells than the header has columns, so its cells cannot be told apart; put quotes around text that holds the delimiter"
	case width >= 4 && filled(cells) == 1:
		issue.Skipped = true
		issue.Message = "the row holds a single cell and is taken for a heading or a footnote"
	case t.Format == "csv" && len(r.Cells) < width:
		issue.Message = "the row has fewer cells than the header has columns; the missing ones are read as blank"
	}
	if issue.Message != "" {
		t.Issues = append(t.Issues, issue)
	}
	if !issue.Skipped {
		t.Rows = append(t.Rows, Row{r.Number, padded(cells, width)})
	}
}

func padded(cells []string, width int) []string {
	cells = cells[:min(len(cells), width)]
	for len(cells) < width {
		cells = append(cells, "")
	}
	return cells
}

func filled(cells []string) int {
	n := 0
	for _, c := range cells {
		if c != "" {
			n++
		}
	}
	return n
}

func sameCells(a, header []string) bool {
	header = trimBlankTail(header)
	if len(a) != len(header) {
		return false
	}
	for i := range a {
		if a[i] != header[i] {
			return false
		}
	}
	return true
}

// clean trims a cell, turns non-breaking spaces into spaces and drops control characters.
func clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// maxTitle bounds a column title, which appears in problems.
const maxTitle = 80

func uniqueTitles(cells []string) []string {
	cells = trimBlankTail(cells)
	out := make([]string, len(cells))
	seen := make(map[string]bool, len(cells))
	for i, c := range cells {
		title := strings.Join(strings.Fields(c), " ")
		for len(title) > maxTitle {
			_, size := utf8.DecodeLastRuneInString(title)
			title = title[:len(title)-size]
		}
		if title == "" {
			title = fmt.Sprintf("Column %d", i+1)
		}
		base := title
		for n := 2; seen[strings.ToLower(title)]; n++ {
			title = fmt.Sprintf("%s (%d)", base, n)
		}
		seen[strings.ToLower(title)] = true
		out[i] = title
	}
	return out
}
