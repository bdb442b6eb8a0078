package connect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/file"
)

// attemptTakes bounds how long a provider may take to check credentials.
const attemptTakes = 60 * time.Second

// maxTyped bounds one typed value in bytes.
const maxTyped = 4096

func (v *visit) submitCredentials(ctx context.Context) error {
	_, connector := v.offer().authenticator(v.row.Visit.ProviderID)
	if connector == nil {
		v.problem = outOfDate()
		return nil
	}
	values, ok := v.typed(connector.Fields(v.row.Visit.ProviderID, v.row.Visit.Method))
	if !ok {
		return nil
	}
	return v.attempt(ctx, provider.Attempt{Values: values})
}

func (v *visit) submitChallenge(ctx context.Context) error {
	if v.scratch.Challenge == nil { // it took too long
		v.enter(v.row.Visit.Method)
		v.problem = outOfDate()
		return nil
	}
	values, ok := v.typed(v.scratch.Fields)
	if !ok {
		return nil
	}
	return v.attempt(ctx, provider.Attempt{Values: values, Challenge: v.scratch.Challenge})
}

// typed collects the values of the fields. What is missing is said beside the field and is no attempt.
// Keyboards of phones add a blank behind a word that they complete; only secrets may mean one.
func (v *visit) typed(fields []provider.CredentialField) (map[string]string, bool) {
	values := map[string]string{}
	v.faults = map[string]string{}
	for _, f := range fields {
		value := v.value(f.Name)
		if !f.Secret || f.Kind == "one_time_code" {
			value = strings.TrimSpace(value)
		}
		switch {
		case value == "":
			v.faults[f.Name] = "Enter the " + lowerFirst(f.Label) + "."
		case len(value) > maxTyped:
			v.faults[f.Name] = "This is too long."
		default:
			values[f.Name] = value
		}
	}
	return values, len(v.faults) == 0
}

// lowerFirst writes a label within a sentence; abbreviations stay as they are.
func lowerFirst(label string) string {
	if len(label) > 1 && label[1] >= 'a' && label[1] <= 'z' {
		return string(label[0]|0x20) + label[1:]
	}
	return label
}

// attempt checks credentials, or what stands for them, and goes where the answer leads. Refused ones
// count against the session and the address that they came from.
func (v *visit) attempt(ctx context.Context, a provider.Attempt) error {
	if v.preview() {
		v.problem = previewOnly()
		return nil
	}
	forgive, err := v.countAttempt(ctx)
	if err != nil || forgive == nil {
		return err
	}
	answer, err := v.authenticate(ctx, a)
	if err != nil {
		return v.refused(ctx, err, forgive)
	}
	if err := forgive(); err != nil {
		return err
	}
	if answer.Challenge != nil {
		v.scratch = scratch{Challenge: answer.Challenge.State, Fields: answer.Challenge.Fields}
		v.goTo(StepMFA)
		return nil
	}
	return v.opened(ctx, answer.Accounts)
}

// countAttempt counts an attempt before it is made, so that one whose request is cancelled counts too, and
// returns how to take it back. It returns nil, and says why, where there have been too many.
func (v *visit) countAttempt(ctx context.Context) (forgive func() error, err error) {
	if v.row.Visit.Attempts >= attemptsPerSession {
		v.limited(linkWorn(v.app.Name))
		return nil, nil
	}
	place, release, err := v.take(ctx, "connect_auth", v.action.RemoteIP, attemptsPerAddress)
	if err != nil {
		return nil, err
	}
	if !place.OK {
		v.limited(tooMany(place.RetryAfter))
		return nil, nil
	}
	if err := v.Store.CountAttempt(ctx, v.row.ID, v.row.Visit.Turn, attemptsPerSession); err != nil {
		release()
		if errors.Is(err, store.ErrNotFound) {
			return nil, errStale
		}
		return nil, unforeseen("counting the attempt", err)
	}
	return func() error {
		release()
		if err := v.Store.ReturnAttempt(ctx, v.row.ID); err != nil {
			return unforeseen("taking back an attempt", err)
		}
		return nil
	}, nil
}

// limited shows that there were too many attempts, and tells the host page.
func (v *visit) limited(p *Problem) {
	v.fail(p)
	if v.embedded() {
		v.outcome = &Outcome{Kind: OutcomeError, Message: p.Title + ". " + p.Text, ErrorType: p.Code, State: v.row.Visit.State}
	}
}

func (v *visit) refused(ctx context.Context, err error, forgive func() error) error {
	if ctx.Err() != nil {
		return ctx.Err() // who hangs up does not get the attempt back
	}
	entry, _ := v.provider()
	problem, counts := v.explain(ctx, err, entry.DisplayName)
	if !counts {
		v.fail(problem)
		return forgive()
	}
	v.row.Visit.Failures++
	v.fail(problem)
	if v.fallback(entry) && v.row.Visit.Method == perch.AuthCredential && slices.Contains(v.methods(entry), perch.AuthAssisted) {
		if problem.Text = "You can connect by adding us as an administrator instead."; v.row.Visit.Failures > 1 {
			problem.Title = "That did not work " + strconv.Itoa(v.row.Visit.Failures) + " times"
		}
		v.faults = nil
		v.enter(perch.AuthAssisted)
	}
	return nil
}

