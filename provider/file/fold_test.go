package file

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
	"unicode"
)

// slowFold is fold without its short cut.
func slowFold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' || r == '.':
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func slowPhone(s string) (string, bool) {
	n, err := phonenumbers.Parse(s, "US")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

var slowEmail = regexp.MustCompile(`^[^\s@<>"',;:]{1,64}@[^\s@<>"',;:]+\.[^\s@<>"',;:.]{2,}$`)

// FuzzShortCuts holds what is read quickly against the slow way.
func FuzzShortCuts(f *testing.F) {
	for _, s := range []string{"O'Brien Jr.", "(617) 555-0134", "617.555.0134", "1-617-555-0134", "2175550134", "ann@example.com", "a@b.c", "@b.co", "a@.co", "a@b..co", "ünï@exämple.de", "Zoë\u00a0Ax", "a@b@c.de", "12345678901"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := fold(s), slowFold(s); got != want {
			t.Errorf("fold(%q) = %q, want %q", s, got, want)
		}
		if got, ok := usPhone(s); ok {
			if want, possible := slowPhone(s); !possible || got != want {
				t.Errorf("usPhone(%q) = %q, want %q %t", s, got, want, possible)
			}
		}
		if _, err := parseEmail(s); (err == nil) != (slowEmail.MatchString(s) && len(s) <= 254) {
			t.Errorf("parseEmail(%q): %v", s, err)
		}
		if squeeze(s) != strings.Join(strings.Fields(s), " ") {
			t.Errorf("squeeze(%q) = %q", s, squeeze(s))
		}
		if holdsTotal(s) != strings.Contains(strings.ToLower(s), "total") && totalsPattern.MatchString(s) {
			t.Errorf("holdsTotal(%q)", s)
		}
	})
}
