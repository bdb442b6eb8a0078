package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// asOf is a Sunday, on which no bank pays.
var asOf = perch.NewDate(2026, 3, 15)

// testDays are days of connection: every weekday, holidays, leap days, and the ends of the range.
var testDays = []perch.Date{asOf, perch.NewDate(2026, 1, 1), perch.NewDate(2024, 2, 29), perch.NewDate(2026, 12, 31),
	perch.NewDate(2025, 3, 31), perch.NewDate(2026, 7, 4), firstAsOf, lastAsOf, perch.NewDate(2026, 11, 26),
	perch.NewDate(2025, 10, 14), perch.NewDate(2026, 6, 2), perch.NewDate(2027, 5, 5)}

func open(t testing.TB, seed uint64, employees int, day perch.Date, fields *perch.SupportedFields) *source {
	t.Helper()
	settings, err := NewSettings(seed, employees, day, fields)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := settings.Encode()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Connector{}.Open(context.Background(), provider.Account{Settings: encoded})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*source)
}

// eachEmployer runs a test for employers of every size and several seeds.
func eachEmployer(t *testing.T, test func(t *testing.T, s *source)) {
	for _, size := range []int{1, 2, 3, 7, 8, 9, 20, 57, 100, 101, 5_000} {
		seeds := 6
		if size > 200 {
			seeds = 1
		}
		t.Run(fmt.Sprintf("%d people", size), func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				day := testDays[(seed+size)%len(testDays)]
				test(t, open(t, uint64(seed+size*size)*977, size, day, nil))
				if t.Failed() {
					t.Fatalf("with seed %d on %s", (seed+size*size)*977, day)
				}
			}
		})
	}
}

// dump encodes everything that a source yields.
func dump(t *testing.T, s *source) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	put := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	put(s.Company(t.Context()))
	for p, err := range s.People(t.Context()) {
		put(p, err)
	}
	for g, err := range s.PayGroups(t.Context()) {
		put(g, err)
	}
	for p, err := range s.Payments(t.Context()) {
		put(p, err)
		for st, err := range s.PayStatements(t.Context(), p.Key) {
			put(st, err)
		}
	}
	return b.Bytes()
}

func TestTheSameSettingsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 20, 60, 101} {
		a, b := dump(t, open(t, 7, size, asOf, nil)), dump(t, open(t, 7, size, asOf, nil))
		if !bytes.Equal(a, b) {
			t.Errorf("%d people: two reads differ", size)
		}
		if bytes.Equal(a, dump(t, open(t, 8, size, asOf, nil))) {
			t.Errorf("%d people: another seed gives the same data", size)
		}
	}
}

func TestPeopleAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	e := open(t, 3, 500, asOf, nil).employer
	var forward []profile
	for i := range e.people {
		forward = append(forward, e.person(i))
	}
	for i := e.people - 1; i >= 0; i-- {
		if e.person(i) != forward[i] {
			t.Fatalf("person %d differs", i)
		}
	}
}

// people returns copies of the profiles and records of everyone.
func people(t *testing.T, s *source) []provider.Person {
	t.Helper()
	var all []provider.Person
	for p, err := range s.People(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, clone(t, *p))
	}
	return all
}

