package connect

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
)

// Open begins a visit at its first screen, whatever was done before by the same link. What an
// employer can mend or read comes back as a View with a Problem; an error is unforeseen.
func (s *Service) Open(ctx context.Context, r OpenRequest) (View, error) {
	row, problem, err := s.find(ctx, r)
	if err != nil {
		return View{}, err
	}
	if problem != nil {
		return fatal(problem), nil
	}
	v, err := s.load(ctx, row)
	if err != nil {
		return View{}, err
	}
	hosted := v.host(r)
	if problem := v.over(); problem != nil {
		if hosted != nil {
			v.row.Visit.HostOrigin = ""
		}
		return v.ended(ctx, problem)
	}
	if hosted != nil { // a browser does not show the page where it may not be framed, so the log says why
		origin, _ := access.Origin(r.HostURL)
		v.Log.InfoContext(ctx, "connect: refused to open", "application_id", v.app.ID, "reason", hosted.Text, "origin", origin)
		v.row.Visit.HostOrigin = ""
		return v.ended(ctx, hosted)
	}
	if len(r.State) > maxStateBytes {
		return v.ended(ctx, linkProblem("its state is too long"))
	}
	if !printable(r.State) {
		return v.ended(ctx, linkProblem("its state must be text without control characters"))
	}
	v.row.Visit.State = r.State
	if err := v.restart(ctx); err != nil {
		if errors.Is(err, store.ErrNotFound) { // it was finished at this moment
			v.row.Visit.Status = statusFinished
			return v.ended(ctx, v.over())
		}
		return View{}, err
	}
	if err := s.Store.DropScratch(ctx, s.Now(), forgetAbandonedAtOnce); err != nil {
		return View{}, unforeseen("forgetting abandoned visits", err)
	}
	return v.show(ctx)
}

// restart puts the visit back to consent; forms from before are a stranger's from now on. A connection
// that the session made is remembered, so that going through it again leads to the same one.
func (v *visit) restart(ctx context.Context) (err error) {
	old := v.row.Visit
	nonce, hash := newNonce()
	v.nonce, v.scratch = nonce, scratch{}
	v.row.Visit = store.Visit{Status: statusOpen, Step: string(StepConsent), HostOrigin: old.HostOrigin, State: old.State, Nonces: hash,
		Attempts: old.Attempts, MadeConnection: old.MadeConnection, MadeEntities: old.MadeEntities, MadeAt: old.MadeAt}
	if v.row.Visit.Turn, err = v.Store.RestartVisit(ctx, v.row.ID, v.row.Visit); err != nil {
		return err
	}
	v.note("opened", "")
	err = v.Store.Tx(ctx, func(tx *sql.Tx) error { return v.record(ctx, tx) })
	v.events = nil
	return err
}

// host decides who may receive the code. A page that embeds Connect counts only if the application
// allows its origin.
func (v *visit) host(r OpenRequest) *Problem {
	v.row.Visit.HostOrigin = ""
	if r.Embedded || r.HostURL != "" {
		origin, ok := access.Origin(r.HostURL)
		if !ok || !v.settings.HostAllowed(v.app.Type, origin) {
			return &Problem{Kind: problemHost, Fatal: true, Title: "This page may not show Connect",
				Text: "The site that opened it is not among the allowed origins of the application."}
		}
		v.row.Visit.HostOrigin = origin
		return nil
	}
	switch {
	case v.preview(), v.row.RedirectURI != "" && v.settings.RedirectAllowed(v.app.Type, v.row.RedirectURI):
		return nil
	case v.row.RedirectURI != "":
		return &Problem{Kind: problemHost, Fatal: true, Title: "This link can no longer be used", Text: "The address that it leads back to is not registered for the application."}
	}
	return &Problem{Kind: problemHost, Fatal: true, Title: "This link works inside the application only",
		Text: "It has no address to lead back to. Open it from the application that gave it to you."}
}

// find returns the session of a link, or makes one for links that carry their own parameters.
func (s *Service) find(ctx context.Context, r OpenRequest) (store.ConnectSession, *Problem, error) {
	if r.SessionID == "" && r.ClientID != "" {
		return s.fromLink(ctx, r)
	}
	row, err := s.session(ctx, r.SessionID)
	if errors.Is(err, store.ErrNotFound) {
		return row, unknownSession(), nil
	}
	return row, nil, err
}

func (s *Service) session(ctx context.Context, id string) (store.ConnectSession, error) {
	parsed, err := perch.ParseID(id)
	if err != nil {
		return store.ConnectSession{}, store.ErrNotFound
	}
	row, err := s.Store.ConnectSession(ctx, parsed)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return row, unforeseen("reading the session", err)
	}
	return row, err
}

