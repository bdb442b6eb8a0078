package showcase

import (
	"fmt"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/connect"
)

// Named is a view under the name that tests and pictures have for it.
type Named struct {
	Name string
	View connect.View
}

// Host is the origin of the host page in embedded views.
const Host = "http://localhost:4321"

// Session and Nonce are those of every view.
const (
	Session = "5f6d1c0a-8f57-4a5e-9b0e-2f5b0d8c7a11"
	Nonce   = "m3Zk0bY6v1Qe9rT2uXw8"
)

// Views returns one view for each state, embedded unless its name says otherwise.
func Views() []Named {
	return append([]Named{
		{"consent", consent()},
		{"consent-long", long(consent())},
		{"consent-again", again(consent())},
		{"consent-preview", preview(consent())},
		{"provider", provider()},
		{"method", method()},
		{"credentials", credentials()},
		{"credentials-wrong", wrong(credentials())},
		{"credentials-token", token()},
		{"oauth", oauth()},
		{"oauth-redirect", redirect(oauth())},
		{"oauth-cancelled", problem(oauth(), "cancelled", "You have not signed in", "Nothing was connected. Try again, or choose another way.")},
		{"assisted", assisted()},
		{"mfa", mfa()},
		{"accounts", accounts()},
		{"progress", progress()},
		{"done", done()},
		{"done-assisted", doneAssisted()},
	}, fatal()...)
}

// At returns the view of the given name.
func At(name string) (connect.View, bool) {
	for _, n := range Views() {
		if n.Name == name {
			return n.View, true
		}
	}
	return connect.View{}, false
}

func base(step connect.Step, progressed int) connect.View {
	return connect.View{
		SessionID: Session, Step: step, Nonce: Nonce, Application: "Northwind Benefits", Initials: "NB", Customer: "Blue Harbor Coffee, Inc.",
		Embedded: true, HostOrigin: Host, FrameOrigins: []string{Host}, Sandbox: true,
		Progressed: progressed, CanGoBack: step != connect.StepConsent && step != connect.StepProgress && step != connect.StepDone,
	}
}

func gusto(view connect.View) connect.View {
	view.Provider = &connect.ProviderCard{ID: "gusto", Name: "Gusto", Monogram: "G", Color: "#b4442e"}
	return view
}

func consent() connect.View {
	v := base(connect.StepConsent, 5)
	v.Permissions = []connect.Permission{
		{Text: "Read basic company data", Fields: []string{"Legal name", "Entity type", "Subtype", "Departments", "EIN"}},
		{Text: "Read company contact info", Fields: []string{"Primary email", "Primary phone number"}},
		{Text: "Read company directory", Fields: []string{"Employee name", "Is active"}},
		{Text: "Read organization structure", Fields: []string{"Manager", "Department"}},
		{Text: "Read individual data", Fields: []string{"Employee name", "Preferred name", "Date of birth", "Gender", "Ethnicity"}},
		{Text: "Read individual employment data, excluding income", Fields: []string{"Title", "Employment type", "Start date", "Work location"}},
		{Text: "Read income data", Fields: []string{"Income"}},
	}
	return v
}

func long(v connect.View) connect.View {
	v.Application = "The Extraordinarily Comprehensive Retirement and Workplace Benefits Administration Company of North America"
	v.Customer = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
	v.Recordkeeper = "Meridian Recordkeeping"
	return v
}

func again(v connect.View) connect.View {
	v.Reauthentication, v.Sandbox = true, false
	return gusto(v)
}

func preview(v connect.View) connect.View {
	v.Preview, v.Sandbox, v.Customer = true, false, ""
	return v
}

// Size of the made-up catalogue; the real one is a little smaller.
const catalogue = 240

func provider() connect.View {
	v := base(connect.StepProvider, 20)
	v.Providers = []connect.ProviderCard{
		{ID: "gusto", Name: "Gusto", Monogram: "G", Color: "#b4442e", Pinned: true},
		{ID: "adp_run", Name: "RUN Powered by ADP", Monogram: "RP", Color: "#a02058", Pinned: true},
		{ID: "bamboo_hr", Name: "BambooHR", Monogram: "B", Color: "#4d7a1f"},
		{ID: "bob", Name: "Bob (HiBob)", Monogram: "B", Color: "#e8c547", Beta: true},
		{ID: "long", Name: "Southwestern Professional Employer Organization & Payroll Services", Monogram: "SP", Color: "#355c9a", Assisted: true},
		{ID: "factorial_hr", Name: "Factorial", Monogram: "F", Color: "#b03a5b"},
		{ID: "personio", Name: "Personio", Monogram: "P", Color: "#2f6f8f"},
	}
	for i := len(v.Providers); i < catalogue; i++ {
		v.Providers = append(v.Providers, connect.ProviderCard{
			ID: fmt.Sprintf("system_%d", i), Name: fmt.Sprintf("%s %s %d", words[i%len(words)], words[(i*7+3)%len(words)], i),
			Monogram: words[i%len(words)][:1], Color: fmt.Sprintf("#%02x%02x%02x", 60+i*37%120, 60+i*53%120, 60+i*71%120), Assisted: i%3 == 0,
		})
	}
	return v
}

var words = []string{"Amber", "Birch", "Cedar", "Delta", "Ember", "Fable", "Grove", "Haven", "Indigo", "Juniper", "Keystone", "Lumen",
	"Meadow", "Nimbus", "Orchard", "Prairie", "Quartz", "Ridge", "Summit", "Timber", "Umbra", "Vista", "Willow", "Yarrow", "Zenith"}

