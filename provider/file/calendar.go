package file

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	perch "github.com/perchhq/perch"
)

// DateOrder says how a numeric date such as 03/04/2019 is to be read.
type DateOrder string

// Orders of numeric dates. Dates that begin with a four-digit year, and dates with the month in
// letters, read the same under each.
const (
	MonthFirst DateOrder = "mdy"
	DayFirst   DateOrder = "dmy"
	YearFirst  DateOrder = "ymd"
)

var (
	errDate    = errors.New("is not a date; write it like 2019-01-31 or 01/31/2019")
	errCentury = errors.New("has a year of two digits that makes sense in no century; write four digits")
)

// dateParts is a date as written: three numbers, of which some are already known to be year or month.
type dateParts struct {
	// numbers holds the three numbers in the order of writing; digits is how long each was written.
	numbers [3]int
	digits  [3]int
	// month is set when it was written in letters; numbers then holds day and year only.
	month time.Month
	// serial is a date counted in days, as spreadsheets store it.
	serial perch.Date
	kind   dateKind
}

type dateKind int

const (
	numericDate dateKind = iota
	namedMonth
	serialDate
)

// splitDate takes a date apart without deciding its order. A time of day behind it is ignored.
func splitDate(s string) (dateParts, error) {
	var p dateParts
	if p, ok := splitNumeric(s); ok {
		return p, nil
	}
	s = strings.TrimSpace(s)
	if len(s) == 0 || len(s) > 48 {
		return p, errDate
	}
	if allDigits(s) {
		return splitDigits(s)
	}
	if len(s) > 10 && s[10] == 'T' && s[4] == '-' {
		s = s[:10] // RFC 3339
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("/-., ", r) })
	n := 0
	for _, w := range words {
		switch month := monthName(w); {
		case month != 0 && p.month == 0 && n < 3:
			p.month, p.kind = month, namedMonth
		case strings.Contains(w, ":"):
			return p.complete(n)
		case n < 3:
			number := strings.TrimRightFunc(w, unicode.IsLetter) // 1st, 2nd
			v, err := strconv.Atoi(number)
			if err != nil || !allDigits(number) || len(number) > 4 {
				if isWeekday(w) && n == 0 && p.month == 0 {
					continue
				}
				return p, errDate
			}
			p.numbers[n], p.digits[n] = v, len(number)
			n++
			if p.kind == namedMonth && n == 2 {
				return p.complete(n)
			}
		}
	}
	return p.complete(n)
}

// splitNumeric reads three numbers of up to four digits with one sign between them and nothing else, as
// most dates are written.
func splitNumeric(s string) (p dateParts, ok bool) {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if p.digits[n]++; p.digits[n] > 4 {
				return p, false
			}
			p.numbers[n] = p.numbers[n]*10 + int(c-'0')
		case (c == '/' || c == '-') && n < 2 && p.digits[n] > 0:
			n++
		default:
			return p, false
		}
	}
	return p, n == 2 && p.digits[2] > 0
}

func (p dateParts) complete(n int) (dateParts, error) {
	if p.kind == numericDate && n == 3 || p.kind == namedMonth && n == 2 {
		return p, nil
	}
	return p, errDate
}

// splitDigits reads dates without separators: YYYYMMDD, MMDDYYYY, or a spreadsheet's count of days.
func splitDigits(s string) (dateParts, error) {
	atoi := func(s string) int { n, _ := strconv.Atoi(s); return n }
	switch len(s) {
	case 5:
		day, _ := serialDay(s, false)
		return dateParts{serial: day, kind: serialDate}, nil
	case 8:
		if y := atoi(s[:4]); y >= 1900 && y < 2100 && atoi(s[4:6]) <= 12 {
			return dateParts{numbers: [3]int{y, atoi(s[4:6]), atoi(s[6:])}, digits: [3]int{4, 2, 2}}, nil
		}
		return dateParts{numbers: [3]int{atoi(s[:2]), atoi(s[2:4]), atoi(s[4:])}, digits: [3]int{2, 2, 4}}, nil
	}
	return dateParts{}, errDate
}

