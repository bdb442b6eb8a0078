package console

import (
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/assist"
	"github.com/perchhq/perch/internal/web"
)

type connectionPage struct {
	Path, Token string
	Name        string
	Monogram    web.Monogram
	Provider    string
	Application string
	Sandbox     bool
	Status      web.Badge
	StatusText  string
	Due         *when
	DueWhat     string
	Facts       [][2]string
	Steps       []step
	Moves       web.RadioCards
	Move        web.Button
	Account     accountPart
	Address     web.Field
	AddressSave web.Button
	TakesFiles  bool
	History     []auditRow
	Uploads     []uploadRow
	Drop        *dropPart
	// MaxMiB is how large a file may be, MaxFiles how many may come at a time.
	MaxMiB, MaxFiles int64
}

type uploadRow struct {
	Link, Origin, By, Counts string
	At                       when
	Badge                    web.Badge
}

type step struct {
	Title, Text string
	Copy        *web.CodeBlock
	Done        bool
}

// accountPart is the sign-in at the provider. Revealed is set only on the page that answers the click.
type accountPart struct {
	Stored   bool
	Since    when
	Revealed []web.CodeBlock
	Names    []string
	Notes    string
	Fields   []web.Field
	Save     web.Button
	Reveal   web.Button
	Forget   web.Button
	Ask      web.Dialog
}

func (h *Handler) connection(v *visit) error { return h.showConnection(v, nil, "") }

