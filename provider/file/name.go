package file

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NameFormat says how a column that holds whole names is written.
type NameFormat string

// Formats of whole names. A comma in the name means last name first under both.
const (
	LastFirst NameFormat = "last_first"
	FirstLast NameFormat = "first_last"
)

// personName is a name in parts. The unified model has no suffix: it stays with the last name.
type personName struct {
	first, middle, last string
}

var suffixes = map[string]string{
	"jr": "Jr", "sr": "Sr", "ii": "II", "iii": "III", "iv": "IV", "v": "V", "esq": "Esq", "md": "MD", "phd": "PhD",
}

// particles begin last names of several words when the given name comes first.
var particles = map[string]bool{
	"de": true, "del": true, "della": true, "der": true, "den": true, "di": true, "da": true, "dos": true, "du": true,
	"la": true, "le": true, "van": true, "von": true, "ter": true, "ten": true, "st": true, "saint": true, "el": true,
	"al": true, "bin": true, "ibn": true, "mac": true, "san": true, "santa": true,
}

// parseName reads a whole name: "Last, First M", "Last Jr, First", "First M. Last III".
func parseName(s string, format NameFormat) (personName, bool) {
	if len(s) > 300 || !strings.ContainsFunc(s, unicode.IsLetter) {
		return personName{}, false
	}
	last, given, comma := strings.Cut(s, ",")
	if comma {
		if suffix := suffixOf(given); suffix != "" && !strings.Contains(given, ",") {
			n, ok := parseName(last, FirstLast) // "John Smith, Jr."
			n.last = strings.TrimSpace(n.last + " " + suffix)
			return n, ok
		}
		return lastFirst(strings.Fields(last), strings.FieldsFunc(given, isNameSpace))
	}
	words := strings.Fields(s)
	if len(words) == 1 {
		return personName{last: words[0]}, true
	}
	if format == LastFirst {
		return lastFirst(words[:1], words[1:])
	}
	return firstLast(words)
}

func isNameSpace(r rune) bool { return r == ',' || unicode.IsSpace(r) }

func lastFirst(last, given []string) (personName, bool) {
	suffix := ""
	given, suffix = cutSuffix(given)
	if suffix == "" {
		last, suffix = cutSuffix(last)
	}
	n := personName{last: strings.TrimSpace(strings.Join(last, " ") + " " + suffix)}
	n.first, n.middle = givenNames(given)
	return n, n.first != "" || n.last != ""
}

// givenNames parts trailing initials from the first name; a second whole name stays with the first,
// since "Leigh Ann" cannot be told from a first and a middle name.
func givenNames(words []string) (first, middle string) {
	end := len(words)
	for end > 1 && isInitial(words[end-1]) {
		end--
	}
	return strings.Join(words[:end], " "), initials(words[end:])
}

func initials(words []string) string {
	return strings.TrimSuffix(strings.Join(words, " "), ".")
}

func isInitial(s string) bool {
	letters := []rune(strings.TrimSuffix(s, "."))
	return len(letters) == 1 && unicode.IsLetter(letters[0])
}

func firstLast(words []string) (personName, bool) {
	words, suffix := cutSuffix(words)
	if len(words) == 1 {
		return personName{last: strings.TrimSpace(words[0] + " " + suffix)}, true
	}
	at := len(words) - 1
	for i := 1; i < len(words)-1; i++ {
		if particles[strings.ToLower(strings.TrimSuffix(words[i], "."))] {
			at = i
			break
		}
	}
	n := personName{first: words[0], last: strings.TrimSpace(strings.Join(words[at:], " ") + " " + suffix)}
	n.middle = initials(words[1:at])
	return n, true
}

func cutSuffix(words []string) ([]string, string) {
	if len(words) < 2 {
		return words, ""
	}
	if suffix := suffixOf(words[len(words)-1]); suffix != "" && suffix != "V" {
		return words[:len(words)-1], suffix
	}
	return words, ""
}

func suffixOf(s string) string {
	return suffixes[strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ".", ""))]
}

// nameWords are a name's words in lower case without accents, punctuation and, where at least two words
// remain, without initials and suffixes. Two spellings of one name have the same words.
func nameWords(s string) []string {
	all := strings.Fields(fold(s))
	var words []string
	for _, w := range all {
		if len(w) > 1 && (suffixes[w] == "") {
			words = append(words, w)
		}
	}
	if len(words) < 2 {
		return all
	}
	return words
}

// fold lowers case, drops accents and apostrophes and turns other signs into spaces.
func fold(s string) string {
	if folded, ok := foldPlain(s); ok {
		return folded
	}
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

// foldPlain is fold for ASCII, which nearly all names are.
func foldPlain(s string) (string, bool) {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return "", false
		}
	}
	out := make([]byte, 0, 48)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '.':
		case c >= 'A' && c <= 'Z':
			out = append(out, c|0x20)
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			out = append(out, c)
		default:
			out = append(out, ' ')
		}
	}
	return string(out), true
}

// matchName is the form under which people are looked up by name: given names before the last name.
func matchName(s string) string {
	if last, given, comma := strings.Cut(s, ","); comma {
		if suffixOf(given) == "" {
			s = given + " " + last
		} else {
			s = last
		}
	}
	return strings.Join(nameWords(s), " ")
}

func (n personName) match() string { return strings.Join(nameWords(n.first+" "+n.last), " ") }

// errName is about a cell that should hold a whole name.
var errName = errors.New(`is not a name; write it like "Last, First" or "First Last"`)
