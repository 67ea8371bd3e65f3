package folder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// graph knows which names need which. Names without needs are not in it.
type graph struct {
	needs map[string][]need
	users map[string]map[string]struct{} // the other way round
	loops map[string][]string            // name → a circle that begins and ends with it
}

type need struct{ name, field string }

func newGraph() graph {
	return graph{needs: map[string][]need{}, users: map[string]map[string]struct{}{}, loops: map[string][]string{}}
}

func needsOf(c *manifest.Container) []need {
	var needs []need
	for i, d := range c.Spec.DependsOn {
		needs = append(needs, need{d.Name, fmt.Sprintf("spec.dependsOn[%d].name", i)})
	}
	if name := c.Spec.Network.ShareWith; name != "" {
		needs = append(needs, need{name, "spec.network.shareWith"})
	}
	return needs
}

// set replaces the needs of a name and reports whether they differ.
func (g *graph) set(name string, needs []need) bool {
	if slices.Equal(g.needs[name], needs) {
		return false
	}
	for _, n := range g.needs[name] {
		delete(g.users[n.name], name)
		if len(g.users[n.name]) == 0 {
			delete(g.users, n.name)
		}
	}
	delete(g.needs, name)
	if len(needs) > 0 {
		g.needs[name] = needs
	}
	for _, n := range needs {
		if g.users[n.name] == nil {
			g.users[n.name] = map[string]struct{}{}
		}
		g.users[n.name][name] = struct{}{}
	}
	return true
}

// findLoops looks for circles anew and returns the names for which the answer
// changed.
func (g *graph) findLoops() []string {
	old := g.loops
	g.loops = map[string][]string{}
	for _, knot := range g.knots() {
		g.nameLoops(knot)
	}
	var changed []string
	for name := range g.loops {
		if !slices.Equal(old[name], g.loops[name]) {
			changed = append(changed, name)
		}
	}
	for name := range old {
		if g.loops[name] == nil {
			changed = append(changed, name)
		}
	}
	return changed
}

// nameLoops finds for each member of a knot the shortest circle through it. A
// large knot is told by one circle for all: more would be read by nobody.
func (g *graph) nameLoops(knot []string) {
	const large = 32
	slices.Sort(knot)
	members := map[string]bool{}
	for _, name := range knot {
		members[name] = true
	}
	for i, name := range knot {
		if i > 0 && len(knot) > large {
			g.loops[name] = append([]string{name}, g.needsIn(name, members), "…", name)
			continue
		}
		g.loops[name] = g.circle(name, members)
	}
}

func (g *graph) needsIn(name string, members map[string]bool) string {
	for _, n := range g.needs[name] {
		if members[n.name] {
			return n.name
		}
	}
	return ""
}

// circle is the shortest way from name back to name.
func (g *graph) circle(name string, members map[string]bool) []string {
	from := map[string]string{}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, n := range g.needs[at] {
			if n.name == name {
				way := []string{name}
				for ; at != name; at = from[at] {
					way = append(way, at)
				}
				way = append(way, name)
				slices.Reverse(way)
				return way
			}
			if _, seen := from[n.name]; !seen && members[n.name] {
				from[n.name] = at
				queue = append(queue, n.name)
			}
		}
	}
	return nil
}

// knots returns the sets of names that all need each other, found by Tarjan's
// algorithm: each name is visited once.
func (g *graph) knots() [][]string {
	t := tarjan{g: g, index: map[string]int{}, low: map[string]int{}, open: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(g.needs)) {
		if t.index[name] == 0 {
			t.visit(name)
		}
	}
	return t.knots
}

type tarjan struct {
	g          *graph
	index, low map[string]int // from 1
	open       map[string]bool
	stack      []string
	knots      [][]string
}

func (t *tarjan) visit(name string) {
	t.index[name] = len(t.index) + 1
	t.low[name] = t.index[name]
	t.stack, t.open[name] = append(t.stack, name), true
	self := false
	for _, n := range t.g.needs[name] {
		self = self || n.name == name
		if t.index[n.name] == 0 {
			t.visit(n.name)
			t.low[name] = min(t.low[name], t.low[n.name])
		} else if t.open[n.name] {
			t.low[name] = min(t.low[name], t.index[n.name])
		}
	}
	if t.low[name] == t.index[name] {
		t.close(name, self)
	}
}

// close takes a finished set from the stack; a single name counts only if it
// needs itself.
func (t *tarjan) close(name string, self bool) {
	i := len(t.stack) - 1
	for t.stack[i] != name {
		i--
	}
	set := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, n := range set {
		t.open[n] = false
	}
	if len(set) > 1 || self {
		t.knots = append(t.knots, set)
	}
}

// arrows writes a circle, shortened in the middle if it is long.
func arrows(loop []string) string {
	const most = 10
	if len(loop) > most {
		left := fmt.Sprintf("… (%d more)", len(loop)-most+1)
		loop = slices.Concat(loop[:most-2], []string{left}, loop[len(loop)-1:])
	}
	return strings.Join(loop, " → ")
}
