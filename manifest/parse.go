package manifest

import (
	"bytes"
	"fmt"
	"slices"

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
		if len(problems) > maxProblems {
			break
		}
	}
	problems = append(problems, duplicates(all)...)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, byPlace)
		return nil, bounded(problems)
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
	if !d.suspect() || d.harmless() {
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

// maxProblems bounds what is told of one file: more would hide the cause.
const maxProblems = 200

func bounded(problems []Problem) []Problem {
	if len(problems) <= maxProblems {
		return problems
	}
	more := Problem{File: problems[0].File, Message: fmt.Sprintf("has more problems than the %d shown", maxProblems)}
	return append(problems[:maxProblems:maxProblems], more)
}

// duplicates finds names that stand more than once, and reports every place.
func duplicates(all []*Container) []Problem {
	places := make(map[string][]int, len(all))
	for _, c := range all {
		places[c.Name()] = append(places[c.Name()], c.Origin.Line)
	}
	var problems []Problem
	for _, c := range all {
		lines := places[c.Name()]
		if len(lines) < 2 || c.Name() == "" {
			continue
		}
		other := lines[0]
		if other == c.Origin.Line {
			other = lines[1]
		}
		problems = append(problems, Problem{
			File: c.Origin.File, Line: c.Origin.Line, Column: 1, Field: "metadata.name",
			Message: fmt.Sprintf("%q stands more than once in this file, also in line %d; names must be unique", c.Name(), other),
		})
	}
	return problems
}
