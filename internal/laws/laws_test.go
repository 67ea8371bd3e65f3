// Package laws holds the house laws that a compiler does not know, as tests.
package laws

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hcs-reconcile/hcs-reconcile/"

// maxLines is the size of a file that fits in the head; tests may be longer.
const (
	maxLines     = 300
	maxTestLines = 500
)

// mayImport lists, for each package, those of ours that it may import: arrows
// go one way. A package that is not listed may import none; cmd and test, any.
var mayImport = map[string][]string{
	"manifest/folder":     {"manifest"},
	"convert":             {"manifest"},
	"driver":              {"manifest"},
	"driver/drivertest":   {"manifest", "driver"},
	"driver/fake":         {"manifest", "driver"},
	"driver/local":        {"manifest", "driver", "keeper"},
	"keeper":              {"logs"},
	"driver/hcs":          {"manifest", "driver", "keeper", "driver/hcs/timeouts", "keeper"},
	"statedb/statedbtest": {"statedb"},
	"reconcile":           {"manifest", "driver", "statedb"},
	"reconcile/engine":    {"manifest", "manifest/folder", "driver", "statedb", "reconcile"},
	"probe":               {"manifest", "driver", "reconcile", "reconcile/engine"},
	"metrics":             {"manifest", "driver", "statedb", "reconcile", "reconcile/engine"},
	"web":                 {"manifest", "driver", "statedb", "reconcile", "reconcile/engine"},
	"web/page":            {"manifest", "driver", "statedb", "reconcile", "reconcile/engine"},
	"tracing":             {"manifest", "manifest/folder", "reconcile", "reconcile/engine"},
	"doctor":              {"manifest", "manifest/folder", "driver/hcs", "statedb", "keeper", "logs", "reconcile", "reconcile/engine", "control"},
	"control":             {"logs", "manifest", "driver", "statedb", "reconcile", "reconcile/engine"},
}

type source struct {
	path    string // relative to the module, with forward slashes
	pkg     string
	test    bool
	text    []byte
	comment bool
	imports []string
}

// sources reads every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return skip(err)
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		s, err := read(root, p)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: the walk is wrong", len(all))
	}
	return all
}

func skip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

func read(root, p string) (source, error) {
	text, err := os.ReadFile(p)
	if err != nil {
		return source{}, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	s := source{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(p, "_test.go"), text: text, comment: f.Doc != nil}
	for _, im := range f.Imports {
		name, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, name)
	}
	return s, nil
}

func TestEveryPackageHasOneComment(t *testing.T) {
	comments, files := map[string]int{}, map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		files[s.pkg]++
		if s.comment {
			comments[s.pkg]++
		}
	}
	for pkg := range files {
		if comments[pkg] != 1 {
			t.Errorf("%s: %d package comments, want 1", pkg, comments[pkg])
		}
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "cmd/") || strings.HasPrefix(s.pkg, "test/") {
			continue
		}
		for _, im := range s.imports {
			ours, ok := strings.CutPrefix(im, module)
			if ok && !strings.HasPrefix(ours, "internal/") && !allowed(s.pkg, ours) {
				t.Errorf("%s imports %s", s.path, ours)
			}
		}
	}
}

func allowed(pkg, imported string) bool {
	if strings.HasPrefix(imported, pkg+"/") {
		return true // a part of its own
	}
	return slices.Contains(mayImport[pkg], imported)
}

func TestFilesFitInTheHead(t *testing.T) {
	for _, s := range sources(t) {
		limit := maxLines
		if s.test || strings.HasPrefix(s.pkg, "driver/drivertest") || strings.HasPrefix(s.pkg, "statedb/statedbtest") {
			limit = maxTestLines
		}
		if n := bytes.Count(s.text, []byte("\n")); n > limit {
			t.Errorf("%s: %d lines, want at most %d", s.path, n, limit)
		}
	}
}

func TestEveryDirectDependencyEarnsItsPlace(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.Contains(line, "// indirect") || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") {
			continue
		}
		direct++
		if !bytes.Contains(doc, []byte("`"+f[0]+"`")) {
			t.Errorf("docs/dependencies.md does not say what %s is for", f[0])
		}
	}
	if direct < 5 {
		t.Fatalf("only %d direct dependencies found: the reading is wrong", direct)
	}
}

// TestDocsNameTestsThatExist keeps docs/testing.md honest.
func TestDocsNameTestsThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, s := range sources(t) {
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(s.text, -1) {
			declared[s.pkg+" "+string(m[1])] = true
		}
	}
	named, pkg := 0, ""
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllSubmatch(page, -1) {
		switch word := string(m[1]); {
		case strings.HasPrefix(word, "Test"):
			named++
			if !declared[pkg+" "+word] {
				t.Errorf("docs/testing.md names %s in %s, which does not exist", word, pkg)
			}
		case strings.HasSuffix(word, ".txtar"):
			if _, err := os.Stat(filepath.Join("..", "..", pkg, "testdata", "script", word)); err != nil {
				t.Error(err)
			}
		default:
			pkg = word
		}
	}
	if named < 40 {
		t.Fatalf("only %d tests are named: the reading is wrong", named)
	}
}
