package deduction

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider/catalog"
)

// terms are what a provider takes over one way to connect.
type terms struct {
	provider string
	assisted bool
	// types is nil where nothing is known; then everything is sent to the provider as it is.
	types          map[perch.BenefitType]*perch.BenefitSupport
	descriptionMax int
}

// termsOf returns the terms of a provider, or perch.ErrNotImplemented where deductions are not served.
func termsOf(entry catalog.Entry, auth perch.AuthenticationType) (terms, error) {
	kind := entry.Integration(catalog.GroupDeductions, auth)
	if !kind.Served() {
		return terms{}, perch.ErrNotImplemented
	}
	return terms{provider: entry.DisplayName, assisted: kind == catalog.Assisted, types: entry.Benefits(auth), descriptionMax: entry.DescriptionMax}, nil
}

// Operations, as the errors name them.
const (
	toCreate  = "be created over the API"
	toUpdate  = "be changed over the API"
	toEnrol   = "take enrolments over the API"
	toUnenrol = "have enrolments ended over the API"
)

// unsupported refuses what the provider does not take. field is the parameter at fault.
func unsupported(field, format string, args ...any) *perch.Error {
	return &perch.Error{Name: perch.NameUnprocessableRequest, Code: "unsupported_parameters", Message: field + ": " + fmt.Sprintf(format, args...)}
}

// support returns what the provider does with a type: nil where nothing is known.
func (t *terms) support(field string, kind perch.BenefitType) (*perch.BenefitSupport, error) {
	if t.types == nil {
		return nil, nil
	}
	support, ok := t.types[kind]
	if !ok {
		return nil, unsupported(field, "%s does not support the benefit type %s. It supports %s.", t.provider, kind, t.listed())
	}
	return support, nil
}

// listed names the supported types in the order of the model.
func (t *terms) listed() string {
	var names []string
	for _, kind := range perch.BenefitType("").Values() {
		if t.types[kind] != nil {
			names = append(names, string(kind))
		}
	}
	return strings.Join(names, ", ")
}

// reads reports whether deductions of a type are shown: those that the provider is not known to have over
// this way of connecting are not.
func (t *terms) reads(kind *perch.BenefitType) bool {
	return t.types == nil || kind != nil && t.types[*kind] != nil
}

// allows checks an operation on deductions of a type.
func (t *terms) allows(field string, support *perch.BenefitSupport, kind perch.BenefitType, operation string) error {
	if support == nil || support.Operations == nil {
		return nil
	}
	company, individual := support.Operations.Company, support.Operations.Individual
	var degree perch.OperationSupport
	switch {
	case operation == toCreate && company != nil:
		degree = company.Create
	case operation == toUpdate && company != nil:
		degree = company.Update
	case operation == toEnrol && individual != nil:
		degree = individual.Create
	case operation == toUnenrol && individual != nil:
		degree = individual.Delete
	}
	if degree == "" || degree == perch.OperationSupported {
		return nil
	}
	advice := ""
	if operation == toCreate {
		advice = " Have the employer set it up, then find it with GET /employer/benefits."
	}
	return unsupported(field, "at %s deductions of type %s cannot %s.%s", t.provider, kind, operation, advice)
}

// describe checks a description.
func (t *terms) describe(description string) error {
	if t.descriptionMax > 0 && utf8.RuneCountInString(description) > t.descriptionMax {
		return unsupported("description", "at %s it may have %d characters at most.", t.provider, t.descriptionMax)
	}
	return nil
}

// create checks a new deduction.
func (t *terms) create(d *perch.Deduction, operation string) error {
	support, err := t.support("type", *d.Type)
	if err != nil {
		return err
	}
	if operation != "" {
		if err := t.allows("type", support, *d.Type, operation); err != nil {
			return err
		}
	}
	if d.Description != nil {
		if err := t.describe(*d.Description); err != nil {
			return err
		}
	}
	if support == nil || support.Features == nil {
		return nil
	}
	f := support.Features
	if len(f.Frequencies) > 0 && !slices.Contains(f.Frequencies, *d.Frequency) {
		return unsupported("frequency", "at %s deductions of type %s may be taken %s, not %s.", t.provider, *d.Type, joined(f.Frequencies), *d.Frequency)
	}
	if d.CompanyContribution != nil && !slices.Contains(f.CompanyContribution, perch.AmountTiered) {
		return unsupported("company_contribution", "%s takes no employer's match for deductions of type %s.", t.provider, *d.Type)
	}
	return nil
}

// enrol checks one enrolment in a deduction of a type. field names the configuration.
func (t *terms) enrol(field string, support *perch.BenefitSupport, kind perch.BenefitType, e *perch.Enrolment) error {
	hsa := kind == perch.BenefitHSAPre || kind == perch.BenefitHSAPost
	switch {
	case e.CatchUp != nil && *e.CatchUp && !hsa && !retirement(kind):
		return unsupported(field+".catch_up", "is for retirement benefits and health savings accounts, not for %s.", kind)
	case e.HSAContributionLimit != nil && !hsa:
		return unsupported(field+".annual_contribution_limit", "is for health savings accounts, not for %s.", kind)
	}
	if support == nil || support.Features == nil {
		return nil
	}
	f := support.Features
	if err := t.amount(field+".employee_deduction", kind, e.EmployeeDeduction, f.EmployeeDeduction); err != nil {
		return err
	}
	if err := t.amount(field+".company_contribution", kind, e.CompanyContribution, f.CompanyContribution); err != nil {
		return err
	}
	switch {
	case e.AnnualMaximum != nil && !isTrue(f.AnnualMaximum):
		return unsupported(field+".annual_maximum", "%s takes none for deductions of type %s. Leave it out, or send null.", t.provider, kind)
	case isTrue(e.CatchUp) && !isTrue(f.CatchUp):
		return unsupported(field+".catch_up", "%s has none for deductions of type %s. Leave it out, or send false.", t.provider, kind)
	case e.HSAContributionLimit != nil && !slices.Contains(f.HSAContributionLimit, *e.HSAContributionLimit):
		return unsupported(field+".annual_contribution_limit", "%s accepts %s.", t.provider, orNothing(f.HSAContributionLimit))
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// amount checks the form of an amount.
func (t *terms) amount(field string, kind perch.BenefitType, a *perch.Amount, forms []perch.AmountType) error {
	if a == nil || slices.Contains(forms, a.Type) || len(forms) == 0 && a.Amount != nil && *a.Amount == 0 {
		return nil // nothing to take is taken everywhere
	}
	return unsupported(field+".type", "for deductions of type %s, %s accepts %s, not %s.", kind, t.provider, orNothing(forms), a.Type)
}

func retirement(kind perch.BenefitType) bool {
	switch kind {
	case perch.Benefit401k, perch.Benefit401kRoth, perch.Benefit403b, perch.Benefit403bRoth, perch.Benefit457, perch.Benefit457Roth,
		perch.BenefitSimple, perch.BenefitSimpleIRA:
		return true
	}
	return false
}

func joined[E ~string](values []E) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, " or ")
}

func orNothing[E ~string](values []E) string {
	if len(values) == 0 {
		return "nothing"
	}
	return joined(values)
}
