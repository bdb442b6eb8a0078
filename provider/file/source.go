package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// File is one uploaded file.
type File struct {
	// Name is shown in problems; it is never opened.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Content is the file's bytes, where they are at hand.
	Content []byte `json:"content"`
	// Open returns the file's bytes where they are elsewhere; it is used when it is set. Size is how many
	// there are, as far as is known.
	Open func() (io.ReadCloser, error) `json:"-"`
	Size int64                         `json:"-"`
}

// Options are what [Open] may be told. The zero value is usable.
type Options struct {
	Limits Limits
	// Now tells the day on which the files are read, which decides centuries and who has left.
	Now func() time.Time
	// SampleRows is how many rows per file the preview shows; 5 unless given.
	SampleRows int
	// Unmasked shows social security numbers in the preview's samples.
	Unmasked bool
	// Snapshot keeps what a later reading can be compared with; see [Source.Snapshot].
	Snapshot bool
	// Before is the last snapshot, if there is one. Rows that stand in the files as they did then are not
	// read again.
	Before *Snapshot
}

// maxFiles bounds one import.
const maxFiles = 64

// Source is an employer as read from files. It holds the text of the files and who the people are; a
// person is read again whenever one is asked for.
type Source struct {
	company  perch.Company
	people   []*entry
	ledger   *ledger
	groups   []provider.PayGroup
	issues   issues
	preview  Preview
	complete bool
	places   *workplaces
	today    perch.Date
	// censuses is how many there are; layout is that of the only one, and 0 otherwise.
	censuses int
	layout   uint64
}

var (
	_ provider.CompanyReader      = (*Source)(nil)
	_ provider.PeopleReader       = (*Source)(nil)
	_ provider.PayGroupReader     = (*Source)(nil)
	_ provider.PaymentReader      = (*Source)(nil)
	_ provider.PayStatementReader = (*Source)(nil)
	_ provider.ProblemReporter    = (*Source)(nil)
	_ provider.CoverageReporter   = (*Source)(nil)
)

// Open reads the files. It fails when the mapping is wrong or a file is of no use as a whole; what is wrong
// with single rows is in [Source.Problems] and [Source.Preview].
func Open(files []File, mapping Mapping, options Options) (*Source, error) {
	if err := mapping.Validate(); err != nil {
		return nil, err
	}
	if len(files) == 0 || len(files) > maxFiles {
		return nil, perch.Invalid("files", "must hold 1 to %d files", maxFiles)
	}
	now := time.Now
	if options.Now != nil {
		now = options.Now
	}
	today := perch.DateOf(now())
	s := &Source{today: today}
	var tables []*Table
	var censuses, registers []*sheet
	for i, f := range files {
		given := mapping.Census
		if f.Kind == Payroll {
			given = mapping.Payroll
		} else if f.Kind != Census {
			return nil, perch.Invalid(fmt.Sprintf("files[%d].kind", i), "must be census or payroll")
		}
		t, err := readFile(f, given, options.Limits)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
		sh := newSheet(t, f.Kind, given, &s.issues, today)
		if err := sh.checkColumns(); err != nil {
			return nil, err
		}
		if f.Kind == Payroll {
			registers = append(registers, sh)
		} else {
			censuses = append(censuses, sh)
		}
	}
	s.load(censuses, registers, options)
	if err := s.checkRows(append(slices.Clone(censuses), registers...)); err != nil {
		return nil, err
	}
	s.company = company(mapping.Company, tables, s.places)
	s.preview.build(s, censuses, registers, options)
	return s, nil
}

func readFile(f File, given *SheetMapping, limits Limits) (*Table, error) {
	layout := Layout{}
	if given != nil {
		layout = Layout{Sheet: given.Sheet, HeaderRow: given.HeaderRow}
	}
	if f.Open == nil {
		return Read(f.Name, bytes.NewReader(f.Content), layout, limits)
	}
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", f.Name, err)
	}
	t, err := Read(f.Name, known{content, f.Size}, layout, limits)
	return t, errors.Join(err, content.Close())
}

// known is a reader of which the size is known.
type known struct {
	io.Reader
	size int64
}

// Len implements sized.
func (k known) Len() int { return int(k.size) }

// checkColumns refuses a file in which nothing says who the rows are about, or when they were paid.
func (s *sheet) checkColumns() error {
	if !s.has(FieldEmployeeNumber) && !s.has(FieldName) && !s.has(FieldLastName) {
		return perch.Invalid(s.Name, "no column was recognised as an employee number or a name; map one of its %d columns", len(s.Header))
	}
	if s.Kind == Payroll && !s.has(FieldPayDate) {
		return perch.Invalid(s.Name, "no column was recognised as the pay date; map one of its %d columns to pay_date%s", len(s.Header), s.censusHint())
	}
	if s.Kind == Census && s.looksLikeRegister() {
		return perch.Invalid(s.Name, "this looks like a payroll register and not like a list of people; use --payroll, so that it arrives as payments")
	}
	return nil
}

// censusHint says what the file is where it is no register.
func (s *sheet) censusHint() string {
	fields := fieldsOf(Propose(s.Table, Census, nil))
	if fields[FieldHireDate] || fields[FieldDOB] || fields[FieldTitle] || fields[FieldSalary] {
		return ", or use --census if it is a list of people"
	}
	return ""
}

