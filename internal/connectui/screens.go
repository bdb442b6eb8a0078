package connectui

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/web"
)

// content is one screen with everything it shows. The template of the same name as the step shows
// it, and the one with "-actions" behind the name what stands at its foot.
type content interface {
	title() string
	// focus puts the cursor where the screen is worked from; it is not called when there is a
	// problem to read first.
	focus()
}

// screens makes the content of each step.
var screens = map[connect.Step]func(connect.View, visit, asked) content{
	connect.StepConsent:     consent,
	connect.StepProvider:    providers,
	connect.StepMethod:      methods,
	connect.StepCredentials: credentials,
	connect.StepOAuth:       oauth,
	connect.StepAssisted:    assisted,
	connect.StepMFA:         mfa,
	connect.StepAccounts:    accounts,
	connect.StepProgress:    progress,
	connect.StepDone:        done,
}

// screen is what every screen has.
type screen struct {
	Title       string
	Application string
	Provider    string
	Monogram    web.Monogram
	Visit       visit
	Sandbox     bool
	// FocusTitle makes the heading the first thing that is read.
	FocusTitle bool
	Primary    web.Button
}

func (s *screen) title() string { return s.Title }
func (s *screen) focus()        { s.FocusTitle = true }

func newScreen(view connect.View, v visit, title string) screen {
	s := screen{Title: title, Application: view.Application, Provider: providerName(view), Visit: v, Sandbox: view.Sandbox}
	if view.Provider != nil {
		s.Monogram = web.Monogram{Letters: view.Provider.Monogram, Color: view.Provider.Color, Large: true}
	}
	return s
}

func providerName(view connect.View) string {
	if view.Provider == nil {
		return "your system"
	}
	return view.Provider.Name
}

// submit is the button of a screen's own form.
func submit(label string, verb connect.Verb, busy string) web.Button {
	return web.Button{Label: label, Look: web.Primary, Wide: true, Form: "step", Name: "verb", Value: string(verb), Busy: busy}
}

type consentScreen struct {
	screen
	Customer, Recordkeeper string
	Permissions            []permission
	About                  web.Disclosure
	Again                  bool
	// Applicant stands for the application, Known says that the provider is chosen already.
	Applicant web.Monogram
	Known     bool
}

// applicantColor is the ground of every application's monogram: it must not be taken for a provider's.
const applicantColor = "#344054"

type permission struct {
	Text   string
	Fields string
}

func consent(view connect.View, v visit, _ asked) content {
	s := &consentScreen{
		screen: newScreen(view, v, view.Application+" would like to connect to your payroll and HR system"), Customer: view.Customer,
		Recordkeeper: view.Recordkeeper, Again: view.Reauthentication,
		Applicant: web.Monogram{Letters: view.Initials, Color: applicantColor, Large: true}, Known: view.Provider != nil,
	}
	if s.Again {
		s.Title = "Reconnect " + s.Provider + " to " + view.Application
	}
	for _, p := range view.Permissions {
		s.Permissions = append(s.Permissions, permission{p.Text, strings.Join(p.Fields, ", ")})
	}
	s.About = web.Disclosure{Summary: "What is stored, and how to stop", Items: []string{
		"Perch keeps what is listed above, encrypted, and refreshes it until you disconnect.",
		"Your sign-in stays with Perch, encrypted. " + view.Application + " never sees it.",
		"To stop, ask " + view.Application + " to disconnect, or remove the access in your payroll system. Nothing is read after that.",
	}}
	s.Primary = submit("Agree and continue", connect.VerbAgree, "Continuing")
	return s
}

type providersScreen struct {
	screen
	// Search works with the script, Plain and Find without it.
	Search, Plain web.Field
	Find          web.Button
	// Query is what Plain was sent with.
	Query string
	Cards []connect.ProviderCard
	// List are the rows of Cards; the handler renders them.
	List   []template.HTML
	Pinned int
	Name   web.Field
	Ask    web.Button
}

