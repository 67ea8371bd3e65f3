package page

import (
	"cmp"
	"slices"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// The sizes of the drawing, in pixels.
const (
	boxWidth, boxHeight = 168, 40
	columnGap, rowGap   = 64, 14
	bendHeight          = 12 // what a line takes that passes between boxes
	margin              = 8
)

// drawing is the graph of dependencies, laid out from left to right: what is
// needed stands left of what needs it.
type drawing struct {
	Width, Height int
	Boxes         []*box
	Lines         []arrow
	Apart         int // containers that need nothing and are needed by none
}

// box is a container, or a bend of a line that passes a column.
type box struct {
	Name  string
	State string
	Level Level
	Needs string // for those who cannot see the lines
	X, Y  int

	ready, runs bool

	column int
	left   []*box
	right  []*box
	dummy  bool
}

// arrow is one dependency.
type arrow struct {
	From, To  string
	Condition string
	Path      string
	Met       bool
}

// draw lays out the dependencies; nil if there are none.
func draw(all []reconcile.ContainerStatus) *drawing {
	g := graph{boxes: map[string]*box{}}
	for i := range all {
		g.add(&all[i])
	}
	if len(g.edges) == 0 {
		return nil
	}
	g.columns()
	g.bend()
	g.order()
	d := g.place()
	for i := range all {
		if g.boxes[all[i].Name] == nil {
			d.Apart++
		}
	}
	for i := range d.Boxes {
		if j := slices.IndexFunc(all, func(st reconcile.ContainerStatus) bool { return st.Name == d.Boxes[i].Name }); j >= 0 {
			d.Boxes[i].State, d.Boxes[i].Level = titleOf(&all[j]), levelOf(&all[j])
			d.Boxes[i].ready, d.Boxes[i].runs = all[j].Ready, all[j].RunningRevision != ""
		}
	}
	for i := range d.Lines {
		d.Lines[i].Met = met(g.boxes[d.Lines[i].From], d.Lines[i].Condition)
	}
	return d
}

// met tells from what is shown alone whether a line holds its end back.
func met(from *box, condition string) bool {
	switch {
	case from.Level == Done:
		return true
	case condition == string(manifest.ConditionCompleted):
		return false
	case condition == string(manifest.ConditionStarted):
		return from.runs
	default:
		return from.ready
	}
}

type graph struct {
	boxes map[string]*box
	names []string // in the order in which they were met
	edges []edge
	layer [][]*box
}

type edge struct {
	from, to  *box // from is needed by to
	condition string
	bends     []*box
}

func (g *graph) box(name string) *box {
	b := g.boxes[name]
	if b == nil {
		b = &box{Name: name, State: "not in the manifests", Level: Bad}
		g.boxes[name] = b
		g.names = append(g.names, name)
	}
	return b
}

func (g *graph) add(st *reconcile.ContainerStatus) {
	for _, dep := range st.DependsOn {
		from, to := g.box(dep.Name), g.box(st.Name)
		from.right, to.left = append(from.right, to), append(to.left, from)
		g.edges = append(g.edges, edge{from: from, to: to, condition: string(dep.Condition)})
		to.Needs += ", needs " + dep.Name + " to be " + string(dep.Condition)
	}
}

// columns gives each box the first column right of all that it needs. A ring
// is a mistake that validation reports; here it only must not hang.
func (g *graph) columns() {
	const unknown, walking = -1, -2
	for _, b := range g.boxes {
		b.column = unknown
	}
	var walk func(b *box) int
	walk = func(b *box) int {
		if b.column != unknown {
			return b.column
		}
		b.column = walking
		c := 0
		for _, l := range b.left {
			c = max(c, walk(l)+1)
		}
		b.column = c
		return c
	}
	for _, n := range g.names {
		walk(g.boxes[n])
	}
	// A root stands next to the first that needs it, not far away at the left.
	for _, n := range g.names {
		if b := g.boxes[n]; len(b.left) == 0 {
			b.column = slices.MinFunc(b.right, func(x, y *box) int { return cmp.Compare(x.column, y.column) }).column - 1
			b.column = max(b.column, 0)
		}
	}
}

// bend puts a dummy in every column that a line passes, so that lines go
// between boxes and not through them.
func (g *graph) bend() {
	last := 0
	for _, b := range g.boxes {
		last = max(last, b.column)
	}
	g.layer = make([][]*box, last+1)
	for _, n := range g.names {
		b := g.boxes[n]
		b.left, b.right = nil, nil // from here on: neighbours in the next columns
		g.layer[b.column] = append(g.layer[b.column], b)
	}
	for i := range g.edges {
		e := &g.edges[i]
		at := e.from
		for c := e.from.column + 1; c < e.to.column; c++ {
			d := &box{dummy: true, column: c}
			g.layer[c] = append(g.layer[c], d)
			join(at, d)
			e.bends = append(e.bends, d)
			at = d
		}
		join(at, e.to)
	}
}

func join(l, r *box) { l.right, r.left = append(l.right, r), append(r.left, l) }
