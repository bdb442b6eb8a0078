package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/perchhq/perch/provider/catalog/internal/source"
)

// read parses network.yaml, profiles.yaml and every file of support/, in the order of their names.
func read(data fs.FS) (source.Data, error) {
	var d source.Data
	if err := readFile(data, "network.yaml", &d.Network); err != nil {
		return source.Data{}, err
	}
	if err := readFile(data, "profiles.yaml", &d.Profiles); err != nil {
		return source.Data{}, err
	}
	names, err := fs.Glob(data, "support/*.yaml")
	if err != nil {
		return source.Data{}, fmt.Errorf("listing support: %w", err)
	}
	for _, name := range names {
		var s source.Support
		if err := readFile(data, name, &s); err != nil {
			return source.Data{}, err
		}
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); s.ID != want {
			return source.Data{}, fmt.Errorf("%s: id is %q, want the name of the file, %q", name, s.ID, want)
		}
		d.Supports = append(d.Supports, s)
	}
	return d, nil
}

// readFile decodes one YAML document into v and refuses unknown keys and further documents.
func readFile(data fs.FS, name string, v any) error {
	text, err := fs.ReadFile(data, name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %s: more than one document", name)
	}
	return nil
}
