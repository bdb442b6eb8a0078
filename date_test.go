package perch_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
)

var (
	firstDate = perch.NewDate(1, time.January, 1)
	lastDate  = perch.NewDate(9999, time.December, 31)
)

func parseDate(t *testing.T, text string) perch.Date {
	t.Helper()
	d, err := perch.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every day of the calendar is visited with steps that share no factor with a week or a year.
func TestEveryDateSurvivesEveryWayOfWritingIt(t *testing.T) {
	t.Parallel()
	for d := firstDate; d <= lastDate; d += 101 {
		checkRoundTrip(t, d)
	}
	for _, d := range []perch.Date{firstDate, lastDate, -1, 0, 1} {
		checkRoundTrip(t, d)
	}
}

func checkRoundTrip(t *testing.T, d perch.Date) {
	t.Helper()
	parsed, err := perch.ParseDate(d.String())
	if err != nil || parsed != d {
		t.Fatalf("day %d prints as %s and reads as %d, %v", d, d, parsed, err)
	}
	y, m, day := d.Calendar()
	if perch.NewDate(y, m, day) != d || perch.DateOf(d.Time()) != d || d.Year() != y {
		t.Fatalf("%s does not survive its calendar", d)
	}
	column, err := d.Value()
	if err != nil {
		t.Fatal(err)
	}
	var scanned perch.Date
	if err := scanned.Scan(column); err != nil || scanned != d {
		t.Fatalf("%s comes back from a database as %s, %v", d, scanned, err)
	}
	if d > firstDate {
		if before := d.AddDays(-1); before.AddDays(1) != d || d-before != 1 || before.String() >= d.String() {
			t.Fatalf("%s does not follow %s", d, before)
		}
	}
}

func TestDatesAreDaysSince1970(t *testing.T) {
	t.Parallel()
	for text, days := range map[string]perch.Date{
		"1970-01-01": 0, "1970-01-02": 1, "1969-12-31": -1, "1968-02-29": -672, "1900-03-01": -25508,
		"2000-02-29": 11016, "2026-03-01": 20513, "0001-01-01": -719162, "9999-12-31": 2932896,
	} {
		if got := parseDate(t, text); got != days || days.String() != text {
			t.Errorf("%s is day %d, want %d; that day prints as %s", text, got, days, days)
		}
	}
	if got := perch.Date(-1).Weekday(); got != time.Wednesday {
		t.Errorf("1969-12-31 was a %s", got)
	}
}

func TestADateIsTheDayShownWhereTheClockHangs(t *testing.T) {
	t.Parallel()
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	instant := time.Date(1969, 12, 31, 23, 30, 0, 0, time.UTC)
	for zone, want := range map[*time.Location]string{time.UTC: "1969-12-31", east: "1970-01-01", west: "1969-12-31"} {
		if got := perch.DateOf(instant.In(zone)).String(); got != want {
			t.Errorf("in the %s it is %s, want %s", zone, got, want)
		}
	}
}

func TestParseDateRefusesDaysThatDoNotExist(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                           "",
		"the 30th of February":              "2024-02-30",
		"the 29th of February in 2023":      "2023-02-29",
		"the 29th of February in 1900":      "1900-02-29",
		"the 31st of April":                 "2024-04-31",
		"month 13":                          "2024-13-01",
		"month 0":                           "2024-00-10",
		"day 0":                             "2024-01-00",
		"year 0":                            "0000-01-01",
		"a year before the first":           "-001-01-01",
		"a sign":                            "+024-01-01",
		"a month of one digit":              "2024-1-011",
		"slashes":                           "2024/01/01",
		"another order":                     "01-01-2024",
		"a time behind it":                  "2024-01-01T00:00:00Z",
		"space before it":                   " 2024-01-1",
		"digits of another script":          "٢٠٢٤-٠١-٠١",
		"letters":                           "abcd-ef-gh",
		"a year of five digits":             "12024-01-01",
		"ten bytes that are no date at all": "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d, err := perch.ParseDate(text); !errors.Is(err, perch.ErrInvalidDate) || d != 0 {
				t.Errorf("got %s, %v", d, err)
			}
			var d perch.Date
			if err := d.Scan(text); !errors.Is(err, perch.ErrInvalidDate) {
				t.Errorf("Scan: %v", err)
			}
		})
	}
}

