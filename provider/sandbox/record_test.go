package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/provider"
)

// without returns a mask in which every field is supplied but those for which drop answers true.
func without(drop func(path string) bool) *perch.SupportedFields {
	fields := &perch.SupportedFields{}
	var set func(v reflect.Value, path string)
	set = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			at := path + "." + strings.Split(v.Type().Field(i).Tag.Get("json"), ",")[0]
			if v.Field(i).Kind() == reflect.Bool {
				v.Field(i).SetBool(!drop(at[1:]))
			} else {
				set(v.Field(i), at)
			}
		}
	}
	set(reflect.ValueOf(fields).Elem(), "")
	return fields
}

func TestAMaskOfEverythingChangesNothing(t *testing.T) {
	t.Parallel()
	all := without(func(string) bool { return false })
	if got, want := dump(t, open(t, 5, 25, asOf, all)), dump(t, open(t, 5, 25, asOf, nil)); string(got) != string(want) {
		t.Error("a mask that names every field gives other data than no mask")
	}
}

// leaves collects the paths of all values that are not null.
func leaves(v any, path string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			leaves(e, path+"."+k, into)
		}
	case []any:
		for _, e := range v {
			leaves(e, path, into)
		}
	case nil:
	default:
		into[path] = true
	}
}

// shown returns the paths that any record of the source has a value at, as supported fields name
// them.
func shown(t *testing.T, s *source) map[string]bool {
	t.Helper()
	paths := map[string]bool{}
	add := func(v any, prefix string) {
		var tree any
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &tree); err != nil {
			t.Fatal(err)
		}
		leaves(tree, prefix, paths)
	}
	add(s.company(), "company")
	for p := range s.People(t.Context()) {
		add(p.Individual, "individual")
		add(p.Employment, "employment")
		if p.ManagerKey != "" {
			paths["employment.manager.id"] = true
		}
	}
	for g := range s.PayGroups(t.Context()) {
		add(g.PayGroup, "pay_group")
		if g.MemberKeys != nil {
			paths["pay_group.individual_ids"] = true
		}
	}
	for p := range s.Payments(t.Context()) {
		add(p.Payment, "payment")
		for st := range s.PayStatements(t.Context(), p.Key) {
			add(st.Statement, "pay_statement.pay_statements")
		}
		if p.PersonKeys != nil {
			paths["payment.individual_ids"] = true
		}
		if p.PayGroupKeys != nil {
			paths["payment.pay_group_ids"] = true
		}
	}
	return paths
}

// engineFields are supplied by the engine, have a form that cannot be null, or stand for another.
var engineFields = []string{"company.id", "individual.id", "employment.id", "payment.id", "pay_group.id", "pay_group.name",
	"pay_statement.pay_statements.individual_id", "individual.encrypted_ssn", "individual.ssn"}

// maskedPaths lists the supported fields that this package answers for.
func maskedPaths() []string {
	var paths []string
	without(func(path string) bool {
		if !slices.Contains(engineFields, path) && !strings.HasPrefix(path, "directory") && !strings.Contains(path, "paging") {
			paths = append(paths, path)
		}
		return false
	})
	return paths
}

// earlyInTheYear keeps the history short; allFields is a seed that then gives every field a value.
var earlyInTheYear = perch.NewDate(2026, 1, 20)

const allFields = 4

func has(shown map[string]bool, path string) bool {
	for at := range shown {
		if at == path || strings.HasPrefix(at, path+".") {
			return true
		}
	}
	return false
}

// TestEveryMaskedFieldIsNull drops half of the fields at a time, by the bits of their number, so that
// each is dropped and kept several times.
func TestEveryMaskedFieldIsNull(t *testing.T) {
	t.Parallel()
	paths := maskedPaths()
	before := shown(t, open(t, allFields, 45, earlyInTheYear, nil))
	for _, path := range paths {
		if !has(before, path) {
			t.Errorf("%s: no record has it", path)
		}
	}
	for bit := range 8 {
		for _, value := range []int{0, 1} {
			dropped := func(path string) bool { return slices.Index(paths, path)>>bit&1 == value }
			after := shown(t, open(t, allFields, 45, earlyInTheYear, without(dropped)))
			for _, path := range paths {
				switch kept := has(after, path); {
				case kept && dropped(path):
					t.Errorf("%s is shown although the mask drops it", path)
				case !kept && !dropped(path) && path != "individual.emails.type" && path != "payment.pay_group_ids":
					t.Errorf("%s is not shown although the mask keeps it", path)
				}
			}
		}
	}
}

func TestAnEmptyMaskLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, 4, 20, asOf, &perch.SupportedFields{})
	for path := range shown(t, s) {
		if !strings.HasSuffix(path, ".id") {
			t.Errorf("%s is shown", path)
		}
	}
	for p := range s.People(t.Context()) {
		if p.Individual.Residence != nil || p.Individual.Emails != nil || p.Employment.Income != nil || p.Employment.Location != nil || p.ManagerKey != "" {
			t.Fatalf("%s: an object none of whose fields is supplied is not null", p.Keys)
		}
	}
}

