package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// emptyNames say nothing about what a package is for, so anything ends up in it.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types",
	"manager", "managers", "service", "services", "misc", "base", "shared", "lib"}

func TestPackagesAreNamedByWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		name := strings.TrimSuffix(file.syntax.Name.Name, "_test")
		if slices.Contains(emptyNames, name) || slices.Contains(emptyNames, path.Base(file.folder())) {
			t.Errorf("%s: package %s in %s: find the noun that it stands for", file.path, name, file.folder())
		}
	}
}

// Commands are described in main.go, where those who look for a command look; folders with nothing
// but tests need no description.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	described := map[string]bool{}
	for _, file := range goFiles(t) {
		if file.isTest() {
			continue
		}
		folder := file.folder()
		described[folder] = described[folder] || hasPackageComment(file)
	}
	for folder, is := range described {
		if !is {
			t.Errorf("%s has no doc.go (or, for a command, no comment in main.go) that says what it is for and where its neighbours are", folder)
		}
	}
}

func hasPackageComment(file goFile) bool {
	want := "doc.go"
	if file.syntax.Name.Name == "main" && path.Base(file.path) == "main.go" {
		want = "main.go"
	}
	return path.Base(file.path) == want && file.syntax.Doc != nil && len(file.syntax.Doc.Text()) > 40
}
