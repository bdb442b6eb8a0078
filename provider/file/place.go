package file

import (
	"errors"
	"strings"
)

var (
	errState   = errors.New("is not a US state; write the two-letter code or the name")
	errZIP     = errors.New("is not a ZIP code of five or nine digits")
	errCountry = errors.New("is not a country; write the two-letter code")
)

var states = map[string]string{
	"alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA", "colorado": "CO",
	"connecticut": "CT", "delaware": "DE", "district of columbia": "DC", "washington dc": "DC", "florida": "FL",
	"georgia": "GA", "hawaii": "HI", "idaho": "ID", "illinois": "IL", "indiana": "IN", "iowa": "IA", "kansas": "KS",
	"kentucky": "KY", "louisiana": "LA", "maine": "ME", "maryland": "MD", "massachusetts": "MA", "michigan": "MI",
	"minnesota": "MN", "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE", "nevada": "NV",
	"new hampshire": "NH", "new jersey": "NJ", "new mexico": "NM", "new york": "NY", "north carolina": "NC",
	"north dakota": "ND", "ohio": "OH", "oklahoma": "OK", "oregon": "OR", "pennsylvania": "PA", "rhode island": "RI",
	"south carolina": "SC", "south dakota": "SD", "tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT",
	"virginia": "VA", "washington": "WA", "west virginia": "WV", "wisconsin": "WI", "wyoming": "WY",
	"puerto rico": "PR", "guam": "GU", "virgin islands": "VI", "us virgin islands": "VI", "american samoa": "AS",
	"northern mariana islands": "MP", "armed forces europe": "AE", "armed forces pacific": "AP", "armed forces americas": "AA",
}

var stateCodes = func() map[string]bool {
	codes := make(map[string]bool, len(states))
	for _, code := range states {
		codes[code] = true
	}
	return codes
}()

// zeroStates are those whose ZIP codes begin with a zero, which spreadsheets drop.
var zeroStates = map[string]bool{"CT": true, "MA": true, "ME": true, "NH": true, "NJ": true, "RI": true, "VT": true, "PR": true, "VI": true, "AE": true}

var countries = map[string]string{
	"us": "US", "usa": "US", "united states": "US", "united states of america": "US", "u s": "US", "u s a": "US",
	"ca": "CA", "can": "CA", "canada": "CA", "mx": "MX", "mex": "MX", "mexico": "MX", "gb": "GB", "gbr": "GB",
	"uk": "GB", "united kingdom": "GB", "great britain": "GB", "de": "DE", "germany": "DE", "fr": "FR", "france": "FR",
	"in": "IN", "india": "IN", "ie": "IE", "ireland": "IE", "au": "AU", "australia": "AU", "es": "ES", "spain": "ES",
	"ph": "PH", "philippines": "PH", "br": "BR", "brazil": "BR", "nl": "NL", "netherlands": "NL", "pr": "PR", "puerto rico": "PR",
}

// parseState returns the two-letter code of a US state or territory.
func parseState(s string) (string, error) {
	words := strings.Join(strings.Fields(fold(s)), " ")
	if code, ok := states[words]; ok {
		return code, nil
	}
	if code := strings.ToUpper(words); stateCodes[code] {
		return code, nil
	}
	// "MA - Massachusetts", "US-MA"
	for _, w := range strings.Fields(strings.ToUpper(words)) {
		if stateCodes[w] && len(words) > 2 && strings.ContainsAny(s, "-(") {
			return w, nil
		}
	}
	return "", errState
}

// parseCountry returns an ISO 3166 two-letter code.
func parseCountry(s string) (string, error) {
	words := strings.Join(strings.Fields(fold(s)), " ")
	if code, ok := countries[words]; ok {
		return code, nil
	}
	if len(s) == 2 && s == strings.ToUpper(s) && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' {
		return s, nil
	}
	return "", errCountry
}

// parseZIP restores the zeros that a spreadsheet dropped where the state allows it. Nine digits come back
// as ZIP+4; postal codes with letters are another country's and stay as they are.
func parseZIP(s, state string) (string, error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".0")
	if hasLetter(s) {
		if len(s) > 12 {
			return "", errZIP
		}
		return strings.ToUpper(s), nil
	}
	base, extension, plus4 := strings.Cut(s, "-")
	base, extension = strings.TrimSpace(base), strings.TrimSpace(extension)
	if !plus4 && len(base) >= 7 && len(base) <= 9 {
		base, extension = base[:len(base)-4], base[len(base)-4:]
	}
	if !allDigits(base) || !allDigits(extension) || len(base) < 3 || len(base) > 5 || extension != "" && len(extension) != 4 {
		return "", errZIP
	}
	if len(base) < 5 && state != "" && !zeroStates[state] {
		return "", errZIP
	}
	base = strings.Repeat("0", 5-len(base)) + base
	if extension != "" && extension != "0000" {
		base += "-" + extension
	}
	return base, nil
}

func hasLetter(s string) bool {
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return true
		}
	}
	return false
}
