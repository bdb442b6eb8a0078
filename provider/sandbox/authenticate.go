package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// What the simulated login accepts. The names are those of the published documentation; it does not
// say which code the second factor wants.
const (
	goodUser  = "good_user"
	goodPass  = "good_pass"
	goodToken = "good_token"
	goodCode  = "123456"

	passMFA           = "mfa"
	passAccounts      = "account_selection"
	passMFAAndAccount = "mfa_account_selection"
)

// simulatedAccounts is how many companies the choice of accounts shows.
const simulatedAccounts = 3

var _ provider.Authenticator = Connector{}

// Methods implements provider.Authenticator. Which of them a provider has is for the catalogue to say.
func (Connector) Methods(string) []perch.AuthenticationType {
	return perch.AuthenticationType("").Values()
}

// Fields implements provider.Authenticator.
func (Connector) Fields(_ string, method perch.AuthenticationType) []provider.CredentialField {
	switch method {
	case perch.AuthCredential:
		return []provider.CredentialField{
			{Name: "username", Label: "Username", Kind: "text", Example: goodUser},
			{Name: "password", Label: "Password", Kind: "password", Secret: true,
				Example: strings.Join([]string{goodPass, passMFA, passAccounts, passMFAAndAccount}, ", ")},
		}
	case perch.AuthAPIToken:
		return []provider.CredentialField{{Name: "api_token", Label: "API token", Kind: "password", Secret: true, Example: goodToken}}
	case perch.AuthAPICredential:
		return []provider.CredentialField{
			{Name: "client_id", Label: "Client ID", Kind: "text", Example: goodUser},
			{Name: "client_secret", Label: "Client secret", Kind: "password", Secret: true, Example: goodPass},
		}
	}
	return nil
}

// challenge is what is kept while the second factor is asked for.
type challenge struct {
	Accounts int `json:"accounts"`
}

// Authenticate implements provider.Authenticator: the password decides which steps follow.
func (Connector) Authenticate(_ context.Context, a provider.Attempt) (provider.Authentication, error) {
	if a.Challenge != nil {
		return answerChallenge(a)
	}
	switch a.Method {
	case perch.AuthCredential:
		return authenticatePassword(a)
	case perch.AuthAPIToken:
		if a.Values["api_token"] != goodToken {
			return provider.Authentication{}, &provider.Refused{Field: "api_token", Message: "In the sandbox the API token is " + goodToken + "."}
		}
	case perch.AuthAPICredential:
		if a.Values["client_id"] != goodUser || a.Values["client_secret"] != goodPass {
			return provider.Authentication{}, &provider.Refused{Field: "client_secret",
				Message: "In the sandbox the client ID is " + goodUser + " and the client secret " + goodPass + "."}
		}
	case perch.AuthOAuth, perch.AuthAssisted: // nothing is typed
	default:
		return provider.Authentication{}, fmt.Errorf("the sandbox cannot authenticate by %q", a.Method)
	}
	return accounts(a, 1)
}

func authenticatePassword(a provider.Attempt) (provider.Authentication, error) {
	if a.Values["username"] == goodUser {
		switch a.Values["password"] {
		case goodPass:
			return accounts(a, 1)
		case passAccounts:
			return accounts(a, simulatedAccounts)
		case passMFA:
			return secondFactor(1)
		case passMFAAndAccount:
			return secondFactor(simulatedAccounts)
		}
	}
	return provider.Authentication{}, &provider.Refused{Field: "password", Message: "In the sandbox the username is " + goodUser +
		" and the password one of " + strings.Join([]string{goodPass, passMFA, passAccounts}, ", ") + " and " + passMFAAndAccount + "."}
}

func secondFactor(count int) (provider.Authentication, error) {
	state, err := json.Marshal(challenge{Accounts: count})
	return provider.Authentication{Challenge: &provider.Challenge{State: state, Fields: []provider.CredentialField{
		{Name: "code", Label: "Verification code", Kind: "one_time_code", Secret: true, Example: goodCode},
	}}}, err
}

func answerChallenge(a provider.Attempt) (provider.Authentication, error) {
	var c challenge
	if err := json.Unmarshal(a.Challenge, &c); err != nil || c.Accounts < 1 || c.Accounts > simulatedAccounts {
		return provider.Authentication{}, fmt.Errorf("the sandbox cannot read its challenge")
	}
	if strings.ReplaceAll(a.Values["code"], " ", "") != goodCode {
		return provider.Authentication{}, &provider.Refused{Field: "code", Message: "In the sandbox the verification code is " + goodCode + "."}
	}
	return accounts(a, c.Accounts)
}

// accounts returns simulated companies, the same ones for the same subject.
func accounts(a provider.Attempt, count int) (provider.Authentication, error) {
	var out provider.Authentication
	for i := range count {
		seed := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", a.Subject, a.ProviderID, i))
		settings, err := NewSettings(binary.LittleEndian.Uint64(seed[:]), 0, perch.DateOf(a.Now()), &a.Supported)
		if err != nil {
			return provider.Authentication{}, err
		}
		encoded, err := settings.Encode()
		if err != nil {
			return provider.Authentication{}, err
		}
		company := newEmployer(settings).company()
		account := provider.CompanyAccount{Key: fmt.Sprintf("%x", seed[:16]), Settings: encoded}
		account.Name, account.Detail = describe(company, i)
		out.Accounts = append(out.Accounts, account)
	}
	return out, nil
}

// describe names a simulated company as a provider's list of accounts would.
func describe(c perch.Company, index int) (name, detail string) {
	name = fmt.Sprintf("Sandbox company %d", index+1)
	if c.LegalName != nil && *c.LegalName != "" {
		name = *c.LegalName
	}
	if c.EIN != nil && len(*c.EIN) >= 4 {
		detail = "EIN ending in " + (*c.EIN)[len(*c.EIN)-4:]
	}
	return name, detail
}
