package perch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// enums is what the source of the model says about its closed sets of words.
type enums struct {
	constants map[string][]string // by type, the names of its constants
	values    map[string][]string // by type, the names that its Values returns
	text      map[string]string   // by name of a constant, its word
}

func readEnums(t *testing.T) enums {
	t.Helper()
	found := enums{constants: map[string][]string{}, values: map[string][]string{}, text: map[string]string{}}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			switch declared := declared.(type) {
			case *ast.GenDecl:
				found.addConstants(declared)
			case *ast.FuncDecl:
				found.addValues(declared)
			}
		}
	}
	return found
}

func (e enums) addConstants(declared *ast.GenDecl) {
	for _, spec := range declared.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok || declared.Tok != token.CONST || len(value.Values) != 1 {
			continue
		}
		kind, typed := value.Type.(*ast.Ident)
		literal, plain := value.Values[0].(*ast.BasicLit)
		if !typed || !plain {
			continue
		}
		name := value.Names[0].Name
		e.constants[kind.Name] = append(e.constants[kind.Name], name)
		e.text[name], _ = strconv.Unquote(literal.Value)
	}
}

func (e enums) addValues(declared *ast.FuncDecl) {
	if declared.Name.Name != "Values" || declared.Recv == nil {
		return
	}
	kind := declared.Recv.List[0].Type.(*ast.Ident).Name
	e.values[kind] = []string{}
	ast.Inspect(declared.Body, func(node ast.Node) bool {
		list, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, element := range list.Elts {
			e.values[kind] = append(e.values[kind], element.(*ast.Ident).Name)
		}
		return false
	})
}

func TestEveryClosedSetListsEachOfItsWordsOnce(t *testing.T) {
	t.Parallel()
	found := readEnums(t)
	if len(found.values) < 25 {
		t.Fatalf("only %d types with Values were found", len(found.values))
	}
	for kind, names := range found.values {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			constants := slices.Sorted(slices.Values(found.constants[kind]))
			listed := slices.Sorted(slices.Values(names))
			if !slices.Equal(constants, listed) {
				t.Errorf("Values lists %v, the constants are %v", listed, constants)
			}
			words := map[string]string{}
			for _, name := range names {
				word := found.text[name]
				if other, twice := words[word]; twice || word == "" {
					t.Errorf("%s and %s are both %q", name, other, word)
				}
				words[word] = name
			}
		})
	}
	for kind := range found.constants {
		if _, ok := found.values[kind]; !ok {
			t.Errorf("%s has constants and no Values", kind)
		}
	}
}
