package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Parse reads all documents of one manifest file, fills in the defaults and
// checks every rule. file is used for the origins and problems only.
//
// A file counts as a whole: if anything is wrong with it Parse returns no
// container, and every problem that it found, sorted by place. A file that
// holds nothing but comments is good and asks for nothing; an empty one is a
// problem because it is most often one that is being written.
func Parse(file string, data []byte) ([]*Container, []Problem) {
	text, msg := plainText(data)
	if msg != "" {
		return nil, []Problem{{File: file, Message: msg}}
	}
	var all []*Container
	var problems []Problem
	for _, d := range documents(text) {
		c, found := d.parse(file)
		problems = append(problems, found...)
		if c != nil {
			all = append(all, c)
		}
	}
	problems = append(problems, duplicates(all)...)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, byPlace)
		return nil, problems
	}
	for _, c := range all {
		c.seal()
	}
	return all, nil
}

// parse decodes and checks one document. The container is returned even if it
// has problems, so that duplicate names show at once with them.
func (d document) parse(file string) (*Container, []Problem) {
	c := &Container{Origin: Origin{File: file, Line: d.start}}
	if !d.suspect() {
		if err := d.decode(c); err == nil {
			setDefaults(c)
			if len(validate(c)) == 0 {
				return c, nil
			}
		}
	}
	return d.explain(file)
}

// suspect reports whether the text may hold YAML features that are refused
// and that decoding would follow silently.
func (d document) suspect() bool {
	return !d.json && (bytes.ContainsAny(d.text, "&!") || bytes.Contains(d.text, []byte("<<")))
}

// decode fills c from a document in which everything is as it should be; any
// error sends the caller to explain.
func (d document) decode(c *Container) error {
	js := d.text
	if !d.json {
		var err error
		if js, err = yaml.YAMLToJSONStrict(d.text); err != nil {
			return err
		}
	}
	if js = bytes.TrimSpace(js); len(js) == 0 || js[0] != '{' {
		return fmt.Errorf("decode document: not a mapping")
	}
	return decodeJSON(js, c)
}

func decodeJSON(js []byte, c *Container) error {
	strict, err := kjson.UnmarshalStrict(js, c)
	if err != nil {
		return err
	}
	if len(strict) > 0 {
		return strict[0]
	}
	return nil
}

// seal computes what is derived from the finished specification.
func (c *Container) seal() {
	c.Spec.normalizeQuantities()
	c.Revision = hashes.revision(&c.Spec)
	c.Live = liveDigest(&c.Spec)
}

// duplicates finds names that stand more than once, and reports every place.
func duplicates(all []*Container) []Problem {
	if len(all) < 2 {
		return nil
	}
	places := map[string][]*Container{}
	for _, c := range all {
		if c.Name() != "" {
			places[c.Name()] = append(places[c.Name()], c)
		}
	}
	var problems []Problem
	for _, c := range all {
		if len(places[c.Name()]) < 2 {
			continue
		}
		var others []string
		for _, o := range places[c.Name()] {
			if o != c {
				others = append(others, fmt.Sprint(o.Origin.Line))
			}
		}
		problems = append(problems, Problem{
			File: c.Origin.File, Line: c.Origin.Line, Column: 1, Field: "metadata.name",
			Message: fmt.Sprintf("%q stands more than once in this file, also in line %s; names must be unique",
				c.Name(), strings.Join(others, ", ")),
		})
	}
	return problems
}
