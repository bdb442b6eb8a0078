package deduction

import (
	"errors"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider/catalog"
)

func providerTerms(t *testing.T, id string, auth perch.AuthenticationType) terms {
	t.Helper()
	providers, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := providers.Provider(id)
	if !ok {
		t.Fatalf("there is no provider %s", id)
	}
	found, err := termsOf(entry, auth)
	if err != nil {
		t.Fatalf("%s serves no deductions over %s: %v", id, auth, err)
	}
	return found
}

func deductionOf(kind perch.BenefitType, frequency perch.BenefitFrequency, description string) perch.Deduction {
	return perch.Deduction{Type: &kind, Frequency: &frequency, Description: &description}
}

var errUnsupported = &perch.Error{Name: perch.NameUnprocessableRequest, Code: "unsupported_parameters"}

func TestCreationsFollowTheTermsOfTheProvider(t *testing.T) {
	t.Parallel()
	match := deductionOf(perch.Benefit401k, perch.EveryPaycheck, "Mine")
	match.CompanyContribution = &perch.Amount{Type: perch.AmountMatch, Tiers: []perch.MatchTier{{Match: 100, Threshold: 100}}}
	for name, c := range map[string]struct {
		provider string
		auth     perch.AuthenticationType
		d        perch.Deduction
		want     string // what the message begins with; empty for success
	}{
		"what Gusto takes":              {"gusto", perch.AuthOAuth, deductionOf(perch.Benefit401k, perch.EveryPaycheck, "Mine"), ""},
		"with a match":                  {"gusto", perch.AuthOAuth, match, ""},
		"a type it does not have":       {"gusto", perch.AuthOAuth, deductionOf(perch.Benefit457, perch.EveryPaycheck, "Mine"), "type: Gusto does not support the benefit type 457. It supports 401k,"},
		"a frequency it does not have":  {"gusto", perch.AuthOAuth, deductionOf(perch.Benefit401k, perch.OneTime, "Mine"), "frequency: "},
		"TriNet creates none":           {"trinet", perch.AuthCredential, deductionOf(perch.Benefit401k, perch.EveryPaycheck, "Mine"), "type: at TriNet PEO deductions of type 401k cannot be created"},
		"TriNet has no custom ones":     {"trinet", perch.AuthCredential, deductionOf(perch.BenefitCustomPreTax, perch.EveryPaycheck, "Mine"), "type: TriNet PEO does not support"},
		"Justworks takes 30 characters": {"justworks", perch.AuthOAuth, deductionOf(perch.Benefit401k, perch.OneTime, strings.Repeat("é", 30)), ""},
		"Justworks takes no more":       {"justworks", perch.AuthOAuth, deductionOf(perch.Benefit401k, perch.OneTime, strings.Repeat("é", 31)), "description: "},
		"a match that Paychex lacks":    {"paychex_flex", perch.AuthAPICredential, match, "type: at Paychex Flex deductions of type 401k cannot be created"},
	} {
		providers, err := catalog.Load()
		if err != nil {
			t.Fatal(err)
		}
		entry, _ := providers.Provider(c.provider)
		auth := c.auth
		if !entry.Integration(catalog.GroupDeductions, auth).Served() {
			for _, auth = range entry.Authentications() {
				if entry.Integration(catalog.GroupDeductions, auth).Served() {
					break
				}
			}
		}
		terms := providerTerms(t, c.provider, auth)
		err = terms.create(&c.d, toCreate)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "":
			var known *perch.Error
			if !errors.Is(err, errUnsupported) || !errors.As(err, &known) || !strings.HasPrefix(known.Message, c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

func TestEnrolmentsFollowTheTermsOfTheProvider(t *testing.T) {
	t.Parallel()
	yes, no, cents := true, false, int64(100)
	family := perch.HSAFamily
	fixed := &perch.Amount{Type: perch.AmountFixed, Amount: &cents}
	tiered := &perch.Amount{Type: perch.AmountTiered, Tiers: []perch.MatchTier{{Match: 100, Threshold: 100}}}
	zero := int64(0)
	gusto := providerTerms(t, "gusto", perch.AuthOAuth)
	for name, c := range map[string]struct {
		kind perch.BenefitType
		e    perch.Enrolment
		want string
	}{
		"everything of a 401(k)":          {perch.Benefit401k, perch.Enrolment{EmployeeDeduction: fixed, CompanyContribution: tiered, AnnualMaximum: &cents, CatchUp: &yes}, ""},
		"nothing at all":                  {perch.Benefit401k, perch.Enrolment{}, ""},
		"a limit of an HSA":               {perch.BenefitHSAPre, perch.Enrolment{EmployeeDeduction: fixed, HSAContributionLimit: &family}, ""},
		"a limit of a 401(k)":             {perch.Benefit401k, perch.Enrolment{HSAContributionLimit: &family}, "c.annual_contribution_limit: "},
		"catch-up of insurance":           {perch.BenefitS125Dental, perch.Enrolment{CatchUp: &yes}, "c.catch_up: "},
		"no catch-up of insurance":        {perch.BenefitS125Dental, perch.Enrolment{CatchUp: &no}, ""},
		"catch-up that Gusto's HSA lacks": {perch.BenefitHSAPre, perch.Enrolment{CatchUp: &yes}, "c.catch_up: Gusto has none"},
	} {
		err := gusto.enrol("c", gusto.types[c.kind], c.kind, &c.e)
		check(t, name, err, c.want)
	}
	paychex := providerTerms(t, "paychex_flex", perch.AuthAPICredential)
	support := paychex.types[perch.Benefit401k]
	check(t, "tiers at Paychex", paychex.enrol("c", support, perch.Benefit401k, &perch.Enrolment{CompanyContribution: tiered}), "c.company_contribution.type: ")
	check(t, "a maximum at Paychex", paychex.enrol("c", support, perch.Benefit401k, &perch.Enrolment{AnnualMaximum: &cents}), "c.annual_maximum: ")
	check(t, "nothing from the employer", paychex.enrol("c", support, perch.Benefit401k, &perch.Enrolment{
		CompanyContribution: &perch.Amount{Type: perch.AmountFixed, Amount: &zero}}), "")
}

func check(t *testing.T, name string, err error, want string) {
	t.Helper()
	var known *perch.Error
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (!errors.As(err, &known) || !strings.HasPrefix(known.Message, want)):
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

func TestAmountsHaveBounds(t *testing.T) {
	t.Parallel()
	amount := func(kind perch.AmountType, n int64) *perch.Amount { return &perch.Amount{Type: kind, Amount: &n} }
	tiers := func(list ...perch.MatchTier) *perch.Amount {
		return &perch.Amount{Type: perch.AmountTiered, Tiers: list}
	}
	for name, c := range map[string]struct {
		a    *perch.Amount
		want string
	}{
		"none":                   {nil, ""},
		"nothing":                {amount(perch.AmountFixed, 0), ""},
		"the most":               {amount(perch.AmountFixed, maxCents), ""},
		"more than that":         {amount(perch.AmountFixed, maxCents+1), "a.amount: "},
		"less than nothing":      {amount(perch.AmountFixed, -1), "a.amount: "},
		"all of the pay":         {amount(perch.AmountPercent, 10_000), ""},
		"more than the pay":      {amount(perch.AmountPercent, 10_001), "a.amount: "},
		"no amount":              {&perch.Amount{Type: perch.AmountFixed}, "a.amount: is required"},
		"two tiers":              {tiers(perch.MatchTier{Match: 10_000, Threshold: 300}, perch.MatchTier{Match: 1, Threshold: 10_000}), ""},
		"tiers out of order":     {tiers(perch.MatchTier{Match: 1, Threshold: 300}, perch.MatchTier{Match: 1, Threshold: 300}), "a.tiers[1].threshold: "},
		"a tier without a match": {tiers(perch.MatchTier{Threshold: 300}), "a.tiers[0].match: "},
		"a tier beyond the pay":  {tiers(perch.MatchTier{Match: 1, Threshold: 10_001}), "a.tiers[0].threshold: "},
		"no tiers":               {tiers(), "a.tiers: "},
	} {
		check(t, name, checkAmount("a", c.a), c.want)
	}
}
