package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
)

// refusal is a request that is answered with an error.
type refusal struct {
	name         string
	method, path string
	body         any
	change       func(*http.Request)
	status       int
	error, code  string
	// message is a part of the message: the name of what is wrong.
	message string
}

// authorization sets the header as it is.
func authorization(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

func invalid(name, method, path string, body any, field string) refusal {
	return refusal{name, method, path, body, nil, 400, perch.NameInvalidRequest, "invalid_request", field}
}

func tooMuch(name, method, path string, body any, code, field string) refusal {
	return refusal{name, method, path, body, nil, 422, perch.NameUnprocessableEntity, code, field}
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// credentialRefusals are about who asks.
func credentialRefusals(token string, client credentials) []refusal {
	version := func(value string) func(*http.Request) {
		return func(r *http.Request) {
			bearer(token)(r)
			r.Header.Del("Finch-API-Version")
			if value != "" {
				r.Header.Set("Finch-API-Version", value)
			}
		}
	}
	none := func(*http.Request) {}
	company := "/employer/company"
	return []refusal{
		{"no token", get, company, nil, none, 401, perch.NameUnauthorized, "", "Authorization"},
		{"a header without a token", get, company, nil, authorization("Bearer "), 401, perch.NameUnauthorized, "", "Authorization"},
		{"another scheme", get, company, nil, client.basic, 401, perch.NameUnauthorized, "", "Authorization"},
		{"a token that does not exist", get, company, nil, authorization("Bearer nothing"), 401, perch.NameInvalidToken, "", "token"},
		{"a token without end", get, company, nil, authorization("Bearer " + strings.Repeat("a", 4000)), 401, perch.NameInvalidToken, "", "token"},
		{"a wrong token where none is needed", get, "/providers", nil, authorization("Bearer nothing"), 401, perch.NameInvalidToken, "", "token"},
		{"no version", get, company, nil, version(""), 400, perch.NameInvalidRequest, "invalid_request", "Finch-API-Version"},
		{"a version that does not exist", get, company, nil, version("2019-01-01"), 400, perch.NameInvalidRequest, "invalid_request", "Finch-API-Version"},
		{"no client", post, "/sandbox/connections", `{}`, none, 401, perch.NameInvalidClient, "", "client_id"},
		{"a token in place of a client", post, "/sandbox/connections", `{}`, bearer(token), 401, perch.NameInvalidClient, "", "client_id"},
		{"a wrong secret", post, "/sandbox/connections", `{}`, credentials{client.id, "guess"}.basic, 401, perch.NameInvalidClient, "", "client_id"},
		{"a client that does not exist", post, "/sandbox/connections", `{}`, credentials{nobody, client.secret}.basic, 401, perch.NameInvalidClient, "", "client_id"},
		{"an address that does not exist", get, "/employer/nothing", nil, none, 404, perch.NameNotFound, "item_not_found", ""},
		{"another method", post, company, `{}`, none, 405, perch.NameInvalidRequest, "method_not_allowed", "GET"},
	}
}

// parameterRefusals are about what is asked for.
func parameterRefusals() []refusal {
	individual, statement := "/employer/individual", "/employer/pay-statement"
	large := `{"requests":[],"padding":"` + strings.Repeat("x", 16<<20) + `"}`
	return []refusal{
		invalid("a limit below zero", get, "/employer/directory?limit=-1", nil, "limit"),
		invalid("a limit that is no number", get, "/employer/directory?limit=ten", nil, "limit"),
		invalid("a limit given twice", get, "/employer/directory?limit=1&limit=2", nil, "limit"),
		invalid("an offset beyond all numbers", get, "/employer/directory?offset=99999999999999999999", nil, "offset"),
		tooMuch("a page that is too large", get, "/employer/directory?limit=10001", nil, "page_size_limit_exceeded", "limit"),
		invalid("an entity that is no id", get, "/employer/company?entity_ids=here", nil, "entity_ids"),
		invalid("an entity of someone else", get, "/employer/company?entity_ids[]="+nobody, nil, "entity_ids"),
		invalid("two entities", get, "/employer/company?entity_ids="+nobody+","+nobody, nil, "entity_ids"),
		invalid("no first day", get, "/employer/payment?end_date=2024-01-01", nil, "start_date"),
		invalid("no last day", get, "/employer/payment?start_date=2024-01-01", nil, "end_date"),
		invalid("a day that does not exist", get, "/employer/payment?start_date=2023-02-29&end_date=2024-01-01", nil, "start_date"),
		invalid("a span that ends before it begins", get, "/employer/payment?start_date=2024-01-02&end_date=2024-01-01", nil, "end_date"),
		invalid("a frequency that does not exist", get, "/employer/pay-groups?pay_frequencies[]=hourly", nil, "pay_frequencies"),
		invalid("an individual that is no id", get, "/employer/pay-groups?individual_id=me", nil, "individual_id"),
		{"a pay group that does not exist", get, "/employer/pay-groups/" + nobody, nil, nil, 404, perch.NameNotFound, "item_not_found", ""},
		invalid("no body", post, individual, nil, ""),
		invalid("a body that is no JSON", post, individual, `{"requests":`, ""),
		invalid("a body with something behind it", post, individual, `{"requests":[]} {}`, ""),
		invalid("a body without requests", post, individual, `{}`, "requests"),
		invalid("requests that are no list", post, individual, `{"requests":{}}`, "requests"),
		invalid("a request without an id", post, individual, `{"requests":[{}]}`, "individual_id"),
		invalid("an id that is a number", post, individual, `{"requests":[{"individual_id":7}]}`, "individual_id"),
		invalid("a field that cannot be included", post, individual, `{"requests":[],"options":{"include":["dob"]}}`, "include"),
		invalid("nesting without end", post, individual, `{"requests":`+strings.Repeat("[", 100_000), ""),
		invalid("no payments", post, statement, `{"requests":[]}`, "requests"),
		invalid("a payment without an id", post, statement, `{"requests":[{"limit":1}]}`, "payment_id"),
		tooMuch("a page of statements that is too large", post, statement, `{"requests":[{"payment_id":"x","limit":5001}]}`, "page_size_limit_exceeded", "limit"),
		{"a body beyond all bounds", post, individual, large, nil, 413, perch.NameInvalidRequest, "request_too_large", ""},
	}
}

func sandboxRefusals(client, real credentials) []refusal {
	path := "/sandbox/connections"
	list := []refusal{
		invalid("no provider", post, path, `{}`, "provider_id"),
		invalid("a provider that does not exist", post, path, `{"provider_id":"nowhere"}`, "provider_id"),
		invalid("a way to connect that does not exist", post, path, `{"provider_id":"gusto","authentication_type":"fax"}`, "authentication_type"),
		invalid("a way to connect that the provider lacks", post, path, `{"provider_id":"gusto","authentication_type":"credential"}`, "authentication_type"),
		invalid("a product that does not exist", post, path, `{"provider_id":"gusto","products":["gossip"]}`, "products"),
		invalid("no products", post, path, `{"provider_id":"gusto","products":[]}`, "products"),
		invalid("nobody", post, path, `{"provider_id":"gusto","employee_size":0}`, "employee_size"),
		invalid("more people than can be simulated", post, path, `{"provider_id":"gusto","employee_size":100001}`, "employee_size"),
		invalid("half a person", post, path, `{"provider_id":"gusto","employee_size":1.5}`, "employee_size"),
	}
	for i := range list {
		list[i].change = client.basic
	}
	outside := invalid("an application that is no sandbox", post, path, `{"provider_id":"gusto"}`, "sandbox")
	outside.change = real.basic
	return append(list, outside)
}

func TestErrorsOverTheWire(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		token := s.ready(t, client, held).AccessToken
		all := slices.Concat(credentialRefusals(token, client), parameterRefusals(), sandboxRefusals(client, s.application(t, perch.ClientProduction)))
		for _, test := range all {
			t.Run(test.name, func(t *testing.T) {
				change := test.change
				if change == nil {
					change = bearer(token)
				}
				got := s.request(t, test.method, test.path, test.body, change)
				if message := got.fails(t, test.status, test.error, test.code); message == "" || !strings.Contains(message, test.message) {
					t.Errorf("the message %q does not name %q", message, test.message)
				}
				var body map[string]any
				if err := json.Unmarshal(got.body, &body); err != nil || len(body) != 4 {
					t.Errorf("the body is %s", got.body)
				}
				if test.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
					t.Error("the answer does not say which methods are allowed")
				}
			})
		}
	})
}

