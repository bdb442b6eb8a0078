package catalog

import (
	"os"
	"path/filepath"
	"testing"
)

// shared returns the path of a reference file that is kept beside the repository. Without it the
// test is skipped, except under CI=true, where it must be there.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(root)
		if parent == root {
			t.Fatal("no go.mod above the test")
		}
		root = parent
	}
	path := filepath.Join(append([]string{root, "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("reference file is missing: %v", err)
		}
		t.Skipf("reference file is missing: %v", err)
	}
	return path
}

// load returns the catalogue.
func load(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// entry returns the entry with the given id.
func entry(t *testing.T, id string) Entry {
	t.Helper()
	e, ok := load(t).Provider(id)
	if !ok {
		t.Fatalf("no provider %q", id)
	}
	return e
}
