package httpapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/perchhq/perch/internal/testneed"
)

// shared returns a file of the reference material beside the repository. Without it the test is
// skipped, except in CI.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testneed.Shared(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// description is the API description as JSON.
func description(t testing.TB) map[string]any {
	t.Helper()
	text, err := new(API).OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at walks into a JSON document.
func at(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// each visits every object of a JSON document.
func each(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(value)
		for _, inner := range value {
			each(inner, visit)
		}
	case []any:
		for _, inner := range value {
			each(inner, visit)
		}
	}
}

func TestTheDescriptionListsEveryOperation(t *testing.T) {
	t.Parallel()
	doc := description(t)
	if doc["openapi"] != "3.1.0" || at(doc, "info", "title") != "Perch" || at(doc, "info", "version") == "" {
		t.Errorf("the head is %v %v", doc["openapi"], doc["info"])
	}
	ids := make(map[string]bool)
	for _, r := range routes() {
		op := at(doc, "paths", r.path, strings.ToLower(r.method))
		if at(op, "operationId") != r.operation || ids[r.operation] {
			t.Errorf("%s %s is described as %v", r.method, r.path, at(op, "operationId"))
		}
		ids[r.operation] = true
		for _, want := range []string{"summary", "description", "responses", "tags"} {
			if at(op, want) == nil {
				t.Errorf("%s has no %s", r.operation, want)
			}
		}
		for _, name := range pathParams(r.path) {
			if !slices.ContainsFunc(r.params, func(p param) bool { return p.name == name && p.in == "path" && p.required }) {
				t.Errorf("%s does not describe {%s}", r.operation, name)
			}
		}
	}
}

func pathParams(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

func TestEveryReferenceOfTheDescriptionResolves(t *testing.T) {
	t.Parallel()
	doc := description(t)
	count := 0
	each(doc, func(object map[string]any) {
		ref, ok := object["$ref"].(string)
		if !ok {
			return
		}
		count++
		if at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	})
	if count < 50 {
		t.Errorf("only %d references were found", count)
	}
}

// compile returns the schema at a place of the description.
func compile(t testing.TB, doc map[string]any, pointer string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("perch:openapi", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("perch:openapi#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	doc := description(t)
	for _, r := range routes() {
		base := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(r.path) + "/" + strings.ToLower(r.method)
		check(t, doc, r.operation+" answer", base+"/responses/"+r.success()+"/content/application~1json/schema", r.answerExample)
		check(t, doc, r.operation+" body", base+"/requestBody/content/application~1json/schema", r.bodyExample)
	}
}

func check(t *testing.T, doc map[string]any, name, pointer, example string) {
	t.Helper()
	if example == "" {
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(example))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := compile(t, doc, pointer).Validate(value); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestSchemasRefuseWhatTheTypesCannotBe(t *testing.T) {
	t.Parallel()
	doc := description(t)
	for _, test := range []struct{ name, schema, value string }{
		{"a gender that does not exist", "Individual/properties/gender", `"unheard of"`},
		{"an id that is no UUID", "Individual/properties/id", `"7"`},
		{"an id that is null", "Individual/properties/id", `null`},
		{"an impossible date", "Employment/properties/start_date", `"2023-02-30"`},
		{"hours in words", "PayStatement/properties/total_hours", `"8"`},
		{"a page without paging", "DirectoryPage", `{"individuals":[]}`},
		{"people that are null", "DirectoryPage/properties/individuals", `null`},
		{"members that are null", "PayGroup/properties/individual_ids", `null`},
		{"money in fractions", "Money/properties/amount", `1.5`},
		{"an error without finch_code", "ErrorAnswer", `{"code":404,"name":"a","message":"b"}`},
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(test.value))
		if err != nil {
			t.Fatal(err)
		}
		if compile(t, doc, "/components/schemas/"+test.schema).Validate(value) == nil {
			t.Errorf("%s was accepted", test.name)
		}
	}
	for schema, value := range map[string]string{"Individual/properties/gender": `null`, "Individual/properties/residence": `null`,
		"Employment/properties/start_date": `null`, "PayStatement/properties/total_hours": `7.25`, "Company/properties/departments": `null`} {
		decoded, _ := jsonschema.UnmarshalJSON(strings.NewReader(value))
		if err := compile(t, doc, "/components/schemas/"+schema).Validate(decoded); err != nil {
			t.Errorf("%s = %s: %v", schema, value, err)
		}
	}
}

// beyondContract are the operations that Perch adds.
var beyondContract = map[string]bool{"get-events": true, "post-sandbox-trigger": true}

// TestTheDescriptionAgreesWithTheContract compares operations and parameters with the published contract.
func TestTheDescriptionAgreesWithTheContract(t *testing.T) {
	t.Parallel()
	var contract map[string]any
	if err := json.Unmarshal(shared(t, "reference/finch-openapi.json"), &contract); err != nil {
		t.Fatal(err)
	}
	doc := description(t)
	for _, r := range routes() {
		if r.tag == tagSystem || r.tag == tagWebhooks || beyondContract[r.operation] {
			continue
		}
		method := strings.ToLower(r.method)
		theirs, ours := at(contract, "paths", r.path, method), at(doc, "paths", r.path, method)
		if at(theirs, "operationId") != r.operation {
			t.Errorf("%s %s: the contract calls it %v", method, r.path, at(theirs, "operationId"))
		}
		list, _ := at(theirs, "parameters").([]any)
		for _, one := range list {
			if ref, ok := at(one, "$ref").(string); ok {
				one = at(contract, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			}
			name, _ := at(one, "name").(string)
			if name == "Content-Type" { // OpenAPI says to leave it to the media type
				continue
			}
			// The docs' own examples of these send no version.
			optional := name == "Finch-API-Version" && (r.operation == "post-connect-sessions" || r.operation == "create-access-token")
			if mine := findParam(ours, name); mine == nil || (at(mine, "required") == true) != (at(one, "required") == true && !optional) {
				t.Errorf("%s: parameter %s is %v, want %v", r.operation, name, mine, one)
			}
		}
		responses, _ := at(theirs, "responses").(map[string]any)
		for status := range responses {
			if status == "404" && r.operation == "get-jobs-automated" {
				continue // its example is about the id of a job, which a list has none of
			}
			if at(ours, "responses", status) == nil {
				t.Errorf("%s: status %s is missing", r.operation, status)
			}
		}
	}
}

func findParam(operation any, name string) any {
	list, _ := at(operation, "parameters").([]any)
	for _, one := range list {
		if at(one, "name") == name {
			return one
		}
	}
	return nil
}

func TestTheDescriptionIsServed(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.api.Version = "1.2.3"
	first := h.do(ask{target: "/openapi.json", token: none, version: none})
	second := h.do(ask{target: "/openapi.json", token: none, version: none})
	if first.Code != 200 || first.Header().Get("Content-Type") != "application/json" || !json.Valid(first.Body.Bytes()) {
		t.Errorf("got %d %v", first.Code, first.Header())
	}
	if !bytes.Equal(first.Body.Bytes(), second.Body.Bytes()) || !strings.Contains(first.Body.String(), `"version":"1.2.3"`) {
		t.Error("the two answers differ, or lack the version")
	}
}
