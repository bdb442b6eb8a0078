package payitem

import (
	"encoding/binary"
	"errors"
	"strings"

	perch "github.com/perchhq/perch"
)

// Category is the list of a pay statement that an item stands in.
type Category uint8

// Categories, in the order of a pay statement.
const (
	Earnings Category = iota
	Taxes
	EmployeeDeductions
	EmployerContributions
	categories
)

// String returns the name on the wire.
func (c Category) String() string {
	return [...]string{"earnings", "taxes", "employee_deductions", "employer_contributions"}[c]
}

// Categories lists the names of all categories.
func Categories() []string {
	var names []string
	for c := range categories {
		names = append(names, c.String())
	}
	return names
}

// parseCategory reads a name.
func parseCategory(name string) (Category, bool) {
	for c := range categories {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// Flag is a boolean that may be unknown.
type Flag uint8

// Flags.
const (
	Unknown Flag = iota
	No
	Yes
)

// FlagOf returns the flag of a nullable boolean.
func FlagOf(b *bool) Flag {
	switch {
	case b == nil:
		return Unknown
	case *b:
		return Yes
	}
	return No
}

// String returns the JSON of the flag, which is also what rules compare with.
func (f Flag) String() string { return [...]string{"null", "false", "true"}[f] }

// Key is what makes two lines the same item.
type Key struct {
	Category Category
	// Flag says of deductions whether they come before tax, of taxes whether the employer pays them.
	Flag Flag
	// Type and Name are empty where the line has none.
	Type, Name string
}

// Item is an entry of the catalogue.
type Item struct {
	Key
	// Number is how marks name the item; see records.AppendMark. It starts at 1.
	Number uint32
	// LastSeen is the latest pay date of a statement with the item; nil where no such payment has one.
	LastSeen *perch.Date
}

// MaxItems bounds an entity's catalogue. Lines of items beyond it carry no metadata.
const MaxItems = 50_000

var errMalformed = errors.New("malformed pay statement item")

// Append appends the item as it is stored.
func (i *Item) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(i.Number))
	dst = append(dst, byte(i.Category), byte(i.Flag))
	dst = AppendDate(dst, i.LastSeen)
	dst = binary.AppendUvarint(dst, uint64(len(i.Type)))
	dst = append(dst, i.Type...)
	return append(dst, i.Name...)
}

// DecodeItem reads what Append wrote.
func DecodeItem(b []byte) (Item, error) {
	var item Item
	number, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+2 || b[n] >= byte(categories) || b[n+1] > byte(Yes) {
		return item, errMalformed
	}
	item.Number, item.Category, item.Flag = uint32(number), Category(b[n]), Flag(b[n+1])
	var err error
	if item.LastSeen, b, err = DecodeDate(b[n+2:]); err != nil {
		return item, err
	}
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return item, errMalformed
	}
	b = b[n:]
	item.Type, item.Name = string(b[:length]), string(b[length:])
	return item, nil
}

// AppendDate appends a nullable date as it is stored.
func AppendDate(dst []byte, d *perch.Date) []byte {
	if d == nil {
		return append(dst, 0)
	}
	return binary.AppendVarint(append(dst, 1), int64(*d))
}

// DecodeDate reads what AppendDate wrote and returns what follows it.
func DecodeDate(b []byte) (*perch.Date, []byte, error) {
	if len(b) == 0 {
		return nil, nil, errMalformed
	}
	if b[0] == 0 {
		return nil, b[1:], nil
	}
	days, n := binary.Varint(b[1:])
	if n <= 0 {
		return nil, nil, errMalformed
	}
	d := perch.Date(days)
	return &d, b[1+n:], nil
}

// compare orders items for a reader: by category, name, type and flag.
func compare(a, b Item) int {
	if a.Category != b.Category {
		return int(a.Category) - int(b.Category)
	}
	if by := strings.Compare(a.Name, b.Name); by != 0 {
		return by
	}
	if by := strings.Compare(a.Type, b.Type); by != 0 {
		return by
	}
	return int(a.Flag) - int(b.Flag)
}

// field returns what a condition on the field compares with.
func (k *Key) field(name Field) string {
	switch name {
	case FieldCategory:
		return k.Category.String()
	case FieldName:
		return k.Name
	case FieldType:
		return k.Type
	case FieldPreTax:
		if k.Category == EmployeeDeductions {
			return k.Flag.String()
		}
	case FieldEmployer:
		if k.Category == Taxes {
			return k.Flag.String()
		}
	}
	return ""
}
