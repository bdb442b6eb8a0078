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
	given   SheetMapping
	issues  *issues
	today   perch.Date
	// open are the fields of a person of which no column says anything.
	open provider.Fields
	// arrived counts the rows that were read.
	arrived int
}

func newSheet(t *Table, kind Kind, given *SheetMapping, out *issues, today perch.Date) *sheet {
	s := &sheet{Table: t, Proposal: Propose(t, kind, given), byField: make(map[Field][]ProposedColumn), issues: out, today: today}
	if given != nil {
		s.given = *given
	}
	for _, c := range s.Proposal.Columns {
		s.byField[c.Field] = append(s.byField[c.Field], c)
	}
	s.open = s.silent()
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

func (s *sheet) has(f Field) bool { return len(s.byField[f]) > 0 }

// column returns the column of a field that does not repeat.
func (s *sheet) column(f Field) (ProposedColumn, bool) {
	if columns := s.byField[f]; len(columns) > 0 {
		return columns[0], true
	}
	return ProposedColumn{}, false
}

// record reads the cells of one row and reports what it cannot read.
type record struct {
	*sheet
	row Row
	// unread gathers the fields of a person that the row leaves open; nil where nobody asks.
	unread *provider.Fields
}

// text returns the cell of a field, translated, or "" when there is none.
func (r record) text(f Field) string {
	c, ok := r.column(f)
	if !ok {
		return ""
	}
	return r.cell(c)
}

func (r record) cell(c ProposedColumn) string {
	cell := r.row.Cells[c.Index]
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

// date reads a date field; rule decides the century where the year has two digits.
func (r record) date(f Field, rule yearRule) *perch.Date {
	c, ok := r.column(f)
	if !ok {
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
	if s := strings.Join(strings.Fields(r.text(f)), " "); s != "" {
		return &s
	}
	return nil
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
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
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
