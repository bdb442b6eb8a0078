package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/provider"
)

// since reads who changed after a time: the directory page by page, then the batches with all ids.
type since struct{ directory, individuals, employments, payments []string }

func (w *world) since(after string, everyone map[string]perch.ID) (got since, retrieved string) {
	w.t.Helper()
	names := map[perch.ID]string{}
	var requests []string
	for name, id := range everyone {
		names[id] = name
		requests = append(requests, `{"individual_id":"`+id.String()+`"}`)
	}
	query := "&modified_after=" + url.QueryEscape(after)
	for offset := 0; ; offset += 2 {
		var d directory
		answer := w.call("GET", fmt.Sprintf("/employer/directory?limit=2&offset=%d%s", offset, query), "", &d)
		if answer.StatusCode != http.StatusOK {
			w.t.Fatalf("the directory answered %d", answer.StatusCode)
		}
		retrieved = answer.Header.Get("Finch-Data-Retrieved")
		for _, one := range d.Individuals {
			got.directory = append(got.directory, names[one.ID])
		}
		if len(d.Individuals) < 2 {
			if d.Paging.Count != len(got.directory) {
				w.t.Errorf("the directory counts %d and lists %d", d.Paging.Count, len(got.directory))
			}
			break
		}
	}
	for path, list := range map[string]*[]string{"individual": &got.individuals, "employment": &got.employments} {
		var answer struct {
			Responses []struct {
				ID   string `json:"individual_id"`
				Code int
			}
		}
		w.call("POST", "/employer/"+path, `{"requests":[`+strings.Join(append(requests, `{"individual_id":"nobody"}`), ",")+`],"options":{"modified_after":"`+after+`"}}`, &answer)
		for _, r := range answer.Responses {
			id, err := perch.ParseID(r.ID)
			name := names[id]
			if err != nil {
				name = r.ID
			}
			if r.Code != http.StatusOK {
				name += fmt.Sprint(" ", r.Code)
			}
			*list = append(*list, name)
		}
		slices.Sort(*list)
	}
	slices.Sort(got.directory)
	var payments []perch.Payment
	w.call("GET", "/employer/payment?start_date=2000-01-01&end_date=2100-01-01"+query, "", &payments)
	for _, p := range payments {
		got.payments = append(got.payments, p.PayDate.String())
	}
	return got, retrieved
}

func TestModifiedAfterListsWhatChanged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 123456e3, time.UTC)
		config.Now = func() time.Time { return now }
		s := &system{payments: []provider.Payment{payment("jan", perch.NewDate(2026, 1, 15)), payment("feb", perch.NewDate(2026, 2, 15))}}
		for i, name := range []string{"Ada", "Ben", "Cyd", "Dan", "Eve"} {
			s.people = append(s.people, person(fmt.Sprint(i+1), name))
		}
		w := setup(t, config, s)
		w.mustSync()
		everyone := w.ids()
		all := []string{"Ada", "Ben", "Cyd", "Dan", "Eve"}
		check := func(what, after string, want since) (retrieved string) {
			t.Helper()
			want.individuals, want.employments = append(slices.Clone(want.individuals), "nobody 404"), append(slices.Clone(want.employments), "nobody 404")
			got, retrieved := w.since(after, everyone)
			if !slices.Equal(got.directory, want.directory) || !slices.Equal(got.individuals, want.individuals) ||
				!slices.Equal(got.employments, want.employments) || !slices.Equal(got.payments, want.payments) {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
			return retrieved
		}
		retrieved := check("since the day before", "2026-02-28", since{all, all, all, []string{"2026-01-15", "2026-02-15"}})
		check("since the first sync", retrieved, since{})

		now = now.Add(time.Hour)
		born, title, debit := perch.NewDate(1990, 5, 17), "Baker", perch.NewDate(2026, 2, 14)
		s.people[1].Individual.DOB, s.people[2].Employment.Title, s.payments[1].Payment.DebitDate = &born, &title, &debit
		w.mustSync()
		changed := since{nil, []string{"Ben"}, []string{"Cyd"}, []string{"2026-02-15"}}
		second := check("a birth date, a title and a debit date", retrieved, changed)

		now = now.Add(time.Hour)
		w.mustSync() // finds nothing
		check("since the second sync", second, since{})

		now = now.Add(time.Hour)
		ssn, department := "900019999", "Ovens"
		s.people[3].Individual.SSN, s.people[4].Employment.Department = &ssn, &perch.DepartmentName{Name: &department}
		s.people = s.people[1:] // the last one moves into the hole
		w.mustSync()
		check("since the second sync, a number, a department and a deletion", second,
			since{[]string{"Eve"}, []string{"Ada 404", "Dan"}, []string{"Ada 404", "Eve"}, nil})
		check("since the first sync", retrieved, since{[]string{"Eve"}, []string{"Ada 404", "Ben", "Dan"}, []string{"Ada 404", "Cyd", "Eve"}, []string{"2026-02-15"}})
	})
}

// Processes share no clock, and a clock may be set back: what is published later was modified after what was
// published before.
func TestModifiedAfterMissesNothingWhenTheClockGoesBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 123456e3, time.UTC)
		config.Now = func() time.Time { return now }
		s := &system{people: []provider.Person{person("1", "Ada")}, payments: []provider.Payment{payment("jan", perch.NewDate(2026, 1, 15))}}
		w := setup(t, config, s)
		w.mustSync()
		everyone := w.ids()
		now = now.Add(time.Second)
		w.mustSync() // finds nothing, and moves the date
		_, retrieved := w.since("2026-02-28", everyone)
		for i, step := range []time.Duration{-5 * time.Second, 0, 300 * time.Microsecond} {
			now = now.Add(step)
			born, debit := perch.NewDate(1990, 5, 1+i), perch.NewDate(2026, 1, 1+i)
			s.people[0].Individual.DOB, s.payments[0].Payment.DebitDate = &born, &debit
			w.mustSync()
			got, next := w.since(retrieved, everyone)
			if !slices.Contains(got.individuals, "Ada") || !slices.Equal(got.payments, []string{"2026-01-15"}) {
				t.Errorf("%s later nothing was modified after %s: %+v", step, retrieved, got)
			}
			retrieved = next
		}
	})
}
