package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// Token is what a provider's token endpoint gave. It is part of an account's sealed settings.
type Token struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token,omitempty"`
	// Expires is when Access stops working; zero where the provider does not say.
	Expires time.Time `json:"expires,omitzero"`
}

// early is how long before its end a token is renewed.
const early = time.Minute

// Tokens signs requests with an access token and renews it. One value serves one account; several processes may
// hold one each, as long as they share the Vault.
type Tokens struct {
	// Vault holds the settings that the token is part of. Without one the token lives in this value
	// alone, as suits tokens that can be fetched anew at any time.
	Vault provider.Vault
	// Token finds the token in settings, Keep puts another in. Both are required with a Vault.
	Token func(settings []byte) (Token, error)
	Keep  func(settings []byte, t Token) ([]byte, error)
	// Fetch gets the next token. With a Vault, a refresh token is passed to it once only, whatever the number of
	// processes.
	Fetch func(ctx context.Context, refresh string) (Token, error)
	// Now tells the time.
	Now func() time.Time

	mu     sync.Mutex
	loaded bool
	token  Token
}

// Sign implements the Sign of a Client.
func (t *Tokens) Sign(ctx context.Context, r *http.Request) error {
	token, err := t.current(ctx)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// current returns an access token that has not run out.
func (t *Tokens) current(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(ctx); err != nil {
		return "", err
	}
	if t.token.Access == "" || !t.token.Expires.IsZero() && t.Now().Add(early).After(t.token.Expires) {
		if err := t.renew(ctx); err != nil {
			return "", err
		}
	}
	return t.token.Access, nil
}

func (t *Tokens) load(ctx context.Context) error {
	if t.loaded || t.Vault == nil {
		return nil
	}
	settings, err := t.Vault.Settings(ctx)
	if err != nil {
		return err
	}
	t.token, err = t.Token(settings)
	t.loaded = err == nil
	return err
}

// Renew implements the Renew of a Client.
func (t *Tokens) Renew(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(ctx); err != nil {
		return err
	}
	return t.renew(ctx)
}

// renew replaces the token in hand. Where another process has replaced it already, it takes that one.
func (t *Tokens) renew(ctx context.Context) error {
	if t.Vault == nil {
		next, err := t.Fetch(ctx, t.token.Refresh)
		if err == nil {
			t.token = next
		}
		return err
	}
	return t.Vault.Update(ctx, func(ctx context.Context, settings []byte) ([]byte, error) {
		stored, err := t.Token(settings)
		if err != nil {
			return nil, err
		}
		if stored.Access != t.token.Access && stored.Access != "" {
			t.token = stored
			return settings, nil
		}
		next, err := t.Fetch(ctx, stored.Refresh)
		if err != nil {
			return nil, err
		}
		if next.Refresh == "" {
			next.Refresh = stored.Refresh // a provider that does not rotate need not repeat it
		}
		t.token = next
		return t.Keep(settings, next)
	})
}

// Endpoint is a provider's OAuth token endpoint.
type Endpoint struct {
	// Client reaches it. Its Sign is nil, or adds the client's own credentials.
	Client *Client
	Path   string
	// JSON sends parameters as JSON instead of a form.
	JSON bool
	// Parameters are sent with every request, such as client_id and client_secret.
	Parameters url.Values
	Now        func() time.Time
}

// Exchange makes a token request with further parameters, such as grant_type. A refused grant
// matches perch.ErrReauthenticate.
func (e Endpoint) Exchange(ctx context.Context, parameters url.Values) (Token, error) {
	all := url.Values{}
	for _, set := range []url.Values{e.Parameters, parameters} {
		for name, values := range set {
			all[name] = values
		}
	}
	call := Call{Method: http.MethodPost, Path: e.Path}
	if e.JSON {
		flat := map[string]string{}
		for name := range all {
			flat[name] = all.Get(name)
		}
		call.Body = flat
	} else {
		call.Form = all
	}
	granted, _, err := Send[granted](ctx, e.Client, call)
	if errors.Is(err, ErrRefused) {
		return Token{}, errors.Join(perch.ErrReauthenticate, err) // invalid_grant is a 400
	}
	if err != nil {
		return Token{}, err
	}
	return granted.token(e.Now())
}

// granted is the answer of a token endpoint (RFC 6749, 5.1).
type granted struct {
	Access  string      `json:"access_token"`
	Refresh string      `json:"refresh_token"`
	Expires json.Number `json:"expires_in"`
}

func (g granted) token(now time.Time) (Token, error) {
	if g.Access == "" {
		return Token{}, &provider.Broken{What: "its token endpoint sent no access token"}
	}
	t := Token{Access: g.Access, Refresh: g.Refresh}
	if seconds, err := g.Expires.Int64(); err == nil && seconds > 0 {
		t.Expires = now.Add(time.Duration(min(seconds, int64(longestToken/time.Second))) * time.Second)
	}
	return t, nil
}

// longestToken is the longest life of a token that is believed.
const longestToken = 10 * 365 * 24 * time.Hour
