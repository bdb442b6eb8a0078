package file

import (
	"testing"

	perch "github.com/perchhq/perch"
)

func TestParseCents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want int64
		bad  bool
	}{
		"a whole number is dollars":                   {"62506", 62_506_00, false},
		"groups of three are one number":              {"1,234,567.89", 1_234_567_89, false},
		"a dollar sign is dropped":                    {"$1,234.5", 1_234_50, false},
		"parentheses are negative":                    {"(1,234.56)", -1_234_56, false},
		"parentheses around a dollar sign":            {"($12.00)", -12_00, false},
		"a minus behind is negative":                  {"12.34-", -12_34, false},
		"a minus before the dollar sign is negative":  {"-$12.34", -12_34, false},
		"a minus behind the dollar sign is negative":  {"$-12.34", -12_34, false},
		"a decimal comma after points":                {"1.234,56", 1_234_56, false},
		"a lone comma before two digits is decimal":   {"12,34", 12_34, false},
		"a lone comma before three digits is a group": {"12,345", 12_345_00, false},
		"zeros below the cent do not matter":          {"12.3400", 12_34, false},
		"a point without a whole part":                {".5", 50, false},
		"a code of the currency is dropped":           {"USD 12", 12_00, false},
		"digits below the cent are refused":           {"12.345", 0, true},
		"crooked groups are refused":                  {"1,23,456.00", 0, true},
		"two signs are refused":                       {"(-12)", 0, true},
		"a word is refused":                           {"twelve", 0, true},
		"an exponent is refused":                      {"1e5", 0, true},
		"nothing is refused":                          {"", 0, true},
		"a lone sign is refused":                      {"-", 0, true},
		"too many digits are refused":                 {"99999999999999", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCents(tt.in)
			if (err != nil) != tt.bad || got != tt.want {
				t.Errorf("parseCents(%q) = %d, %v", tt.in, got, err)
			}
		})
	}
}

