package file

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	perch "github.com/perchhq/perch"
)

// Mapping says what the columns of a connection's files hold. The zero Mapping leaves everything to the
// lexicon. It is kept per connection and written as YAML.
type Mapping struct {
	Company *CompanyMapping `yaml:"company,omitempty"`
	Census  *SheetMapping   `yaml:"census,omitempty"`
	Payroll *SheetMapping   `yaml:"payroll,omitempty"`
}

// CompanyMapping states what the files do not say about the employer.
type CompanyMapping struct {
	LegalName string `yaml:"legal_name,omitempty"`
	// EIN is nine digits, with or without the dash.
	EIN string `yaml:"ein,omitempty"`
}

// SheetMapping describes one kind of file.
type SheetMapping struct {
	// Sheet and HeaderRow find the table where that fails by itself; see [Layout].
	Sheet     string `yaml:"sheet,omitempty"`
	HeaderRow int    `yaml:"header_row,omitempty"`
	// DateOrder is the order of numeric dates in columns that have none of their own.
	DateOrder DateOrder `yaml:"date_order,omitempty"`
	// NameFormat is how whole names without a comma are written; first_last unless given.
	NameFormat NameFormat `yaml:"name_format,omitempty"`
	// Partial says that a census does not list everyone, so that who is missing has not left.
	Partial bool `yaml:"partial,omitempty"`
	// OnlyMapped turns the lexicon off: columns not named here are not read.
	OnlyMapped bool `yaml:"only_mapped,omitempty"`
	// Columns overrule the lexicon.
	Columns []Column `yaml:"columns,omitempty"`
}

// Column says what one column holds.
type Column struct {
	// Column is the title as the file has it; case and spaces do not matter.
	Column string `yaml:"column"`
	Field  Field  `yaml:"field"`
	// Type is the earning type, tax type or benefit type of an item. An earning without one is salary or
	// wage, as the row's pay type says.
	Type string `yaml:"type,omitempty"`
	// Name is the item's name on the statement; the title unless given.
	Name string `yaml:"name,omitempty"`
	// Employer marks a tax that the employer owes.
	Employer bool `yaml:"employer,omitempty"`
	// PreTax marks a deduction as taken before or after taxes.
	PreTax *bool `yaml:"pre_tax,omitempty"`
	// Of names the earning column whose hours these are.
	Of string `yaml:"of,omitempty"`
	// Shared says that the hours cover time off as well, which has no hours column of its own.
	Shared bool `yaml:"shared,omitempty"`
	// Unit is the unit of a salary column.
	Unit string `yaml:"unit,omitempty"`
	// Order overrules the order of numeric dates.
	Order DateOrder `yaml:"order,omitempty"`
	// Values translate cells before they are read; case does not matter.
	Values map[string]string `yaml:"values,omitempty"`
}

// Bounds of a mapping document.
const (
	maxMappingBytes = 256 << 10
	maxMappingDepth = 12
)

// ParseMapping reads a mapping. An unknown key or value is an error that names its place.
func ParseMapping(text []byte) (Mapping, error) {
	var m Mapping
	if len(text) > maxMappingBytes {
		return m, perch.Invalid("mapping", "is larger than %d KiB", maxMappingBytes>>10)
	}
	if err := checkYAML(string(text)); err != nil {
		return m, err
	}
	if strings.TrimSpace(string(text)) == "" {
		return m, nil
	}
	if err := yaml.UnmarshalWithOptions(text, &m, yaml.Strict()); err != nil {
		message, _, _ := strings.Cut(strings.TrimSpace(yaml.FormatError(err, false, false)), "\n")
		return Mapping{}, perch.Invalid("mapping", "%s", message)
	}
	return m, m.Validate()
}

// checkYAML refuses what makes a small document cost much: references, and nesting without end.
func checkYAML(text string) error {
	depth := 0
	for _, t := range lexer.Tokenize(text) {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return perch.Invalid("mapping", "line %d: anchors, aliases and tags are not allowed", t.Position.Line)
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth > maxMappingDepth || t.Position != nil && t.Position.IndentNum > 4*maxMappingDepth {
			return perch.Invalid("mapping", "line %d: nested too deeply", t.Position.Line)
		}
	}
	return nil
}

