package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/app"
	"github.com/perchhq/perch/internal/connection"
	"github.com/perchhq/perch/internal/store"
	"github.com/perchhq/perch/provider"
)

const rulePath = "/employer/pay-statement-item/rule"

// rule is a rule on the wire.
type rule struct {
	ID         string         `json:"id,omitempty"`
	Priority   int            `json:"priority,omitempty"`
	Start      *perch.Date    `json:"effective_start_date"`
	End        *perch.Date    `json:"effective_end_date"`
	Conditions []condition    `json:"conditions"`
	Attributes ruleAttributes `json:"attributes"`
	EntityType string         `json:"entity_type,omitempty"`
	CreatedAt  string         `json:"created_at,omitempty"`
	UpdatedAt  string         `json:"updated_at,omitempty"`
	DeletedAt  string         `json:"deleted_at,omitempty"`
}

type condition struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

type ruleAttributes struct {
	Metadata map[string]any `json:"metadata"`
}

// labels returns a rule for lines with the name.
func labels(name, label string) rule {
	return rule{Conditions: []condition{{"name", "equals", name}}, Attributes: ruleAttributes{map[string]any{"label": label}}}
}

func (w *world) create(r rule) (made rule) {
	w.t.Helper()
	body, err := json.Marshal(r)
	must(w.t, err)
	var raw json.RawMessage
	if got := w.call("POST", rulePath, string(body), &raw); got.StatusCode != http.StatusCreated {
		w.t.Fatalf("creating %s answered %d %s", body, got.StatusCode, raw)
	}
	must(w.t, json.Unmarshal(raw, &made))
	return made
}

func (w *world) rules() []rule {
	w.t.Helper()
	var list struct{ Responses []rule }
	if got := w.call("GET", rulePath, "", &list); got.StatusCode != http.StatusOK {
		w.t.Fatalf("the rules answered %d", got.StatusCode)
	}
	return list.Responses
}

// refused expects a 400 and returns its message.
func (w *world) refused(method, path, body string) string {
	w.t.Helper()
	var failure struct {
		Name, Message string
		Code          int
		FinchCode     string `json:"finch_code"`
	}
	got := w.call(method, path, body, &failure)
	if got.StatusCode != http.StatusBadRequest || failure.Name != perch.NameInvalidRequest || failure.FinchCode != "invalid_request" {
		w.t.Errorf("%s %s answered %d %+v", method, path, got.StatusCode, failure)
	}
	return failure.Message
}

// statementsOf reads the statements of all payments, by payment, as plain JSON.
func (w *world) statementsOf() map[string][]any {
	w.t.Helper()
	var payments []struct {
		ID      string
		PayDate *perch.Date `json:"pay_date"`
	}
	w.call("GET", "/employer/payment?start_date=1990-01-01&end_date=2090-01-01", "", &payments)
	all := map[string][]any{}
	for _, payment := range payments {
		var answer struct {
			Responses []struct {
				Code int
				Body struct {
					Statements []any `json:"pay_statements"`
				}
			}
		}
		w.call("POST", "/employer/pay-statement", `{"requests":[{"payment_id":"`+payment.ID+`"}]}`, &answer)
		switch code := answer.Responses[0].Code; code {
		case http.StatusOK:
		case http.StatusNotFound:
			continue // a sync has deleted it since
		default:
			w.t.Errorf("a payment answered %d", code)
		}
		all[payment.ID+" "+payment.PayDate.String()] = answer.Responses[0].Body.Statements
	}
	return all
}

// applied is the reference: it looks at every line with every rule, and changes the decoded statement.
func applied(statements map[string][]any, rules []rule) map[string][]any {
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b rule) int { return a.Priority - b.Priority })
	eachLine(statements, func(category, day string, line map[string]any) { applyTo(line, category, day, rules) })
	return statements
}

