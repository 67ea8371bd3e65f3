package statedb

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks one byte far behind the end: locks are mandatory here, and the
// process id at the start must stay readable.
func tryLock(f *os.File) error {
	far := &windows.Overlapped{Offset: 1, OffsetHigh: 1 << 30}
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY)
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// syncDir has nothing to do: NTFS journals names, and folders cannot be synced.
func syncDir(string) error { return nil }
