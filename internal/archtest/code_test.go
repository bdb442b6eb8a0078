package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

// floats may appear where no money is near.
var floats = map[string]string{
	"internal/bench":   "rates of a measurement",
	"internal/httpapi": "bounds in the API description, whose library has them as floats",
}

func TestNoFloatComesNearPay(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.isTest() || floats[file.folder()] != "" {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if name, ok := node.(*ast.Ident); ok && isFloat(name.Name) {
				t.Errorf("%s:%d: %s: money is cents, rates are basis points, hours are hundredths", file.path, file.line(name.Pos()), name.Name)
			}
			return true
		})
	}
}

func isFloat(name string) bool {
	return name == "float64" || name == "float32" || name == "ParseFloat" || name == "Float64" || name == "Float64frombits"
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if !file.isTest() {
			continue
		}
		for _, call := range calls(file) {
			if call.of == "time" && call.name == "Sleep" {
				t.Errorf("%s:%d: a test waits for a signal, not for a while", file.path, file.line(call.at.Pos()))
			}
		}
	}
}

// A test that skips by itself would go on skipping where everything is required.
func TestOnlyTestneedSkipsTests(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.folder() == "internal/testneed" {
			continue
		}
		for _, call := range calls(file) {
			if isSkip(call) && !insideFuzz(file, call.at) {
				t.Errorf("%s:%d: use testneed.Need, which fails where the need must be met", file.path, file.line(call.at.Pos()))
			}
		}
	}
}

func isSkip(c call) bool {
	switch c.of {
	case "t", "tb", "b", "f":
		return c.name == "Skip" || c.name == "Skipf" || c.name == "SkipNow"
	}
	return false
}

// insideFuzz: a fuzz target skips inputs that it has nothing to say about.
func insideFuzz(file goFile, at ast.Node) bool {
	for _, declared := range file.syntax.Decls {
		function, ok := declared.(*ast.FuncDecl)
		if ok && strings.HasPrefix(function.Name.Name, "Fuzz") && function.Pos() <= at.Pos() && at.End() <= function.End() {
			return true
		}
	}
	return false
}

// Registration at start-up hides who uses what; wiring stands in internal/app.
func TestNothingRunsBeforeMain(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		for _, declared := range file.syntax.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s:%d: no init functions", file.path, file.line(function.Pos()))
			}
		}
	}
}

const longestFile = 600

func TestFilesStayReadable(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if lines := file.line(file.syntax.FileEnd); lines > longestFile && !file.isGenerated() {
			t.Errorf("%s has %d lines: more than %d are more than one room", file.path, lines, longestFile)
		}
	}
}

// call is a call of x.name(…).
type call struct {
	of, name string
	at       ast.Node
}

func calls(file goFile) (list []call) {
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		expression, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if selector, ok := expression.Fun.(*ast.SelectorExpr); ok {
			if of, ok := selector.X.(*ast.Ident); ok {
				list = append(list, call{of.Name, selector.Sel.Name, expression})
			}
		}
		return true
	})
	return list
}
