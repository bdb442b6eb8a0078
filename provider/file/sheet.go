package file

import (
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// sheet is a table with the meaning of its columns: what the readers of rows work on.
type sheet struct {
	*Table
	Proposal
	byField map[Field][]ProposedColumn
	// maybe has a bit for every field that the sheet may have: most fields are looked for in vain.
	maybe  uint64
	given  SheetMapping
	issues *issues
	today  perch.Date
	// open are the fields of a person of which no column says anything.
	open provider.Fields
	// arrived counts the rows that were read.
	arrived int
	// rows are those of a register, which are read many times.
	rows []Row
	// memo holds what cells of few values were read as; each worker has its own.
	memo memory
	// quiet is a copy that reports nothing, once somebody asked for it, and buffer the cells of the row
	// that it read last.
	quiet  *sheet
	buffer []string
}

// silent returns the sheet for reading rows again: what is wrong with them was reported.
func (s *sheet) silent() *sheet {
	if s.quiet == nil {
		quiet := *s
		quiet.issues, quiet.memo, quiet.rows = &issues{deaf: true}, make(memory, len(s.Header)), nil
		s.quiet = &quiet
	}
	return s.quiet
}

// all returns the rows, taken apart once.
func (s *sheet) all() []Row {
	if s.rows == nil {
		s.rows = s.Table.Rows()
	}
	return s.rows
}

func newSheet(t *Table, kind Kind, given *SheetMapping, out *issues, today perch.Date) *sheet {
	s := &sheet{Table: t, Proposal: Propose(t, kind, given), byField: make(map[Field][]ProposedColumn), issues: out, today: today}
	if given != nil {
		s.given = *given
	}
	for _, c := range s.Proposal.Columns {
		s.byField[c.Field] = append(s.byField[c.Field], c)
		s.maybe |= 1 << bitOf(c.Field)
	}
	s.open = s.unsaid()
	for _, i := range t.Issues {
		out.add(i)
	}
	for _, c := range s.given.Columns {
		if t.column(c.Column) < 0 {
			out.add(Issue{File: t.Name, Column: c.Column, Message: "the mapping names this column, and the file does not have it"})
		}
	}
	return s
}

func (s *sheet) has(f Field) bool { return s.at(f) != nil }

// bitOf spreads the fields over 64 bits.
func bitOf(f Field) uint {
	if f == "" {
		return 0
	}
	return (uint(len(f))*5 + uint(f[0])*3 + uint(f[len(f)-1])*7 + uint(f[len(f)/2])) % 64
}

// at returns the column of a field that does not repeat, or nil.
func (s *sheet) at(f Field) *ProposedColumn {
	if s.maybe&(1<<bitOf(f)) == 0 {
		return nil
	}
	if columns := s.byField[f]; len(columns) > 0 {
		return &columns[0]
	}
	return nil
}

// column is at by value.
func (s *sheet) column(f Field) (ProposedColumn, bool) {
	if c := s.at(f); c != nil {
		return *c, true
	}
	return ProposedColumn{}, false
}

// record reads the cells of one row and reports what it cannot read.
type record struct {
	*sheet
	row Row
	// index is the row's place in the table.
	index int
	// unread gathers the fields of a person that the row leaves open; nil where nobody asks.
	unread *provider.Fields
}

// text returns the cell of a field, translated, or "" when there is none.
func (r record) text(f Field) string {
	c := r.at(f)
	if c == nil {
		return ""
	}
	return r.read(c)
}

func (r record) cell(c ProposedColumn) string { return r.read(&c) }

func (r record) read(c *ProposedColumn) string {
	cell := r.row.Cells[c.Index]
	if cell == "" && len(c.Values) == 0 {
		return ""
	}
	for from, to := range c.Values {
		if titleKey(from) == titleKey(cell) {
			return to
		}
	}
	if absent(cell) && !c.Field.isName() {
		return ""
	}
	return cell
}

func (r record) fail(f Field, err error) {
	c, _ := r.column(f)
	r.leave(columnFields[f])
	r.failColumn(c, err.Error())
}

func (r record) failColumn(c ProposedColumn, message string) {
	r.issues.add(Issue{File: r.Name, Row: r.row.Number, Column: c.Column.Column, Message: message})
}

// skip reports that the whole row does not arrive.
func (r record) skip(message string) {
	r.issues.add(Issue{File: r.Name, Row: r.row.Number, Message: message, Skipped: true})
}

// note reports something about the whole row, which arrives.
func (r record) note(message string) {
	r.issues.add(Issue{File: r.Name, Row: r.row.Number, Message: message})
}

// read parses the cell of a field and reports what it cannot read; nil means blank or unreadable.
func read[T any](r record, f Field, parse func(string) (T, error)) *T {
	cell := r.text(f)
	if cell == "" {
		return nil
	}
	v, err := parse(cell)
	if err != nil {
		r.fail(f, err)
		return nil
	}
	return &v
}

// memory holds readings by column and cell. What is not among the first values of a column is read anew.
type memory []map[string]any

// maxRemembered bounds the values of one column.
const maxRemembered = 512

// again is read for columns in which few values repeat, such as statuses.
func again[T any](r record, f Field, parse func(string) (T, error)) *T {
	c := r.at(f)
	if c == nil {
		return nil
	}
	if r.memo == nil {
		return read(r, f, parse)
	}
	cell, known := r.row.Cells[c.Index], r.memo[c.Index]
	if cell == "" {
		return nil
	}
	if v, ok := known[cell]; ok {
		if same, ok := v.(*T); ok {
			return same
		}
	}
	v := read(r, f, parse)
	if v != nil && len(known) < maxRemembered {
		if known == nil {
			known = make(map[string]any)
			r.memo[c.Index] = known
		}
		known[cell] = v
	}
	return v
}

// date reads a date field; rule decides the century where the year has two digits.
func (r record) date(f Field, rule yearRule) *perch.Date {
	c := r.at(f)
	if c == nil {
		return nil
	}
	return read(r, f, func(s string) (perch.Date, error) {
		p, err := splitDate(s)
		if err != nil {
			return 0, err
		}
		return p.resolve(c.Order, rule)
	})
}

func (r record) string(f Field) *string {
	return optional(squeeze(r.text(f)))
}

// squeeze drops blanks at the ends and all but one between words.
func squeeze(s string) string {
	if tidy(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// tidy reports whether squeezing changes nothing, as far as plain text tells.
func tidy(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c == ' ' && before == ' ' || c < ' ' {
			return false
		}
		before = s[i]
	}
	return before != ' ' || s == ""
}

// name reads a person's name from one column or from several.
func (r record) name() (personName, bool) {
	whole := r.text(FieldName)
	first, last := r.text(FieldFirstName), r.text(FieldLastName)
	if first == "" && last == "" {
		if whole == "" {
			return personName{}, false
		}
		n, ok := parseName(whole, r.given.NameFormat)
		if !ok {
			r.fail(FieldName, errName)
		}
		return n, ok
	}
	n := personName{first: squeeze(first), middle: squeeze(r.text(FieldMiddleName)), last: squeeze(last)}
	if suffix := squeeze(r.text(FieldSuffix)); suffix != "" && n.last != "" {
		n.last += " " + suffix
	}
	n.middle = strings.TrimSuffix(n.middle, ".")
	return n, true
}

func optional[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}
