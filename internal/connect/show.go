package connect

import (
	"context"
	"slices"
	"strconv"
	"strings"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
)

// progressed is how far a visit is at each step, in percent.
var progressed = map[Step]int{StepConsent: 10, StepProvider: 25, StepMethod: 35, StepCredentials: 45, StepOAuth: 45, StepAssisted: 45,
	StepMFA: 60, StepAccounts: 70, StepProgress: 85, StepDone: 100}

// frame is what every screen of the session has.
func (v *visit) frame() View {
	view := View{
		SessionID: v.row.ID.String(), Step: v.step(), Application: v.app.Name, Initials: monogram(v.app.Name), Embedded: v.embedded(), HostOrigin: v.row.Visit.HostOrigin,
		Sandbox: v.offer().simulated(), Preview: v.preview(), Reauthentication: !v.row.ConnectionID.IsZero(), Recordkeeper: title(v.row.Recordkeeper),
	}
	if view.Embedded {
		view.FrameOrigins = []string{view.HostOrigin}
	}
	if v.row.CustomerName != nil {
		view.Customer = *v.row.CustomerName
	}
	return view
}

// title writes an identifier of one word as a name.
func title(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// show builds the screen of the step that the visit is at.
func (v *visit) show(ctx context.Context) (View, error) {
	view := v.frame()
	view.Nonce = v.nonce
	view.Progressed, view.CanGoBack = progressed[view.Step], v.canGoBack()
	view.Problem, view.Outcome = v.problem, v.outcome
	entry, known := v.provider()
	if known {
		card := v.offer().card(entry)
		view.Provider = &card
	}
	switch view.Step {
	case StepConsent:
		view.Permissions = consent(v.row.Products, v.settings.DisabledFields)
		if v.row.Integration != "" && !known {
			if entry, ok := v.catalog.Provider(v.row.Integration); ok {
				card := v.offer().card(entry)
				view.Provider = &card
			}
		}
	case StepProvider:
		view.Provider, view.Providers = nil, v.offer().cards(v.catalog)
	case StepMethod, StepCredentials, StepOAuth, StepAssisted:
		v.showMethods(&view, entry)
	case StepMFA:
		view.Fields = v.fields(v.scratch.Fields)
	case StepAccounts:
		view.Accounts = v.accounts()
	case StepProgress, StepDone:
		return v.showProgress(ctx, view)
	}
	return view, nil
}

func (v *visit) showMethods(view *View, entry catalog.Entry) {
	for i, kind := range v.methods(entry) {
		m := v.offer().method(entry, kind, i == 0)
		if kind == v.row.Visit.Method && view.Step != StepMethod {
			view.Method = &m
			continue
		}
		view.Methods = append(view.Methods, m)
	}
	if view.Method == nil && view.Step != StepMethod { // one that the application chose, or the fallback
		m := v.offer().method(entry, v.row.Visit.Method, true)
		view.Method = &m
	}
	switch view.Step {
	case StepCredentials:
		if _, connector := v.offer().authenticator(entry.ID); connector != nil {
			view.Fields = v.fields(connector.Fields(entry.ID, v.row.Visit.Method))
		}
	case StepAssisted:
		view.Steps = instructions(entry, v.app.Name, v.settings.InviteAddress, v.offer().simulated())
	}
}

// fields shows what to type. What was typed comes back, secrets never.
func (v *visit) fields(fields []provider.CredentialField) []Field {
	list := make([]Field, len(fields))
	for i, f := range fields {
		list[i] = Field{Name: f.Name, Label: f.Label, Kind: f.Kind, Where: f.Where, Error: v.faults[f.Name]}
		if v.offer().simulated() {
			list[i].Example = f.Example
		}
		if value := v.value(f.Name); !f.Secret && v.action.Verb == VerbSubmit && len(value) <= maxTyped {
			list[i].Value = value
		}
	}
	return list
}

func (v *visit) accounts() []Account {
	chosen := v.action.Values["account"]
	list := make([]Account, len(v.scratch.Accounts))
	for i, account := range v.scratch.Accounts {
		id := strconv.Itoa(i)
		list[i] = Account{ID: id, Name: account.Name, Detail: account.Detail, Selected: slices.Contains(chosen, id)}
	}
	return list
}

func (v *visit) showProgress(ctx context.Context, view View) (View, error) {
	if v.row.Visit.Method == perch.AuthAssisted { // nothing is read yet: people bring the data in
		view.ReadyBy = v.row.Visit.MadeAt.Add(assistedTakes)
		return view, nil
	}
	if v.row.Visit.MadeConnection.IsZero() {
		return view, nil
	}
	var err error
	view.Products, err = v.productProgress(ctx)
	return view, err
}
