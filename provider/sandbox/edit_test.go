package sandbox

import (
	"context"
	"encoding/json"
	"iter"
	"reflect"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// book gives out the same edits for every account.
type book struct{ edits Edits }

func (b book) Edits(context.Context, perch.ID) (Edits, error) { return b.edits, nil }

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// editedSource opens an employer of 30 people with edits.
func editedSource(t *testing.T, fields *perch.SupportedFields, edits Edits) *source {
	t.Helper()
	settings, err := NewSettings(7, 30, perch.NewDate(2026, 3, 2), fields)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Connector{Book: book{edits}}.Open(t.Context(), provider.Account{Settings: encoded(t, settings)})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*source)
}

// snapshotOf encodes everyone, since the yielded value is overwritten.
func snapshotOf(t *testing.T, s *source) (list []string) {
	t.Helper()
	for p, err := range s.People(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(encoded(t, p)))
	}
	return list
}

func TestAnEditChangesOnePersonAndNothingElse(t *testing.T) {
	t.Parallel()
	plain := snapshotOf(t, editedSource(t, nil, Edits{}))
	edit := PersonEdit{
		FirstName: To(new("Ada")), DOB: To[*perch.Date](nil), Emails: To([]perch.Email{}), Manager: To(new(3)),
		Income: To(&perch.Income{Amount: new(int64(1))}), Location: To(&perch.Location{City: new("Salem")}),
	}
	s := editedSource(t, nil, Edits{People: []EditedPerson{{Index: 12, Edit: encoded(t, edit)}}})
	edited := snapshotOf(t, s)
	if len(edited) != len(plain) {
		t.Fatalf("%d people", len(edited))
	}
	var before, after provider.Person
	for i := range plain {
		if i != 12 && plain[i] != edited[i] {
			t.Errorf("person %d changed", i)
		}
	}
	if json.Unmarshal([]byte(plain[12]), &before) != nil || json.Unmarshal([]byte(edited[12]), &after) != nil {
		t.Fatal("the person cannot be read")
	}
	before.Individual.FirstName, before.Employment.FirstName, before.Individual.DOB = new("Ada"), new("Ada"), nil
	before.Individual.Emails, before.ManagerKey = []perch.Email{}, personKey(3)
	before.Employment.Income = &perch.Income{Amount: new(int64(1))}
	before.Employment.Location = &perch.Location{City: new("Salem")}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("got  %s\nwant %s", encoded(t, after), encoded(t, before))
	}
	if again := snapshotOf(t, s); !reflect.DeepEqual(again, edited) {
		t.Error("a second reading differs: the edit reached memory that people share")
	}
}

func TestAnEditShowsOnlyWhatTheProviderSupplies(t *testing.T) {
	t.Parallel()
	var fields perch.SupportedFields
	fields.Individual.FirstName, fields.Employment.FirstName, fields.Employment.Location.City, fields.Company.LegalName = true, true, true, true
	edit := encoded(t, PersonEdit{FirstName: To(new("Ada")), LastName: To(new("Roe")), Manager: To(new(3)), SSN: To(new("900123456")),
		Location: To(&perch.Location{City: new("Salem"), State: new("MA")}), Employment: To[*perch.EmploymentKind](nil)})
	s := editedSource(t, &fields, Edits{
		Company: encoded(t, CompanyEdit{LegalName: To(new("X")), EIN: To(new("1")), Accounts: To([]perch.BankAccount{{AccountNumber: new("1")}})}),
		People:  []EditedPerson{{Index: 4, Edit: edit}, {Index: 30, Edit: edit}},
	})
	index := 0
	for p, err := range s.People(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if index == 4 || index == 30 {
			want := provider.Person{Keys: []string{personKey(index)}, Individual: perch.Individual{FirstName: new("Ada")},
				Employment: perch.Employment{FirstName: new("Ada"), Location: &perch.Location{City: new("Salem")}}}
			if !reflect.DeepEqual(*p, want) {
				t.Errorf("person %d: %s", index, encoded(t, p))
			}
		}
		index++
	}
	if company, err := s.Company(t.Context()); err != nil || !reflect.DeepEqual(company, perch.Company{LegalName: new("X")}) {
		t.Errorf("company %s, %v", encoded(t, company), err)
	}
}

