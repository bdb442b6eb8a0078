package perch

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// Date is a civil date in the proleptic Gregorian calendar, without time or zone: the day printed
// on a pay slip. It is the number of days since 1970-01-01, so dates compare with < and subtract.
// It encodes as "YYYY-MM-DD"; a nullable date is a *Date. Years run from 0001 to 9999.
type Date int32

// ErrInvalidDate reports text that is not a day of the calendar in YYYY-MM-DD form.
var ErrInvalidDate = errors.New("not a date in YYYY-MM-DD form")

const secondsPerDay = 24 * 60 * 60

// NewDate returns the given day. Months and days outside their range roll over, as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	return Date(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), secondsPerDay))
}

// DateOf returns the day that t shows in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return NewDate(y, m, d)
}

// ParseDate reads "YYYY-MM-DD" and refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	if len(s) != len(time.DateOnly) {
		return 0, fmt.Errorf("%w: %.40q", ErrInvalidDate, s)
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%w: %.40q", ErrInvalidDate, s)
	}
	return DateOf(t), nil
}

// Time returns midnight UTC of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// Calendar returns the year, month and day. It counts in eras of 400 years from 1 March, so that the
// leap day ends a year.
func (d Date) Calendar() (int, time.Month, int) {
	const daysToEpoch, daysPerEra = 719_468, 146_097 // days from 0000-03-01 to 1970-01-01
	days := int64(d) + daysToEpoch
	era := floorDiv(days, daysPerEra)
	dayOfEra := days - era*daysPerEra
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	march := (5*dayOfYear + 2) / 153
	day := int(dayOfYear-(153*march+2)/5) + 1
	year, month := int(yearOfEra+era*400), time.Month(march+3)
	if month > time.December {
		year, month = year+1, month-12
	}
	return year, month, day
}

// Year returns the calendar year.
func (d Date) Year() int { year, _, _ := d.Calendar(); return year }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Time().Weekday() }

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// AddMonths returns the same day n months later, or the last day of that month where it is shorter.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Calendar()
	last := NewDate(y, m+time.Month(n)+1, 0)
	if same := NewDate(y, m+time.Month(n), day); same < last {
		return same
	}
	return last
}

// String returns "YYYY-MM-DD".
func (d Date) String() string {
	var b [10]byte
	return string(d.append(b[:0]))
}

func (d Date) append(dst []byte) []byte {
	year, month, day := d.Calendar()
	if year < 0 || year > 9999 {
		return d.Time().AppendFormat(dst, time.DateOnly)
	}
	return append(dst, digit(year/1000), digit(year/100), digit(year/10), digit(year), '-',
		digit(int(month)/10), digit(int(month)), '-', digit(day/10), digit(day))
}

// digit is the last decimal digit of n.
func digit(n int) byte { return byte('0' + n%10) }

// AppendText implements encoding.TextAppender.
func (d Date) AppendText(dst []byte) ([]byte, error) { return d.append(dst), nil }

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return d.append(make([]byte, 0, 10)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(b []byte) error {
	parsed, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Value stores the date as text.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads a date from text.
func (d *Date) Scan(v any) error {
	switch v := v.(type) {
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	}
	return fmt.Errorf("%w: a %T column", ErrInvalidDate, v)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
