package manifest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leaves lists the paths of all fields that hold a value, in type order.
func leaves(t reflect.Type, path string) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(unmarshalerType), t.Kind() != reflect.Struct && t.Kind() != reflect.Slice:
		return []string{path}
	case t.Kind() == reflect.Slice:
		if e := t.Elem(); e.Kind() != reflect.Struct || reflect.PointerTo(e).Implements(unmarshalerType) {
			return []string{path}
		}
		return leaves(t.Elem(), path+"[]")
	}
	var all []string
	for f := range structFields(t) {
		all = append(all, leaves(f.typ, joinPath(path, f.name))...)
	}
	return all
}

func TestFieldsCoverTheTypes(t *testing.T) {
	var have []string
	for _, f := range Fields() {
		have = append(have, f.Path)
		if f.Change != Free && f.Change != InPlace && f.Change != Recreate {
			t.Errorf("%s: no cost", f.Path)
		}
		if !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: description is no sentence: %q", f.Path, f.Doc)
		}
	}
	if d := cmp.Diff(leaves(reflect.TypeFor[Container](), ""), have); d != "" {
		t.Errorf("Fields (+) and types (-) differ:\n%s", d)
	}
}

func TestGroupsCoverTheTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Fields() {
		for at := parentOf(f.Path); at != ""; at = parentOf(at) {
			seen[at] = true
		}
	}
	for g := range groups {
		if !seen[g] {
			t.Errorf("groups describes %s, which holds no fields", g)
		}
	}
}

// parentOf is the group of a field or group.
func parentOf(path string) string {
	return strings.TrimSuffix(path[:max(strings.LastIndexByte(path, '.'), 0)], "[]")
}

func TestChangeOf(t *testing.T) {
	for path, want := range map[string]Change{
		"spec.image":               Recreate,
		"spec.env[PORT].value":     Recreate,
		"spec.env[PORT]":           Recreate,
		"spec.env[a.b].value":      Recreate,
		"spec.logs.maxSize":        InPlace,
		"spec.logs":                InPlace,
		"metadata.labels[a.b/c]":   Free,
		"metadata.labels":          Free,
		"spec.livenessProbe":       Free,
		"spec.dependsOn[0].name":   Free,
		"spec":                     Recreate,
		"spec.command[2]":          Recreate,
		"spec.thisIsNoField":       Recreate,
		"spec.restart.exitRules[]": Free,
	} {
		if got := ChangeOf(path); got != want {
			t.Errorf("ChangeOf(%q) = %s, want %s", path, got, want)
		}
	}
}
