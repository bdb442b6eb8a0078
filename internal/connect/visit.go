package connect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/catalog"
)

// scratchLife bounds how long what is in flight is kept; a code in flight is kept longer, until the
// employer leaves the last screen.
const (
	scratchLife = 15 * time.Minute
	codeInHand  = 24 * time.Hour
)

// scratch is what a visit needs from one step to the next and nobody else may read.
type scratch struct {
	Accounts  []provider.CompanyAccount  `json:"accounts,omitempty"`
	Challenge []byte                     `json:"challenge,omitempty"`
	Fields    []provider.CredentialField `json:"fields,omitempty"`
	Code      string                     `json:"code,omitempty"`
	// Verifier is that of an OAuth sign-in under way.
	Verifier string `json:"verifier,omitempty"`
}

// visit is one request's hold on a session.
type visit struct {
	*Service
	row      store.ConnectSession
	app      access.Application
	settings access.Settings
	catalog  *catalog.Catalog
	gone     bool   // the connection that was to be authorised anew has ended
	nonce    string // of the page that is shown next
	scratch  scratch

	action   Action
	problem  *Problem
	faults   map[string]string // by field name
	outcome  *Outcome
	events   []store.ConnectEvent
	finished bool
}

// load reads a session and what belongs to it.
func (s *Service) load(ctx context.Context, row store.ConnectSession) (*visit, error) {
	v := &visit{Service: s, row: row}
	var err error
	if v.app, _, err = s.Store.Application(ctx, row.ApplicationID); err != nil {
		return nil, unforeseen("reading the application", err)
	}
	if v.settings, err = s.Store.ApplicationSettings(ctx, row.ApplicationID); err != nil {
		return nil, unforeseen("reading the application's settings", err)
	}
	if v.catalog, err = s.Catalog(); err != nil {
		return nil, unforeseen("loading the catalogue", err)
	}
	if !row.ConnectionID.IsZero() {
		_, err = s.Store.LiveConnection(ctx, row.ApplicationID, row.ConnectionID)
		if v.gone = errors.Is(err, store.ErrNotFound); err != nil && !v.gone {
			return nil, unforeseen("reading the connection", err)
		}
	}
	return v, nil
}

// over reports the problem of a session that can no longer be used.
func (v *visit) over() *Problem {
	switch {
	case v.gone:
		return &Problem{Kind: problemExpired, Title: "This link can no longer be used", Text: "The connection that it renews has ended. Ask " + v.app.Name + " for a new link.", Fatal: true}
	case !v.Now().Before(v.row.ExpiresAt) && !v.connectedHere():
		return &Problem{Kind: problemExpired, Title: "This link has expired", Text: "Ask " + v.app.Name + " for a new one.", Fatal: true}
	case v.row.Visit.Status == statusFinished:
		return &Problem{Kind: problemUsed, Title: "This link was used already", Text: "The connection is made. Return to " + v.app.Name + ".", Fatal: true}
	}
	return nil
}

// connectedHere reports whether the page that acts has made the connection. What is left is to hand the code
// over, and the link's time does not matter for that.
func (v *visit) connectedHere() bool {
	row := &v.row.Visit
	return row.Status == statusConnected && (among(row.Nonces, v.action.Nonce) || among(row.Spent, v.action.Nonce))
}

func (v *visit) offer() offer { return offer{service: v.Service, row: &v.row, settings: v.settings} }

func (v *visit) step() Step { return Step(v.row.Visit.Step) }

func (v *visit) goTo(step Step) {
	if v.row.Visit.Step != string(step) {
		v.row.Visit.Step = string(step)
		v.note("reached", "")
	}
}

func (v *visit) preview() bool { return v.row.Kind == kindPreview }

func (v *visit) embedded() bool { return v.row.Visit.HostOrigin != "" }

// provider returns the entry of the provider that was chosen.
func (v *visit) provider() (catalog.Entry, bool) { return v.catalog.Provider(v.row.Visit.ProviderID) }

// note records an event of the funnel. It names steps and kinds and nothing that was typed.
func (v *visit) note(event, errorKind string) {
	v.events = append(v.events, store.ConnectEvent{ID: perch.NewID(), SessionID: v.row.ID, ApplicationID: v.row.ApplicationID, Step: v.row.Visit.Step,
		ProviderID: v.row.Visit.ProviderID, Event: event, ErrorKind: errorKind, At: v.Now()})
}

func (v *visit) fail(p *Problem) {
	v.problem = p
	v.note("problem", p.Kind)
}

// unseal opens the scratch. What has become void is forgotten.
func (v *visit) unseal(ctx context.Context) error {
	row := &v.row.Visit
	if len(row.Scratch) == 0 || !v.Now().Before(row.ScratchUntil) {
		row.Scratch, row.ScratchUntil = nil, time.Time{}
		return nil
	}
	keys, err := v.Keyring.Cipher(ctx, v.row.ID)
	if err != nil {
		return unforeseen("reading the visit's key", err)
	}
	plain, err := keys.Open(nil, row.Scratch, scratchPlace(v.row.ID))
	if err != nil {
		return unforeseen("opening what is in flight", err)
	}
	if err := json.Unmarshal(plain, &v.scratch); err != nil {
		return unforeseen("reading what is in flight", err)
	}
	return nil
}

func scratchPlace(session perch.ID) []byte { return append([]byte("connect/"), session[:]...) }

// seal puts the scratch into the row.
func (v *visit) seal(ctx context.Context) error {
	row := &v.row.Visit
	if v.scratch.empty() {
		row.Scratch, row.ScratchUntil = nil, time.Time{}
		return nil
	}
	plain, err := json.Marshal(v.scratch)
	if err != nil {
		return unforeseen("encoding what is in flight", err)
	}
	keys, err := v.Keyring.Create(ctx, v.row.ID)
	if err != nil {
		return unforeseen("making the visit's key", err)
	}
	row.Scratch, row.ScratchUntil = keys.Seal(nil, plain, scratchPlace(v.row.ID)), v.Now().Add(scratchLife)
	if v.scratch.Code != "" {
		row.ScratchUntil = v.Now().Add(codeInHand)
	}
	return nil
}

func (s *scratch) empty() bool {
	return len(s.Accounts) == 0 && s.Challenge == nil && s.Code == "" && s.Verifier == ""
}

// errStale means that the form is out of date: its turn was taken, or the link was opened again.
var errStale = errors.New("the form is out of date")

// save stores the visit and its events.
func (v *visit) save(ctx context.Context) error {
	if err := v.seal(ctx); err != nil {
		return err
	}
	return v.stale(v.Store.Tx(ctx, func(tx *sql.Tx) error { return v.saveIn(ctx, tx) }))
}

func (v *visit) saveIn(ctx context.Context, tx *sql.Tx) error {
	if err := v.Store.SaveVisit(ctx, tx, v.row.ID, v.row.Visit); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return errStale
		}
		return err
	}
	return v.record(ctx, tx)
}

// eventsPerSession bounds what one link can add to the funnel.
const eventsPerSession = 500

func (v *visit) record(ctx context.Context, tx *sql.Tx) error {
	if len(v.events) == 0 {
		return nil
	}
	if n, err := v.Store.CountConnectEvents(ctx, tx, v.app.ID, v.row.ID, ""); err != nil || n >= eventsPerSession {
		return err
	}
	for _, event := range v.events {
		if err := v.Store.InsertConnectEvent(ctx, tx, event); err != nil {
			return err
		}
	}
	return nil
}

func (v *visit) stale(err error) error {
	if err == nil || errors.Is(err, errStale) {
		return err
	}
	return unforeseen("storing the visit", err)
}
