package connect

import (
	"time"

	perch "github.com/perchhq/perch"
)

// Step is where a visit stands; each is one screen.
type Step string

// Steps, in the order of a visit.
const (
	StepConsent     Step = "consent"
	StepProvider    Step = "provider"
	StepMethod      Step = "method" // several ways to connect and none preferred
	StepCredentials Step = "credentials"
	StepOAuth       Step = "oauth"
	StepAssisted    Step = "assisted"
	StepMFA         Step = "mfa"
	StepAccounts    Step = "accounts"
	StepProgress    Step = "progress"
	StepDone        Step = "done"
)

// Verb is what the employer can do at a step; the button or link that sends it names it.
type Verb string

// Verbs. Each is allowed at the steps named behind it.
const (
	VerbAgree      Verb = "agree"       // consent
	VerbChoose     Verb = "choose"      // provider (value provider), method (value method), accounts (values account)
	VerbAnotherWay Verb = "another_way" // credentials, oauth, assisted (value method)
	VerbSubmit     Verb = "submit"      // credentials and mfa (values by field name)
	VerbAuthorize  Verb = "authorize"   // oauth: answers with Outcome OutcomeNavigate
	VerbReturn     Verb = "return"      // oauth: what the provider sent back (values state, and code or error)
	VerbConfirm    Verb = "confirm"     // assisted: "I have done this"
	VerbRequest    Verb = "request"     // provider: ask for one that is not listed (value name)
	VerbBack       Verb = "back"        // every step but consent, progress and done
	VerbRefresh    Verb = "refresh"     // progress: show how far it is
	VerbFinish     Verb = "finish"      // done: hands the code over
	VerbClose      Verb = "close"       // every step: leaves without a connection
)

// Action is what the employer did. Nonce is the one of the view that it was done on.
type Action struct {
	SessionID string
	Nonce     string
	Verb      Verb
	// Values are the form's fields by name.
	Values map[string][]string
	// RemoteIP is for the limit on credential attempts.
	RemoteIP string
	// Scripted says that the page's script sent the form. Signing in at a provider needs it.
	Scripted bool
}

// View is what one screen shows. Only the part that belongs to Step is set.
type View struct {
	SessionID string
	Step      Step
	// Nonce goes into every form of this screen and works once.
	Nonce string
	// Application is who asks; Customer is the employer's name, if the application gave it.
	Application string
	Customer    string
	// Initials stand for the application where there is no room for its name.
	Initials string
	// Embedded visits are inside the host page's iframe; HostOrigin is that page, the only one that
	// messages go to and that may frame Connect. It is empty for the redirect flow.
	Embedded   bool
	HostOrigin string
	// FrameOrigins are the origins that may frame this page.
	FrameOrigins []string
	// Sandbox visits show what to type.
	Sandbox bool
	// Preview visits show everything and connect nothing.
	Preview bool
	// Reauthentication visits begin at the provider that the connection has.
	Reauthentication bool
	// Progressed is how far the visit is, 0 to 100.
	Progressed int
	// CanGoBack tells whether VerbBack is allowed.
	CanGoBack bool

	Permissions  []Permission
	Recordkeeper string
	Providers    []ProviderCard
	Provider     *ProviderCard
	Methods      []Method
	// Method is the one in use; Methods are the others.
	Method   *Method
	Fields   []Field
	Steps    []Instruction
	Accounts []Account
	Products []ProductProgress
	// ReadyBy is when an assisted connection is expected to have data.
	ReadyBy time.Time

	// Problem is what went wrong with the last action; what was typed is kept in Fields, secrets never.
	Problem *Problem
	// Outcome ends the visit or leaves the page.
	Outcome *Outcome
	// OnClose is what the host page is told when a fatal page is closed; nil means that nobody connected.
	OnClose *Outcome
}

// Permission is one line of what the application may read, in the published wording.
type Permission struct {
	Text string
	// Fields are what the line covers, for those who want to know.
	Fields []string
}

// ProviderCard is a provider on the search screen.
type ProviderCard struct {
	ID, Name string
	// Monogram is one or two letters, Color a CSS colour behind them.
	Monogram, Color string
	Pinned          bool
	Beta            bool
	Assisted        bool
}

// Method is a way to connect a provider.
type Method struct {
	Type perch.AuthenticationType
	// Title is the choice ("Sign in with your Gusto account"), Hint who it suits.
	Title, Hint string
	Preferred   bool
}

// Field is something to type.
type Field struct {
	Name, Label string
	// Kind is the input's type: text, email, password, url or one_time_code.
	Kind string
	// Where tells where the employer finds it; Example is what to type in the sandbox.
	Where, Example string
	// Value is what was typed before; always empty for secrets.
	Value string
	// Error is what is wrong with it.
	Error string
}

// Instruction is one step of an assisted set-up.
type Instruction struct {
	Title, Text string
	// Copy is a value to copy, such as the address to invite.
	Copy string
}

// Account is a company account that the credentials open.
type Account struct {
	ID, Name string
	// Detail tells accounts of the same name apart: an EIN's last digits, a city.
	Detail   string
	Selected bool
}

// ProductProgress is how far one group of data is.
type ProductProgress struct {
	Title string
	Ready bool
	Count int
}

// Problem is a failure that the employer can do something about.
type Problem struct {
	// Kind is wrong_credentials, locked, permissions, provider_down, popup_blocked, cancelled,
	// session_expired, session_used, session_unknown, host_not_allowed, too_many_attempts, script_needed,
	// stale_form or unknown.
	Kind string
	// Title says what happened, Text what to do.
	Title, Text string
	// Permission is the right that is missing, for permissions.
	Permission string
	// Code is the published code of the error, where there is one, and RetryAfter when it is worth
	// trying again; zero means that waiting does not help.
	Code       string
	RetryAfter time.Duration
	// Fatal problems have a page of their own with nothing to go on with.
	Fatal bool
}

// OutcomeKind is how a visit leaves the page.
type OutcomeKind string

// Outcomes.
const (
	OutcomeSuccess  OutcomeKind = "success"
	OutcomeClosed   OutcomeKind = "closed"
	OutcomeError    OutcomeKind = "error"
	OutcomeNavigate OutcomeKind = "navigate" // to the provider's OAuth page
)

// Outcome is what goes out: a message to the host page for embedded visits, a redirect otherwise.
type Outcome struct {
	Kind  OutcomeKind
	Code  string
	State string
	// URL is where to go: the redirect URI with code and state, or the provider.
	URL string
	// Proof is the state that the provider's answer will bring, for OutcomeNavigate. It is worth
	// something only to the page that it was given to.
	Proof string
	// Message and ErrorType belong to OutcomeError: validation_error, employer_connection_error or the
	// code of a limit.
	Message, ErrorType string
	ShouldClose        bool
}
