package file

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Preview is what a person should see before an import is kept.
type Preview struct {
	Files []FilePreview
	// People, Active, Payments and Statements are how many will arrive.
	People, Active, Payments, Statements int
	// Managed is how many people have a manager who was found.
	Managed int
	// Controls are the totals rows of the registers and whether the rows agree with them.
	Controls []Control
	// Issues are everything that could not be read, row by row; IssuesDropped counts those beyond the
	// bound of what is kept.
	Issues        []Issue
	IssuesDropped int
	// Complete is [Source.Complete].
	Complete bool
}

// FilePreview is how one file was read.
type FilePreview struct {
	Name, Format, Encoding, Delimiter, Sheet string
	Kind                                     Kind
	// HeaderRow is the row of the column titles; Rows is the number of rows of data below it, and Skipped
	// how many of them did not arrive.
	HeaderRow, Rows, Skipped int
	// Header are the titles of all columns, and Examples the first few filled cells of each as they stand
	// in the file.
	Header   []string
	Examples [][]string
	Columns  []ProposedColumn
	Unmapped []string
	// Samples are the first rows as they were normalised. Social security numbers show four digits.
	Samples []Sample
	// Mapping is the reading of this file for the caller to edit and keep.
	Mapping *SheetMapping
}

// examples are the first filled cells of every column.
func (t *Table) examples() [][]string {
	const shown, longest = 3, 80
	out := make([][]string, len(t.Header))
	for c, cells := range t.sampled() {
		for _, cell := range cells[:min(shown, len(cells))] {
			for len(cell) > longest {
				_, size := utf8.DecodeLastRuneInString(cell)
				cell = cell[:len(cell)-size]
			}
			out[c] = append(out[c], cell)
		}
	}
	return out
}

// Sample is one normalised row.
type Sample struct {
	Row    int
	Values []SampleValue
}

// SampleValue is one field as it was understood.
type SampleValue struct {
	Field Field
	Text  string
}

// Preview returns what was read and how. It holds personal data and is for the person who imports.
func (s *Source) Preview() Preview {
	p := s.preview
	p.Issues = slices.Clone(s.issues.list)
	p.IssuesDropped = s.issues.dropped
	return p
}

func (p *Preview) build(s *Source, censuses, registers []*sheet, options Options) {
	samples := or(options.SampleRows, 5)
	p.Complete = s.complete
	p.People, p.Payments = len(s.people), len(s.ledger.runs)
	for _, e := range s.people {
		if e.active == yes {
			p.Active++
		}
		if e.manager != nil {
			p.Managed++
		}
	}
	for _, r := range s.ledger.runs {
		p.Statements += len(r.statements)
	}
	for _, c := range censuses {
		f := s.filePreview(c)
		for _, e := range s.people {
			if len(f.Samples) == samples {
				break
			}
			if e.sheet == c && e.made == nil {
				f.Samples = append(f.Samples, e.sample(options.Unmasked))
			}
		}
		p.Files = append(p.Files, f)
	}
	for _, r := range registers {
		f := s.filePreview(r)
		for _, row := range r.all()[:min(samples, len(r.all()))] {
			f.Samples = append(f.Samples, record{sheet: r, row: row}.payrollSample(options.Unmasked))
		}
		p.Files = append(p.Files, f)
	}
}

func (s *Source) filePreview(sh *sheet) FilePreview {
	m := sh.Proposal.Mapping()
	m.Sheet, m.HeaderRow, m.NameFormat, m.Partial = sh.given.Sheet, sh.given.HeaderRow, sh.given.NameFormat, sh.given.Partial
	f := FilePreview{
		Header: sh.Header, Examples: sh.examples(),
		Name: sh.Name, Format: sh.Format, Encoding: sh.Encoding, Delimiter: sh.Delimiter, Sheet: sh.Sheet, Kind: sh.Kind,
		HeaderRow: sh.HeaderRow, Rows: sh.Len(), Columns: sh.Proposal.Columns, Unmapped: sh.Unmapped, Mapping: m,
	}
	skipped := make(map[int]bool)
	for _, i := range s.issues.list {
		if i.Skipped && i.File == sh.Name && !skipped[i.Row] {
			skipped[i.Row] = true
			f.Skipped++
		}
	}
	return f
}

func (e *entry) sample(unmasked bool) Sample {
	person := e.person()
	s := Sample{Row: e.sheet.row(int(e.at), nil).Number}
	i, j := person.Individual, person.Employment
	s.text(FieldEmployeeNumber, e.numbered())
	name := e.called()
	s.text(FieldFirstName, name.first)
	s.text(FieldMiddleName, name.middle)
	s.text(FieldLastName, name.last)
	if i.DOB != nil {
		s.text(FieldDOB, i.DOB.String())
	}
	if i.SSN != nil {
		s.text(FieldSSN, masked(*i.SSN, unmasked))
	}
	if r := i.Residence; r != nil {
		sampleOf(&s, FieldState, r.State)
		sampleOf(&s, FieldZIP, r.PostalCode)
	}
	sampleOf(&s, FieldGender, i.Gender)
	sampleOf(&s, FieldEthnicity, i.Ethnicity)
	sampleOf(&s, FieldMaritalStatus, i.MaritalStatus)
	sampleOf(&s, FieldTitle, j.Title)
	if j.Department != nil {
		sampleOf(&s, FieldDepartment, j.Department.Name)
	}
	if j.StartDate != nil {
		s.text(FieldHireDate, j.StartDate.String())
	}
	if j.EndDate != nil {
		s.text(FieldEndDate, j.EndDate.String())
	}
	sampleOf(&s, FieldEmploymentStatus, j.EmploymentStatus)
	if j.Income != nil && j.Income.Amount != nil {
		s.text(FieldSalary, dollars(*j.Income.Amount))
		sampleOf(&s, FieldPayUnit, j.Income.Unit)
	}
	return s
}

func (r record) payrollSample(unmasked bool) Sample {
	s := Sample{Row: r.row.Number}
	for _, c := range r.Proposal.Columns {
		switch cell := r.cell(c); {
		case cell == "" || c.Field == FieldIgnore:
		case c.Field == FieldSSN:
			s.text(c.Field, masked(cell, unmasked))
		case c.Field.isAmount():
			if cents, err := parseCents(cell); err == nil {
				s.text(c.Field, c.Column.Column+" "+dollars(cents))
			}
		default:
			s.text(c.Field, cell)
		}
	}
	return s
}

func (s *Sample) text(f Field, text string) {
	if text != "" {
		s.Values = append(s.Values, SampleValue{f, text})
	}
}

func sampleOf[T ~string](s *Sample, f Field, v *T) {
	if v != nil {
		s.text(f, string(*v))
	}
}

func masked(ssn string, unmasked bool) string {
	if unmasked {
		return ssn
	}
	return maskSSN(ssn)
}

// maskSSN shows the last four digits.
func maskSSN(s string) string {
	return "•••-••-" + s[max(0, len(s)-4):]
}

// dollars writes cents with two decimals and grouped digits.
func dollars(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	digits := strconv.FormatInt(cents/100, 10)
	var b strings.Builder
	b.WriteString(sign)
	for i := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	b.WriteByte('.')
	b.WriteByte(byte('0' + cents%100/10))
	b.WriteByte(byte('0' + cents%10))
	return b.String()
}
