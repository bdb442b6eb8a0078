package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
)

// vault is a Vault in memory.
type vault struct {
	lock     sync.Mutex // held during an Update
	mu       sync.Mutex
	settings []byte
}

func (v *vault) Settings(context.Context) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.settings, nil
}

func (v *vault) Update(ctx context.Context, fn func(context.Context, []byte) ([]byte, error)) error {
	v.lock.Lock()
	defer v.lock.Unlock()
	current, _ := v.Settings(ctx)
	next, err := fn(ctx, current)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.settings = next
	return nil
}

func tokensOf(v *vault, now func() time.Time, fetch func(context.Context, string) (Token, error)) *Tokens {
	return &Tokens{
		Vault: v, Now: now, Fetch: fetch,
		Token: func(settings []byte) (t Token, err error) { return t, json.Unmarshal(settings, &t) },
		Keep:  func(_ []byte, t Token) ([]byte, error) { return json.Marshal(t) },
	}
}

// rotating is a token endpoint whose refresh tokens work once.
type rotating struct {
	mu      sync.Mutex
	number  int
	now     func() time.Time
	refused int
}

func (r *rotating) fetch(_ context.Context, refresh string) (Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if refresh != fmt.Sprintf("refresh-%d", r.number) {
		r.refused++
		return Token{}, perch.ErrReauthenticate
	}
	r.number++
	return Token{Access: fmt.Sprintf("access-%d", r.number), Refresh: fmt.Sprintf("refresh-%d", r.number), Expires: r.now().Add(2 * time.Hour)}, nil
}

func TestARotatingRefreshTokenIsNeverUsedTwice(t *testing.T) {
	t.Parallel()
	c := newClock()
	endpoint := &rotating{now: c.Now}
	v := &vault{settings: []byte(`{"access_token":"access-0","refresh_token":"refresh-0","expires":"2026-01-02T03:00:00Z"}`)}
	var processes []*Tokens
	for range 8 {
		processes = append(processes, tokensOf(v, c.Now, endpoint.fetch))
	}
	for round := range 5 {
		var all sync.WaitGroup
		for _, tokens := range processes {
			all.Go(func() {
				r, _ := http.NewRequest("GET", "http://example.test/", nil)
				if err := tokens.Sign(t.Context(), r); err != nil {
					t.Error(err)
				}
				if got, want := r.Header.Get("Authorization"), fmt.Sprintf("Bearer access-%d", round+1); got != want {
					t.Errorf("signed with %q, want %q", got, want)
				}
			})
		}
		all.Wait()
		_ = c.Sleep(t.Context(), 2*time.Hour)
	}
	if endpoint.number != 5 || endpoint.refused != 0 {
		t.Errorf("%d refreshes, %d of a token that was used before", endpoint.number, endpoint.refused)
	}
}

func TestRenewTakesTheTokenThatAnotherProcessGot(t *testing.T) {
	t.Parallel()
	c := newClock()
	endpoint := &rotating{now: c.Now}
	v := &vault{settings: []byte(`{"access_token":"access-0","refresh_token":"refresh-0","expires":"2026-01-03T00:00:00Z"}`)}
	one, other := tokensOf(v, c.Now, endpoint.fetch), tokensOf(v, c.Now, endpoint.fetch)
	r, _ := http.NewRequest("GET", "http://example.test/", nil)
	for _, tokens := range []*Tokens{one, other} {
		if err := tokens.Sign(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, tokens := range []*Tokens{one, other} {
		if err := tokens.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if endpoint.number != 1 {
		t.Errorf("%d refreshes for one token that was revoked", endpoint.number)
	}
}

func TestARefusedRefreshKeepsTheSettings(t *testing.T) {
	t.Parallel()
	c := newClock()
	const before = `{"access_token":"a","refresh_token":"r"}`
	v := &vault{settings: []byte(before)}
	tokens := tokensOf(v, c.Now, func(context.Context, string) (Token, error) { return Token{}, perch.ErrReauthenticate })
	if err := tokens.Renew(t.Context()); !errors.Is(err, perch.ErrReauthenticate) || string(v.settings) != before {
		t.Errorf("%v, settings %s", err, v.settings)
	}
}

func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		c, clock := setup(t, func(w http.ResponseWriter, r *http.Request) {
			values := url.Values{}
			if asJSON {
				var flat map[string]string
				if err := json.NewDecoder(r.Body).Decode(&flat); err != nil {
					t.Error(err)
				}
				for name, value := range flat {
					values.Set(name, value)
				}
			} else if err := r.ParseForm(); err != nil {
				t.Error(err)
			} else {
				values = r.PostForm
			}
			if values.Get("client_secret") != "s" || values.Get("code") == "bad" {
				w.WriteHeader(400)
				fmt.Fprint(w, `{"error":"invalid_grant"}`)
				return
			}
			fmt.Fprint(w, `{"access_token":"a","refresh_token":"r","expires_in":7200,"token_type":"bearer"}`)
		})
		endpoint := Endpoint{Client: c, Path: "/oauth/token", JSON: asJSON, Parameters: url.Values{"client_secret": {"s"}}, Now: clock.Now}
		token, err := endpoint.Exchange(t.Context(), url.Values{"code": {"good"}})
		if err != nil || token.Access != "a" || token.Refresh != "r" || !token.Expires.Equal(clock.Now().Add(2*time.Hour)) {
			t.Errorf("json %v: %+v, %v", asJSON, token, err)
		}
		if _, err := endpoint.Exchange(t.Context(), url.Values{"code": {"bad"}}); !errors.Is(err, perch.ErrReauthenticate) || strings.Contains(err.Error(), "bad") {
			t.Errorf("json %v: a refused code ended with %v", asJSON, err)
		}
	}
}