func method() connect.View {
	v := gusto(base(connect.StepMethod, 35))
	v.Methods = []connect.Method{
		{Type: perch.AuthOAuth, Title: "Sign in with your Gusto account", Hint: "For administrators. Takes a minute.", Preferred: true},
		{Type: perch.AuthAPIToken, Title: "Use an API token", Hint: "For those who have made one in Gusto."},
		{Type: perch.AuthAssisted, Title: "Invite Perch to your account", Hint: "Step by step. Data is ready in a few days."},
	}
	return v
}

func credentials() connect.View {
	v := gusto(base(connect.StepCredentials, 50))
	v.Method = &connect.Method{Type: perch.AuthCredential, Title: "Sign in with your Gusto account", Hint: "Use the account of an administrator."}
	v.Methods = method().Methods[1:]
	v.Fields = []connect.Field{
		{Name: "username", Label: "Email or username", Kind: "text", Example: "good_user", Where: "The address that you sign in to Gusto with. It stands at the top right of every page there."},
		{Name: "password", Label: "Password", Kind: "password", Example: "good_pass"},
	}
	return v
}

func wrong(v connect.View) connect.View {
	v.Fields[0].Value = "someone@blueharbor.example"
	v.Fields[1].Error = "This is not the password of that account."
	return problem(v, "wrong_credentials", "Gusto did not accept the sign-in", "Check the username and the password, then try again.")
}

func token() connect.View {
	v := gusto(base(connect.StepCredentials, 50))
	v.Sandbox, v.Embedded, v.HostOrigin, v.FrameOrigins = false, false, "", nil
	v.Provider = &connect.ProviderCard{ID: "long", Name: "Southwestern Professional Employer Organization", Monogram: "SP", Color: "#e8c547"}
	v.Method = &connect.Method{Type: perch.AuthAPIToken, Title: "Connect with an API token"}
	v.Fields = []connect.Field{
		{Name: "subdomain", Label: "Address of your account", Kind: "url", Example: "https://acme.example.com"},
		{Name: "api_token", Label: "API token", Kind: "password", Where: "Settings, then Integrations, then API access. Make one with the right to read people and payroll."},
	}
	return v
}

func oauth() connect.View {
	v := gusto(base(connect.StepOAuth, 50))
	v.Sandbox = false
	v.Method = &connect.Method{Type: perch.AuthOAuth, Title: "Sign in with your Gusto account"}
	v.Methods = method().Methods[1:]
	return v
}

func redirect(v connect.View) connect.View {
	v.Embedded, v.HostOrigin, v.FrameOrigins = false, "", nil
	return v
}

func assisted() connect.View {
	v := gusto(base(connect.StepAssisted, 60))
	v.Method = &connect.Method{Type: perch.AuthAssisted, Title: "Invite Perch to your account"}
	v.ReadyBy = time.Date(2026, 6, 4, 0, 0, 0, 0, time.UTC)
	v.Steps = []connect.Instruction{
		{Title: "Open the accountants page", Text: "In Gusto, choose Settings, then Accountants."},
		{Title: "Invite this address", Text: "Choose Add accountant and paste the address.", Copy: "blue-harbor-coffee-7f3a91@assist.perch.example"},
		{Title: "Give full access", Text: "Choose Full access and send the invitation. Perch reads only what you agreed to."},
	}
	return v
}

func mfa() connect.View {
	v := gusto(base(connect.StepMFA, 70))
	v.Fields = []connect.Field{{Name: "code", Label: "Verification code", Kind: "one_time_code", Example: "any six digits"}}
	return v
}

func accounts() connect.View {
	v := gusto(base(connect.StepAccounts, 80))
	v.Accounts = []connect.Account{
		{ID: "a1", Name: "Blue Harbor Coffee, Inc.", Detail: "EIN ending in 4821 · Portland", Selected: true},
		{ID: "a2", Name: "Blue Harbor Roasters LLC", Detail: "EIN ending in 0077 · Seattle"},
		{ID: "a3", Name: "Blue Harbor Coffee, Inc.", Detail: "EIN ending in 9303 · Boise"},
	}
	return v
}

func products(ready int) (list []connect.ProductProgress) {
	for i, title := range []string{"Company", "People", "Employment", "Pay runs", "Pay statements"} {
		p := connect.ProductProgress{Title: title, Ready: i < ready}
		if p.Ready && i > 0 {
			p.Count = 20 * i
		}
		list = append(list, p)
	}
	return list
}

func progress() connect.View {
	v := gusto(base(connect.StepProgress, 90))
	v.Products = products(3)
	return v
}

func done() connect.View {
	v := gusto(base(connect.StepDone, 100))
	v.Products = products(5)
	return v
}

func doneAssisted() connect.View {
	v := gusto(base(connect.StepDone, 100))
	v.ReadyBy = assisted().ReadyBy
	return v
}

func problem(v connect.View, kind, title, text string) connect.View {
	v.Problem = &connect.Problem{Kind: kind, Title: title, Text: text}
	return v
}

func fatal() []Named {
	expired := problem(base("", 0), "session_expired", "This link has expired", "Go back to Northwind Benefits and start again. You get a new link there.")
	unknown := problem(connect.View{}, "session_unknown", "This link does not exist", "Check the address, or ask for a new link where you got this one.")
	host := problem(connect.View{Embedded: true}, "host_not_allowed", "This page may not show Connect",
		"The application has not allowed this address. Its makers add it to the allowed origins in their settings.")
	list := []Named{{"expired", expired}, {"unknown", unknown}, {"host-not-allowed", host}}
	for _, n := range list {
		n.View.Problem.Fatal = true
	}
	return list
}
