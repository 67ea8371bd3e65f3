package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// What a terminal is told. The alternate screen leaves what stood there before
// as it was.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	goHome      = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// live shows what draw writes, anew every interval and when the terminal gets
// another size, until ctx ends. On a terminal it redraws in place, without
// clearing first, so that nothing flickers, and leaves the last look behind;
// elsewhere each look is printed below the one before.
func live(ctx context.Context, out io.Writer, every time.Duration, draw func(io.Writer, screen) error) (err error) {
	changed, stop := resized()
	defer stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	at := screenOf(out)
	onTerminal := at.height > 0
	var last []byte
	if onTerminal {
		fmt.Fprint(out, enterScreen)
		defer func() { fmt.Fprint(out, leaveScreen+string(last)) }()
	}
	for {
		var page bytes.Buffer
		if err := draw(&page, at); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		last = page.Bytes()
		if onTerminal {
			fmt.Fprint(out, frameOf(page.String(), at))
		} else {
			fmt.Fprintf(out, "%s\n", last)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-changed:
		}
		at = screenOf(out)
	}
}

// frameOf writes a page over the one before, as much of it as fits.
func frameOf(page string, at screen) string {
	lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
	if len(lines) > at.height {
		more := len(lines) - at.height + 1
		lines = append(lines[:at.height-1], fmt.Sprintf("… and %s", plural(more, "more line")))
	}
	for i, l := range lines {
		lines[i] = clip(l, at.width) + clearLine
	}
	return goHome + strings.Join(lines, "\n") + clearBelow
}

// clip cuts a line to a width, as a terminal that does not wrap would. Colours
// take no room.
func clip(line string, width int) string {
	used, inCode := 0, false
	for i, r := range line {
		switch {
		case r == '\x1b':
			inCode = true
		case inCode:
			inCode = r != 'm'
		case used == width-1 && len([]rune(plain(line[i:]))) > 1:
			return line[:i] + "…\x1b[0m"
		default:
			used++
		}
	}
	return line
}

// plain is text without its colours.
func plain(text string) string {
	var b strings.Builder
	for {
		before, code, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(code, "m")
	}
}
