package catalog

import (
	"path/filepath"
	"testing"

	"github.com/perchhq/perch/internal/testneed"
)

// shared returns the path of a reference file that is kept beside the repository. Without it the
// test is skipped, except under CI=true, where it must be there.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	return filepath.Join(append([]string{testneed.Shared(t)}, parts...)...)
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
