package e2e

import (
	"errors"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func asIs(any) {}

// The checks themselves have to be able to fail.
func TestContractNoticesWhatDeparts(t *testing.T) {
	t.Parallel()
	const group = `"id":"5d0b10a1-a09a-430f-81f1-20be735dc5e9","name":"Weekly"`
	for _, test := range []struct {
		name, body string
		valid      bool
	}{
		{"a faithful answer is accepted", `[{` + group + `,"pay_frequencies":["weekly"]}]`, true},
		{"a property that nobody knows is refused", `[{` + group + `,"pay_frequencies":["weekly"],"payFrequencies":[]}]`, false},
		{"a property that is missing is noticed", `[{` + group + `}]`, false},
		{"a value outside the enumeration is refused", `[{` + group + `,"pay_frequencies":["hourly"]}]`, false},
		{"an id that is no UUID is refused", `[{"id":"5d0b10a1","name":"Weekly","pay_frequencies":[]}]`, false},
		{"null where the contract has none is refused", `[{` + group + `,"pay_frequencies":null}]`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := openContract(t)
			op := c.find(recorded{Method: "GET", Path: "/employer/pay-groups"})
			if op.id != "get-all-pay-groups" {
				t.Fatalf("the operation is %q", op.id)
			}
			pointer, err := c.pointer(op, 200)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.validate(pointer, test.body, asIs); (err == nil) != test.valid {
				t.Errorf("valid is %t, error %v", test.valid, err)
			}
		})
	}
}

func TestDeviationsExcuseTheirOwnPlaceOnly(t *testing.T) {
	t.Parallel()
	body := `{"responses":[{"individual_id":"nobody","code":"404","body":{"code":404,"name":"x","message":"x"}}]}`
	c := openContract(t)
	pointer, err := c.pointer(c.find(recorded{Method: "POST", Path: "/employer/employment"}), 200)
	if err != nil {
		t.Fatal(err)
	}
	var invalid *jsonschema.ValidationError
	if err := c.validate(pointer, body, asIs); !errors.As(err, &invalid) {
		t.Fatalf("error %v", err)
	}
	here := place{Operation: "get-employment", Status: 200, Path: "/responses/*/individual_id"}
	there := place{Operation: "get-employment", Status: 200, Path: "/responses/*/code"}
	for _, test := range []struct {
		name   string
		listed []deviation
		want   bool
	}{
		{"two failures need two entries", []deviation{{here}, {there}}, true},
		{"one entry does not excuse the other failure", []deviation{{here}}, false},
		{"an empty list excuses nothing", nil, false},
	} {
		l := judgements{deviations: test.listed, used: map[any]bool{}}
		if got := l.excuse("get-employment", 200, invalid); got != test.want {
			t.Errorf("%s: excused is %t", test.name, got)
		}
		if l.excuse("get-individual", 200, invalid) {
			t.Errorf("%s: but it holds for another operation too", test.name)
		}
	}
}

// Some schemas of the contract are put together from parts, each of which lists some of the properties.
func TestContractNoticesWhatNoPartOfAWholeLists(t *testing.T) {
	t.Parallel()
	const rule = `"id":"5d0b10a1-a09a-430f-81f1-20be735dc5e9","priority":1,"conditions":[],"created_at":"2025-01-01T10:00:00Z"`
	c := openContract(t)
	pointer, err := c.pointer(c.find(recorded{Method: "POST", Path: "/employer/pay-statement-item/rule"}), 201)
	if err != nil {
		t.Fatal(err)
	}
	for body, valid := range map[string]bool{
		`{` + rule + `}`: true, `{` + rule + `,"label":"x"}`: false,
		`{` + rule + `,"attributes":{"metadata":{},"label":"x"}}`: false,
	} {
		if err := c.validate(pointer, body, asIs); (err == nil) != valid {
			t.Errorf("%s: valid is %t, error %v", body, valid, err)
		}
	}
}
