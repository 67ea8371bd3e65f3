package main

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

// understandsColours makes the console do so, and says no if it cannot.
func understandsColours(f *os.File) bool {
	var mode uint32
	h := windows.Handle(f.Fd())
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// resized gives a value after the console got another size. Windows tells only
// those who read its input records, so it is asked four times a second.
func resized() (<-chan os.Signal, func()) {
	c, done := make(chan os.Signal, 1), make(chan struct{})
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		width, height, _ := term.GetSize(int(os.Stdout.Fd()))
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if w, h, err := term.GetSize(int(os.Stdout.Fd())); err == nil && (w != width || h != height) {
				width, height = w, h
				select {
				case c <- windows.SIGTERM: // any value will do
				default:
				}
			}
		}
	}()
	return c, func() { close(done) }
}

func exitStatus(code uint32) int { return int(code) }