// showConnection shows a connection, with what a form has just revealed.
func (h *Handler) showConnection(v *visit, revealed *assist.Account, password string) error {
	at, err := v.place()
	if err != nil {
		return err
	}
	c, err := h.Desk.Case(v.r.Context(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	history, err := h.Desk.History(v.r.Context(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	p := h.connectionPage(v, at, c)
	p.Account = h.accountPart(c, revealed)
	for _, a := range history {
		row := h.auditRow(a)
		row.Where = ""
		p.History = append(p.History, row)
	}
	uploads, err := h.Uploads.List(v.r.Context(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		p.Uploads = append(p.Uploads, uploadRow{Link: at.path() + "/uploads/" + u.ID.String(), Origin: origins[u.Origin], By: u.CreatedBy, At: h.ago(u.CreatedAt),
			Badge: uploadBadge(u.State), Counts: inShort(u.Counts)})
	}
	if p.Drop, err = h.dropPart(v, c, password); err != nil {
		return err
	}
	p.MaxMiB, p.MaxFiles = h.Uploads.MaxBytes()>>20, assist.MaxFiles
	h.show(v, 200, "connection", page{Title: p.Name + ", " + p.Provider, Nav: "connections"}, p)
	return nil
}

func (h *Handler) connectionPage(v *visit, at place, c assist.Case) connectionPage {
	name := h.providerName(c.Connection.ProviderID)
	p := connectionPage{
		Path: at.path(), Token: v.session.Token, Name: named(text(c.Connection.CustomerName)), Provider: name,
		Monogram:    web.Monogram{Letters: initials(name), Color: c.Provider.PrimaryColor, Large: true},
		Application: c.Application, Sandbox: c.ApplicationType == perch.ClientSandbox, TakesFiles: c.TakesFiles,
		Status: statusBadge(c.Connection.Status), StatusText: statusHelp(c.Connection.Status), Steps: steps(c, name),
		Moves: web.RadioCards{Name: "status", Label: "New status"}, Move: web.Button{Label: "Change status", Look: web.Secondary, Busy: "Changing the status"},
		Address: web.Field{ID: "address", Name: "address", Label: "Address to invite", Type: "email", Value: c.OwnAddress, Optional: true, Autocomplete: "off",
			Hint: "The mailbox whom this employer invites. Left empty, it is the application's."},
		AddressSave: web.Button{Label: "Save address", Look: web.Secondary},
	}
	for _, s := range c.Moves {
		p.Moves.Options = append(p.Moves.Options, web.Option{Value: string(s), Label: statusBadge(s).Label, Detail: statusHelp(s)})
	}
	if !c.DueAt.IsZero() {
		due := h.due(c.DueAt)
		p.Due, p.DueWhat = &due, "Set-up due"
		if c.Published {
			p.DueWhat = "Next file due"
		}
	}
	for _, fact := range [][2]string{
		{"Application", c.Application}, {"Customer id", text(c.Connection.CustomerID)}, {"Customer e-mail", text(c.Connection.CustomerEmail)},
		{"Connection id", c.Connection.ID.String()}, {"Connected", h.ago(c.CreatedAt).Text}, {"Last data", h.ago(c.RetrievedAt).Text},
	} {
		if fact[1] != "" {
			p.Facts = append(p.Facts, fact)
		}
	}
	return p
}

var origins = map[string]string{assist.OriginConsole: "Console", assist.OriginFolder: "Watched folder", assist.OriginSFTP: "SFTP"}

// initials are up to two letters of a name.
func initials(name string) string {
	letters := ""
	for _, word := range strings.Fields(name) {
		if len(letters) < 2 {
			letters += strings.ToUpper(string([]rune(word)[0]))
		}
	}
	return letters
}

// steps say what to do for the connection, in order, and what of it is done.
func steps(c assist.Case, provider string) []step {
	if !c.TakesFiles {
		return []step{{Title: "This employer is simulated", Text: "Its data is made up. Setting it to connected lets the application read it, as a set-up by people would."}}
	}
	invited := c.Connection.Status != perch.StatusPending && c.Connection.Status != perch.StatusNoAccountSetup
	list := []step{
		{Title: "Wait for the invitation", Done: invited, Text: "The employer was asked to invite a third-party administrator at " + provider + "."},
		{Title: "Accept it and keep the sign-in", Done: c.HasAccount, Text: "Choose a long random password and store it below. It is sealed, and every look at it is recorded."},
		{Title: "Check what the account may read", Done: invited && c.Connection.Status != perch.StatusPermissions,
			Text: "It needs company, employees and payroll with reports. Then set the status to processing, or to improper permissions."},
		{Title: "Export the files", Text: "A census of everyone, leavers of this year included, with social security numbers; and a payroll register with a row per person and check."},
		{Title: "Hand the files in", Done: c.Published, Text: "Check the columns and what would change, and publish. The connection is connected with its first data. Do this again every seven days."},
	}
	if c.InviteAddress != "" {
		list[0].Copy = &web.CodeBlock{ID: "invited", Label: "address", Text: c.InviteAddress}
	}
	if c.Provider.ID == "alphastaff" {
		list[0].Text += " AlphaStaff confirms access within seven business days."
	}
	return list
}

func (h *Handler) accountPart(c assist.Case, revealed *assist.Account) accountPart {
	line := func(id, name, label, kind, hint string) web.Field {
		return web.Field{ID: id, Name: name, Label: label, Type: kind, Optional: true, Autocomplete: "off", Hint: hint}
	}
	password := line("account-password", "password", "Password", "password", "")
	password.Autocomplete = "new-password"
	part := accountPart{
		Stored: c.HasAccount, Since: h.ago(c.AccountAt),
		Fields: []web.Field{line("account-url", "url", "Address of the sign-in page", "url", ""), line("account-username", "username", "User name", "text", ""), password},
		Save:   web.Button{Label: "Save sign-in", Look: web.Secondary, Busy: "Saving"},
		Reveal: web.Button{Label: "Show sign-in", Look: web.Secondary, Busy: "Opening"},
		Forget: web.Button{Label: "Forget it", Look: web.Quiet, Name: "forget", Value: "yes"},
	}
	if c.HasAccount {
		part.Fields[2].Hint = "Fields that are left empty keep what is stored."
	}
	if revealed == nil {
		return part
	}
	part.Notes = revealed.Notes
	for _, f := range [][3]string{{"shown-url", "Address", revealed.URL}, {"shown-username", "User name", revealed.Username}, {"shown-password", "Password", revealed.Password}} {
		if f[2] != "" {
			part.Names = append(part.Names, f[1])
			part.Revealed = append(part.Revealed, web.CodeBlock{ID: f[0], Label: f[1], Text: f[2]})
		}
	}
	return part
}

// change runs a form about a connection and goes back to its page.
func (h *Handler) change(v *visit, do func(at place, form map[string][]string) (word string, err error)) error {
	at, err := v.place()
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	word, err := do(at, form)
	if err != nil {
		return err
	}
	return v.back(at.path(), word)
}

func first(form map[string][]string, name string) string {
	if values := form[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (h *Handler) setStatus(v *visit) error {
	return h.change(v, func(at place, form map[string][]string) (string, error) {
		return "status", h.Desk.SetStatus(v.r.Context(), v.who(), at.Application, at.Connection, perch.ConnectionStatus(first(form, "status")))
	})
}

func (h *Handler) setAddress(v *visit) error {
	return h.change(v, func(at place, form map[string][]string) (string, error) {
		return "address", h.Desk.SetInviteAddress(v.r.Context(), v.who(), at.Application, at.Connection, strings.TrimSpace(first(form, "address")))
	})
}

func (h *Handler) saveCredentials(v *visit) error {
	return h.change(v, func(at place, form map[string][]string) (string, error) {
		if first(form, "forget") != "" {
			return "forgotten", h.Desk.SaveAccount(v.r.Context(), v.who(), at.Application, at.Connection, assist.Account{})
		}
		a := assist.Account{URL: strings.TrimSpace(first(form, "url")), Username: strings.TrimSpace(first(form, "username")), Password: first(form, "password"),
			Notes: strings.TrimSpace(first(form, "notes"))}
		if a == (assist.Account{}) {
			return "", perch.Invalid("", "Type at least one of the fields.")
		}
		return "saved", h.Desk.SaveAccount(v.r.Context(), v.who(), at.Application, at.Connection, a)
	})
}

// reveal answers with the page itself: an address that shows secrets could be opened again.
func (h *Handler) reveal(v *visit) error {
	at, err := v.place()
	if err != nil {
		return err
	}
	if _, err := v.form(); err != nil {
		return err
	}
	account, err := h.Desk.Reveal(v.r.Context(), v.who(), at.Application, at.Connection)
	if err != nil {
		return err
	}
	return h.showConnection(v, &account, "")
}
