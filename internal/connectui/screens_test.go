package connectui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perchhq/perch/internal/connect"
	"github.com/perchhq/perch/internal/connectui/showcase"
)

// element is one element of a page with what the checks need of it.
type element struct {
	name       string
	attributes map[string]string
	parent     *element
	content    *strings.Builder
}

// text is what the element and those inside it say.
func (e *element) text() string { return strings.Join(strings.Fields(e.content.String()), " ") }

func (e *element) within(name string) bool {
	for p := e.parent; p != nil; p = p.parent {
		if p.name == name {
			return true
		}
	}
	return false
}

func (e *element) inside(other *element) bool {
	for p := e.parent; p != nil; p = p.parent {
		if p == other {
			return true
		}
	}
	return false
}

// parse reads a page more strictly than a browser: what is opened is closed, in order.
func parse(t testing.TB, body string) (list []*element) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(body))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open *element
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = &element{name: token.Name.Local, attributes: map[string]string{}, parent: open, content: &strings.Builder{}}
			for _, a := range token.Attr {
				open.attributes[a.Name.Local] = a.Value
			}
			list = append(list, open)
		case xml.EndElement:
			open = open.parent
		case xml.CharData:
			for e := open; e != nil; e = e.parent {
				e.content.Write(token)
			}
		}
	}
}

