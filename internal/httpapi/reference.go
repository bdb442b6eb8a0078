package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/perchhq/perch/internal/apierror"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceCSS string

// referenceTemplate is parsed when the page is first asked for.
func referenceTemplate() (*template.Template, error) {
	return template.New("reference").Parse(referenceHTML)
}

// referencePage is what the template shows.
type referencePage struct {
	CSS     template.CSS
	Version string
	Groups  []referenceGroup
	Errors  []referenceError
	Headers []referenceField
}

type referenceGroup struct {
	Name       string
	Operations []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Description string
	Access, Product, Limit                 string
	Params                                 []referenceField
	BodyFields, AnswerFields               []referenceField
	Curl, BodyExample, AnswerExample       string
	Errors                                 []referenceError
}

type referenceField struct {
	Name, Type, Description string
	Required                bool
}

type referenceError struct {
	Status              int
	Name, Code, Meaning string
}

func showReference(c *call) error {
	body, err := c.api.reference.page.get(func() ([]byte, error) { return renderReference(c.api.Version) })
	if err != nil {
		return err
	}
	header := c.w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", referencePolicy())
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.status = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(body) // the client may have gone
	return nil
}

// referencePolicy lets the page's own style sheet apply, and nothing else.
func referencePolicy() string {
	sum := sha256.Sum256([]byte(referenceCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func renderReference(version string) ([]byte, error) {
	tmpl, err := referenceTemplate()
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = tmpl.Execute(&page, makeReference(version))
	return page.Bytes(), err
}

func makeReference(version string) referencePage {
	page := referencePage{CSS: template.CSS(referenceCSS), Version: version}
	s := newSchemas()
	for _, tag := range tags {
		group := referenceGroup{Name: tag}
		for _, r := range routes() {
			if r.tag == tag {
				group.Operations = append(group.Operations, s.referenceOperation(&r))
			}
		}
		page.Groups = append(page.Groups, group)
	}
	for _, row := range apierror.Rows() {
		if row.Code != "*" || !slices.ContainsFunc(page.Errors, func(e referenceError) bool { return e.Name == row.Name }) {
			page.Errors = append(page.Errors, referenceRow(row, strings.Trim(row.Code, "*")))
		}
	}
	slices.SortStableFunc(page.Errors, func(a, b referenceError) int { return a.Status - b.Status })
	for _, h := range answerHeaders {
		page.Headers = append(page.Headers, referenceField{Name: h.name, Description: h.description})
	}
	return page
}

func referenceRow(row apierror.Row, code string) referenceError {
	return referenceError{Status: row.Status, Name: row.Name, Code: code, Meaning: row.Meaning}
}

func (s *schemas) referenceOperation(r *route) referenceOperation {
	op := referenceOperation{ID: r.operation, Method: r.method, Path: r.path, Summary: r.summary, Description: r.description,
		Access: accessText(r.auth), Product: string(r.product), Curl: curl(r),
		BodyExample: pretty(r.bodyExample), AnswerExample: pretty(r.answerExample)}
	if r.limit.perMinute > 0 {
		op.Limit = fmt.Sprintf("%d requests per minute and application, %d in the sandbox", r.limit.perMinute, 2*r.limit.perMinute)
	}
	for _, p := range r.params {
		op.Params = append(op.Params, referenceParam(p))
	}
	if r.entities {
		op.Params = append(op.Params, referenceParam(entityParam))
	}
	if r.body != nil {
		op.BodyFields = s.fields(s.Schema(r.body, true, ""), "", nil)
	}
	if r.answer != nil {
		op.AnswerFields = s.fields(s.Schema(r.answer, true, ""), "", nil)
	}
	for _, f := range r.failures() {
		row, _ := apierror.Lookup(f.name, f.code)
		op.Errors = append(op.Errors, referenceRow(row, f.code))
	}
	slices.SortStableFunc(op.Errors, func(a, b referenceError) int { return a.Status - b.Status })
	return op
}

func accessText(auth authentication) string {
	switch auth {
	case authBearer:
		return "Access token"
	case authOptionalBearer:
		return "Access token, optional"
	case authBasic:
		return "Client id and secret"
	}
	return "Anyone"
}

func referenceParam(p param) referenceField {
	field := referenceField{Name: p.name, Required: p.required, Description: p.description}
	switch p.kind {
	case kindInteger:
		field.Type = "integer"
		if p.fallback < 0 {
			field.Description += " All if left out."
		} else {
			field.Description += fmt.Sprintf(" %d if left out, %d at most.", p.fallback, p.max)
		}
	case kindDate:
		field.Type = "date"
	case kindTime:
		field.Type = "time"
	case kindID:
		field.Type = "uuid"
	case kindIDs:
		field.Type = "uuid[]"
	case kindText:
		field.Type = "string"
	case kindEnums:
		field.Type = "string[]"
		field.Description += " One of " + strings.Join(p.values, ", ") + "."
	}
	return field
}

// fields lists what a schema holds, one line per field, by its path. open guards against types that
// hold themselves.
func (s *schemas) fields(schema *huma.Schema, path string, open []string) []referenceField {
	if schema.Ref != "" {
		if slices.Contains(open, schema.Ref) {
			return nil
		}
		return s.fields(s.SchemaFromRef(schema.Ref), path, append(open, schema.Ref))
	}
	var list []referenceField
	for _, alternative := range schema.AnyOf {
		if alternative.Ref != schemaPrefix+"ItemError" {
			list = append(list, s.fields(alternative, path, open)...)
		}
	}
	if schema.Type == huma.TypeArray {
		return append(list, s.fields(schema.Items, path+"[]", open)...)
	}
	if path != "" {
		path += "."
	}
	for _, name := range propertyNames(schema) {
		field := schema.Properties[name]
		list = append(list, referenceField{Name: path + name, Type: s.typeText(field), Description: field.Description + boundsText(field),
			Required: slices.Contains(schema.Required, name)})
		list = append(list, s.fields(field, path+name, open)...)
	}
	return list
}

// boundsText says what a field is when it is left out, and how large it may be.
func boundsText(field *huma.Schema) (text string) {
	if field.Default != nil {
		text += fmt.Sprintf(" %v if left out.", field.Default)
	}
	if field.Maximum != nil {
		text += fmt.Sprintf(" %.0f at most.", *field.Maximum)
	}
	if field.MaxItems != nil {
		text += fmt.Sprintf(" %d entries at most.", *field.MaxItems)
	}
	return text
}

// propertyNames returns the required fields in their order, and then the others by name.
func propertyNames(schema *huma.Schema) []string {
	names := slices.Clone(schema.Required)
	var optional []string
	for name := range schema.Properties {
		if !slices.Contains(names, name) {
			optional = append(optional, name)
		}
	}
	slices.Sort(optional)
	return append(names, optional...)
}

// typeText names a type in a few words.
func (s *schemas) typeText(schema *huma.Schema) string {
	text, nullable := schema.Type, schema.Nullable
	switch {
	case schema.Ref != "":
		text = "object"
	case len(schema.AnyOf) > 0:
		text, nullable = "object", schema.AnyOf[len(schema.AnyOf)-1].Type == "null"
	case schema.Type == huma.TypeArray:
		text = s.typeText(schema.Items) + "[]"
	case len(schema.Enum) > 0:
		var values []string
		for _, value := range schema.Enum {
			if value != nil {
				values = append(values, fmt.Sprint(value))
			}
		}
		text = strings.Join(values, ", ")
		if len(values) > 1 {
			text = "one of " + text
		}
	case schema.Format == "uuid" || schema.Format == "date":
		text = schema.Format
	case schema.Type == "":
		text = "any"
	}
	if nullable {
		text += " or null"
	}
	return text
}

// curl is a call of the operation from a shell.
func curl(r *route) string {
	var b strings.Builder
	b.WriteString("curl")
	if r.method != http.MethodGet {
		b.WriteString(" -X " + r.method)
	}
	b.WriteString(` "$PERCH_URL` + strings.ReplaceAll(r.path, "{pay_group_id}", exampleID) + exampleQuery(r) + `"`)
	switch r.auth {
	case authBearer, authOptionalBearer:
		b.WriteString(" \\\n  -H \"Authorization: Bearer $ACCESS_TOKEN\"")
	case authBasic:
		b.WriteString(" \\\n  -u \"$CLIENT_ID:$CLIENT_SECRET\"")
	}
	if r.version == versionRequired {
		b.WriteString(" \\\n  -H \"Finch-API-Version: " + apiVersion + "\"")
	}
	if r.bodyExample != "" {
		b.WriteString(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + r.bodyExample + "'")
	}
	return b.String()
}

func exampleQuery(r *route) string {
	var pairs []string
	for _, p := range r.params {
		if p.in == "query" && p.example != "" {
			pairs = append(pairs, p.name+"="+p.example)
		}
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

func pretty(example string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(strings.ReplaceAll(example, "\n", "")), "", "  ") != nil {
		return example
	}
	return b.String()
}