func providers(view connect.View, v visit, a asked) content {
	s := &providersScreen{
		screen: newScreen(view, v, "Which system do you use?"), Query: a.query,
		Search: web.Field{ID: "search", Name: "q", Label: "Search payroll and HR systems", Type: "search", Autocomplete: "off", Optional: true,
			Placeholder: "Search " + strconv.Itoa(len(view.Providers)) + " systems"},
		Plain: web.Field{ID: "query", Name: "q", Label: "Search payroll and HR systems", Type: "search", Autocomplete: "off", Optional: true, Value: a.query},
		Find:  web.Button{Label: "Search", Look: web.Secondary},
		Name:  web.Field{ID: "request-name", Name: "name", Label: "What is it called?", Type: "text", Autocomplete: "off"},
		Ask:   web.Button{Label: "Ask for it", Look: web.Secondary, Name: "verb", Value: string(connect.VerbRequest), Wide: true, Busy: "Sending"},
	}
	for _, p := range view.Providers {
		if !called(p, s.Query) {
			continue
		}
		if p.Pinned {
			s.Pinned++
		}
		s.Cards = append(s.Cards, p)
	}
	return s
}

// called reports whether a provider's name or id holds what was searched for. The script is more lenient.
func called(p connect.ProviderCard, query string) bool {
	query = strings.ToLower(strings.TrimSpace(query))
	return strings.Contains(strings.ToLower(p.Name), query) || strings.Contains(strings.ReplaceAll(p.ID, "_", " "), query)
}

func (s *providersScreen) focus() { s.Search.Focus = true }

type methodsScreen struct {
	screen
	Methods []methodCard
}

type methodCard struct {
	Type        perch.AuthenticationType
	Title, Hint string
	Preferred   *web.Badge
}

func methods(view connect.View, v visit, _ asked) content {
	return &methodsScreen{
		screen:  newScreen(view, v, "How do you want to connect "+providerName(view)+"?"),
		Methods: methodCards(view.Methods),
	}
}

func methodCards(list []connect.Method) (cards []methodCard) {
	for _, m := range list {
		card := methodCard{Type: m.Type, Title: m.Title, Hint: m.Hint}
		if m.Preferred {
			card.Preferred = &web.Badge{Label: "Recommended", Tone: web.Good}
		}
		cards = append(cards, card)
	}
	return cards
}

type credentialsScreen struct {
	screen
	Hint   string
	Fields []web.Field
	Others []methodCard
}

func credentials(view connect.View, v visit, _ asked) content {
	s := &credentialsScreen{screen: newScreen(view, v, "Connect "+providerName(view)), Others: methodCards(view.Methods)}
	if view.Method != nil {
		s.Title, s.Hint = view.Method.Title, view.Method.Hint
	}
	s.Fields = fields(view)
	s.Primary = submit("Connect "+s.Provider, connect.VerbSubmit, "Connecting to "+s.Provider)
	return s
}

func (s *credentialsScreen) focus() { focusFirst(s.Fields, &s.FocusTitle) }

// focusFirst prefers the field that is wrong.
func focusFirst(list []web.Field, title *bool) {
	for i := range list {
		if list[i].Error != "" {
			list[i].Focus = true
			return
		}
	}
	if len(list) == 0 {
		*title = true
		return
	}
	list[0].Focus = true
}

// fields makes the inputs; a secret's value never gets into one.
func fields(view connect.View) (list []web.Field) {
	for i, f := range view.Fields {
		field := web.Field{
			ID: "field-" + strconv.Itoa(i), Name: f.Name, Label: f.Label, Type: "text", Value: f.Value, Error: f.Error, Help: f.Where, Autocomplete: "off",
		}
		switch f.Kind {
		case "password":
			field.Type, field.Value, field.Autocomplete = "password", "", "current-password"
		case "one_time_code":
			field.Value, field.Autocomplete = "", "one-time-code"
		case "email", "url":
			field.Type = f.Kind
		}
		if f.Kind == "email" || f.Name == "username" {
			field.Autocomplete = "username"
		}
		if f.Example != "" {
			field.Hint = "For example: " + f.Example
			if view.Sandbox {
				field.Hint = "In the sandbox: " + f.Example
			}
		}
		list = append(list, field)
	}
	return list
}

type oauthScreen struct {
	screen
	Embedded bool
	Others   []methodCard
}

