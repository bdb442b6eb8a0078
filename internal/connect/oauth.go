package connect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

// authorize sends the employer to the provider's own page. Simulated providers have none: there the
// button is all it takes.
func (v *visit) authorize(ctx context.Context) error {
	if v.preview() {
		v.problem = previewOnly()
		return nil
	}
	_, connector := v.offer().authenticator(v.row.Visit.ProviderID)
	redirecting, ok := connector.(provider.OAuthAuthenticator)
	if v.offer().simulated() || !ok {
		return v.attempt(ctx, provider.Attempt{})
	}
	state, hash := access.NewSecret("")
	verifier, _ := access.NewSecret("")
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	page, err := redirecting.AuthorizeURL(ctx, v.row.Visit.ProviderID, v.CallbackURL, state, challenge)
	if err != nil {
		entry, _ := v.provider()
		problem, _ := v.explain(ctx, err, entry.DisplayName)
		v.fail(problem)
		return nil
	}
	v.scratch = scratch{Verifier: verifier, Secret: v.secret[:]}
	v.row.Visit.OAuthHash = hash
	v.note("left_for_provider", "")
	v.outcome = &Outcome{Kind: OutcomeNavigate, URL: page}
	return nil
}

// OAuthCallback goes on with the visit whose browser a provider sent back. state works once. code is
// what the provider sent; failure is its error code, such as access_denied.
func (s *Service) OAuthCallback(ctx context.Context, state, code, failure, remoteIP string) (View, error) {
	row, err := s.Store.ConnectSessionByOAuth(ctx, access.HashSecret(state))
	if errors.Is(err, store.ErrNotFound) || len(state) == 0 {
		return fatal(unknownSession()), nil
	}
	if err != nil {
		return View{}, unforeseen("reading the session", err)
	}
	v, err := s.load(ctx, row)
	if err != nil {
		return View{}, err
	}
	if problem := v.over(); problem != nil {
		return v.ended(problem), nil
	}
	if err := v.unseal(ctx); err != nil {
		return View{}, err
	}
	if v.step() != StepOAuth || len(v.scratch.Secret) != secretBytes {
		return v.ended(&Problem{Kind: problemStale, Title: "This took too long", Text: "Return to the window that you came from and try again.", Fatal: true}), nil
	}
	copy(v.secret[:], v.scratch.Secret)
	v.action.RemoteIP = remoteIP
	return v.turn(ctx, func() error { return v.returned(ctx, code, failure) })
}

func (v *visit) returned(ctx context.Context, code, failure string) error {
	verifier := v.scratch.Verifier
	v.row.Visit.OAuthHash, v.scratch = nil, scratch{}
	entry, _ := v.provider()
	switch {
	case failure == "access_denied":
		v.fail(&Problem{Kind: problemCancelled, Title: "You did not grant access", Text: "You can try again, or choose another way."})
		return nil
	case failure != "" || code == "" || len(code) > maxTyped:
		v.fail(&Problem{Kind: problemDown, Title: entry.DisplayName + " sent you back without an answer", Text: "Please try again."})
		return nil
	}
	return v.attempt(ctx, provider.Attempt{Code: code, Verifier: verifier, RedirectURI: v.CallbackURL})
}
