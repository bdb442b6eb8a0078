package connect

import (
	"context"
	"errors"
	"slices"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider/catalog"
)

// Do does one thing and returns the screen that follows. A form that is out of date changes nothing
// and shows where the visit stands; a form of no visit at all begins a new one.
func (s *Service) Do(ctx context.Context, a Action) (View, error) {
	row, err := s.session(ctx, a.SessionID)
	if errors.Is(err, store.ErrNotFound) {
		return fatal(unknownSession()), nil
	}
	if err != nil {
		return View{}, err
	}
	v, err := s.load(ctx, row)
	if err != nil {
		return View{}, err
	}
	v.action = a
	// What the application allows may have changed since the link was opened.
	if problem := v.host(OpenRequest{HostURL: row.Visit.HostOrigin}); problem != nil && len(row.Visit.Nonces) > 0 {
		return v.ended(ctx, problem)
	}
	if row.Visit.Status == statusFinished {
		return v.handAgain(ctx)
	}
	if problem := v.over(); problem != nil {
		return v.ended(ctx, problem)
	}
	switch now := row.Visit; {
	case len(now.Nonces) == 0:
		return v.ended(ctx, unknownSession()) // nobody opened the link, so nobody was checked
	case among(now.Spent, a.Nonce):
		return v.showStale(ctx)
	case !among(now.Nonces, a.Nonce):
		return v.startOver(ctx)
	}
	if a.Verb == VerbRefresh && v.step() != StepProgress { // it only asks, and must not disturb an answer that is on its way
		if err := v.unseal(ctx); err != nil {
			return View{}, err
		}
		v.nonce = a.Nonce // it is not used up
		return v.show(ctx)
	}
	return v.turn(ctx, func() error { return v.act(ctx) })
}

// turn claims the visit's turn, does something and stores the outcome.
func (v *visit) turn(ctx context.Context, do func() error) (View, error) {
	nonce, hash := newNonce()
	if err := v.Store.ClaimVisit(ctx, v.row.ID, v.row.Visit.Turn, hash); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return v.showStale(ctx)
		}
		return View{}, unforeseen("taking the turn", err)
	}
	v.row.Visit.Turn++
	v.nonce = nonce
	err := v.unseal(ctx)
	if err == nil {
		err = do()
	}
	if err == nil && !v.finished {
		err = v.save(ctx)
	}
	if errors.Is(err, errStale) {
		return v.ended(ctx, movedOn())
	}
	if err != nil {
		return View{}, err
	}
	return v.show(ctx)
}

// showTries bounds how often showing a step starts over because the visit moves on meanwhile.
const showTries = 5

// showStale answers a form that was used already, as happens when its answer was lost or a button was
// pressed twice: it does nothing and shows where the visit stands, under a nonce of its own.
func (v *visit) showStale(ctx context.Context) (View, error) {
	for range showTries {
		row, err := v.Store.ConnectSession(ctx, v.row.ID)
		if err != nil {
			return View{}, unforeseen("reading the session", err)
		}
		v.row, v.scratch, v.outcome, v.faults = row, scratch{}, nil, nil
		if row.Visit.Status == statusFinished {
			return v.handAgain(ctx)
		}
		if problem := v.over(); problem != nil {
			return v.ended(ctx, problem)
		}
		if !among(row.Visit.Spent, v.action.Nonce) {
			return v.ended(ctx, movedOn())
		}
		nonce, hash := newNonce()
		err = v.Store.AddNonce(ctx, row.ID, row.Visit.Turn, row.Visit.Nonces, withNonce(row.Visit.Nonces, hash))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return View{}, unforeseen("showing the step again", err)
		}
		if err := v.unseal(ctx); err != nil {
			return View{}, err
		}
		if v.nonce, v.problem = nonce, outOfDate(); v.action.Verb == VerbRefresh {
			v.problem = nil // the page only asks how things are
		}
		return v.show(ctx)
	}
	return View{}, unforeseen("showing the step again", errors.New("the visit kept moving on"))
}

// startOver answers a form that belongs to no visit, as opening the link does.
func (v *visit) startOver(ctx context.Context) (View, error) {
	if err := v.restart(ctx); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			v.row.Visit.Status = statusFinished
			return v.ended(ctx, v.over())
		}
		return View{}, unforeseen("starting over", err)
	}
	v.problem = outOfDate()
	return v.show(ctx)
}

// act dispatches by verb, then by step. What does not fit the step leaves everything as it is.
func (v *visit) act(ctx context.Context) error {
	v.faults = nil
	switch v.action.Verb {
	case VerbClose:
		return v.leave(ctx)
	case VerbBack:
		v.back()
		return nil
	case VerbAnotherWay:
		v.anotherWay()
		return nil
	}
	switch on := v.step(); {
	case on == StepConsent && v.action.Verb == VerbAgree:
		v.agree()
	case on == StepProvider && v.action.Verb == VerbChoose:
		v.chooseProvider(v.value("provider"), false)
	case on == StepProvider && v.action.Verb == VerbRequest:
		return v.requestProvider(ctx)
	case on == StepMethod && v.action.Verb == VerbChoose:
		v.chooseMethod(perch.AuthenticationType(v.value("method")))
	case on == StepCredentials && v.action.Verb == VerbSubmit:
		return v.submitCredentials(ctx)
	case on == StepMFA && v.action.Verb == VerbSubmit:
		return v.submitChallenge(ctx)
	case on == StepOAuth && v.action.Verb == VerbAuthorize:
		return v.authorize(ctx)
	case on == StepOAuth && v.action.Verb == VerbReturn:
		return v.returned(ctx)
	case on == StepAssisted && v.action.Verb == VerbConfirm:
		return v.confirm(ctx)
	case on == StepAccounts && v.action.Verb == VerbChoose:
		return v.chooseAccounts(ctx)
	case on == StepProgress && v.action.Verb == VerbRefresh:
		return v.progress(ctx)
	case (on == StepDone || on == StepProgress) && v.action.Verb == VerbFinish:
		return v.finish(ctx)
	default:
		v.problem = outOfDate()
	}
	return nil
}