func monthName(s string) time.Month {
	if len(s) < 3 || s[0] >= '0' && s[0] <= '9' {
		return 0
	}
	lower := strings.ToLower(s)
	for m := time.January; m <= time.December; m++ {
		name := strings.ToLower(m.String())
		if lower == name || lower == name[:3] || lower == "sept" && m == time.September {
			return m
		}
	}
	return 0
}

func isWeekday(s string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := d.String(); strings.EqualFold(s, name) || strings.EqualFold(s, name[:3]) {
			return true
		}
	}
	return false
}

// orders tells which orders a date as written allows; both are true where the date does not decide.
func (p dateParts) orders() (monthFirst, dayFirst bool) {
	if p.kind != numericDate || p.digits[0] > 2 {
		return true, true
	}
	return p.numbers[0] <= 12, p.numbers[1] <= 12
}

// yearRule chooses the century of a two-digit year: the latest candidate within the bounds.
type yearRule struct {
	earliest, latest perch.Date
}

// resolve makes a day of the calendar from the parts.
func (p dateParts) resolve(order DateOrder, rule yearRule) (perch.Date, error) {
	if p.kind == serialDate {
		return p.serial, nil
	}
	year, month, day, yearDigits := p.assign(order)
	if yearDigits == 4 {
		return civil(year, month, day)
	}
	if yearDigits != 2 {
		return 0, errDate
	}
	for century := 2100; century >= 1900; century -= 100 {
		if d, err := civil(century+year, month, day); err == nil && d <= rule.latest && d >= rule.earliest {
			return d, nil
		}
	}
	if _, err := civil(2000+year, month, min(day, 28)); err != nil || day > 31 {
		return 0, errDate
	}
	return 0, errCentury
}

func (p dateParts) assign(order DateOrder) (year int, month time.Month, day, yearDigits int) {
	n, g := p.numbers, p.digits
	switch {
	case p.kind == namedMonth && g[0] == 4:
		return n[0], p.month, n[1], 4
	case p.kind == namedMonth:
		return n[1], p.month, n[0], g[1]
	case g[0] == 4 || order == YearFirst:
		return n[0], time.Month(n[1]), n[2], g[0]
	case order == DayFirst:
		return n[2], time.Month(n[1]), n[0], g[2]
	}
	return n[2], time.Month(n[0]), n[1], g[2]
}

func civil(year int, month time.Month, day int) (perch.Date, error) {
	if year < 1850 || year > 2199 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, errDate
	}
	d := perch.NewDate(year, month, day)
	if _, m, _ := d.Calendar(); m != month {
		return 0, errDate
	}
	return d, nil
}

// farAhead is a lead that no later date takes back.
const farAhead = 500

// columnOrder decides the order of numeric dates over whole columns: one date with a day above twelve
// decides for all. ok is false when no date decides, numeric when there is one that could be read both
// ways. It stops looking where one order is far ahead.
func columnOrder(cells func(yield func(string) bool)) (order DateOrder, ok, numeric bool) {
	monthFirst, dayFirst := 0, 0
	for c := range cells {
		p, err := splitDate(c)
		if err != nil || p.kind != numericDate || p.digits[0] > 2 {
			continue
		}
		numeric = true
		switch m, d := p.orders(); {
		case m && !d:
			monthFirst++
		case d && !m:
			dayFirst++
		}
		if monthFirst-dayFirst >= farAhead || dayFirst-monthFirst >= farAhead {
			break
		}
	}
	if monthFirst == dayFirst {
		return MonthFirst, false, numeric
	}
	if dayFirst > monthFirst {
		return DayFirst, true, numeric
	}
	return MonthFirst, true, numeric
}
