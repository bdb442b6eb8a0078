package sync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/payitem"
	"github.com/perchhq/perch/internal/records"
)

// text draws a string that JSON has something to do with.
func text(rng *rand.Rand) string {
	parts := []string{"Salary", "401k", `"`, `\`, "}", "{", ",", "é", "\u2028", "<&>", "\x00", "\xff", " ", "[]", `","type":"x"`}
	var b strings.Builder
	for range rng.IntN(5) {
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

// maybe draws a value or null.
func maybe[T any](rng *rand.Rand, value T) *T {
	if rng.IntN(4) == 0 {
		return nil
	}
	return &value
}

func list[T any](rng *rand.Rand, one func() T) []T {
	if rng.IntN(5) == 0 {
		return nil
	}
	lines := []T{}
	for range rng.IntN(4) {
		lines = append(lines, one())
	}
	return lines
}

// statement draws a pay statement of any shape.
func statement(rng *rand.Rand) perch.PayStatement {
	stray := maybe(rng, perch.ItemAttributes{Metadata: map[string]json.RawMessage{"a": []byte("1")}})
	return perch.PayStatement{
		IndividualID: perch.NewID(), Type: maybe(rng, perch.StatementType(text(rng))), PaymentMethod: maybe(rng, perch.PaidByCheck),
		GrossPay: maybe(rng, perch.Money{Amount: maybe(rng, rng.Int64()), Currency: text(rng)}),
		Earnings: list(rng, func() perch.Earning {
			return perch.Earning{Type: maybe(rng, perch.EarningType(text(rng))), Name: maybe(rng, text(rng)), Amount: maybe(rng, rng.Int64()), Attributes: stray}
		}),
		Taxes: list(rng, func() perch.Tax {
			return perch.Tax{Name: maybe(rng, text(rng)), Employer: maybe(rng, rng.IntN(2) == 0), Attributes: stray}
		}),
		EmployeeDeductions: list(rng, func() perch.PayDeduction {
			return perch.PayDeduction{Name: maybe(rng, text(rng)), PreTax: maybe(rng, rng.IntN(2) == 0), Type: maybe(rng, perch.BenefitType(text(rng))), Attributes: stray}
		}),
		EmployerContributions: list(rng, func() perch.Contribution {
			return perch.Contribution{Name: maybe(rng, text(rng)), Currency: maybe(rng, text(rng)), Attributes: stray}
		}),
	}
}

func newItems() *items {
	return &items{numbers: map[payitem.Key]uint32{}, keys: make([]payitem.Key, 1), seen: make([]bool, 1), payments: map[perch.ID]*paymentItems{}}
}

// plainJSON is the statement as AppendJSON has it, without attributes.
func plainJSON(s perch.PayStatement) []byte {
	s.Earnings, s.Taxes = slices.Clone(s.Earnings), slices.Clone(s.Taxes)
	s.EmployeeDeductions, s.EmployerContributions = slices.Clone(s.EmployeeDeductions), slices.Clone(s.EmployerContributions)
	for i := range s.Earnings {
		s.Earnings[i].Attributes = nil
	}
	for i := range s.Taxes {
		s.Taxes[i].Attributes = nil
	}
	for i := range s.EmployeeDeductions {
		s.EmployeeDeductions[i].Attributes = nil
	}
	for i := range s.EmployerContributions {
		s.EmployerContributions[i].Attributes = nil
	}
	return s.AppendJSON(nil)
}

func TestStatementsAreEncodedAsTheModelSays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	c, e := newItems(), &recordEncoder{}
	for range 2000 {
		s := statement(rng)
		before := fmt.Sprintf("%+v", s)
		c.encode(e, &s)
		if want := plainJSON(s); !bytes.Equal(e.facets[records.FacetStatement], want) {
			t.Fatalf("got  %s\nwant %s", e.facets[records.FacetStatement], want)
		}
		if fmt.Sprintf("%+v", s) != before {
			t.Fatal("the connector's statement was changed")
		}
		if lines := len(s.Earnings) + len(s.Taxes) + len(s.EmployeeDeductions) + len(s.EmployerContributions); len(c.line) != lines {
			t.Fatalf("%d lines have %d marks", lines, len(c.line))
		}
	}
}

func TestItemsOfAPaymentSurviveStoring(t *testing.T) {
	t.Parallel()
	day := perch.NewDate(2024, 2, 29)
	for _, want := range []paymentItems{{}, {paid: &day}, {paid: &day, numbers: []uint32{1, 2, 300, payitem.MaxItems}}, {numbers: []uint32{7}}} {
		got, err := decodePaymentItems(want.append(nil))
		if err != nil || !slices.Equal(got.numbers, want.numbers) || (got.paid == nil) != (want.paid == nil) || got.paid != nil && *got.paid != day {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestTheCatalogueEndsSomewhere(t *testing.T) {
	t.Parallel()
	c := newItems()
	for i := range payitem.MaxItems {
		if number := c.number(payitem.Key{Name: fmt.Sprint(i)}); number != uint32(i+1) {
			t.Fatalf("item %d has number %d", i, number)
		}
	}
	if c.number(payitem.Key{Name: "one more"}) != 0 || c.number(payitem.Key{Name: "0"}) != 1 {
		t.Error("an item beyond the end is numbered, or a known one is not")
	}
}
