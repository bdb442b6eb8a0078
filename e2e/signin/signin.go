package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
	"github.com/perchhq/perch/provider/sandbox"
)

// ProviderID is the provider of the catalogue whose place this one takes.
const ProviderID = "bamboo_hr"

// Provider is the provider's side: a page that asks, and an endpoint that gives tokens.
type Provider struct {
	// Company is the id of the company that everyone who signs in opens.
	Company string

	mu       sync.Mutex
	issued   map[string]grant
	tokens   map[string]bool
	isolated bool
}

type grant struct{ challenge, redirectURI string }

// Mount adds the provider's addresses, /provider and /provider/token.
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /provider", p.ask)
	mux.HandleFunc("GET /provider/allow", p.allow)
	mux.HandleFunc("POST /provider/token", p.token)
}

// The page asks whether the application may read; its links go back.
var page = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>The provider</title><link rel="icon" href="data:,">
<p><a href="{{.Allow}}">Allow</a> <a href="{{.Deny}}">Deny</a></p></html>`))

func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	isolated := p.isolated
	p.mu.Unlock()
	if isolated {
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]string{
		"Allow": "/provider/allow?" + r.URL.RawQuery,
		"Deny":  q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, "error": {"access_denied"}}.Encode(),
	})
}

func (p *Provider) allow(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"state": {q.Get("state")}, "code": {p.Grant(r.URL)}}.Encode(), http.StatusSeeOther)
}

// Grant is what pressing Allow does: it returns a code for the page at the address.
func (p *Provider) Grant(address *url.URL) string {
	q := address.Query()
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issued == nil {
		p.issued, p.tokens = map[string]grant{}, map[string]bool{}
	}
	p.issued[code] = grant{q.Get("code_challenge"), q.Get("redirect_uri")}
	return code
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.issued[code]
	delete(p.issued, code)
	if !ok || g.challenge == "" || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || g.redirectURI != r.FormValue("redirect_uri") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	token := rand.Text()
	p.tokens[token] = true
	_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token, "company": p.Company})
}

// Isolate makes the page cut itself off from the window that opened it, as those of some providers do.
func (p *Provider) Isolate(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isolated = on
}

// Tokens is how many tokens were given.
func (p *Provider) Tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tokens)
}

// Connector signs employers in at the provider and reads simulated records.
type Connector struct {
	sandbox.Connector
	// Address is where the provider is, without a slash at the end.
	Address string
}

// Name implements provider.Connector.
func (Connector) Name() string { return ProviderID }

// Methods implements provider.Authenticator.
func (Connector) Methods(string) []perch.AuthenticationType {
	return []perch.AuthenticationType{perch.AuthOAuth}
}

// AuthorizeURL implements provider.OAuthAuthenticator.
func (c Connector) AuthorizeURL(_ context.Context, _, redirectURI, state, challenge string) (string, error) {
	return c.Address + "/provider?" + url.Values{"redirect_uri": {redirectURI}, "state": {state}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}.Encode(), nil
}

// Authenticate implements provider.Authenticator: it exchanges the code.
func (c Connector) Authenticate(ctx context.Context, a provider.Attempt) (provider.Authentication, error) {
	form := url.Values{"code": {a.Code}, "code_verifier": {a.Verifier}, "redirect_uri": {a.RedirectURI}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Address+"/provider/token", strings.NewReader(form))
	if err != nil {
		return provider.Authentication{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return provider.Authentication{}, errors.Join(provider.ErrUnavailable, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return provider.Authentication{}, &provider.Refused{Message: "Sign in again."}
	}
	var given struct{ Company string }
	if err := json.NewDecoder(answer.Body).Decode(&given); err != nil {
		return provider.Authentication{}, fmt.Errorf("reading the token: %w", err)
	}
	simulated, err := c.Connector.Authenticate(ctx, a)
	if err == nil && given.Company != "" {
		simulated.Accounts[0].Key = given.Company
	}
	return simulated, err
}
