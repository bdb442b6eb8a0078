package catalog_test

import (
	"slices"
	"testing"

	"github.com/perchhq/perch/provider/catalog"
)

func TestTheFallbackIsWhereTheDocumentationHasIt(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range c.All() {
		if entry.Fallback() {
			found = append(found, entry.ID)
		}
	}
	slices.Sort(found)
	want := []string{"adp_run", "adp_workforce_now", "paychex_flex", "paycom", "quickbooks", "sequoia_one", "square_payroll"}
	if !slices.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}