func TestLeapYearsFollowTheGregorianRule(t *testing.T) {
	t.Parallel()
	for year := 1; year <= 9999; year++ {
		leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
		days := perch.NewDate(year, time.December, 31) - perch.NewDate(year, time.January, 1) + 1
		if want := perch.Date(365); days != want && !leap || leap && days != 366 {
			t.Fatalf("year %d has %d days", year, days)
		}
		february := perch.NewDate(year, time.March, 1).AddDays(-1)
		if _, _, last := february.Calendar(); (last == 29) != leap {
			t.Fatalf("February %d ends on day %d", year, last)
		}
	}
}

func TestAddMonthsKeepsTheDayOrTakesTheLastOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, from string
		months     int
		want       string
	}{
		{"the same day of the next month", "2026-01-15", 1, "2026-02-15"},
		{"the last day of a shorter month", "2026-01-31", 1, "2026-02-28"},
		{"the leap day in a leap year", "2024-01-31", 1, "2024-02-29"},
		{"the last of February from a leap day", "2024-02-29", 12, "2025-02-28"},
		{"the leap day after four years", "2024-02-29", 48, "2028-02-29"},
		{"the last of February where the century skips it", "2096-02-29", 48, "2100-02-28"},
		{"a month of 30 days", "2026-03-31", 1, "2026-04-30"},
		{"over the end of the year", "2026-12-31", 2, "2027-02-28"},
		{"backwards", "2026-03-31", -1, "2026-02-28"},
		{"backwards over the start of the year", "2026-01-31", -2, "2025-11-30"},
		{"backwards past 1970", "1970-01-31", -2, "1969-11-30"},
		{"far back", "2026-05-31", -1 * 12 * 500, "1526-05-31"},
		{"no month at all", "2026-01-31", 0, "2026-01-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := parseDate(t, c.from).AddMonths(c.months).String(); got != c.want {
				t.Errorf("%s plus %d months is %s, want %s", c.from, c.months, got, c.want)
			}
		})
	}
}

func TestAddMonthsLandsInTheMonthItSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		from := perch.NewDate(1000+random.IntN(8000), time.January, 1).AddDays(random.IntN(366))
		months := random.IntN(2401) - 1200
		to := from.AddMonths(months)
		y, m, day := from.Calendar()
		toYear, toMonth, toDay := to.Calendar()
		if got := (toYear-y)*12 + int(toMonth-m); got != months {
			t.Fatalf("%s plus %d months is %s, %d months away", from, months, to, got)
		}
		if _, next, _ := to.AddDays(1).Calendar(); toDay != day && (toDay > day || next == toMonth) {
			t.Fatalf("%s plus %d months is %s: neither the same day nor the last", from, months, to)
		}
	}
}

func TestDatesInJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		Start *perch.Date `json:"start"`
		End   *perch.Date `json:"end"`
	}
	start := perch.NewDate(1969, time.July, 20)
	text, err := json.Marshal(holder{Start: &start})
	if err != nil || string(text) != `{"start":"1969-07-20","end":null}` {
		t.Errorf("got %s, %v", text, err)
	}
	var out holder
	if err := json.Unmarshal(text, &out); err != nil || *out.Start != start || out.End != nil {
		t.Errorf("read back %+v, %v", out, err)
	}
	for _, bad := range []string{`{"start":""}`, `{"start":"1969-07-32"}`, `{"start":19690720}`, `{"start":"20.07.1969"}`} {
		if err := json.Unmarshal([]byte(bad), new(holder)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestScanningADateFromAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	for _, column := range []any{nil, int64(0), 1.5, time.Time{}} {
		var d perch.Date
		if err := d.Scan(column); !errors.Is(err, perch.ErrInvalidDate) {
			t.Errorf("Scan(%T) = %v", column, err)
		}
	}
	var d perch.Date
	if err := d.Scan([]byte("2024-02-29")); err != nil || d.String() != "2024-02-29" {
		t.Errorf("Scan(bytes): %s, %v", d, err)
	}
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"2024-02-29", "0001-01-01", "9999-12-31", "0000-01-01", "2023-02-29", "", "2024-1-1", "-001-01-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := perch.ParseDate(text)
		if err != nil {
			if !errors.Is(err, perch.ErrInvalidDate) || d != 0 {
				t.Fatalf("%q: %s, %v", text, d, err)
			}
			return
		}
		if d.String() != text || d < firstDate || d > lastDate {
			t.Fatalf("%q was read as %s", text, d)
		}
	})
}
