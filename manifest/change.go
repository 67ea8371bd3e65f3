package manifest

import (
	"regexp"
	"strings"
)

// Change says what it costs to change a field of a running container.
type Change string

// The costs, cheapest first.
const (
	Free     Change = "free"     // the daemon acts on it; the container notices nothing
	InPlace  Change = "in-place" // the driver changes the running container
	Recreate Change = "recreate" // the container is replaced
)

// Field is one field that a manifest can set.
type Field struct {
	Path    string // "spec.ports[].hostPort"
	Allowed string // "a|b|c" for an enumeration, "1..65535" for a range, else ""
	Default string // as it would be written; "" if there is none
	// Required fields have no default, and nothing works without them.
	Required bool
	Change   Change
	Doc      string // what it means, one or two sentences
}

// Fields returns every field of a manifest that holds a value, in the order
// of the types. It is the single source of descriptions, defaults and costs:
// the schema, the reference and the plan are made from it.
func Fields() []Field {
	out := make([]Field, len(fieldTable))
	copy(out, fieldTable)
	return out
}

// ChangeOf returns the cost of a change at path, which may name a field
// ("spec.ports[].hostPort"), a place ("spec.ports[0].hostPort",
// "spec.env[PORT].value") or a group of fields ("spec.ports[0]"); a group
// costs as much as its dearest field. What is unknown is taken for Recreate.
func ChangeOf(path string) Change {
	path = brackets.ReplaceAllString(path, "[]")
	if c, ok := changes[path]; ok {
		return c
	}
	if cut, ok := strings.CutSuffix(path, "[]"); ok {
		if c, ok := changes[cut]; ok {
			return c
		}
	}
	return groupChange(path)
}

func groupChange(path string) Change {
	found := Change("")
	for _, f := range fieldTable {
		if rest, ok := strings.CutPrefix(f.Path, path); ok && (rest[0] == '.' || rest[0] == '[') {
			found = dearer(found, f.Change)
		}
	}
	if found == "" {
		return Recreate
	}
	return found
}

// dearer returns the higher of two costs.
func dearer(a, b Change) Change {
	rank := map[Change]int{Free: 1, InPlace: 2, Recreate: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

var brackets = regexp.MustCompile(`\[[^\]]*\]`)

var (
	fieldTable = buildFields()
	changes    = changesByPath(fieldTable)
)

func changesByPath(fields []Field) map[string]Change {
	m := make(map[string]Change, len(fields))
	for _, f := range fields {
		m[f.Path] = f.Change
	}
	return m
}
