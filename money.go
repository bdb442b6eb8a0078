package perch

import (
	"errors"
	"fmt"
	"strconv"
)

// USD is the currency code of US payroll, in the lower case that the wire uses.
const USD = "usd"

// Money is an amount in the smallest unit of its currency: cents for "usd".
type Money struct {
	Amount   *int64 `json:"amount"`
	Currency string `json:"currency"`
}

// Dollars returns cents as money in US dollars.
func Dollars(cents int64) *Money { return &Money{Amount: &cents, Currency: USD} }

// Hours is a span of work in hundredths of an hour. It encodes as a JSON number with at most two
// decimals: 4250 is 42.5.
type Hours int64

// ErrInvalidHours reports a number of hours with more than two decimals or out of range.
var ErrInvalidHours = errors.New("not a number of hours with at most two decimals")

// String returns the decimal form without trailing zeros.
func (h Hours) String() string { return string(h.append(nil)) }

func (h Hours) append(dst []byte) []byte {
	if h < 0 {
		dst = append(dst, '-')
		h = -h
	}
	dst = strconv.AppendInt(dst, int64(h/100), 10)
	switch f := h % 100; {
	case f == 0:
	case f%10 == 0:
		dst = append(dst, '.', byte('0'+f/10))
	default:
		dst = append(dst, '.', byte('0'+f/10), byte('0'+f%10))
	}
	return dst
}

// MarshalJSON implements json.Marshaler.
func (h Hours) MarshalJSON() ([]byte, error) { return h.append(make([]byte, 0, 8)), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (h *Hours) UnmarshalJSON(b []byte) error {
	parsed, err := ParseHours(string(b))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// ParseHours reads a plain decimal number. Digits past the second decimal must be zero.
func ParseHours(s string) (Hours, error) {
	bad := func() (Hours, error) { return 0, fmt.Errorf("%w: %.40q", ErrInvalidHours, s) }
	negative, i := false, 0
	if i < len(s) && s[i] == '-' {
		negative, i = true, i+1
	}
	var whole, fraction, digits int64
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if whole = whole*10 + int64(s[i]-'0'); whole > 1_000_000_000 {
			return bad()
		}
		digits++
	}
	if i < len(s) && s[i] == '.' {
		scale := int64(10)
		for i++; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			if scale == 0 && s[i] != '0' {
				return bad()
			}
			fraction += int64(s[i]-'0') * scale
			scale /= 10
			digits++
		}
	}
	if digits == 0 || i != len(s) {
		return bad()
	}
	h := Hours(whole*100 + fraction)
	if negative {
		h = -h
	}
	return h, nil
}
