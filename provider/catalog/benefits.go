package catalog

import (
	"errors"
	"fmt"
	"slices"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// none is the list element that says that a feature does not exist.
const none = "none"

// notSupportedByPerch is how the data spells [perch.NotSupportedByPerch].
const notSupportedByPerch = "not_supported_by_perch"

// addBenefits gives the methods of e the benefit types that the data states. They come from a page
// of the documentation or from provider notes, never from a default profile.
func addBenefits(e *Entry, list []source.Benefits) error {
	for _, b := range list {
		if b.Source != sourceSetup && b.Source != sourceNotes {
			return fmt.Errorf("benefits: source: %q is not one of %q", b.Source, []string{sourceSetup, sourceNotes})
		}
		types, err := parseList[perch.BenefitType]("benefits: types", b.Types)
		if err != nil {
			return err
		}
		if len(types) == 0 {
			return errors.New("benefits: types: missing")
		}
		only, err := parseList[perch.AuthenticationType]("benefits: methods", b.Methods)
		if err != nil {
			return err
		}
		reached := 0
		for i := range e.methods {
			m := &e.methods[i]
			if len(only) > 0 && !slices.Contains(only, m.kind) || !slices.Contains(m.groups, GroupDeductions) {
				continue
			}
			reached++
			if err := m.addBenefits(b, types); err != nil {
				return err
			}
		}
		if want := max(1, len(only)); reached < want {
			return errors.New("benefits: methods: names one that does not exist or does not serve deductions")
		}
	}
	return nil
}

func (m *method) addBenefits(b source.Benefits, types []perch.BenefitType) error {
	if m.benefits == nil {
		m.benefits = map[perch.BenefitType]*perch.BenefitSupport{}
	}
	for _, t := range types {
		if m.benefits[t] != nil {
			return fmt.Errorf("benefits: types: %q is described twice for %s", t, m.kind)
		}
		features, err := compileFeatures(b.Features)
		if err != nil {
			return fmt.Errorf("benefits: features: %w", err)
		}
		operations, err := compileOperations(b)
		if err != nil {
			return fmt.Errorf("benefits: %w", err)
		}
		m.benefits[t] = &perch.BenefitSupport{Features: features, Operations: operations}
	}
	m.provenance.Benefits = b.Source
	return nil
}

// compileFeatures returns nil when no feature is known. A form of deduction cannot be stated
// without its frequencies: the published list of frequencies is never null, and an empty one would
// say that there are none.
func compileFeatures(f source.Features) (*perch.BenefitFeatures, error) {
	if isUnknown(f) {
		return nil, nil
	}
	if len(f.Frequencies) == 0 {
		return nil, errors.New("frequencies: missing")
	}
	var out perch.BenefitFeatures
	var err error
	if out.Frequencies, err = parseList[perch.BenefitFrequency]("frequencies", f.Frequencies); err != nil {
		return nil, err
	}
	if out.EmployeeDeduction, err = featureList[perch.AmountType]("employee_deduction", f.EmployeeDeduction); err != nil {
		return nil, err
	}
	if out.CompanyContribution, err = featureList[perch.AmountType]("company_contribution", f.CompanyContribution); err != nil {
		return nil, err
	}
	if out.HSAContributionLimit, err = featureList[perch.HSALimit]("hsa_contribution_limit", f.HSAContributionLimit); err != nil {
		return nil, err
	}
	if out.AnnualMaximum, err = featureFlag("annual_maximum", f.AnnualMaximum); err != nil {
		return nil, err
	}
	if out.CatchUp, err = featureFlag("catch_up", f.CatchUp); err != nil {
		return nil, err
	}
	return &out, nil
}

func isUnknown(f source.Features) bool {
	return len(f.Frequencies)+len(f.EmployeeDeduction)+len(f.CompanyContribution)+len(f.HSAContributionLimit) == 0 &&
		f.AnnualMaximum == "" && f.CatchUp == ""
}

// featureList tells "not known" (nil) from "there is none" (empty).
func featureList[T enum[T]](field string, list []string) ([]T, error) {
	if len(list) == 1 && list[0] == none {
		return []T{}, nil
	}
	return parseList[T](field, list)
}

func featureFlag(field, text string) (*bool, error) {
	yes, no := true, false
	switch text {
	case "":
		return nil, nil
	case "supported":
		return &yes, nil
	case "unsupported":
		return &no, nil
	default:
		return nil, fmt.Errorf("%s: %q is not one of [supported unsupported]", field, text)
	}
}

func compileOperations(b source.Benefits) (*perch.BenefitOperations, error) {
	company, err := compileMatrix(b.Company)
	if err != nil {
		return nil, fmt.Errorf("company: %w", err)
	}
	individual, err := compileMatrix(b.Individual)
	if err != nil {
		return nil, fmt.Errorf("individual: %w", err)
	}
	if company == nil && individual == nil {
		return nil, nil
	}
	return &perch.BenefitOperations{Company: company, Individual: individual}, nil
}

func compileMatrix(o source.Operations) (*perch.OperationMatrix, error) {
	if o == (source.Operations{}) {
		return nil, nil
	}
	var m perch.OperationMatrix
	for _, cell := range []struct {
		name, text string
		to         *perch.OperationSupport
	}{{"create", o.Create, &m.Create}, {"update", o.Update, &m.Update}, {"delete", o.Delete, &m.Delete}, {"read", o.Read, &m.Read}} {
		switch cell.text {
		case "":
		case notSupportedByPerch:
			*cell.to = perch.NotSupportedByPerch
		default:
			v, err := parse[perch.OperationSupport](cell.name, cell.text)
			if err != nil {
				return nil, err
			}
			*cell.to = v
		}
	}
	return &m, nil
}
