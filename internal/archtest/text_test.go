package archtest

import (
	"bytes"
	"iter"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/perchhq/perch/internal/testneed"
)

// forbidden is what no file of the tree may hold. The patterns are written so that they do not
// match themselves, and begin with letters that can be searched for quickly.
var forbidden = []struct {
	why string
	// alone patterns count only where no word or path runs into them.
	alone    bool
	patterns []*regexp.Regexp
}{
	{"finish it, or write it down in docs/limitations.md", true, compile(`TOD[O]\b`, `FIXM[E]\b`, `HAC[K]\b`)},
	{"a path of one machine means nothing on another", true, compile(`/wor[k]/`, `/far[m]/`, `/roo[t]/`, `/hom[e]/`, `/User[s]/`)},
	{"which registry is used is decided where the build runs", false,
		compile(`proxy\.golang\.org`, `sum\.golang\.org`, `registry\.npmjs\.`, `registry\.yarnpkg\.`, `deb\.debian\.org`, `"resolved": "htt[p]`)},
}

func compile(patterns ...string) []*regexp.Regexp {
	list := make([]*regexp.Regexp, len(patterns))
	for i, pattern := range patterns {
		list[i] = regexp.MustCompile(pattern)
	}
	return list
}

// texts calls visit with every text file of the tree.
func texts(t *testing.T, visit func(name string, text []byte)) {
	t.Helper()
	root := testneed.Root(t)
	err := walk(root, func(name string) error {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
			visit(name, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:at], []byte("\n")) }

func TestNothingIsLeftOverInTheTree(t *testing.T) {
	t.Parallel()
	texts(t, func(name string, text []byte) {
		for at, why := range leftOvers(text) {
			t.Errorf("%s:%d: %s: %s", name, lineOf(text, at), bytes.SplitN(text[at:], []byte("\n"), 2)[0], why)
		}
	})
}

// leftOvers yields where something forbidden stands, and why it may not.
func leftOvers(text []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for _, f := range forbidden {
			for _, pattern := range f.patterns {
				for _, found := range pattern.FindAllIndex(text, -1) {
					inside := f.alone && found[0] > 0 && runsOn(text[found[0]-1])
					if !inside && !yield(found[0], f.why) {
						return
					}
				}
			}
		}
	}
}

// runsOn reports whether a byte is part of a word or of a relative path.
func runsOn(b byte) bool {
	return b == '.' || b == '~' || b == '-' || b == '_' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

func TestWhatIsLeftOverIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"// TO" + "DO: later":                    true,
		"to" + "do":                              false,
		"AUTO" + "DO":                            false,
		"see /wor" + "k/x":                       true,
		"framework/wor" + "k/x":                  false,
		"https://proxy.golang" + ".org/x":        true,
		`"resolved": "htt` + `p://x/y.tgz"`:      true,
		"// perch: the unified employment model": false,
	} {
		found := false
		for range leftOvers([]byte(text)) {
			found = true
		}
		if found != want {
			t.Errorf("%q: found %t, want %t", text, found, want)
		}
	}
}

// wireWords are the names that the contract and the published packages give to things. They may
// stand wherever the wire is spoken.
var wireWords = regexp.MustCompile(`Finch-(API|Api)-Version|Finch-Request-Id|Finch-Data-Retrieved|` +
	`Finch-Last-Attempted-Update-(Date|Result)|Finch-(Event-Id|Timestamp|Signature)|finch_code|FinchCode|finch_(application|api_ip|auth_ip)_rl|` +
	`not_supported_by_finch|"finch"|@?tryfinch[/-][a-z-]+|finch-(openapi\.json|docs\.txt)`)

var finch = regexp.MustCompile(`(?i)finch`)

// speakOfFinch are the files that may use the name otherwise, by pattern, each with its reason.
var speakOfFinch = map[string]string{
	"README.md":              "says which API Perch is compatible with, and shows the published client",
	"docs/decisions.md":      "weighs the contract against its documentation",
	"e2e/*_test.go":          "checks what the published client says",
	"e2e/sdk/*.mjs":          "imports the class of the published client",
	"internal/archtest/*.go": "holds this list",
}

func TestFinchIsNamedOnlyWhereTheWireNeedsIt(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	texts(t, func(name string, text []byte) {
		if !bytes.Contains(bytes.ToLower(text), []byte("finch")) {
			return
		}
		rest := wireWords.ReplaceAllFunc(text, func(word []byte) []byte { return bytes.Repeat([]byte("-"), len(word)) })
		at := finch.FindIndex(rest)
		if at == nil {
			return
		}
		for pattern := range speakOfFinch {
			if ok, _ := path.Match(pattern, name); ok {
				used[pattern] = true
				return
			}
		}
		t.Errorf("%s:%d names Finch: people see Perch; only words of the wire may carry the other name", name, lineOf(text, at[0]))
	})
	for pattern, why := range speakOfFinch {
		_, err := os.Stat(filepath.Join(testneed.Root(t), pattern))
		if exists := err == nil; exists && !used[pattern] {
			t.Errorf("%s no longer names Finch, although it %s: take it off the list", pattern, why)
		}
	}
}
