package sandbox

import perch "github.com/perchhq/perch"

var (
	contactWork     = perch.ContactWork
	contactPersonal = perch.ContactPersonal
	country         = "US"
	currency        = perch.USD
)

// ethnicities are weighted by position: the first that a number below 1000 does not reach.
var ethnicities = []struct {
	until int
	value perch.Ethnicity
}{
	{470, perch.EthnicityWhite}, {640, perch.EthnicityHispanic}, {770, perch.EthnicityBlack}, {850, perch.EthnicityAsian},
	{890, perch.EthnicityTwoOrMoreRaces}, {900, perch.EthnicityAmericanIndian}, {908, perch.EthnicityPacificIslander},
	{930, perch.EthnicityDeclineToSpecify},
}

// sex decides which list first names come from: 0 female, 1 male, 2 either.
func (p *profile) sex() int {
	switch n := p.dice.below(askGender, 1000); {
	case n < 480:
		return 0
	case n < 955:
		return 1
	}
	return 2
}

func (r *record) firstName(p *profile) *name { return givenName(p, askFirstName) }

func givenName(p *profile, q question) *name {
	list := [...][]name{femaleNames, maleNames, neutralNames}[p.sex()]
	return &list[p.dice.below(q, len(list))]
}

// lastName gives everyone at a small employer a different surname, so that addresses need no number.
func (r *record) lastName(p *profile) *name {
	if r.people <= len(lastNames) {
		return &lastNames[r.surnames.to(p.index)]
	}
	return &lastNames[p.dice.below(askLastName, len(lastNames))]
}

// marital decides the marital status, known to the employer or not: Form W-4 depends on it.
func (p *profile) marital() perch.MaritalStatus {
	switch n := p.dice.below(askMarital, 1000); {
	case n < 430:
		return perch.MaritalMarried
	case n < 820:
		return perch.MaritalSingle
	case n < 920:
		return perch.MaritalDivorced
	case n < 945:
		return perch.MaritalWidowed
	case n < 985:
		return perch.MaritalDomesticPartner
	}
	return perch.MaritalUnknown
}

// Days of age: eighteen years, and an upper limit for people who work.
const (
	adultDays = 18*365 + 5
	oldDays   = 68 * 365
	yearDays  = 365
)

// birthday decides the date of birth, known to the employer or not. Everyone was at least eighteen
// when hired.
func (p *profile) birthday(asOf perch.Date) perch.Date {
	d := p.dice
	if p.post.standing == standingRetired {
		return min(p.end.AddDays(-d.between(askBirth, 62*yearDays, 70*yearDays)), p.start.AddDays(-adultDays))
	}
	low, high := adultDays, 54*yearDays
	switch {
	case p.post.height > 0:
		low, high = 28*yearDays, 46*yearDays
	case p.post.standing == standingIntern:
		low, high = 19*yearDays, 25*yearDays
	case p.unit == perch.IncomeYearly:
		low = 22 * yearDays
	}
	// The lower of two throws: more people start young than old.
	age := min(d.between(askBirth, low, high), d.between(askBirth+1000, low, high))
	return max(p.start.AddDays(-age), asOf.AddDays(-oldDays))
}

// individual fills the person. What is missing is missing at rates that real systems show.
func (r *record) individual(p *profile) {
	d := p.dice
	v := &r.out.Individual
	*v = perch.Individual{FirstName: &r.firstName(p).text, LastName: &r.lastName(p).text}
	if d.chance(askMiddleName, 560) {
		v.MiddleName = &givenName(p, askMiddleName+1000).text
	}
	if d.chance(askPreferredName, 140) {
		v.PreferredName = &neutralNames[d.below(askPreferredName+1000, len(neutralNames))].text
	}
	r.contacts(p, v)
	r.demographics(p, v)
	if !d.chance(askBirthKnown, 8) {
		r.born = p.birthday(r.asOf)
		v.DOB = &r.born
	}
	unknown := 10
	if p.contractor() {
		unknown = 80
	}
	if !d.chance(askNumberKnown, unknown) {
		v.SSN = &r.parts[partSSN]
	}
	if !d.chance(askResidence, 25) {
		r.homeState = places[p.office].state
		r.home = perch.Location{Line1: &r.parts[partLine1], City: &r.homeTown.city, State: &r.homeState,
			PostalCode: &r.homeTown.zip, Country: &country}
		if d.chance(askUnit+1000, 280) {
			r.home.Line2 = &r.parts[partLine2]
		}
		v.Residence = &r.home
	}
}

func (r *record) contacts(p *profile, v *perch.Individual) {
	emails, phones := r.email[:0], r.phone[:0]
	if !p.dice.chance(askPersonalEmail+2000, 30) {
		emails = append(emails, perch.Email{Data: r.parts[partWorkEmail], Type: &contactWork})
	}
	if p.dice.chance(askPersonalEmail, 680) {
		emails = append(emails, perch.Email{Data: r.parts[partPersonalEmail], Type: &contactPersonal})
	}
	if p.dice.chance(askWorkPhone, 450) {
		phones = append(phones, perch.PhoneNumber{Data: &r.parts[partWorkPhone], Type: &contactWork})
	}
	if p.dice.chance(askPersonalPhone, 780) {
		phones = append(phones, perch.PhoneNumber{Data: &r.parts[partPersonalPhone], Type: &contactPersonal})
	}
	if len(emails) > 0 {
		v.Emails = emails
	}
	if len(phones) > 0 {
		v.PhoneNumbers = phones
	}
}

func (r *record) demographics(p *profile, v *perch.Individual) {
	if n := p.dice.below(askGender+1000, 1000); n >= 35 {
		r.gender = [...]perch.Gender{perch.GenderFemale, perch.GenderMale, perch.GenderOther}[p.sex()]
		if n < 50 {
			r.gender = perch.GenderDeclineToSpecify
		}
		v.Gender = &r.gender
	}
	n := p.dice.below(askEthnicity, 1000)
	for i := range ethnicities {
		if n < ethnicities[i].until {
			v.Ethnicity = &ethnicities[i].value
			break
		}
	}
	if !p.dice.chance(askMarital+1000, 110) {
		r.marital = p.marital()
		v.MaritalStatus = &r.marital
	}
}
