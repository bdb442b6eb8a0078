package connect

import (
	"slices"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestConsentUsesThePrescribedSentences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		products []perch.Product
		disabled []string
		want     []string
	}{
		{"all company fields are one sentence", []perch.Product{perch.ProductCompany}, nil,
			[]string{"Read basic company data, company contact info, address details, and bank account data."}},
		{"one disabled field splits the groups", []perch.Product{perch.ProductCompany}, []string{"company.ein"},
			[]string{"Read basic company data", "Read company contact info", "Read address details", "Read bank account data"}},
		{"a group without fields is left out", []perch.Product{perch.ProductCompany}, []string{"company.accounts.routing_number", "company.accounts.account_number"},
			[]string{"Read basic company data", "Read company contact info", "Read address details"}},
		{"half a group stays", []perch.Product{perch.ProductDirectory}, []string{"directory.manager"},
			[]string{"Read company directory", "Read organization structure"}},
		{"employment without income", []perch.Product{perch.ProductEmployment}, []string{"employment.income"},
			[]string{"Read individual employment data, excluding income"}},
		{"employment with everything", []perch.Product{perch.ProductEmployment}, nil, []string{"Read individual employment and income data."}},
		{"a group without a sentence says nothing", []perch.Product{perch.ProductEmployment}, []string{"employment.class_code"},
			[]string{"Read individual employment data, excluding income", "Read income data"}},
		{"individual data and numbers", []perch.Product{perch.ProductSSN, perch.ProductIndividual}, nil,
			[]string{"Read individual data, contact info, and address details.", "Read SSN for individuals."}},
		{"fields of other products do not matter", []perch.Product{perch.ProductIndividual}, []string{"company.ein"},
			[]string{"Read individual data, contact info, and address details."}},
	} {
		var got []string
		for _, p := range consent(c.products, c.disabled) {
			got = append(got, p.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestEveryProductHasASentence(t *testing.T) {
	t.Parallel()
	for _, p := range perch.Product("").Values() {
		if lines := consent([]perch.Product{p.Canonical()}, nil); len(lines) != 1 || lines[0].Text == "" {
			t.Errorf("%s: %v", p, lines)
		}
	}
	for product, p := range permissions {
		for _, g := range p.groups {
			if len(g.fields) != len(g.labels) {
				t.Errorf("%s: a field without a label in %q", product, g.text)
			}
		}
	}
}

func TestMonogramsAreOneOrTwoLetters(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Gusto": "G", "ADP Run": "AR", "G&A Partners": "GA", "bob": "B", "Paychex Flex Pro": "PF"} {
		if got := monogram(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
