package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/apierror"
	"github.com/perchhq/perch/internal/deduction"
)

// NewDeduction is the body of POST /employer/benefits and of the registration.
type NewDeduction struct {
	Type                perch.BenefitType      `json:"type"`
	Description         *string                `json:"description,omitempty" doc:"Name, as the provider and pay statements show it."`
	Frequency           perch.BenefitFrequency `json:"frequency,omitempty" default:"every_paycheck"`
	CompanyContribution *CompanyMatch          `json:"company_contribution,omitempty" doc:"The employer's match."`
}

// CompanyMatch is an employer's match at company level.
type CompanyMatch struct {
	Type  perch.AmountType  `json:"type" doc:"match"`
	Tiers []perch.MatchTier `json:"tiers" nullable:"false" minItems:"1" maxItems:"3" doc:"In ascending order of their thresholds, in basis points."`
}

// DeductionWritten answers a write of a deduction.
type DeductionWritten struct {
	BenefitID perch.ID `json:"benefit_id"`
	JobID     perch.ID `json:"job_id"`
}

// DeductionChange is the body of POST /employer/benefits/{benefit_id}.
type DeductionChange struct {
	Description string `json:"description"`
}

// EnrolledIndividuals is the answer of GET /employer/benefits/{benefit_id}/enrolled.
type EnrolledIndividuals struct {
	BenefitID     perch.ID   `json:"benefit_id"`
	IndividualIDs []perch.ID `json:"individual_ids" nullable:"false"`
}

// IndividualDeduction is one entry of a batch, in the order of the request.
type IndividualDeduction struct {
	IndividualID string         `json:"individual_id"`
	Code         int            `json:"code" doc:"Reads like an HTTP status: 200, or that of the error in the body."`
	Body         deductionOrErr `json:"body"`
}

// deductionOrErr is the body of an entry: either of two things.
type deductionOrErr struct {
	enrolment *perch.Enrolment
	err       *perch.Error
}

// MarshalJSON implements json.Marshaler.
func (d deductionOrErr) MarshalJSON() ([]byte, error) {
	if d.err == nil {
		return json.Marshal(d.enrolment)
	}
	return json.Marshal(ItemError{Code: apierror.Status(d.err), Name: d.err.Name, FinchCode: d.err.Code, Message: d.err.Message})
}

// EnrolmentRequest names an individual and how to enrol them.
type EnrolmentRequest struct {
	IndividualID  string                 `json:"individual_id" doc:"Id of an individual, as the directory lists it."`
	Configuration EnrolmentConfiguration `json:"configuration"`
}

// EnrolmentConfiguration is the whole of an enrolment.
type EnrolmentConfiguration struct {
	EmployeeDeduction   *perch.Amount   `json:"employee_deduction,omitempty"`
	CompanyContribution *perch.Amount   `json:"company_contribution,omitempty"`
	AnnualMaximum       *int64          `json:"annual_maximum,omitempty" doc:"Cents."`
	ContributionLimit   *perch.HSALimit `json:"annual_contribution_limit,omitempty" doc:"For health savings accounts."`
	CatchUp             *bool           `json:"catch_up,omitempty" doc:"For retirement benefits and health savings accounts."`
	EffectiveDate       *perch.Date     `json:"effective_date,omitempty" doc:"For assisted connections."`
}

// UnenrolmentRequest is the body of DELETE /employer/benefits/{benefit_id}/individuals.
type UnenrolmentRequest struct {
	IndividualIDs []string `json:"individual_ids" nullable:"false" minItems:"1" maxItems:"10000"`
}

// JobQueued answers a write of enrolments.
type JobQueued struct {
	JobID perch.ID `json:"job_id"`
}

const (
	exampleDeduction = `{"benefit_id":"` + exampleID + `","type":"401k","description":"Acme 401(k)","frequency":"every_paycheck",` +
		`"company_contribution":{"type":"match","tiers":[{"match":10000,"threshold":300},{"match":5000,"threshold":500}]}}`
	exampleWritten  = `{"benefit_id":"` + exampleID + `","job_id":"be1b3351-a88e-46c2-96e4-c2cf38e529a7"}`
	exampleFeatures = `[{"type":"401k","description":null,"frequencies":["every_paycheck"],"employee_deduction":["fixed","percent"],` +
		`"company_contribution":["fixed","percent"],"annual_maximum":true,"catch_up":true,"hsa_contribution_limit":null}]`
	exampleEnrolments = `[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","code":200,"body":{"employee_deduction":{"type":"percent","amount":600},` +
		`"company_contribution":{"type":"tiered","tiers":[{"match":5000,"threshold":600}]},"annual_maximum":null,"catch_up":false}}]`
	exampleManualJob = `{"job_id":"` + exampleID + `","status":"complete","body":[{"individual_id":"0d9a3a56-6c1f-4c39-8b62-5f2a6d1f2b90","code":201,"message":"Successfully enrolled individual in benefit"},` +
		`{"individual_id":"unknown","code":404,"message":"Individual not found","name":"not_found_error","finch_code":"individual_not_found"}]}`
)

