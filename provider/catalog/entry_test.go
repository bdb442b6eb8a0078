package catalog

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestIntegrationDependsOnGroupAndWayToConnect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		provider string
		group    Group
		auth     perch.AuthenticationType
		want     IntegrationType
	}{
		{"people of BambooHR are automated over OAuth", "bamboo_hr", GroupOrganization, perch.AuthOAuth, Automated},
		{"people of BambooHR are automated over a token", "bamboo_hr", GroupOrganization, perch.AuthAPIToken, Automated},
		{"people of BambooHR are not read with assistance", "bamboo_hr", GroupOrganization, perch.AuthAssisted, None},
		{"deductions of BambooHR are assisted", "bamboo_hr", GroupDeductions, perch.AuthAssisted, Assisted},
		{"deductions of BambooHR are not written over OAuth", "bamboo_hr", GroupDeductions, perch.AuthOAuth, None},
		{"payroll of BambooHR does not exist", "bamboo_hr", GroupPayroll, perch.AuthOAuth, None},
		{"payroll of bob is on request over every method", "bob", GroupPayroll, perch.AuthCredential, OnRequest},
		{"payroll of a provider in beta is on request", "ahola", GroupPayroll, perch.AuthAssisted, OnRequest},
		{"a method that is not offered serves nothing on request", "ahola", GroupPayroll, perch.AuthOAuth, None},
		{"payroll of Paycom is automated with credentials", "paycom", GroupPayroll, perch.AuthCredential, Automated},
		{"payroll of Paycom is not reached with a token", "paycom", GroupPayroll, perch.AuthAPIToken, None},
		{"documents of Justworks are automated", "justworks", GroupDocuments, perch.AuthOAuth, Automated},
		{"documents of Gusto do not exist", "gusto", GroupDocuments, perch.AuthOAuth, None},
		{"an unknown group is not served", "gusto", Group("weather"), perch.AuthOAuth, None},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := entry(t, tc.provider).Integration(tc.group, tc.auth); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestProductsFollowTheGroups(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		provider string
		product  perch.Product
		want     bool
	}{
		{"organization brings employment", "ahola", perch.ProductEmployment, true},
		{"payroll brings pay statements", "patriot", perch.ProductPayStatement, true},
		{"payroll on request brings nothing", "ahola", perch.ProductPayment, false},
		{"deductions bring benefits", "patriot", perch.ProductBenefits, true},
		{"deduction is another name of benefits", "patriot", perch.ProductDeduction, true},
		{"documents come where they are listed", "quickbooks", perch.ProductDocuments, true},
		{"documents do not come where they are not listed", "gusto", perch.ProductDocuments, false},
		{"ssn comes where a source states it", "workday", perch.ProductSSN, true},
		{"ssn does not come where a source denies it", "gusto", perch.ProductSSN, false},
		{"ssn does not come from a default profile", "patriot", perch.ProductSSN, false},
		{"plans are not offered", "gusto", perch.ProductPlans, false},
		{"an unknown product is not offered", "gusto", perch.Product("weather"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := entry(t, tc.provider)
			if got := e.AllowsProduct(tc.product); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWaysToConnectAreListedPreferredFirst(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]perch.AuthenticationType{
		"gusto":        {perch.AuthOAuth},
		"bamboo_hr":    {perch.AuthOAuth, perch.AuthAPIToken, perch.AuthAssisted},
		"paychex_flex": {perch.AuthAPICredential, perch.AuthCredential},
		"bbcs":         {perch.AuthCredential},
		"ahola":        {perch.AuthAssisted},
	} {
		if got := entry(t, id).Authentications(); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", id, got, want)
		}
	}
}

func TestStatementsOverrideTheProfile(t *testing.T) {
	t.Parallel()
	gusto := entry(t, "gusto").Supports(perch.AuthOAuth)
	if !gusto.Company.EIN || gusto.Company.Accounts.RoutingNumber || gusto.Individual.Gender {
		t.Error("gusto: an EIN is supplied; bank accounts and gender are not")
	}
	plain := entry(t, "bbcs").Supports(perch.AuthCredential)
	if plain.Company.EIN || !plain.Individual.Gender || !plain.Employment.CustomFields {
		t.Error("bbcs: the automated profile has gender and custom fields, and no EIN")
	}
	if entry(t, "patriot").Supports(perch.AuthAssisted).Employment.CustomFields {
		t.Error("patriot: assisted integrations have no custom fields")
	}
	wave := entry(t, "wave")
	if !reflect.DeepEqual(wave.Supports(perch.AuthOAuth).Individual, perch.IndividualFields{}) {
		t.Error("wave: nothing is known of people over OAuth")
	}
	if entry(t, "deel").Supports(perch.AuthOAuth).Employment.Location != (perch.LocationFields{Country: true}) {
		t.Error("deel: a place of work is known by its country alone")
	}
	if entry(t, "gusto").Supports(perch.AuthAssisted) != (perch.SupportedFields{}) {
		t.Error("gusto: a method that is not offered supplies nothing")
	}
}

func TestEveryStatementHasASource(t *testing.T) {
	t.Parallel()
	for _, e := range load(t).All() {
		if e.Source == "" {
			t.Errorf("%s: the integration types have no source", e.ID)
		}
		for _, auth := range e.Authentications() {
			p := e.Provenance(auth)
			if p.Method == "" {
				t.Errorf("%s: %s has no source", e.ID, auth)
			}
			if (p.Fields == "") != (e.Supports(auth) == perch.SupportedFields{}) {
				t.Errorf("%s over %s: fields and their source %q do not go together", e.ID, auth, p.Fields)
			}
			if (p.Benefits == "") != (len(e.Benefits(auth)) == 0) {
				t.Errorf("%s over %s: benefits and their source %q do not go together", e.ID, auth, p.Benefits)
			}
		}
	}
}

func TestNoBenefitTypeComesFromADefaultProfile(t *testing.T) {
	t.Parallel()
	claimed := map[string]int{}
	for _, e := range load(t).All() {
		for _, auth := range e.Authentications() {
			benefits := e.Benefits(auth)
			if len(benefits) == 0 {
				continue
			}
			claimed[e.ID] += len(benefits)
			if source := e.Provenance(auth).Benefits; source == "" || strings.HasPrefix(source, "default") {
				t.Errorf("%s over %s claims benefits from %q", e.ID, auth, source)
			}
			if !e.Integration(GroupDeductions, auth).Served() {
				t.Errorf("%s over %s claims benefits without serving deductions", e.ID, auth)
			}
		}
	}
	want := map[string]int{"gusto": 14, "paychex_flex": 1, "quickbooks": 7, "trinet": 2}
	if !reflect.DeepEqual(claimed, want) {
		t.Errorf("benefit types by provider: got %v, want %v", claimed, want)
	}
}

func TestHowFarPayStatementsReachIsKnownOfTwoProviders(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for _, e := range load(t).All() {
		if e.StatementMonths != 0 {
			got[e.ID] = e.StatementMonths
		}
	}
	if want := map[string]int{"paychex_flex": 14, "paycom": 24}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnUnknownProviderIsNotFound(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "Gusto", "gusto ", "check"} {
		if _, ok := load(t).Provider(id); ok {
			t.Errorf("%q was found", id)
		}
	}
}

func TestTheListIsTheCallers(t *testing.T) {
	t.Parallel()
	c := load(t)
	first := c.All()
	first[0].ID = "spoiled"
	if c.All()[0].ID == "spoiled" {
		t.Error("changing the list changed the catalogue")
	}
}
