package payitem

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
)

func TestItemsSurviveStoring(t *testing.T) {
	t.Parallel()
	day, early := perch.NewDate(2024, 2, 29), perch.NewDate(1, 1, 1)
	for _, want := range []Item{
		{}, {Number: MaxItems, Key: Key{Category: EmployerContributions, Flag: Yes, Type: "401k", Name: "é\x00\xff"}, LastSeen: &day},
		{Number: 1, Key: Key{Category: Taxes, Name: "x"}, LastSeen: &early},
	} {
		got, err := DecodeItem(want.Append(nil))
		if err != nil || got.Key != want.Key || got.Number != want.Number || (got.LastSeen == nil) != (want.LastSeen == nil) || got.LastSeen != nil && *got.LastSeen != *want.LastSeen {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func FuzzDecodeItem(f *testing.F) {
	day := perch.NewDate(2024, 2, 29)
	f.Add((&Item{Number: 300, Key: Key{Type: "a", Name: "b"}, LastSeen: &day}).Append(nil))
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, stored []byte) {
		item, err := DecodeItem(stored)
		if err != nil {
			return
		}
		again, err := DecodeItem(item.Append(nil))
		if err != nil || again.Key != item.Key || again.Number != item.Number {
			t.Fatalf("%+v came back as %+v, %v", item, again, err)
		}
	})
}

// What is taken as metadata has to come out as the same JSON.
func FuzzMetadata(f *testing.F) {
	for _, text := range []string{`{"a":1}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"é\"":"\u2028"}`, `{"a":1,"\u0061":2}`, `{}`, "{\"a\":\"\xff\"}", `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the scanner has refused it
		}
		m, err := ParseMetadata("attributes.metadata", raw)
		if err != nil {
			if !strings.Contains(err.Error(), "attributes.metadata: ") {
				t.Fatalf("the refusal names no field: %v", err)
			}
			return
		}
		line := append(append([]byte(`{"x":1`), opening...), appendMetadata(nil, []Rule{{Attributes: Attributes{m}}}, []uint16{0})...)
		line = append(line, closing+"}"...)
		var got struct {
			Attributes struct{ Metadata map[string]any }
		}
		var want map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if err := json.Unmarshal(raw, &want); err != nil {
			return // a number beyond what Go can hold
		}
		if fmt.Sprint(got.Attributes.Metadata) != fmt.Sprint(want) {
			t.Fatalf("%s became %s", raw, line)
		}
	})
}

// reference attaches metadata to an item rule by rule, and knows nothing of spans and tables.
func reference(k *Key, rules []Rule, paid *perch.Date) map[string]string {
	out := map[string]string{}
	for _, r := range rules {
		holds := true
		for _, c := range r.Conditions {
			holds = holds && k.field(c.Field) == c.Value
		}
		if paid == nil {
			holds = holds && r.EffectiveStartDate == nil && r.EffectiveEndDate == nil
		} else {
			holds = holds && (r.EffectiveStartDate == nil || *paid >= *r.EffectiveStartDate) && (r.EffectiveEndDate == nil || *paid <= *r.EffectiveEndDate)
		}
		for key, value := range r.Attributes.Metadata {
			if _, set := out[key]; holds && !set {
				out[key] = string(value)
			}
		}
	}
	return out
}

// of returns what lines of an item get.
func (t *table) of(number uint32) []byte {
	if int(number) >= len(t.fragments) {
		return nil
	}
	return t.fragments[number]
}

func TestTablesHoldOnEveryDay(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(31, 32))
	for range 50 {
		var items []Item
		for number := range 30 {
			items = append(items, Item{Number: uint32(number + 1), Key: Key{Category: Category(rng.IntN(4)), Flag: Flag(rng.IntN(3)), Type: []string{"", "a", "b"}[rng.IntN(3)], Name: fmt.Sprint(rng.IntN(10))}})
		}
		var rules []Rule
		for priority := range rng.IntN(40) {
			r := Rule{Priority: priority, Attributes: Attributes{Metadata{fmt.Sprint(rng.IntN(3)): json.RawMessage(fmt.Sprint(priority))}}}
			if rng.IntN(2) == 0 {
				r.Conditions = append(r.Conditions, Condition{FieldName, OperatorEquals, fmt.Sprint(rng.IntN(10))})
			}
			if rng.IntN(3) == 0 {
				r.Conditions = append(r.Conditions, Condition{FieldType, OperatorEquals, "a"})
			}
			if rng.IntN(3) == 0 {
				r.Conditions = append(r.Conditions, Condition{FieldPreTax, OperatorEquals, "true"})
			}
			if rng.IntN(2) == 0 {
				start := perch.Date(rng.IntN(20))
				r.EffectiveStartDate = &start
			}
			if rng.IntN(2) == 0 {
				end := perch.Date(rng.IntN(20))
				r.EffectiveEndDate = &end
			}
			rules = append(rules, r)
		}
		c := compile(1, 1, items, rules)
		for day := perch.Date(-2); day < 23; day++ {
			paid := &day
			if day == -2 {
				paid = nil
			}
			for i := range c.items {
				var got map[string]json.RawMessage
				c.items[i].LastSeen = paid
				alone := c.appendMetadataOf(nil, i)
				if fragment := c.on(paid).of(c.items[i].Number); fragment != nil && string(fragment) != opening+string(alone)+closing || fragment == nil && string(alone) != "null" {
					t.Errorf("a line gets %s, the item %s", fragment, alone)
				}
				if err := json.Unmarshal(alone, &got); err != nil {
					t.Fatal(err)
				}
				want := reference(&c.items[i].Key, rules, paid)
				if len(got) != len(want) {
					t.Fatalf("day %v, %+v: got %s, want %v", paid, c.items[i], got, want)
				}
				for key, value := range want {
					if string(got[key]) != value {
						t.Fatalf("day %v, %+v: got %s, want %v", paid, c.items[i], got, want)
					}
				}
			}
		}
	}
}

// Whatever rules are taken, no line gets more than the limit.
func TestRulesThatWereTakenStayWithinTheLimitOfALine(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(33, 34))
	for range 30 {
		var rules []Rule
		refused := 0
		for i := range 40 {
			r := Rule{Attributes: Attributes{Metadata{fmt.Sprint(i): json.RawMessage(`"` + strings.Repeat("x", rng.IntN(1500)) + `"`)}}}
			for _, c := range []Condition{{FieldName, OperatorEquals, fmt.Sprint(rng.IntN(3))}, {FieldType, OperatorEquals, fmt.Sprint(rng.IntN(2))}, {FieldCategory, OperatorEquals, Category(rng.IntN(4)).String()}, {FieldEmployer, OperatorEquals, "true"}} {
				if rng.IntN(3) == 0 {
					r.Conditions = append(r.Conditions, c)
				}
			}
			if checkTogether(append(rules, r), &r) != nil {
				refused++
				continue
			}
			rules = append(rules, r)
		}
		if refused == 0 {
			t.Fatal("nothing was refused, so this test says nothing")
		}
		for category := range categories {
			for _, name := range []string{"", "0", "1", "2"} {
				for _, kind := range []string{"", "0", "1"} {
					k := Key{Category: category, Flag: Yes, Name: name, Type: kind}
					var met []uint16
					for i := range rules {
						if rules[i].matches(&k) {
							met = append(met, uint16(i))
						}
					}
					if size := len(appendMetadata(nil, rules, met)); size > maxLine {
						t.Fatalf("a line gets %d bytes", size)
					}
				}
			}
		}
	}
}

// rulesOf returns rules with effective dates of their own, each with that much metadata, for lines of one
// name if one is given.
func rulesOf(n, bytes int, name func(i int) string) (rules []Rule) {
	for i := range n {
		day := perch.Date(i)
		r := Rule{Priority: i, EffectiveStartDate: &day, Attributes: Attributes{Metadata{fmt.Sprint("k", i): json.RawMessage(`"` + strings.Repeat("x", bytes) + `"`)}},
			Conditions: []Condition{{FieldCategory, OperatorEquals, Earnings.String()}}}
		if name != nil {
			r.Conditions = append(r.Conditions, Condition{FieldName, OperatorEquals, name(i)})
		}
		rules = append(rules, r)
	}
	return rules
}

func itemsOf(n int) (items []Item) {
	for i := range n {
		day := perch.Date(i)
		items = append(items, Item{Number: uint32(i + 1), LastSeen: &day, Key: Key{Name: fmt.Sprint("Item ", i)}})
	}
	return items
}

// A client makes the rules, and in the sandbox the items too.
func TestWhatIsKeptCompiledIsBounded(t *testing.T) {
	t.Parallel()
	c := compile(1, 1, itemsOf(1000), rulesOf(1000, 3000, func(i int) string { return fmt.Sprint("Item ", i) }))
	own := c.bytes()
	for day := perch.Date(0); day < 1000; day += 10 {
		c.on(&day)
		if held := c.bytes() - own; held > 2*maxTables+1000*4000 {
			t.Fatalf("on day %d the tables take %d bytes", day, held)
		}
	}
	if own < 1000*3000 || own > 5<<20 {
		t.Errorf("the rules take %d bytes", own)
	}
	var s Service
	for range 100 {
		s.keep(perch.NewID(), compile(1, 1, itemsOf(1000), c.rules))
		if got := s.bytes(); got > maxBytes {
			t.Fatalf("all takes %d bytes", got)
		}
	}
}

func TestItemsThatMeetTheSameRulesShareTheirList(t *testing.T) {
	t.Parallel()
	c := compile(1, 1, itemsOf(100), rulesOf(1000, 1, nil))
	if len(c.matching[0]) != 1000 || &c.matching[0][0] != &c.matching[99][0] {
		t.Error("each has a list of its own")
	}
}
