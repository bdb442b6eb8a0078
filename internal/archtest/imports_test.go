package archtest

import (
	"strings"
	"testing"
)

// rule says what the packages of one place may import of this module. Places are folders relative
// to the root: "" is the root package, "x/..." is x and everything below it.
type rule struct {
	place string
	may   []string
	// never takes back a part of may.
	never []string
	// bare places import the standard library only, apart from what may says.
	bare bool
	why  string
}

const everything = "..."

// Surfaces turn use cases into something that people and programs see; storage is what lies below
// use cases; programs put it all together.
var (
	storage  = []string{"internal/db", "internal/secret", "internal/store", "internal/records"}
	surfaces = []string{"internal/httpapi/..."}
	programs = []string{"internal/app", "internal/bench", "cmd/...", "e2e/..."}
	ofTests  = []string{"internal/testneed", "internal/archtest", "provider/providertest/..."}
)

// rules are tried in order; the first whose place fits decides.
var rules = []rule{
	{place: "", bare: true, why: "the root package is the model, which everything else stands on"},
	{place: "provider", may: []string{""}, bare: true, why: "connectors depend on it, so it depends on the model alone"},
	{place: "provider/providertest/...", may: []string{"", "provider", "internal/testneed"}, why: "it tests connectors"},
	{place: "provider/rest", may: []string{"", "provider"}, why: "it knows HTTP, not a provider"},
	{place: "provider/...", may: []string{"", "provider", "provider/rest"}, why: "a connector can be written outside this repository"},

	{place: "internal/testneed", why: "tests of every package use it"},
	{place: "internal/archtest", may: ofTests, why: "it reads the source, it does not run it"},
	{place: "internal/db", why: "it knows engines, not what they hold"},
	{place: "internal/secret", may: []string{""}, why: "it knows keys, not what they seal"},
	{place: "internal/limit", may: []string{""}, why: "it counts, whoever asks"},
	{place: "internal/apierror", may: []string{""}, why: "it knows how an error looks, not who makes it"},
	{place: "internal/access", may: []string{""}, why: "it declares what it needs of the store, and the store implements it"},
	{place: "internal/store", may: []string{"", "internal/access", "internal/db", "internal/secret"}, why: "it stands below the use cases"},
	{place: "internal/httpapi/...", may: []string{everything},
		never: join(programs, ofTests, storage, []string{"internal/jobs", "internal/sync", "provider/..."}),
		why:   "it declares what it needs of the use cases and sees neither a database nor a provider"},
	{place: "internal/jobs", may: []string{everything}, never: join(surfaces, programs, ofTests), why: "the queue runs use cases inside the database's transactions"},
	{place: "internal/app", may: []string{everything}, never: join([]string{"cmd/...", "e2e/...", "internal/bench"}, ofTests), why: "it wires everything and is run by the programs"},
	{place: "internal/bench", may: []string{everything}, never: join([]string{"cmd/...", "e2e/..."}, ofTests), why: "it is a program"},
	{place: "e2e/...", may: []string{everything}, why: "it runs everything"},
	{place: "cmd/...", may: []string{everything}, never: join(ofTests, storage, []string{"internal/bench", "e2e/..."}),
		why: "the command line asks the app and its use cases"},
	{place: "internal/...", may: []string{everything}, never: join(surfaces, programs, ofTests, []string{"internal/db"}),
		why: "a use case reaches the database through the store and does not know who calls it"},
}

// testsNever is all that a test may not import if its package may not: tests of the whole stand
// in e2e.
var testsNever = programs

func join(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// fits reports whether a folder lies in a place.
func fits(place, folder string) bool {
	if place == everything {
		return true
	}
	if parent, below := strings.CutSuffix(place, "/..."); below {
		return folder == parent || strings.HasPrefix(folder, parent+"/")
	}
	return folder == place
}

func anyFits(places []string, folder string) bool {
	for _, place := range places {
		if fits(place, folder) {
			return true
		}
	}
	return false
}

// ruleFor returns the rule of a folder.
func ruleFor(folder string) (rule, bool) {
	for _, r := range rules {
		if fits(r.place, folder) {
			return r, true
		}
	}
	return rule{}, false
}

// unit is the part of the tree whose packages may import each other: a connector with its own
// internal packages is one.
func unit(folder string) string {
	parts := strings.Split(folder, "/")
	if len(parts) > 2 {
		parts = parts[:2]
	}
	return strings.Join(parts, "/")
}

// violation returns why a file in folder may not import the package, or nothing if it may.
func violation(folder, imported string, test bool) string {
	r, found := ruleFor(folder)
	if !found {
		return "no rule covers this folder: put the package where it belongs, or write a rule"
	}
	inside, ours := strings.CutPrefix(imported, module)
	inside = strings.TrimPrefix(inside, "/")
	if !ours {
		first, _, _ := strings.Cut(imported, "/")
		if r.bare && !test && strings.Contains(first, ".") {
			return "it imports nothing outside the standard library: " + r.why
		}
		return ""
	}
	if inside == folder || folder != "" && strings.Contains(folder, "/") && unit(inside) == unit(folder) {
		return ""
	}
	if test && !anyFits(testsNever, inside) {
		return ""
	}
	if anyFits(r.never, inside) || !anyFits(r.may, inside) {
		return r.why
	}
	return ""
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		for _, imported := range file.imports() {
			if why := violation(file.folder(), imported, file.isTest()); why != "" {
				t.Errorf("%s may not import %s: %s", file.path, imported, why)
			}
		}
	}
}

func TestTheRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, folder, imported string
		test, allowed          bool
	}{
		{"the root package imports the standard library", "", "encoding/json", false, true},
		{"the root package imports nothing else", "", "github.com/google/uuid", false, false},
		{"the root package imports no package of the module", "", module + "/provider", false, false},
		{"package provider imports the model", "provider", module, false, true},
		{"a connector imports a library", "provider/gusto", "github.com/google/uuid", false, true},
		{"a connector imports its own packages", "provider/catalog/internal/gen", module + "/provider/catalog/internal/source", false, true},
		{"a connector imports no other connector", "provider/gusto", module + "/provider/file", false, false},
		{"a connector imports nothing internal", "provider/gusto", module + "/internal/secret", false, false},
		{"the store imports the database", "internal/store", module + "/internal/db", false, true},
		{"the store imports no use case", "internal/store", module + "/internal/records", false, false},
		{"a use case imports the store", "internal/webhook", module + "/internal/store", false, true},
		{"a use case does not import the database", "internal/webhook", module + "/internal/db", false, false},
		{"a use case does not import the HTTP API", "internal/webhook", module + "/internal/httpapi", false, false},
		{"a use case does not import the app", "internal/webhook", module + "/internal/app", false, false},
		{"a test of a use case imports the database", "internal/webhook", module + "/internal/db", true, true},
		{"a test of a use case does not import the app", "internal/webhook", module + "/internal/app", true, false},
		{"the program does not import test helpers", "internal/app", module + "/internal/testneed", false, false},
		{"the HTTP API does not import the store", "internal/httpapi", module + "/internal/store", false, false},
		{"the app imports everything", "internal/app", module + "/internal/store", false, true},
		{"the command line imports the app", "cmd/perch", module + "/internal/app", false, true},
		{"the command line does not import the store", "cmd/perch", module + "/internal/store", false, false},
		{"a folder of a new kind needs a rule", "pkg/thing", "fmt", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if why := violation(test.folder, test.imported, test.test); (why == "") != test.allowed {
				t.Errorf("violation(%q, %q) = %q", test.folder, test.imported, why)
			}
		})
	}
}
