package console

import (
	"fmt"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/internal/web"
)

// done says what a form did, by the word in the address.
func done(word string) *web.Toast {
	text := map[string]string{
		"status":    "The status was changed. The application sees it with its next request.",
		"address":   "The address was saved.",
		"saved":     "The sign-in was saved.",
		"forgotten": "The sign-in was forgotten.",
		"deduction": "The deduction was completed. The application was told.",
		"request":   "The request was taken off the queue.",
		"rejected":  "The upload was rejected and its files were deleted.",
		"drop":      "The settings were saved.",
		"mapping":   "The columns are being read anew.",
	}[word]
	if text == "" {
		return nil
	}
	return &web.Toast{Text: text, Tone: web.Good}
}

// statusBadge is a connection's status as people say it.
func statusBadge(s perch.ConnectionStatus) web.Badge {
	switch s {
	case perch.StatusPending:
		return web.Badge{Label: "Pending", Tone: web.Warning}
	case perch.StatusProcessing:
		return web.Badge{Label: "Processing", Tone: web.Warning}
	case perch.StatusConnected:
		return web.Badge{Label: "Connected", Tone: web.Good}
	case perch.StatusNoAccountSetup:
		return web.Badge{Label: "No account set up", Tone: web.Danger}
	case perch.StatusPermissions:
		return web.Badge{Label: "Improper permissions", Tone: web.Danger}
	case perch.StatusReauth:
		return web.Badge{Label: "Needs reauthentication", Tone: web.Danger}
	}
	return web.Badge{Label: string(s)}
}

// statusHelp says what a status is for.
func statusHelp(s perch.ConnectionStatus) string {
	switch s {
	case perch.StatusPending:
		return "The invitation has not arrived yet."
	case perch.StatusProcessing:
		return "The invitation arrived with the right permissions. The set-up has begun."
	case perch.StatusConnected:
		return "Everything is in order."
	case perch.StatusNoAccountSetup:
		return "No invitation arrived. The employer has to follow the instructions."
	case perch.StatusPermissions:
		return "The invited account may not read what is needed."
	case perch.StatusReauth:
		return "The account is gone. The employer has to connect again."
	}
	return ""
}

// kindNames are the kinds of what is due, in the order of the tabs.
var kindNames = []struct{ kind, one, many string }{
	{store.DueSetUp, "Set-up", "Set-ups"},
	{store.DueRefresh, "Weekly refresh", "Refreshes"},
	{store.DueFile, "File to check", "Files"},
	{"deduction", "Deduction", "Deductions"},
	{store.DueRequest, "Provider request", "Requests"},
}

func kindName(kind string) string {
	for _, k := range kindNames {
		if k.kind == kind {
			return k.one
		}
	}
	return strings.ToUpper(kind[:1]) + strings.ReplaceAll(kind[1:], "_", " ")
}

// when is a time for people, and for machines and those who hover.
type when struct {
	Text, Full, Machine string
	Overdue             bool
}

func (h *Handler) ago(t time.Time) when {
	if t.IsZero() {
		return when{Text: "never"}
	}
	w := moment(t)
	switch d := h.Now().Sub(t); {
	case d < time.Minute:
		w.Text = "just now"
	case d < time.Hour:
		w.Text = fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		w.Text = fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 31*24*time.Hour:
		w.Text = days(d) + " ago"
	default:
		w.Text = t.UTC().Format("Jan 2, 2006")
	}
	return w
}

// due is when something has to be done.
func (h *Handler) due(t time.Time) when {
	if t.IsZero() {
		return when{}
	}
	w := moment(t)
	d := t.Sub(h.Now())
	switch {
	case d < -24*time.Hour:
		w.Text, w.Overdue = days(-d)+" overdue", true
	case d < 0:
		w.Text, w.Overdue = fmt.Sprintf("%d h overdue", max(1, int(-d.Hours()))), true
	case d < 24*time.Hour:
		w.Text = fmt.Sprintf("in %d h", max(1, int(d.Hours())))
	default:
		w.Text = "in " + days(d+24*time.Hour-time.Minute) // begun days count
	}
	return w
}

func moment(t time.Time) when {
	t = t.UTC()
	return when{Full: t.Format("Monday, January 2, 2006, 15:04 UTC"), Machine: t.Format(time.RFC3339)}
}

func days(d time.Duration) string {
	n := int(d.Hours() / 24)
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// actions are the words of the audit log.
var actions = map[string]string{
	"deduction.completed": "Completed a deduction",
	"operator.created":    "Made an operator", "operator.reset": "Set a new password", "operator.disabled": "Disabled an operator",
	"operator.signed_in": "Signed in", "operator.signed_in_by_link": "Signed in by link", "operator.signed_out": "Signed out",
	"status.changed": "Changed the status", "address.changed": "Changed the address to invite", "request.closed": "Closed a request for a provider",
	"credentials.saved": "Saved the sign-in", "credentials.forgotten": "Forgot the sign-in", "credentials.revealed": "Looked at the sign-in",
	"upload.received": "Handed in files", "upload.mapped": "Changed the columns", "upload.revealed": "Looked at numbers and pay",
	"upload.published": "Published files", "upload.rejected": "Rejected files", "drop.changed": "Changed unattended files", "upload.refused": "Refused a file",
}

func actionName(action string) string {
	if name, ok := actions[action]; ok {
		return name
	}
	return action
}

// named is a customer's name, or something to call it by.
func named(customer string) string {
	if customer == "" {
		return "Unnamed employer"
	}
	return customer
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
