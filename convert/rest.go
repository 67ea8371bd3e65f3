package convert

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// rest names everything below n that nobody has read: a whole branch by one
// note where none of it was.
func (n node) rest() {
	y := n.y
	if y == nil || n.c.used[y] {
		return
	}
	leaf := y.Kind == yaml.ScalarNode || y.Kind == yaml.AliasNode || len(y.Content) == 0
	if leaf || !n.anyUsed() {
		if n.path == "" && !leaf {
			n.children(node.rest)
			return
		}
		n.note("%s", whyNot(n.path))
		return
	}
	n.children(node.rest)
}

func (n node) anyUsed() bool {
	if n.c.used[n.y] {
		return true
	}
	found := false
	n.children(func(m node) { found = found || m.anyUsed() })
	return found
}

func (n node) children(do func(node)) {
	switch n.y.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.y.Content); i += 2 {
			do(n.child(n.y.Content[i+1], n.y.Content[i].Value))
		}
	case yaml.SequenceNode:
		for i, item := range n.y.Content {
			do(node{n.c, item, fmt.Sprintf("%s[%d]", n.path, i)})
		}
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
}
