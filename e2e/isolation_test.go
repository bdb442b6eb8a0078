package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
)

// tenant is a connection with all that its token can list.
type tenant struct {
	sandbox.Created
	people, payments, groups []string
}

func (s *server) tenant(t *testing.T, client credentials) tenant {
	t.Helper()
	one := tenant{Created: s.ready(t, client, `{"provider_id":"paycor","employee_size":8}`)}
	one.people = s.everyone(t, one.AccessToken)
	for _, payment := range s.payments(t, one.AccessToken) {
		one.payments = append(one.payments, payment.ID.String())
	}
	var groups []perch.PayGroupSummary
	s.get(t, one.AccessToken, "/employer/pay-groups").into(t, &groups)
	for _, group := range groups {
		one.groups = append(one.groups, group.ID.String())
	}
	if len(one.people) != 8 || len(one.payments) == 0 || len(one.groups) == 0 {
		t.Fatalf("%d people, %d payments, %d pay groups", len(one.people), len(one.payments), len(one.groups))
	}
	return one
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Seed = 11
		s := start(t, config)
		first := s.application(t, perch.ClientSandbox)
		mine := s.tenant(t, first)
		for _, other := range []struct {
			name   string
			client credentials
		}{
			{"of the same application", first},
			{"of another application", s.application(t, perch.ClientSandbox)},
		} {
			t.Run("the connection "+other.name, func(t *testing.T) {
				theirs := s.tenant(t, other.client)
				strangers(t, s, mine, theirs)
				strangers(t, s, theirs, mine)
			})
		}
	})
}

// strangers asks with one tenant's token for everything of another's.
func strangers(t *testing.T, s *server, mine, theirs tenant) {
	t.Helper()
	for _, lists := range [][2][]string{{mine.people, theirs.people}, {mine.payments, theirs.payments}, {mine.groups, theirs.groups}} {
		for _, id := range lists[0] {
			if slices.Contains(lists[1], id) {
				t.Errorf("the id %s stands for something in both connections", id)
			}
		}
	}
	everyEntryMissing(t, s.post(t, mine.AccessToken, "/employer/individual", people(theirs.people...)), len(theirs.people), "individual_not_found")
	everyEntryMissing(t, s.post(t, mine.AccessToken, "/employer/employment", people(theirs.people...)), len(theirs.people), "individual_not_found")
	some := theirs.payments[:min(10, len(theirs.payments))]
	everyEntryMissing(t, s.post(t, mine.AccessToken, "/employer/pay-statement", statements(some...)), len(some), "payment_not_found")
	for _, id := range theirs.groups {
		s.get(t, mine.AccessToken, "/employer/pay-groups/"+id).fails(t, 404, perch.NameNotFound, "item_not_found")
	}
	var groups []perch.PayGroupSummary
	s.get(t, mine.AccessToken, "/employer/pay-groups?individual_id="+theirs.people[0]).into(t, &groups)
	if len(groups) != 0 {
		t.Errorf("a stranger is in %d pay groups", len(groups))
	}
	for _, r := range dataRequests(mine.people[0], mine.payments[0], mine.groups[0]) {
		separator := "?"
		if strings.Contains(r.path, "?") {
			separator = "&"
		}
		refused := s.request(t, r.method, r.path+separator+"entity_ids="+theirs.EntityID.String(), r.body, bearer(mine.AccessToken))
		refused.fails(t, 400, perch.NameInvalidRequest, "invalid_request")
		chosen := s.request(t, r.method, r.path+separator+"entity_ids="+mine.EntityID.String(), r.body, bearer(mine.AccessToken))
		if chosen.status != http.StatusOK {
			t.Errorf("%s with its own entity: status %d", r.path, chosen.status)
		}
	}
}

