package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	perch "github.com/perchhq/perch"
)

// maxDepth bounds the nesting of what a request body may hold in fields that are skipped.
const maxDepth = 64

// maxInteger bounds integers in bodies and queries. Larger ones are read as math.MaxInt, so that the
// bound of a field decides which error they are.
const maxInteger = math.MaxInt32

// scanner reads a JSON body in one pass, without reflection. It is strict about grammar, wants each
// field that it knows once and with the right type, and skips fields that it does not know. Strings
// without escapes and in plain ASCII are slices of the body; others are decoded by encoding/json.
type scanner struct {
	data  []byte
	pos   int
	depth int
	at    location
}

// location is where in the body the scanner is: "list[index].field", without the parts that are
// unset. It is kept as parts because naming it costs, and only errors need it.
type location struct {
	list    string
	index   int
	field   string
	element int // index within field, when inElement
	inside  bool
}

func (l location) String() string {
	text := l.list
	if l.list != "" && l.index >= 0 {
		text = fmt.Sprintf("%s[%d]", l.list, l.index)
	}
	if l.field != "" {
		if text != "" {
			text += "."
		}
		text += l.field
	}
	if l.inside {
		text = fmt.Sprintf("%s[%d]", text, l.element)
	}
	if text == "" {
		return "body"
	}
	return text
}

// plain reports whether all bytes stand for themselves within a JSON string: ASCII without control
// characters, quotes and backslashes. It looks at eight bytes at a time.
func plain(text []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	var odd uint64
	for len(text) >= 8 {
		word := binary.LittleEndian.Uint64(text)
		// Below 0x80, a byte that is less than n borrows from the high bit of word - n.
		odd |= word | (word - ones*' ') | ((word ^ ones*'\\') - ones) | ((word ^ ones*'"') - ones)
		text = text[8:]
	}
	for _, c := range text {
		if c < ' ' || c == '\\' || c == '"' {
			return false
		}
		odd |= uint64(c)
	}
	return odd&highs == 0
}

func (s *scanner) malformed() error {
	if len(s.data) == 0 {
		return perch.Invalid("body", "is empty; a JSON object is required.")
	}
	if s.pos >= len(s.data) {
		return perch.Invalid("body", "malformed JSON: it ends too early.")
	}
	return perch.Invalid("body", "malformed JSON at byte %d.", s.pos)
}

// invalid refuses the value at the current location.
func (s *scanner) invalid(format string, args ...any) error {
	return perch.Invalid(s.at.String(), format, args...)
}

// want refuses a value of the wrong type, or says that there is no value at all.
func (s *scanner) want(what string) error {
	switch c := s.peek(); {
	case c == '"', c == '{', c == '[', c == 't', c == 'f', c == 'n', c == '-', c >= '0' && c <= '9':
		return s.invalid("must be %s.", what)
	}
	return s.malformed()
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end refuses anything after the value.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.data) {
		return s.malformed()
	}
	return nil
}

// object calls visit with each key; visit reads the value.
func (s *scanner) object(what string, visit func(key []byte) error) error {
	if s.peek() != '{' {
		return s.want(what)
	}
	s.pos++
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.malformed()
		}
		key, err := s.quoted()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.malformed()
		}
		s.pos++
		if err := visit(key); err != nil {
			return err
		}
		if done, err := s.next('}'); done || err != nil {
			return err
		}
	}
}

// array calls visit with each index; visit reads the value.
func (s *scanner) array(visit func(index int) error) error {
	if s.peek() != '[' {
		return s.want("an array")
	}
	s.pos++
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for i := 0; ; i++ {
		if err := visit(i); err != nil {
			return err
		}
		if done, err := s.next(']'); done || err != nil {
			return err
		}
	}
}

// next passes a comma, or the closing byte, of which it reports true.
func (s *scanner) next(closing byte) (done bool, err error) {
	switch s.peek() {
	case ',':
		s.pos++
		return false, nil
	case closing:
		s.pos++
		return true, nil
	}
	return false, s.malformed()
}

// null passes a null, if that is the next value.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	return s.word("null") == nil
}

func (s *scanner) word(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.malformed()
	}
	s.pos += len(word)
	return nil
}

// text reads a string.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.want("a string")
	}
	return s.quoted()
}

// quoted reads the string that starts at the current byte.
func (s *scanner) quoted() ([]byte, error) {
	start := s.pos + 1
	if length := bytes.IndexByte(s.data[start:], '"'); length >= 0 && plain(s.data[start:start+length]) {
		s.pos = start + length + 1
		return s.data[start : start+length], nil
	}
	return s.odd(start)
}

// odd reads a string that may have escapes or bytes beyond ASCII.
func (s *scanner) odd(start int) ([]byte, error) {
	i := start
	for ; i < len(s.data) && s.data[i] != '"'; i++ {
		switch c := s.data[i]; {
		case c == '\\':
			i++
		case c < 0x20:
			s.pos = i
			return nil, s.malformed()
		}
	}
	if i >= len(s.data) {
		s.pos = len(s.data)
		return nil, s.malformed()
	}
	var text string
	if json.Unmarshal(s.data[start-1:i+1], &text) != nil {
		return nil, s.malformed()
	}
	s.pos = i + 1
	return []byte(text), nil
}

// integer reads a whole number that is not negative.
func (s *scanner) integer() (int, error) {
	c := s.peek()
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.want("an integer")
	}
	start := s.pos
	if err := s.number(); err != nil {
		return 0, err
	}
	return parseInteger(s.data[start:s.pos], s.invalid)
}

// parseInteger reads decimal digits. refuse makes the error for anything else.
func parseInteger[T string | []byte](digits T, refuse func(format string, args ...any) error) (int, error) {
	if len(digits) == 0 {
		return 0, refuse("must be an integer.")
	}
	value, negative := 0, digits[0] == '-' && len(digits) > 1
	if negative {
		digits = digits[1:]
	}
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, refuse("must be an integer.")
		}
		if value <= maxInteger/10 {
			value = value*10 + int(c-'0')
		} else {
			value = math.MaxInt
		}
	}
	if negative {
		return 0, refuse("must not be negative.")
	}
	return value, nil
}

// skip passes any value and checks its grammar.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.quoted()
		return err
	case c == '{' || c == '[':
		if s.depth++; s.depth > maxDepth {
			return perch.Invalid("body", "is nested deeper than %d levels.", maxDepth)
		}
		defer func() { s.depth-- }()
		if c == '[' {
			return s.array(func(int) error { return s.skip() })
		}
		return s.object("", func([]byte) error { return s.skip() })
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.number()
}

// number passes a number and checks its grammar.
func (s *scanner) number() error {
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if !s.digits() {
		return s.malformed()
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		if s.pos++; !s.digits() {
			return s.malformed()
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		if s.pos++; s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.malformed()
		}
	}
	return nil
}

// digits passes decimal digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}
