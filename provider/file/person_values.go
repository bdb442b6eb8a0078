package file

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	perch "github.com/perchhq/perch"
)

var (
	errSSN    = errors.New("is not a social security number of nine digits")
	errMasked = errors.New("is masked; export it with all nine digits")
	errPhone  = errors.New("is not a phone number")
	errEmail  = errors.New("is not an e-mail address")
	errFlag   = errors.New("is not yes or no")
)

// parseSSN returns nine digits. Numbers that the Social Security Administration never issues are
// refused, except those of the range that the IRS issues as taxpayer numbers.
func parseSSN(s string) (string, error) {
	if strings.ContainsAny(s, "*#•xX") {
		return "", errMasked
	}
	digits := digitsOf(strings.TrimSpace(s))
	if !allDigits(digits) || len(digits) > 9 || len(digits) < 7 {
		return "", errSSN
	}
	digits = strings.Repeat("0", 9-len(digits)) + digits // a spreadsheet dropped the zeros
	area, group, serial := digits[:3], digits[3:5], digits[5:]
	if area == "000" || area == "666" || group == "00" || serial == "0000" || digits == strings.Repeat(digits[:1], 9) {
		return "", errSSN
	}
	return digits, nil
}

// digitsOf drops dashes and blanks.
func digitsOf(s string) string {
	if strings.IndexByte(s, '-') < 0 && strings.IndexByte(s, ' ') < 0 {
		return s
	}
	kept := make([]byte, 0, 16)
	for i := range len(s) {
		if s[i] != '-' && s[i] != ' ' {
			kept = append(kept, s[i])
		}
	}
	return string(kept)
}

// usPhone reads the usual ways to write a number of the United States, which the library does too, but
// takes long over.
func usPhone(s string) (string, bool) {
	number := [12]byte{'+', '1'}
	n := 2
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if n == len(number) {
				return "", false
			}
			number[n] = c
			n++
		case c != '-' && c != ' ' && c != '(' && c != ')' && c != '.':
			return "", false
		}
	}
	// Area codes begin with 2 to 9; what begins otherwise may hold a country code.
	return string(number[:]), n == len(number) && number[2] >= '2'
}

// parsePhone returns the number in E.164; numbers without a country code are taken as US.
func parsePhone(s string) (string, error) {
	if number, ok := usPhone(s); ok {
		return number, nil
	}
	if len(s) > 40 {
		return "", errPhone
	}
	n, err := phonenumbers.Parse(s, "US")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", errPhone
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// parseEmail takes one address: a name of up to 64 characters, and a domain with a dot and two characters
// after the last one.
func parseEmail(s string) (string, error) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > 254 || local == "" || utf8.RuneCountInString(local) > 64 || !addressText(local) || !addressText(domain) {
		return "", errEmail
	}
	if dot := strings.LastIndexByte(domain, '.'); dot < 1 || utf8.RuneCountInString(domain[dot+1:]) < 2 {
		return "", errEmail
	}
	return s, nil
}

// addressText reports whether a text holds nothing that parts addresses from each other.
func addressText(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\f', '\r', '@', '<', '>', '"', '\'', ',', ';', ':':
			return false
		}
	}
	return true
}

func parseFlag(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "true", "t", "1", "x":
		return true, nil
	case "n", "no", "false", "f", "0", "none":
		return false, nil
	}
	return false, errFlag
}

// vocabulary maps the words that systems use to the values of the unified model.
type vocabulary[T ~string] struct {
	words map[string]T
	err   error
}

func (v vocabulary[T]) parse(s string) (T, error) {
	folded := strings.Join(strings.Fields(fold(s)), " ")
	if t, ok := v.words[folded]; ok {
		return t, nil
	}
	if t, ok := v.words[strings.ReplaceAll(folded, " ", "")]; ok {
		return t, nil
	}
	return "", v.err
}

// words builds a vocabulary; every value of the model is a word for itself.
func words[T interface {
	~string
	Values() []T
}](field string, entries map[T]string) vocabulary[T] {
	var model T
	v := vocabulary[T]{words: make(map[string]T)}
	names := make([]string, 0, len(model.Values()))
	for _, value := range model.Values() {
		names = append(names, string(value))
		v.words[strings.Join(strings.Fields(fold(string(value))), " ")] = value
		for synonym := range strings.SplitSeq(entries[value], "|") {
			if synonym != "" {
				v.words[synonym] = value
			}
		}
	}
	v.err = errors.New("is not a known " + field + "; translate it in the mapping to one of " + strings.Join(names, ", "))
	return v
}

