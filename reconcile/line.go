package reconcile

import (
	"slices"
	"strings"
)

// touch puts e in line for a decision.
func (c *Core) touch(e *entry) {
	if e.queue == idle {
		e.queue = inDirty
		c.dirty = append(c.dirty, e)
	}
}

// touchAround puts those in line whose gates look at e.
func (c *Core) touchAround(e *entry) {
	for _, n := range c.needed[e.name] {
		if d := c.entries[n]; d != nil {
			c.touch(d)
		}
	}
	for _, n := range e.rec.Needs {
		if d := c.entries[n]; d != nil {
			c.touch(d)
		}
	}
}

func (c *Core) touchUnwanted() {
	for _, e := range c.sorted() {
		if e.want == nil {
			c.touch(e)
		}
	}
}

// sorted returns all entries by name: order must not depend on a map.
func (c *Core) sorted() []*entry {
	if c.orderStale {
		c.order = c.order[:0]
		for _, e := range c.entries {
			c.order = append(c.order, e)
		}
		slices.SortFunc(c.order, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
		c.orderStale = false
	}
	return c.order
}