func readDeduction(s *scanner) (d perch.Deduction, err error) {
	err = s.fields([]field{
		{"type", false, func() error { return optional(s, &d.Type, pointer(enumOf[perch.BenefitType](s))) }},
		{"description", false, func() error { return optional(s, &d.Description, pointer(s.words)) }},
		{"frequency", false, func() error { return optional(s, &d.Frequency, pointer(enumOf[perch.BenefitFrequency](s))) }},
		{"company_contribution", false, func() error {
			return optional(s, &d.CompanyContribution, func() (*perch.Amount, error) { return s.amount(perch.AmountMatch) })
		}},
	})
	return d, err
}

// amount reads an amount of one of the forms.
func (s *scanner) amount(forms ...perch.AmountType) (*perch.Amount, error) {
	var a perch.Amount
	err := s.fields([]field{
		{"type", true, func() (err error) { a.Type, err = enum(s, forms); return err }},
		{"amount", false, func() error { return optional(s, &a.Amount, pointer(s.cents)) }},
		{"tiers", false, func() error { return s.unlessNull(func() (err error) { a.Tiers, err = s.tiers(); return err }) }},
	})
	switch {
	case err != nil:
	case a.Type == perch.AmountTiered || a.Type == perch.AmountMatch:
		a.Amount = nil
	default:
		a.Tiers = nil
	}
	return &a, err
}

// mostTiers bounds a list that the use case bounds more tightly.
const mostTiers = 100

func (s *scanner) tiers() (list []perch.MatchTier, err error) {
	err = s.each(func(i int) error {
		if i >= mostTiers {
			return s.invalid("there are too many tiers.")
		}
		var tier perch.MatchTier
		err := s.fields([]field{
			{"match", true, func() (err error) { tier.Match, err = s.cents(); return err }},
			{"threshold", true, func() (err error) { tier.Threshold, err = s.cents(); return err }},
		})
		list = append(list, tier)
		return err
	})
	return list, err
}

// each reads an array whose elements may be objects, and keeps the place for errors.
func (s *scanner) each(visit func(i int) error) error {
	outer := s.at
	err := s.array(func(i int) error {
		s.at = location{index: -1, field: fmt.Sprintf("%s[%d]", outer.field, i)}
		return visit(i)
	})
	s.at = outer
	return err
}

func readDescription(s *scanner) (description string, err error) {
	err = s.fields([]field{{"description", true, func() (err error) { description, err = s.words(); return err }}})
	return description, err
}

func readEnrolments(s *scanner) (people []deduction.Person, err error) {
	err = s.each(func(int) error {
		var p deduction.Person
		err := s.fields([]field{
			{"individual_id", true, func() (err error) { p.IndividualID, err = s.name(); return err }},
			{"configuration", false, func() error { return s.configuration(&p) }},
		})
		people = append(people, p)
		return err
	})
	return people, err
}

func (s *scanner) configuration(p *deduction.Person) error {
	e := &p.Enrolment
	return s.fields([]field{
		{"employee_deduction", false, func() error {
			return optional(s, &e.EmployeeDeduction, func() (*perch.Amount, error) { return s.amount(perch.AmountFixed, perch.AmountPercent) })
		}},
		{"company_contribution", false, func() error {
			return optional(s, &e.CompanyContribution, func() (*perch.Amount, error) {
				return s.amount(perch.AmountFixed, perch.AmountPercent, perch.AmountTiered)
			})
		}},
		{"annual_maximum", false, func() error { return optional(s, &e.AnnualMaximum, pointer(s.cents)) }},
		{"annual_contribution_limit", false, func() error { return optional(s, &e.HSAContributionLimit, pointer(enumOf[perch.HSALimit](s))) }},
		{"catch_up", false, func() error { return optional(s, &e.CatchUp, pointer(s.flag)) }},
		{"effective_date", false, func() error { return optional(s, &p.EffectiveDate, pointer(s.effectiveDate)) }},
	})
}

// effectiveDate reads a date in either of the forms that are documented.
func (s *scanner) effectiveDate() (perch.Date, error) {
	text, err := s.words()
	if err != nil {
		return 0, err
	}
	for _, form := range []string{time.DateOnly, "01/02/2006"} {
		if day, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return perch.DateOf(day), nil
		}
	}
	return 0, s.invalid("must be a day as YYYY-MM-DD or mm/dd/yyyy.")
}

func readUnenrolment(s *scanner) (individuals []string, err error) {
	err = s.fields([]field{{"individual_ids", true, func() error {
		return s.each(func(int) error {
			id, err := s.name()
			individuals = append(individuals, id)
			return err
		})
	}}})
	return individuals, err
}
