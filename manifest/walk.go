package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"
)

// walker compares YAML nodes with the Go types that they are decoded to. It
// notes where each path stands and what does not fit, and hands back the rest
// as plain values, so that the rules can be checked on it all the same. It
// goes no deeper than the types do.
type walker struct {
	nodes  map[string]*yaml.Node
	issues []issue
	bad    map[string]bool // paths that hold nothing usable
}

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

func (w *walker) container(top *yaml.Node) any {
	w.bad = map[string]bool{}
	if v := w.value(top, reflect.TypeFor[Container](), ""); v != nil {
		return v
	}
	return map[string]any{}
}

// complain records that path holds nothing usable, and returns nothing.
func (w *walker) complain(path, format string, args ...any) any {
	w.bad[path] = true
	w.issues = append(w.issues, issue{path, fmt.Sprintf(format, args...), w.nodes[path]})
	return nil
}

// full reports whether so much is wrong that going on would tell nothing.
func (w *walker) full() bool { return len(w.issues) > maxProblems }

// value checks n against t and returns what may be decoded of it; nil is null.
func (w *walker) value(n *yaml.Node, t reflect.Type, path string) any {
	w.nodes[path] = n
	if msg := refused(n); msg != "" {
		return w.complain(path, "%s", msg)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.ScalarNode && string(scalarJSON(n)) == "null" {
		if path == "" {
			return w.complain(path, "a mapping is expected")
		}
		return nil
	}
	switch {
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return w.custom(n, t, path)
	case t.Kind() == reflect.Struct:
		return w.structure(n, t, path)
	case t.Kind() == reflect.Map:
		return w.mapping(n, t, path)
	case t.Kind() == reflect.Slice:
		return w.list(n, t, path)
	default:
		return w.scalar(n, t, path)
	}
}

const mergeTag = "!!merge"

// refused names a YAML feature that manifests do without. It repeats nothing
// of the text, which may be a secret that was not quoted.
func refused(n *yaml.Node) string {
	const remedy = "; write the value itself, or quote it if a text was meant"
	switch {
	case n.Kind == yaml.AliasNode:
		return "YAML aliases (*) are not supported" + remedy
	case n.Anchor != "":
		return "YAML anchors (&) are not supported" + remedy
	case n.Style&yaml.TaggedStyle != 0:
		return "YAML tags (!) are not supported" + remedy
	}
	return ""
}

// told is how a message calls n, which stands at path. Environment variables
// and credentials are not repeated.
func told(n *yaml.Node, path string) string {
	if strings.HasPrefix(path, "spec.env") || strings.HasPrefix(path, "spec.securityContext") {
		if n.Kind == yaml.ScalarNode {
			return "what stands here"
		}
	}
	return kindName(n)
}

// custom checks types that decode themselves.
func (w *walker) custom(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.ScalarNode {
		return w.complain(path, "%s is expected, not %s", typeName(t), told(n, path))
	}
	js := scalarJSON(n)
	if err := json.Unmarshal(js, reflect.New(t).Interface()); err != nil {
		return w.complain(path, "%s", customError(err, n, t))
	}
	return js
}

// structure checks a mapping with known keys.
func (w *walker) structure(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		return w.complain(path, "a mapping is expected, not %s", told(n, path))
	}
	fields := jsonFields(t)
	out := map[string]any{}
	w.pairs(n, func(k string) string { return joinPath(path, k) }, func(k, v *yaml.Node, at string) {
		ft, known := fields[k.Value]
		if !known {
			w.nodes[at] = k
			w.complain(at, "%s", unknownField(k.Value, path, t))
			return
		}
		out[k.Value] = w.value(v, ft, at)
	})
	return out
}

// mapping checks a mapping with free keys.
func (w *walker) mapping(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.MappingNode {
		return w.complain(path, "a mapping of names to texts is expected, not %s", told(n, path))
	}
	out := map[string]any{}
	w.pairs(n, func(k string) string { return path + "[" + k + "]" }, func(k, v *yaml.Node, at string) {
		if value := w.value(v, t.Elem(), at); value != nil || !w.bad[at] {
			out[k.Value] = value
		}
	})
	return out
}

