package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/payitem"
)

type fakeItems struct{ *fake }

func (f fakeItems) Items(_ context.Context, _ *access.Grant, e *access.Entity, filter payitem.Filter, dst []byte) ([]byte, access.Publication, error) {
	return fakeData(f).answer(dst, `{"responses":[]}`, "items", e.ID.String()[:2], "["+strings.Join(filter.Categories, ",")+"]", filter.Name, filter.Type, dateText(filter.Start), dateText(filter.End))
}

func (f fakeItems) Rules(_ context.Context, _ *access.Grant, e *access.Entity) (payitem.Rules, error) {
	return payitem.Rules{Responses: []payitem.Rule{}}, f.note("rules", e.ID.String()[:2])
}

func (f fakeItems) CreateRule(_ context.Context, _ *access.Grant, e *access.Entity, edit payitem.Edit) (payitem.Rule, error) {
	return payitem.Rule{}, f.note("create", e.ID.String()[:2], editText(edit))
}

func (f fakeItems) UpdateRule(_ context.Context, _ *access.Grant, e *access.Entity, id string, edit payitem.Edit) (payitem.Rule, error) {
	return payitem.Rule{}, f.note("update", e.ID.String()[:2], id, editText(edit))
}

func (f fakeItems) DeleteRule(_ context.Context, _ *access.Grant, e *access.Entity, id string) (payitem.Rule, error) {
	return payitem.Rule{}, f.note("delete", e.ID.String()[:2], id)
}

func dateText(d *perch.Date) string {
	if d == nil {
		return "-"
	}
	return d.String()
}

func editText(e payitem.Edit) string {
	day := func(d payitem.Day) string {
		if !d.Given {
			return "kept"
		}
		return dateText(d.Date)
	}
	priority := "-"
	if e.Priority != nil {
		priority = fmt.Sprint(*e.Priority)
	}
	return fmt.Sprintf("%s %s %s %v %s", priority, day(e.Start), day(e.End), e.Conditions, e.Metadata)
}

func TestRulesReachTheUseCase(t *testing.T) {
	t.Parallel()
	const rulePath = "/employer/pay-statement-item/rule"
	const one = rulePath + "/" + exampleID
	for name, test := range map[string]struct {
		ask    ask
		status int
		asked  string
	}{
		"all items":             {ask{target: "/employer/pay-statement-item"}, 200, "items 11 []   - -"},
		"an empty list is all":  {ask{target: "/employer/pay-statement-item?categories="}, 200, "items 11 []   - -"},
		"every filter":          {ask{target: "/employer/pay-statement-item?categories=taxes,earnings&name=4+K&type=401k&start_date=2024-01-01&end_date=2024-01-01"}, 200, "items 11 [taxes,earnings] 4 K 401k 2024-01-01 2024-01-01"},
		"brackets":              {ask{target: "/employer/pay-statement-item?categories[]=taxes&categories[]=earnings"}, 200, "items 11 [taxes,earnings]   - -"},
		"an entity":             {ask{target: rulePath + "?entity_ids=" + secondEntity.String()}, 200, "rules 22"},
		"a rule":                {ask{method: "POST", target: rulePath, body: exampleRuleRequest}, 201, `create 11 - 2025-01-01 kept [{name equals 401k}] map[label:"Pre-Tax EE Deferral"]`},
		"nulls":                 {ask{method: "POST", target: rulePath, body: `{"conditions":[],"attributes":{"metadata":{"a":[1, 2]}},"effective_start_date":null,"priority":7}`}, 201, `create 11 7 - kept [] map[a:[1,2]]`},
		"an update":             {ask{method: "PUT", target: one, body: `{"effective_end_date":"2025-12-31"}`}, 200, "update 11 " + exampleID + " - kept 2025-12-31 [] map[]"},
		"an update, wrapped":    {ask{method: "PUT", target: one, body: `{"optionalProperty":{"effective_end_date":null}}`}, 200, "update 11 " + exampleID + " - kept - [] map[]"},
		"an update of nothing":  {ask{method: "PUT", target: one, body: `{}`}, 200, "update 11 " + exampleID + " - kept kept [] map[]"},
		"a deletion":            {ask{method: "DELETE", target: one}, 200, "delete 11 " + exampleID},
		"an id of another form": {ask{method: "DELETE", target: rulePath + "/x"}, 200, "delete 11 x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			if w := h.do(test.ask); w.Code != test.status || h.last() != test.asked {
				t.Errorf("status %d, asked %q; want %d %q\n%s", w.Code, h.last(), test.status, test.asked, w.Body)
			}
		})
	}
}

