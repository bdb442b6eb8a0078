package catalog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	perch "github.com/perchhq/perch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// wireJSON returns the entry as the API sends it, indented.
func wireJSON(t *testing.T, e Entry) []byte {
	t.Helper()
	b, err := json.MarshalIndent(e.Wire(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestWireEntriesMatchTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"gusto", "bamboo_hr", "patriot"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", id+".json")
			got := wireJSON(t, entry(t, id))
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; run the test with -update and look at the difference:\n%s", path, got)
			}
		})
	}
}

func TestEveryWireEntryCanBeConnected(t *testing.T) {
	t.Parallel()
	for _, e := range load(t).All() {
		p := e.Wire()
		if len(p.Products) == 0 || len(p.AuthenticationMethods) == 0 {
			t.Errorf("%s has %d products and %d ways to connect", e.ID, len(p.Products), len(p.AuthenticationMethods))
		}
		if p.Manual == (e.Group(GroupOrganization) == Automated) {
			t.Errorf("%s: manual is %v and organization is %s", e.ID, p.Manual, e.Group(GroupOrganization))
		}
		if p.Icon != "" || p.Logo != "" {
			t.Errorf("%s carries a picture", e.ID)
		}
	}
}

func TestFlagsAreNeverNullOnTheWire(t *testing.T) {
	t.Parallel()
	// Nulls may stand where the contract has nullable values: in the features of a benefit.
	var check func(t *testing.T, path string, v any)
	check = func(t *testing.T, path string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s is null", path)
		case map[string]any:
			for name, inner := range v {
				if name != "supported_features" {
					check(t, path+"."+name, inner)
				}
			}
		case []any:
			for _, inner := range v {
				check(t, path+"[]", inner)
			}
		}
	}
	for _, e := range load(t).All() {
		var v any
		if err := json.Unmarshal(wireJSON(t, e), &v); err != nil {
			t.Fatal(err)
		}
		check(t, e.ID, v)
	}
}

func TestAWireEntryIsTheCallers(t *testing.T) {
	t.Parallel()
	e := entry(t, "gusto")
	before := wireJSON(t, e)
	p := e.Wire()
	p.Products[0] = "spoiled"
	p.AuthenticationMethods[0].SupportedFields.Company.EIN = false
	b := p.AuthenticationMethods[0].BenefitsSupport[perch.Benefit401k]
	b.Features.Frequencies[0] = "spoiled"
	*b.Features.AnnualMaximum = false
	b.Operations.Company.Create = "spoiled"
	delete(e.Benefits(perch.AuthOAuth), perch.Benefit401kRoth)
	if !bytes.Equal(before, wireJSON(t, e)) {
		t.Error("changing a wire entry changed the catalogue")
	}
}

func TestAnExpectationIsNotPublishedForAProviderInBeta(t *testing.T) {
	t.Parallel()
	guessed := entry(t, "ahola")
	if guessed.Wire().AuthenticationMethods[0].SupportedFields != nil {
		t.Error("ahola publishes fields that no source states")
	}
	if !guessed.Supports(perch.AuthAssisted).Company.LegalName {
		t.Error("ahola is not expected to have a legal name")
	}
	if entry(t, "employmenthero").Wire().AuthenticationMethods[0].SupportedFields == nil {
		t.Error("employmenthero does not publish the fields that its source states")
	}
}

func TestIdsAndPagingComeWithWhateverIsSupplied(t *testing.T) {
	t.Parallel()
	anyTrue := func(v any) bool { return !reflect.ValueOf(v).IsZero() }
	for _, e := range load(t).All() {
		for _, auth := range e.Authentications() {
			f := e.Supports(auth)
			type pair struct {
				name       string
				has, wants bool
			}
			for _, p := range []pair{
				{"company.id", f.Company.ID, anyTrue(f.Company)},
				{"directory.paging", f.Directory.Paging.Count && f.Directory.Paging.Offset, anyTrue(f.Directory)},
				{"directory.id", f.Directory.Individuals.ID, anyTrue(f.Directory)},
				{"individual.id", f.Individual.ID, anyTrue(f.Individual)},
				{"employment.id", f.Employment.ID, anyTrue(f.Employment)},
				{"payment.id", f.Payment.ID, anyTrue(f.Payment)},
				{"pay_statement.paging", f.PayStatement.Paging.Count && f.PayStatement.Paging.Offset, anyTrue(f.PayStatement)},
				{"pay_group.id", f.PayGroup.ID, anyTrue(f.PayGroup)},
			} {
				if p.has != p.wants {
					t.Errorf("%s over %s: %s is %v", e.ID, auth, p.name, p.has)
				}
			}
			if anyTrue(f.Company) != (e.Integration(GroupOrganization, auth).Served()) {
				t.Errorf("%s over %s: organization is %s but company is %v", e.ID, auth, e.Integration(GroupOrganization, auth), f.Company)
			}
			if anyTrue(f.Payment) != (e.Integration(GroupPayroll, auth).Served()) {
				t.Errorf("%s over %s: payroll is %s but payment is %v", e.ID, auth, e.Integration(GroupPayroll, auth), f.Payment)
			}
			if f.Individual.SSN != f.Individual.EncryptedSSN {
				t.Errorf("%s over %s: ssn and encrypted_ssn differ", e.ID, auth)
			}
		}
	}
}
