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
			fmt.Fprint(out, frameOf(page.String(), at.height))
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
func frameOf(page string, height int) string {
	lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
	if len(lines) > height {
		more := len(lines) - height + 1
		lines = append(lines[:height-1], fmt.Sprintf("… and %s", plural(more, "more line")))
	}
	var b strings.Builder
	b.WriteString(goHome)
	for i, l := range lines {
		b.WriteString(l + clearLine)
		if i < len(lines)-1 {
			b.WriteString("\r\n")
		}
	}
	b.WriteString(clearBelow)
	return b.String()
}
