package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// issue is something wrong at a path within a document.
type issue struct {
	path string
	msg  string
	node *yaml.Node // where it stands; nil: where path stands
}

// harmless looks closer at a suspect document: it may only say R&D or Hello!
func (d document) harmless() bool {
	var root yaml.Node
	return yaml.Unmarshal(d.text, &root) == nil && plain(&root)
}

// plain reports whether a tree of nodes uses no refused feature.
func plain(n *yaml.Node) bool {
	return refused(n) == "" && n.Tag != mergeTag && !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return !plain(c) })
}

// explain goes through a document that could not be taken as it is and finds
// everything that is wrong, with places.
func (d document) explain(file string) (*Container, []Problem) {
	c := &Container{Origin: Origin{File: file, Line: d.start}}
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil {
		return nil, []Problem{d.syntaxProblem(file, err)}
	}
	if len(root.Content) == 0 {
		return nil, []Problem{{File: file, Line: d.start, Column: 1, Message: "document is empty; a mapping with apiVersion, kind, metadata and spec is expected"}}
	}
	top := root.Content[0]
	w := walker{nodes: map[string]*yaml.Node{"": top}}
	if p, ok := w.otherKind(top); ok {
		return nil, []Problem{d.problem(file, &w, p)}
	}
	js := mustJSON(w.container(top))
	if err := decodeJSON(js, c); err != nil {
		w.complain("", "document cannot be decoded: %v", err)
	} else {
		setDefaults(c)
		w.issues = append(w.issues, w.unrelated(validate(c))...)
	}
	if len(w.issues) == 0 { // nothing is let through for want of an explanation
		err := cmp.Or(d.decode(&Container{}), errors.New("it uses a feature of YAML that is not supported"))
		w.complain("", "document cannot be taken: %v", err)
	}
	return c, d.problems(file, &w)
}

func (d document) problems(file string, w *walker) []Problem {
	var out []Problem
	for _, i := range w.issues {
		out = append(out, d.problem(file, w, i))
	}
	slices.SortStableFunc(out, byPlace)
	return slices.Compact(out)
}

// problem places an issue: at its node, or at the closest one above it.
func (d document) problem(file string, w *walker, i issue) Problem {
	at, n := i.path, i.node
	if n == nil {
		n = w.nodes[at]
	}
	for n == nil {
		at = parentPath(at)
		n = w.nodes[at]
	}
	return Problem{File: file, Line: d.first + n.Line - 1, Column: max(n.Column, 1), Field: i.path, Message: i.msg}
}

// parentPath cuts the last element off a path.
func parentPath(p string) string {
	if strings.HasSuffix(p, "]") {
		return p[:max(strings.LastIndexByte(p, '['), 0)]
	}
	return p[:max(strings.LastIndexByte(p, '.'), 0)]
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxProblem turns an error of the YAML scanner, which knows only a line.
func (d document) syntaxProblem(file string, err error) Problem {
	msg := err.Error()
	line := d.start
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			line = d.first + n - 1
		}
		msg = msg[len(m[0]):]
	}
	msg = strings.Join(strings.Fields(msg), " ")
	switch {
	case strings.Contains(msg, "cannot start any token"):
		msg += "; indent with blanks instead of tabs, and quote values that begin with @, ` or %"
	case strings.Contains(msg, "mapping values are not allowed"):
		msg += "; check the indentation, and quote values that hold a colon and a blank"
	case strings.Contains(msg, "unknown escape character"):
		msg += `; write Windows paths without quotes or in single quotes: 'C:\data'`
	case strings.Contains(msg, "unknown anchor"): // the name may be a secret without quotes
		msg = "an alias (*) of nothing; quote values that begin with *"
	case strings.Contains(msg, "alphabetic or numeric"):
		msg = "an alias (*) or anchor (&) without a name; quote values that begin with * or &"
	case strings.Contains(msg, "incompatible YAML document"):
		msg = "another version of YAML; remove the line that begins with %"
	}
	return Problem{File: file, Line: line, Column: 1, Message: "not valid YAML: " + msg}
}

func byPlace(a, b Problem) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	if a.Column != b.Column {
		return a.Column - b.Column
	}
	return strings.Compare(a.Field+"\x00"+a.Message, b.Field+"\x00"+b.Message)
}

// otherKind recognises documents that were never meant for this program, so
// that not every field of theirs is reported.
func (w *walker) otherKind(top *yaml.Node) (issue, bool) {
	if top.Kind != yaml.MappingNode {
		return issue{}, false
	}
	kind, version := "", ""
	for i := 0; i+1 < len(top.Content); i += 2 {
		switch k, v := top.Content[i].Value, top.Content[i+1]; k {
		case "kind":
			kind = v.Value
			w.nodes["kind"] = v
		case "apiVersion":
			version = v.Value
		}
	}
	if kind == "" || version == APIVersion || strings.EqualFold(kind, Kind) {
		return issue{}, false
	}
	return issue{path: "kind", msg: fmt.Sprintf("a %s %s is not for this program; %s %s is expected",
		version, kind, APIVersion, Kind)}, true
}

// unrelated leaves out what validation says of paths that were already found
// wrong, as it saw them empty.
func (w *walker) unrelated(found []issue) []issue {
	return slices.DeleteFunc(found, func(i issue) bool {
		for at := i.path; ; at = parentPath(at) {
			if w.bad[at] {
				return true
			}
			if at == "" {
				return false
			}
		}
	})
}

// scalarJSON returns the JSON value that the decoder makes of a scalar.
func scalarJSON(n *yaml.Node) json.RawMessage {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		if js, ok := plainScalar(n.Value); ok {
			return js
		}
	}
	return mustJSON(n.Value)
}
