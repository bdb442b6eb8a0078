package app_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/event"
	"github.com/perchhq/perch/provider"
)

// told is what an event says, without the ids that are the same for all.
type told struct {
	Type perch.EventType
	Data string
}

func (e told) String() string { return string(e.Type) + " " + e.Data }

// events returns what was published after a cursor and the cursor that follows.
func (w *world) events(cursor string) (all []told, next string) {
	w.t.Helper()
	for more := true; more; {
		page, err := w.app.Events.Feed(w.t.Context(), w.appID, event.Query{Cursor: cursor, Limit: 7})
		must(w.t, err)
		for _, e := range page.Events {
			var body perch.Event
			must(w.t, json.Unmarshal([]byte(e.Body), &body))
			if body.ConnectionID != w.made.Connection.ID || body.CompanyID != w.made.Connection.CompanyID || body.AccountID != w.made.EntityID ||
				body.EntityID != w.made.EntityID || body.Type != e.Type {
				w.t.Errorf("an event names other ids: %s", e.Body)
			}
			all = append(all, told{body.Type, string(body.Data)})
		}
		cursor, more = page.Next, page.More
	}
	return all, cursor
}

// wants compares events without regard to order.
func wants(t *testing.T, what string, got []told, want ...told) {
	t.Helper()
	if !maps.Equal(count(got), count(want)) {
		t.Errorf("%s: events\n%s\nwant\n%s", what, lines(got), lines(want))
	}
}

func lines(list []told) string {
	var text []string
	for _, e := range list {
		text = append(text, e.String())
	}
	slices.Sort(text)
	return strings.Join(text, "\n")
}

func ofPerson(change perch.EventType, id perch.ID) told {
	return told{change, `{"individual_id":"` + id.String() + `"}`}
}

func ofStatement(change perch.EventType, payment, individual perch.ID) told {
	return told{change, `{"payment_id":"` + payment.String() + `","individual_id":"` + individual.String() + `"}`}
}

func ofPayment(change perch.EventType, payment perch.ID, date string) told {
	return told{change, `{"payment_id":"` + payment.String() + `","pay_date":"` + date + `"}`}
}

func ofStatus(status perch.ConnectionStatus) told {
	return told{perch.EventAccountUpdated, `{"status":"` + string(status) + `","authentication_method":{"type":"oauth"}}`}
}

// ids returns the people of the directory by first name.
func (w *world) ids() map[string]perch.ID {
	w.t.Helper()
	all := map[string]perch.ID{}
	for _, one := range w.directory().Individuals {
		all[*one.FirstName] = one.ID
	}
	return all
}

// payments returns the ids of payments by pay date.
func (w *world) payments() map[string]perch.ID {
	w.t.Helper()
	var list []perch.Payment
	w.call("GET", "/employer/payment?start_date=2000-01-01&end_date=2100-01-01", "", &list)
	all := map[string]perch.ID{}
	for _, p := range list {
		all[p.PayDate.String()] = p.ID
	}
	return all
}

func payment(key string, date perch.Date) provider.Payment {
	return provider.Payment{Key: key, PersonKeys: []string{"employee:1"}, Payment: perch.Payment{PayDate: &date}}
}

func statement(number, earning string) provider.PayStatement {
	return provider.PayStatement{PersonKey: "employee:" + number, Statement: perch.PayStatement{Earnings: []perch.Earning{{Name: &earning}}}}
}

