package app_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/sandbox"
	"github.com/perchhq/perch/internal/store"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

func TestChangesArePublishedAndCounted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben"), person("3", "Cyd")}}
		s.people[1].ManagerKey = "employee:1"
		w := setup(t, config, s)
		if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Created: 3}) {
			t.Errorf("first sync: %+v", got)
		}
		before := w.directory()
		if *before.Individuals[1].FirstName != "Ben" || before.Individuals[1].Manager.ID != before.Individuals[0].ID {
			t.Errorf("directory %+v", before.Individuals)
		}
		s.people = []provider.Person{person("3", "Cyd"), person("2", "Bea"), person("4", "Dan")}
		s.people[1].ManagerKey = ""
		if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Created: 1, Updated: 1, Deleted: 1, Unchanged: 1}) {
			t.Errorf("second sync: %+v", got)
		}
		after := w.directory()
		names := map[string]perch.ID{}
		for _, one := range after.Individuals {
			names[*one.FirstName] = one.ID
		}
		if len(names) != 3 || names["Bea"] != before.Individuals[1].ID || names["Cyd"] != before.Individuals[2].ID {
			t.Errorf("ids moved: %v then %v", before.Individuals, names)
		}
		if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Unchanged: 3}) {
			t.Errorf("third sync: %+v", got)
		}
	})
}

func TestASyncThatFailsKeepsTheLastDataAndSaysSo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben")}}
		w := setup(t, config, s)
		w.mustSync()
		s.people[0], s.fail = person("1", "Eve"), errProvider
		if _, err := w.sync(); !errors.Is(err, errProvider) {
			t.Fatalf("got %v", err)
		}
		answer := w.call("GET", "/employer/directory", "", nil)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Finch-Last-Attempted-Update-Result") != "error" {
			t.Errorf("answer %d, %v", answer.StatusCode, answer.Header)
		}
		if d := w.directory(); *d.Individuals[0].FirstName != "Ada" {
			t.Errorf("half a sync shows: %+v", d)
		}
		s.fail = nil
		w.mustSync()
		if d := w.directory(); *d.Individuals[0].FirstName != "Eve" || len(d.Individuals) != 2 {
			t.Errorf("after the retry: %+v", d)
		}
	})
}

func TestWhatTheProviderRefusesBecomesTheConnectionsState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure *perch.Error
		status  int
		code    string
	}{
		"credentials are refused": {perch.ErrReauthenticate, http.StatusUnauthorized, "reauthenticate_user"},
		"rights are missing":      {perch.ErrPermissions, http.StatusForbidden, "insufficient_account_permissions"},
		"no account":              {perch.ErrAccountSetup, http.StatusUnauthorized, "account_setup_required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, app.Config{Data: t.TempDir()}, &system{openError: c.failure})
			if _, err := w.sync(); !errors.Is(err, c.failure) {
				t.Fatalf("got %v", err)
			}
			var body struct {
				Code string `json:"finch_code"`
			}
			answer := w.call("GET", "/employer/directory", "", &body)
			if answer.StatusCode != c.status || body.Code != c.code {
				t.Errorf("answer %d %s", answer.StatusCode, body.Code)
			}
			if answer := w.call("GET", "/introspect", "", nil); answer.StatusCode != http.StatusOK {
				t.Errorf("introspect answered %d", answer.StatusCode)
			}
		})
	}
}

func TestAConnectorThatPanicsFailsItsSyncOnly(t *testing.T) {
	t.Parallel()
	s := &system{payments: []provider.Payment{{Key: "p"}}, beforeStatements: func(string) { panic("a bug") }}
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	if _, err := w.sync(); err == nil {
		t.Fatal("no error")
	}
	s.beforeStatements = nil
	w.mustSync()
}