func TestWrongRulesAreRefusedByField(t *testing.T) {
	t.Parallel()
	const meta = `"attributes":{"metadata":{"a":1}}`
	const good = `"conditions":[{"field":"name","operator":"equals","value":"x"}]`
	deep := strings.Repeat("[", 9) + strings.Repeat("]", 9)
	for name, test := range map[string]struct{ method, body, want string }{
		"no conditions":             {"POST", `{` + meta + `}`, "conditions: is required."},
		"no attributes":             {"POST", `{` + good + `}`, "attributes: is required."},
		"no metadata":               {"POST", `{` + good + `,"attributes":{}}`, "attributes.metadata: is required."},
		"metadata of another type":  {"POST", `{` + good + `,"attributes":{"metadata":[1]}}`, "attributes.metadata: must be an object."},
		"metadata without a key":    {"POST", `{` + good + `,"attributes":{"metadata":{}}}`, "attributes.metadata: must have between 1 and 50 keys."},
		"a key twice":               {"POST", `{` + good + `,"attributes":{"metadata":{"a":1,"\u0061":2}}}`, `attributes.metadata: has the key "a" more than once.`},
		"metadata too deep":         {"POST", `{` + good + `,"attributes":{"metadata":{"a":` + deep + `}}}`, "attributes.metadata: must not be nested deeper than 8 levels."},
		"metadata too large":        {"POST", `{` + good + `,"attributes":{"metadata":{"a":"` + strings.Repeat("x", 4096) + `"}}}`, "attributes.metadata: must not be larger than 4096 bytes."},
		"metadata not UTF-8":        {"POST", `{` + good + ",\"attributes\":{\"metadata\":{\"a\":\"\xff\"}}}", "attributes.metadata: must be UTF-8."},
		"a condition without value": {"POST", `{"conditions":[{"field":"name","operator":"equals"}],` + meta + `}`, "conditions[0].value: is required."},
		"a value that is no text":   {"POST", `{"conditions":[{"field":"name","operator":"equals","value":1}],` + meta + `}`, "conditions[0].value: must be a string."},
		"too many conditions":       {"POST", `{"conditions":[` + strings.Repeat(`{"field":"name","operator":"equals","value":"x"},`, 16) + `{}],` + meta + `}`, "conditions: must not hold more than 16 conditions."},
		"a day that does not exist": {"POST", `{` + good + `,` + meta + `,"effective_start_date":"2025-02-30"}`, "effective_start_date: must be a day of the calendar as YYYY-MM-DD, or null."},
		"another entity type":       {"POST", `{` + good + `,` + meta + `,"entity_type":"payment"}`, "entity_type: must be one of pay_statement_item."},
		"a field twice":             {"POST", `{` + good + `,` + good + `,` + meta + `}`, "conditions: is given more than once."},
		"inside and outside":        {"PUT", `{"optionalProperty":{"priority":1},"priority":2}`, "priority: is given outside of optionalProperty too."},
		"a wrapped wrong value":     {"PUT", `{"optionalProperty":{"entity_type":"payment"}}`, "optionalProperty.entity_type: must be one of pay_statement_item."},
		"no body":                   {"PUT", "", "body: is empty; a JSON object is required."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			target := "/employer/pay-statement-item/rule"
			if test.method == http.MethodPut {
				target += "/" + exampleID
			}
			w := h.do(ask{method: test.method, target: target, body: test.body})
			got := readFailure(t, w)
			if w.Code != 400 || got.Name != perch.NameInvalidRequest || got.FinchCode != "invalid_request" || got.Message != test.want {
				t.Errorf("status %d %+v; want %q", w.Code, got, test.want)
			}
			if h.last() != "" {
				t.Errorf("the use case was asked: %q", h.last())
			}
		})
	}
}

func TestWrongFiltersAreRefusedByField(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"categories=taxes,pay":                         "categories: each value must be one of",
		"start_date=2024-13-01":                        "start_date: must be a day",
		"start_date=2024-01-02&end_date=2024-01-01":    "end_date: must not be before start_date.",
		"name=" + strings.Repeat("x", 257):             "name: must not be longer than 256 bytes.",
		"type=a&type=b":                                "type: is given more than once.",
		"entity_ids=7c1f9d7e-3f0b-4d3c-9f4b-000000000": "entity_ids: must be a UUID.",
	} {
		h := setup(t)
		if got := readFailure(t, h.do(ask{target: "/employer/pay-statement-item?" + query})); got.Code != 400 || !strings.HasPrefix(got.Message, want) {
			t.Errorf("%s: %d %q", query, got.Code, got.Message)
		}
	}
}

func TestRulesNeedTheirProductAndHaveTheirLimit(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, a := range []ask{{target: "/employer/pay-statement-item"}, {target: "/employer/pay-statement-item/rule"},
		{method: "POST", target: "/employer/pay-statement-item/rule", body: exampleRuleRequest},
		{method: "DELETE", target: "/employer/pay-statement-item/rule/x"}} {
		a.token = tokenNothing
		if w := h.do(a); w.Code != http.StatusForbidden {
			t.Errorf("%s %s without a product: %d", a.method, a.target, w.Code)
		}
	}
	h.limited()
	for i := range itemsPerMinute + 1 {
		w := h.do(ask{target: "/employer/pay-statement-item"})
		if want := map[bool]int{true: 200, false: 429}[i < itemsPerMinute]; w.Code != want {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	if w := h.do(ask{target: "/employer/pay-statement-item/rule"}); w.Code != 200 {
		t.Errorf("rules share the limit of items: %d", w.Code)
	}
}
