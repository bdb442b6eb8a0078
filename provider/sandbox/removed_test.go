package sandbox

import (
	"fmt"
	"testing"

	perch "github.com/perchhq/perch"
)

// Whoever is removed leaves a gap: the indexes of those behind stay.
func TestSomebodyWhoIsRemovedIsNotListed(t *testing.T) {
	t.Parallel()
	settings, err := NewSettings(1, 5, perch.NewDate(2026, 1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := NewEmployer(settings)
	staff := `"is_active":true,"employment":{"type":"employee","subtype":"full_time"}`
	var people []EditedPerson
	for i, more := range []string{"", `,"removed":true`, ""} {
		people = append(people, EditedPerson{Index: 5 + i, Edit: []byte("{" + staff + more + "}")})
	}
	var added []int
	for one, err := range e.Staff(t.Context(), people) {
		if err != nil {
			t.Fatal(err)
		}
		if one.Index >= 5 {
			added = append(added, one.Index)
		}
	}
	if fmt.Sprint(added) != "[5 7]" {
		t.Errorf("the added staff is %v", added)
	}
}