func oauth(view connect.View, v visit, _ asked) content {
	s := &oauthScreen{screen: newScreen(view, v, "Sign in to "+providerName(view)), Embedded: view.Embedded, Others: methodCards(view.Methods)}
	s.Primary = submit("Continue to "+s.Provider, connect.VerbAuthorize, "Opening "+s.Provider)
	return s
}

type assistedScreen struct {
	screen
	Steps   []assistedStep
	Others  []methodCard
	ReadyBy string
	Machine string
}

type assistedStep struct {
	Title, Text string
	Copy        *web.CodeBlock
}

func assisted(view connect.View, v visit, _ asked) content {
	s := &assistedScreen{screen: newScreen(view, v, "Give access to "+providerName(view)), Others: methodCards(view.Methods)}
	s.ReadyBy, s.Machine = date(view.ReadyBy)
	for i, step := range view.Steps {
		shown := assistedStep{Title: step.Title, Text: step.Text}
		if step.Copy != "" {
			shown.Copy = &web.CodeBlock{ID: "copy-" + strconv.Itoa(i), Label: "value of step " + strconv.Itoa(i+1), Text: step.Copy}
		}
		s.Steps = append(s.Steps, shown)
	}
	s.Primary = submit("I have done this", connect.VerbConfirm, "Saving")
	return s
}

// date returns a date for people and one for machines, both empty for the zero time.
func date(t time.Time) (people, machines string) {
	if t.IsZero() {
		return "", ""
	}
	return t.Format("Monday, January 2"), t.Format(time.DateOnly)
}

type mfaScreen struct {
	screen
	Fields []web.Field
}

func mfa(view connect.View, v visit, _ asked) content {
	s := &mfaScreen{screen: newScreen(view, v, "Confirm that it is you"), Fields: fields(view)}
	s.Primary = submit("Continue", connect.VerbSubmit, "Checking the code")
	return s
}

func (s *mfaScreen) focus() { focusFirst(s.Fields, &s.FocusTitle) }

type accountsScreen struct {
	screen
	Cards web.CheckboxCards
}

func accounts(view connect.View, v visit, _ asked) content {
	s := &accountsScreen{
		screen: newScreen(view, v, "Which companies do you want to connect?"),
		Cards:  web.CheckboxCards{Name: "account", Label: "Companies", LabelHidden: true},
	}
	for _, a := range view.Accounts {
		s.Cards.Options = append(s.Cards.Options, web.Option{Value: a.ID, Label: a.Name, Detail: a.Detail, Selected: a.Selected})
	}
	s.Primary = submit("Connect", connect.VerbChoose, "Connecting")
	return s
}

type progressScreen struct {
	screen
	Products []productRow
	Refresh  web.Button
	ReadyBy  string
	Machine  string
}

type productRow struct {
	Title, State string
	Ready        bool
}

func productRows(list []connect.ProductProgress) (rows []productRow) {
	for _, p := range list {
		row := productRow{Title: p.Title, Ready: p.Ready, State: "Reading"}
		switch {
		case p.Ready && p.Count > 0:
			row.State = strconv.Itoa(p.Count) + " read"
		case p.Ready:
			row.State = "Ready"
		}
		rows = append(rows, row)
	}
	return rows
}

func progress(view connect.View, v visit, _ asked) content {
	s := &progressScreen{screen: newScreen(view, v, "Reading from "+providerName(view)), Products: productRows(view.Products)}
	s.Refresh = submit("Check again", connect.VerbRefresh, "Checking")
	s.Refresh.Look = web.Secondary
	s.ReadyBy, s.Machine = date(view.ReadyBy)
	return s
}

type doneScreen struct {
	screen
	Products []productRow
	Waiting  bool
	ReadyBy  string
	Machine  string
	Preview  bool
}

func done(view connect.View, v visit, _ asked) content {
	s := &doneScreen{screen: newScreen(view, v, providerName(view)+" is connected"), Products: productRows(view.Products), Preview: view.Preview}
	for _, p := range view.Products {
		s.Waiting = s.Waiting || !p.Ready
	}
	if s.ReadyBy, s.Machine = date(view.ReadyBy); s.ReadyBy != "" {
		s.Title = "Your part is done"
	}
	s.Primary = submit("Return to "+view.Application, connect.VerbFinish, "Returning")
	return s
}
