package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// cell is one field of a table, with its colour.
type cell struct{ text, colour string }

// table prints columns that fit their widest cell. On a terminal, what does
// not fit into the width is cut from the last column.
type table struct {
	ink   ink
	width int // of the terminal; 0: no limit
	rows  [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (t *table) head(titles ...string) {
	row := make([]cell, len(titles))
	for i, s := range titles {
		row[i] = cell{s, bold}
	}
	t.rows = append(t.rows, row)
}

func (t *table) print(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	for _, row := range t.rows {
		b.WriteString(strings.TrimRight(t.line(row, widths), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
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
		if i == len(row)-1 {
			b.WriteString(t.ink.paint(c.colour, t.cut(c.text, at)))
			break
		}
		b.WriteString(t.ink.paint(c.colour, c.text))
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
		at += widths[i] + 2
	}
	return b.String()
}

// cut keeps at least some of the text even on a terminal that is far too narrow.
func (t *table) cut(text string, at int) string {
	room := max(t.width-at, 20)
	if t.width == 0 || utf8.RuneCountInString(text) <= room {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:room-1]), " ") + "…"
}