// looksLikeRegister tells a payroll register among the censuses: read as one, its days and amounts of pay
// are found, and it lists people more than once or does not know when they were hired. As a census it
// would overwrite people with what little a register says of them.
func (s *sheet) looksLikeRegister() bool {
	fields := fieldsOf(Propose(s.Table, Payroll, nil))
	if !fields[FieldPayDate] || !fields[FieldGross] && !fields[FieldNet] {
		return false
	}
	return !s.has(FieldHireDate) || s.repeatsPeople()
}

func fieldsOf(p Proposal) map[Field]bool {
	fields := make(map[Field]bool, len(p.Columns))
	for _, c := range p.Columns {
		fields[c.Field] = true
	}
	return fields
}

// repeatsPeople reports whether rows of different content name the same person.
func (s *sheet) repeatsPeople() bool {
	seen := make(map[string][]string, s.Len())
	for i := range s.Len() {
		row := s.row(i, nil)
		r := record{sheet: s, row: row}
		who := or(r.text(FieldEmployeeNumber), or(r.text(FieldName), r.text(FieldFirstName)+" "+r.text(FieldLastName)))
		if first, ok := seen[who]; ok && !slices.Equal(first, row.Cells) {
			return true
		}
		seen[who] = row.Cells
	}
	return false
}

// checkRows refuses a file of which nothing arrived: it would make an employer without people, or say
// nothing about one that is known.
func (s *Source) checkRows(sheets []*sheet) error {
	for _, sh := range sheets {
		if sh.arrived > 0 {
			continue
		}
		for _, i := range s.issues.list {
			if i.File == sh.Name && i.Skipped {
				return perch.Invalid(sh.Name, "none of its rows could be read; the first problem is in row %d: %s", i.Row, i.Message)
			}
		}
		return perch.Invalid(sh.Name, "none of its rows could be read")
	}
	return nil
}

func (s *Source) load(censuses, registers []*sheet, options Options) {
	people := 0
	for _, c := range censuses {
		people += c.Len()
	}
	roster := newRoster(people)
	s.places = newWorkplaces()
	for _, c := range censuses {
		reader := census{sheet: c, roster: roster, prints: options.Snapshot, before: options.Before.readAs(c)}
		for e := range reader.readPeople(s.places) {
			roster.add(e)
		}
	}
	if s.censuses = len(censuses); s.censuses == 1 {
		s.layout = censuses[0].layout()
	}
	s.complete = len(censuses) > 0
	for _, c := range censuses {
		s.complete = s.complete && !c.given.Partial
	}
	for _, i := range s.issues.list {
		for _, c := range censuses {
			s.complete = s.complete && (!i.Skipped || i.File != c.Name)
		}
	}
	s.complete = s.complete && s.issues.dropped == 0
	roster.resolveManagers()
	s.ledger = &ledger{people: roster, byKey: make(map[string]*run), census: len(censuses) > 0}
	for _, r := range registers {
		s.ledger.readRegister(r)
	}
	s.people = roster.people
	roster.byKey, roster.byName = nil, nil // everybody has been found
	s.groups = s.ledger.finish()
	for _, r := range registers {
		s.preview.Controls = append(s.preview.Controls, r.checkTotals()...)
	}
}

// Complete reports whether the files list every employee, so that who is missing has left.
func (s *Source) Complete() bool { return s.complete }

// PeopleCoverage implements provider.CoverageReporter: who is missing from a complete census has left.
func (s *Source) PeopleCoverage() provider.Coverage {
	if s.complete {
		return provider.AbsentLeft
	}
	return provider.Additive
}

// PaymentCoverage implements provider.CoverageReporter: registers come month by month.
func (s *Source) PaymentCoverage() provider.Coverage { return provider.Additive }

// Close implements provider.Source.
func (s *Source) Close() error { return nil }

// Company implements provider.CompanyReader.
func (s *Source) Company(context.Context) (perch.Company, error) { return s.company, nil }

// People implements provider.PeopleReader. The order is that of the rows; people who occur in a payroll
// file only come last.
func (s *Source) People(ctx context.Context) iter.Seq2[*provider.Person, error] {
	return each(ctx, len(s.people), func(i int) *provider.Person { return s.people[i].person() })
}

// PayGroups implements provider.PayGroupReader.
func (s *Source) PayGroups(ctx context.Context) iter.Seq2[*provider.PayGroup, error] {
	return each(ctx, len(s.groups), func(i int) *provider.PayGroup {
		g := s.groups[i]
		return &g
	})
}

// Payments implements provider.PaymentReader.
func (s *Source) Payments(ctx context.Context) iter.Seq2[*provider.Payment, error] {
	return each(ctx, len(s.ledger.runs), func(i int) *provider.Payment {
		p := s.ledger.runs[i].payment
		return &p
	})
}

// PayStatements implements provider.PayStatementReader.
func (s *Source) PayStatements(ctx context.Context, paymentKey string) iter.Seq2[*provider.PayStatement, error] {
	r := s.ledger.byKey[paymentKey]
	if r == nil {
		return func(yield func(*provider.PayStatement, error) bool) {
			yield(nil, perch.NotFound("payment_not_found", "the files hold no payment with this key"))
		}
	}
	return each(ctx, len(r.statements), func(i int) *provider.PayStatement {
		p := r.statements[i]
		return &p
	})
}

// each yields n values by copy, so that a consumer that fills in ids changes nothing here.
func each[T any](ctx context.Context, n int, at func(int) *T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for i := range n {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(at(i), nil) {
				return
			}
		}
	}
}

// Problems implements provider.ProblemReporter.
func (s *Source) Problems() []provider.Problem { return s.issues.problems() }