// pairs visits the entries of a mapping whose keys are plain and stand once.
func (w *walker) pairs(n *yaml.Node, name func(string) string, visit func(k, v *yaml.Node, at string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !w.full(); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := name(k.Value)
		switch first := seen[k.Value]; {
		case k.Kind != yaml.ScalarNode:
			at = name("?")
			w.nodes[at] = k
			w.complain(at, "a key must be a plain name, not %s", kindName(k))
		case refused(k) != "" && k.Tag != mergeTag:
			w.nodes[at] = k
			w.complain(at, "%s", refused(k))
		case k.Tag == mergeTag:
			w.nodes[at] = k
			w.complain(at, "YAML merge keys are not supported; write the fields themselves")
		case first > 0:
			w.nodes[at] = k
			w.complain(at, "stands twice; it was already set %s", ago(first, k.Line))
		default:
			seen[k.Value] = k.Line
			visit(k, v, at)
		}
	}
}

func ago(first, here int) string {
	switch here - first {
	case 0:
		return "in the same line"
	case 1:
		return "in the line above"
	}
	return fmt.Sprintf("%d lines above", here-first)
}

func (w *walker) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode && t.Elem().Kind() == reflect.String {
			hint = fmt.Sprintf("; write [%s]", strconv.Quote(n.Value))
		}
		return w.complain(path, "a list is expected, not %s%s", told(n, path), hint)
	}
	out := make([]any, len(n.Content))
	for i, item := range n.Content {
		if w.full() {
			break
		}
		out[i] = w.value(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

// scalar checks texts, numbers and booleans.
func (w *walker) scalar(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.ScalarNode {
		return w.complain(path, "%s is expected, not %s", typeName(t), told(n, path))
	}
	js := scalarJSON(n)
	err := json.Unmarshal(js, reflect.New(t).Interface())
	if err == nil {
		return js
	}
	var typeErr *json.UnmarshalTypeError
	switch isText := js[0] == '"'; {
	case t.Kind() == reflect.String && mayHide(path):
		return w.complain(path, "a text is expected, but YAML takes it for %s; put it in quotes", jsonKind(js))
	case t.Kind() == reflect.String:
		return w.complain(path, "a text is expected, but YAML takes %s for %s; put it in quotes: %q", n.Value, jsonKind(js), n.Value)
	case isText && json.Unmarshal([]byte(n.Value), reflect.New(t).Interface()) == nil:
		return w.complain(path, "%s is expected, but %q is a text; remove the quotes", typeName(t), n.Value)
	case errors.As(err, &typeErr) && strings.HasPrefix(typeErr.Value, "number") && t.Kind() != reflect.Bool:
		return w.complain(path, "%s is expected, not %s", rangeName(t), n.Value)
	default:
		return w.complain(path, "%s is expected, not %s", typeName(t), told(n, path))
	}
}

func customError(err error, n *yaml.Node, t reflect.Type) string {
	if t == quantityType {
		return fmt.Sprintf("%s is not a quantity such as 512Mi, 2Gi or 500m", shown(n.Value))
	}
	return err.Error()
}

func rangeName(t reflect.Type) string {
	if t.Kind() == reflect.Int32 {
		return fmt.Sprintf("a whole number up to %d", math.MaxInt32)
	}
	return typeName(t)
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// plainScalar resolves an unquoted scalar with the decoder itself, because
// the two YAML libraries disagree on words such as yes and on octal numbers.
func plainScalar(s string) (json.RawMessage, bool) {
	if isText := s != "" && letter(s[0]) && (len(s) > len("false") || !strings.ContainsRune("yYnNtTfFoO", rune(s[0]))); isText {
		return nil, false // by far the most, and resolving each is slow
	}
	if strings.Contains(s, "\n") || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return nil, false
	}
	js, err := kyaml.YAMLToJSON([]byte(s))
	if err != nil || len(js) == 0 || js[0] == '{' || js[0] == '[' {
		return nil, false
	}
	return bytes.TrimSpace(js), true
}
