package perch_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/testneed"
)

// schema is the part of an OpenAPI 3.0 schema that the model is held to.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       typeName           `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	AllOf      []*schema          `json:"allOf"`
	AnyOf      []*schema          `json:"anyOf"`
	OneOf      []*schema          `json:"oneOf"`
}

// typeName is a type, or the first of several.
type typeName string

// UnmarshalJSON reads a name or a list of names.
func (n *typeName) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		var several []string
		if err := json.Unmarshal(text, &several); err != nil {
			return err
		}
		*n = typeName(several[0])
		return nil
	}
	return json.Unmarshal(text, (*string)(n))
}

type contract map[string]*schema

func readContract(t *testing.T) contract {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testneed.Shared(t), "reference", "finch-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct {
			Schemas contract `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document.Components.Schemas
}

// resolve follows references and merges the parts of an allOf. What stands beside a reference holds too.
func (c contract) resolve(s *schema) *schema {
	if s.Ref == "" && len(s.AllOf) == 0 {
		return s
	}
	merged := schema{Type: s.Type, Nullable: s.Nullable, Enum: s.Enum, Items: s.Items, Required: slices.Clone(s.Required), Properties: maps.Clone(s.Properties)}
	parts := s.AllOf
	if s.Ref != "" {
		parts = append(slices.Clone(parts), c[strings.TrimPrefix(s.Ref, "#/components/schemas/")])
	}
	if merged.Properties == nil {
		merged.Properties = map[string]*schema{}
	}
	for _, part := range parts {
		part = c.resolve(part)
		merged.Nullable = merged.Nullable || part.Nullable
		merged.Required = append(merged.Required, part.Required...)
		maps.Copy(merged.Properties, part.Properties)
		merged.Type, merged.Enum = cmp.Or(merged.Type, part.Type), append(merged.Enum, part.Enum...)
		if merged.Items == nil {
			merged.Items = part.Items
		}
		merged.AnyOf, merged.OneOf = append(merged.AnyOf, part.AnyOf...), append(merged.OneOf, part.OneOf...)
	}
	return &merged
}

// modelled pairs schemas with the types that are encoded in their place. A path after the name
// leads into the schema: "[]" to the items, "?" to the first alternative, a word to the property.
var modelled = []struct {
	at   string
	zero any
}{
	{"Company", perch.Company{}},
	{"Location", perch.Location{}},
	{"GetDirectoryResponse individuals []", perch.DirectoryEntry{}},
	{"Individual", perch.Individual{}},
	{"Employment", perch.Employment{}},
	{"Income", perch.Income{}},
	{"GetPaymentsResponse []", perch.Payment{}},
	{"PayStatement", perch.PayStatement{}},
	{"Money", perch.Money{}},
	{"GetPayGroupResponse", perch.PayGroup{}},
	{"GetAllPayGroupsResponse []", perch.PayGroupSummary{}},
	{"GetIntrospectResponse", perch.Introspection{}},
	{"ConnectionStatusDetail", perch.ConnectionStatusDetail{}},
	{"MultiAccountEntity", perch.EntityStatus{}},
	{"AuthenticationMethodDetail", perch.AuthenticationStatus{}},
	{"Provider", perch.Provider{}},
	{"AuthenticationMethod", perch.AuthenticationMethod{}},
	{"SupportedFields", perch.SupportedFields{}},
	{"SupportPerBenefitType", perch.BenefitOperations{}},
	{"OperationSupportMatrix", perch.OperationMatrix{}},
	{"BenefitFeature", perch.BenefitFeatures{}},
	{"BenefitFeaturesAndOperations", perch.BenefitSupport{}},
	{"CompanyBenefit", perch.Deduction{}},
	{"DocumentItem", perch.Document{}},
	{"W4Document2020 data", perch.W42020{}},
	{"W4Document2005 data", perch.W42005{}},
	{"AutomatedAsyncJob", perch.AutomatedJob{}},
	{"ManualAsyncJob", perch.ManualJob{}},
	{"GetCompanyResponse", perch.Company{}},
	{"GetIndividualsResponse responses [] body ?", perch.Individual{}},
	{"GetEmploymentResponse responses [] body ?", perch.Employment{}},
	{"GetPayStatementsResponse responses [] body ? pay_statements []", perch.PayStatement{}},
	{"IndividualBenefits [] body ?", perch.Enrolment{}},
	{"GetProvidersResponse []", perch.Provider{}},
	{"GetCompanyBenefitsResponse []", perch.Deduction{}},
	{"ListDocumentsResponse documents []", perch.Document{}},
	{"ListAutomatedJobsResponse data []", perch.AutomatedJob{}},
	{"BaseWebhookEvent", perch.Event{}},
	{"ClientType", perch.ClientSandbox},
	{"ConnectionType", perch.ConnectionProvider},
	{"ConnectionStatus", perch.StatusPending},
	{"EntityConnectionStatus", perch.StatusPending},
	{"AuthenticationType", perch.AuthOAuth},
	{"BenefitType", perch.BenefitSimple},
	{"BenefitFrequency", perch.OneTime},
	{"OperationSupport", perch.OperationSupported},
	{"PayFrequency", perch.PayWeekly},
	{"ConnectProducts", perch.ProductSSN},
}

// deviations are the places where the model differs from the contract on purpose, by the end of their
// path, with the reason. Wherever the model has words or names beyond the contract's, the contract
// uses one set in one place and another elsewhere, and the model has the union.
var deviations = map[string]string{
	"supported_fields employment flsa_status":                 employmentFields,
	"supported_fields employment highly_compensated_employee": employmentFields,
	"supported_fields employment key_employee":                employmentFields,
	"supported_fields employment latest_rehire_date":          employmentFields,
	"supported_fields employment source_id":                   employmentFields,
	"supported_fields employment union_code":                  employmentFields,
	"supported_fields employment union_local":                 employmentFields,
	"supported_fields employment work_id":                     employmentFields,
	"SupportedFields employment flsa_status":                  employmentFields,
	"SupportedFields employment highly_compensated_employee":  employmentFields,
	"SupportedFields employment key_employee":                 employmentFields,
	"SupportedFields employment latest_rehire_date":           employmentFields,
	"SupportedFields employment source_id":                    employmentFields,
	"SupportedFields employment union_code":                   employmentFields,
	"SupportedFields employment union_local":                  employmentFields,
	"SupportedFields employment work_id":                      employmentFields,
	"individual marital_status":                               "the contract has the field and leaves it out of the supported ones",
	"Employment work_id":                                      "the schema of answers has it, deprecated in favour of source_id; the other one has not",
	"connection_status status":                                "entities can be disconnected, connections cannot; one type serves both",
	"ConnectionStatus":                                        "entities can be disconnected, connections cannot; one type serves both",
	"ConnectionStatusDetail status":                           "entities can be disconnected, connections cannot; one type serves both",
	"AuthenticationType":                                      "the contract has api_credential wherever it lists the methods of providers",
	"authentication_methods [] type":                          "api is an older name of api_token, which Perch never sends",
	"company_contribution []":                                 amounts,
	"employee_deduction []":                                   amounts,
	"company_contribution type":                               amounts,
	"company_contribution amount":                             "the amount of what is not matched; it is left out of a match",
	"company_contribution tiers":                              "the tiers of what is matched; a match without tiers cannot be made",
	"BaseWebhookEvent event_type":                             "every kind of event adds it",
	"BaseWebhookEvent data":                                   "every kind of event adds it",
	"ManualAsyncJob status":                                   "jobs have one set of statuses, of which manual ones use four",
	"W4Document2020 data filing_status":                       filing,
	"W4Document2005 data filing_status":                       filing,
}

const (
	employmentFields = "the contract has the field and leaves it out of the supported ones"
	amounts          = "amounts have one set of forms, of which each place uses some"
	filing           = "both editions of the form have one set of statuses, of which each uses three"
)

func TestTheModelHasTheContractsNamesWordsAndNulls(t *testing.T) {
	t.Parallel()
	c := readContract(t)
	found := map[string]string{}
	for _, m := range modelled {
		s, err := c.find(m.at)
		if err != nil {
			t.Error(err)
			continue
		}
		c.compare(m.at, s, reflect.TypeOf(m.zero), func(at, what string) { found[at] = what })
	}
	used := map[string]bool{}
	for _, at := range slices.Sorted(maps.Keys(found)) {
		known := false
		for end := range deviations {
			if at == end || strings.HasSuffix(at, " "+end) {
				known, used[end] = true, true
			}
		}
		if !known {
			t.Errorf("%s: %s", at, found[at])
		}
	}
	for end, why := range deviations {
		if !used[end] {
			t.Errorf("%s is listed as a deviation (%s) and is none", end, why)
		}
	}
}

func TestTheModelHasTheContractsEvents(t *testing.T) {
	t.Parallel()
	c := readContract(t)
	want := map[string]bool{}
	for _, kind := range c["WebhookEvent"].AnyOf {
		for _, word := range c.resolve(c.resolve(kind).Properties["event_type"]).Enum {
			want[word.(string)] = true
		}
	}
	for _, event := range perch.EventType("").Values() {
		if !want[string(event)] {
			t.Errorf("the contract has no event %s", event)
		}
		delete(want, string(event))
	}
	for word := range want {
		t.Errorf("the model has no event %s", word)
	}
}

func (c contract) find(at string) (*schema, error) {
	words := strings.Fields(at)
	s := c[words[0]]
	if s == nil {
		return nil, fmt.Errorf("the contract has no schema %s", words[0])
	}
	for _, word := range words[1:] {
		switch s = c.resolve(s); word {
		case "[]":
			s = s.Items
		case "?":
			s = s.AnyOf[0]
		default:
			s = s.Properties[word]
		}
		if s == nil {
			return nil, fmt.Errorf("the contract has no %s", at)
		}
	}
	return s, nil
}

// compare holds a type to a schema and everything below it.
func (c contract) compare(at string, s *schema, t reflect.Type, report func(at, what string)) {
	s = c.resolve(s)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case len(s.Enum) > 0:
		compareWords(at, s, t, report)
	case s.Type == "array":
		if t.Kind() != reflect.Slice {
			report(at, fmt.Sprintf("the contract has an array, the model %s", t))
			return
		}
		c.compare(at+" []", s.Items, t.Elem(), report)
	case len(s.Properties) > 0:
		c.compareObject(at, s, t, report)
	case s.Type != "" && len(s.AnyOf)+len(s.OneOf) == 0 && !slices.Contains(wireTypes(t), string(s.Type)):
		report(at, fmt.Sprintf("the contract has a %s, the model %s", s.Type, t))
	}
}

func compareWords(at string, s *schema, t reflect.Type, report func(at, what string)) {
	var want, have []string
	for _, word := range s.Enum {
		if word, ok := word.(string); ok && !slices.Contains(want, word) {
			want = append(want, word)
		}
	}
	method := reflect.Zero(t).MethodByName("Values")
	if !method.IsValid() {
		report(at, fmt.Sprintf("the contract has the words %v, the model %s", want, t))
		return
	}
	for values, i := method.Call(nil)[0], 0; i < values.Len(); i++ {
		have = append(have, values.Index(i).String())
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		report(at, fmt.Sprintf("the contract's words are %v, the model's %v", want, have))
	}
}

func (c contract) compareObject(at string, s *schema, t reflect.Type, report func(at, what string)) {
	if t.Kind() == reflect.Map {
		return
	}
	if t.Kind() != reflect.Struct {
		report(at, fmt.Sprintf("the contract has an object, the model %s", t))
		return
	}
	fields := map[string]reflect.StructField{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields[name] = field
		if s.Properties[name] == nil {
			report(at+" "+name, "the contract has no such property")
		}
	}
	for name, property := range s.Properties {
		field, ok := fields[name]
		if !ok {
			report(at+" "+name, "the model has no such field")
			continue
		}
		c.compareNull(at+" "+name, c.resolve(property), slices.Contains(s.Required, name), field, report)
		c.compare(at+" "+name, property, field.Type, report)
	}
}

// compareNull: what is required is always there, what is nullable can be null, and what is not cannot.
// Lists are left out: whether a list is empty or null is up to those who fill it.
func (c contract) compareNull(at string, s *schema, required bool, field reflect.StructField, report func(at, what string)) {
	_, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	kind := field.Type.Kind()
	nullable := s.Nullable || slices.ContainsFunc(append(slices.Clone(s.AnyOf), s.OneOf...), func(one *schema) bool { return c.resolve(one).Nullable })
	switch {
	case required && options == "omitempty":
		report(at, "it is required, and the model leaves it out when it is empty")
	case kind == reflect.Slice || kind == reflect.Map:
	case nullable && required && kind != reflect.Pointer:
		report(at, "it may be null, and the model has no null")
	case !nullable && kind == reflect.Pointer && options != "omitempty":
		report(at, "it is never null, and the model has null")
	}
}

// wireTypes are the JSON types, as the contract names them, that a type may be encoded as.
func wireTypes(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[perch.ID](), reflect.TypeFor[perch.Date](), reflect.TypeFor[time.Time]():
		return []string{"string"}
	case reflect.TypeFor[perch.Hours]():
		return []string{"number"}
	case reflect.TypeFor[json.RawMessage]():
		return []string{"string", "object", "array", "boolean", "number", "integer"}
	}
	switch t.Kind() {
	case reflect.String:
		return []string{"string"}
	case reflect.Bool:
		return []string{"boolean"}
	case reflect.Int, reflect.Int64:
		return []string{"integer", "number"}
	case reflect.Struct, reflect.Map:
		return []string{"object"}
	}
	return nil
}

// A value that holds nothing is encoded with every name that it may not leave out, and with null
// where nothing is known.
func TestEmptyValuesAreEncodedWithAllTheirNames(t *testing.T) {
	t.Parallel()
	for _, m := range modelled {
		kind := reflect.TypeOf(m.zero)
		if kind.Kind() != reflect.Struct {
			continue
		}
		text, err := json.Marshal(m.zero)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for field := range kind.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			value, there := got[name]
			if there != (options != "omitempty") && field.Type.Kind() != reflect.Struct {
				t.Errorf("%s: %s is there: %v", kind, name, there)
			}
			if there && field.Type.Kind() == reflect.Pointer && string(value) != "null" {
				t.Errorf("%s: %s is %s", kind, name, value)
			}
		}
	}
}
