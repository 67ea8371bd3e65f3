package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// screen is what output is made for: colours, and the size of a terminal.
type screen struct {
	ink           ink
	width, height int // 0: no limit
}

// screenOf looks at w. COLUMNS, where it is set, wins over what the terminal
// says of its width, and gives output that goes elsewhere a width.
func screenOf(w io.Writer) screen {
	s := screen{ink: inkFor(w)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil {
			s.width, s.height = width, height
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		s.width = n
	}
	return s
}

// inkFor respects https://no-color.org and terminals that can do nothing.
func inkFor(w io.Writer) ink {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return ink(term.IsTerminal(int(f.Fd())) && understandsColours(f))
}
