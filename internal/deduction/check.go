package deduction

import (
	"fmt"
	"unicode/utf8"

	perch "github.com/perchhq/perch"
)

const (
	// maxCents bounds amounts. It is far beyond any pay, and sums of many stay within their type.
	maxCents = 1<<31 - 1
	// whole is 100 % in basis points.
	whole = 10_000
	// maxTiers bounds the tiers of a match at company level, as the contract does; maxPersonTiers those of
	// one person's.
	maxTiers, maxPersonTiers = 3, 10
	// maxDescription bounds descriptions, in characters.
	maxDescription = 255
	// maxPeople bounds one batch.
	maxPeople = 10_000
)

// checkDeduction checks a new deduction for what holds at every provider. The frequency, if left out, is
// every paycheck.
func checkDeduction(d *perch.Deduction) error {
	if d.Type == nil {
		return perch.Invalid("type", "is required.")
	}
	if d.Frequency == nil {
		every := perch.EveryPaycheck
		d.Frequency = &every
	}
	if d.Description != nil {
		if err := checkDescription(*d.Description); err != nil {
			return err
		}
	}
	if c := d.CompanyContribution; c != nil {
		return checkTiers("company_contribution.tiers", c.Tiers, maxTiers)
	}
	return nil
}

func checkDescription(description string) error {
	if n := utf8.RuneCountInString(description); n == 0 || n > maxDescription {
		return perch.Invalid("description", "must have between 1 and %d characters.", maxDescription)
	}
	return nil
}

// checkEnrolment checks one enrolment for what holds at every provider.
func checkEnrolment(field string, e *perch.Enrolment) error {
	if err := checkAmount(field+".employee_deduction", e.EmployeeDeduction); err != nil {
		return err
	}
	if err := checkAmount(field+".company_contribution", e.CompanyContribution); err != nil {
		return err
	}
	if m := e.AnnualMaximum; m != nil && (*m < 0 || *m > maxCents) {
		return perch.Invalid(field+".annual_maximum", "must be between 0 and %d cents.", maxCents)
	}
	return nil
}

func checkAmount(field string, a *perch.Amount) error {
	if a == nil {
		return nil
	}
	if a.Type == perch.AmountTiered {
		return checkTiers(field+".tiers", a.Tiers, maxPersonTiers)
	}
	switch most, unit := int64(maxCents), "cents"; {
	case a.Amount == nil:
		return perch.Invalid(field+".amount", "is required for type %s.", a.Type)
	case a.Type == perch.AmountPercent:
		most, unit = whole, "basis points"
		fallthrough
	default:
		if *a.Amount < 0 || *a.Amount > most {
			return perch.Invalid(field+".amount", "must be between 0 and %d %s for type %s.", most, unit, a.Type)
		}
	}
	return nil
}

// checkTiers wants tiers in ascending order of their thresholds.
func checkTiers(field string, tiers []perch.MatchTier, most int) error {
	if len(tiers) == 0 || len(tiers) > most {
		return perch.Invalid(field, "must have between 1 and %d tiers.", most)
	}
	for i, tier := range tiers {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case tier.Match < 1 || tier.Match > whole:
			return perch.Invalid(at+".match", "must be between 1 and %d basis points.", whole)
		case tier.Threshold < 1 || tier.Threshold > whole:
			return perch.Invalid(at+".threshold", "must be between 1 and %d basis points.", whole)
		case i > 0 && tier.Threshold <= tiers[i-1].Threshold:
			return perch.Invalid(at+".threshold", "must be greater than that of the tier before.")
		}
	}
	return nil
}
