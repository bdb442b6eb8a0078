package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/perchhq/perch/internal/apierror"
)

// reference is what /openapi.json and /docs answer. It is built on the first request for it, so
// that starting up does not wait for it, and kept.
type reference struct {
	openapi, page onceBytes
}

type onceBytes struct {
	once sync.Once
	body []byte
	err  error
}

func (o *onceBytes) get(build func() ([]byte, error)) ([]byte, error) {
	o.once.Do(func() { o.body, o.err = build() })
	return o.body, o.err
}

func showOpenAPI(c *call) error {
	body, err := c.api.OpenAPI()
	if err != nil {
		return err
	}
	c.write(http.StatusOK, body)
	return nil
}

// OpenAPI returns the description of the API as OpenAPI 3.1 in JSON.
func (a *API) OpenAPI() ([]byte, error) {
	return a.reference.openapi.get(func() ([]byte, error) {
		return json.Marshal(describe(a.Version))
	})
}

// describe makes the API description from the table of routes.
func describe(version string) *huma.OpenAPI {
	if version == "" {
		version = "dev"
	}
	s := newSchemas()
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Perch", Version: version,
			Description: "A unified employment API: one model of employers, people and pay, whatever system they come from. Amounts are integer cents, dates are civil dates."},
		Servers: []*huma.Server{{URL: "/"}},
		Paths:   make(map[string]*huma.PathItem),
		Components: &huma.Components{Schemas: s, SecuritySchemes: map[string]*huma.SecurityScheme{
			"bearer": {Type: "http", Scheme: "bearer", Description: "An access token."},
			"basic":  {Type: "http", Scheme: "basic", Description: "The client id and client secret of an application."},
		}},
	}
	for _, tag := range tags {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: tag})
	}
	for _, r := range routes() {
		item := doc.Paths[r.path]
		if item == nil {
			item = new(huma.PathItem)
			doc.Paths[r.path] = item
		}
		*slot(item, r.method) = s.operation(&r)
	}
	return doc
}

func slot(item *huma.PathItem, method string) **huma.Operation {
	switch method {
	case http.MethodPost:
		return &item.Post
	case http.MethodPut:
		return &item.Put
	case http.MethodPatch:
		return &item.Patch
	case http.MethodDelete:
		return &item.Delete
	}
	return &item.Get
}

func (s *schemas) operation(r *route) *huma.Operation {
	op := &huma.Operation{OperationID: r.operation, Tags: []string{r.tag}, Summary: r.summary, Description: r.description,
		Parameters: parameters(r), Responses: s.responses(r), Security: security(r.auth)}
	if r.body != nil {
		op.RequestBody = &huma.RequestBody{Required: r.bodyRequired, Content: s.content(r.body, r.bodyExample)}
	}
	return op
}

func security(auth authentication) []map[string][]string {
	switch auth {
	case authBearer:
		return []map[string][]string{{"bearer": {}}}
	case authOptionalBearer:
		return []map[string][]string{{}, {"bearer": {}}}
	case authBasic:
		return []map[string][]string{{"basic": {}}}
	}
	return nil
}

func (s *schemas) content(t reflect.Type, example string) map[string]*huma.MediaType {
	media := &huma.MediaType{Schema: s.Schema(t, true, "")}
	if media.Schema.Type == huma.TypeArray {
		media.Schema.Nullable = false // an answer is a list, never null
	}
	if example != "" {
		media.Example = json.RawMessage(example)
	}
	return map[string]*huma.MediaType{"application/json": media}
}

func parameters(r *route) []*huma.Param {
	var list []*huma.Param
	for i := range r.params {
		list = append(list, parameter(&r.params[i]))
	}
	if r.entities {
		list = append(list, parameter(&entityParam))
	}
	if r.version != versionIgnored {
		list = append(list, &huma.Param{Name: "Finch-API-Version", In: "header", Required: r.version == versionRequired,
			Description: "Version of the API.", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{apiVersion}}})
	}
	return list
}

func parameter(p *param) *huma.Param {
	out := &huma.Param{Name: p.name, In: p.in, Required: p.required, Description: p.description}
	explode := true
	switch p.kind {
	case kindInteger:
		zero, most := 0.0, float64(p.max)
		out.Schema = &huma.Schema{Type: huma.TypeInteger, Default: p.fallback, Minimum: &zero, Maximum: &most}
		if p.fallback < 0 {
			out.Schema.Default = nil
		}
	case kindDate:
		out.Schema = &huma.Schema{Type: huma.TypeString, Format: "date"}
	case kindTime:
		out.Schema = &huma.Schema{Type: huma.TypeString, AnyOf: []*huma.Schema{{Format: "date-time"}, {Format: "date"}}}
	case kindID:
		out.Schema = &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	case kindIDs:
		out.Schema = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}
		if p.max > 0 {
			out.Schema.MaxItems = &p.max
		}
		out.Style, out.Explode = "form", &explode
	case kindText:
		out.Schema = &huma.Schema{Type: huma.TypeString}
	case kindEnums:
		values := make([]any, len(p.values))
		for i, value := range p.values {
			values[i] = value
		}
		out.Schema = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Enum: values}}
		out.Style, out.Explode = "form", &explode
	}
	return out
}

// responses describes the answer and, grouped by status, how the operation can fail.
func (s *schemas) responses(r *route) map[string]*huma.Response {
	ok := &huma.Response{Description: "Success.", Headers: headers(r.dataHeaders)}
	if r.answer != nil {
		ok.Content = s.content(r.answer, r.answerExample)
	}
	out := map[string]*huma.Response{r.success(): ok}
	for _, f := range r.failures() {
		row, _ := apierror.Lookup(f.name, f.code)
		status := strconv.Itoa(row.Status)
		if out[status] == nil {
			out[status] = &huma.Response{Headers: headers(false), Content: s.content(errorType(row.Status), "")}
		}
		out[status].Description = strings.TrimSpace(out[status].Description + " " + f.label() + ": " + row.Meaning)
	}
	for _, status := range r.also {
		code := strconv.Itoa(status)
		out[code] = &huma.Response{Description: http.StatusText(status) + ".", Headers: headers(false), Content: s.content(r.answer, "")}
	}
	if r.operation == "get-readiness" {
		out["503"] = &huma.Response{Description: "Not ready.", Headers: headers(false), Content: s.content(r.answer, "")}
	}
	return out
}

// success is the status of the operation's answer.
func (r *route) success() string {
	if r.created {
		return strconv.Itoa(http.StatusCreated)
	}
	return strconv.Itoa(http.StatusOK)
}

func errorType(status int) reflect.Type {
	if status == http.StatusTooManyRequests {
		return reflect.TypeFor[RateLimitAnswer]()
	}
	return reflect.TypeFor[ErrorAnswer]()
}

// label is how the reference names a failure.
func (f failure) label() string {
	if f.code == "" {
		return f.name
	}
	return f.name + " / " + f.code
}

// answerHeaders are the headers of answers with data.
var answerHeaders = []struct{ name, description string }{
	{"Finch-Data-Retrieved", "When the data was read from the employment system, in ISO 8601."},
	{"Finch-Last-Attempted-Update-Date", "When an update was last attempted, in ISO 8601."},
	{"Finch-Last-Attempted-Update-Result", "How that attempt ended: success, error or partial_error."},
}

func headers(data bool) map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	out := map[string]*huma.Param{"Finch-Request-Id": {Description: "Identifies this request in the log.", Schema: text}}
	if data {
		for _, h := range answerHeaders {
			out[h.name] = &huma.Param{Description: h.description, Schema: text}
		}
	}
	return out
}