func TestEveryChangedObjectGivesOneEvent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		config.PublicURL = "https://perch.example"
		name, iban, date, account := "Payday Inc", "NL00", perch.NewDate(2026, 1, 15), "1"
		s := &system{
			company:    perch.Company{LegalName: &name, Accounts: []perch.BankAccount{{AccountNumber: &account}}},
			people:     []provider.Person{person("1", "Ada"), person("2", "Ben"), person("3", "Cyd"), person("4", "Dan")},
			payments:   []provider.Payment{payment("jan", date), payment("feb", perch.NewDate(2026, 2, 15))},
			statements: map[string][]provider.PayStatement{"jan": {statement("1", "Salary"), statement("2", "Salary"), statement("3", "Salary")}, "feb": {statement("1", "Salary"), statement("2", "Salary")}},
		}
		left := false
		s.people[3].Employment.IsActive = &left
		w := setup(t, config, s)
		first := w.request()
		w.mustSync()
		job := func(end perch.EventType) told {
			return told{end, fmt.Sprintf(`{"job_id":"%s","job_url":"https://perch.example/jobs/automated/%s"}`, first.ID, first.ID)}
		}
		got, cursor := w.events("")
		wants(t, "the first sync", got, ofStatus(perch.StatusProcessing), job(perch.EventInitialSyncOrg), job(perch.EventInitialSyncPayroll), ofStatus(perch.StatusConnected))

		people, payments := w.ids(), w.payments()
		step := func(what string, want ...told) {
			t.Helper()
			w.mustSync()
			got, cursor = w.events(cursor)
			wants(t, what, got, want...)
		}
		step("nothing changed")
		born := perch.NewDate(1990, 5, 17)
		s.people[1].Individual.DOB = &born
		step("a birth date", ofPerson(perch.EventIndividualUpdated, people["Ben"]))
		number := "900019999"
		s.people[2].Individual.SSN = &number
		step("a social security number", ofPerson(perch.EventIndividualUpdated, people["Cyd"]))
		title := "Baker"
		s.people[3].Employment.Title = &title
		step("a leaver's title", ofPerson(perch.EventEmploymentUpdated, people["Dan"]))
		s.people[0] = person("1", "Eve")
		step("a name stands everywhere", ofPerson(perch.EventDirectoryUpdated, people["Ada"]), ofPerson(perch.EventIndividualUpdated, people["Ada"]),
			ofPerson(perch.EventEmploymentUpdated, people["Ada"]))
		s.company.Accounts = []perch.BankAccount{{AccountNumber: &iban}}
		step("a bank account", told{perch.EventCompanyUpdated, "null"})
		s.people = append([]provider.Person{person("5", "Fay")}, s.people[1:]...)
		w.mustSync()
		people = w.ids()
		ada := people["Ada"]
		got, cursor = w.events(cursor)
		var ids []perch.ID
		for _, e := range got {
			if e.Type == perch.EventDirectoryDeleted {
				var data struct {
					ID perch.ID `json:"individual_id"`
				}
				must(t, json.Unmarshal([]byte(e.Data), &data))
				ids = append(ids, data.ID)
			}
		}
		if len(ids) != 1 || ids[0] == ada {
			t.Fatalf("deleted: %v", ids)
		}
		var want []told
		for _, change := range []perch.EventType{perch.EventDirectoryCreated, perch.EventIndividualCreated, perch.EventEmploymentCreated} {
			want = append(want, ofPerson(change, people["Fay"]))
		}
		for _, change := range []perch.EventType{perch.EventDirectoryDeleted, perch.EventIndividualDeleted, perch.EventEmploymentDeleted} {
			want = append(want, ofPerson(change, ids[0]))
		}
		wants(t, "one came and one went, and the last moved", got, want...)

		s.statements["jan"][1] = statement("2", "Overtime")
		s.statements["jan"] = s.statements["jan"][:2]
		step("statements", ofStatement(perch.EventPayStatementUpdated, payments["2026-01-15"], people["Ben"]),
			ofStatement(perch.EventPayStatementDeleted, payments["2026-01-15"], people["Cyd"]))
		debit := perch.NewDate(2026, 1, 14)
		s.payments[0].Payment.DebitDate = &debit
		step("a payment", ofPayment(perch.EventPaymentUpdated, payments["2026-01-15"], "2026-01-15"))
		s.payments = append(s.payments[:1], payment("mar", perch.NewDate(2026, 3, 15)))
		s.statements["mar"] = []provider.PayStatement{statement("2", "Salary")}
		w.mustSync()
		march := w.payments()["2026-03-15"]
		got, cursor = w.events(cursor)
		wants(t, "a payment came and one went", got, ofPayment(perch.EventPaymentCreated, march, "2026-03-15"), ofStatement(perch.EventPayStatementCreated, march, people["Ben"]),
			ofPayment(perch.EventPaymentDeleted, payments["2026-02-15"], "2026-02-15"),
			ofStatement(perch.EventPayStatementDeleted, payments["2026-02-15"], ids[0]), ofStatement(perch.EventPayStatementDeleted, payments["2026-02-15"], people["Ben"]))
	})
}

func TestASyncThatFailsTellsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada")}}
		for i := range 3000 {
			s.people = append(s.people, person(fmt.Sprint(i+2), "Ben"))
		}
		w := setup(t, config, s)
		w.mustSync()
		people := w.ids()
		_, cursor := w.events("")
		// So many changes that events are written on the way, and a failure after them.
		for i := range s.people {
			s.people[i].Individual.PreferredName = s.people[0].Individual.FirstName
		}
		s.payments, s.beforeStatements = []provider.Payment{payment("jan", perch.NewDate(2026, 1, 15))}, nil
		s.failAtTheEnd = errProvider
		if _, err := w.sync(); !errors.Is(err, errProvider) {
			t.Fatalf("got %v", err)
		}
		got, cursor := w.events(cursor)
		wants(t, "a sync that failed", got)
		s.failAtTheEnd = nil
		w.mustSync()
		got, _ = w.events(cursor)
		updated := 0
		for _, e := range got {
			if e.Type == perch.EventIndividualUpdated {
				updated++
			}
		}
		// Payroll was not complete before, but its first sync was: the payment is news.
		if updated != len(s.people) || len(got) != updated+1 {
			t.Errorf("%d events, %d of individuals, want %d and one of the payment", len(got), updated, len(s.people))
		}
		if got[0] != ofPerson(perch.EventIndividualUpdated, people["Ada"]) {
			t.Errorf("the first event is %s", got[0])
		}
	})
}