func messageOf(t testing.TB, w *httptest.ResponseRecorder) (m message) {
	t.Helper()
	for _, e := range parse(t, w.Body.String()) {
		if e.name == "body" {
			if err := json.Unmarshal([]byte(e.attributes["data-message"]), &m); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

func TestEveryScreen(t *testing.T) {
	t.Parallel()
	for _, named := range showcase.Views() {
		t.Run(named.Name, func(t *testing.T) {
			t.Parallel()
			w := get(t, serve(t, &fixed{view: named.View}), "/authorize?session=s")
			elements := parse(t, w.Body.String())
			checkPolicy(t, w.Header(), elements, named.View)
			checkNames(t, elements)
			checkForms(t, elements, named.View)
			checkLayout(t, elements)
		})
	}
}

var nonceOf = regexp.MustCompile(`script-src 'nonce-([\w-]{22})'; style-src 'nonce-([\w-]{22})'`)

func checkPolicy(t *testing.T, header http.Header, elements []*element, v connect.View) {
	t.Helper()
	csp := header.Get("Content-Security-Policy")
	nonce := nonceOf.FindStringSubmatch(csp)
	if nonce == nil || nonce[1] != nonce[2] || !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "base-uri 'none'") {
		t.Fatalf("policy %s", csp)
	}
	frames := "'none'"
	if len(v.FrameOrigins) > 0 {
		frames = strings.Join(v.FrameOrigins, " ")
	}
	if !strings.HasSuffix(csp, "; frame-ancestors "+frames) {
		t.Errorf("policy %s, want frames of %s", csp, frames)
	}
	if v.Embedded && !strings.Contains(csp, "form-action 'self';") {
		t.Errorf("forms in a frame lead elsewhere: %s", csp)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Set-Cookie": ""} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, e := range elements {
		inline := e.name == "style" || e.name == "script" && e.attributes["src"] == ""
		linked := e.name == "script" || e.name == "link" && e.attributes["rel"] == "stylesheet"
		if inline || linked && e.attributes["nonce"] != nonce[1] {
			t.Errorf("<%s %v> does not fit the policy", e.name, e.attributes)
		}
		for name := range e.attributes {
			if name == "style" || strings.HasPrefix(name, "on") {
				t.Errorf("<%s %s> does not fit the policy", e.name, name)
			}
		}
	}
}

// checkNames: ids exist once, whatever points at one finds it, every control has a name.
func checkNames(t *testing.T, elements []*element) {
	t.Helper()
	ids := map[string]bool{}
	labelled := map[string]bool{}
	for _, e := range elements {
		if id := e.attributes["id"]; id != "" && !e.within("template") {
			if ids[id] {
				t.Errorf("id %q exists twice", id)
			}
			ids[id] = true
		}
		if e.name == "label" && e.text() != "" {
			labelled[e.attributes["for"]] = true
		}
	}
	for _, e := range elements {
		for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "form", "data-show", "data-copy"} {
			for id := range strings.FieldsSeq(e.attributes[name]) {
				if !ids[id] {
					t.Errorf("<%s %s=%q> points at nothing", e.name, name, id)
				}
			}
		}
		input := (e.name == "input" && e.attributes["type"] != "hidden") || e.name == "select"
		if input && !labelled[e.attributes["id"]] && !e.within("label") {
			t.Errorf("input %q has no label", e.attributes["name"])
		}
		if (e.name == "button" || e.name == "a") && e.text() == "" && e.attributes["aria-label"] == "" {
			t.Errorf("<%s %v> has no name", e.name, e.attributes)
		}
	}
}

// checkForms: every form goes to the one address with the session and the nonce, and sends a verb.
func checkForms(t *testing.T, elements []*element, v connect.View) {
	t.Helper()
	for _, e := range elements {
		if e.name == "input" && (e.attributes["type"] == "password" || e.attributes["autocomplete"] == "one-time-code") && e.attributes["value"] != "" {
			t.Errorf("%s carries its value", e.attributes["name"])
		}
		if e.name != "form" {
			continue
		}
		if e.attributes["method"] != "post" || e.attributes["action"] != "/connect/step" {
			t.Errorf("form %v", e.attributes)
		}
		sent := map[string]string{}
		for _, c := range elements {
			if c.inside(e) || e.attributes["id"] != "" && c.attributes["form"] == e.attributes["id"] {
				sent[c.attributes["name"]] = c.attributes["value"]
			}
		}
		if sent["session"] != v.SessionID || sent["nonce"] != v.Nonce || sent["verb"] == "" {
			t.Errorf("form %v sends %v", e.attributes, sent)
		}
	}
}

func checkLayout(t *testing.T, elements []*element) {
	t.Helper()
	count := map[string]int{}
	focus := 0
	for _, e := range elements {
		count[e.name]++
		if _, ok := e.attributes["data-focus"]; ok && !e.within("template") {
			focus++
		}
		if e.name == "html" && e.attributes["lang"] != "en" {
			t.Error("the page has no language")
		}
		if e.name == "title" && (!strings.HasSuffix(e.text(), "Perch") || strings.HasPrefix(e.text(), "·")) {
			t.Errorf("title %q", e.text())
		}
	}
	for _, one := range []string{"h1", "main", "title", "header"} {
		if count[one] != 1 {
			t.Errorf("%d <%s>", count[one], one)
		}
	}
	if focus != 1 {
		t.Errorf("%d elements want the focus", focus)
	}
}

func TestSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	v := view(t, "credentials")
	v.Fields[0].Value, v.Fields[1].Value = "kept", "hunter2"
	body := get(t, serve(t, &fixed{view: v}), "/authorize").Body.String()
	if strings.Contains(body, "hunter2") || !strings.Contains(body, `value="kept"`) {
		t.Error("the password is on the page, or the username is not")
	}
}

func TestMarkupInNamesStaysText(t *testing.T) {
	t.Parallel()
	const markup = `"><script>alert(1)</script>`
	for _, named := range showcase.Views() {
		v := named.View
		v.Application, v.Customer, v.SessionID, v.Nonce = markup, markup, markup, markup
		if v.Problem != nil {
			v.Problem.Title, v.Problem.Text = markup, markup
		}
		for i := range v.Providers {
			v.Providers[i].Name, v.Providers[i].ID, v.Providers[i].Color = markup, markup, `#fff"/><script>`
		}
		for i := range v.Fields {
			v.Fields[i] = connect.Field{Name: markup, Label: markup, Kind: markup, Value: markup, Error: markup, Where: markup, Example: markup}
		}
		for _, e := range parse(t, get(t, serve(t, &fixed{view: v}), "/authorize").Body.String()) {
			if e.name == "script" && e.attributes["src"] == "" {
				t.Errorf("%s: markup got through", named.Name)
			}
		}
	}
}

