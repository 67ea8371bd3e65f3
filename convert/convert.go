// Package convert makes manifests from compose files and from the workloads of
// Kubernetes. It is pure: bytes go in, documents and notes come out.
//
// Nothing is dropped silently: every value of the input is either in a document
// or named by a note, with the reason. What looks like a secret is never copied
// from where it is kept; a reference takes its place. The documents pass the
// validator of package manifest. It reads no other file, and asks no network.
package convert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Document is one manifest that was made.
type Document struct {
	Name string // of the container
	YAML []byte
}

// Note names a value of the input that has no equivalent, or that needs the eye
// of a person, and says why.
type Note struct {
	File    string
	Line    int    // 1-based
	Column  int    // 1-based
	Field   string // as services.web.build or spec.containers[0].volumeMounts[1]
	Message string
}

// String is the note as one line.
func (n Note) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", n.File, n.Line, n.Column, n.Field, n.Message)
}

// Result is what came of one file.
type Result struct {
	Documents []Document // in the order of the file
	Notes     []Note     // by line
}

// maxSize bounds the input in bytes, as for a manifest.
const maxSize = 10 << 20

// File converts a compose file, or any number of Kubernetes documents; file is
// its name, for notes. An error says that it is neither, or not valid as such.
func File(file string, text []byte) (Result, error) {
	if len(text) > maxSize {
		return Result{}, fmt.Errorf("convert %s: it is larger than %d MiB", file, maxSize>>20)
	}
	c := &converter{file: file, used: map[*yaml.Node]bool{}}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Result{}, fmt.Errorf("convert %s: %w", file, err)
		}
		if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
			continue
		}
		if err := c.document(doc.Content[0], text); err != nil {
			return Result{}, fmt.Errorf("convert %s: %w", file, err)
		}
	}
	if !c.any {
		return Result{}, fmt.Errorf("convert %s: it holds no document", file)
	}
	return c.result(), nil
}

// converter is the work on one file.
type converter struct {
	file    string
	any     bool
	used    map[*yaml.Node]bool // values that are in a document, or named
	made    []made
	notes   []Note
	compose bool
}

// made is a manifest in the making.
type made struct {
	from node // where it comes from, for notes
	name string
	meta object
	spec object
}

// object is a mapping of the output.
type object = map[string]any

func (c *converter) document(root *yaml.Node, text []byte) error {
	c.any = true
	top := node{c: c, y: root}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: a compose file or a Kubernetes object is expected", root.Line)
	}
	if (depths{}).of(root) > maxDepth {
		return fmt.Errorf("line %d: it is nested too deeply", root.Line)
	}
	var err error
	switch {
	case top.get("apiVersion").ok() && top.get("kind").ok():
		c.kubernetes(top)
	case top.get("services").ok():
		c.compose = true
		err = c.composeFile(top, text)
	default:
		err = fmt.Errorf("line %d: neither services, as in a compose file, nor apiVersion and kind, as in Kubernetes, stand there", root.Line)
	}
	if err != nil {
		return err
	}
	top.rest()
	return nil
}

func (c *converter) note(n node, format string, args ...any) {
	c.notes = append(c.notes, Note{
		File: c.file, Line: max(n.line(), 1), Column: max(n.column(), 1), Field: cmp.Or(n.path, "document"), Message: fmt.Sprintf(format, args...),
	})
}

// result writes the manifests, and leaves out those that would not be valid.
func (c *converter) result() Result {
	var r Result
	seen := map[string]bool{}
	for _, m := range c.made {
		c.keepKnown(m)
		text, problems := m.write()
		switch {
		case seen[m.name]:
			c.note(m.from, "is not converted: there is another container %q already", m.name)
		case len(problems) > 0:
			for _, p := range problems {
				c.note(m.from, "is not converted: %s: %s", cmp.Or(p.Field, "manifest"), p.Message)
			}
		default:
			seen[m.name] = true
			r.Documents = append(r.Documents, Document{Name: m.name, YAML: text})
		}
	}
	slices.SortStableFunc(c.notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	r.Notes = slices.Compact(c.notes)
	return r
}

// keepKnown drops dependencies on what is not there.
func (c *converter) keepKnown(m made) {
	known := func(name string) bool {
		return slices.ContainsFunc(c.made, func(o made) bool { return o.name == name })
	}
	needs, _ := m.spec["dependsOn"].([]object)
	kept := slices.DeleteFunc(slices.Clone(needs), func(d object) bool {
		name, _ := d["name"].(string)
		if known(name) {
			return false
		}
		c.note(m.from, "depends on %q, which is not in this file", name)
		return true
	})
	if len(kept) != len(needs) {
		m.spec["dependsOn"] = kept
	}
	if len(kept) == 0 {
		delete(m.spec, "dependsOn")
	}
}

func (m made) write() ([]byte, []manifest.Problem) {
	doc := object{"apiVersion": manifest.APIVersion, "kind": "Container", "metadata": m.meta, "spec": m.spec}
	m.meta["name"] = m.name
	text, err := sigsyaml.Marshal(doc)
	if err != nil {
		return nil, []manifest.Problem{{Message: err.Error()}}
	}
	_, problems := manifest.Parse(m.name+".yaml", text)
	return text, problems
}

// nameOf makes a name of a container from any text, and says if it had to be
// changed.
func nameOf(text string) (name string, same bool) {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	name = b.String()
	name = strings.Trim(name[:min(len(name), 63)], "-")
	return name, name == text
}
