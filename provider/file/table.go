package file

import (
	"fmt"
	"io"
	"slices"
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

// Table is a file's data, cleaned but not yet interpreted. It holds the file's text once and takes rows
// apart when they are asked for, so that a large file costs little more than its size.
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
	Totals    []Total
	// Issues are rows that could not be read.
	Issues []Issue

	text string
	refs []rowRef
	// delimiter parts the cells of text; packed is what parts those of a workbook.
	delimiter byte
	limits    Limits
	// samples are filled cells of every column, once somebody asked for them.
	samples [][]string
}

// rowRef is where in the text a row begins.
type rowRef struct {
	number int32
	offset uint32
}

// packed parts the cells of rows that came from a workbook. No cell holds it, because cleaning drops
// control characters.
const packed = 0x1f

// Len returns how many rows of data there are.
func (t *Table) Len() int { return len(t.refs) }

// Rows returns all rows. Each has exactly one cell per column, trimmed.
func (t *Table) Rows() []Row {
	rows := make([]Row, len(t.refs))
	for i := range rows {
		rows[i] = t.row(i, nil)
	}
	return rows
}

// row returns a row whose cells are in buffer, if that is large enough.
func (t *Table) row(i int, buffer []string) Row {
	ref := t.refs[i]
	cells := buffer[:0]
	if t.delimiter == packed {
		rest := t.text[ref.offset:]
		rest = rest[:strings.IndexByte(rest, '\n')]
		for cell := range strings.SplitSeq(rest, string(rune(packed))) {
			cells = append(cells, cell)
		}
		return Row{Number: int(ref.number), Cells: padded(cells, len(t.Header))}
	}
	p := csvScanner{text: t.text, delimiter: t.delimiter, maxCell: t.limits.CellBytes, maxCells: t.limits.Columns, pos: int(ref.offset)}
	cells, _ = p.row(cells)
	for c := range cells {
		cells[c] = clean(cells[c])
	}
	return Row{Number: int(ref.number), Cells: padded(cells, len(t.Header))}
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
	t, err := readTable(name, r, layout, limits.orDefault())
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return t, nil
}

func readTable(name string, r io.Reader, layout Layout, limits Limits) (*Table, error) {
	content, err := readAll(r, limits.Bytes)
	if err != nil {
		return nil, err
	}
	b := &tableBuilder{table: Table{Name: name, limits: limits}, headerRow: layout.HeaderRow, left: budget{limits: limits}}
	switch {
	case strings.HasPrefix(content, "PK\x03\x04"):
		err = b.readXLSX(content, layout.Sheet)
	case strings.HasPrefix(content, "\xD0\xCF\x11\xE0"):
		err = fmt.Errorf("%w: it is an old or password-protected workbook; save it as XLSX without a password, or as CSV", ErrNotReadable)
	default:
		err = b.readCSV(content)
	}
	if err != nil {
		return nil, err
	}
	return b.end()
}

// sized is what readers know who can say how much is left.
type sized interface{ Len() int }

// readAll reads up to most bytes into one string, which is not copied again.
func readAll(r io.Reader, most int64) (string, error) {
	var b strings.Builder
	if known, ok := r.(sized); ok {
		b.Grow(int(max(0, min(int64(known.Len())+1, most+1))))
	}
	n, err := io.Copy(&b, io.LimitReader(r, most+1))
	if err != nil {
		return "", err
	}
	if n > most {
		return "", tooLarge("more than %d MiB", most>>20)
	}
	return b.String(), nil
}

// tableBuilder makes a table of rows as they are read. It finds the header among the first rows, which it
// holds back until then.
type tableBuilder struct {
	table     Table
	headerRow int
	left      budget
	head      []Row
	headRefs  []uint32
	// header are the titles as they stand in the file; nil until they are found.
	header []string
	issues []Issue
}

// add takes a row that is not blank.
func (b *tableBuilder) add(number int, offset uint32, cells []string) error {
	if err := b.left.take(cells); err != nil {
		return err
	}
	if b.header != nil {
		b.table.addRow(Row{number, cells}, offset, b.header)
		return nil
	}
	b.head, b.headRefs = append(b.head, Row{number, slices.Clone(cells)}), append(b.headRefs, offset)
	if b.headerRow == number || b.headerRow == 0 && len(b.head) == headerDepth {
		return b.settle()
	}
	return nil
}

// ordinary reports whether a row below the header is plainly one of data, as nearly all are: as wide as
// the header, with more than one cell filled, not the header again and no total. It sees raw cells.
func (b *tableBuilder) ordinary(cells []string) bool {
	if len(cells) != len(b.table.Header) || cells[0] == b.header[0] {
		return false
	}
	filled := 0
	for _, c := range cells {
		if c == "" {
			continue
		}
		if c[0] <= ' ' || c[0] >= 0x7f || filled == 0 && holdsTotal(c) {
			return false
		}
		if filled++; filled == 2 {
			return true
		}
	}
	return false
}

// settle finds the header among the rows that were held back and takes the others in.
func (b *tableBuilder) settle() error {
	at := findHeader(b.head, b.headerRow)
	if at < 0 {
		return fmt.Errorf("%w: it needs a row of column titles and data below it", ErrNoData)
	}
	b.header = b.head[at].Cells
	b.table.Titles, b.table.Header, b.table.HeaderRow = b.head[:at], uniqueTitles(b.header), b.head[at].Number
	for i, r := range b.head[at+1:] {
		b.table.addRow(r, b.headRefs[at+1+i], b.header)
	}
	b.head, b.headRefs = nil, nil
	return nil
}

// end returns the table.
func (b *tableBuilder) end() (*Table, error) {
	if b.header == nil {
		if err := b.settle(); err != nil {
			return nil, err
		}
	}
	t := &b.table
	var issues []Issue
	for _, i := range b.issues {
		if i.Row == 0 || i.Row > t.HeaderRow {
			issues = append(issues, i)
		}
	}
	t.Issues = append(issues, t.Issues...)
	if len(t.refs) == 0 && len(t.Issues) == 0 {
		return nil, fmt.Errorf("%w: there are no rows below the column titles", ErrNoData)
	}
	return t, nil
}

// addRow sorts a row below the header into data, totals, repeated headers and what cannot be read.
func (t *Table) addRow(r Row, offset uint32, header []string) {
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
		t.Totals = append(t.Totals, Total{Row: Row{r.Number, padded(slices.Clone(cells), width)}, Label: label, From: from, After: len(t.refs)})
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
		t.refs = append(t.refs, rowRef{int32(r.Number), offset})
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
	if plain(s) {
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

// plain reports whether a cell is printable ASCII, as most are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
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
