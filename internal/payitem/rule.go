package payitem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
)

// Limits of rules. What one line may get in all bounds what rules can make of an answer.
const (
	// MaxRules is how many rules an entity may have.
	MaxRules = 1000
	// MaxPriority is the largest number of a priority.
	MaxPriority = 1_000_000
	// maxValue bounds the value of a condition in bytes.
	maxValue = 1024
	// maxKeys, maxKey, maxMetadata and maxDepth bound the metadata of a rule: its keys, the bytes of one of
	// them, the bytes of all of it, and how deep its values are nested.
	maxKeys     = 50
	maxKey      = 128
	maxMetadata = 4 << 10
	maxDepth    = 8
	// maxLine bounds the metadata, in bytes, of all rules that can apply to one line together.
	maxLine = 8 << 10
)

// Field is what a condition looks at.
type Field string

// Fields of lines.
const (
	FieldCategory Field = "category"
	FieldName     Field = "name"
	FieldType     Field = "type"
	FieldPreTax   Field = "pre_tax"
	FieldEmployer Field = "employer"
)

// Values lists every field.
func (Field) Values() []Field {
	return []Field{FieldCategory, FieldName, FieldType, FieldPreTax, FieldEmployer}
}

// Operator is how a condition compares.
type Operator string

// OperatorEquals holds when the field is the value, letter for letter.
const OperatorEquals Operator = "equals"

// Values lists every operator.
func (Operator) Values() []Operator { return []Operator{OperatorEquals} }

// EntityType is what a rule applies to.
type EntityType string

// EntityPayStatementItem is the only type there is.
const EntityPayStatementItem EntityType = "pay_statement_item"

// Values lists every type.
func (EntityType) Values() []EntityType { return []EntityType{EntityPayStatementItem} }

// Condition is one test of a line.
type Condition struct {
	Field    Field    `json:"field"`
	Operator Operator `json:"operator"`
	Value    string   `json:"value" minLength:"1" maxLength:"1024"`
}

// Metadata is what a rule attaches, by key. The values are any JSON.
type Metadata map[string]json.RawMessage

// Attributes are what a line gets from a rule.
type Attributes struct {
	Metadata Metadata `json:"metadata" nullable:"false"`
}

// Rule attaches metadata to the lines that meet all its conditions, on statements whose pay date lies
// within its effective dates, both inclusive.
type Rule struct {
	ID                 perch.ID    `json:"id"`
	Priority           int         `json:"priority" doc:"Where several rules set the same key on a line, the rule with the lowest number does."`
	EffectiveStartDate *perch.Date `json:"effective_start_date" doc:"First pay date that the rule applies to; null for no beginning."`
	EffectiveEndDate   *perch.Date `json:"effective_end_date" doc:"Last pay date that the rule applies to; null for no end."`
	Conditions         []Condition `json:"conditions" nullable:"false"`
	Attributes         Attributes  `json:"attributes"`
	EntityType         EntityType  `json:"entity_type"`
	CreatedAt          time.Time   `json:"created_at"`
	UpdatedAt          time.Time   `json:"updated_at"`
	DeletedAt          *time.Time  `json:"deleted_at,omitempty"`
}

// Day is an edit of a nullable date.
type Day struct {
	Given bool
	Date  *perch.Date
}

// Edit is what a request says about a rule. What it leaves out stays as it is.
type Edit struct {
	Priority   *int
	Start, End Day
	Conditions []Condition
	Metadata   Metadata
}

// apply returns the rule with the edit made.
func (e *Edit) apply(r Rule) Rule {
	if e.Priority != nil {
		r.Priority = *e.Priority
	}
	if e.Start.Given {
		r.EffectiveStartDate = e.Start.Date
	}
	if e.End.Given {
		r.EffectiveEndDate = e.End.Date
	}
	if e.Conditions != nil {
		r.Conditions = e.Conditions
	}
	if e.Metadata != nil {
		r.Attributes.Metadata = e.Metadata
	}
	return r
}