// eachLine calls visit with every line of the statements, and the day on which it was paid.
func eachLine(statements map[string][]any, visit func(category, day string, line map[string]any)) {
	for payment, list := range statements {
		_, day, _ := strings.Cut(payment, " ")
		for _, one := range list {
			for _, category := range []string{"earnings", "taxes", "employee_deductions", "employer_contributions"} {
				lines, _ := one.(map[string]any)[category].([]any)
				for _, line := range lines {
					visit(category, day, line.(map[string]any))
				}
			}
		}
	}
}

func applyTo(line map[string]any, category, day string, rules []rule) {
	metadata := map[string]any{}
	for _, r := range rules {
		holds := (r.Start == nil || r.Start.String() <= day) && (r.End == nil || day <= r.End.String())
		for _, c := range r.Conditions {
			value := line[c.Field]
			if c.Field == "category" {
				value = category
			}
			holds = holds && fmt.Sprint(value) == c.Value && value != nil
		}
		for key, value := range r.Attributes.Metadata {
			if _, set := metadata[key]; holds && !set {
				metadata[key] = value
			}
		}
	}
	if len(metadata) > 0 {
		line["attributes"] = map[string]any{"metadata": metadata}
	}
}

func randomRule(rng *rand.Rand) rule {
	r := rule{Attributes: ruleAttributes{map[string]any{}}}
	if rng.IntN(3) == 0 {
		r.Priority = 1 + rng.IntN(5)
	}
	if rng.IntN(3) == 0 {
		start := perch.NewDate(2024, 1, 1+rng.IntN(400))
		r.Start = &start
		if rng.IntN(2) == 0 {
			end := start + perch.Date(rng.IntN(60))
			r.End = &end
		}
	}
	for _, c := range []condition{
		{"name", "equals", itemNames[rng.IntN(len(itemNames))]}, {"type", "equals", []string{"salary", "bonus", "fica", "401k"}[rng.IntN(4)]},
		{"category", "equals", []string{"earnings", "taxes", "employee_deductions", "employer_contributions"}[rng.IntN(4)]},
		{"pre_tax", "equals", []string{"true", "false"}[rng.IntN(2)]}, {"employer", "equals", []string{"true", "false"}[rng.IntN(2)]},
	} {
		if rng.IntN(3) == 0 {
			r.Conditions = append(r.Conditions, c)
		}
	}
	if len(r.Conditions) == 0 {
		r.Conditions = []condition{{"category", "equals", "earnings"}}
	}
	values := []any{"x", "<&>\u2028\"", 1.5, true, nil, []any{"a", map[string]any{}}, map[string]any{"deep": []any{}}}
	for range 1 + rng.IntN(3) {
		r.Attributes.Metadata[[]string{"label", "code", "é\"}", "eligible"}[rng.IntN(4)]] = values[rng.IntN(len(values))]
	}
	return r
}

func TestRulesApplyAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		rng := rand.New(rand.NewPCG(21, 22))
		w := setup(t, config, randomPayroll(rng, 5))
		w.mustSync()
		plain := w.statementsOf()
		for range 30 {
			w.create(randomRule(rng))
			if list := w.rules(); rng.IntN(3) == 0 {
				w.call("DELETE", rulePath+"/"+list[rng.IntN(len(list))].ID, "", nil)
			}
			want := applied(copied(t, plain), w.rules())
			if got := w.statementsOf(); !reflect.DeepEqual(got, want) {
				t.Fatalf("with %+v:\ngot  %v\nwant %v", w.rules(), got, want)
			}
			w.checkItemsAgree(want)
		}
		for _, r := range w.rules() {
			w.call("DELETE", rulePath+"/"+r.ID, "", nil)
		}
		if got := w.statementsOf(); !reflect.DeepEqual(got, plain) {
			t.Error("without rules the statements are not what they were")
		}
	})
}

func copied(t *testing.T, all map[string][]any) map[string][]any {
	t.Helper()
	text, err := json.Marshal(all)
	must(t, err)
	var out map[string][]any
	must(t, json.Unmarshal(text, &out))
	return out
}

