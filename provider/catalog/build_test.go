package catalog

import (
	"strings"
	"testing"

	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// acme is data with one provider that Load accepts.
func acme() source.Data {
	return source.Data{
		Network: source.Network{General: []source.Row{
			{ID: "acme", Name: "Acme", Organization: "automated", Payroll: "automated", Deductions: "assisted"},
		}},
		Profiles: source.Profiles{
			Automated: source.Sections{Company: []string{"legal_name"}, Payment: []string{"pay_date"}},
			Assisted:  source.Sections{Company: []string{"legal_name"}},
		},
		Supports: []source.Support{{ID: "acme", Methods: []source.Method{{Type: "oauth", Source: sourceNotes}}}},
	}
}

func TestTheSmallestCatalogueIsAccepted(t *testing.T) {
	t.Parallel()
	if _, err := build(acme()); err != nil {
		t.Fatal(err)
	}
}

func TestAMistakeInTheDataNamesTheEntryAndTheField(t *testing.T) {
	t.Parallel()
	support := func(d *source.Data) *source.Support { return &d.Supports[0] }
	row := func(d *source.Data) *source.Row { return &d.Network.General[0] }
	benefits := func(d *source.Data, b source.Benefits) { d.Supports[0].Benefits = []source.Benefits{b} }
	for _, tc := range []struct {
		name  string
		spoil func(d *source.Data)
		want  []string
	}{
		{"an id with a capital", func(d *source.Data) { row(d).ID, support(d).ID = "Acme", "Acme" }, []string{`"Acme"`, "id:"}},
		{"a missing name", func(d *source.Data) { row(d).Name = " " }, []string{`"acme"`, "name"}},
		{"an unknown integration type", func(d *source.Data) { row(d).Payroll = "magic" }, []string{`"acme"`, "payroll", `"magic"`}},
		{"a missing integration type", func(d *source.Data) { row(d).Deductions = "" }, []string{`"acme"`, "deductions"}},
		{"an id that is listed twice", func(d *source.Data) { d.Network.Beta = d.Network.General }, []string{`"acme"`, "twice"}},
		{"a further listing in no table", func(d *source.Data) { row(d).AlsoListed = []source.Listing{{Name: "A", Table: "old"}} }, []string{`"acme"`, "also_listed"}},
		{"support for nobody", func(d *source.Data) { support(d).ID = "other" }, []string{`"other"`, "no provider"}},
		{"support that is described twice", func(d *source.Data) { d.Supports = append(d.Supports, d.Supports[0]) }, []string{`"acme"`, "twice"}},
		{"a provider of which nothing is served", func(d *source.Data) {
			*row(d) = source.Row{ID: "acme", Name: "Acme", Organization: "on_request", Payroll: "none", Deductions: "none"}
			d.Supports = nil
		}, []string{`"acme"`, "nothing"}},
		{"negative months", func(d *source.Data) { support(d).StatementMonths = -1 }, []string{`"acme"`, "statement_months"}},
		{"an unknown way to connect", func(d *source.Data) { support(d).Methods[0].Type = "fax" }, []string{`"acme"`, "type", `"fax"`}},
		{"an assisted method that is described", func(d *source.Data) { support(d).Methods[0].Type = "assisted" }, []string{`"acme"`, "assisted"}},
		{"a method that is described twice", func(d *source.Data) {
			support(d).Methods = append(support(d).Methods, support(d).Methods[0])
		}, []string{`"acme"`, `"oauth"`, "twice"}},
		{"a method without a source", func(d *source.Data) { support(d).Methods[0].Source = "" }, []string{`"acme"`, `"oauth"`, "source"}},
		{"a method for a group that is not automated", func(d *source.Data) { support(d).Methods[0].Groups = []string{"deductions"} }, []string{`"acme"`, "deductions"}},
		{"an automated group without a method", func(d *source.Data) { support(d).Methods[0].Groups = []string{"organization"} }, []string{`"acme"`, "payroll"}},
		{"a field that does not exist", func(d *source.Data) {
			support(d).Fields = source.Fields{Source: sourceNotes, Supplies: source.Sections{Company: []string{"mascot"}}}
		}, []string{`"acme"`, "company", `"mascot"`}},
		{"a field that is supplied and lacking", func(d *source.Data) {
			ein := source.Sections{Company: []string{"ein"}}
			support(d).Fields = source.Fields{Source: sourceNotes, Supplies: ein, Lacks: ein}
		}, []string{`"acme"`, "company", `"ein"`}},
		{"fields without a source", func(d *source.Data) {
			support(d).Fields.Supplies = source.Sections{Company: []string{"ein"}}
		}, []string{`"acme"`, "fields", "source"}},
		{"fields together with the profile alone", func(d *source.Data) {
			support(d).Methods[0].Fields.Source, support(d).Methods[0].ProfileOnly = sourceNotes, true
		}, []string{`"acme"`, "profile_only"}},
		{"a profile with a field that does not exist", func(d *source.Data) {
			d.Profiles.Assisted.Payment = []string{"luck"}
		}, []string{`"assisted"`, "payment", `"luck"`}},
		{"benefits from a default profile", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceAutomated, Types: []string{"401k"}})
		}, []string{`"acme"`, "benefits", "source"}},
		{"benefits without a type", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceNotes})
		}, []string{`"acme"`, "types"}},
		{"an unknown benefit type", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceNotes, Types: []string{"gym"}})
		}, []string{`"acme"`, "types", `"gym"`}},
		{"benefits over a method that does not serve deductions", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceNotes, Types: []string{"401k"}, Methods: []string{"oauth"}})
		}, []string{`"acme"`, "methods"}},
		{"a feature without frequencies", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceNotes, Types: []string{"401k"}, Features: source.Features{CatchUp: "supported"}})
		}, []string{`"acme"`, "frequencies"}},
		{"a flag that is neither supported nor unsupported", func(d *source.Data) {
			features := source.Features{Frequencies: []string{"monthly"}, CatchUp: "yes"}
			benefits(d, source.Benefits{Source: sourceNotes, Types: []string{"401k"}, Features: features})
		}, []string{`"acme"`, "catch_up", `"yes"`}},
		{"an unknown operation support", func(d *source.Data) {
			benefits(d, source.Benefits{Source: sourceNotes, Types: []string{"401k"}, Individual: source.Operations{Create: "perhaps"}})
		}, []string{`"acme"`, "individual", "create", `"perhaps"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := acme()
			tc.spoil(&d)
			_, err := build(d)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not mention %q", err, part)
				}
			}
		})
	}
}

func TestAListOfNoneSaysThatAFeatureDoesNotExist(t *testing.T) {
	t.Parallel()
	d := acme()
	d.Supports[0].Benefits = []source.Benefits{{
		Source: sourceNotes, Types: []string{"401k"},
		Features: source.Features{Frequencies: []string{"monthly"}, CompanyContribution: []string{"none"}, AnnualMaximum: "unsupported"},
	}}
	c, err := build(d)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := c.Provider("acme")
	f := e.Benefits("assisted")["401k"].Features
	if f.CompanyContribution == nil || len(f.CompanyContribution) != 0 {
		t.Errorf("contributions: got %v, want an empty list", f.CompanyContribution)
	}
	if f.EmployeeDeduction != nil || f.CatchUp != nil {
		t.Error("what is not known is not null")
	}
	if f.AnnualMaximum == nil || *f.AnnualMaximum {
		t.Error("the annual maximum is not false")
	}
}
