package sandbox

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/testneed"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// published returns the published API description. Where it is not kept beside the repository the
// test is skipped, except in continuous integration.
func published(t *testing.T) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testneed.Shared(t), "reference", "finch-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return nullable(doc)
}

// nullable rewrites the older keyword "nullable" as the type null, which validators know.
func nullable(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = nullable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = nullable(v[k])
		}
		if v["nullable"] != true {
			return v
		}
		if kind, ok := v["type"].(string); ok {
			v["type"] = []any{kind, "null"}
		} else if v["$ref"] != nil {
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
	}
	return v
}

func TestEveryRecordFitsThePublishedSchemas(t *testing.T) {
	t.Parallel()
	const url = "https://perch.example/api.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(url, published(t)); err != nil {
		t.Fatal(err)
	}
	check := func(name string, v any) {
		t.Helper()
		schema, err := c.Compile(url + "#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Fatalf("%s: %v in %s", name, err, data)
		}
	}
	for _, size := range []int{1, 20, 45, 150} {
		checkRecords(t, open(t, uint64(size), size, asOf, nil), check)
	}
}

// checkRecords fills in ids as the engine would and checks each record.
func checkRecords(t *testing.T, s *source, check func(name string, v any)) {
	t.Helper()
	id := perch.NewID()
	company := s.company()
	company.ID = id
	check("Company", company)
	for p, err := range s.People(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		p.Individual.ID, p.Employment.ID = id, id
		if p.ManagerKey != "" {
			p.Employment.Manager = &perch.Reference{ID: id}
		}
		check("Individual", p.Individual)
		check("Employment", p.Employment)
	}
	for g, err := range s.PayGroups(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		g.PayGroup.ID, g.PayGroup.IndividualIDs = id, []perch.ID{id}
		check("GetPayGroupResponse", g.PayGroup)
	}
	for p, err := range s.Payments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		p.Payment.ID, p.Payment.IndividualIDs = id, []perch.ID{id}
		check("GetPaymentsResponse", []perch.Payment{p.Payment})
		for st, err := range s.PayStatements(t.Context(), p.Key) {
			if err != nil {
				t.Fatal(err)
			}
			st.Statement.IndividualID = id
			check("PayStatement", st.Statement)
		}
	}
}