// checkItemsAgree holds the metadata of each item against a line on a statement that was paid last.
func (w *world) checkItemsAgree(statements map[string][]any) {
	w.t.Helper()
	type latest struct {
		day      string
		metadata any
	}
	want := map[string]latest{}
	eachLine(statements, func(category, day string, line map[string]any) {
		if key := keyOf(category, line); want[key].day <= day {
			attributes, _ := line["attributes"].(map[string]any)
			metadata, _ := attributes["metadata"].(map[string]any)
			want[key] = latest{day, metadata}
		}
	})
	var answer struct{ Responses []item }
	w.call("GET", "/employer/pay-statement-item", "", &answer)
	for _, one := range answer.Responses {
		if got := any(one.Attributes.Metadata); !reflect.DeepEqual(got, want[one.String()].metadata) {
			w.t.Errorf("%s has %v, its last line %v", one, got, want[one.String()].metadata)
		}
	}
	if len(answer.Responses) != len(want) {
		w.t.Errorf("%d items, want %d", len(answer.Responses), len(want))
	}
}

func keyOf(category string, line map[string]any) string {
	one := item{Category: category}
	one.Name, _ = line["name"].(string)
	if kind, ok := line["type"].(string); ok {
		one.Attributes.Type = &kind
	}
	if flag, ok := line["pre_tax"].(bool); ok {
		one.Attributes.PreTax = &flag
	}
	if flag, ok := line["employer"].(bool); ok {
		one.Attributes.Employer = &flag
	}
	return one.String()
}

// payroll is one payment with one statement of each name as an earning.
func payroll(names ...string) *system {
	paid := perch.NewDate(2024, 3, 15)
	s := &system{people: []provider.Person{person("1", "Ada")}, payments: []provider.Payment{{Key: "a", Payment: perch.Payment{PayDate: &paid}}},
		statements: map[string][]provider.PayStatement{}}
	one := provider.PayStatement{PersonKey: "employee:1"}
	cents, usd, kind := int64(100), "usd", perch.EarningOther
	for _, name := range names {
		one.Statement.Earnings = append(one.Statement.Earnings, perch.Earning{Name: &name, Type: &kind, Amount: &cents, Currency: &usd})
	}
	s.statements["a"] = append(s.statements["a"], one)
	return s
}

// label reads what a rule attached to the first line.
func (w *world) label() any {
	w.t.Helper()
	for _, list := range w.statementsOf() {
		line := list[0].(map[string]any)["earnings"].([]any)[0].(map[string]any)
		attributes, _ := line["attributes"].(map[string]any)
		metadata, _ := attributes["metadata"].(map[string]any)
		return metadata["label"]
	}
	return nil
}

func TestARuleIsChangedFieldByField(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, payroll("Salary", "Bonus"))
		w.mustSync()
		first := w.create(labels("Salary", "one"))
		second := w.create(labels("Salary", "two"))
		if first.Priority != 1 || second.Priority != 2 || first.EntityType != "pay_statement_item" || first.CreatedAt == "" || first.CreatedAt != first.UpdatedAt {
			t.Errorf("made %+v, %+v", first, second)
		}
		if got := w.rules(); !reflect.DeepEqual(got, []rule{first, second}) {
			t.Errorf("listed %+v, made %+v, %+v", got, first, second)
		}
		for _, step := range []struct{ body, label string }{
			{`{}`, "one"},
			{`{"effective_start_date":"2024-03-16"}`, "two"},
			{`{"effective_start_date":"2024-03-15","effective_end_date":"2024-03-15"}`, "one"},
			{`{"optionalProperty":{"effective_start_date":null,"effective_end_date":"2024-03-14"}}`, "two"},
			{`{"effective_end_date":null}`, "one"},
			{`{"priority":3}`, "two"},
			{`{"priority":1,"attributes":{"metadata":{"label":"three"}}}`, "three"},
			{`{"conditions":[{"field":"name","operator":"equals","value":"salary"}]}`, "two"},
			{`{"conditions":[{"field":"name","operator":"equals","value":"Salary"}],"entity_type":"pay_statement_item"}`, "three"},
		} {
			var changed rule
			if got := w.call("PUT", rulePath+"/"+first.ID, step.body, &changed); got.StatusCode != http.StatusOK || changed.ID != first.ID || changed.CreatedAt != first.CreatedAt {
				t.Errorf("%s answered %d %+v", step.body, got.StatusCode, changed)
			}
			if got := w.label(); got != step.label {
				t.Errorf("after %s the line is labelled %v, want %s", step.body, got, step.label)
			}
		}
		var gone rule
		if got := w.call("DELETE", rulePath+"/"+first.ID, "", &gone); got.StatusCode != http.StatusOK || gone.DeletedAt == "" || gone.ID != first.ID {
			t.Errorf("the deletion answered %d %+v", got.StatusCode, gone)
		}
		if got := w.label(); got != "two" {
			t.Errorf("after the deletion the line is labelled %v", got)
		}
		if got := w.refused("DELETE", rulePath+"/"+first.ID, ""); got != "Rule "+first.ID+" not found" {
			t.Errorf("the second deletion says %q", got)
		}
		w.refused("PUT", rulePath+"/none", `{}`)
	})
}

func TestABadRuleChangesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, payroll("Salary"))
		w.mustSync()
		made := w.create(labels("Salary", "kept"))
		const meta = `"attributes":{"metadata":{"a":1}}`
		for body, want := range map[string]string{
			`{"conditions":[],` + meta + `}`: "conditions: must hold at least one condition.",
			`{"conditions":[{"field":"amount","operator":"equals","value":"1"}],` + meta + `}`:                                                                                "conditions[0].field: must be one of category, name, type, pre_tax, employer.",
			`{"conditions":[{"field":"name","operator":"contains","value":"1"}],` + meta + `}`:                                                                                "conditions[0].operator: must be one of equals.",
			`{"conditions":[{"field":"name","operator":"equals","value":""}],` + meta + `}`:                                                                                   "conditions[0].value: must have between 1 and 1024 bytes.",
			`{"conditions":[{"field":"type","operator":"equals","value":"a"},{"field":"name","operator":"equals","value":"` + strings.Repeat("x", 1025) + `"}],` + meta + `}`: "conditions[1].value: must have between 1 and 1024 bytes.",
			`{"conditions":[{"field":"name","operator":"equals","value":"a"},{"field":"name","operator":"equals","value":"b"}],` + meta + `}`:                                 "conditions[1].field: is named by another condition already; a line has to meet all of them.",
			`{"conditions":[{"field":"category","operator":"equals","value":"pay"}],` + meta + `}`:                                                                            "conditions[0].value: a category is one of earnings, taxes, employee_deductions, employer_contributions.",
			`{"conditions":[{"field":"pre_tax","operator":"equals","value":"yes"}],` + meta + `}`:                                                                             `conditions[0].value: is compared with a flag: write "true" or "false".`,
			`{"effective_start_date":"2024-01-02","effective_end_date":"2024-01-01","conditions":[{"field":"name","operator":"equals","value":"a"}],` + meta + `}`:            "effective_end_date: must not be before effective_start_date.",
			`{"priority":0,"conditions":[{"field":"name","operator":"equals","value":"a"}],` + meta + `}`:                                                                     "priority: must be between 1 and 1000000.",
		} {
			if got := w.refused("POST", rulePath, body); got != want {
				t.Errorf("%s: %q, want %q", body, got, want)
			}
			if got := w.refused("PUT", rulePath+"/"+made.ID, body); got != want {
				t.Errorf("update with %s: %q, want %q", body, got, want)
			}
		}
		if got := w.rules(); !reflect.DeepEqual(got, []rule{made}) || w.label() != "kept" {
			t.Errorf("the rules are %+v", got)
		}
	})
}

