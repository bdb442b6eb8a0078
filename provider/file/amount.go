package file

import (
	"errors"
	"strings"

	perch "github.com/perchhq/perch"
)

var (
	errAmount    = errors.New("is not an amount; write it like 1,234.56, -1,234.56 or (1,234.56)")
	errPrecision = errors.New("has more decimals than cents")
	errHours     = errors.New("is not a number of hours; write it like 80.25 or 80:15")
)

// maxDigits keeps every amount, and the sum of millions of them, well inside 64 bits.
const maxDigits = 13

// parseCents reads an amount of money exactly; digits below the cent must be zero.
func parseCents(s string) (int64, error) { return parseDecimal(s, 2) }

// parseRate reads an amount such as an hourly rate and rounds what is below the cent half away from zero.
func parseRate(s string) (int64, error) {
	fine, err := parseDecimal(s, 6)
	if err != nil {
		return 0, errAmount
	}
	return divideRound(fine, 10_000), nil
}

func divideRound(n, by int64) int64 {
	if n < 0 {
		return -divideRound(-n, by)
	}
	return (n + by/2) / by
}

// parseHours reads hours as a decimal or as hours and minutes. Parts below a hundredth are rounded.
func parseHours(s string) (perch.Hours, error) {
	if whole, minutes, ok := strings.Cut(s, ":"); ok {
		h, err := parseDecimal(whole, 0)
		m, err2 := parseDecimal(minutes, 0)
		if err != nil || err2 != nil || len(minutes) != 2 || m > 59 || h < 0 {
			return 0, errHours
		}
		return perch.Hours(h*100 + divideRound(m*100, 60)), nil
	}
	fine, err := parseDecimal(s, 6)
	if err != nil {
		return 0, errHours
	}
	return perch.Hours(divideRound(fine, 10_000)), nil
}

// parseDecimal reads a number with optional currency sign, sign in front, behind or as parentheses, and
// digit groups, and returns it times ten to the power of places.
func parseDecimal(s string, places int) (int64, error) {
	if len(s) > 40 {
		return 0, errAmount
	}
	body, negative, ok := unsign(strings.TrimSpace(s))
	if !ok {
		return 0, errAmount
	}
	whole, fraction, ok := splitDecimal(body)
	if !ok || len(whole)+len(fraction) == 0 {
		return 0, errAmount
	}
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	if len(whole) > maxDigits || len(fraction) > 20 {
		return 0, errAmount
	}
	if len(fraction) > places {
		return 0, errPrecision
	}
	var n int64
	for _, c := range whole + fraction + strings.Repeat("0", places-len(fraction)) {
		n = n*10 + int64(c-'0')
		if n > 1<<60 {
			return 0, errAmount
		}
	}
	if negative {
		n = -n
	}
	return n, nil
}

// unsign takes the sign and the currency off.
func unsign(s string) (string, bool, bool) {
	negative := false
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		negative, s = true, strings.TrimSpace(s[1:len(s)-1])
	}
	sign := func(cut bool) bool {
		if cut && negative {
			return false
		}
		negative = negative || cut
		return true
	}
	for range 2 { // the sign stands before or after the currency
		rest, cut := strings.CutPrefix(s, "-")
		if !sign(cut) {
			return "", false, false
		}
		rest = strings.TrimPrefix(rest, "+")
		rest = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(rest, "US$"), "USD"), "$")
		s = strings.TrimSpace(rest)
	}
	s = strings.TrimSpace(strings.TrimSuffix(s, "USD"))
	rest, cut := strings.CutSuffix(s, "-")
	return strings.TrimSpace(rest), negative || cut, sign(cut)
}

// splitDecimal parts a number without sign into the digits before and after the decimal sign. Points and
// commas are told apart by where they stand: groups have three digits, and the last sign is the decimal's.
func splitDecimal(s string) (string, string, bool) {
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	group, decimal := ",", "."
	switch {
	case dots > 0 && commas > 0:
		if strings.LastIndex(s, ",") > strings.LastIndex(s, ".") {
			group, decimal = ".", ","
		}
	case commas == 1 && dots == 0 && len(s)-strings.Index(s, ",") <= 3:
		group, decimal = ".", ","
	case dots > 1:
		group, decimal = ".", ","
	}
	whole, fraction, _ := strings.Cut(s, decimal)
	parts := strings.Split(whole, group)
	for i, p := range parts {
		if len(parts) > 1 && (i == 0 && (p == "" || len(p) > 3) || i > 0 && len(p) != 3) || !allDigits(p) {
			return "", "", false
		}
	}
	return strings.Join(parts, ""), fraction, allDigits(fraction)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
