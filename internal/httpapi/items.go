package httpapi

import (
	"context"
	"net/http"
	"reflect"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/payitem"
)

// PayItems lists the items of pay statements and keeps the rules about them. Rules belong to an entity:
// none is found through another one, or another connection.
type PayItems interface {
	// Items appends the list, under the same rules as Employment.
	Items(ctx context.Context, grant *access.Grant, entity *access.Entity, filter payitem.Filter, dst []byte) ([]byte, access.Publication, error)
	Rules(ctx context.Context, grant *access.Grant, entity *access.Entity) (payitem.Rules, error)
	// CreateRule, UpdateRule and DeleteRule fail with an error that names the field or the rule at fault, and
	// change nothing then. A rule's id may be any text.
	CreateRule(ctx context.Context, grant *access.Grant, entity *access.Entity, edit payitem.Edit) (payitem.Rule, error)
	UpdateRule(ctx context.Context, grant *access.Grant, entity *access.Entity, id string, edit payitem.Edit) (payitem.Rule, error)
	DeleteRule(ctx context.Context, grant *access.Grant, entity *access.Entity, id string) (payitem.Rule, error)
}

const (
	// itemsPerMinute is the published limit of pay statement items.
	itemsPerMinute = 20
	// rulesPerMinute is of our own: a thousand rules are set up in minutes, and no client keeps the
	// database busy.
	rulesPerMinute = 300
	// maxFilter bounds the text of a filter in bytes.
	maxFilter = 256
)

func itemsRoutes() []route {
	ruleID := param{name: "rule_id", in: "path", kind: kindText, required: true, description: "Id of the rule.", example: exampleID}
	rule := route{
		path: "/employer/pay-statement-item/rule", tag: tagPayroll,
		auth: authBearer, version: versionRequired, product: perch.ProductPayStatement,
		limit: rateLimit{"pay-statement-item-rule", rulesPerMinute}, entities: true,
		answer: reflect.TypeFor[payitem.Rule](), answerExample: exampleRule,
	}
	create, list, update, remove := rule, rule, rule, rule
	create.method, create.operation, create.summary, create.handle, create.created = http.MethodPost, "create-rule", "Create a rule", createRule, true
	create.description = "Attaches metadata of your own to the lines of pay statements that meet all conditions. It shows with the next read, without a sync. Where several rules set the same key, the one with the lowest priority does; a rule without a priority goes after all others."
	create.body, create.bodyRequired, create.bodyExample = reflect.TypeFor[RuleRequest](), true, exampleRuleRequest
	create.errors = []failure{{perch.NameInvalidRequest, "request_too_large"}}

	list.method, list.operation, list.summary, list.handle = http.MethodGet, "get-rules", "Rules", listRules
	list.description = "Lists the rules, by priority."
	list.answer, list.answerExample = reflect.TypeFor[payitem.Rules](), `{"responses":[`+exampleRule+`]}`

	update.path, update.params = rule.path+"/{rule_id}", []param{ruleID}
	update.method, update.operation, update.summary, update.handle = http.MethodPut, "update-rule", "Update a rule", updateRule
	update.description = "Changes a rule. What the body leaves out stays; null takes an effective date away. The fields stand in the body itself or in optionalProperty."
	update.body, update.bodyRequired, update.bodyExample = reflect.TypeFor[RuleUpdate](), true, `{"effective_start_date":null}`
	update.errors = create.errors

	remove.path, remove.params = update.path, update.params
	remove.method, remove.operation, remove.summary, remove.handle = http.MethodDelete, "delete-rule", "Delete a rule", deleteRule
	remove.description = "Deletes a rule. What it attached is gone with the next read."

	return []route{{
		method: http.MethodGet, path: "/employer/pay-statement-item", operation: "get-pay-statement-item", tag: tagPayroll,
		summary:     "Pay statement items",
		description: "Lists what stands on the lines of the pay statements, each item once, with the metadata that rules attach to it. Two lines are the same item if their category, name, type and, for taxes and deductions, the flag agree. An item that no statement has any more is not listed.",
		auth:        authBearer, version: versionRequired, product: perch.ProductPayStatement,
		limit: rateLimit{"pay-statement-item", itemsPerMinute}, entities: true, dataHeaders: true,
		params: []param{
			{name: "categories", in: "query", kind: kindEnums, values: payitem.Categories(), emptyIsAll: true, description: "Only items of one of these categories."},
			{name: "name", in: "query", kind: kindText, max: maxFilter, description: "Only items whose name holds this text, in any case.", example: "401k"},
			{name: "type", in: "query", kind: kindText, max: maxFilter, description: "Only items of this type.", example: "401k"},
			{name: "start_date", in: "query", kind: kindDate, description: "Only items that were last seen on this pay date or later, as YYYY-MM-DD.", example: "2024-01-01"},
			{name: "end_date", in: "query", kind: kindDate, description: "Only items that were last seen on this pay date or earlier, as YYYY-MM-DD.", example: "2024-12-31"},
		},
		answer: reflect.TypeFor[PayStatementItems](), answerExample: exampleItems,
		handle: getPayItems,
	}, create, list, update, remove}
}

