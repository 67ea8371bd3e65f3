//go:build linux || darwin

package local_test

import (
	"runtime"
	"syscall"
)

const (
	stopSignal = syscall.SIGTERM
	hasStats   = runtime.GOOS == "linux"

	hasTerminals = true
)
