package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/perchhq/perch/provider/catalog/internal/source"
)

func TestTheCommittedCodeIsFresh(t *testing.T) {
	t.Parallel()
	got := filepath.Join(t.TempDir(), output)
	if err := run(os.DirFS(filepath.Join("..", "..", "data")), got); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join("..", "..", output))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, committed) {
		t.Errorf("%s does not match the YAML files: run go generate ./provider/catalog", output)
	}
}

func TestAMistakeInAFileNamesTheFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		file    string
		content string
		want    []string
	}{
		{"an unknown key of a provider", "network.yaml", "general:\n  - {id: acme, colour: red}\n", []string{"network.yaml", "colour", "acme"}},
		{"an unknown key of a method", "support/acme.yaml", "id: acme\nmethods:\n  - {type: oauth, sauce: x}\n", []string{"support/acme.yaml", "sauce"}},
		{"an unknown part of a profile", "profiles.yaml", "automated:\n  mood: [good]\n", []string{"profiles.yaml", "mood"}},
		{"text where a list belongs", "profiles.yaml", "automated:\n  company: legal_name\n", []string{"profiles.yaml"}},
		{"broken YAML", "network.yaml", "general: [", []string{"network.yaml"}},
		{"a second document", "profiles.yaml", "automated: {}\n---\nassisted: {}\n", []string{"profiles.yaml", "more than one"}},
		{"a file under another name than its id", "support/acme.yaml", "id: other\n", []string{"support/acme.yaml", `"other"`, `"acme"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{
				"network.yaml":  {Data: []byte("general: []\n")},
				"profiles.yaml": {Data: []byte("automated: {}\n")},
			}
			files[tc.file] = &fstest.MapFile{Data: []byte(tc.content)}
			_, err := read(files)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not mention %q", err, part)
				}
			}
		})
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := read(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "network.yaml") {
		t.Errorf("got %v, want an error about network.yaml", err)
	}
}

func TestRenderingLeavesOutWhatIsEmpty(t *testing.T) {
	t.Parallel()
	code, err := render(source.Data{Network: source.Network{General: []source.Row{{ID: `a"b`}}}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(code, []byte(`{ID: "a\"b"},`)) || bytes.Contains(code, []byte("Payroll")) {
		t.Errorf("unexpected code:\n%s", code)
	}
}