// PayStatementItems is the answer of GET /employer/pay-statement-item.
type PayStatementItems struct {
	Responses []PayStatementItem `json:"responses" nullable:"false"`
}

// PayStatementItem is what stands on lines of pay statements.
type PayStatementItem struct {
	Name       string                 `json:"name"`
	Category   PayStatementCategory   `json:"category"`
	Attributes PayStatementAttributes `json:"attributes"`
}

// PayStatementCategory is a list of a pay statement.
type PayStatementCategory string

// Values lists them.
func (PayStatementCategory) Values() []PayStatementCategory {
	var all []PayStatementCategory
	for _, name := range payitem.Categories() {
		all = append(all, PayStatementCategory(name))
	}
	return all
}

// PayStatementAttributes are the attributes of an item.
type PayStatementAttributes struct {
	Type     *string          `json:"type"`
	PreTax   *bool            `json:"pre_tax" required:"false" doc:"Of employee deductions only."`
	Employer *bool            `json:"employer" required:"false" doc:"Of taxes only."`
	Metadata payitem.Metadata `json:"metadata" nullable:"true" doc:"What rules attach, by key; null where none applies."`
}

// RuleRequest is the body of POST /employer/pay-statement-item/rule.
type RuleRequest struct {
	Priority           *int                `json:"priority,omitempty" minimum:"1" maximum:"1000000" doc:"After all other rules, if left out."`
	EffectiveStartDate *perch.Date         `json:"effective_start_date" required:"false" doc:"First pay date that the rule applies to."`
	EffectiveEndDate   *perch.Date         `json:"effective_end_date" required:"false" doc:"Last pay date that the rule applies to."`
	Conditions         []payitem.Condition `json:"conditions" nullable:"false" minItems:"1" maxItems:"5" doc:"A line has to meet all of them."`
	Attributes         payitem.Attributes  `json:"attributes"`
	EntityType         *payitem.EntityType `json:"entity_type,omitempty"`
}

// RuleChanges are what may be changed of a rule; all of it is optional.
type RuleChanges struct {
	Priority           *int                `json:"priority,omitempty" minimum:"1" maximum:"1000000"`
	EffectiveStartDate *perch.Date         `json:"effective_start_date" required:"false"`
	EffectiveEndDate   *perch.Date         `json:"effective_end_date" required:"false"`
	Conditions         []payitem.Condition `json:"conditions,omitempty" nullable:"false" minItems:"1" maxItems:"5"`
	Attributes         *payitem.Attributes `json:"attributes,omitempty"`
	EntityType         *payitem.EntityType `json:"entity_type,omitempty"`
}

// RuleUpdate is the body of PUT /employer/pay-statement-item/rule/{rule_id}.
type RuleUpdate struct {
	RuleChanges
	OptionalProperty *RuleChanges `json:"optionalProperty,omitempty" doc:"The same fields, for clients that send them here."`
}

func getPayItems(c *call) error {
	filter, err := c.itemFilter()
	if err != nil {
		return err
	}
	return c.data(func(dst []byte) ([]byte, access.Publication, error) {
		return c.api.PayItems.Items(c.r.Context(), c.grant, c.entity, filter, dst)
	})
}

func (c *call) itemFilter() (f payitem.Filter, err error) {
	if f.Categories, err = c.enums("categories"); err != nil {
		return f, err
	}
	if f.Name, err = c.text("name"); err != nil {
		return f, err
	}
	if f.Type, err = c.text("type"); err != nil {
		return f, err
	}
	if f.Start, err = c.optionalDate("start_date"); err != nil {
		return f, err
	}
	if f.End, err = c.optionalDate("end_date"); err != nil {
		return f, err
	}
	if f.Start != nil && f.End != nil && *f.End < *f.Start {
		err = perch.Invalid("end_date", "must not be before start_date.")
	}
	return f, err
}

func createRule(c *call) error {
	edit, err := c.ruleEdit(false)
	if err != nil {
		return err
	}
	made, err := c.api.PayItems.CreateRule(c.r.Context(), c.grant, c.entity, edit)
	if err != nil {
		return err
	}
	return c.encodeCreated(made)
}

func listRules(c *call) error {
	list, err := c.api.PayItems.Rules(c.r.Context(), c.grant, c.entity)
	if err != nil {
		return err
	}
	return c.encode(list)
}

func updateRule(c *call) error {
	edit, err := c.ruleEdit(true)
	if err != nil {
		return err
	}
	changed, err := c.api.PayItems.UpdateRule(c.r.Context(), c.grant, c.entity, c.r.PathValue("rule_id"), edit)
	if err != nil {
		return err
	}
	return c.encode(changed)
}

func deleteRule(c *call) error {
	gone, err := c.api.PayItems.DeleteRule(c.r.Context(), c.grant, c.entity, c.r.PathValue("rule_id"))
	if err != nil {
		return err
	}
	return c.encode(gone)
}

func (c *call) ruleEdit(update bool) (payitem.Edit, error) {
	body, err := c.body()
	if err != nil {
		return payitem.Edit{}, err
	}
	defer body.release()
	return decodeRule(body.b, update)
}

