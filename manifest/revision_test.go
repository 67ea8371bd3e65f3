package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"
)

// TestRevisionGolden freezes hash version 1: containers in the field bear these
// hashes. A difference here would recreate them all. Never run -update for it
// because a hash has changed, only because a file was added.
func TestRevisionGolden(t *testing.T) {
	var b bytes.Buffer
	for _, file := range glob(t, "testdata/valid/*") {
		for _, c := range parseGood(t, string(readFile(t, file))) {
			fmt.Fprintf(&b, "%s %s\n%s\n", c.Name(), c.Revision, canonicalV1(&c.Spec))
		}
	}
	fmt.Fprintf(&b, "empty %s\n", parseGood(t, head)[0].Revision)
	golden(t, "testdata/revision-v1.golden", b.Bytes())
}

// TestRevisionFollowsTheTable changes every field in turn: the revision changes
// exactly for class Recreate, Live exactly for class InPlace.
func TestRevisionFollowsTheTable(t *testing.T) {
	for _, f := range Fields() {
		if !strings.HasPrefix(f.Path, "spec.") {
			continue
		}
		c := parseGood(t, head)[0]
		// The groups above the field are made first: an empty list item or
		// group differs from none, and is not what is asked about here.
		v := reach(t, reflect.ValueOf(c).Elem(), f.Path)
		rev, live := hashes.revision(&c.Spec), liveDigest(&c.Spec)
		alter(t, v)
		if got := hashes.revision(&c.Spec) != rev; got != (f.Change == Recreate) {
			t.Errorf("%s is %s, and a change changes the revision: %v", f.Path, f.Change, got)
		}
		if got := liveDigest(&c.Spec) != live; got != (f.Change == InPlace) {
			t.Errorf("%s is %s, and a change changes Live: %v", f.Path, f.Change, got)
		}
	}
}

// reach returns the field at path and makes pointers and list items on the way.
func reach(t *testing.T, v reflect.Value, path string) reflect.Value {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		name, isList := strings.CutSuffix(name, "[]")
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		next := reflect.Value{}
		for f := range structFields(v.Type()) {
			if f.name == name {
				next = v.Field(f.index)
			}
		}
		if !next.IsValid() {
			t.Fatalf("no field %s", path)
		}
		if v = next; isList {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			v = v.Index(0)
		}
	}
	return v
}

func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch p := v.Addr().Interface().(type) {
	case **resource.Quantity:
		*p = resource.NewQuantity(12345, resource.DecimalSI)
		return
	case *[]ExitCodes:
		*p = []ExitCodes{{Text: "1", From: 1, To: 1}}
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 7)
	case reflect.Float64:
		v.SetFloat(v.Float() + 7)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	case reflect.Slice:
		v.Set(reflect.ValueOf([]string{"x"}))
	default:
		t.Fatalf("cannot alter a %s", v.Type())
	}
}

// TestRevisionSpelling checks that equal meanings have equal revisions.
func TestRevisionSpelling(t *testing.T) {
	const spec = "spec:\n  image: a\n"
	for _, pair := range [][2]string{
		{"  resources: {limits: {memory: 1Gi}}\n", "  resources: {limits: {memory: 1024Mi}}\n"},
		{"  resources: {limits: {memory: 1Gi}}\n", "  resources: {limits: {memory: 1073741824}}\n"},
		{"  resources: {limits: {memory: 1.5Gi}}\n", "  resources: {limits: {memory: \"1536Mi\"}}\n"},
		{"  resources: {limits: {cpu: 2}}\n", "  resources: {limits: {cpu: 2000m}}\n"},
		{"  resources: {limits: {cpu: 0.5}}\n", "  resources: {limits: {cpu: 500m}}\n"},
		{"", "  resources: {limits: {}, windows: {cpuCount: 0}}\n"},
		{"", "  env: []\n  command: []\n  ports: []\n  network: {endpoints: []}\n  dnsConfig: {searches: [], nameservers: []}\n"},
		{"", "  os: windows\n  isolation: process\n  tty: false\n  hostname: ''\n"},
		{"  ports: [{containerPort: 1}]\n", "  ports: [{protocol: TCP, hostPort: 0, containerPort: 1}]\n"},
	} {
		a, b := parseGood(t, head+spec+pair[0])[0], parseGood(t, head+spec+pair[1])[0]
		if a.Revision != b.Revision {
			t.Errorf("%q and %q differ:\n%s\n%s", pair[0], pair[1], canonicalV1(&a.Spec), canonicalV1(&b.Spec))
		}
	}
}

func TestMatches(t *testing.T) {
	c := parseGood(t, head+"spec: {image: a}\n")[0]
	other := parseGood(t, head+"spec: {image: b}\n")[0]
	for r, want := range map[Revision][2]bool{
		c.Revision: {true, true}, other.Revision: {false, true}, "1-": {false, true},
		"2-0123456789abcdef": {false, false}, "": {false, false}, "nonsense": {false, false},
	} {
		if same, known := c.Matches(r); same != want[0] || known != want[1] {
			t.Errorf("Matches(%q) = %v, %v; want %v", r, same, known, want)
		}
	}
}

// TestNextHashVersion plays the release that brings a second version: what the
// first one made still matches, and new containers bear the second.
func TestNextHashVersion(t *testing.T) {
	next := append(hashSet{}, hashes...)
	next = append(next, hashVersion{"2", func(s *Spec) []byte { return append(canonicalV1(s), '2') }})
	a, b := &Spec{Image: "a"}, &Spec{Image: "b"}
	old := hashes.revision(a)
	if same, known := next.matches(a, old); !same || !known {
		t.Errorf("an unchanged container of version 1: same %v, known %v", same, known)
	}
	if same, known := next.matches(b, old); same || !known {
		t.Errorf("a changed container of version 1: same %v, known %v", same, known)
	}
	if v := next.revision(a).Version(); v != "2" {
		t.Errorf("new revisions have version %q", v)
	}
	if same, known := hashes.matches(a, next.revision(a)); same || known {
		t.Errorf("an older program takes version 2 for: same %v, known %v", same, known)
	}
}

// TestRevisionIgnoresLayout prints a document in another key order.
func TestRevisionIgnoresLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.StringMatching(`[ -~]{1,12}`), 1, 4)
		spec := map[string]any{
			"command": text.Draw(t, "command"), "hostname": rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "hostname"),
			"tty": rapid.Bool().Draw(t, "tty"), "ports": []any{map[string]any{"hostPort": 1, "containerPort": rapid.IntRange(1, 65535).Draw(t, "port")}},
		}
		js, _ := json.Marshal(spec) // keys sorted
		one, p1 := Parse("a.json", fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":"a"},"spec":%s}`, APIVersion, Kind, js))
		two, p2 := Parse(filepath.Join("x", "b.yaml"), fmt.Appendf(nil, "# c\nspec: %s\n%s", js, head))
		if len(p1)+len(p2) > 0 {
			t.Fatal(p1, p2)
		}
		if one[0].Revision != two[0].Revision {
			t.Fatalf("%s differs from %s", one[0].Revision, two[0].Revision)
		}
	})
}