var genders = words("gender", map[perch.Gender]string{
	perch.GenderFemale:           "f|w|woman|cis female|cis woman",
	perch.GenderMale:             "m|man|cis male|cis man",
	perch.GenderOther:            "x|o|non binary|nonbinary|nb|u|unspecified|another gender",
	perch.GenderDeclineToSpecify: "declined|prefer not to say|decline to answer|not specified|undisclosed|decline to state|did not disclose",
})

var ethnicities = words("ethnicity", map[perch.Ethnicity]string{
	perch.EthnicityAsian:            "asian not hispanic or latino",
	perch.EthnicityWhite:            "caucasian|white not hispanic or latino|white not hispanic",
	perch.EthnicityBlack:            "black|african american|black african american|black or african american not hispanic or latino",
	perch.EthnicityPacificIslander:  "pacific islander|native hawaiian|native hawaiian or other pacific islander|hawaiian or pacific islander|native hawaiian or other pacific islander not hispanic or latino",
	perch.EthnicityAmericanIndian:   "american indian|native american|alaska native|american indian or alaskan native|american indian alaska native|american indian or alaska native not hispanic or latino",
	perch.EthnicityHispanic:         "hispanic|latino|latina|latinx|hispanic latino|latino hispanic",
	perch.EthnicityTwoOrMoreRaces:   "two or more|2 or more races|multiracial|multi racial|mixed|two or more races not hispanic or latino",
	perch.EthnicityDeclineToSpecify: "declined|prefer not to say|not specified|undisclosed|decline to state|decline to answer|did not disclose|i do not wish to answer",
})

// The model has no word for separated: people who are separated are still married.
var maritalStatuses = words("marital status", map[perch.MaritalStatus]string{
	perch.MaritalSingle:          "s|never married|unmarried",
	perch.MaritalMarried:         "m|separated|legally separated|married filing jointly|married filing separately",
	perch.MaritalDivorced:        "d",
	perch.MaritalWidowed:         "w|widow|widower",
	perch.MaritalDomesticPartner: "domestic partnership|partnered|civil union|registered partner|partner",
	perch.MaritalUnknown:         "not specified|undisclosed|u|prefer not to say|declined",
})

var statuses = words("employment status", map[perch.EmploymentStatus]string{
	perch.EmploymentActive:     "a|current|employed|active full time|active part time|working|rehired|yes",
	perch.EmploymentDeceased:   "death",
	perch.EmploymentLeave:      "l|leave of absence|on leave|loa|paid leave|unpaid leave|fmla|furlough|furloughed|suspended|medical leave|parental leave|leave with pay|leave without pay",
	perch.EmploymentOnboarding: "new hire|pending onboarding|in onboarding",
	perch.EmploymentPrehire:    "future start|pre hire|pending hire|not started|pending start|future hire|pending|offer accepted|hired",
	perch.EmploymentRetired:    "r|retiree|retirement",
	perch.EmploymentTerminated: "t|term|termed|inactive|voluntarily terminated|involuntarily terminated|terminated for cause|voluntary termination|involuntary termination|separated|resigned|laid off|dismissed|former|left|quit|no longer employed|not active|dismissed for cause|i|no",
})

