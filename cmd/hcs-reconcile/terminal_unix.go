//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func understandsColours(*os.File) bool { return true }

// resized gives a value after the terminal got another size.
func resized() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// exitStatus is a code of a container as one of this system, where only the
// last eight bits count: what is not 0 must not become 0.
func exitStatus(code uint32) int {
	if code > 255 {
		return 255
	}
	return int(code)
}
