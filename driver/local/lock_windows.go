package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// lockOffset is where the locked byte lies: beyond the text, so that others
// can read who holds it.
const lockOffset = 1 << 20

// ownerLock is the right of one daemon to work for an owner.
type ownerLock struct{ file *os.File }

// lockOwner takes the lock of owner in the user's own folder for temporary files.
func lockOwner(_ context.Context, owner string) (*ownerLock, error) {
	dir := filepath.Join(os.TempDir(), "hcs-reconcile")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, owner+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: lockOffset})
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%-10d\r\n", os.Getpid()), 0)
	}
	if err == nil {
		return &ownerLock{file: f}, nil
	}
	_ = f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return nil, fmt.Errorf("owner %q is in use by process %d; give each daemon its own --owner", owner, holder(path))
	}
	return nil, err
}

func holder(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// touch keeps cleaners of temporary files away.
func (l *ownerLock) touch() { _ = os.Chtimes(l.file.Name(), time.Time{}, time.Now()) }

func (l *ownerLock) release() error { return l.file.Close() }
