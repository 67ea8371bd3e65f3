package convert

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
)

var update = flag.Bool("update", false, "write what comes out as what is expected")

func samples(t testing.TB) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	for _, dir := range []string{"compose", "kube"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil || len(files) < 6 {
			t.Fatalf("samples of %s: %v %v", dir, files, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[filepath.ToSlash(f)] = text
		}
	}
	return texts
}

// shown is a result as it would be printed.
func shown(r Result) string {
	var b strings.Builder
	for _, d := range r.Documents {
		fmt.Fprintf(&b, "---\n%s", d.YAML)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "# %s\n", n)
	}
	return b.String()
}

// TestSamples: what comes of realistic files is as it was when somebody read it,
// and passes the validator, each for itself and all together.
func TestSamples(t *testing.T) {
	for file, text := range samples(t) {
		r, err := File(file, text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(shown(r)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), shown(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		valid(t, file, r)
	}
}

func valid(t testing.TB, file string, r Result) {
	t.Helper()
	var all []*manifest.Container
	for _, d := range r.Documents {
		cs, problems := manifest.Parse(d.Name+".yaml", d.YAML)
		if len(problems) > 0 || len(cs) != 1 || cs[0].Name() != d.Name {
			t.Errorf("%s: %s does not pass: %v\n%s", file, d.Name, problems, d.YAML)
		}
		all = append(all, cs...)
	}
	for _, p := range folder.Together(all) {
		if !strings.Contains(p.Message, "in a circle") { // so was the input
			t.Errorf("%s: together: %v", file, p)
		}
	}
}

// leaf is a value of an input.
type leaf struct {
	path string
	y    *yaml.Node
}

// leaves lists the values of a document by path, with its own walk.
func leaves(y *yaml.Node, path string) (all []leaf) {
	join := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	switch {
	case y.Kind == yaml.DocumentNode:
		return leaves(y.Content[0], "")
	case y.Kind == yaml.MappingNode && len(y.Content) > 0:
		for i := 0; i < len(y.Content); i += 2 {
			all = append(all, leaves(y.Content[i+1], join(y.Content[i].Value))...)
		}
	case y.Kind == yaml.SequenceNode && len(y.Content) > 0:
		for i, item := range y.Content {
			all = append(all, leaves(item, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case y.Kind == yaml.AliasNode: // its anchor is a leaf of its own
	default:
		all = append(all, leaf{path, y})
	}
	return all
}

// named reports whether a note names a field or a branch that it is in.
func named(r Result, path string) bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool {
		return n.Field == path || n.Field == "document" || strings.HasPrefix(path, n.Field+".") || strings.HasPrefix(path, n.Field+"[")
	})
}

// TestNothingIsDropped: each value of each sample is named by a note, or another
// value in its place makes another result. The converter's own bookkeeping is
// not asked.
func TestNothingIsDropped(t *testing.T) {
	fixed := func(path string) bool { // what says which input this is; another value makes it no input
		return path == "apiVersion" || path == "kind" || strings.HasSuffix(path, ".apiVersion") || strings.HasSuffix(path, ".kind")
	}
	checked, told := 0, 0
	for file, text := range samples(t) {
		for i, part := range strings.Split("\n"+string(text), "\n---\n") {
			r, err := File(file, []byte(part))
			if err != nil {
				t.Fatal(err)
			}
			var doc yaml.Node
			if err := yaml.Unmarshal([]byte(part), &doc); err != nil {
				t.Fatal(err)
			}
			for _, l := range leaves(&doc, "") {
				checked++
				switch {
				case named(r, l.path):
					told++
				case !fixed(l.path) && !matters(t, file, &doc, l, shown(r)):
					t.Errorf("%s, document %d: %s: %q is neither in a manifest nor named", file, i, l.path, l.y.Value)
				}
			}
		}
	}
	t.Logf("%d values, %d of them named as without equivalent", checked, told)
}

// matters reports whether some other value of a leaf makes another result.
func matters(t *testing.T, file string, doc *yaml.Node, l leaf, before string) bool {
	old := *l.y
	defer func() { *l.y = old }()
	for _, other := range []string{"other", "7", "true", "false", "9s", "other=1", "9Mi", "Always", "on-failure", "service_started", "9:9", `C:\x:C:\y`, "/x:/y"} {
		if other == old.Value {
			continue
		}
		*l.y = yaml.Node{Kind: yaml.ScalarNode, Value: other}
		text, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		r, err := File(file, text)
		if err != nil { // it was looked at, and refused
			return true
		}
		if differs(r, before) {
			return true
		}
	}
	return false
}

// differs reports whether the manifests differ, or the notes do in more than lines.
func differs(r Result, before string) bool {
	strip := func(text string) (lines []string) {
		for line := range strings.Lines(text) {
			if rest, isNote := strings.CutPrefix(line, "# "); isNote {
				parts := strings.SplitN(rest, ":", 4)
				line = parts[len(parts)-1]
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return lines
	}
	return !slices.Equal(strip(shown(r)), strip(before))
}

// TestSecretsStayWhereTheyAre: nothing that a Secret holds or a variable of the
// converter's environment comes out.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter3")
	t.Setenv("SECRET", "hunter4")
	t.Setenv("TAG", "hunter5")
	for file, text := range samples(t) {
		r, err := File(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if out := shown(r); strings.Contains(out, "hunter") {
			t.Errorf("%s: a secret comes out:\n%s", file, out)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "it holds no document",
		"a: [":                         "did not find",
		"[]":                           "a compose file or a Kubernetes object is expected",
		"a: b":                         "neither services",
		"services: {web: {imagee: x}}": "imagee",
		"a: &a [*a]\nservices: {}":     "",
		"services: {web: {ports: [99999999999]}}": "",
	} {
		r, err := File("x.yaml", []byte(text))
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
		if len(r.Documents) > 0 && err != nil {
			t.Errorf("%q: documents beside an error", text)
		}
	}
}

// FuzzFile: whatever comes in, what comes out is valid, and nothing panics.
func FuzzFile(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := File("x.yaml", text)
		if err != nil {
			return
		}
		valid(t, "x.yaml", r)
		for _, n := range r.Notes {
			if n.Line < 1 || n.Message == "" || n.Field == "" {
				t.Errorf("note %+v", n)
			}
		}
	})
}
