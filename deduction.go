package perch

// BenefitType classifies a deduction or contribution by its tax treatment and purpose.
type BenefitType string

// Benefit types.
const (
	Benefit457           BenefitType = "457"
	Benefit401k          BenefitType = "401k"
	Benefit401kRoth      BenefitType = "401k_roth"
	Benefit401kLoan      BenefitType = "401k_loan"
	Benefit403b          BenefitType = "403b"
	Benefit403bRoth      BenefitType = "403b_roth"
	Benefit457Roth       BenefitType = "457_roth"
	BenefitCommuter      BenefitType = "commuter"
	BenefitCustomPostTax BenefitType = "custom_post_tax"
	BenefitCustomPreTax  BenefitType = "custom_pre_tax"
	BenefitFSADependent  BenefitType = "fsa_dependent_care"
	BenefitFSAMedical    BenefitType = "fsa_medical"
	BenefitHSAPost       BenefitType = "hsa_post"
	BenefitHSAPre        BenefitType = "hsa_pre"
	BenefitS125Dental    BenefitType = "s125_dental"
	BenefitS125Medical   BenefitType = "s125_medical"
	BenefitS125Vision    BenefitType = "s125_vision"
	BenefitSimple        BenefitType = "simple"
	BenefitSimpleIRA     BenefitType = "simple_ira"
)

// Values lists every benefit type.
func (BenefitType) Values() []BenefitType {
	return []BenefitType{Benefit457, Benefit401k, Benefit401kRoth, Benefit401kLoan, Benefit403b, Benefit403bRoth,
		Benefit457Roth, BenefitCommuter, BenefitCustomPostTax, BenefitCustomPreTax, BenefitFSADependent,
		BenefitFSAMedical, BenefitHSAPost, BenefitHSAPre, BenefitS125Dental, BenefitS125Medical,
		BenefitS125Vision, BenefitSimple, BenefitSimpleIRA}
}

// BenefitFrequency is how often a deduction is taken.
type BenefitFrequency string

// Benefit frequencies.
const (
	EveryPaycheck BenefitFrequency = "every_paycheck"
	BenefitMonth  BenefitFrequency = "monthly"
	OneTime       BenefitFrequency = "one_time"
)

// Values lists every benefit frequency.
func (BenefitFrequency) Values() []BenefitFrequency {
	return []BenefitFrequency{EveryPaycheck, BenefitMonth, OneTime}
}

// Deduction is a company-level deduction: what employees can be enrolled in. The wire calls it a
// benefit.
type Deduction struct {
	BenefitID           ID                `json:"benefit_id"`
	Type                *BenefitType      `json:"type"`
	Description         *string           `json:"description"`
	Frequency           *BenefitFrequency `json:"frequency"`
	CompanyContribution *Amount           `json:"company_contribution,omitempty"`
}

// AmountType is the form of a deduction's or contribution's amount.
type AmountType string

// Forms of amounts. Tiered is an employer's match of what the employee defers; Match is the same at
// company level.
const (
	AmountFixed   AmountType = "fixed"
	AmountPercent AmountType = "percent"
	AmountTiered  AmountType = "tiered"
	AmountMatch   AmountType = "match"
)

// Values lists every form of amount.
func (AmountType) Values() []AmountType {
	return []AmountType{AmountFixed, AmountPercent, AmountTiered, AmountMatch}
}

// Amount is what is deducted or contributed per pay period: cents when fixed, basis points of gross
// pay (0 to 10,000) when percent, tiers when matched.
type Amount struct {
	Type   AmountType  `json:"type"`
	Amount *int64      `json:"amount,omitempty"`
	Tiers  []MatchTier `json:"tiers,omitempty"`
}

// MatchTier matches what the employee defers up to Threshold at the rate Match; both are basis
// points, 1 to 10,000.
type MatchTier struct {
	Match     int64 `json:"match"`
	Threshold int64 `json:"threshold"`
}

// HSALimit selects the IRS limit that caps contributions to a health savings account.
type HSALimit string

// HSA limits.
const (
	HSAFamily     HSALimit = "family"
	HSAIndividual HSALimit = "individual"
)

// Values lists every HSA limit.
func (HSALimit) Values() []HSALimit { return []HSALimit{HSAFamily, HSAIndividual} }

// Enrolment is one person's participation in a deduction. AnnualMaximum is cents.
type Enrolment struct {
	EmployeeDeduction    *Amount   `json:"employee_deduction"`
	CompanyContribution  *Amount   `json:"company_contribution"`
	AnnualMaximum        *int64    `json:"annual_maximum"`
	CatchUp              *bool     `json:"catch_up"`
	HSAContributionLimit *HSALimit `json:"hsa_contribution_limit,omitempty"`
}
