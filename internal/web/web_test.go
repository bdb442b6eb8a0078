package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func design(t *testing.T) *Design {
	t.Helper()
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// all has one of each component.
func all() []Component {
	button := Button{Label: "Rotate secret", Look: Secondary, Plain: true}
	code := CodeBlock{ID: "code", Label: "the command", Text: "perch dev"}
	options := []Option{{Value: "a", Label: "First", Detail: "More", Selected: true}, {Value: "b", Label: "Second"}}
	return []Component{
		button, &button, Button{Label: "Docs", Look: Quiet, Link: "/docs"},
		Field{ID: "f", Name: "f", Label: "Name", Type: "text", Value: "v", Hint: "h", Error: "e", Help: "where"},
		Select{ID: "s", Name: "s", Label: "Region", Options: options, Hint: "h"},
		RadioCards{Name: "r", Label: "Which", Options: options}, CheckboxCards{Name: "c", Label: "Which", Options: options},
		Checkbox{ID: "x", Name: "x", Value: "1", Label: "Remember", Checked: true},
		Dialog{ID: "d", Title: "Sure?", Text: "It ends.", Confirm: button, Cancel: "Stay"},
		Table{Caption: "Pay runs", Columns: []Column{{Title: "Date"}, {Title: "Net", Numbers: true}}, Rows: [][]string{{"June 1", "$1,204.00"}}},
		Badge{Label: "Live", Tone: Good}, Tabs{Label: "Views", Items: []Tab{{Label: "All", Link: "/", Current: true, Count: "3"}}},
		Toast{Text: "Saved", Tone: Good}, Alert{ID: "a", Title: "Wrong", Text: "Try again.", Tone: Danger, Actions: []Button{button}},
		EmptyState{Title: "Nothing yet", Text: "Make one.", Action: &button, Command: &code},
		Skeleton{Label: "Loading", Lines: 3}, Progress{Label: "Read", Percent: 140}, Progress{Label: "Read", Percent: -1, Line: true},
		code, Disclosure{Summary: "More", Text: "t", Items: []string{"i"}}, Monogram{Letters: "G", Color: "#b4442e"}, Icon("close"),
	}
}

func TestEveryComponentRenders(t *testing.T) {
	t.Parallel()
	d := design(t)
	for _, c := range all() {
		html, err := d.Render(c)
		if err != nil || html == "" {
			t.Errorf("%T: %q, %v", c, html, err)
		}
	}
}

func TestEveryComponentEscapesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	d := design(t)
	const markup = `"><i>`
	for _, c := range []Component{
		Button{Label: markup, Value: markup}, Field{ID: "f", Label: markup, Value: markup, Hint: markup, Error: markup, Help: markup},
		Badge{Label: markup, Tone: Tone(markup)}, Alert{Title: markup, Text: markup}, CodeBlock{ID: markup, Text: markup},
		Monogram{Letters: markup, Color: markup}, Table{Caption: markup, Rows: [][]string{{markup}}},
	} {
		if html, err := d.Render(c); err != nil || strings.Contains(string(html), "<i>") {
			t.Errorf("%T: %s, %v", c, html, err)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	for _, f := range []Field{{Type: "password", Value: "hunter2"}, {Type: "text", Autocomplete: "one-time-code", Value: "hunter2"}} {
		if html, err := design(t).Render(f); err != nil || strings.Contains(string(html), "hunter2") {
			t.Errorf("%s: %v", html, err)
		}
	}
}

func TestMonogramsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, color, fill, ink string }{
		{"white on dark", "#123456", "#123456", "#fff"},
		{"dark on light", "#f2d45c", "#f2d45c", "#14171a"},
		{"white on grey where there is no colour", "", "#5b6570", "#fff"},
		{"white on grey where the colour is something else", "url(//x)", "#5b6570", "#fff"},
		{"white on grey where the colour is nearly one", "#12345g", "#5b6570", "#fff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if m := (Monogram{Color: test.color}); m.Fill() != test.fill || m.Ink() != test.ink {
				t.Errorf("%s on %s", m.Ink(), m.Fill())
			}
		})
	}
}

func TestMinifiedStyleMeansTheSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"comments go", "a /* b */ { c: d; }", "a{c:d}"},
		{"a comment that does not end ends the file", "a{}/* b", "a{}"},
		{"sums keep their blanks", "a { b: calc(1px + 2px); }", "a{b:calc(1px + 2px)}"},
		{"descendants stay descendants", "a :hover, b > c { d: e }", "a :hover,b>c{d:e}"},
		{"strings stay whole", `a { content: "/*  x  */\""; b: c }`, `a{content:"/*  x  */\"";b:c}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(minifyCSS([]byte(test.in))); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestAnAddressChangesWithTheContent(t *testing.T) {
	t.Parallel()
	address := func(content string) string {
		assets, err := NewAssets("/x/", fstest.MapFS{"f/a.css": {Data: []byte(content)}}, "f")
		if err != nil {
			t.Fatal(err)
		}
		found, _ := assets.Address("a.css")
		return found
	}
	if one, two := address("a{b:c}"), address("a{b:d}"); one == two || !strings.HasPrefix(one, "/x/a.") || one != address("a{b:c}") {
		t.Errorf("%s and %s", one, two)
	}
}

func TestAssetsAreKept(t *testing.T) {
	t.Parallel()
	d := design(t)
	mux := http.NewServeMux()
	d.Assets.Mount(mux)
	address, _ := d.Assets.Address("web.css")
	for coding, want := range map[string]string{"gzip, br": "gzip", "br": "", "gzip;q=0": "", "": ""} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Header.Set("Accept-Encoding", coding)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != want || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%q: %d, %v", coding, w.Code, w.Header())
		}
	}
}

func TestAFileOfAnUnknownKindIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := NewAssets("/x/", fstest.MapFS{"f/a.exe": {}}, "f"); err == nil || !strings.Contains(err.Error(), "a.exe") {
		t.Error(err)
	}
}

// Whoever vendors a file says what it is, which version, and under which licence.
func TestVendoredFilesAreListed(t *testing.T) {
	t.Parallel()
	var manifest struct {
		Files []struct{ Path, Version, Licence, Source string }
	}
	content, err := os.ReadFile(filepath.Join("assets", "vendored.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"web.css": true, "web.js": true, "vendored.json": true}
	for _, f := range manifest.Files {
		if f.Version == "" || f.Licence == "" || f.Source == "" {
			t.Errorf("%s: version, licence or source is missing", f.Path)
		}
		known[f.Path] = true
	}
	entries, err := os.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !known[entry.Name()] {
			t.Errorf("%s is neither ours nor in vendored.json", entry.Name())
		}
	}
}