func (v *visit) authenticate(ctx context.Context, a provider.Attempt) (provider.Authentication, error) {
	entry, ok := v.provider()
	_, connector := v.offer().authenticator(v.row.Visit.ProviderID)
	if !ok || connector == nil {
		return provider.Authentication{}, fmt.Errorf("there is no connector for %q", v.row.Visit.ProviderID)
	}
	a.ProviderID, a.Method = entry.ID, v.row.Visit.Method
	a.Supported, a.Products, a.Now = entry.Supports(a.Method), v.row.Products, v.Now
	if a.Method == perch.AuthAssisted && entry.Fallback() {
		a.Supported = entry.Supports(perch.AuthCredential)
	}
	a.Sandbox, a.Subject = v.row.Sandbox != "", v.subject()
	ctx, cancel := context.WithTimeout(ctx, attemptTakes)
	defer cancel()
	return connector.Authenticate(ctx, a)
}

// subject stands for the employer: the application's customer.
func (v *visit) subject() string {
	whom := "" // no customer at all counts as one
	if v.row.CustomerID != nil {
		whom = *v.row.CustomerID
	}
	within := v.app.ID.String()
	if v.Seed != 0 {
		within = strconv.FormatUint(v.Seed, 10)
	}
	sum := sha256.Sum256([]byte(within + "\x00" + whom))
	return hex.EncodeToString(sum[:])
}

// opened goes on with the accounts that the credentials open: straight on with one, and to the choice
// with several. An authorization anew needs no choice: the accounts are those of the connection.
func (v *visit) opened(ctx context.Context, accounts []provider.CompanyAccount) error {
	switch {
	case len(accounts) == 0:
		v.fail(&Problem{Kind: problemPermissions, Title: "Your login opens no company", Text: "Use the login of an administrator."})
		return nil
	case len(accounts) == 1 || !v.row.ConnectionID.IsZero():
		return v.connect(ctx, accounts)
	}
	v.scratch = scratch{Accounts: accounts}
	v.goTo(StepAccounts)
	return nil
}

func (v *visit) chooseAccounts(ctx context.Context) error {
	if len(v.scratch.Accounts) == 0 { // it took too long
		v.enter(v.row.Visit.Method)
		v.problem = outOfDate()
		return nil
	}
	var chosen []provider.CompanyAccount
	asked := v.action.Values["account"]
	for i, account := range v.scratch.Accounts {
		if len(asked) <= maxAccountsSelected && slices.Contains(asked, strconv.Itoa(i)) {
			chosen = append(chosen, account)
		}
	}
	if len(chosen) == 0 {
		v.faults = map[string]string{"account": "Choose at least one company."}
		v.problem = &Problem{Kind: problemUnknown, Title: "Choose at least one company", Text: "Only what you choose is shared."}
		return nil
	}
	return v.connect(ctx, chosen)
}

// confirm makes an assisted connection, which waits for people. Nobody has checked which company it
// is, so that it never joins another connection.
func (v *visit) confirm(ctx context.Context) error {
	if v.preview() {
		v.problem = previewOnly()
		return nil
	}
	if v.row.Kind == kindLegacy && !v.row.ConnectionID.IsZero() {
		// Anyone can write such a link, and nobody logs in here.
		v.problem = &Problem{Kind: problemUnknown, Title: "This link cannot renew the connection", Text: "Ask for a new link where you found this one."}
		return nil
	}
	settings, err := json.Marshal(file.Settings{})
	if err != nil {
		return unforeseen("encoding the settings", err)
	}
	account := provider.CompanyAccount{Settings: settings}
	if v.offer().simulated() {
		answer, err := v.authenticate(ctx, provider.Attempt{})
		if err != nil {
			return unforeseen("making a simulated employer", err)
		}
		account.Settings = answer.Accounts[0].Settings
	}
	return v.connect(ctx, []provider.CompanyAccount{account})
}

func (v *visit) authorization(accounts []provider.CompanyAccount) connection.Authorization {
	o := v.offer()
	a := connection.Authorization{
		Application: v.app, ProviderID: v.row.Visit.ProviderID, Type: perch.ConnectionProvider, Authentication: v.row.Visit.Method,
		Status:    perch.StatusProcessing,
		Customer:  connection.Customer{ID: v.row.CustomerID, Name: v.row.CustomerName, Email: v.row.CustomerEmail},
		Connector: o.connectorFor(v.row.Visit.ProviderID, v.row.Visit.Method), Accounts: accounts,
		AnyCompany: v.row.Kind == kindReauth || o.simulated(),
	}
	if o.simulated() {
		a.Type = perch.ConnectionSimulated
	}
	if v.row.Visit.Method == perch.AuthAssisted {
		a.Status = perch.StatusPending
	}
	return a
}
