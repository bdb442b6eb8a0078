package app_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/app"
	syncengine "github.com/perchhq/perch/internal/sync"
	"github.com/perchhq/perch/provider"
)

// item is an entry of the catalogue on the wire.
type item struct {
	Name       string
	Category   string
	Attributes struct {
		Type     *string
		PreTax   *bool `json:"pre_tax"`
		Employer *bool
		Metadata map[string]any
	}
}

func (i item) String() string {
	return fmt.Sprintf("%s %q %s %s %s", i.Category, i.Name, shown(i.Attributes.Type), shown(i.Attributes.PreTax), shown(i.Attributes.Employer))
}

func shown[T any](value *T) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(*value)
}

// items asks for the catalogue.
func (w *world) items(query url.Values) (list []string) {
	w.t.Helper()
	var answer struct{ Responses []item }
	if got := w.call("GET", "/employer/pay-statement-item?"+query.Encode(), "", &answer); got.StatusCode != http.StatusOK {
		w.t.Fatalf("the items answered %d", got.StatusCode)
	}
	for _, one := range answer.Responses {
		list = append(list, one.String())
	}
	slices.Sort(list)
	return list
}

// seen finds the items of a system's statements by brute force, with the day on which each was last seen.
// A second statement of the same person in one payment is not published, and does not count.
func (s *system) seen() map[string]perch.Date {
	last := map[string]perch.Date{}
	for _, payment := range s.payments {
		published := map[string]bool{}
		for _, one := range s.statements[payment.Key] {
			if published[one.PersonKey] {
				continue
			}
			published[one.PersonKey] = true
			for _, found := range itemsOf(one.Statement) {
				last[found.String()] = max(last[found.String()], *payment.Payment.PayDate)
			}
		}
	}
	return last
}

func itemsOf(s perch.PayStatement) (list []item) {
	add := func(category string, name, kind *string, preTax, employer *bool) {
		one := item{Category: category}
		if name != nil {
			one.Name = *name
		}
		one.Attributes.Type, one.Attributes.PreTax, one.Attributes.Employer = kind, preTax, employer
		list = append(list, one)
	}
	for _, l := range s.Earnings {
		add("earnings", l.Name, (*string)(l.Type), nil, nil)
	}
	for _, l := range s.Taxes {
		add("taxes", l.Name, (*string)(l.Type), nil, l.Employer)
	}
	for _, l := range s.EmployeeDeductions {
		add("employee_deductions", l.Name, (*string)(l.Type), l.PreTax, nil)
	}
	for _, l := range s.EmployerContributions {
		add("employer_contributions", l.Name, (*string)(l.Type), nil, nil)
	}
	return list
}

// draw returns a value, or null one time in five.
func draw[T any](rng *rand.Rand, values ...T) *T {
	if rng.IntN(5) == 0 {
		return nil
	}
	return &values[rng.IntN(len(values))]
}

var itemNames = []string{"Salary", "salary", `Sa"la\ry}`, "401k", "Été", "Health, Dental & <Vision>", "]},{"}

func randomStatement(rng *rand.Rand, person string) provider.PayStatement {
	one := provider.PayStatement{PersonKey: "employee:" + person}
	name := func() *string { return draw(rng, itemNames...) }
	cents, currency := rng.Int64N(1_000_000), "usd"
	for range rng.IntN(4) {
		one.Statement.Earnings = append(one.Statement.Earnings, perch.Earning{Name: name(), Type: draw(rng, perch.EarningSalary, perch.EarningBonus), Amount: &cents, Currency: &currency})
	}
	for range rng.IntN(3) {
		one.Statement.Taxes = append(one.Statement.Taxes, perch.Tax{Name: name(), Type: draw(rng, perch.TaxFICA), Employer: draw(rng, true, false), Amount: &cents, Currency: &currency})
	}
	for range rng.IntN(3) {
		one.Statement.EmployeeDeductions = append(one.Statement.EmployeeDeductions, perch.PayDeduction{Name: name(), Type: draw(rng, perch.BenefitType("401k")), PreTax: draw(rng, true, false), Amount: &cents, Currency: &currency})
	}
	for range rng.IntN(3) {
		one.Statement.EmployerContributions = append(one.Statement.EmployerContributions, perch.Contribution{Name: name(), Amount: &cents, Currency: &currency})
	}
	return one
}

func randomPayment(rng *rand.Rand, number int) provider.Payment {
	paid := perch.NewDate(2024, 1, 1+rng.IntN(400))
	return provider.Payment{Key: fmt.Sprint("payment ", number), Payment: perch.Payment{PayDate: &paid}}
}

// randomPayroll is a system of a few people and payments.
func randomPayroll(rng *rand.Rand, payments int) *system {
	s := &system{people: []provider.Person{person("1", "Ada"), person("2", "Ben"), person("3", "Cyd")}, statements: map[string][]provider.PayStatement{}}
	for number := range payments {
		s.addPayment(rng, number)
	}
	return s
}

func (s *system) addPayment(rng *rand.Rand, number int) {
	payment := randomPayment(rng, number)
	s.payments = append(s.payments, payment)
	for _, who := range []string{"1", "2", "3"} {
		s.statements[payment.Key] = append(s.statements[payment.Key], randomStatement(rng, who))
	}
}