func (v *visit) value(name string) string {
	if values := v.action.Values[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// leave ends the visit without a connection. Once there is one, leaving hands the code over: the
// employer has agreed and connected, and the application must learn of it.
func (v *visit) leave(ctx context.Context) error {
	if v.step() == StepDone || v.step() == StepProgress {
		return v.finish(ctx)
	}
	if !v.embedded() && v.row.RedirectURI == "" {
		v.problem = previewOnly() // there is nowhere to go back to
		return nil
	}
	made, err := v.made(ctx)
	if err != nil {
		return err
	}
	v.note("closed", "")
	v.scratch = scratch{}
	row := &v.row.Visit
	row.Step, row.ProviderID, row.Method, row.OAuthHash = string(StepConsent), "", "", nil
	if v.outcome = v.closed(); made {
		v.outcome = v.unfinished()
	}
	return nil
}

// made reports whether this session made a connection that is still there, before its link was opened
// again. Who has only the link gets no code for it, but the application must not take it that nobody
// connected.
func (v *visit) made(ctx context.Context) (bool, error) {
	if v.row.Visit.MadeConnection.IsZero() {
		return false, nil
	}
	_, err := v.Store.LiveConnection(ctx, v.app.ID, v.row.Visit.MadeConnection)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unforeseen("reading the connection", err)
	}
	return true, nil
}

// agree goes on to the providers, or past them where the application or the connection has chosen.
func (v *visit) agree() {
	v.note("agreed", "")
	if v.row.Integration != "" {
		v.chooseProvider(v.row.Integration, true)
		return
	}
	v.goTo(StepProvider)
}

func (v *visit) chooseProvider(id string, chosen bool) {
	entry, ok := v.catalog.Provider(id)
	if !ok || !chosen && !v.offer().listed(entry) {
		v.fail(&Problem{Kind: problemUnknown, Title: "Choose a provider from the list", Text: "If yours is not there, ask for it below the list."})
		return
	}
	v.row.Visit.ProviderID, v.row.Visit.Failures = entry.ID, 0
	v.note("chose_provider", "")
	methods := v.methods(entry)
	switch {
	case len(methods) == 0:
		v.fail(&Problem{Kind: problemUnknown, Title: entry.DisplayName + " cannot be connected at present", Text: "Ask the application for another way."})
	case v.row.AuthMethod != "":
		v.enter(v.row.AuthMethod)
	case v.settings.AskMethod && len(methods) > 1:
		v.goTo(StepMethod)
	default:
		v.enter(methods[0])
	}
}

// methods lists the ways to connect the provider. Assisted is among them after too many refused
// credentials, if the application has that enabled.
func (v *visit) methods(entry catalog.Entry) []perch.AuthenticationType {
	fallback := v.fallback(entry)
	assisted := v.row.AuthMethod == perch.AuthAssisted || v.row.Integration != "" && v.offer().assistedOnly(entry) || fallback
	return v.offer().methods(entry, assisted, fallback)
}

// fallback reports whether too many credentials were refused, where an application has that enabled.
func (v *visit) fallback(entry catalog.Entry) bool {
	return v.settings.FallbackEnabled && v.row.Visit.Failures >= fallbackAfter(entry.ID)
}

func (v *visit) chooseMethod(m perch.AuthenticationType) {
	entry, ok := v.provider()
	if !ok || !slices.Contains(v.methods(entry), m) {
		v.fail(&Problem{Kind: problemUnknown, Title: "Choose one of the ways", Text: "The one that was sent is not offered."})
		return
	}
	v.enter(m)
}

func (v *visit) enter(m perch.AuthenticationType) {
	v.row.Visit.Method, v.row.Visit.OAuthHash, v.scratch = m, nil, scratch{}
	switch m {
	case perch.AuthOAuth:
		v.goTo(StepOAuth)
	case perch.AuthAssisted:
		v.goTo(StepAssisted)
	default:
		v.goTo(StepCredentials)
	}
}

// anotherWay changes the method; without one named, it shows the choice.
func (v *visit) anotherWay() {
	switch v.step() {
	case StepCredentials, StepOAuth, StepAssisted:
	default:
		v.problem = outOfDate()
		return
	}
	if m := v.value("method"); m != "" {
		v.chooseMethod(perch.AuthenticationType(m))
		return
	}
	v.goTo(StepMethod)
}

func (v *visit) back() {
	if !v.canGoBack() {
		v.problem = outOfDate()
		return
	}
	entry, _ := v.provider()
	switch v.step() {
	case StepMFA, StepAccounts:
		v.enter(v.row.Visit.Method)
	case StepProvider:
		v.goTo(StepConsent)
	case StepCredentials, StepOAuth, StepAssisted:
		if v.settings.AskMethod && v.row.AuthMethod == "" && len(v.methods(entry)) > 1 {
			v.goTo(StepMethod)
			return
		}
		v.beforeProvider()
	default:
		v.beforeProvider()
	}
}

func (v *visit) beforeProvider() {
	v.row.Visit.OAuthHash, v.scratch = nil, scratch{}
	if v.row.Integration != "" {
		v.goTo(StepConsent)
		return
	}
	v.goTo(StepProvider)
}

func (v *visit) canGoBack() bool {
	switch v.step() {
	case StepConsent, StepProgress, StepDone:
		return false
	}
	return true
}
