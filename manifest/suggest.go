package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
)

var (
	quantityType  = reflect.TypeFor[resource.Quantity]()
	durationType  = reflect.TypeFor[Duration]()
	exitCodesType = reflect.TypeFor[ExitCodes]()
)

// otherNames are the words of other programs for what is called differently here.
var otherNames = map[string]string{
	"environment":     "env",
	"volumes":         "mounts",
	"volumeMounts":    "mounts",
	"depends_on":      "dependsOn",
	"entrypoint":      "command",
	"workdir":         "workingDir",
	"working_dir":     "workingDir",
	"stopGracePeriod": "terminationGracePeriodSeconds",
	"dns":             "dnsConfig",
	"networks":        "network",
	"healthcheck":     "livenessProbe",
	"logging":         "logs",
	"state":           "desiredState",
}

// unknownField says that name is no field of t, and which one may be meant.
func unknownField(name, path string, t reflect.Type) string {
	known := slices.Sorted(maps.Keys(jsonFields(t)))
	if s := nearest(name, known); s != "" {
		return fmt.Sprintf("unknown field; did you mean %s?", s)
	}
	if s := otherNames[name]; s != "" && slices.Contains(known, s) {
		return fmt.Sprintf("unknown field; here it is called %s", s)
	}
	if s := elsewhere(name, path); s != "" {
		return fmt.Sprintf("unknown field; it belongs at %s", s)
	}
	if len(known) > 12 {
		return "unknown field; the reference of all fields is docs/manifest.md"
	}
	return "unknown field; known are " + strings.Join(known, ", ")
}

// elsewhere is the one top-level path that ends in name, "" if there is none.
func elsewhere(name, path string) string {
	for _, parent := range []string{"spec", "metadata"} {
		if _, ok := jsonFields(topTypes[parent])[name]; ok && path != parent {
			return parent + "." + name
		}
	}
	return ""
}

var topTypes = map[string]reflect.Type{
	"spec":     reflect.TypeFor[Spec](),
	"metadata": reflect.TypeFor[Metadata](),
}

// nearest is the candidate that differs from s by letter case or a few letters.
func nearest(s string, candidates []string) string {
	best, least := "", tolerance(s)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// tolerance is how many letters of s may be wrong.
func tolerance(s string) int {
	if len(s) < 4 {
		return 1
	}
	return max(len(s)/3, 2)
}

// distance is the number of letters to insert, delete or replace between a
// and b. Names longer than any field's are not compared.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// jsonFields maps the JSON names of a struct's fields to their types.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type, t.NumField())
	for f := range structFields(t) {
		fields[f.name] = f.typ
	}
	return fields
}

type structField struct {
	name  string
	typ   reflect.Type
	index int
}

// structFields visits the fields of a struct that appear in JSON, in order.
func structFields(t reflect.Type) func(func(structField) bool) {
	return func(yield func(structField) bool) {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if !yield(structField{name, t.Field(i).Type, i}) {
				return
			}
		}
	}
}

// typeName is what a person calls a value of type t.
func typeName(t reflect.Type) string {
	switch t {
	case quantityType:
		return "a quantity such as 512Mi"
	case durationType:
		return "a duration such as 30s"
	case exitCodesType:
		return "an exit code, a range a..b or an NTSTATUS name"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		if scalarJSON(n)[0] == '"' {
			return "the text " + shown(n.Value)
		}
		return n.Value
	}
}

func jsonKind(js json.RawMessage) string {
	switch js[0] {
	case 't', 'f':
		return "a boolean"
	default:
		return "a number"
	}
}

// shown quotes a value of the user for a message, shortened.
func shown(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