func TestPeopleWhoAreAddedComeLastAndHaveANumber(t *testing.T) {
	t.Parallel()
	s := editedSource(t, nil, Edits{People: []EditedPerson{{Index: 29, Edit: []byte(`{}`)}, {Index: 30, Edit: []byte(`{}`)}, {Index: 31, Edit: []byte(`{"source_id":null}`)}}})
	plain, list := snapshotOf(t, editedSource(t, nil, Edits{})), snapshotOf(t, s)
	if len(list) != 32 || !reflect.DeepEqual(list[:30], plain) {
		t.Fatalf("%d people", len(list))
	}
	want := provider.Person{Keys: []string{"employee:1031"}, Employment: perch.Employment{SourceID: new("emp_1031"), WorkID: new("1031")}}
	if list[30] != string(encoded(t, want)) {
		t.Errorf("got %s", list[30])
	}
	want = provider.Person{Keys: []string{"employee:1032"}, Employment: perch.Employment{WorkID: new("1032")}}
	if list[31] != string(encoded(t, want)) {
		t.Errorf("got %s", list[31])
	}
}

func TestAnEditThatCannotBeReadEndsTheReading(t *testing.T) {
	t.Parallel()
	for _, edits := range []Edits{{People: []EditedPerson{{Index: 2, Edit: []byte(`{"dob":"x"}`)}}}, {People: []EditedPerson{{Index: 30, Edit: []byte(`[`)}}}} {
		var failure error
		for _, err := range editedSource(t, nil, edits).People(t.Context()) {
			failure = err
		}
		if failure == nil {
			t.Error("no error")
		}
	}
}

func TestAddedPaymentsFollowThoseOfTheSchedule(t *testing.T) {
	t.Parallel()
	day := func(d int) perch.Date { return perch.NewDate(2026, 3, d) }
	added := AddedPayment{Start: day(2), End: day(13), Pay: day(13), Debit: day(16), People: []int{1, 30}, Gross: 1000, Net: 600, EmployeeTaxes: 400, EmployerTaxes: 70}
	line := func(person int, key string) *AddedStatement {
		return &AddedStatement{Person: person, Key: key, Statement: perch.PayStatement{GrossPay: perch.Dollars(500)}}
	}
	s := editedSource(t, nil, Edits{
		People: []EditedPerson{{Index: 30, Edit: []byte(`{}`)}}, Payments: [][]byte{encoded(t, added)},
		Statements: func(_ context.Context, payment int) iter.Seq2[*AddedStatement, error] {
			return func(yield func(*AddedStatement, error) bool) {
				if payment != 0 {
					t.Errorf("asked for payment %d", payment)
				}
				_ = yield(line(1, ""), nil) && yield(line(30, ""), nil) && yield(line(1, "1"), nil)
			}
		},
	})
	var last *provider.Payment
	count := 0
	for p, err := range s.Payments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		last = p
		count++
	}
	plain := 0
	for range editedSource(t, nil, Edits{}).Payments(t.Context()) {
		plain++
	}
	if count != plain+1 || last.Key != PaymentKey(0) || *last.Payment.CompanyDebit.Amount != 1070 || !reflect.DeepEqual(last.PersonKeys, []string{personKey(1), personKey(30)}) {
		t.Errorf("%d of %d payments, the last is %s", count, plain, encoded(t, last))
	}
	var keys []string
	for v, err := range s.PayStatements(t.Context(), PaymentKey(0)) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, v.PersonKey+"/"+v.Key)
	}
	if want := []string{personKey(1) + "/", personKey(30) + "/", personKey(1) + "/1"}; !reflect.DeepEqual(keys, want) {
		t.Errorf("statements of %v", keys)
	}
	for _, err := range s.PayStatements(t.Context(), PaymentKey(1)) {
		if err == nil {
			t.Error("a payment that was not added has statements")
		}
	}
}

