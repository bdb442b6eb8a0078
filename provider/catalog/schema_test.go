package catalog

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract compiles schemas of the published contract.
type contract struct{ compiler *jsonschema.Compiler }

// openContract reads the contract and rewrites OpenAPI's nullable as JSON Schema has it.
func openContract(t *testing.T) contract {
	t.Helper()
	text, err := os.ReadFile(shared(t, "reference", "finch-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	nullable(doc)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("contract.json", doc); err != nil {
		t.Fatal(err)
	}
	return contract{c}
}

// nullable lets every schema that says nullable accept null as well.
func nullable(v any) {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
		}
		for _, inner := range v {
			nullable(inner)
		}
	case []any:
		for _, inner := range v {
			nullable(inner)
		}
	}
}

func (c contract) schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := c.compiler.Compile("contract.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoded encodes v and decodes it for the validator.
func decoded(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryWireEntryFollowsTheContract(t *testing.T) {
	t.Parallel()
	c := openContract(t)
	response, method := c.schema(t, "GetProvidersResponse"), c.schema(t, "AuthenticationMethod")
	var list []any
	for _, e := range load(t).All() {
		p := e.Wire()
		list = append(list, p)
		for _, m := range p.AuthenticationMethods {
			// The response leaves supported_fields and benefits_support open; this schema does not.
			if err := method.Validate(decoded(t, m)); err != nil {
				t.Errorf("%s, %s: %v", e.ID, m.Type, err)
			}
		}
	}
	if err := response.Validate(decoded(t, list)); err != nil {
		t.Error(err)
	}
}

func TestTheContractRefusesANullFlag(t *testing.T) {
	t.Parallel()
	s := openContract(t).schema(t, "AuthenticationMethod")
	bad := map[string]any{"type": "oauth", "supported_fields": map[string]any{"company": map[string]any{"id": nil}}}
	if s.Validate(decoded(t, bad)) == nil {
		t.Error("a null flag was accepted: the schema checks nothing")
	}
}
