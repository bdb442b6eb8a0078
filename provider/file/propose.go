package file

import (
	"fmt"
	"slices"
	"strings"

	perch "github.com/perchhq/perch"
)

// Kind is what a file holds.
type Kind string

// Kinds of files.
const (
	Census  Kind = "census"
	Payroll Kind = "payroll"
)

// Proposal is how the columns of one table are read.
type Proposal struct {
	Kind    Kind
	Columns []ProposedColumn
	// Unmapped are the titles of the columns that are not read.
	Unmapped []string
}

// ProposedColumn is the reading of one column.
type ProposedColumn struct {
	Column
	// Index is the column's place in the table, from 0.
	Index int
	// Confidence is 0 to 100; 100 is the caller's own mapping or a title with one meaning.
	Confidence int
	// Note says what is uncertain, or is empty.
	Note string
}

// Mapping returns the proposal in the form that the caller may edit and keep.
func (p Proposal) Mapping() *SheetMapping {
	m := &SheetMapping{}
	for _, c := range p.Columns {
		m.Columns = append(m.Columns, c.Column)
	}
	return m
}

// Propose reads every column of the table: as the mapping says, and where it says nothing, as the lexicon
// and the column's own cells suggest. given may be nil.
func Propose(t *Table, kind Kind, given *SheetMapping) Proposal {
	if given == nil {
		given = &SheetMapping{}
	}
	byIndex := make(map[int]ProposedColumn, len(t.Header))
	taken := make(map[Field]bool)
	for _, c := range given.Columns {
		if i := t.column(c.Column); i >= 0 {
			c.Column = t.Header[i]
			byIndex[i] = ProposedColumn{Column: c, Index: i, Confidence: 100}
			taken[c.Field] = true
		}
	}
	if !given.OnlyMapped {
		for _, c := range candidates(t, kind, byIndex) {
			if taken[c.Field] && !c.Field.repeats() {
				continue
			}
			taken[c.Field] = true
			byIndex[c.Index] = c
		}
	}
	p := Proposal{Kind: kind}
	for i, title := range t.Header {
		if c, ok := byIndex[i]; ok {
			p.Columns = append(p.Columns, c)
		} else {
			p.Unmapped = append(p.Unmapped, title)
		}
	}
	if kind == Payroll {
		p.linkHours()
	}
	p.decideDates(t, given.DateOrder)
	return p
}

// column returns the index of the column with the given title, or -1.
func (t *Table) column(title string) int {
	key := titleKey(title)
	return slices.IndexFunc(t.Header, func(h string) bool { return titleKey(h) == key })
}

// candidates are the lexicon's readings of the columns that the mapping left open, the surest first.
func candidates(t *Table, kind Kind, taken map[int]ProposedColumn) []ProposedColumn {
	var out []ProposedColumn
	for i, title := range t.Header {
		if _, ok := taken[i]; ok {
			continue
		}
		c, ok := candidate(kind, title)
		if !ok {
			continue
		}
		c.Index = i
		if share, any := t.readable(c.Field, i); any && share < 50 {
			continue // the cells are something else than the title says
		} else if any && share < 90 {
			c.Confidence -= 20
			c.Note = fmt.Sprintf("%d%% of the cells can be read", share)
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b ProposedColumn) int { return b.Confidence - a.Confidence })
	return out
}

func candidate(kind Kind, title string) (ProposedColumn, bool) {
	lexicon := censusLexicon
	if kind == Payroll {
		lexicon = payrollLexicon
	}
	m, known := lookup(lexicon, title)
	c := ProposedColumn{Column: Column{Column: title, Field: m.field}, Confidence: m.confidence}
	if kind == Payroll && (!known || m.confidence < 80) {
		if item, confidence, ok := itemColumn(title); ok && confidence > m.confidence {
			return ProposedColumn{Column: item, Confidence: confidence}, true
		}
	}
	if m.field == FieldSalary {
		c.Unit = unitOfTitle(title)
	}
	return c, known
}

// unitOfTitle reads the unit of pay from a title such as "Annual Salary" or "Hourly Rate".
func unitOfTitle(title string) string {
	t := newTitle(title)
	switch {
	case t.has("hourly hour"):
		return string(perch.IncomeHourly)
	case t.has("annual annually yearly year"):
		return string(perch.IncomeYearly)
	case t.has("monthly"):
		return string(perch.IncomeMonthly)
	case t.has("weekly"):
		return string(perch.IncomeWeekly)
	}
	return ""
}

// readableSample is how many filled cells are looked at to tell whether a column holds what its title says.
const readableSample = 400