func TestAChangeToldFromNone(t *testing.T) {
	t.Parallel()
	var e PersonEdit
	if err := json.Unmarshal([]byte(`{"dob":null,"emails":[]}`), &e); err != nil {
		t.Fatal(err)
	}
	if !e.DOB.Set || e.DOB.Value != nil || !e.Emails.Set || e.Emails.Value == nil || e.Gender.Set {
		t.Errorf("read %+v", e)
	}
	if got := string(encoded(t, e)); got != `{"emails":[],"dob":null}` {
		t.Errorf("wrote %s", got)
	}
	e.Residence = To(&perch.Location{City: new("Salem"), State: new("MA")})
	if err := json.Unmarshal([]byte(`{"residence":{"city":"Lynn"}}`), &e); err != nil {
		t.Fatal(err)
	}
	if r := e.Residence.Value; *r.City != "Lynn" || r.State != nil {
		t.Errorf("an object is replaced whole, not merged: %+v", r)
	}
}

func TestBusinessDaysAreThoseOfTheFederalReserve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from perch.Date
		n    int
		want perch.Date
	}{
		{perch.NewDate(2026, 1, 16), 1, perch.NewDate(2026, 1, 20)},   // over a weekend and Martin Luther King's birthday
		{perch.NewDate(2026, 1, 20), 14, perch.NewDate(2026, 2, 9)},   // nearly three weeks
		{perch.NewDate(2026, 2, 9), 14, perch.NewDate(2026, 3, 2)},    // with Washington's birthday
		{perch.NewDate(2026, 7, 2), 1, perch.NewDate(2026, 7, 3)},     // Independence Day on a Saturday is not moved
		{perch.NewDate(2026, 11, 25), 1, perch.NewDate(2026, 11, 27)}, // Thanksgiving
		{perch.NewDate(2026, 3, 7), 0, perch.NewDate(2026, 3, 7)},
	} {
		if got := BusinessDaysAfter(c.from, c.n); got != c.want {
			t.Errorf("%d after %s is %s, want %s", c.n, c.from, got, c.want)
		}
	}
}

func TestBasePayFollowsFromAnyUnit(t *testing.T) {
	t.Parallel()
	monday, friday := perch.NewDate(2026, 3, 2), perch.NewDate(2026, 3, 13) // ten weekdays
	for unit, c := range map[perch.IncomeUnit]struct{ amount, want int64 }{
		perch.IncomeYearly: {5_200_000, 200_000}, perch.IncomeQuarterly: {1_300_000, 200_000}, perch.IncomeMonthly: {433_333, 200_000},
		perch.IncomeSemiMonthly: {216_667, 200_000}, perch.IncomeBiWeekly: {200_000, 200_000}, perch.IncomeWeekly: {100_000, 200_000},
		perch.IncomeDaily: {20_000, 200_000}, perch.IncomeHourly: {2_500, 200_000},
	} {
		if got, ok := BasePay(&perch.Income{Unit: new(unit), Amount: new(c.amount)}, monday, friday); !ok || got != c.want {
			t.Errorf("%s: %d, %v", unit, got, ok)
		}
	}
	for name, income := range map[string]*perch.Income{
		"no income": nil, "no amount": {Unit: new(perch.IncomeYearly)}, "no unit": {Amount: new(int64(1))}, "a lump sum": {Unit: new(perch.IncomeFixed), Amount: new(int64(1))},
		"more than anybody earns": {Unit: new(perch.IncomeHourly), Amount: new(int64(1) << 53)},
	} {
		if got, ok := BasePay(income, monday, friday); ok {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got, ok := BasePay(&perch.Income{Unit: new(perch.IncomeHourly), Amount: new(int64(mostIncome))}, perch.NewDate(1900, 1, 1), perch.NewDate(2199, 12, 31)); !ok || got <= 0 {
		t.Errorf("the largest income over three centuries: %d, %v", got, ok)
	}
	if got, ok := BasePay(&perch.Income{Unit: new(perch.IncomeHourly), Amount: new(int64(100))}, perch.NewDate(2026, 3, 7), perch.NewDate(2026, 3, 8)); ok {
		t.Errorf("a weekend: %d", got)
	}
}
