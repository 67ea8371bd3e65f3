package main

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// cell is one field of a table, with its colour.
type cell struct{ text, colour string }

// table prints columns that fit their widest cell. If they do not fit into the
// width, the first column is cut where it is long, then the columns of spare go,
// one after the other, then the first is cut further, and then the last.
type table struct {
	ink   ink
	width int   // of the terminal; 0: no limit
	spare []int // columns that can be done without, the least needed first
	right []int // columns of numbers
	rows  [][]cell
}

const (
	enough   = 30 // columns for the last cell, which is text
	fairCut  = 24 // columns that are left of a first cell, if others can go
	leastCut = 12 // if there are none
)

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (t *table) head(titles ...string) {
	row := make([]cell, len(titles))
	for i, s := range titles {
		row[i] = cell{s, bold}
	}
	t.rows = append(t.rows, row)
}

func (t *table) print(w io.Writer) error {
	t.fit()
	widths := t.widths()
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(strings.TrimRight(t.line(row, widths), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fit takes away what there is no room for.
func (t *table) fit() {
	if t.width == 0 || len(t.rows) == 0 {
		return
	}
	t.cutFirst(fairCut)
	spare := slices.Clone(t.spare)
	for len(spare) > 0 && t.needed() > t.width {
		gone := spare[0]
		for i, row := range t.rows {
			t.rows[i] = slices.Delete(slices.Clone(row), gone, gone+1)
		}
		for _, list := range []*[]int{&spare, &t.right} {
			*list = slices.DeleteFunc(*list, func(c int) bool { return c == gone })
			for i, c := range *list {
				if c > gone {
					(*list)[i]--
				}
			}
		}
	}
	t.cutFirst(leastCut)
}

// cutFirst shortens the first column as far as it must, and no further than to least.
func (t *table) cutFirst(least int) {
	over := t.needed() - t.width
	if over <= 0 {
		return
	}
	room := max(t.widths()[0]-over, least)
	for i := range t.rows {
		t.rows[i][0].text = shorten(t.rows[i][0].text, room)
	}
}

// needed is the width with enough of the last column.
func (t *table) needed() (n int) {
	widths := t.widths()
	for _, w := range widths[:len(widths)-1] {
		n += w + 2
	}
	return n + min(widths[len(widths)-1], enough)
}

func (t *table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	return widths
}

func (t *table) line(row []cell, widths []int) string {
	var b strings.Builder
	at := 0
	for i, c := range row {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
		switch {
		case slices.Contains(t.right, i):
			b.WriteString(pad + t.ink.paint(c.colour, c.text) + "  ")
		case i == len(row)-1:
			b.WriteString(t.ink.paint(c.colour, t.cut(c.text, at)))
		default:
			b.WriteString(t.ink.paint(c.colour, c.text) + pad + "  ")
		}
		at += widths[i] + 2
	}
	return b.String()
}

// cut keeps at least some of the text even on a terminal that is far too narrow.
func (t *table) cut(text string, at int) string {
	if t.width == 0 {
		return text
	}
	return shorten(text, max(t.width-at, 20))
}

func shorten(text string, room int) string {
	if utf8.RuneCountInString(text) <= room {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:room-1]), " ") + "…"
}