func clone[T any](t *testing.T, v T) T {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var c T
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheOrganisationIsATree(t *testing.T) {
	t.Parallel()
	eachEmployer(t, func(t *testing.T, s *source) {
		reports := map[int]int{}
		for i := range s.people {
			p := s.person(i)
			steps := 0
			for at := p; at.post.manager != noManager; steps++ {
				boss := s.person(at.post.manager)
				if steps > 12 {
					t.Fatalf("person %d: no way to the top", i)
				}
				if boss.start > at.start {
					t.Errorf("person %d was hired before their manager", at.index)
				}
				if !boss.paidNewest() {
					t.Errorf("person %d reports to someone who is not an active full-time employee", at.index)
				}
				at = boss
			}
			if (steps == 0) != (i == 0) {
				t.Errorf("person %d has no manager", i)
			}
			if i > 0 {
				reports[p.post.manager]++
			}
		}
		for manager, count := range reports {
			if count > 14 {
				t.Errorf("person %d has %d reports", manager, count)
			}
			if p := s.person(manager); p.post.height == 0 {
				t.Errorf("person %d has %d reports and no title for it", manager, count)
			}
		}
	})
}

func TestDatesAreConsistent(t *testing.T) {
	t.Parallel()
	eachEmployer(t, func(t *testing.T, s *source) {
		for i := range s.people {
			p := s.person(i)
			born := p.birthday(s.asOf)
			switch y, m, d := born.Calendar(); {
			case perch.NewDate(y+18, m, d) > p.start:
				t.Errorf("person %d was hired under age", i)
			case p.end != 0 && (p.end <= p.start || p.end > s.asOf):
				t.Errorf("person %d left on %s", i, p.end)
			case p.rehired != 0 && (p.rehired <= p.start || p.end != 0 && p.rehired >= p.end || p.rehired >= s.asOf):
				t.Errorf("person %d came back on %s", i, p.rehired)
			case (p.start > s.asOf) != (p.post.standing == standingPrehire):
				t.Errorf("person %d starts on %s", i, p.start)
			}
			for n := 1; n < p.rateSize; n++ {
				if p.rates[n].amount > p.rates[n-1].amount || p.rates[n].from >= p.rates[n-1].from || p.rates[n].from < p.start {
					t.Errorf("person %d: rates %v", i, p.rates)
				}
			}
		}
	})
}

func TestTwentyPeopleShowEveryCommonCase(t *testing.T) {
	t.Parallel()
	for seed := range 60 {
		s := open(t, uint64(seed), 20, asOf, nil)
		count := map[string]int{}
		for _, p := range people(t, s) {
			e := p.Employment
			key := string(*e.Employment.Subtype) + " " + string(*e.EmploymentStatus)
			count[key]++
			count[string(*e.EmploymentStatus)]++
			if p.Individual.MiddleName == nil {
				count["no middle name"]++
			}
		}
		for key, least := range map[string]int{"full_time active": 12, "individual_contractor active": 1, "part_time active": 1, "leave": 1, "terminated": 2, "no middle name": 1} {
			if count[key] < least {
				t.Fatalf("seed %d: %s: %d, want at least %d", seed, key, count[key], least)
			}
		}
	}
}

func TestKeysAndNumbersAreUnique(t *testing.T) {
	t.Parallel()
	s := open(t, 11, 1_500, asOf, nil)
	seen := map[string]bool{}
	for _, p := range people(t, s) {
		values := append(slices.Clone(p.Keys), "mail")
		if p.Individual.SSN != nil {
			ssn := *p.Individual.SSN
			if len(ssn) != 9 || ssn[0] != '9' || ssn[3:5] >= "50" || ssn[3:5] == "00" || ssn[5:] == "0000" {
				t.Fatalf("a social security number outside the range that is never issued: %s", ssn)
			}
			values = append(values, ssn)
		}
		values = slices.DeleteFunc(values, func(v string) bool { return v == "mail" })
		for _, e := range p.Individual.Emails {
			values = append(values, e.Data)
		}
		for _, v := range values {
			if seen[v] {
				t.Fatalf("%q occurs twice", v)
			}
			seen[v] = true
		}
	}
}

func TestLeaversReturnersAndPeopleOnLeaveAreMarkedAsSuch(t *testing.T) {
	t.Parallel()
	s := open(t, 13, 5_000, asOf, nil)
	for p := range s.People(t.Context()) {
		e := &p.Employment
		left := false
		switch *e.EmploymentStatus {
		case perch.EmploymentTerminated, perch.EmploymentRetired, perch.EmploymentDeceased:
			left = true
		}
		if left != (e.EndDate != nil) || *e.IsActive != (*e.EmploymentStatus == perch.EmploymentActive) {
			t.Errorf("%s: %s, end date %v, active %t", p.Keys, *e.EmploymentStatus, e.EndDate, *e.IsActive)
		}
		contractor := *e.Employment.Type == perch.EmploymentContractor
		if contractor != (e.FLSAStatus == nil) || contractor != (e.KeyEmployee == nil) {
			t.Errorf("%s: a contractor with the marks of an employee, or the reverse", p.Keys)
		}
	}
}

func TestPayGroupsHoldEveryoneWhoIsEmployedOnce(t *testing.T) {
	t.Parallel()
	eachEmployer(t, func(t *testing.T, s *source) {
		var listed int
		for g, err := range s.PayGroups(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			listed += len(g.MemberKeys)
		}
		want := 0
		for i := range s.people {
			if p := s.person(i); p.employedOn(s.asOf) {
				want++
			}
		}
		if listed != want {
			t.Errorf("%d members, want %d", listed, want)
		}
	})
}