func everyEntryMissing(t *testing.T, a answer, count int, code string) {
	t.Helper()
	var b batch
	a.into(t, &b)
	if len(b.Responses) != count {
		t.Errorf("%d entries for %d ids", len(b.Responses), count)
	}
	for _, one := range b.Responses {
		var f failure
		if err := json.Unmarshal(one.Body, &f); err != nil || one.Code != 404 || f.FinchCode != code {
			t.Errorf("an entry has code %d and %s, error %v", one.Code, f.FinchCode, err)
		}
	}
}

// dataRequest is one call of an endpoint that needs a product.
type dataRequest struct {
	product      perch.Product
	method, path string
	body         any
}

// dataRequests calls each data endpoint once.
func dataRequests(person, payment, group string) []dataRequest {
	return []dataRequest{
		{perch.ProductCompany, http.MethodGet, "/employer/company", nil},
		{perch.ProductDirectory, http.MethodGet, "/employer/directory", nil},
		{perch.ProductIndividual, http.MethodPost, "/employer/individual", people(person)},
		{perch.ProductEmployment, http.MethodPost, "/employer/employment", people(person)},
		{perch.ProductPayment, http.MethodGet, allPayments, nil},
		{perch.ProductPayStatement, http.MethodGet, "/employer/pay-statement-item", nil},
		{perch.ProductPayStatement, http.MethodPost, "/employer/pay-statement", statements(payment)},
		{perch.ProductPayment, http.MethodGet, "/employer/pay-groups", nil},
		{perch.ProductPayment, http.MethodGet, "/employer/pay-groups/" + group, nil},
	}
}

const nobody = "7c1f9d7e-3f0b-4d3c-9f4b-0a6a5b1c2d3e"

func TestEndpointsNeedTheirProduct(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		for _, granted := range []perch.Product{perch.ProductCompany, perch.ProductDirectory, perch.ProductIndividual,
			perch.ProductEmployment, perch.ProductPayment, perch.ProductPayStatement, perch.ProductSSN} {
			t.Run("a token for "+string(granted), func(t *testing.T) {
				made := s.ready(t, client, `{"provider_id":"paycor","employee_size":2,"products":["`+string(granted)+`"]}`)
				for _, r := range dataRequests(nobody, nobody, nobody) {
					got := s.request(t, r.method, r.path, r.body, bearer(made.AccessToken))
					if r.product != granted {
						got.fails(t, 403, perch.NameInsufficientScope, "")
					} else if got.status == http.StatusForbidden {
						t.Errorf("%s: %s", r.path, got.body)
					}
				}
			})
		}
	})
}

func TestSocialSecurityNumbersNeedProductAndRequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := start(t, config)
		client := s.application(t, perch.ClientSandbox)
		for _, test := range []struct {
			name, products, options string
			shown                   bool
		}{
			{"neither product nor request", `"directory","individual"`, "", false},
			{"a request without the product", `"directory","individual"`, `,"options":{"include":["ssn"]}`, false},
			{"the product without a request", `"directory","individual","ssn"`, "", false},
			{"the product and empty options", `"directory","individual","ssn"`, `,"options":{"include":[]}`, false},
			{"the product and a request", `"directory","individual","ssn"`, `,"options":{"include":["ssn"]}`, true},
		} {
			t.Run(test.name, func(t *testing.T) {
				made := s.ready(t, client, `{"provider_id":"paycor","employee_size":3,"products":[`+test.products+`]}`)
				var requests []string
				for _, id := range s.everyone(t, made.AccessToken) {
					requests = append(requests, `{"individual_id":"`+id+`"}`)
				}
				var b batch
				s.post(t, made.AccessToken, "/employer/individual", `{"requests":[`+strings.Join(requests, ",")+`]`+test.options+`}`).into(t, &b)
				for _, one := range b.Responses {
					var person map[string]any
					if err := json.Unmarshal(one.Body, &person); err != nil {
						t.Fatal(err)
					}
					_, ssn := person["ssn"]
					_, encrypted := person["encrypted_ssn"]
					if ssn != test.shown || encrypted != test.shown {
						t.Errorf("ssn is there: %t, encrypted_ssn is there: %t; want %t", ssn, encrypted, test.shown)
					}
				}
			})
		}
	})
}
