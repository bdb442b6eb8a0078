package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// place says where in which answers an entry holds.
type place struct {
	// Operation is the operation's id in the contract, or "*" for all of them.
	Operation string `json:"operation"`
	Status    int    `json:"status"`
	// Path leads into the body: "/responses/*/body", where "*" is any one step.
	Path string `json:"path"`
	// Reason says why Perch answers so.
	Reason string `json:"reason"`
	// Source says what the reason rests on.
	Source string `json:"source"`
	// Walk names the walk that needs the entry, besides the one through everything.
	Walk string `json:"walk"`
}

// deviation is a place at which an answer does not follow the contract.
type deviation struct{ place }

// addition is a property beyond the contract, in the objects at the place.
type addition struct {
	place
	Property string `json:"property"`
}

// judgements are the two lists and which of their entries were needed. Several tests share them.
type judgements struct {
	mu         sync.Mutex
	deviations []deviation
	additions  []addition
	used       map[any]bool
	walk       string
}

// load reads what concerns a walk; the one through everything has no name.
func (l *judgements) load(t *testing.T, walk string) {
	t.Helper()
	l.used, l.walk = map[any]bool{}, walk
	readList(t, "deviations.json", &l.deviations)
	readList(t, "additions.json", &l.additions)
	l.deviations = slices.DeleteFunc(l.deviations, func(d deviation) bool { return d.Walk != "" && d.Walk != walk })
	l.additions = slices.DeleteFunc(l.additions, func(a addition) bool { return a.Walk != "" && a.Walk != walk })
	for _, entry := range l.deviations {
		entry.complete(t)
	}
	for _, entry := range l.additions {
		entry.complete(t)
		if entry.Property == "" {
			t.Errorf("additions.json: the entry for %s %s names no property", entry.Operation, entry.Path)
		}
	}
}

func readList[T any](t *testing.T, name string, list *[]T) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (p place) complete(t *testing.T) {
	t.Helper()
	if p.Operation == "" || p.Status == 0 || p.Reason == "" || p.Source == "" {
		t.Errorf("an entry for %q %d %q lacks an operation, a status, a reason or a source", p.Operation, p.Status, p.Path)
	}
}

func (p place) concerns(operation string, status int) bool {
	return (p.Operation == "*" || p.Operation == operation) && p.Status == status
}

// steps splits a path; the empty path is the body itself.
func steps(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

func (p place) matches(location []string) bool {
	pattern := steps(p.Path)
	if len(pattern) != len(location) {
		return false
	}
	for i, step := range pattern {
		if step != "*" && step != location[i] {
			return false
		}
	}
	return true
}

// strip takes the listed additions out of a body, so that what is left can be held against a
// contract that lists every property.
func (l *judgements) strip(operation string, status int, body any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range l.additions {
		if !entry.concerns(operation, status) {
			continue
		}
		if remove(body, steps(entry.Path), entry.Property) {
			l.used[entry] = true
		}
	}
}

func remove(node any, path []string, property string) (removed bool) {
	if len(path) == 0 {
		object, ok := node.(map[string]any)
		if !ok {
			return false
		}
		_, removed = object[property]
		delete(object, property)
		return removed
	}
	for _, child := range children(node, path[0]) {
		removed = remove(child, path[1:], property) || removed
	}
	return removed
}

func children(node any, step string) (list []any) {
	switch node := node.(type) {
	case map[string]any:
		if child, ok := node[step]; ok {
			return []any{child}
		}
	case []any:
		if step == "*" {
			return node
		}
	}
	return nil
}

// excuse reports whether every failure of a validation is a listed deviation.
func (l *judgements) excuse(operation string, status int, failure *jsonschema.ValidationError) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.excused(operation, status, failure)
}

func (l *judgements) excused(operation string, status int, failure *jsonschema.ValidationError) bool {
	if len(failure.Causes) == 0 {
		for _, entry := range l.deviations {
			if entry.concerns(operation, status) && entry.matches(failure.InstanceLocation) {
				l.used[entry] = true
				return true
			}
		}
		return false
	}
	_, alternatives := failure.ErrorKind.(*kind.AnyOf)
	for _, cause := range failure.Causes {
		if l.excused(operation, status, cause) == alternatives {
			return alternatives
		}
	}
	return !alternatives
}

// unused fails the test for entries that no answer needed. It says nothing where no answer was held
// against the contract, which is where the reference files are absent.
func (l *judgements) unused(t *testing.T) {
	t.Helper()
	if t.Failed() || len(l.used) == 0 {
		return
	}
	for _, entry := range l.deviations {
		if !l.used[entry] && entry.Walk == l.walk {
			t.Errorf("deviations.json: nothing departs at %s %d %s any more", entry.Operation, entry.Status, entry.Path)
		}
	}
	for _, entry := range l.additions {
		if !l.used[entry] && entry.Walk == l.walk {
			t.Errorf("additions.json: %s %d %s has no %s any more", entry.Operation, entry.Status, entry.Path, entry.Property)
		}
	}
}