// fromLink makes a session from a legacy link or a preview.
func (s *Service) fromLink(ctx context.Context, r OpenRequest) (store.ConnectSession, *Problem, error) {
	row := store.ConnectSession{ID: perch.NewID(), Kind: kindLegacy, Manual: r.Manual, CreatedAt: s.Now(), ExpiresAt: s.Now().Add(legacyLife)}
	if r.Preview {
		row.Kind = kindPreview
	}
	if place, _, err := s.take(ctx, "connect_open", r.RemoteIP, opensPerAddress); err != nil || !place.OK {
		problem := tooMany(place.RetryAfter)
		problem.Fatal = true
		return row, problem, err
	}
	id, err := perch.ParseID(r.ClientID)
	if err != nil {
		return row, linkProblem("its client_id is not known"), nil
	}
	app, _, err := s.Store.Application(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return row, linkProblem("its client_id is not known"), nil
	}
	if err != nil {
		return row, nil, unforeseen("reading the application", err)
	}
	row.ApplicationID = app.ID
	if problem, err := s.fillFromLink(ctx, &row, &app, r); problem != nil || err != nil {
		return row, problem, err
	}
	if _, err = s.insert(ctx, row); err != nil {
		return row, nil, unforeseen("storing the session", err)
	}
	row, err = s.Store.ConnectSession(ctx, row.ID)
	return row, nil, err
}

// fillFromLink checks what a link asks for. Nothing is sent back to a redirect URI that did not pass.
func (s *Service) fillFromLink(ctx context.Context, row *store.ConnectSession, app *access.Application, r OpenRequest) (*Problem, error) {
	settings, err := s.Store.ApplicationSettings(ctx, app.ID)
	if err != nil {
		return nil, unforeseen("reading the application's settings", err)
	}
	if r.Category != "" && r.Category != "hris" {
		return linkProblem("its category is not known"), nil
	}
	var asked []perch.Product
	for _, word := range strings.FieldsFunc(r.Products, func(c rune) bool { return c == ' ' || c == ',' || c == '+' }) {
		asked = append(asked, perch.Product(word))
	}
	if row.Sandbox, err = checkSandbox(app, r.Sandbox); err != nil {
		return linkProblem(wording(err)), nil
	}
	if !r.Embedded && r.HostURL == "" && !r.Preview { // embedded pages get a message, no redirect
		if err := checkRedirect(app, settings, r.RedirectURI); err != nil {
			return linkProblem(wording(err)), nil
		}
		row.RedirectURI = r.RedirectURI
	}
	if r.ConnectionID != "" && !r.Preview {
		return s.targetFromLink(ctx, app, row, r, asked)
	}
	if row.Products, err = checkProducts(asked, ""); err != nil {
		return linkProblem(wording(err)), nil
	}
	if err := s.checkIntegration(row, settings, r.PayrollProvider, ""); err != nil {
		return linkProblem(wording(err)), nil
	}
	return nil, nil
}

func (s *Service) targetFromLink(ctx context.Context, app *access.Application, row *store.ConnectSession, r OpenRequest, asked []perch.Product) (*Problem, error) {
	if len(asked) > 0 {
		var err error
		if row.Products, err = checkProducts(asked, ""); err != nil {
			return linkProblem(wording(err)), nil
		}
	}
	id, err := perch.ParseID(r.ConnectionID)
	if err == nil {
		err = s.target(ctx, app, row, id)
	}
	if err != nil && (errors.Is(err, store.ErrNotFound) || errors.Is(err, perch.ErrInvalidID)) {
		return linkProblem("its connection_id is not known"), nil
	}
	if err != nil {
		return nil, unforeseen("reading the connection", err)
	}
	return nil, nil
}

// wording is what a validation error says.
func wording(err error) string {
	var known *perch.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return "it cannot be read"
}

// Limits by address within limitWindow.
const (
	limitWindow         = 5 * time.Minute
	attemptsPerAddress  = 10
	opensPerAddress     = 60
	attemptsPerSession  = 20
	maxAccountsSelected = 200
)

// fatal is a page about a link that leads to no application.
func fatal(p *Problem) View { return View{Step: StepConsent, Problem: p} }

// ended is a page about a session that does not go on. The funnel has it, and a host page that is allowed
// is told.
func (v *visit) ended(ctx context.Context, p *Problem) (View, error) {
	v.events = nil // the step that they belong to was not taken
	v.note("problem", p.Kind)
	if err := v.Store.Tx(ctx, func(tx *sql.Tx) error { return v.record(ctx, tx) }); err != nil {
		return View{}, unforeseen("recording the visit", err)
	}
	view := v.frame()
	view.Problem = p
	if view.Embedded && (p.Kind == problemExpired || p.Kind == problemUsed) {
		view.Outcome = &Outcome{Kind: OutcomeError, Message: p.Title, ErrorType: errorValidation, State: v.row.Visit.State}
	}
	if p.Kind == problemUsed { // the host page must not take it that nobody connected
		view.OnClose = &Outcome{Kind: OutcomeError, Message: p.Title, ErrorType: errorValidation, ShouldClose: true}
	}
	return view, nil
}