// kindWords reads employment types of both levels: what the relation is, or how much of it.
var kindWords = map[string]struct {
	kind    perch.EmploymentType
	subtype perch.EmploymentSubtype
}{
	"employee": {perch.EmploymentEmployee, ""}, "w2": {perch.EmploymentEmployee, ""}, "regular": {perch.EmploymentEmployee, ""},
	"permanent": {perch.EmploymentEmployee, ""}, "w 2": {perch.EmploymentEmployee, ""}, "e": {perch.EmploymentEmployee, ""},
	"full time": {perch.EmploymentEmployee, perch.SubtypeFullTime}, "fulltime": {perch.EmploymentEmployee, perch.SubtypeFullTime},
	"ft": {perch.EmploymentEmployee, perch.SubtypeFullTime}, "f": {perch.EmploymentEmployee, perch.SubtypeFullTime},
	"regular full time": {perch.EmploymentEmployee, perch.SubtypeFullTime}, "full time regular": {perch.EmploymentEmployee, perch.SubtypeFullTime},
	"part time": {perch.EmploymentEmployee, perch.SubtypePartTime}, "parttime": {perch.EmploymentEmployee, perch.SubtypePartTime},
	"pt": {perch.EmploymentEmployee, perch.SubtypePartTime}, "p": {perch.EmploymentEmployee, perch.SubtypePartTime},
	"regular part time": {perch.EmploymentEmployee, perch.SubtypePartTime}, "part time regular": {perch.EmploymentEmployee, perch.SubtypePartTime},
	"intern": {perch.EmploymentEmployee, perch.SubtypeIntern}, "internship": {perch.EmploymentEmployee, perch.SubtypeIntern},
	"co op": {perch.EmploymentEmployee, perch.SubtypeIntern}, "temp": {perch.EmploymentEmployee, perch.SubtypeTemp},
	"temporary": {perch.EmploymentEmployee, perch.SubtypeTemp}, "per diem": {perch.EmploymentEmployee, perch.SubtypeTemp},
	"seasonal": {perch.EmploymentEmployee, perch.SubtypeSeasonal}, "variable": {perch.EmploymentEmployee, perch.SubtypePartTime},
	"contractor": {perch.EmploymentContractor, ""}, "1099": {perch.EmploymentContractor, ""}, "c": {perch.EmploymentContractor, ""},
	"independent contractor": {perch.EmploymentContractor, perch.SubtypeIndividualContractor}, "contract": {perch.EmploymentContractor, ""},
	"individual contractor": {perch.EmploymentContractor, perch.SubtypeIndividualContractor}, "freelancer": {perch.EmploymentContractor, perch.SubtypeIndividualContractor},
	"business contractor": {perch.EmploymentContractor, ""}, "consultant": {perch.EmploymentContractor, ""}, "1099 contractor": {perch.EmploymentContractor, ""},
}

var errKind = errors.New("is not a known employment type; translate it in the mapping to employee, contractor, full_time, part_time, intern, temp, seasonal or individual_contractor")

func parseKind(s string) (*perch.EmploymentKind, error) {
	found, ok := kindWords[strings.Join(strings.Fields(fold(s)), " ")]
	if !ok {
		return nil, errKind
	}
	kind := &perch.EmploymentKind{Type: &found.kind}
	if found.subtype != "" {
		kind.Subtype = &found.subtype
	}
	return kind, nil
}

var units = words("unit of pay", map[perch.IncomeUnit]string{
	perch.IncomeYearly:      "year|annual|annually|per year|salary|salaried|annum|yr|s|a",
	perch.IncomeQuarterly:   "quarter|per quarter",
	perch.IncomeMonthly:     "month|per month|mo",
	perch.IncomeSemiMonthly: "twice a month|semimonthly",
	perch.IncomeBiWeekly:    "biweekly|every two weeks|every other week|pay period|per pay period",
	perch.IncomeWeekly:      "week|per week|wk",
	perch.IncomeDaily:       "day|per day",
	perch.IncomeHourly:      "hour|per hour|hr|h|hourly rate|hourly wage",
	perch.IncomeFixed:       "flat|commission|commission only|per project",
})

var flsaStatuses = words("FLSA status", map[perch.FLSAStatus]string{
	perch.FLSAExempt:    "e|ex|salaried exempt|salary exempt|exempt executive|exempt professional|exempt administrative",
	perch.FLSANonExempt: "n|ne|nonexempt|salaried nonexempt|hourly non exempt|salary non exempt|salaried non exempt|not exempt",
	perch.FLSAUnknown:   "",
})

var frequencies = words("pay frequency", map[perch.PayFrequency]string{
	perch.PayAnnually:     "annual|yearly",
	perch.PayBiWeekly:     "biweekly|every two weeks|every other week|b|bw",
	perch.PayDaily:        "",
	perch.PayMonthly:      "m",
	perch.PayQuarterly:    "q",
	perch.PaySemiAnnually: "semiannually|semi annual",
	perch.PaySemiMonthly:  "semimonthly|twice a month|s|sm|twice per month",
	perch.PayWeekly:       "w|every week",
})

var methods = words("payment method", map[perch.PaymentMethod]string{
	perch.PaidByCheck:         "paper check|live check|manual check|printed check|chk|ck",
	perch.PaidByDirectDeposit: "dd|ach|deposit|voucher|dir dep|advice",
	perch.PaidOther:           "cash|pay card|paycard|wire",
})