func TestPaymentsShowBeforeTheirStatements(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		date, name := perch.NewDate(2026, 1, 15), "Salary"
		statement := provider.PayStatement{PersonKey: "employee:1", Statement: perch.PayStatement{Earnings: []perch.Earning{{Name: &name}}}}
		s := &system{
			people:     []provider.Person{person("1", "Ada")},
			payments:   []provider.Payment{{Key: "jan", PersonKeys: []string{"employee:1"}, Payment: perch.Payment{PayDate: &date}}},
			statements: map[string][]provider.PayStatement{"jan": {statement}},
		}
		w := setup(t, config, s)
		reading := func() (payments []perch.Payment, code, statements int) {
			if answer := w.call("GET", "/employer/payment?start_date=2026-01-01&end_date=2026-01-31", "", &payments); answer.StatusCode != http.StatusOK {
				t.Fatalf("payments answered %d", answer.StatusCode)
			}
			var answer struct {
				Responses []struct {
					Code int
					Body struct {
						Name       string
						Statements []perch.PayStatement `json:"pay_statements"`
					}
				}
			}
			w.call("POST", "/employer/pay-statement", `{"requests":[{"payment_id":"`+payments[0].ID.String()+`"}]}`, &answer)
			return payments, answer.Responses[0].Code, len(answer.Responses[0].Body.Statements)
		}
		s.beforeStatements = func(string) {
			if payments, code, _ := reading(); len(payments) != 1 || code != http.StatusAccepted {
				t.Errorf("while statements are read: %d payments, code %d", len(payments), code)
			}
		}
		w.mustSync()
		if _, code, statements := reading(); code != http.StatusOK || statements != 1 {
			t.Errorf("after the sync: code %d, %d statements", code, statements)
		}
		s.beforeStatements = nil
		s.statements["jan"] = append(s.statements["jan"], provider.PayStatement{PersonKey: "employee:1", Key: "2"})
		w.mustSync()
		if _, _, statements := reading(); statements != 2 {
			t.Errorf("%d statements of one person, want 2", statements)
		}
		gone := w.paymentID("2026-01-15")
		s.payments = nil
		if got := w.mustSync()[syncengine.KindPayment]; got.Deleted != 1 {
			t.Errorf("payments %+v", got)
		}
		var answer struct{ Responses []struct{ Code int } }
		w.call("POST", "/employer/pay-statement", `{"requests":[{"payment_id":"`+gone+`"}]}`, &answer)
		if answer.Responses[0].Code != http.StatusNotFound {
			t.Errorf("statements of a deleted payment: %d", answer.Responses[0].Code)
		}
	})
}

func (w *world) paymentID(date string) string {
	w.t.Helper()
	var payments []perch.Payment
	w.call("GET", "/employer/payment?start_date="+date+"&end_date="+date, "", &payments)
	if len(payments) != 1 {
		w.t.Fatalf("%d payments on %s", len(payments), date)
	}
	return payments[0].ID.String()
}

func TestWhoIsMissingFromACensusHasLeft(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben")}, coverage: provider.AbsentLeft}
	w := setup(t, app.Config{Data: t.TempDir(), Now: func() time.Time { return now }}, s)
	w.mustSync()
	ben := w.directory().Individuals[1].ID
	s.people = s.people[:1]
	if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Updated: 1, Unchanged: 1, Left: 1}) {
		t.Errorf("counts %+v", got)
	}
	e := w.employment(ben)
	if *e.IsActive || *e.EmploymentStatus != perch.EmploymentTerminated || e.EndDate.String() != "2026-05-01" {
		t.Errorf("the leaver: %+v", e)
	}
	if d := w.directory(); len(d.Individuals) != 2 || *d.Individuals[1].IsActive {
		t.Errorf("directory %+v", d.Individuals)
	}
	if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Unchanged: 2}) {
		t.Errorf("again: %+v", got)
	}
	s.people = []provider.Person{person("1", "Ada"), person("2", "Ben")}
	w.mustSync()
	if e := w.employment(ben); !*e.IsActive || e.EndDate != nil {
		t.Errorf("who came back: %+v", e)
	}
}

func TestWhoIsOnlyMentionedStaysAsKnown(t *testing.T) {
	t.Parallel()
	s := &system{people: []provider.Person{person("1", "Ada")}, coverage: provider.AbsentLeft, additive: true}
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	w.mustSync()
	mentioned, stranger := person("1", "A."), person("9", "New")
	mentioned.Mentioned, stranger.Mentioned = true, true
	s.people, s.coverage = []provider.Person{mentioned, stranger}, provider.Additive
	if got := w.mustSync()[syncengine.KindPerson]; got != (syncengine.Counts{Created: 1, Unchanged: 1}) {
		t.Errorf("counts %+v", got)
	}
	if d := w.directory(); *d.Individuals[0].FirstName != "Ada" {
		t.Errorf("directory %+v", d.Individuals)
	}
}