func TestWhatRulesAttachToALineIsBounded(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, payroll("Salary"))
	w.mustSync()
	big := func(field, value, key string) string {
		return `{"conditions":[{"field":"` + field + `","operator":"equals","value":"` + value + `"}],"attributes":{"metadata":{"` + key + `":"` + strings.Repeat("x", 3000) + `"}}}`
	}
	for i, body := range []string{big("name", "Salary", "a"), big("name", "Bonus", "b"), big("type", "other", "c"), big("name", "Tip", "d")} {
		if got := w.call("POST", rulePath, body, nil); got.StatusCode != http.StatusCreated {
			t.Fatalf("rule %d answered %d", i, got.StatusCode)
		}
	}
	if got := w.refused("POST", rulePath, big("category", "earnings", "e")); !strings.HasPrefix(got, "attributes.metadata: ") {
		t.Errorf("the rule is refused with %q", got)
	}
	if got := len(w.rules()); got != 4 {
		t.Errorf("there are %d rules", got)
	}
}

// What may be stored may be kept: a rule counts the same when it is read back, whatever its metadata is made of.
func TestARuleFullOfMarkupCanBeChanged(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, payroll("Salary"))
	w.mustSync()
	markup := strings.Repeat("<&>", 1000)
	var made, changed rule
	w.call("POST", rulePath, `{"conditions":[{"field":"name","operator":"equals","value":"Salary"}],"attributes":{"metadata":{"label":"`+markup+`"}}}`, &made)
	if got := w.call("PUT", rulePath+"/"+made.ID, `{"priority":2}`, &changed); got.StatusCode != http.StatusOK || changed.Priority != 2 {
		t.Errorf("the change answered %d", got.StatusCode)
	}
	if got := w.label(); got != markup {
		t.Errorf("the line is labelled %.40v", got)
	}
}

func TestThereMayBeAThousandRules(t *testing.T) {
	t.Parallel()
	w := setup(t, app.Config{Data: t.TempDir()}, payroll("Salary"))
	w.mustSync()
	w.thousandRules()
	if got := w.label(); got != "the last" {
		t.Errorf("the line is labelled %v", got)
	}
	if got := w.refused("POST", rulePath, `{"conditions":[{"field":"name","operator":"equals","value":"a"}],"attributes":{"metadata":{"a":1}}}`); !strings.Contains(got, "1000 rules") {
		t.Errorf("one rule too many is refused with %q", got)
	}
}

func (w *world) thousandRules() {
	for i := range 999 {
		w.create(labels(fmt.Sprint("Item ", i), "x"))
	}
	w.create(labels("Salary", "the last"))
}

// Another process on the same database sees a change of the rules with its next request.
func TestRulesHoldInEveryProcessAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, payroll("Salary"))
		w.mustSync()
		config.Connectors, config.NoRateLimits = nil, true
		other, err := app.Open(t.Context(), config)
		must(t, err)
		t.Cleanup(func() { must(t, other.Close()) })
		server := httptest.NewServer(other.API.Handler())
		t.Cleanup(server.Close)
		elsewhere := *w
		elsewhere.server = server
		if got := elsewhere.label(); got != nil {
			t.Fatalf("labelled %v before there is a rule", got)
		}
		made := w.create(labels("Salary", "0"))
		for i := range 10 {
			if got := elsewhere.label(); got != fmt.Sprint(i) {
				t.Fatalf("the other process has %v, want %d", got, i)
			}
			w.call("PUT", rulePath+"/"+made.ID, fmt.Sprintf(`{"attributes":{"metadata":{"label":"%d"}}}`, i+1), nil)
		}
		w.call("DELETE", rulePath+"/"+made.ID, "", nil)
		if got := elsewhere.label(); got != nil {
			t.Errorf("the other process has %v after the rule is gone", got)
		}
	})
}

// another makes a further connection of an application to the same system.
func (w *world) another(client access.Application) *world {
	w.t.Helper()
	made, err := w.app.Connections.Create(w.t.Context(), connection.Request{Application: client, ProviderID: "gusto", Type: perch.ConnectionProvider,
		Authentication: perch.AuthOAuth, Status: perch.StatusProcessing, Products: allProducts, Connector: w.system.Name(), Settings: []byte("{}"),
	}, func(*sql.Tx, connection.Created) error { return nil })
	must(w.t, err)
	other := *w
	other.made, other.appID = made, client.ID
	return &other
}

