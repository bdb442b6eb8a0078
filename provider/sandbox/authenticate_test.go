package sandbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

func attempt(method perch.AuthenticationType, values map[string]string) provider.Attempt {
	return provider.Attempt{ProviderID: "gusto", Method: method, Values: values, Subject: "someone",
		Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }}
}

func TestTheSimulatedLoginKnowsTheDocumentedCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		method    perch.AuthenticationType
		values    map[string]string
		accounts  int
		challenge bool
	}{
		{"a good password", perch.AuthCredential, map[string]string{"username": "good_user", "password": "good_pass"}, 1, false},
		{"a second factor", perch.AuthCredential, map[string]string{"username": "good_user", "password": "mfa"}, 0, true},
		{"several accounts", perch.AuthCredential, map[string]string{"username": "good_user", "password": "account_selection"}, 3, false},
		{"both", perch.AuthCredential, map[string]string{"username": "good_user", "password": "mfa_account_selection"}, 0, true},
		{"another user", perch.AuthCredential, map[string]string{"username": "bad_user", "password": "good_pass"}, 0, false},
		{"a good token", perch.AuthAPIToken, map[string]string{"api_token": "good_token"}, 1, false},
		{"another token", perch.AuthAPIToken, map[string]string{"api_token": "GOOD_TOKEN"}, 0, false},
		{"a good client", perch.AuthAPICredential, map[string]string{"client_id": "good_user", "client_secret": "good_pass"}, 1, false},
		{"a client with the password of a user", perch.AuthAPICredential, map[string]string{"client_id": "good_user", "client_secret": "mfa"}, 0, false},
		{"OAuth", perch.AuthOAuth, nil, 1, false},
	} {
		got, err := Connector{}.Authenticate(t.Context(), attempt(c.method, c.values))
		if (got.Challenge != nil) != c.challenge || len(got.Accounts) != c.accounts {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
		if refused := !c.challenge && c.accounts == 0; refused != errors.Is(err, perch.ErrReauthenticate) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, account := range got.Accounts {
			if _, err := Decode(account.Settings); err != nil || account.Key == "" || account.Name == "" {
				t.Errorf("%s: account %+v: %v", c.name, account, err)
			}
		}
	}
}

func TestTheSecondFactorWantsItsCode(t *testing.T) {
	t.Parallel()
	first, err := Connector{}.Authenticate(t.Context(), attempt(perch.AuthCredential, map[string]string{"username": "good_user", "password": "mfa_account_selection"}))
	if err != nil {
		t.Fatal(err)
	}
	answer := attempt(perch.AuthCredential, map[string]string{"code": "654321"})
	answer.Challenge = first.Challenge.State
	if _, err := (Connector{}).Authenticate(t.Context(), answer); !errors.Is(err, perch.ErrReauthenticate) || !strings.Contains(err.Error(), "123456") {
		t.Errorf("a wrong code: %v", err)
	}
	answer.Values["code"] = "123456"
	if got, err := (Connector{}).Authenticate(t.Context(), answer); err != nil || len(got.Accounts) != 3 {
		t.Errorf("%+v %v", got, err)
	}
	answer.Challenge = []byte(`{"accounts":4000}`)
	if _, err := (Connector{}).Authenticate(t.Context(), answer); err == nil {
		t.Error("a challenge that is not ours was accepted")
	}
}

func TestTheSameCustomerHasTheSameCompanies(t *testing.T) {
	t.Parallel()
	keys := func(subject, providerID string) (keys [3]string) {
		a := attempt(perch.AuthCredential, map[string]string{"username": "good_user", "password": "account_selection"})
		a.Subject, a.ProviderID = subject, providerID
		got, err := Connector{}.Authenticate(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		for i, account := range got.Accounts {
			keys[i] = account.Key
		}
		return keys
	}
	mine := keys("a", "gusto")
	if mine != keys("a", "gusto") || mine[0] == mine[1] || mine == keys("b", "gusto") || mine == keys("a", "bob") {
		t.Error("the companies are not those of the customer")
	}
}