func TestAPersonKeepsTheIDWhenABetterKeyAppears(t *testing.T) {
	t.Parallel()
	named := func(keys ...string) provider.Person {
		p := person("", "Ada")
		p.Keys = keys
		return p
	}
	for name, c := range map[string]struct {
		steps [][]provider.Person
		want  int // people after the last step
	}{
		"a name, then a number":                {[][]provider.Person{{named("name:ada")}, {named("employee:7", "name:ada")}}, 1},
		"a number, then only the name":         {[][]provider.Person{{named("employee:7", "name:ada")}, {named("name:ada")}}, 1},
		"a name, a security number, a number":  {[][]provider.Person{{named("name:ada")}, {named("ssn:1", "name:ada")}, {named("employee:7", "ssn:1")}}, 1},
		"a name that changes under one number": {[][]provider.Person{{named("employee:7", "name:ada")}, {named("employee:7", "name:ada king")}}, 1},
		"two numbers under one name":           {[][]provider.Person{{named("employee:7", "name:ada"), named("employee:8", "name:ada")}}, 2},
		"another number under the same name":   {[][]provider.Person{{named("employee:7", "name:ada")}, {named("employee:7", "name:ada"), named("employee:8", "name:ada")}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &system{coverage: provider.Additive}
			w := setup(t, app.Config{Data: t.TempDir()}, s)
			var first perch.ID
			for i, people := range c.steps {
				s.people = people
				w.mustSync()
				if d := w.directory(); i == 0 {
					first = d.Individuals[0].ID
				} else if d.Individuals[0].ID != first {
					t.Errorf("step %d: the id changed", i)
				}
			}
			if d := w.directory(); len(d.Individuals) != c.want {
				t.Errorf("%d people, want %d", len(d.Individuals), c.want)
			}
		})
	}
}

func TestSSNsAreKeptOnlyForTokensThatMayReadThem(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, &system{people: []provider.Person{person("1", "Ada")}})
	w.mustSync()
	id := w.directory().Individuals[0].ID.String()
	read := func(options string) map[string]any {
		var answer struct {
			Responses []struct{ Body map[string]any }
		}
		w.call("POST", "/employer/individual", `{"requests":[{"individual_id":"`+id+`"}]`+options+`}`, &answer)
		return answer.Responses[0].Body
	}
	if _, ok := read("")["ssn"]; ok {
		t.Error("ssn without being asked for")
	}
	if body := read(`,"options":{"include":["ssn"]}`); body["ssn"] != "900010001" {
		t.Errorf("ssn %v", body["ssn"])
	}
}

func TestADisconnectedConnectionStopsItsSync(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada")}, payments: []provider.Payment{{Key: "p"}}}
		w := setup(t, config, s)
		s.beforeStatements = func(string) {
			if answer := w.call("POST", "/disconnect", "", nil); answer.StatusCode != http.StatusOK {
				t.Errorf("disconnect answered %d", answer.StatusCode)
			}
		}
		if _, err := w.sync(); err == nil {
			t.Error("the sync went on")
		}
		for _, path := range []string{"/employer/directory", "/introspect"} {
			if answer := w.call("GET", path, "", nil); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s answered %d", path, answer.StatusCode)
			}
		}
		if _, err := w.app.Keyring.Cipher(t.Context(), w.made.EntityID); err == nil {
			t.Error("the key is still there")
		}
		latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
		must(t, err)
		if latest.State != store.SyncFailed {
			t.Errorf("the sync is %s", latest.State)
		}
	})
}

func TestJobsRunSyncsAndTakeOverOrphans(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.Lease = 200 * time.Millisecond
		w := setup(t, config, &system{people: []provider.Person{person("1", "Ada")}})
		// A process takes the sync and is never heard of again.
		s := w.request()
		_, err := w.app.Store.AcquireSync(t.Context(), store.Lease{Sync: s.ID, Entity: s.EntityID, Owner: "dead", Until: time.Now().Add(config.Lease)}, time.Now())
		must(t, err)
		must(t, w.app.Start(t.Context()))
		eventually(t, "the orphaned sync is complete", func() bool {
			latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
			must(t, err)
			return latest.State == store.SyncComplete
		})
		if d := w.directory(); d.Paging.Count != 1 {
			t.Errorf("directory %+v", d)
		}
	})
}

