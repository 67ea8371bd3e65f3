//go:build !linux

// Command bench measures the whole daemon on Linux only.
package main

import "os"

func main() {
	_, _ = os.Stderr.WriteString("bench: Linux only\n")
}
