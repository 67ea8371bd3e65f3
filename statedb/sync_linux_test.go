package statedb

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData is what bbolt uses here.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
