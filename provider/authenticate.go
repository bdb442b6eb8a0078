package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
)

// Authenticator is implemented by connectors whose accounts an employer can open in Connect. Its
// methods are called from many visits at once.
type Authenticator interface {
	// Methods lists the ways to connect a provider, the preferred one first.
	Methods(providerID string) []perch.AuthenticationType
	// Fields lists what the employer types for a method; none for OAuth.
	Fields(providerID string, method perch.AuthenticationType) []CredentialField
	// Authenticate checks what the employer gave. It fails with an error that matches
	// perch.ErrReauthenticate for wrong credentials (see Refused), perch.ErrPermissions for a missing
	// right (see MissingRight), ErrLocked, or ErrUnavailable. Errors never quote what was typed.
	Authenticate(ctx context.Context, attempt Attempt) (Authentication, error)
}

// OAuthAuthenticator is implemented by Authenticators that send the employer to the provider's own
// page. Authenticate is then called with Code, Verifier and RedirectURI.
type OAuthAuthenticator interface {
	// AuthorizeURL returns the provider's page. challenge is the S256 PKCE challenge.
	AuthorizeURL(ctx context.Context, providerID, redirectURI, state, challenge string) (string, error)
}

// CredentialField is one thing to type.
type CredentialField struct {
	Name, Label string
	// Kind is text, email, password, url or one_time_code.
	Kind string
	// Where tells people where to find it, Example what to type in the sandbox.
	Where, Example string
	// Secret values are never shown again.
	Secret bool
}

// Attempt is one try to open accounts.
type Attempt struct {
	ProviderID string
	Method     perch.AuthenticationType
	// Values are what was typed, by field name. Within a challenge they are the answers to it.
	Values map[string]string
	// Challenge is the State of the challenge being answered; nil outside of one.
	Challenge []byte
	// Code, Verifier and RedirectURI are what OAuth brought back.
	Code, Verifier, RedirectURI string
	// Subject stands for the employer: equal for equal customers of one application.
	Subject string
	// Supported is what the catalogue says the method supplies.
	Supported perch.SupportedFields
	Products  []perch.Product
	// Sandbox asks for the provider's own test environment.
	Sandbox bool
	Now     func() time.Time
}

// Authentication is how an attempt that was not refused ended: with accounts or with a challenge.
type Authentication struct {
	Accounts  []CompanyAccount
	Challenge *Challenge
}

// Challenge asks for a further factor.
type Challenge struct {
	// State is what the connector needs to go on. It is stored sealed for a short time.
	State  []byte
	Fields []CredentialField
}

// CompanyAccount is a company that the credentials open.
type CompanyAccount struct {
	// Key is the provider's own id of the company; it may be empty.
	Key string
	// EIN identifies the company where the provider has no id; it may be empty.
	EIN  string
	Name string
	// Detail tells accounts of the same name apart.
	Detail string
	// Settings are what Open needs to read the account, credentials included.
	Settings []byte
}

// ErrLocked means that the provider has locked the login.
var ErrLocked = errors.New("the provider has locked this login")

// ErrUnavailable means that the provider does not answer; another time it may.
var ErrUnavailable = errors.New("the provider does not answer")

// Refused are credentials that the provider does not accept.
type Refused struct {
	// Field is the field at fault, where the provider says so.
	Field string
	// Message tells people what to do. It never quotes what was typed.
	Message string
}

// Error implements error.
func (r *Refused) Error() string { return "the credentials were refused: " + r.Message }

// Unwrap makes Refused match perch.ErrReauthenticate.
func (r *Refused) Unwrap() error { return perch.ErrReauthenticate }

// MissingRight is a right that the employer's login lacks in the provider.
type MissingRight struct{ Right string }

// Error implements error.
func (m *MissingRight) Error() string { return fmt.Sprintf("the login lacks the right %q", m.Right) }

// Unwrap makes MissingRight match perch.ErrPermissions.
func (m *MissingRight) Unwrap() error { return perch.ErrPermissions }
