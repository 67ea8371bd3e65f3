package statedb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// The lock is a file of its own beside the state, because the state file may
// be renamed while it is held: who waited for a lock on that file would then
// own the one that was set aside. It also holds the owner's process id. It is
// never removed, since removing it has the same race.

const lockRetry = 20 * time.Millisecond

// errHeld is what tryLock gives if another open file holds the lock.
var errHeld = errors.New("held")

// acquire takes the lock at path, waiting until ctx ends. Closing the file, or
// the end of the process, gives it back.
func acquire(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := waitLock(ctx, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func waitLock(ctx context.Context, f *os.File) error {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		err := tryLock(f)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errHeld) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			return errLocked(owner(f))
		case <-retry.C:
		}
	}
}

// owner reads who holds the lock; "" if that is not to be known.
func owner(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid := strings.TrimSpace(string(text))
	if _, bad := strconv.Atoi(pid); err != nil || bad != nil {
		return ""
	}
	return "process " + pid + "; "
}

func errLocked(owner string) error {
	return fmt.Errorf("%w (%sis another hcs-reconcile daemon using this state folder?)", ErrLocked, owner)
}
