package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	perch "github.com/perchhq/perch"
)

// schemas makes JSON schemas from Go types for the API description. It is a huma.Registry that
// knows the scalars of the root package, takes enums from their Values method, and says of pointers
// that they may be null.
type schemas struct {
	named map[string]*huma.Schema
	types map[string]reflect.Type
}

const schemaPrefix = "#/components/schemas/"

func newSchemas() *schemas {
	return &schemas{named: make(map[string]*huma.Schema), types: make(map[string]reflect.Type)}
}

var _ huma.Registry = (*schemas)(nil)

// Schema implements huma.Registry.
func (s *schemas) Schema(t reflect.Type, _ bool, _ string) *huma.Schema {
	base, nullable := t, false
	for base.Kind() == reflect.Pointer {
		base, nullable = base.Elem(), true
	}
	if scalar := scalarSchema(base); scalar != nil {
		scalar.Nullable = nullable && scalar.Type != ""
		if scalar.Nullable && scalar.Enum != nil {
			scalar.Enum = append(scalar.Enum, nil)
		}
		return scalar
	}
	if alternatives := s.alternatives(base); alternatives != nil {
		return &huma.Schema{AnyOf: alternatives}
	}
	if base.Kind() != reflect.Struct || base.Name() == "Time" {
		return huma.SchemaFromType(s, t)
	}
	ref := s.ref(base)
	if nullable {
		return &huma.Schema{AnyOf: []*huma.Schema{ref, {Type: "null"}}}
	}
	return ref
}

// ref returns a reference to a struct's schema, which it adds first if it is new.
func (s *schemas) ref(t reflect.Type) *huma.Schema {
	name := t.Name()
	if known, ok := s.types[name]; ok && known != t {
		panic("two types are called " + name)
	} else if !ok {
		s.types[name] = t
		schema := huma.SchemaFromType(s, t)
		schema.AdditionalProperties = nil // fields may be added without notice
		for _, field := range neverNull[t] {
			schema.Properties[field].Nullable = false
		}
		optionalNotNull(t, schema)
		if editTypes[t] {
			schema.Required = nil
			delete(schema.Properties, "id")
		}
		s.named[name] = schema
	}
	return &huma.Schema{Ref: schemaPrefix + name}
}

// optionalNotNull makes fields that are left out when empty not nullable: they are never sent as null.
func optionalNotNull(t reflect.Type, schema *huma.Schema) {
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		field := schema.Properties[name]
		if field == nil || !strings.Contains(options, "omitempty") {
			continue
		}
		field.Nullable = false
		if n := len(field.Enum); n > 0 && field.Enum[n-1] == nil {
			field.Enum = field.Enum[:n-1]
		}
		if len(field.AnyOf) == 2 && field.AnyOf[1].Type == "null" {
			schema.Properties[name] = field.AnyOf[0]
		}
	}
}

// neverNull are the lists of the root package that are empty rather than null.
var neverNull = map[reflect.Type][]string{
	reflect.TypeFor[perch.PayGroup]():             {"pay_frequencies", "individual_ids"},
	reflect.TypeFor[perch.PayGroupSummary]():      {"pay_frequencies"},
	reflect.TypeFor[perch.Introspection]():        {"authentication_methods", "products", "entities"},
	reflect.TypeFor[perch.AuthenticationStatus](): {"products"},
	reflect.TypeFor[perch.Provider]():             {"products", "authentication_methods"},
	reflect.TypeFor[SandboxConnectionCreated]():   {"products"},
}

// editTypes are bodies whose fields are all optional: what is left out stays as it is.
var editTypes = map[reflect.Type]bool{
	reflect.TypeFor[SandboxCompany](): true, reflect.TypeFor[SandboxIndividualEdit](): true,
	reflect.TypeFor[SandboxEmploymentEdit](): true, reflect.TypeFor[SandboxPersonEdit](): true,
}

// scalarSchema returns the schema of the root package's scalars and of enums, or nil.
func scalarSchema(t reflect.Type) *huma.Schema {
	switch t {
	case reflect.TypeFor[perch.ID]():
		return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	case reflect.TypeFor[perch.Date]():
		return &huma.Schema{Type: huma.TypeString, Format: "date"}
	case reflect.TypeFor[perch.Hours]():
		return &huma.Schema{Type: huma.TypeNumber, Description: "Hours, with two decimals at most."}
	case reflect.TypeFor[json.RawMessage]():
		return &huma.Schema{Description: "Any JSON value."}
	}
	if values := enumValues(t); values != nil {
		return &huma.Schema{Type: huma.TypeString, Enum: values}
	}
	return nil
}

// enumValues asks a string type for its values.
func enumValues(t reflect.Type) []any {
	if t.Kind() != reflect.String {
		return nil
	}
	method := reflect.Zero(t).MethodByName("Values")
	if !method.IsValid() {
		return nil
	}
	list := method.Call(nil)[0]
	values := make([]any, list.Len())
	for i := range values {
		values[i] = list.Index(i).String()
	}
	return values
}

// alternatives returns what the body of a batch entry may be.
func (s *schemas) alternatives(t reflect.Type) []*huma.Schema {
	var ok reflect.Type
	switch t {
	case reflect.TypeFor[individualOrErr]():
		ok = reflect.TypeFor[perch.Individual]()
	case reflect.TypeFor[employmentOrErr]():
		ok = reflect.TypeFor[perch.Employment]()
	case reflect.TypeFor[statementsOrErr]():
		ok = reflect.TypeFor[PayStatementPage]()
	case reflect.TypeFor[documentBody]():
		return []*huma.Schema{s.ref(reflect.TypeFor[perch.W4Document2020]()), s.ref(reflect.TypeFor[perch.W4Document2005]())}
	case reflect.TypeFor[deductionOrErr]():
		ok = reflect.TypeFor[perch.Enrolment]()
	default:
		return nil
	}
	return []*huma.Schema{s.ref(ok), s.ref(reflect.TypeFor[ItemError]())}
}

// SchemaFromRef implements huma.Registry.
func (s *schemas) SchemaFromRef(ref string) *huma.Schema {
	return s.named[strings.TrimPrefix(ref, schemaPrefix)]
}

// TypeFromRef implements huma.Registry.
func (s *schemas) TypeFromRef(ref string) reflect.Type {
	return s.types[strings.TrimPrefix(ref, schemaPrefix)]
}

// Map implements huma.Registry.
func (s *schemas) Map() map[string]*huma.Schema { return s.named }

// RegisterTypeAlias implements huma.Registry; there are no aliases.
func (s *schemas) RegisterTypeAlias(_, _ reflect.Type) {}

// MarshalJSON writes the named schemas.
func (s *schemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.named) }