func TestAFailedSyncIsTriedAgainByItself(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben")}, fail: errProvider}
		w := setup(t, config, s)
		opened := make(chan struct{}, 100)
		s.onOpen = func() { opened <- struct{}{} }
		must(t, w.app.Store.Tx(t.Context(), func(tx *sql.Tx) error {
			return w.app.Queue.Enqueue(t.Context(), tx, w.appID, w.made.Connection.ID, w.made.EntityID, "test")
		}))
		must(t, w.app.Start(t.Context()))
		for range 3 {
			<-opened // the first attempt and two more
		}
		var status perch.Introspection
		w.call("GET", "/introspect", "", &status)
		if status.ConnectionStatus.Status != perch.StatusProcessing || status.ConnectionStatus.Message == "" {
			t.Errorf("while it fails: %+v", status.ConnectionStatus)
		}
		s.mu.Lock()
		s.fail = nil
		s.mu.Unlock()
		eventually(t, "the sync is complete", func() bool {
			latest, err := w.app.Store.LatestSync(t.Context(), w.made.EntityID)
			must(t, err)
			return latest.State == store.SyncComplete
		})
		status = perch.Introspection{}
		w.call("GET", "/introspect", "", &status)
		if status.ConnectionStatus.Status != perch.StatusConnected || status.ConnectionStatus.Message != "" {
			t.Errorf("after it: %+v", status.ConnectionStatus)
		}
	})
}

func TestOnlyTheGroupThatFailedSaysSo(t *testing.T) {
	t.Parallel()
	s := &system{people: []provider.Person{person("1", "Ada")}, payments: []provider.Payment{{Key: "p"}}}
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	w.mustSync()
	s.beforeStatements = func(string) { panic("a bug") }
	if _, err := w.sync(); err == nil {
		t.Fatal("no error")
	}
	for path, want := range map[string]string{
		"/employer/directory": "success",
		"/employer/payment?start_date=2026-01-01&end_date=2026-12-31": "error",
	} {
		if got := w.call("GET", path, "", nil).Header.Get("Finch-Last-Attempted-Update-Result"); got != want {
			t.Errorf("%s says %s, want %s", path, got, want)
		}
	}
}

func TestAStopIsNoFailure(t *testing.T) {
	t.Parallel()
	s := &system{people: []provider.Person{person("1", "Ada")}, payments: []provider.Payment{{Key: "p"}}}
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	w.mustSync()
	ctx, stop := context.WithCancel(t.Context())
	s.beforeStatements = func(string) { stop() }
	again := w.request()
	if _, err := w.app.Syncs.Run(ctx, again.ConnectionID, again.EntityID, again.ID); err == nil {
		t.Fatal("the sync went on")
	}
	if got := w.call("GET", "/employer/payment?start_date=2026-01-01&end_date=2026-12-31", "", nil).Header.Get("Finch-Last-Attempted-Update-Result"); got != "success" {
		t.Errorf("after the stop: %s", got)
	}
	s.beforeStatements = nil
	w.mustSync() // it was handed back
}

func TestWhatTheImitatedProviderLacksIsNotImplemented(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, err := app.Open(ctx, app.Config{Data: t.TempDir(), NoRateLimits: true, Patience: 30 * time.Second})
	must(t, err)
	t.Cleanup(func() { must(t, a.Close()) })
	must(t, a.Start(ctx))
	client, secret, err := a.Access.CreateApplication(ctx, "test", perch.ClientSandbox)
	must(t, err)
	application, err := a.Access.AuthenticateClient(ctx, client.ID.String(), secret)
	must(t, err)
	made, err := a.Sandbox.CreateConnection(ctx, application, sandbox.Request{ProviderID: "bamboo_hr", Products: allProducts})
	must(t, err)
	w := &world{t: t, app: a, server: httptest.NewServer(a.API.Handler())}
	t.Cleanup(w.server.Close)
	w.made.AccessToken = made.AccessToken
	for path, want := range map[string]int{
		"/employer/directory": http.StatusOK,
		"/employer/payment?start_date=2026-01-01&end_date=2026-12-31": http.StatusNotImplemented,
	} {
		if answer := w.call("GET", path, "", nil); answer.StatusCode != want {
			t.Errorf("%s answered %d, want %d", path, answer.StatusCode, want)
		}
	}
}