func TestNullRatesAreRealistic(t *testing.T) {
	t.Parallel()
	s := open(t, 2, 5_000, asOf, nil)
	null := map[string]int{}
	for p := range s.People(t.Context()) {
		i, e := &p.Individual, &p.Employment
		for name, isNull := range map[string]bool{
			"middle_name": i.MiddleName == nil, "preferred_name": i.PreferredName == nil, "gender": i.Gender == nil,
			"ethnicity": i.Ethnicity == nil, "marital_status": i.MaritalStatus == nil, "dob": i.DOB == nil, "ssn": i.SSN == nil,
			"residence": i.Residence == nil, "phone_numbers": i.PhoneNumbers == nil, "end_date": e.EndDate == nil,
			"latest_rehire_date": e.LatestRehireDate == nil, "class_code": e.ClassCode == nil, "custom_fields": e.CustomFields == nil,
			"union_code": e.UnionCode == nil, "first_name": i.FirstName == nil, "title": e.Title == nil,
		} {
			if isNull {
				null[name]++
			}
		}
	}
	for name, bounds := range map[string][2]int{ // per mille
		"middle_name": {400, 480}, "preferred_name": {820, 900}, "gender": {20, 60}, "ethnicity": {50, 100},
		"marital_status": {80, 140}, "dob": {3, 20}, "ssn": {5, 30}, "residence": {10, 50}, "phone_numbers": {80, 160},
		"end_date": {850, 930}, "latest_rehire_date": {930, 998}, "class_code": {100, 220}, "custom_fields": {640, 760},
		"union_code": {900, 995}, "first_name": {0, 0}, "title": {0, 0},
	} {
		if rate := null[name] * 1000 / 5_000; rate < bounds[0] || rate > bounds[1] {
			t.Errorf("%s is null for %d per mille, want %d to %d", name, rate, bounds[0], bounds[1])
		}
	}
}

func TestRoutingNumbersHaveAValidCheckDigit(t *testing.T) {
	t.Parallel()
	for serial := range 5_000 {
		number, sum := routingNumber(1+serial%12, serial*199), 0
		for i, digit := range number {
			sum += int(digit-'0') * []int{3, 7, 1}[i%3]
		}
		if len(number) != 9 || sum%10 != 0 {
			t.Fatalf("%s has no valid check digit", number)
		}
	}
}

func TestOfficesAreInDifferentStatesWithEveryKindOfTax(t *testing.T) {
	t.Parallel()
	for seed := range 300 {
		e := open(t, uint64(seed), 57, asOf, nil).employer
		states := map[string]bool{}
		untaxed, local := false, false
		for _, at := range e.offices {
			states[places[at].state] = true
			untaxed = untaxed || len(taxesAt[at].levies) == 0
			local = local || cityTaxes[places[at].city] != nil
		}
		if n := len(e.offices); n < 3 || n > 6 || len(states) != n || !untaxed || !local {
			t.Fatalf("seed %d: offices %v", seed, e.offices)
		}
	}
}

func TestEveryPlaceHasItsTaxRules(t *testing.T) {
	t.Parallel()
	for at, p := range places {
		if insuranceBases[p.state] == 0 {
			t.Errorf("%s: no wage base of unemployment insurance", p.state)
		}
		if untaxed := stateTaxes[p.state] == nil; untaxed != (at < untaxedPlaces) {
			t.Errorf("%s: state tax %t", p.city, !untaxed)
		}
		if local := cityTaxes[p.city] != nil; local != (at >= untaxedPlaces && at < untaxedPlaces+localTaxPlaces) {
			t.Errorf("%s: local tax %t", p.city, local)
		}
	}
}

func TestSettingsSurviveEncoding(t *testing.T) {
	t.Parallel()
	for _, fields := range []*perch.SupportedFields{nil, {}, without(func(p string) bool { return len(p)%2 == 0 })} {
		want, err := NewSettings(1<<63+5, 0, asOf, fields)
		if err != nil {
			t.Fatal(err)
		}
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if err != nil || !reflect.DeepEqual(got, want) || got.Employees != DefaultEmployees {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
}

func TestBadSettingsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ settings, field string }{
		"too many people":        {`{"seed":1,"employees":100001,"as_of":"2026-03-15"}`, "employees"},
		"a negative number":      {`{"seed":1,"employees":-1,"as_of":"2026-03-15"}`, "employees"},
		"a text as number":       {`{"seed":1,"employees":"20","as_of":"2026-03-15"}`, "employees"},
		"no date":                {`{"seed":1}`, "as_of"},
		"a day that is no day":   {`{"seed":1,"as_of":"2026-02-30"}`, "as_of"},
		"a date long ago":        {`{"seed":1,"as_of":"1999-12-31"}`, "as_of"},
		"an unknown member":      {`{"seed":1,"as_of":"2026-03-15","colour":"red"}`, "colour"},
		"something after it":     {`{"seed":1,"as_of":"2026-03-15"} {}`, "settings"},
		"far too many bytes":     {strings.Repeat(" ", maxSettingsBytes+1), "settings"},
		"nothing":                {``, "settings"},
		"a negative seed":        {`{"seed":-1,"as_of":"2026-03-15"}`, "seed"},
		"a mask of another kind": {`{"seed":1,"as_of":"2026-03-15","fields":{"company":7}}`, "fields.company"},
	} {
		_, err := Connector{}.Open(t.Context(), provider.Account{Settings: []byte(c.settings)})
		if err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s: %v, want an error that names %s", name, err, c.field)
		}
	}
}

func TestReadsStopWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	s := open(t, 1, 1_000, asOf, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for _, err := range s.People(ctx) {
		errs = append(errs, err)
	}
	for _, err := range s.PayGroups(ctx) {
		errs = append(errs, err)
	}
	for _, err := range s.Payments(ctx) {
		errs = append(errs, err)
	}
	for _, err := range s.PayStatements(ctx, s.runs[0].key) {
		errs = append(errs, err)
	}
	if len(errs) != 4 {
		t.Fatalf("%d results, want one error from each reader", len(errs))
	}
	for _, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
	}
}

func TestAnUnknownPaymentIsNotFound(t *testing.T) {
	t.Parallel()
	for _, err := range open(t, 1, 20, asOf, nil).PayStatements(t.Context(), "payment:none") {
		if !errors.Is(err, perch.NotFound("payment_not_found", "")) {
			t.Errorf("%v, want payment_not_found", err)
		}
	}
}

func TestEveryShuffleIsABijection(t *testing.T) {
	t.Parallel()
	for size := range 150 {
		s := newShuffle(size, uint64(size)*31)
		seen := map[int]bool{}
		for x := range max(size, 1) {
			if y := s.to(x); seen[y] || s.from(y) != x || y < 0 || y >= max(size, 1) {
				t.Fatalf("size %d: %d goes to %d and back to %d", size, x, y, s.from(y))
			}
			seen[s.to(x)] = true
		}
	}
}

// one reports whether a value is missing or one that its type lists.
func one[T comparable](v *T, values []T) bool { return v == nil || slices.Contains(values, *v) }

func TestEveryEnumValueIsListed(t *testing.T) {
	t.Parallel()
	s := open(t, 6, 2_000, asOf, nil)
	for p := range s.People(t.Context()) {
		i, e := &p.Individual, &p.Employment
		if !one(i.Gender, perch.Gender("").Values()) || !one(i.Ethnicity, perch.Ethnicity("").Values()) ||
			!one(i.MaritalStatus, perch.MaritalStatus("").Values()) || !one(e.EmploymentStatus, perch.EmploymentStatus("").Values()) ||
			!one(e.FLSAStatus, perch.FLSAStatus("").Values()) || !one(e.Employment.Type, perch.EmploymentType("").Values()) ||
			!one(e.Employment.Subtype, perch.EmploymentSubtype("").Values()) || !one(e.Income.Unit, perch.IncomeUnit("").Values()) {
			t.Fatalf("%s has a value that its type does not list", p.Keys)
		}
	}
	for st := range s.PayStatements(t.Context(), s.runs[0].key) {
		v := &st.Statement
		ok := one(v.Type, perch.StatementType("").Values()) && one(v.PaymentMethod, perch.PaymentMethod("").Values())
		for i := range v.Earnings {
			ok = ok && one(v.Earnings[i].Type, perch.EarningType("").Values())
		}
		for i := range v.Taxes {
			ok = ok && one(v.Taxes[i].Type, perch.TaxType("").Values())
		}
		for i := range v.EmployeeDeductions {
			ok = ok && one(v.EmployeeDeductions[i].Type, perch.BenefitType("").Values())
		}
		for i := range v.EmployerContributions {
			ok = ok && one(v.EmployerContributions[i].Type, perch.BenefitType("").Values())
		}
		if !ok {
			t.Fatalf("the statement of %s has a value that its type does not list", st.PersonKey)
		}
	}
}

func TestStringsStayValidAfterTheNextPerson(t *testing.T) {
	t.Parallel()
	s := open(t, 6, 300, asOf, nil)
	var keys, numbers []string
	for p := range s.People(t.Context()) {
		keys = append(keys, p.Keys[0])
		numbers = append(numbers, *p.Employment.WorkID)
	}
	for i, key := range keys {
		if key != keyPrefix+numbers[i] || key != personKey(i) {
			t.Fatalf("person %d: key %q, number %q", i, key, numbers[i])
		}
	}
}