func TestRulesOfOthersAreOutOfReach(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, payroll("Salary"))
		w.mustSync()
		made := w.create(labels("Salary", "mine"))
		same, err := w.app.Access.Authenticate(t.Context(), w.made.AccessToken)
		must(t, err)
		stranger, _, err := w.app.Access.CreateApplication(t.Context(), "stranger", perch.ClientSandbox)
		must(t, err)
		for name, other := range map[string]*world{"another connection of the application": w.another(same.Application), "another application": w.another(stranger)} {
			other.mustSync()
			if got := other.rules(); len(got) != 0 {
				t.Errorf("%s lists %+v", name, got)
			}
			if got := other.label(); got != nil {
				t.Errorf("%s has the label %v", name, got)
			}
			other.refused("PUT", rulePath+"/"+made.ID, `{"priority":9}`)
			other.refused("DELETE", rulePath+"/"+made.ID, "")
			other.refused("GET", rulePath+"?entity_ids="+w.made.EntityID.String(), "")
			other.refused("POST", rulePath+"?entity_ids="+w.made.EntityID.String(), `{"conditions":[{"field":"name","operator":"equals","value":"Salary"}],"attributes":{"metadata":{"label":"theirs"}}}`)
			// Nor does the store itself let them, should a caller mix ids up.
			owner := store.RuleOwner{Application: other.appID, Connection: other.made.Connection.ID, Entity: w.made.EntityID}
			if list, err := w.app.Store.Rules(t.Context(), owner); err != nil || len(list) != 0 {
				t.Errorf("%s: the store lists %d rules, %v", name, len(list), err)
			}
			err := w.app.Store.ChangeRules(t.Context(), owner, func(*sql.Tx, []store.Rule) error { return nil })
			if err == nil {
				t.Errorf("%s may change rules", name)
			}
			owner.Entity = other.made.EntityID
			stolen, err := perch.ParseID(made.ID)
			must(t, err)
			err = w.app.Store.ChangeRules(t.Context(), owner, func(tx *sql.Tx, _ []store.Rule) error {
				return w.app.Store.PutRule(t.Context(), tx, owner, store.Rule{ID: stolen, Priority: 1, Body: []byte("x")})
			})
			if err == nil {
				t.Errorf("%s replaced a rule of somebody else", name)
			}
		}
		if got := w.rules(); !reflect.DeepEqual(got, []rule{made}) || w.label() != "mine" {
			t.Errorf("the rules are %+v", got)
		}
	})
}

func TestRulesEndWithTheConnection(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, config app.Config) {
		w := setup(t, config, payroll("Salary"))
		w.mustSync()
		made := w.create(labels("Salary", "mine"))
		owner := store.RuleOwner{Application: w.appID, Connection: w.made.Connection.ID, Entity: w.made.EntityID}
		sealed, err := w.app.Store.Rules(t.Context(), owner)
		must(t, err)
		if len(sealed) != 1 || strings.Contains(string(sealed[0].Body), "Salary") || strings.Contains(string(sealed[0].Body), "mine") {
			t.Errorf("a rule is stored for all to read: %+v", sealed)
		}
		w.call("POST", "/disconnect", "", nil)
		for _, path := range []string{"GET " + rulePath, "POST " + rulePath, "PUT " + rulePath + "/" + made.ID, "DELETE " + rulePath + "/" + made.ID} {
			method, path, _ := strings.Cut(path, " ")
			if got := w.call(method, path, `{"priority":1}`, nil); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s answers %d after the disconnection", method, path, got.StatusCode)
			}
		}
		_, err = w.app.Store.DeleteDisconnected(t.Context(), w.made.EntityID, 1000)
		must(t, err)
		left, err := w.app.Store.Rules(t.Context(), owner)
		if err != nil || len(left) != 0 {
			t.Errorf("%d rules are left, %v", len(left), err)
		}
	})
}