func TestSandboxLimitsAreTwiceTheUsual(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.NoRateLimits = false
		config.Now = fixed
		s := start(t, config)
		client, other := s.application(t, perch.ClientSandbox), s.application(t, perch.ClientSandbox)
		tokens := []string{s.ready(t, client, held).AccessToken, s.ready(t, client, held).AccessToken}
		stranger := s.ready(t, other, held).AccessToken
		for i := range 40 {
			// What fails does not count.
			s.get(t, tokens[i%2], "/employer/company?entity_ids="+nobody).fails(t, 400, perch.NameInvalidRequest, "invalid_request")
			if got := s.get(t, tokens[i%2], "/employer/company"); got.status != http.StatusOK {
				t.Fatalf("request %d: status %d", i+1, got.status)
			}
		}
		for _, token := range tokens {
			refused := s.get(t, token, "/employer/company")
			refused.fails(t, 429, perch.NameRateLimitExceeded, "finch_application_rl")
			if refused.header.Get("Retry-After") == "" {
				t.Error("a 429 does not say when to come back")
			}
		}
		for _, r := range []struct{ token, path string }{{stranger, "/employer/company"}, {tokens[0], "/employer/directory"}, {tokens[0], "/introspect"}} {
			if got := s.get(t, r.token, r.path); got.status != http.StatusOK {
				t.Errorf("%s: status %d", r.path, got.status)
			}
		}
	})
}

func TestKeysOfAnotherInstallationAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"id.key", "master.key"} {
		t.Run("without its "+name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, config app.Config) {
				s := start(t, config)
				made := s.ready(t, s.application(t, perch.ClientSandbox), held)
				before := s.snapshot(t, made.AccessToken)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(config.Data, "keys", name)
				if err := os.Rename(path, path+".aside"); err != nil {
					t.Fatal(err)
				}
				if a, err := app.Open(t.Context(), config); err == nil {
					_ = a.Close()
					t.Fatal("it opens with keys that are not its own")
				} else if !strings.Contains(err.Error(), "key") {
					t.Errorf("the error does not speak of keys: %v", err)
				}
				if err := os.Rename(path+".aside", path); err != nil {
					t.Fatal(err)
				}
				before.sameAs(t, start(t, config).snapshot(t, made.AccessToken))
			})
		})
	}
}
