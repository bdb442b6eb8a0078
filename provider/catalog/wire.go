package catalog

import (
	"slices"

	perch "github.com/perchhq/perch"
)

// Wire returns the entry as the API lists it. Icon and logo are left out: Perch draws monograms and
// copies no trademarks. MFARequired is false because no source states it of any provider.
// SupportedFields is left out for a provider in beta of which a source says nothing: an expectation
// is not published as knowledge. The result is the caller's.
func (e Entry) Wire() perch.Provider {
	p := perch.Provider{
		ID:                    e.ID,
		DisplayName:           e.DisplayName,
		Products:              e.Products(),
		PrimaryColor:          e.PrimaryColor,
		Manual:                e.manual(),
		Beta:                  e.Beta(),
		AuthenticationMethods: make([]perch.AuthenticationMethod, len(e.methods)),
	}
	for i, m := range e.methods {
		p.AuthenticationMethods[i] = perch.AuthenticationMethod{Type: m.kind, BenefitsSupport: cloneBenefits(m.benefits)}
		if !e.Beta() || m.provenance.Fields == sourceNotes {
			fields := m.fields
			p.AuthenticationMethods[i].SupportedFields = &fields
		}
	}
	return p
}

// manual says that no group is automated.
func (e Entry) manual() bool {
	for _, t := range e.groups {
		if t == Automated {
			return false
		}
	}
	return true
}

// cloneBenefits copies everything that in points to, so that a caller cannot change the catalogue.
func cloneBenefits(in map[perch.BenefitType]*perch.BenefitSupport) map[perch.BenefitType]*perch.BenefitSupport {
	if in == nil {
		return nil
	}
	out := make(map[perch.BenefitType]*perch.BenefitSupport, len(in))
	for kind, b := range in {
		out[kind] = &perch.BenefitSupport{Features: cloneFeatures(b.Features), Operations: cloneOperations(b.Operations)}
	}
	return out
}

func cloneFeatures(f *perch.BenefitFeatures) *perch.BenefitFeatures {
	if f == nil {
		return nil
	}
	return &perch.BenefitFeatures{
		Description:          clonePointer(f.Description),
		Frequencies:          slices.Clone(f.Frequencies),
		EmployeeDeduction:    slices.Clone(f.EmployeeDeduction),
		CompanyContribution:  slices.Clone(f.CompanyContribution),
		AnnualMaximum:        clonePointer(f.AnnualMaximum),
		CatchUp:              clonePointer(f.CatchUp),
		HSAContributionLimit: slices.Clone(f.HSAContributionLimit),
	}
}

func cloneOperations(o *perch.BenefitOperations) *perch.BenefitOperations {
	if o == nil {
		return nil
	}
	return &perch.BenefitOperations{Company: clonePointer(o.Company), Individual: clonePointer(o.Individual)}
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
