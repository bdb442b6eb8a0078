package connect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
)

func TestASessionIsRefusedWithTheFieldAtFault(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	live := w.application(t, perch.ClientProduction, access.Settings{RedirectURIs: []string{"https://a.example/cb"}})
	closed := w.application(t, perch.ClientProduction, access.Settings{DisabledMethods: perch.AuthenticationType("").Values()})
	half := w.application(t, perch.ClientSandbox, access.Settings{DisabledMethods: []perch.AuthenticationType{perch.AuthCredential, perch.AuthAPICredential}})
	zero, many, email := 0, 129_601, "not an address"
	for _, c := range []struct {
		name, field string
		client      access.Application
		edit        func(*connect.NewSession)
	}{
		{"no customer", "customer_id", w.client, func(n *connect.NewSession) { n.CustomerID = "" }},
		{"a customer id that is too long", "customer_id", w.client, func(n *connect.NewSession) { n.CustomerID = strings.Repeat("é", 256) }},
		{"no customer name", "customer_name", w.client, func(n *connect.NewSession) { n.CustomerName = "" }},
		{"a wrong address", "customer_email", w.client, func(n *connect.NewSession) { n.CustomerEmail = &email }},
		{"no products", "products", w.client, func(n *connect.NewSession) { n.Products = nil }},
		{"an unknown product", "products", w.client, func(n *connect.NewSession) { n.Products = []perch.Product{"x"} }},
		{"no time", "minutes_to_expire", w.client, func(n *connect.NewSession) { n.MinutesToExpire = &zero }},
		{"too much time", "minutes_to_expire", w.client, func(n *connect.NewSession) { n.MinutesToExpire = &many }},
		{"an unregistered redirect URI", "redirect_uri", live, func(n *connect.NewSession) { n.RedirectURI = "https://a.example/cb2" }},
		{"localhost for a production application", "redirect_uri", live, func(n *connect.NewSession) { n.RedirectURI = "http://localhost/cb" }},
		{"plain http", "redirect_uri", w.client, func(n *connect.NewSession) { n.RedirectURI = "http://a.example/cb" }},
		{"a script", "redirect_uri", w.client, func(n *connect.NewSession) { n.RedirectURI = "javascript:alert(1)" }},
		{"a sandbox for a production application", "sandbox", live, func(n *connect.NewSession) { n.Sandbox = "finch" }},
		{"an unknown sandbox", "sandbox", w.client, func(n *connect.NewSession) { n.Sandbox = "x" }},
		{"an unknown provider", "integration.provider", w.client, func(n *connect.NewSession) { n.Provider = "x" }},
		{"a method that the provider lacks", "integration.auth_method", w.client, func(n *connect.NewSession) { n.Provider, n.AuthMethod = "gusto", perch.AuthAPIToken }},
		{"a provider that is disabled", "integration.provider", closed, func(n *connect.NewSession) { n.Provider = "gusto" }},
		{"a provider that is left to people whom nobody asked for", "integration.provider", half, func(n *connect.NewSession) { n.Provider = "adp_workforce_now" }},
		{"a recordkeeper without the product", "recordkeeping", w.client, func(n *connect.NewSession) { n.Recordkeeper = "voya" }},
	} {
		n := connect.NewSession{CustomerID: "c", CustomerName: "C", Products: []perch.Product{perch.ProductCompany}}
		c.edit(&n)
		_, err := w.Connect.CreateSession(t.Context(), &c.client, n)
		var e *perch.Error
		if !errors.As(err, &e) || e.Name != perch.NameInvalidRequest || !strings.HasPrefix(e.Message, c.field+": ") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestProvidersAreListedAsTheApplicationWants(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	client := w.application(t, perch.ClientSandbox, access.Settings{
		PinnedProviders: []string{"gusto"}, ProviderOrder: []string{"paycor", "bob"}, HiddenProviders: []string{"deel"},
		DisabledMethods:         []perch.AuthenticationType{perch.AuthAPIToken},
		DisabledProviderMethods: map[string][]perch.AuthenticationType{"justworks": {perch.AuthOAuth}},
		PreferredMethods:        map[string][]perch.AuthenticationType{"adp_run": {perch.AuthCredential}},
	})
	list := func(manual bool) []string {
		var ids []string
		b := w.opened(t, w.session(t, client, func(n *connect.NewSession) { n.Manual = manual })).do(connect.VerbAgree)
		for _, card := range b.view.Providers {
			ids = append(ids, card.ID)
		}
		return ids
	}
	automated, all := list(false), list(true)
	if !slices.Equal(automated[:3], []string{"gusto", "paycor", "bob"}) {
		t.Errorf("first are %v", automated[:3])
	}
	for _, absent := range []string{"deel", "justworks", "humaans", "netchex"} {
		if slices.Contains(automated, absent) {
			t.Errorf("%s is listed", absent)
		}
	}
	if !slices.Contains(all, "netchex") || slices.Contains(all, "deel") {
		t.Error("manual does not show the assisted providers, or shows hidden ones")
	}
	b := w.opened(t, w.session(t, client, nil)).do(connect.VerbAgree).do(connect.VerbChoose, "provider", "adp_run").at(connect.StepCredentials)
	if b.view.Method.Type != perch.AuthCredential || !b.view.Method.Preferred || !hasMethod(b.view.Methods, perch.AuthAPICredential) {
		t.Errorf("method %+v, others %+v", b.view.Method, b.view.Methods)
	}
	b.do(connect.VerbAnotherWay).at(connect.StepMethod).do(connect.VerbChoose, "method", "api_token").problem(connect.StepMethod, "unknown")
	b.do(connect.VerbChoose, "method", "api_credential").at(connect.StepCredentials)
	b = w.opened(t, w.session(t, client, nil)).do(connect.VerbAgree).do(connect.VerbChoose, "provider", "deel").problem(connect.StepProvider, "unknown")
	b.do(connect.VerbRequest, "name", "My own payroll").at(connect.StepProvider)
}

func TestTextThatCannotBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for _, bad := range []string{"a\x00b", "a\xffb", "line\nbreak"} {
			_, err := w.Connect.CreateSession(t.Context(), &w.client, connect.NewSession{CustomerID: bad, CustomerName: "Blue Bakery",
				Products: []perch.Product{perch.ProductCompany}})
			if err == nil || !strings.Contains(err.Error(), "customer_id") {
				t.Errorf("customer_id %q: %v", bad, err)
			}
			b := &browser{t: t, flow: w.Connect}
			b.open(connect.OpenRequest{SessionID: w.session(t, w.client, nil).String(), State: bad, Embedded: true, HostURL: host})
			if b.view.Problem == nil || !b.view.Problem.Fatal {
				t.Errorf("state %q was taken", bad)
			}
		}
	})
}