// readable returns the share of filled cells, in percent, that the field's reader takes.
func (t *Table) readable(f Field, column int) (share int, any bool) {
	check := cellCheck(f)
	if check == nil {
		return 100, false
	}
	seen, good := 0, 0
	for _, cell := range t.sampled()[column] {
		if seen++; check(cell) {
			good++
		}
	}
	if seen == 0 {
		return 100, false
	}
	return good * 100 / seen, true
}

// sampleRows bounds the rows that are looked at for filled cells.
const sampleRows = 20_000

// sampled returns the first filled cells of every column.
func (t *Table) sampled() [][]string {
	if t.samples != nil {
		return t.samples
	}
	t.samples = make([][]string, len(t.Header))
	left := len(t.Header)
	var buffer []string
	for i := 0; i < min(t.Len(), sampleRows) && left > 0; i++ {
		buffer = t.row(i, buffer).Cells
		for c, cell := range buffer {
			if len(t.samples[c]) < readableSample && !absent(cell) {
				if t.samples[c] = append(t.samples[c], cell); len(t.samples[c]) == readableSample {
					left--
				}
			}
		}
	}
	return t.samples
}

func cellCheck(f Field) func(string) bool {
	switch {
	case f.isDate():
		return func(s string) bool { _, err := splitDate(s); return err == nil }
	case f.isAmount(), f == FieldSalary:
		return func(s string) bool { _, err := parseRate(s); return err == nil }
	case f == FieldHours, f == FieldTotalHours:
		return func(s string) bool { _, err := parseHours(s); return err == nil }
	}
	switch f {
	case FieldSSN:
		return func(s string) bool { _, err := parseSSN(s); return err == nil || err == errMasked }
	case FieldState, FieldWorkState:
		return func(s string) bool { _, err := parseState(s); return err == nil }
	case FieldEmail, FieldWorkEmail, FieldPersonalEmail, FieldManagerEmail:
		return func(s string) bool { return strings.Contains(s, "@") }
	case FieldPhone, FieldWorkPhone, FieldPersonalPhone:
		return func(s string) bool { _, err := parsePhone(s); return err == nil }
	case FieldName, FieldFirstName, FieldLastName, FieldManagerName, FieldTitle:
		return func(s string) bool { return strings.ContainsFunc(s, isLetterRune) }
	case FieldTerminated, FieldHispanic, FieldHCE, FieldKeyEmployee:
		return func(s string) bool { _, err := parseFlag(s); return err == nil }
	}
	return nil
}

func isLetterRune(r rune) bool { return hasLetter(string(r)) || r > 0x7f }

// linkHours ties every column of hours to the first earning column of its type, and drops the type, which
// only served to find it.
func (p *Proposal) linkHours() {
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Field != FieldHours || c.Of != "" {
			continue
		}
		for _, e := range p.Columns {
			regular := e.Type == "" || e.Type == string(perch.EarningSalary) || e.Type == string(perch.EarningWage)
			if e.Field == FieldEarning && (e.Type == c.Type || c.Type == "" && regular) {
				c.Of = e.Column.Column
				break
			}
		}
		c.Type = ""
	}
}

// decideDates settles the order of numeric dates: by the column's own cells, else by the other columns of
// the file, else as the US writes them.
func (p *Proposal) decideDates(t *Table, given DateOrder) {
	fallback, known := given, given != ""
	var open []*ProposedColumn
	for i := range p.Columns {
		c := &p.Columns[i]
		if !c.Field.isDate() || c.Order != "" {
			continue
		}
		order, ok, numeric := columnOrder(func(yield func(string) bool) {
			var buffer []string
			for i := range t.Len() {
				buffer = t.row(i, buffer).Cells
				if !yield(buffer[c.Index]) {
					return
				}
			}
		})
		if !ok {
			if numeric {
				open = append(open, c)
			}
			continue
		}
		c.Order = order
		if !known {
			fallback, known = order, true
		}
	}
	for _, c := range open {
		c.Order = or(fallback, MonthFirst)
		if !known {
			c.Note = "no date has a day above 12; read with the month first"
		}
	}
}

// absent reports whether a cell stands for nothing.
func absent(cell string) bool {
	if len(cell) > len("(blank)") {
		return false
	}
	if cell != "" {
		switch cell[0] {
		case '-', 'n', 'N', '#', '(':
		default:
			return false
		}
	}
	switch strings.ToLower(cell) {
	case "", "-", "--", "n/a", "na", "null", "none", "#n/a", "nil", "nan", "(blank)", "(none)":
		return true
	}
	return false
}
