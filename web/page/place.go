package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const sweeps = 12 // enough for a graph of 50; each may only improve a little

// order sorts each column by the middle of its neighbours, to and fro, which
// is the usual way to few crossings.
func (g *graph) order() {
	slices.SortFunc(g.layer[0], func(a, b *box) int { return strings.Compare(a.Name, b.Name) })
	rank := map[*box]float64{}
	number := func() {
		for _, l := range g.layer {
			for i, b := range l {
				rank[b] = float64(i) / float64(len(l))
			}
		}
	}
	number()
	for s := range sweeps {
		for i := range g.layer {
			c := i
			side := func(b *box) []*box { return b.left }
			if s%2 == 1 {
				c = len(g.layer) - 1 - i
				side = func(b *box) []*box { return b.right }
			}
			middle := map[*box]float64{}
			for _, b := range g.layer[c] {
				middle[b] = mean(side(b), rank, rank[b])
			}
			slices.SortStableFunc(g.layer[c], func(a, b *box) int { return cmp.Compare(middle[a], middle[b]) })
			for j, b := range g.layer[c] {
				rank[b] = float64(j) / float64(len(g.layer[c]))
			}
		}
	}
}

func mean(of []*box, at map[*box]float64, otherwise float64) float64 {
	if len(of) == 0 {
		return otherwise
	}
	sum := 0.0
	for _, b := range of {
		sum += at[b]
	}
	return sum / float64(len(of))
}

func (b *box) height() int {
	if b.dummy {
		return bendHeight
	}
	return boxHeight
}

func (b *box) middle() int { return b.Y + b.height()/2 }

// place gives every box its coordinates: columns from left to right, and in a
// column as near to the neighbours as the order lets it.
func (g *graph) place() *drawing {
	for c, l := range g.layer {
		y := margin
		for _, b := range l {
			b.X, b.Y = margin+c*(boxWidth+columnGap), y
			y += b.height() + rowGap
		}
	}
	for range sweeps / 2 {
		for c := 1; c < len(g.layer); c++ {
			settle(g.layer[c], func(b *box) []*box { return b.left })
		}
		for c := len(g.layer) - 2; c >= 0; c-- {
			settle(g.layer[c], func(b *box) []*box { return b.right })
		}
	}
	d := &drawing{Width: 2*margin + len(g.layer)*(boxWidth+columnGap) - columnGap}
	top := g.layer[0][0].Y
	for _, l := range g.layer {
		for _, b := range l {
			top = min(top, b.Y)
		}
	}
	for _, l := range g.layer {
		for _, b := range l {
			b.Y += margin - top
			d.Height = max(d.Height, b.Y+b.height()+margin)
			if !b.dummy {
				d.Boxes = append(d.Boxes, b)
			}
		}
	}
	for _, e := range g.edges {
		d.Lines = append(d.Lines, arrow{From: e.from.Name, To: e.to.Name, Condition: e.condition, Path: e.path()})
	}
	return d
}

// settle moves the boxes of one column towards their neighbours, and keeps
// their order and distance: those that would overlap are moved as one block.
func settle(column []*box, side func(*box) []*box) {
	type block struct {
		boxes  []*box
		offset []int // of each below the top of the block
		height int
		sum, n int // of the tops that its boxes wish for the block
	}
	top := func(b *block) int { return b.sum / b.n }
	var blocks []*block
	for _, b := range column {
		wish := b.Y
		if near := side(b); len(near) > 0 {
			wish = 0
			for _, o := range near {
				wish += o.middle()
			}
			wish = wish/len(near) - b.height()/2
		}
		cur := &block{boxes: []*box{b}, offset: []int{0}, height: b.height() + rowGap, sum: wish, n: 1}
		for len(blocks) > 0 && top(blocks[len(blocks)-1])+blocks[len(blocks)-1].height > top(cur) {
			above := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			for i, o := range cur.offset {
				above.boxes, above.offset = append(above.boxes, cur.boxes[i]), append(above.offset, o+above.height)
			}
			above.sum += cur.sum - cur.n*above.height
			above.n += cur.n
			above.height += cur.height
			cur = above
		}
		blocks = append(blocks, cur)
	}
	for _, bl := range blocks {
		for i, b := range bl.boxes {
			b.Y = top(bl) + bl.offset[i]
		}
	}
}

// path draws a line from the right of what is needed to the left of what needs it.
func (e *edge) path() string {
	var s strings.Builder
	x, y := e.from.X+boxWidth, e.from.middle()
	fmt.Fprintf(&s, "M%d %d", x, y)
	bow := func(toX, toY int) {
		half := (toX - x) / 2
		fmt.Fprintf(&s, "C%d %d %d %d %d %d", x+half, y, toX-half, toY, toX, toY)
		x, y = toX, toY
	}
	for _, b := range e.bends {
		bow(b.X, b.middle())
		x = b.X + boxWidth
		fmt.Fprintf(&s, "H%d", x)
	}
	bow(e.to.X, e.to.middle())
	return s.String()
}
