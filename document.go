package perch

// Document is a form on file for a person, such as a W-4.
type Document struct {
	ID           ID           `json:"id"`
	IndividualID *ID          `json:"individual_id"`
	URL          string       `json:"url"`
	Year         int          `json:"year"`
	Type         DocumentType `json:"type"`
}

// W4Document2020 is a W-4 of 2020 or later. Its Type is DocumentW42020.
type W4Document2020 struct {
	Type DocumentType `json:"type"`
	Year int          `json:"year"`
	Data W42020       `json:"data"`
}

// W4Document2005 is a W-4 before 2020. Its Type is DocumentW42005.
type W4Document2005 struct {
	Type DocumentType `json:"type"`
	Year int          `json:"year"`
	Data W42005       `json:"data"`
}

// DocumentType is the kind and edition of a form.
type DocumentType string

// Document types: the W-4 as the IRS redesigned it in 2020, and the one before.
const (
	DocumentW42020 DocumentType = "w4_2020"
	DocumentW42005 DocumentType = "w4_2005"
)

// Values lists every document type.
func (DocumentType) Values() []DocumentType { return []DocumentType{DocumentW42020, DocumentW42005} }

// W42020 is the content of a W-4 of 2020 or later. Amounts are cents.
type W42020 struct {
	IndividualID                  ID            `json:"individual_id"`
	FilingStatus                  *FilingStatus `json:"filing_status"`
	AmountForQualifyingChildren   int64         `json:"amount_for_qualifying_children_under_17"`
	TotalClaimDependentAndCredits int64         `json:"total_claim_dependent_and_other_credits"`
	AmountForOtherDependents      int64         `json:"amount_for_other_dependents"`
	OtherIncome                   int64         `json:"other_income"`
	Deductions                    int64         `json:"deductions"`
	ExtraWithholding              int64         `json:"extra_withholding"`
}

// W42005 is the content of a W-4 before 2020. AdditionalWithholding is cents; allowances are a number.
type W42005 struct {
	IndividualID            ID            `json:"individual_id"`
	FilingStatus            *FilingStatus `json:"filing_status"`
	TotalNumberOfAllowances int64         `json:"total_number_of_allowances"`
	AdditionalWithholding   int64         `json:"additional_withholding"`
	Exemption               *W4Exemption  `json:"exemption"`
}

// FilingStatus is the box ticked on a W-4; the first three belong to the 2020 form.
type FilingStatus string

// Filing statuses.
const (
	FilingHeadOfHousehold FilingStatus = "head_of_household"
	FilingMarriedJointly  FilingStatus = "married_filing_jointly_or_qualifying_surviving_spouse"
	FilingSingleOrApart   FilingStatus = "single_or_married_filing_separately"
	FilingMarried         FilingStatus = "married"
	FilingMarriedHigher   FilingStatus = "married_but_withhold_at_higher_single_rate"
	FilingSingle          FilingStatus = "single"
)

// Values lists every filing status.
func (FilingStatus) Values() []FilingStatus {
	return []FilingStatus{FilingHeadOfHousehold, FilingMarriedJointly, FilingSingleOrApart, FilingMarried, FilingMarriedHigher, FilingSingle}
}

// W4Exemption says whether a W-4 before 2020 claims exemption from withholding.
type W4Exemption string

// Exemptions.
const (
	W4Exempt    W4Exemption = "exempt"
	W4NonExempt W4Exemption = "non_exempt"
)

// Values lists both.
func (W4Exemption) Values() []W4Exemption { return []W4Exemption{W4Exempt, W4NonExempt} }
