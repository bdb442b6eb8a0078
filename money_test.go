package perch_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

// mostHours is the largest span that ParseHours accepts.
const mostHours = perch.Hours(1_000_000_000_99)

func TestMoneyInJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		money *perch.Money
		want  string
	}{
		"cents are whole numbers":               {perch.Dollars(123456), `{"amount":123456,"currency":"usd"}`},
		"an amount may be negative":             {perch.Dollars(-1), `{"amount":-1,"currency":"usd"}`},
		"zero is not null":                      {perch.Dollars(0), `{"amount":0,"currency":"usd"}`},
		"the largest amount keeps every digit":  {perch.Dollars(9223372036854775807), `{"amount":9223372036854775807,"currency":"usd"}`},
		"the smallest amount keeps every digit": {perch.Dollars(-9223372036854775808), `{"amount":-9223372036854775808,"currency":"usd"}`},
		"an unknown amount is null":             {&perch.Money{Currency: "cad"}, `{"amount":null,"currency":"cad"}`},
		"absent money is null":                  {nil, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(c.money)
			if err != nil || string(text) != c.want {
				t.Fatalf("got %s, %v", text, err)
			}
			var back *perch.Money
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(back)
			if err != nil || string(again) != c.want {
				t.Errorf("read back as %s, %v", again, err)
			}
		})
	}
	for _, fraction := range []string{`{"amount":1.5}`, `{"amount":"100"}`, `{"amount":9223372036854775808}`} {
		if err := json.Unmarshal([]byte(fraction), new(perch.Money)); err == nil {
			t.Errorf("%s was accepted as cents", fraction)
		}
	}
}

func TestDollarsOfTwoCallsAreNotTheSameMoney(t *testing.T) {
	t.Parallel()
	one, other := perch.Dollars(100), perch.Dollars(100)
	*one.Amount = 200
	if *other.Amount != 100 {
		t.Errorf("changing one changed the other to %d", *other.Amount)
	}
}

func TestHoursArePrintedWithoutTrailingZeros(t *testing.T) {
	t.Parallel()
	for text, hours := range map[string]perch.Hours{
		"0": 0, "1": 100, "42.5": 4250, "42.05": 4205, "0.01": 1, "0.1": 10, "86.67": 8667,
		"-0.01": -1, "-8": -800, "-8.5": -850, "1000000000.99": mostHours,
	} {
		if got := hours.String(); got != text {
			t.Errorf("%d hundredths print as %s, want %s", int64(hours), got, text)
		}
	}
}

func TestParseHoursAcceptsPlainDecimals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]perch.Hours{
		"0": 0, "-0": 0, "80": 8000, "80.00": 8000, "80.5": 8050, "80.50": 8050, "007.25": 725, ".5": 50, "-.5": -50,
		"40.250000000000000000000000000000": 4025, "1000000000.99": mostHours, "-1000000000.99": -mostHours,
	} {
		if got, err := perch.ParseHours(text); err != nil || got != want {
			t.Errorf("ParseHours(%q) = %d, %v, want %d", text, int64(got), err, int64(want))
		}
	}
}

func TestParseHoursRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                          "",
		"a sign alone":                     "-",
		"a point alone":                    ".",
		"a sign and a point":               "-.",
		"three decimals":                   "1.005",
		"a digit far behind the point":     "1.00000000001",
		"an exponent":                      "1e3",
		"a negative exponent":              "100E-2",
		"a plus sign":                      "+1",
		"two signs":                        "--1",
		"two points":                       "1.2.3",
		"a thousands separator":            "1,000",
		"space":                            " 1",
		"more than the largest":            "1000000001",
		"more than 64 bits":                "99999999999999999999999999",
		"a number that wraps to a small 1": "18446744073709551617",
		"hexadecimal":                      "0x10",
		"infinity":                         "Inf",
		"not a number":                     "NaN",
		"text in quotes":                   `"1"`,
		"hours and minutes":                "8:30",
		"digits of another script":         "٨",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := perch.ParseHours(text); !errors.Is(err, perch.ErrInvalidHours) || got != 0 {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestHoursInJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		Hours *perch.Hours `json:"hours"`
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		h := perch.Hours(random.Int64N(int64(2*mostHours)+1)) - mostHours
		text, err := json.Marshal(holder{&h})
		if err != nil || !json.Valid(text) {
			t.Fatalf("%d hundredths: %s, %v", int64(h), text, err)
		}
		var out holder
		if err := json.Unmarshal(text, &out); err != nil || *out.Hours != h {
			t.Fatalf("%s was read back as %v, %v", text, out.Hours, err)
		}
	}
	var absent holder
	if err := json.Unmarshal([]byte(`{"hours":null}`), &absent); err != nil || absent.Hours != nil {
		t.Errorf("null: %v, %v", absent.Hours, err)
	}
	for _, bad := range []string{`{"hours":1.005}`, `{"hours":1e2}`, `{"hours":"8"}`, `{"hours":true}`} {
		if err := json.Unmarshal([]byte(bad), new(holder)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// plainHours is what ParseHours accepts, apart from the size of the whole part.
var plainHours = regexp.MustCompile(`\A-?([0-9]+(\.[0-9]{0,2}0*)?|\.[0-9]{1,2}0*)\z`)

func FuzzParseHours(f *testing.F) {
	for _, seed := range []string{"0", "42.5", "-0.01", "1.005", "1e3", "1000000000.99", "1000000001", ".", "5.", strings.Repeat("0", 40) + "1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := perch.ParseHours(text)
		if err != nil {
			if !errors.Is(err, perch.ErrInvalidHours) || h != 0 {
				t.Fatalf("%q: %s, %v", text, h, err)
			}
			if plainHours.MatchString(text) && len(text) < 10 {
				t.Fatalf("%q was refused", text)
			}
			return
		}
		if !plainHours.MatchString(text) || h > mostHours || h < -mostHours {
			t.Fatalf("%q was read as %s", text, h)
		}
		if again, err := perch.ParseHours(h.String()); err != nil || again != h {
			t.Fatalf("%s was read back as %s, %v", h, again, err)
		}
	})
}

func FuzzHours(f *testing.F) {
	for _, seed := range []int64{0, 1, -1, 10, 99, 100, 8667, -8667, int64(mostHours)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, hundredths int64) {
		h := perch.Hours(hundredths % int64(mostHours+1))
		if again, err := perch.ParseHours(h.String()); err != nil || again != h {
			t.Fatalf("%s was read back as %s, %v", h, again, err)
		}
	})
}
