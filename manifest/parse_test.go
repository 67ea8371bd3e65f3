package manifest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files and generated documentation")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func glob(t testing.TB, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	if len(all) == 0 {
		t.Fatalf("no files match %v", patterns)
	}
	return all
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parseGood parses text that must be good.
func parseGood(t *testing.T, text string) []*Container {
	t.Helper()
	all, problems := Parse("test.yaml", []byte(text))
	for _, p := range problems {
		t.Errorf("%v", p)
	}
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// head begins every short document of the tests.
const head = "apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: a}\n"

// TestParseProblems holds what is told of broken files against golden files.
func TestParseProblems(t *testing.T) {
	for _, file := range glob(t, "testdata/parse/*.yaml", "testdata/parse/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			containers, problems := Parse(filepath.Base(file), readFile(t, file))
			var b bytes.Buffer
			for _, p := range problems {
				b.WriteString(p.String() + "\n")
			}
			if len(problems) > 0 && containers != nil {
				t.Errorf("a file with problems yields %d containers", len(containers))
			}
			if strings.Contains(b.String(), "hunter2") {
				t.Error("a problem repeats a secret")
			}
			golden(t, file+".problems", b.Bytes())
		})
	}
}

func TestParseGood(t *testing.T) {
	for _, file := range glob(t, "testdata/valid/*") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if len(parseGood(t, string(readFile(t, file)))) == 0 {
				t.Error("no containers")
			}
		})
	}
}

// TestParseSameContent checks that the way a file is written leaves no trace.
func TestParseSameContent(t *testing.T) {
	const spec = "spec:\n  image: b\n  args: [x, 'a & b', \"c!\"]\n  ports:\n  - containerPort: 80\n"
	want := parseGood(t, head+spec)
	variants := map[string]string{
		"CRLF":        strings.ReplaceAll(head+spec, "\n", "\r\n"),
		"CR":          strings.ReplaceAll(head+spec, "\n", "\r"),
		"BOM":         "\uFEFF" + head + spec,
		"BOM json":    "\uFEFF" + `{"apiVersion": "hcs-reconcile/v1", "kind": "Container", "metadata": {"name": "a"}, "spec": {"image": "b", "args": ["x", "a & b", "c!"], "ports": [{"containerPort": 80}]}}`,
		"comments":    "# one\n" + head + "# two\n" + spec + "# three",
		"marker":      "---\n" + head + spec + "...\n# end\n",
		"text on ---": "--- # first\n" + head + spec,
		"key order":   spec + head,
		"flow":        "{apiVersion: hcs-reconcile/v1, kind: Container, metadata: {name: a}, spec: {image: b, args: [x, a & b, c!], ports: [{containerPort: 80}]}}",
		"json": `
			{"apiVersion": "hcs-reconcile/v1", "kind": "Container", "metadata": {"name": "a"},
			"spec": {"image": "b", "args": ["x", "a \u0026 b", "c!"], "ports": [{"containerPort": 80}]}}`,
		"nulls":            head + spec + "  env: ~\n  hostname:\n  livenessProbe: null\n  restart: {window: null}\n",
		"explicit default": head + spec + "  os: windows\n  restart: {initialDelay: 1000ms}\n  logs: {maxSize: 10240Ki}\n",
	}
	for name, text := range variants {
		t.Run(name, func(t *testing.T) {
			got := parseGood(t, text)
			if d := cmp.Diff(print1(t, want[0]), print1(t, got[0])); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if got[0].Revision != want[0].Revision || got[0].Live != want[0].Live {
				t.Errorf("revision %s, %s; want %s, %s", got[0].Revision, got[0].Live, want[0].Revision, want[0].Live)
			}
		})
	}
}

func print1(t *testing.T, c *Container) string {
	t.Helper()
	b, err := encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParseOrigin(t *testing.T) {
	text := "# c\n\n---\n# d\n" + head + "---\n---\n\n" + strings.Replace(head, "name: a", "name: b", 1) +
		"...\n" + strings.Replace(head, "name: a", "name: c", 1)
	var got []Origin
	for _, c := range parseGood(t, text) {
		got = append(got, c.Origin)
	}
	want := []Origin{{"test.yaml", 5}, {"test.yaml", 11}, {"test.yaml", 15}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestParseSize(t *testing.T) {
	pad := bytes.Repeat([]byte("# padding\n"), MaxFileSize/10+1)
	fits := append([]byte(head), pad...)[:MaxFileSize]
	if all, problems := Parse("a.yaml", fits); len(all) != 1 {
		t.Errorf("a file of %d bytes is refused: %v", len(fits), problems)
	}
	if _, problems := Parse("a.yaml", append(fits, '\n')); len(problems) != 1 || !strings.Contains(problems[0].Message, "10 MiB") {
		t.Errorf("a file of %d bytes: %v", len(fits)+1, problems)
	}
}

// TestParseNesting feeds depth that would exhaust a naive parser.
func TestParseNesting(t *testing.T) {
	for name, text := range map[string]string{
		"flow":        head + "spec: " + strings.Repeat("[", 100_000),
		"closed flow": head + "spec: {args: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + "}",
		"mappings":    head + "spec: {x: " + strings.Repeat("{a: ", 5_000) + strings.Repeat("}", 5_000) + "}",
		"json":        `{"spec": ` + strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_001),
		"sequences":   head + "spec: " + strings.Repeat("- ", 20_000) + "a",
		"anchors":     head + "spec: " + strings.Repeat("&a [", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, problems := Parse("deep.yaml", []byte(text)); len(problems) == 0 {
				t.Error("no problem found")
			}
		})
	}
}

// TestDefaults holds the defaults that Parse fills in against the table.
func TestDefaults(t *testing.T) {
	const probe = "{httpGet: {port: 1, httpHeaders: [{name: a}]}}"
	c := parseGood(t, head+"spec:\n  ports: [{containerPort: 1}]\n  dependsOn: [{name: b}]\n"+
		"  startupProbe: "+probe+"\n  livenessProbe: "+probe+"\n  readinessProbe: "+probe+"\n"+
		"  lifecycle: {postStart: {httpGet: {port: 1}}, preStop: {httpGet: {port: 1}}}\n")[0]
	v, err := decodeAny([]byte(print1(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	flatten("", v, got)
	for _, f := range Fields() {
		zero := f.Default == "" || f.Default == "0" || f.Default == "false" || f.Default == "0s"
		switch g, set := got[f.Path]; {
		case set && !f.Required && g != f.Default:
			t.Errorf("%s: Parse says %q, the table %q", f.Path, g, f.Default)
		case !set && !zero:
			t.Errorf("%s: Parse leaves the default %q out", f.Path, f.Default)
		}
	}
}

// flatten lists the scalars of a decoded value by field path.
func flatten(path string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(joinPath(path, k), e, out)
		}
	case []any:
		for _, e := range v {
			flatten(path+"[]", e, out)
		}
	default:
		out[path] = display(path, v)
	}
}
