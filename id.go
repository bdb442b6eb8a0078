package perch

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID identifies one object for good: 16 bytes, written as a lower-case UUID. Ids of records are
// derived from the provider's own key, so that they survive every sync; ids of what Perch itself
// makes are random. The zero ID means "none" and encodes as JSON null inside a pointer only.
type ID [16]byte

// ErrInvalidID reports text that is not a UUID.
var ErrInvalidID = errors.New("not a UUID")

// NewID returns a random version 4 UUID.
func NewID() ID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return V4(b)
}

// V4 stamps the version and variant bits of a version 4 UUID onto 16 bytes that are already
// uniformly distributed, such as the output of a keyed hash.
func V4(b [16]byte) ID {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return ID(b)
}

// ParseID reads the 36-character hyphenated form, in either case.
func ParseID(s string) (ID, error) {
	var id ID
	if err := id.parse(s); err != nil {
		return ID{}, err
	}
	return id, nil
}

// ParseIDBytes is ParseID for a byte slice; it does not allocate.
func ParseIDBytes(s []byte) (ID, bool) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, false
	}
	j := 0
	for i := 0; i < 36; i += 2 {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			i++
		}
		hi, lo := unhex[s[i]], unhex[s[i+1]]
		if (hi|lo)&0xf0 != 0 {
			return ID{}, false
		}
		id[j] = hi<<4 | lo
		j++
	}
	return id, true
}

func (id *ID) parse(s string) error {
	parsed, ok := ParseIDBytes([]byte(s))
	if !ok {
		return fmt.Errorf("%w: %.40q", ErrInvalidID, s)
	}
	*id = parsed
	return nil
}

// IsZero reports the absent id.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the lower-case hyphenated form.
func (id ID) String() string {
	var b [36]byte
	return string(id.append(b[:0]))
}

// AppendText implements encoding.TextAppender.
func (id ID) AppendText(dst []byte) ([]byte, error) { return id.append(dst), nil }

func (id ID) append(dst []byte) []byte {
	dst = hex.AppendEncode(dst, id[0:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[4:6])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[6:8])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[8:10])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, id[10:16])
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return id.append(make([]byte, 0, 36)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(b []byte) error { return id.parse(string(b)) }

// Value stores the id as text; the zero ID is SQL NULL.
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.String(), nil
}

// Scan reads an id from text; SQL NULL is the zero ID.
func (id *ID) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*id = ID{}
		return nil
	case string:
		return id.parse(v)
	case []byte:
		return id.parse(string(v))
	}
	return fmt.Errorf("%w: a %T column", ErrInvalidID, v)
}

// unhex maps a hexadecimal digit to its value; 0xff marks any other byte, so a bad
// digit shows in the high nibble.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()
