package convert

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep the input may be nested, aliases followed.
const maxDepth = 64

// depths measures how deep trees are; each is walked once, however many aliases
// lead to it.
type depths map[*yaml.Node]int

// of is how many levels are below y; an alias that holds itself counts as too deep.
func (d depths) of(y *yaml.Node) int {
	if known, ok := d[y]; ok {
		return known
	}
	d[y] = maxDepth + 1 // as long as it is walked
	deepest := 0
	for _, child := range y.Content {
		deepest = max(deepest, 1+d.of(child))
	}
	if y.Alias != nil {
		deepest = max(deepest, 1+d.of(y.Alias))
	}
	d[y] = deepest
	return deepest
}

// node is a value of the input. Reading one marks it as used; what is used
// nowhere is named in the end. A node that is not there reads as empty.
type node struct {
	c    *converter
	y    *yaml.Node
	path string
}

func (n node) ok() bool { return n.y != nil }

func (n node) line() int {
	if n.y == nil {
		return 0
	}
	return n.y.Line
}

func (n node) column() int {
	if n.y == nil {
		return 0
	}
	return n.y.Column
}

// real follows aliases.
func (n node) real() *yaml.Node {
	y := n.y
	for range maxDepth {
		if y == nil || y.Kind != yaml.AliasNode {
			break
		}
		y = y.Alias
	}
	return y
}

func (n node) isMap() bool  { y := n.real(); return y != nil && y.Kind == yaml.MappingNode }
func (n node) isText() bool { y := n.real(); return y != nil && y.Kind == yaml.ScalarNode }
func (n node) isNull() bool { return n.isText() && n.real().Tag == "!!null" }

func (n node) child(y *yaml.Node, key string) node {
	path := key
	if n.path != "" {
		path = n.path + "." + key
	}
	return node{n.c, y, path}
}

// get is the value of a key; of several that are merged, the nearest.
func (n node) get(key string) node {
	n.enter()
	n.enterMerges()
	if y := lookup(n.real(), key, map[*yaml.Node]bool{}); y != nil {
		return n.child(y, key)
	}
	return node{c: n.c, path: n.child(nil, key).path}
}

func lookup(y *yaml.Node, key string, seen map[*yaml.Node]bool) *yaml.Node {
	if y == nil || y.Kind != yaml.MappingNode || seen[y] {
		return nil
	}
	seen[y] = true
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Value == key && y.Content[i].Tag != "!!merge" {
			return y.Content[i+1]
		}
	}
	for _, m := range merged(y) {
		if found := lookup(m, key, seen); found != nil {
			return found
		}
	}
	return nil
}

// merged are the mappings that << takes in.
func merged(y *yaml.Node) (all []*yaml.Node) {
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Tag != "!!merge" {
			continue
		}
		from := node{y: y.Content[i+1]}.real()
		if from != nil && from.Kind == yaml.SequenceNode {
			for _, item := range from.Content {
				all = append(all, node{y: item}.real())
			}
		} else {
			all = append(all, from)
		}
	}
	return all
}

// keys lists the keys of a mapping, merged ones last, and marks an empty one.
func (n node) keys() []string {
	n.enter()
	n.enterMerges()
	var keys []string
	seen, walked := map[string]bool{}, map[*yaml.Node]bool{}
	var walk func(y *yaml.Node)
	walk = func(y *yaml.Node) {
		if y == nil || y.Kind != yaml.MappingNode || walked[y] {
			return
		}
		walked[y] = true
		for i := 0; i+1 < len(y.Content); i += 2 {
			if k := y.Content[i]; k.Tag != "!!merge" && !seen[k.Value] {
				seen[k.Value] = true
				keys = append(keys, k.Value)
			}
		}
		for _, m := range merged(y) {
			walk(m)
		}
	}
	walk(n.real())
	if len(keys) == 0 {
		n.use()
	}
	return keys
}

// enterMerges marks the aliases of << as followed.
func (n node) enterMerges() {
	y := n.real()
	if y == nil || y.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].Tag != "!!merge" {
			continue
		}
		for _, from := range append([]*yaml.Node{y.Content[i+1]}, y.Content[i+1].Content...) {
			if from.Kind == yaml.AliasNode {
				n.c.used[from] = true
			}
		}
	}
}

// list lists the items of a sequence, and marks an empty one.
func (n node) list() []node {
	y := n.real()
	if y == nil || y.Kind != yaml.SequenceNode {
		return nil
	}
	n.enter()
	if len(y.Content) == 0 {
		n.use()
	}
	items := make([]node, len(y.Content))
	for i, item := range y.Content {
		items[i] = node{n.c, item, fmt.Sprintf("%s[%d]", n.path, i)}
	}
	return items
}

// use marks a value as dealt with.
func (n node) use() {
	if y := n.real(); y != nil {
		n.c.used[y] = true
		n.enter()
	}
}

// enter marks an alias as followed; what it leads to is looked at for itself.
func (n node) enter() {
	if n.y != nil && n.y.Kind == yaml.AliasNode {
		n.c.used[n.y] = true
	}
}

// text reads a single value; variables of a compose file are filled in.
func (n node) text() string {
	y := n.real()
	if y == nil || y.Kind != yaml.ScalarNode {
		return ""
	}
	n.use()
	if y.Tag == "!!null" {
		return ""
	}
	if n.c.compose {
		return n.expand(y.Value)
	}
	return y.Value
}

func (n node) flag() bool {
	b, err := strconv.ParseBool(strings.ToLower(n.text()))
	return err == nil && b
}

// number reads an integer; one that is none is named, and not ok.
func (n node) number() (v int64, ok bool) {
	if !n.ok() {
		return 0, false
	}
	v, err := strconv.ParseInt(n.text(), 10, 64)
	if err != nil {
		n.note("a whole number is expected")
		return 0, false
	}
	return v, true
}

// texts reads a list of single values, or one alone.
func (n node) texts() []string {
	if n.isText() && !n.isNull() {
		return []string{n.text()}
	}
	var all []string
	for _, item := range n.list() {
		if item.isText() {
			all = append(all, item.text())
		}
	}
	return all
}

// note names a value, with all that is in it.
func (n node) note(format string, args ...any) {
	if !n.ok() {
		return
	}
	n.c.note(n, format, args...)
	n.useAll()
}

func (n node) useAll() {
	n.use()
	var walk func(y *yaml.Node, at int)
	walk = func(y *yaml.Node, at int) {
		if y == nil || at > maxDepth {
			return
		}
		n.c.used[y] = true
		for _, child := range y.Content {
			walk(child, at+1)
		}
	}
	walk(n.real(), 0)
}
