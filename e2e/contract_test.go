package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/perchhq/perch/internal/testneed"
)

// contractURL names the contract inside the schema compiler.
const contractURL = "perch:///contract.json"

// contract is the published API description, made strict: a property that a schema does not list is
// an error, and formats are checked.
type contract struct {
	paths      map[string]any
	operations []operation
	compiler   *jsonschema.Compiler
	compiled   map[string]*jsonschema.Schema
	// succeeded has the ids of the operations that were seen to answer 200.
	succeeded map[string]bool
}

// operation is one method of one path.
type operation struct {
	id, method, template string
	path                 *regexp.Regexp
}

// openContract needs the reference files.
func openContract(t *testing.T) *contract {
	t.Helper()
	file, err := os.Open(filepath.Join(testneed.Shared(t), "reference", "finch-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	parsed, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	document := parsed.(map[string]any)
	c := &contract{
		paths: document["paths"].(map[string]any), compiler: jsonschema.NewCompiler(),
		compiled: map[string]*jsonschema.Schema{}, succeeded: map[string]bool{},
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	openParts(schemas, schemas)
	for name, schema := range schemas {
		tighten(schema, strings.HasSuffix(name, openPart))
	}
	c.readOperations()
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(contractURL, document); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *contract) readOperations() {
	parameter := regexp.MustCompile(`\\\{[^}]*\\\}`)
	for template, methods := range c.paths {
		pattern := parameter.ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
		for method, described := range methods.(map[string]any) {
			described, ok := described.(map[string]any)
			if !ok || described["operationId"] == nil {
				continue
			}
			for _, response := range described["responses"].(map[string]any) {
				tighten(schemaOf(response), false)
			}
			c.operations = append(c.operations, operation{described["operationId"].(string), strings.ToUpper(method), template, regexp.MustCompile("^" + pattern + "$")})
		}
	}
}

// schemaOf returns the schema of a JSON body, or nil.
func schemaOf(response any) any {
	content, _ := response.(map[string]any)["content"].(map[string]any)
	body, _ := content["application/json"].(map[string]any)
	return body["schema"]
}

// openPart ends the name of a copy of a schema that other schemas have as a part.
const openPart = "Part"

// openParts gives the parts of every allOf that are schemas of their own a copy of those: a part lists only
// some of the properties, while the schema by itself lists all of them.
func openParts(node any, schemas map[string]any) {
	switch node := node.(type) {
	case map[string]any:
		if parts, ok := node["allOf"].([]any); ok {
			for _, part := range parts {
				name, isRef := strings.CutPrefix(fmt.Sprint(part.(map[string]any)["$ref"]), "#/components/schemas/")
				if isRef && !strings.HasSuffix(name, openPart) {
					part.(map[string]any)["$ref"] = "#/components/schemas/" + name + openPart
					schemas[name+openPart] = maps.Clone(schemas[name].(map[string]any))
				}
			}
			node["unevaluatedProperties"] = false
		}
		for _, child := range node {
			openParts(child, schemas)
		}
	case []any:
		for _, child := range node {
			openParts(child, schemas)
		}
	}
}

// tighten translates OpenAPI 3.0's nullable, which the contract still uses, into a type, and refuses
// properties that are not listed. The parts of an allOf list only some of the properties each, so
// they stay open.
func tighten(node any, open bool) {
	schema, ok := node.(map[string]any)
	if !ok {
		return
	}
	if schema["nullable"] == true {
		if kind, ok := schema["type"].(string); ok {
			schema["type"] = []any{kind, "null"}
		}
		if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, nil) {
			schema["enum"] = append(values, nil)
		}
	}
	properties, listed := schema["properties"].(map[string]any)
	for _, property := range properties {
		tighten(property, false)
	}
	if _, said := schema["additionalProperties"]; listed && !said && !open && schema["allOf"] == nil {
		schema["additionalProperties"] = false
	}
	tighten(schema["items"], false)
	tighten(schema["additionalProperties"], false)
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		parts, _ := schema[keyword].([]any)
		for _, part := range parts {
			if part, ok := part.(map[string]any); ok && len(part) == 1 && part["nullable"] == true {
				part["type"], part["nullable"] = "null", false // as an alternative it stands for null, not for everything
			}
			tighten(part, open || keyword == "allOf")
		}
	}
}

// find returns the operation that an answer belongs to; the zero operation is for addresses that
// the contract does not have. A path without parameters comes before one that has some.
func (c *contract) find(one recorded) (found operation) {
	for _, candidate := range c.operations {
		if candidate.method != one.Method || !candidate.path.MatchString(one.Path) {
			continue
		}
		if candidate.template == one.Path {
			return candidate
		}
		found = candidate
	}
	return found
}

// pointer returns the place of the schema for an answer inside the contract. Few operations declare
// their errors; the rest of them have the shape that the contract gives errors in general.
func (c *contract) pointer(op operation, status int) (string, error) {
	declared := map[string]any{}
	if op.id != "" {
		declared = c.paths[op.template].(map[string]any)[strings.ToLower(op.method)].(map[string]any)["responses"].(map[string]any)
	}
	code := strconv.Itoa(status)
	if response, ok := declared[code]; ok && schemaOf(response) != nil {
		path := strings.NewReplacer("~", "~0", "/", "~1").Replace(op.template)
		return "#/paths/" + path + "/" + strings.ToLower(op.method) + "/responses/" + code + "/content/application~1json/schema", nil
	}
	switch {
	case status >= http.StatusBadRequest:
		return "#/components/schemas/Error", nil
	case status == http.StatusAccepted:
		return "#/components/schemas/AcceptedResponse", nil
	}
	return "", errors.New("the contract has no such status for this operation")
}

func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	if schema, ok := c.compiled[pointer]; ok {
		return schema, nil
	}
	schema, err := c.compiler.Compile(contractURL + pointer)
	if err == nil {
		c.compiled[pointer] = schema
	}
	return schema, err
}

// validate holds a body, as prepare leaves it, against the schema at a place of the contract.
func (c *contract) validate(pointer, text string, prepare func(body any)) error {
	schema, err := c.schema(pointer)
	if err != nil {
		return err
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	prepare(body)
	return schema.Validate(body)
}

// check holds one answer against the contract.
func (c *contract) check(t *testing.T, one recorded, lists *judgements) {
	t.Helper()
	op := c.find(one)
	pointer, err := c.pointer(op, one.Status)
	if err != nil {
		t.Errorf("%s %s (%d): %v", one.Method, one.Path, one.Status, err)
		return
	}
	if one.Status == http.StatusOK || one.Status == http.StatusCreated {
		c.succeeded[op.id] = true
	}
	strip := func(body any) { lists.strip(op.id, one.Status, body) }
	var invalid *jsonschema.ValidationError
	switch err := c.validate(pointer, one.Body, strip); {
	case err == nil:
	case !errors.As(err, &invalid):
		t.Errorf("%s %s (%d): %v", one.Method, one.Path, one.Status, err)
	case !lists.excuse(op.id, one.Status, invalid):
		t.Errorf("%s %s%s (%d) departs from the contract, and deviations.json does not say why:\n%v", one.Method, one.Path, one.Query, one.Status, invalid)
	}
}
