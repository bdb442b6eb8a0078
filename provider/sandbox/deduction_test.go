package sandbox

import (
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// What people are enrolled in is what the newest statement deducts, for those who worked the whole period.
func TestEnrolmentsAreWhatStatementsDeduct(t *testing.T) {
	t.Parallel()
	s := open(t, 3, 300, perch.NewDate(2026, 2, 13), nil)
	list, err := s.Deductions(t.Context())
	if err != nil || len(list) != len(generatedPlans) {
		t.Fatalf("%d deductions, %v", len(list), err)
	}
	enrolled := map[string]map[string]perch.Enrolment{}
	for _, d := range list {
		enrolled[*d.Deduction.Description] = map[string]perch.Enrolment{}
		for one, err := range s.Enrolments(t.Context(), d.Key) {
			if err != nil {
				t.Fatal(err)
			}
			enrolled[*d.Deduction.Description][one.PersonKey] = one.Enrolment
		}
		if len(enrolled[*d.Deduction.Description]) == 0 {
			t.Errorf("nobody is enrolled in %s", *d.Deduction.Description)
		}
	}
	checked := 0
	for st, err := range s.PayStatements(t.Context(), s.runs[0].key) {
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]int64{}
		for _, l := range st.Statement.EmployeeDeductions {
			lines[*l.Name] = *l.Amount
		}
		for name, people := range enrolled {
			enrolment, is := people[st.PersonKey]
			amount, deducted := lines[name]
			if is != deducted {
				t.Errorf("%s: enrolled in %s is %t, and %d is deducted", st.PersonKey, name, is, amount)
				continue
			}
			if is && enrolment.EmployeeDeduction.Type == perch.AmountFixed && amount != *enrolment.EmployeeDeduction.Amount {
				t.Errorf("%s: %d is deducted for %s, enrolled with %d", st.PersonKey, amount, name, *enrolment.EmployeeDeduction.Amount)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("nobody was paid")
	}
}

func TestWithoutALedgerNothingIsWritten(t *testing.T) {
	t.Parallel()
	s := open(t, 1, 20, asOf, nil)
	kind := perch.Benefit401k
	if key, err := s.CreateDeduction(t.Context(), "1", perch.Deduction{Type: &kind}); err == nil {
		t.Errorf("created %s", key)
	}
}

// Only those who are listed can be enrolled.
func TestWhoWasRemovedCannotBeEnrolled(t *testing.T) {
	t.Parallel()
	s := open(t, 1, 20, asOf, nil)
	s.edits.People = []EditedPerson{{Index: 20, Edit: []byte(`{"first_name":"A"}`)}, {Index: 21, Edit: []byte(`{"first_name":"B","removed":true}`)}}
	for index, want := range map[int]provider.WriteResult{20: "", 21: provider.NoSuchKey, 22: provider.NoSuchKey} {
		if _, got := s.mayEnrol(personKey(index)); got.Result != want {
			t.Errorf("person %d: %q, want %q", index, got.Result, want)
		}
	}
}
