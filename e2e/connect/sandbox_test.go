package connect_test

import (
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/sandbox"
)

// What a visit in the sandbox makes can be bent like what the API makes.
func TestAnAssistedConnectionOfAVisitIsSetUpByItsStatus(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		must(t, w.Start(t.Context()))
		b := w.opened(t, w.session(t, w.client, func(n *connect.NewSession) { n.Manual = true }))
		b.do(connect.VerbAgree).at(connect.StepProvider).do(connect.VerbChoose, "provider", "netchex")
		b.at(connect.StepAssisted).do(connect.VerbConfirm).at(connect.StepDone)
		token := w.token(t, w.client, b.code(), "").AccessToken
		g := w.grant(t, token)
		name := "Renamed LLC"
		edit := sandbox.CompanyEdit{LegalName: sandbox.Change[*string]{Set: true, Value: &name}}
		_, err := w.Sandbox.EditCompany(t.Context(), g, &g.Entities[0], edit)
		must(t, err)
		connected := perch.StatusConnected
		_, err = w.Sandbox.UpdateAccount(t.Context(), g, &g.Entities[0], &connected)
		must(t, err)
		if g = w.grant(t, token); g.Connection.Status != connected || !g.Entities[0].Groups[access.Organization].Complete {
			t.Errorf("after the status was set: %+v", g.Entities[0])
		}
		read, _, err := w.API.Employment.Company(t.Context(), g, &g.Entities[0], nil)
		must(t, err)
		if !strings.Contains(string(read), name) {
			t.Errorf("the company is %s", read)
		}
	})
}

func TestAVisitSaysThatTheSandboxIsFull(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var last sandbox.Created
		for range connection.MaxSimulated {
			var err error
			last, err = w.Sandbox.CreateConnection(t.Context(), &w.client, sandbox.Request{ProviderID: "isolved"})
			must(t, err)
		}
		b := w.opened(t, w.session(t, w.client, nil))
		b.login("", "good_pass").problem(connect.StepCredentials, "unknown")
		must(t, w.Access.Disconnect(t.Context(), w.grant(t, last.AccessToken)))
		b.do(connect.VerbSubmit, "username", "good_user", "password", "good_pass").at(connect.StepProgress)
	})
}

// Whoever writes no customer into a legacy link is the same customer each time.
func TestAVisitSaysThatAConnectionHasItsAccounts(t *testing.T) {
	t.Parallel()
	w := setup(t, sqliteConfig(t))
	b := &browser{t: t, flow: w.Connect}
	for range connection.MaxAccounts {
		b.open(connect.OpenRequest{ClientID: w.client.ID.String(), Products: "company", Embedded: true, HostURL: host})
		b.login("", "good_pass").at(connect.StepProgress).code()
	}
	b.open(connect.OpenRequest{ClientID: w.client.ID.String(), Products: "company", Embedded: true, HostURL: host})
	b.login("", "good_pass").problem(connect.StepCredentials, "unknown")
	if p := b.view.Problem; strings.Contains(p.Title, "all the connections") || !strings.Contains(p.Text, "another customer") {
		t.Errorf("it says %q, %q", p.Title, p.Text)
	}
}
