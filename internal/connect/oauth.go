package connect

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/provider"
)

// Signing in at a provider goes through a page of the provider, from where the browser comes back to
// the callback address. That address alone does nothing: a stranger could have sent the browser there,
// with an answer for a visit of their own. What the provider sent is taken from the page that began the
// sign-in and nobody else: only that page has the nonce, and state is bound to it. See
// internal/connectui for how the page gets the answer without a cookie.

// authorize sends the employer to the provider's own page. Simulated providers have none: there the
// button is all it takes.
func (v *visit) authorize(ctx context.Context) error {
	if v.preview() {
		v.problem = previewOnly()
		return nil
	}
	entry, _ := v.provider()
	_, connector := v.offer().authenticator(entry.ID)
	redirecting, ok := connector.(provider.OAuthAuthenticator)
	if v.offer().simulated() || !ok {
		return v.attempt(ctx, provider.Attempt{})
	}
	if !v.action.Scripted {
		v.fail(&Problem{Kind: problemScript, Title: "This way needs JavaScript", Text: "Switch it on in your browser to sign in at " + entry.DisplayName + ", or connect another way."})
		return nil
	}
	state, _ := access.NewSecret("")
	verifier, _ := access.NewSecret("")
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	page, err := redirecting.AuthorizeURL(ctx, entry.ID, v.CallbackURL, state, challenge)
	if err != nil {
		problem, _ := v.explain(ctx, err, entry.DisplayName)
		v.fail(problem)
		return nil
	}
	v.scratch = scratch{Verifier: verifier}
	v.row.Visit.OAuthHash = boundState(state, v.nonce)
	v.note("left_for_provider", "")
	v.outcome = &Outcome{Kind: OutcomeNavigate, URL: page, Proof: state}
	return nil
}

// boundState is the hash of a state that holds only together with the nonce of the page that waits for
// it.
func boundState(state, nonce string) []byte {
	sum := sha256.Sum256([]byte(state + "\x00" + nonce))
	return sum[:]
}

// returned goes on with what the provider sent: a code, or an error code such as access_denied. A state
// works once.
func (v *visit) returned(ctx context.Context) error {
	verifier, bound := v.scratch.Verifier, v.row.Visit.OAuthHash
	v.row.Visit.OAuthHash, v.scratch = nil, scratch{}
	entry, _ := v.provider()
	code, failure := v.value("code"), v.value("error")
	switch {
	case subtle.ConstantTimeCompare(bound, boundState(v.value("state"), v.action.Nonce)) != 1:
		v.fail(&Problem{Kind: problemStale, Title: "This sign-in was begun elsewhere", Text: "Nothing was connected. Please sign in once more from here."})
	case verifier == "":
		v.fail(&Problem{Kind: problemStale, Title: "This took too long", Text: "Please sign in once more."})
	case failure == "access_denied":
		v.fail(&Problem{Kind: problemCancelled, Title: "You did not grant access", Text: "You can try again, or choose another way."})
	case failure != "" || code == "" || len(code) > maxTyped:
		v.fail(&Problem{Kind: problemDown, Title: entry.DisplayName + " sent you back without an answer", Text: "Please try again."})
	default:
		return v.attempt(ctx, provider.Attempt{Code: code, Verifier: verifier, RedirectURI: v.CallbackURL})
	}
	return nil
}