// mutate changes something about the payroll.
func (s *system) mutate(rng *rand.Rand, round int) {
	at := rng.IntN(len(s.payments))
	key := s.payments[at].Key
	switch list := s.statements[key]; rng.IntN(5) {
	case 0:
		s.addPayment(rng, 100+round)
	case 1:
		if len(s.payments) > 1 {
			s.payments = slices.Delete(s.payments, at, at+1)
		}
	case 2:
		if len(list) > 0 {
			s.statements[key] = list[1:]
		}
	case 3:
		paid := perch.NewDate(2024, 1, 1+rng.IntN(400))
		s.payments[at].Payment.PayDate = &paid
	default:
		if len(list) > 0 {
			list[rng.IntN(len(list))] = randomStatement(rng, "2")
		}
	}
}

func (w *world) checkCatalogue(want map[string]perch.Date) {
	w.t.Helper()
	if got := w.items(nil); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		w.t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
	for _, day := range []perch.Date{perch.NewDate(2024, 1, 1), perch.NewDate(2024, 6, 1), perch.NewDate(2024, 11, 1)} {
		var from, to []string
		for name, last := range want {
			if last >= day {
				from = append(from, name)
			}
			if last <= day {
				to = append(to, name)
			}
		}
		slices.Sort(from)
		slices.Sort(to)
		if got := w.items(url.Values{"start_date": {day.String()}}); !slices.Equal(got, from) {
			w.t.Errorf("last seen since %s: got %v, want %v", day, got, from)
		}
		if got := w.items(url.Values{"end_date": {day.String()}}); !slices.Equal(got, to) {
			w.t.Errorf("last seen until %s: got %v, want %v", day, got, to)
		}
	}
}

func TestTheCatalogueOfItemsIsExact(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		rng := rand.New(rand.NewPCG(5, 6))
		s := randomPayroll(rng, 4)
		w := setup(t, config, s)
		for round := range 25 {
			w.mustSync()
			w.checkCatalogue(s.seen())
			s.mutate(rng, round)
		}
	})
}

// A source that adds to payroll lists one payment; the items of the others stay as they are.
func TestTheCatalogueKeepsItemsOfPaymentsThatWereNotRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		rng := rand.New(rand.NewPCG(7, 8))
		whole := randomPayroll(rng, 6)
		s := &system{people: whole.people, statements: whole.statements, additive: true}
		w := setup(t, config, s)
		for i := range whole.payments {
			s.payments = whole.payments[i : i+1]
			w.mustSync()
			w.checkCatalogue((&system{payments: whole.payments[:i+1], statements: whole.statements}).seen())
		}
		s.payments = whole.payments[2:3]
		s.statements[s.payments[0].Key] = nil
		w.mustSync()
		w.checkCatalogue(whole.seen())
	})
}

func TestASyncThatFindsNothingWritesNoItems(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, randomPayroll(rand.New(rand.NewPCG(9, 10)), 3))
		w.mustSync()
		w.mustSync() // the first one published in steps
		generation := func() int64 {
			account, err := w.app.Store.Account(t.Context(), w.made.Connection.ID, w.made.EntityID)
			must(t, err)
			return account.Groups[1].Generation
		}
		before := generation()
		if got := w.mustSync()[syncengine.KindStatement]; got.Created+got.Updated+got.Deleted != 0 {
			t.Errorf("the statements changed: %+v", got)
		}
		if after := generation(); after != before {
			t.Errorf("a sync that found nothing published generation %d after %d", after, before)
		}
	})
}

func TestItemsAreNotListedBeforeTheyAreAllThere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		s := randomPayroll(rand.New(rand.NewPCG(11, 12)), 2)
		w := setup(t, config, s)
		s.beforeStatements = func(string) {
			if got := w.call("GET", "/employer/pay-statement-item", "", nil).StatusCode; got != http.StatusAccepted {
				t.Errorf("while statements come the items answer %d", got)
			}
		}
		w.mustSync()
		w.checkCatalogue(s.seen())
	})
}

func TestItemsAreFiltered(t *testing.T) {
	t.Parallel()
	s := randomPayroll(rand.New(rand.NewPCG(13, 14)), 12)
	w := setup(t, app.Config{Data: t.TempDir()}, s)
	w.mustSync()
	all := w.items(nil)
	for name, test := range map[string]struct {
		query url.Values
		keep  func(shown string) bool
	}{
		"a category":         {url.Values{"categories": {"taxes"}}, func(i string) bool { return strings.HasPrefix(i, "taxes ") }},
		"two categories":     {url.Values{"categories": {"taxes,earnings"}}, func(i string) bool { return strings.HasPrefix(i, "taxes ") || strings.HasPrefix(i, "earnings ") }},
		"a name in any case": {url.Values{"name": {"SALAR"}}, func(i string) bool { return strings.Contains(strings.ToLower(i), `"salar`) }},
		"an accent":          {url.Values{"name": {"éT"}}, func(i string) bool { return strings.Contains(i, "Été") }},
		"a type":             {url.Values{"type": {"401k"}}, func(i string) bool { return strings.Contains(i, `" 401k `) }},
		"a part of a type":   {url.Values{"type": {"401"}}, func(string) bool { return false }},
		"several": {url.Values{"categories": {"earnings"}, "name": {"sal"}, "type": {"bonus"}}, func(i string) bool {
			return strings.HasPrefix(i, "earnings ") && strings.Contains(strings.ToLower(i), `"sal`) && strings.Contains(i, `" bonus `)
		}},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(i string) bool { return !test.keep(i) })
		if got := w.items(test.query); !slices.Equal(got, want) || len(want) == len(all) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