func TestEveryNewStatusIsAnEvent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada")}}
		w := setup(t, config, s)
		w.mustSync()
		_, cursor := w.events("")
		s.openError = perch.ErrReauthenticate
		for range 2 {
			if _, err := w.sync(); !errors.Is(err, perch.ErrReauthenticate) {
				t.Fatalf("got %v", err)
			}
		}
		got, cursor := w.events(cursor)
		wants(t, "credentials are refused, twice", got, ofStatus(perch.StatusReauth))
		s.openError = nil
		w.mustSync()
		got, cursor = w.events(cursor)
		wants(t, "they work again", got, ofStatus(perch.StatusConnected))
		w.call("POST", "/disconnect", "", nil)
		got, cursor = w.events(cursor)
		wants(t, "disconnected", got, ofStatus(perch.StatusDisconnected))
		got, _ = w.events(cursor)
		wants(t, "nothing follows", got)
	})
}

func TestTheFeedForgetsAfterThirtyDays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		config.Now = func() time.Time { return now }
		s := &system{people: []provider.Person{person("1", "Ada")}}
		w := setup(t, config, s)
		w.mustSync()
		_, old := w.events("")
		now = now.Add(event.Kept - time.Hour)
		s.people[0] = person("1", "Eve")
		w.mustSync()
		must(t, w.app.Events.Prune(t.Context()))
		got, recent := w.events(old)
		if len(got) != 3 {
			t.Errorf("%d events within 30 days, want 3", len(got))
		}
		now = now.Add(2 * time.Hour)
		must(t, w.app.Events.Prune(t.Context()))
		if got, _ := w.events(old); len(got) != 3 {
			t.Errorf("%d events from a cursor behind which nothing is deleted, want 3", len(got))
		}
		if got, _ := w.events(""); len(got) != 3 {
			t.Errorf("%d events are kept, want 3", len(got))
		}
		now = now.Add(event.Kept)
		must(t, w.app.Events.Prune(t.Context()))
		_, err := w.app.Events.Feed(t.Context(), w.appID, event.Query{Cursor: old, Limit: 1})
		var refused *perch.Error
		if !errors.As(err, &refused) || refused.Name != perch.NameInvalidRequest || !strings.Contains(refused.Message, "30 days") {
			t.Errorf("a cursor from before what is kept: %v", err)
		}
		if got, _ := w.events(recent); len(got) != 0 {
			t.Errorf("%d events after the last", len(got))
		}
		if got, _ := w.events(""); len(got) != 0 {
			t.Errorf("%d events are kept for too long", len(got))
		}
	})
}

func TestEventsOfAssistedConnectionsAreMarked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada")}}
		w := setup(t, config, s)
		w.connect(perch.AuthAssisted)
		w.mustSync()
		s.people[0] = person("1", "Eve")
		w.mustSync()
		page, err := w.app.Events.Feed(t.Context(), w.appID, event.Query{Limit: event.MaxPage, ConnectionID: w.made.Connection.ID})
		must(t, err)
		seen := map[perch.EventType]bool{}
		for _, e := range page.Events {
			seen[e.Type] = true
			if e.Assisted != (e.Type != perch.EventAccountUpdated) {
				t.Errorf("%s: assisted %v", e.Type, e.Assisted)
			}
		}
		for _, want := range []perch.EventType{perch.EventAccountUpdated, perch.EventInitialSyncOrg, perch.EventDirectoryUpdated} {
			if !seen[want] {
				t.Errorf("there is no %s", want)
			}
		}
	})
}

// TestSyncsOfOneApplicationDoNotBlockEachOther runs many syncs that publish events into one log while
// connections are disconnected: nobody may wait for another in a circle.
func TestSyncsOfOneApplicationDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben")}, payments: []provider.Payment{payment("jan", perch.NewDate(2026, 1, 15))}}
		w := setup(t, config, s)
		ctx := t.Context()
		var running sync.WaitGroup
		for i := range 12 {
			one := *w
			one.connect(perch.AuthOAuth)
			running.Go(func() {
				for range 3 {
					requested := one.request()
					if _, err := one.app.Syncs.Run(ctx, requested.ConnectionID, requested.EntityID, requested.ID); err != nil {
						t.Errorf("a sync: %v", err)
					}
				}
				if i%2 == 0 {
					return
				}
				if err := one.app.Store.Disconnect(ctx, one.appID, one.made.Connection.ID, time.Now(), func(*sql.Tx, []perch.ID) error { return nil }); err != nil {
					t.Errorf("disconnecting: %v", err)
				}
			})
		}
		running.Wait()
		page, err := w.app.Events.Feed(ctx, w.appID, event.Query{Limit: event.MaxPage})
		must(t, err)
		// Each: processing, two first syncs, connected; half of them disconnected; and the one of the setup.
		if want := 12*4 + 6 + 1; len(page.Events) != want {
			t.Errorf("%d events, want %d", len(page.Events), want)
		}
	})
}
