package perch

// DirectoryEntry is one person as the directory lists them.
type DirectoryEntry struct {
	ID         ID              `json:"id"`
	FirstName  *string         `json:"first_name"`
	MiddleName *string         `json:"middle_name"`
	LastName   *string         `json:"last_name"`
	Manager    *Reference      `json:"manager"`
	Department *DepartmentName `json:"department"`
	IsActive   *bool           `json:"is_active"`
}

// Reference points to another object by its id.
type Reference struct {
	ID ID `json:"id"`
}

// Individual is one person, apart from the employment. SSN and EncryptedSSN are served only to
// tokens with the ssn product that ask for them; SSN is nine digits.
type Individual struct {
	ID            ID             `json:"id"`
	FirstName     *string        `json:"first_name"`
	MiddleName    *string        `json:"middle_name"`
	LastName      *string        `json:"last_name"`
	PreferredName *string        `json:"preferred_name"`
	Emails        []Email        `json:"emails"`
	PhoneNumbers  []PhoneNumber  `json:"phone_numbers"`
	Gender        *Gender        `json:"gender"`
	Ethnicity     *Ethnicity     `json:"ethnicity"`
	MaritalStatus *MaritalStatus `json:"marital_status"`
	DOB           *Date          `json:"dob"`
	Residence     *Location      `json:"residence"`
	SSN           *string        `json:"ssn,omitempty"`
	EncryptedSSN  *string        `json:"encrypted_ssn,omitempty"`
}

// Email is an address with its use.
type Email struct {
	Data string       `json:"data"`
	Type *ContactType `json:"type"`
}

// PhoneNumber is a number with its use; Data is E.164 where the country is known.
type PhoneNumber struct {
	Data *string      `json:"data"`
	Type *ContactType `json:"type"`
}

// ContactType is the use of an e-mail address or phone number.
type ContactType string

// Uses of contact data.
const (
	ContactWork     ContactType = "work"
	ContactPersonal ContactType = "personal"
)

// Values lists every use.
func (ContactType) Values() []ContactType { return []ContactType{ContactWork, ContactPersonal} }

// Gender as the employer records it.
type Gender string

// Genders.
const (
	GenderFemale           Gender = "female"
	GenderMale             Gender = "male"
	GenderOther            Gender = "other"
	GenderDeclineToSpecify Gender = "decline_to_specify"
)

// Values lists every gender.
func (Gender) Values() []Gender {
	return []Gender{GenderFemale, GenderMale, GenderOther, GenderDeclineToSpecify}
}

// Ethnicity as the employer records it for EEO-1 reports.
type Ethnicity string

// Ethnicities.
const (
	EthnicityAsian            Ethnicity = "asian"
	EthnicityWhite            Ethnicity = "white"
	EthnicityBlack            Ethnicity = "black_or_african_american"
	EthnicityPacificIslander  Ethnicity = "native_hawaiian_or_pacific_islander"
	EthnicityAmericanIndian   Ethnicity = "american_indian_or_alaska_native"
	EthnicityHispanic         Ethnicity = "hispanic_or_latino"
	EthnicityTwoOrMoreRaces   Ethnicity = "two_or_more_races"
	EthnicityDeclineToSpecify Ethnicity = "decline_to_specify"
)

// Values lists every ethnicity.
func (Ethnicity) Values() []Ethnicity {
	return []Ethnicity{EthnicityAsian, EthnicityWhite, EthnicityBlack, EthnicityPacificIslander,
		EthnicityAmericanIndian, EthnicityHispanic, EthnicityTwoOrMoreRaces, EthnicityDeclineToSpecify}
}

// MaritalStatus as the employer records it.
type MaritalStatus string

// Marital statuses.
const (
	MaritalSingle          MaritalStatus = "single"
	MaritalMarried         MaritalStatus = "married"
	MaritalDivorced        MaritalStatus = "divorced"
	MaritalWidowed         MaritalStatus = "widowed"
	MaritalDomesticPartner MaritalStatus = "domestic_partner"
	MaritalUnknown         MaritalStatus = "unknown"
)

// Values lists every marital status.
func (MaritalStatus) Values() []MaritalStatus {
	return []MaritalStatus{MaritalSingle, MaritalMarried, MaritalDivorced, MaritalWidowed, MaritalDomesticPartner, MaritalUnknown}
}
