package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
)

// TestLogKeysAreListed wants every key of a log line in the one list: what is
// searched for must not have two names.
func TestLogKeysAreListed(t *testing.T) {
	known := slices.Concat(logkey.Shared, logkey.Log)
	found := 0
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "test/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), s.path, s.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, key := range keysOf(n) {
				found++
				if !slices.Contains(known, key) {
					t.Errorf("%s: the log key %q is not in internal/logkey; use one that is, or add it to the list", s.path, key)
				}
			}
			return true
		})
	}
	if found < 20 {
		t.Fatalf("only %d keys found: the reading is wrong", found)
	}
}

// keysOf returns the keys that a call of a logger is given as plain text.
func keysOf(n ast.Node) (keys []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isLogger(method.X) {
		return nil
	}
	first := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0}
	from, ok := first[method.Sel.Name]
	if !ok {
		return nil
	}
	for i := from; i < len(call.Args); i += 2 {
		if lit, ok := call.Args[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			key, _ := strconv.Unquote(lit.Value)
			keys = append(keys, key)
		}
	}
	return keys
}

func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.HasSuffix(strings.ToLower(x.Name), "log")
	case *ast.SelectorExpr:
		return strings.HasSuffix(strings.ToLower(x.Sel.Name), "log")
	}
	return false
}