// decodeRule reads a rule. The contract puts the fields of an update into optionalProperty, and clients
// that were written by its example put them into the body: both are read, and each field once.
func decodeRule(body []byte, update bool) (payitem.Edit, error) {
	s := scanner{data: body, at: location{index: -1}}
	var edit payitem.Edit
	attributes := func() error {
		return s.fields([]field{{"metadata", !update, func() (err error) { edit.Metadata, err = s.metadata(); return err }}})
	}
	known := []field{
		{"priority", false, func() error { return optional(&s, &edit.Priority, pointer(s.integer)) }},
		{"effective_start_date", false, func() (err error) { edit.Start, err = s.day(); return err }},
		{"effective_end_date", false, func() (err error) { edit.End, err = s.day(); return err }},
		{"conditions", !update, func() (err error) { edit.Conditions, err = s.conditions(); return err }},
		{"attributes", !update, attributes},
		{"entity_type", false, func() error {
			_, err := enum(&s, payitem.EntityType("").Values())
			return err
		}},
	}
	fields := known
	if update {
		wrapped := false
		inner := func() error { wrapped = true; return s.fields(known) }
		fields = append(known[:len(known):len(known)], field{"optionalProperty", false, func() error { return s.unlessNull(inner) }})
		for i, f := range known {
			fields[i].read = func() error {
				if wrapped {
					return s.invalid("is given outside of optionalProperty too.")
				}
				return f.read()
			}
		}
	}
	err := s.fields(fields)
	if err == nil {
		err = s.end()
	}
	return edit, err
}

// day reads a date or null.
func (s *scanner) day() (payitem.Day, error) {
	if s.null() {
		return payitem.Day{Given: true}, nil
	}
	text, err := s.text()
	if err != nil {
		return payitem.Day{}, err
	}
	date, err := perch.ParseDate(string(text))
	if err != nil {
		return payitem.Day{}, s.invalid("must be a day of the calendar as YYYY-MM-DD, or null.")
	}
	return payitem.Day{Given: true, Date: &date}, nil
}

// conditions reads a list of conditions; what they say is the use case's to judge.
func (s *scanner) conditions() ([]payitem.Condition, error) {
	list, outer := []payitem.Condition{}, s.at
	err := s.array(func(i int) error {
		if i >= maxConditions {
			return s.invalid("must not hold more than %d conditions.", maxConditions)
		}
		s.at = location{list: "conditions", index: i}
		defer func() { s.at = outer }()
		one, err := s.condition()
		list = append(list, one)
		return err
	})
	return list, err
}

// maxConditions is more than there are fields to name.
const maxConditions = 16

func (s *scanner) condition() (c payitem.Condition, err error) {
	var name, operator, value bool
	err = s.object("an object", func(key []byte) error {
		var text string
		switch string(key) {
		case "field":
			s.at.field = "field"
			err := s.once(&name, &text)
			c.Field = payitem.Field(text)
			return err
		case "operator":
			s.at.field = "operator"
			err := s.once(&operator, &text)
			c.Operator = payitem.Operator(text)
			return err
		case "value":
			s.at.field = "value"
			return s.once(&value, &c.Value)
		}
		return s.skip()
	})
	for _, f := range []struct {
		name string
		seen bool
	}{{"field", name}, {"operator", operator}, {"value", value}} {
		if err == nil && !f.seen {
			s.at.field = f.name
			err = s.invalid("is required.")
		}
	}
	return c, err
}

// once reads a string that may be given once.
func (s *scanner) once(seen *bool, into *string) error {
	if err := onceOnly(s, seen); err != nil {
		return err
	}
	text, err := s.words()
	*into = text
	return err
}

// metadata reads an object of any values.
func (s *scanner) metadata() (payitem.Metadata, error) {
	if s.peek() != '{' {
		return nil, s.want("an object")
	}
	start := s.pos
	if err := s.skip(); err != nil {
		return nil, err
	}
	return payitem.ParseMetadata(s.at.String(), s.data[start:s.pos])
}

const (
	exampleRuleRequest = `{"effective_start_date":"2025-01-01","conditions":[{"field":"name","operator":"equals","value":"401k"}],
"attributes":{"metadata":{"label":"Pre-Tax EE Deferral"}},"entity_type":"pay_statement_item"}`

	exampleRule = `{"id":"6f1f7a52-4a0e-4c52-9d2b-3a1f6f0b7c11","priority":1,"effective_start_date":"2025-01-01","effective_end_date":null,
"conditions":[{"field":"name","operator":"equals","value":"401k"}],"attributes":{"metadata":{"label":"Pre-Tax EE Deferral"}},
"entity_type":"pay_statement_item","created_at":"2025-01-01T10:00:00Z","updated_at":"2025-01-01T10:00:00Z"}`

	exampleItems = `{"responses":[{"name":"401k","category":"employee_deductions",
"attributes":{"type":"401k","pre_tax":true,"metadata":{"label":"Pre-Tax EE Deferral"}}},
{"name":"Salary","category":"earnings","attributes":{"type":"salary","metadata":null}}]}`
)