// YAML writes the mapping so that [ParseMapping] reads it back unchanged.
func (m Mapping) YAML() ([]byte, error) {
	text, err := yaml.MarshalWithOptions(m, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("writing the mapping: %w", err)
	}
	return text, nil
}

// Validate reports the first setting that has no meaning, by its path.
func (m Mapping) Validate() error {
	if m.Company != nil && m.Company.EIN != "" {
		if _, ok := formatEIN(m.Company.EIN); !ok {
			return perch.Invalid("mapping.company.ein", "must be nine digits")
		}
	}
	if err := m.Census.validate("mapping.census", censusFields); err != nil {
		return err
	}
	return m.Payroll.validate("mapping.payroll", payrollFields)
}

func (s *SheetMapping) validate(path string, fields []Field) error {
	if s == nil {
		return nil
	}
	if s.HeaderRow < 0 {
		return perch.Invalid(path+".header_row", "must be 1 or more")
	}
	if !oneOf(s.DateOrder, "", MonthFirst, DayFirst, YearFirst) {
		return perch.Invalid(path+".date_order", "must be mdy, dmy or ymd")
	}
	if !oneOf(s.NameFormat, "", LastFirst, FirstLast) {
		return perch.Invalid(path+".name_format", "must be last_first or first_last")
	}
	seen := make(map[string]bool, len(s.Columns))
	fieldSeen := make(map[Field]bool, len(s.Columns))
	for i, c := range s.Columns {
		at := fmt.Sprintf("%s.columns[%d]", path, i)
		if err := c.validate(at, fields); err != nil {
			return err
		}
		if title := titleKey(c.Column); seen[title] {
			return perch.Invalid(at+".column", "is mapped twice")
		} else {
			seen[title] = true
		}
		if fieldSeen[c.Field] && !c.Field.repeats() {
			return perch.Invalid(at+".field", "%s is mapped from two columns", c.Field)
		}
		fieldSeen[c.Field] = true
	}
	return nil
}

func (c Column) validate(at string, fields []Field) error {
	if titleKey(c.Column) == "" {
		return perch.Invalid(at+".column", "must be the title of a column")
	}
	if !slices.Contains(fields, c.Field) {
		return perch.Invalid(at+".field", "must be one of %s", joined(fields))
	}
	cells := make(map[string]bool, len(c.Values))
	for from := range c.Values {
		if key := titleKey(from); cells[key] {
			return perch.Invalid(at+".values", "names a value twice; case does not tell values apart")
		} else {
			cells[key] = true
		}
	}
	if !oneOf(c.Order, "", MonthFirst, DayFirst, YearFirst) {
		return perch.Invalid(at+".order", "must be mdy, dmy or ymd")
	}
	if c.Unit != "" && !oneOf(perch.IncomeUnit(c.Unit), perch.IncomeUnit("").Values()...) {
		return perch.Invalid(at+".unit", "must be one of %s", joined(perch.IncomeUnit("").Values()))
	}
	switch c.Field {
	case FieldEarning:
		return checkType(at, perch.EarningType(c.Type), true)
	case FieldTax:
		return checkType(at, perch.TaxType(c.Type), false)
	case FieldDeduction, FieldContribution:
		return checkType(at, perch.BenefitType(c.Type), true)
	}
	if c.Type != "" {
		return perch.Invalid(at+".type", "belongs to earning, tax, deduction and contribution only")
	}
	return nil
}

func checkType[T interface {
	~string
	Values() []T
	comparable
}](at string, t T, optional bool) error {
	if optional && t == "" || slices.Contains(t.Values(), t) {
		return nil
	}
	return perch.Invalid(at+".type", "must be one of %s", joined(t.Values()))
}

func oneOf[T comparable](v T, allowed ...T) bool { return slices.Contains(allowed, v) }

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// titleKey is a column title as titles are compared.
func titleKey(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
