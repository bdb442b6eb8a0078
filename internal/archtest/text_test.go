package archtest

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/perchhq/perch/internal/testneed"
)

// forbidden is what no file of the tree may hold. The patterns are written so that they do not
// match themselves.
var forbidden = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`\b(TOD[O]|FIXM[E]|HAC[K])\b`), "finish it, or write it down in docs/limitations.md"},
	{regexp.MustCompile(`(^|[^\w.~-])/(work|farm|root|home|Users)/`), "a path of one machine means nothing on another"},
	{regexp.MustCompile(`(?i)(proxy|sum)\.golang\.org|registry\.(npmjs|yarnpkg)\.(org|com)|deb\.debian\.org|"resolved"\s*:\s*"http`),
		"which registry is used is decided where the build runs"},
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
		for _, f := range forbidden {
			for _, found := range f.pattern.FindAllIndex(text, -1) {
				t.Errorf("%s:%d: %q: %s", name, lineOf(text, found[1]), text[found[0]:found[1]], f.why)
			}
		}
	})
}

// wireWords are the names that the contract and the published packages give to things. They may
// stand wherever the wire is spoken.
var wireWords = regexp.MustCompile(`Finch-(API|Api)-Version|Finch-Request-Id|Finch-Data-Retrieved|` +
	`Finch-Last-Attempted-Update-(Date|Result)|finch_code|FinchCode|finch_(application|api_ip|auth_ip)_rl|` +
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