func TestParseHoursAndRates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]perch.Hours{"80.00": 8000, "80:15": 8025, "7.333": 733, "7.335": 734, "1,040": 104_000, "-4": -400} {
		if got, err := parseHours(in); err != nil || got != want {
			t.Errorf("parseHours(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "eight", "8:60", "8:5", "-8:30"} {
		if got, err := parseHours(in); err == nil {
			t.Errorf("parseHours(%q) = %d", in, got)
		}
	}
	for in, want := range map[string]int64{"$25.125": 25_13, "25.1249": 25_12, "-25.125": -25_13} {
		if got, err := parseRate(in); err != nil || got != want {
			t.Errorf("parseRate(%q) = %d, %v", in, got, err)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	today := perch.NewDate(2026, 3, 1)
	hired := yearRule{earliest: perch.NewDate(1930, 1, 1), latest: today.AddMonths(12)}
	for name, tt := range map[string]struct {
		in    string
		order DateOrder
		want  string
	}{
		"US order":                                {"07/05/2011", MonthFirst, "2011-07-05"},
		"European order":                          {"07/05/2011", DayFirst, "2011-05-07"},
		"ISO whatever the order":                  {"2011-07-05", DayFirst, "2011-07-05"},
		"ISO with a time":                         {"2011-07-05T00:00:00Z", MonthFirst, "2011-07-05"},
		"US order with a time":                    {"7/5/2011 12:00 AM", MonthFirst, "2011-07-05"},
		"points":                                  {"05.07.2011", DayFirst, "2011-07-05"},
		"two digits of this century":              {"07/05/11", MonthFirst, "2011-07-05"},
		"two digits that would lie in the future": {"07/05/88", MonthFirst, "1988-07-05"},
		"two digits of next year":                 {"01/05/27", MonthFirst, "2027-01-05"},
		"month in letters":                        {"Jul 5, 2011", DayFirst, "2011-07-05"},
		"month in letters between":                {"5-Jul-11", MonthFirst, "2011-07-05"},
		"month and weekday in letters":            {"Tuesday, July 5th, 2011", MonthFirst, "2011-07-05"},
		"eight digits, year first":                {"20110705", MonthFirst, "2011-07-05"},
		"eight digits, year last":                 {"07052011", MonthFirst, "2011-07-05"},
		"a spreadsheet's count of days":           {"40729", MonthFirst, "2011-07-05"},
		"a leap day":                              {"02/29/2012", MonthFirst, "2012-02-29"},
		"a day that does not exist":               {"02/29/2011", MonthFirst, ""},
		"a month that does not exist":             {"13/01/2011", MonthFirst, ""},
		"a year of one digit":                     {"1/1/1", MonthFirst, ""},
		"a year of three digits":                  {"1/1/111", MonthFirst, ""},
		"a word":                                  {"soon", MonthFirst, ""},
		"two numbers":                             {"07/2011", MonthFirst, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if p, err := splitDate(tt.in); err == nil {
				if d, err := p.resolve(tt.order, hired); err == nil {
					got = d.String()
				}
			}
			if got != tt.want {
				t.Errorf("%q as %s = %q, want %q", tt.in, tt.order, got, tt.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in     string
		format NameFormat
		want   personName
	}{
		"last name first":                  {"Adinolfi, Wilson  K", FirstLast, personName{"Wilson", "K", "Adinolfi"}},
		"no blank after the comma":         {"Alagbe,Trina", FirstLast, personName{"Trina", "", "Alagbe"}},
		"an initial with a point":          {"Smith, Ann B.", FirstLast, personName{"Ann", "B", "Smith"}},
		"two given names stay together":    {"Smith, Leigh Ann", FirstLast, personName{"Leigh Ann", "", "Smith"}},
		"a last name of two words":         {"Ait Sidi, Karthikeyan   ", FirstLast, personName{"Karthikeyan", "", "Ait Sidi"}},
		"a suffix behind the last name":    {"Smith Jr., John", FirstLast, personName{"John", "", "Smith Jr"}},
		"a suffix behind the given name":   {"Smith, John Q III", FirstLast, personName{"John", "Q", "Smith III"}},
		"a suffix behind a second comma":   {"Smith, John, Jr", FirstLast, personName{"John", "", "Smith Jr"}},
		"first name first":                 {"Brandon R. LeBlanc", FirstLast, personName{"Brandon", "R", "LeBlanc"}},
		"first name first with a particle": {"Ludwig van Beethoven", FirstLast, personName{"Ludwig", "", "van Beethoven"}},
		"first name first with a suffix":   {"Martin Luther King Jr.", FirstLast, personName{"Martin", "Luther", "King Jr"}},
		"a comma before the suffix only":   {"John Smith, Jr.", FirstLast, personName{"John", "", "Smith Jr"}},
		"no comma, last name first":        {"SMITH JOHN A", LastFirst, personName{"JOHN", "A", "SMITH"}},
		"a single word":                    {"Cher", FirstLast, personName{"", "", "Cher"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := parseName(tt.in, tt.format); !ok || got != tt.want {
				t.Errorf("parseName(%q) = %+v, want %+v", tt.in, got, tt.want)
			}
		})
	}
	for a, b := range map[string]string{
		"LeBlanc, Brandon  R": "Brandon R. LeBlanc", "O'hare, Lynn": "Lynn OHare", "Núñez, José": "Jose Nunez",
		"Saar-Beckles, Melinda": "Melinda Saar Beckles", "Smith, John Jr": "john smith",
	} {
		if matchName(a) != matchName(b) {
			t.Errorf("%q and %q are not matched: %q, %q", a, b, matchName(a), matchName(b))
		}
	}
}

// text adapts a reader of one value for table tests: "" stands for refused.
func text[T ~string](parse func(string) (T, error)) func(string) string {
	return func(s string) string {
		v, err := parse(s)
		if err != nil {
			return ""
		}
		return string(v)
	}
}

func TestWordsOfTheField(t *testing.T) {
	t.Parallel()
	zip := func(state string) func(string) string {
		return text(func(s string) (string, error) { return parseZIP(s, state) })
	}
	for name, tt := range map[string]struct {
		parse func(string) string
		cases map[string]string
	}{
		"states":                     {text(parseState), map[string]string{"MA": "MA", "ma": "MA", "Massachusetts": "MA", "N. Carolina": "", "US-TX": "TX", "New  York": "NY", "ZZ": "", "MA - Massachusetts": "MA", "D.C.": "DC"}},
		"ZIP codes of Massachusetts": {zip("MA"), map[string]string{"1960": "01960", "01960": "01960", "1960.0": "01960", "1960-1234": "01960-1234", "19601234": "01960-1234", "019601234": "01960-1234", "12": "", "123456": ""}},
		"ZIP codes of Texas":         {zip("TX"), map[string]string{"78230": "78230", "7823": "", "78230-": "78230"}},
		"postal codes":               {zip(""), map[string]string{"1960": "01960", "k1a 0b1": "K1A 0B1", "601": "00601"}},
		"social security numbers":    {text(parseSSN), map[string]string{"123-45-6789": "123456789", "012345678": "012345678", "12345678": "012345678", "123 45 6789": "123456789", "***-**-6789": "", "XXX-XX-6789": "", "000-12-3456": "", "666-12-3456": "", "123-00-4567": "", "123-45-0000": "", "111-11-1111": "", "12-345": "", "1234567890": "", "900-70-1234": "900701234"}},
		"phone numbers":              {text(parsePhone), map[string]string{"(617) 555-0134": "+16175550134", "617.555.0134": "+16175550134", "1-617-555-0134": "+16175550134", "6175550134": "+16175550134", "+44 20 7946 0958": "+442079460958", "555-0134": "", "none": ""}},
		"e-mail addresses":           {text(parseEmail), map[string]string{"a@example.com": "a@example.com", "a@b": "", "a b@example.com": "", "<a@example.com>": ""}},
		"genders":                    {text(genders.parse), map[string]string{"F": "female", "Male": "male", "Non-Binary": "other", "Prefer not to say": "decline_to_specify", "42": ""}},
		"ethnicities":                {text(ethnicities.parse), map[string]string{"Black or African American": "black_or_african_american", "Two or more races": "two_or_more_races", "Two or More Races (Not Hispanic or Latino)": "two_or_more_races", "Hispanic": "hispanic_or_latino", "American Indian or Alaska Native": "american_indian_or_alaska_native", "purple": ""}},
		"marital statuses":           {text(maritalStatuses.parse), map[string]string{"Single": "single", "Separated": "married", "Domestic Partner": "domestic_partner", "domestic_partner": "domestic_partner", "it's complicated": ""}},
		"employment statuses":        {text(parseStatus), map[string]string{"Active": "active", "Voluntarily Terminated": "terminated", "Terminated for Cause": "terminated", "Leave of Absence": "leave", "Future Start": "prehire", "Terminated - Involuntary": "terminated", "T": "terminated", "On Leave (paid)": "leave", "not active": "terminated", "gone fishing": ""}},
		"FLSA statuses":              {text(parseFLSA), map[string]string{"Exempt": "exempt", "Non-Exempt": "non_exempt", "Nonexempt": "non_exempt", "N": "non_exempt", "Yes": "exempt", "No": "non_exempt", "E": "exempt", "maybe": ""}},
		"units":                      {text(units.parse), map[string]string{"Annually": "yearly", "Salary": "yearly", "Hourly": "hourly", "bi-weekly": "bi_weekly", "Per Hour": "hourly", "fortnight": ""}},
		"frequencies":                {text(frequencies.parse), map[string]string{"Bi-Weekly": "bi_weekly", "Semimonthly": "semi_monthly", "W": "weekly", "sometimes": ""}},
		"employment types": {func(s string) string {
			k, err := parseKind(s)
			if err != nil {
				return ""
			}
			if k.Subtype == nil {
				return string(*k.Type)
			}
			return string(*k.Type) + " " + string(*k.Subtype)
		}, map[string]string{"Full-Time": "employee full_time", "PT": "employee part_time", "1099": "contractor", "Independent Contractor": "contractor individual_contractor", "W-2": "employee", "seasonal": "employee seasonal", "alien": ""}},
		"company numbers": {func(s string) string { n, _ := formatEIN(s); return n }, map[string]string{"04-3217788": "04-3217788", "043217788": "04-3217788", "00-1234567": "", "04-321": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for in, want := range tt.cases {
				if got := tt.parse(in); got != want {
					t.Errorf("%q is %q, want %q", in, got, want)
				}
			}
		})
	}
}

func TestCellsOfASpreadsheet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stored, shown, want string
	}{
		"a date in the short format":          {"43469", "1/4/19", "2019-01-04"},
		"a date in words":                     {"43469", "January 4, 2019", "2019-01-04"},
		"a date with a time":                  {"43469.5", "01-04-19 12:00", "2019-01-04"},
		"a first day that spreadsheets count": {"1", "1/1/00", "1900-01-01"},
		"a ZIP code that shows its zero":      {"1960", "01960", "01960"},
		"a social security number":            {"12345678", "012-34-5678", "012-34-5678"},
		"money keeps its cents":               {"1234.56", "$1,235", "1234.56"},
		"money of binary noise":               {"2404.0799999999999", "2,404.08", "2404.08"},
		"a small number in exponents":         {"1.5E-2", "0.02", "0.015"},
		"a text that looks like a number":     {"007", "007", "007"},
		"a truth":                             {"1", "TRUE", "TRUE"},
		"a number that is no date":            {"43469", "43,469.00", "43469"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := cellText(tt.stored, tt.shown, false); got != tt.want {
				t.Errorf("cellText(%q, %q) = %q, want %q", tt.stored, tt.shown, got, tt.want)
			}
		})
	}
}