// Weights of a page with everything that it loads, in bytes as they travel.
const (
	heaviestPage  = 60 << 10
	heaviestStyle = 15 << 10
)

func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	h, err := New(&fixed{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, style := 0, 0
	for _, name := range []string{"web.css", "web.js"} {
		plain, compressed := h.design.Assets.Size(name)
		files += compressed
		if name == "web.css" {
			style = plain
		}
	}
	for _, name := range []string{"connect.css", "connect.js"} {
		_, compressed := h.assets.Size(name)
		files += compressed
	}
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	body := get(t, serve(t, &fixed{view: view(t, "provider")}), "/authorize").Body.Bytes()
	_, _ = zip.Write(body)
	_ = zip.Close()
	t.Logf("the whole catalogue: %d bytes, %d compressed; files %d compressed; together %d; design system's style %d", len(body), b.Len(), files, b.Len()+files, style)
	if b.Len()+files > heaviestPage {
		t.Errorf("a page weighs %d bytes", b.Len()+files)
	}
	if style > heaviestStyle {
		t.Errorf("the style weighs %d bytes", style)
	}
}

func TestDatesReadLikeDates(t *testing.T) {
	t.Parallel()
	if people, machines := date(time.Date(2026, 6, 4, 0, 0, 0, 0, time.UTC)); people != "Thursday, June 4" || machines != "2026-06-04" {
		t.Error(people, machines)
	}
	if people, machines := date(time.Time{}); people != "" || machines != "" {
		t.Error("the zero time is a date")
	}
}

func BenchmarkStep(b *testing.B) {
	for _, name := range []string{"consent", "provider", "credentials"} {
		b.Run(name, func(b *testing.B) {
			handler := serve(b, &fixed{view: view(b, name)})
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/connect/step", strings.NewReader("session=s&nonce=n&verb=agree"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Accept-Encoding", "gzip")
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

func TestTheListCanBeSearchedWithoutAScript(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int{"GUSTO": 1, "adp run": 1, "nothing like it": 0} {
		found := 0
		w := post(t, serve(t, &fixed{view: view(t, "provider")}), url.Values{"verb": {"refresh"}, "q": {query}})
		for _, e := range parse(t, w.Body.String()) {
			if e.attributes["name"] == "provider" {
				found++
			}
		}
		if found != want {
			t.Errorf("%q: %d systems, want %d", query, found, want)
		}
	}
}

func TestAMistakenLinkCanBeReadWhereItWasOpened(t *testing.T) {
	t.Parallel()
	const host = "&sdk_host_url=https://app.example"
	for name, want := range map[string]string{"unknown": "https://app.example", "host-not-allowed": "'none'", "expired": showcase.Host} {
		v := view(t, name)
		if name == "host-not-allowed" {
			v.Application = "Northwind Benefits"
		}
		csp := get(t, serve(t, &fixed{view: v}), "/authorize?session=s"+host).Header().Get("Content-Security-Policy")
		if !strings.HasSuffix(csp, "frame-ancestors "+want) {
			t.Errorf("%s: %s", name, csp)
		}
	}
}

// TestTheStylesSayNothingTwice: a block of rules that was copied into another one goes unnoticed otherwise.
func TestTheStylesSayNothingTwice(t *testing.T) {
	t.Parallel()
	styles, err := assetFiles.ReadFile("assets/connect.css")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(styles)) {
		if line = strings.TrimSpace(line); len(line) > 60 && seen[line] {
			t.Errorf("twice: %s", line)
		}
		seen[line] = true
	}
}
