package file

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"

	perch "github.com/perchhq/perch"
)

// lastSerial is 9999-12-31 as a spreadsheet counts days.
const lastSerial = 2_958_465

// cellText chooses between a cell as stored and as displayed. Dates come back as YYYY-MM-DD whatever their
// format, numbers with every digit that was entered, and codes with the zeros that only the format shows.
func cellText(stored, displayed string, from1904 bool) string {
	shown := strings.TrimSpace(displayed)
	if stored == displayed {
		return tidyNumber(stored)
	}
	if !isPlainNumber(stored) {
		return displayed
	}
	if day, ok := serialDay(stored, from1904); ok && looksLikeDate(shown, day) {
		return day.String()
	}
	if isCode(shown) {
		return shown
	}
	if strings.ContainsFunc(shown, unicode.IsLetter) && !strings.ContainsFunc(shown, unicode.IsDigit) {
		return shown
	}
	return tidyNumber(stored)
}

// isCode tells numbers that a format pads or groups with dashes: ZIP codes, SSNs, phone numbers.
func isCode(shown string) bool {
	digits, dashes := 0, 0
	for i, r := range shown {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '-' && i > 0, r == '(', r == ')', r == ' ':
			dashes++
		default:
			return false
		}
	}
	padded := dashes == 0 && len(shown) > 1 && shown[0] == '0'
	grouped := strings.Contains(shown, "-") && digits >= 7
	return digits > 0 && (padded || grouped)
}

// serialDay reads a day count. Serial 60 is a day that never was (1900-02-29), a mistake that
// spreadsheets keep; counts from 61 on are days since 1899-12-30.
func serialDay(s string, from1904 bool) (perch.Date, bool) {
	whole, _, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(whole)
	if err != nil || n < 1 || n > lastSerial {
		return 0, false
	}
	if from1904 {
		return perch.NewDate(1904, 1, 1).AddDays(n), true
	}
	if n < 60 {
		n++
	}
	return perch.NewDate(1899, 12, 30).AddDays(n), true
}

// looksLikeDate reports whether a displayed text shows the given day: its month, by number or name,
// and its day or year, with something between them that numbers do not have.
func looksLikeDate(shown string, day perch.Date) bool {
	year, month, dayOfMonth := day.Calendar()
	groups := strings.FieldsFunc(shown, func(r rune) bool { return r < '0' || r > '9' })
	var hasDay, hasYear, hasMonth bool
	for _, g := range groups {
		n, err := strconv.Atoi(g)
		if err != nil {
			return false
		}
		hasYear = hasYear || n == year || len(g) == 2 && n == year%100
		hasMonth = hasMonth || n == int(month)
		hasDay = hasDay || n == dayOfMonth
	}
	if strings.Contains(strings.ToLower(shown), strings.ToLower(month.String()[:3])) {
		return hasDay || hasYear
	}
	return hasMonth && (hasDay || hasYear) && len(groups) > 1 && strings.ContainsAny(shown, "/-. ") &&
		!strings.ContainsAny(shown, "$%,")
}

func isPlainNumber(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '.', r == 'e', r == 'E':
		case (r == '-' || r == '+') && (i == 0 || s[i-1] == 'e' || s[i-1] == 'E'):
		default:
			return false
		}
	}
	return s[0] >= '0' && s[0] <= '9' || s[0] == '-' && len(s) > 1 || s[0] == '.'
}

// tidyNumber rounds a stored number to the fifteen significant digits that a spreadsheet keeps, so that
// 2404.0799999999999 is 2404.08 again. Other text is returned unchanged.
func tidyNumber(s string) string {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	if !isPlainNumber(s) || !scientific && len(strings.Trim(mantissa, "-0.")) <= 15 {
		return s
	}
	if scientific {
		if e, err := strconv.Atoi(exponent); err != nil || e > 20 || e < -20 {
			return s
		}
	}
	value, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	whole := len(new(big.Int).Quo(value.Num(), value.Denom()).String())
	text := value.FloatString(max(0, 15-whole))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