// check refuses a rule that could not work, naming the field.
func (r *Rule) check() error {
	if r.Priority < 1 || r.Priority > MaxPriority {
		return perch.Invalid("priority", "must be between 1 and %d.", MaxPriority)
	}
	if r.EffectiveStartDate != nil && r.EffectiveEndDate != nil && *r.EffectiveEndDate < *r.EffectiveStartDate {
		return perch.Invalid("effective_end_date", "must not be before effective_start_date.")
	}
	if len(r.Conditions) == 0 {
		return perch.Invalid("conditions", "must hold at least one condition.")
	}
	if most := len(Field("").Values()); len(r.Conditions) > most {
		return perch.Invalid("conditions", "must not hold more than %d conditions.", most)
	}
	for i := range r.Conditions {
		if err := r.checkCondition(i); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) checkCondition(i int) error {
	c := &r.Conditions[i]
	place := fmt.Sprintf("conditions[%d].", i)
	if !slices.Contains(c.Field.Values(), c.Field) {
		return perch.Invalid(place+"field", "must be one of %s.", joined(c.Field.Values()))
	}
	if c.Operator != OperatorEquals {
		return perch.Invalid(place+"operator", "must be one of %s.", joined(c.Operator.Values()))
	}
	if slices.ContainsFunc(r.Conditions[:i], func(earlier Condition) bool { return earlier.Field == c.Field }) {
		return perch.Invalid(place+"field", "is named by another condition already; a line has to meet all of them.")
	}
	if c.Value == "" || len(c.Value) > maxValue {
		return perch.Invalid(place+"value", "must have between 1 and %d bytes.", maxValue)
	}
	switch c.Field {
	case FieldCategory:
		if _, ok := parseCategory(c.Value); !ok {
			return perch.Invalid(place+"value", "a category is one of %s.", strings.Join(Categories(), ", "))
		}
	case FieldPreTax, FieldEmployer:
		if c.Value != "true" && c.Value != "false" {
			return perch.Invalid(place+"value", `is compared with a flag: write "true" or "false".`)
		}
	case FieldName, FieldType:
	}
	return nil
}

func joined[E ~string](values []E) string {
	var text []string
	for _, value := range values {
		text = append(text, string(value))
	}
	return strings.Join(text, ", ")
}

// value returns what the rule wants the field to be, or nothing if any will do.
func (r *Rule) value(field Field) string {
	for _, c := range r.Conditions {
		if c.Field == field {
			return c.Value
		}
	}
	return ""
}

// matches reports whether a line meets all conditions.
func (r *Rule) matches(k *Key) bool {
	for i := range r.Conditions {
		if k.field(r.Conditions[i].Field) != r.Conditions[i].Value {
			return false
		}
	}
	return true
}

// inForce reports whether the rule applies to statements with the pay date. A rule with effective dates
// does not apply where there is none.
func (r *Rule) inForce(paid *perch.Date) bool {
	if paid == nil {
		return r.EffectiveStartDate == nil && r.EffectiveEndDate == nil
	}
	return (r.EffectiveStartDate == nil || *r.EffectiveStartDate <= *paid) && (r.EffectiveEndDate == nil || *paid <= *r.EffectiveEndDate)
}

// ParseMetadata reads the JSON of an object whose grammar was checked. place names it in errors.
func ParseMetadata(place string, raw []byte) (Metadata, error) {
	if !utf8.Valid(raw) {
		return nil, perch.Invalid(place, "must be UTF-8.")
	}
	if depth(raw) > maxDepth {
		return nil, perch.Invalid(place, "must not be nested deeper than %d levels.", maxDepth)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, perch.Invalid(place, "must be an object.")
	}
	m := Metadata{}
	for decoder.More() {
		token, err := decoder.Token()
		key, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || decoder.Decode(&value) != nil {
			return nil, perch.Invalid(place, "must be an object.")
		}
		if key == "" || len(key) > maxKey {
			return nil, perch.Invalid(place, "each key must have between 1 and %d bytes.", maxKey)
		}
		if _, twice := m[key]; twice {
			return nil, perch.Invalid(place, "has the key %q more than once.", key)
		}
		var tight bytes.Buffer
		if err := json.Compact(&tight, value); err != nil {
			return nil, perch.Invalid(place, "must be an object.")
		}
		m[key] = tight.Bytes()
	}
	switch {
	case len(m) == 0 || len(m) > maxKeys:
		return nil, perch.Invalid(place, "must have between 1 and %d keys.", maxKeys)
	case m.size() > maxMetadata:
		return nil, perch.Invalid(place, "must not be larger than %d bytes.", maxMetadata)
	}
	return m, nil
}

// size is how many bytes the metadata adds to a line at most.
func (m Metadata) size() int {
	total := 0
	for key, value := range m {
		total += len(quoted(key)) + len(value) + len(":,")
	}
	return total
}

// size is how many bytes of text the rule holds.
func (r *Rule) size() int {
	total := r.Attributes.Metadata.size()
	for i := range r.Conditions {
		total += len(r.Conditions[i].Value)
	}
	return total
}

// depth is how deep JSON of good grammar is nested: 1 for an object of plain values.
func depth(raw []byte) (deepest int) {
	open, text := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}

// quoted returns the JSON of a string.
func quoted(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // cannot fail for a string
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// checkTogether refuses rules that could attach more to one line than maxLine. changed is the one
// that the request is about. A line has one name and one type, so of the rules that name one, those
// with the same are added up; effective dates and the other fields are not looked at.
func checkTogether(rules []Rule, changed *Rule) error {
	byName, byType := map[string]int{}, map[string]int{}
	general := 0
	compatible := func(field Field, r *Rule) bool {
		mine, other := changed.value(field), r.value(field)
		return mine == "" || other == "" || mine == other
	}
	for i := range rules {
		r := &rules[i]
		if slices.ContainsFunc(Field("").Values(), func(f Field) bool { return !compatible(f, r) }) {
			continue
		}
		switch size := r.Attributes.Metadata.size(); {
		case r.value(FieldName) != "":
			byName[r.value(FieldName)] += size
		case r.value(FieldType) != "":
			byType[r.value(FieldType)] += size
		default:
			general += size
		}
	}
	if general+largest(byName)+largest(byType) > maxLine {
		return perch.Invalid("attributes.metadata", "the rules that can apply to the same line would attach more than %d bytes to it.", maxLine)
	}
	return nil
}

func largest(sizes map[string]int) (most int) {
	for _, size := range sizes {
		most = max(most, size)
	}
	return most
}
