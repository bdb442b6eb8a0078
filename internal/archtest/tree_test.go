package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/perchhq/perch/internal/testneed"
)

const module = "github.com/perchhq/perch"

// ignored are folders that are not part of the source; .gitignore names most of them. In a second work
// tree of one repository .git is a file.
var ignored = []string{".git", "node_modules", "bin", "perch-data"}

// goFile is one parsed file. Its path is relative to the root of the repository.
type goFile struct {
	path   string
	syntax *ast.File
	set    *token.FileSet
}

// folder is where the file lies: "" for the root.
func (f goFile) folder() string {
	if dir := path.Dir(f.path); dir != "." {
		return dir
	}
	return ""
}

func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isGenerated tells files that a program writes.
func (f goFile) isGenerated() bool { return strings.HasPrefix(path.Base(f.path), "zz_gen_") }

// line is where in the file a node stands.
func (f goFile) line(at token.Pos) int { return f.set.Position(at).Line }

// imports returns the import paths of the file.
func (f goFile) imports() []string {
	var list []string
	for _, spec := range f.syntax.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			list = append(list, name)
		}
	}
	return list
}

// walk calls visit with the path of every file of the tree, relative to its root.
func walk(root string, visit func(name string) error) error {
	return filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(ignored, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular(), slices.Contains(ignored, entry.Name()):
			return nil
		}
		name, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

var parsed struct {
	once  sync.Once
	files []goFile
	err   error
}

// goFiles returns all Go files of the tree.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	root := testneed.Root(t)
	parsed.once.Do(func() {
		set := token.NewFileSet()
		parsed.err = walk(root, func(name string) error {
			if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
				return nil
			}
			syntax, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments)
			parsed.files = append(parsed.files, goFile{name, syntax, set})
			return err
		})
	})
	if parsed.err != nil {
		t.Fatal(parsed.err)
	}
	if len(parsed.files) < 100 {
		t.Fatalf("found %d Go files: this is not the whole tree", len(parsed.files))
	}
	return parsed.files
}
