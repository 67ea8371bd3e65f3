//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lockPatience is how long a lock whose holder has died may stay taken: until
// the last process that it forked has executed its program.
const lockPatience = 5 * time.Second

// ownerLock is the right of one daemon to work for an owner. Forked children
// hold it too until they execute their program (the file is close-on-exec), so
// that whoever gets it sees all that a dead daemon started.
type ownerLock struct{ file *os.File }

func lockOwner(ctx context.Context, owner string) (*ownerLock, error) {
	dir, err := lockDir(os.TempDir(), os.Geteuid())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, owner+".lock")
	deadline := time.Now().Add(lockPatience)
	for {
		f, err := tryLock(path)
		if err == nil {
			return &ownerLock{file: f}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		}
		pid := holder(path)
		if pid > 0 && unix.Kill(pid, 0) != unix.ESRCH || time.Now().After(deadline) {
			return nil, fmt.Errorf("owner %q is in use by process %d; give each daemon its own --owner", owner, pid)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// lockDir makes the folder of the locks of one user. The folder for temporary
// files belongs to everyone, so what is found there is believed only if it is
// a folder of that user which no other can write.
func lockDir(temp string, uid int) (string, error) {
	dir := filepath.Join(temp, "hcs-reconcile-"+strconv.Itoa(uid))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !st.IsDir() || !ok || int(sys.Uid) != uid || st.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("lock folder %s: not a folder that only user %d can write; remove it, or set TMPDIR", dir, uid)
	}
	return dir, nil
}

// tryLock returns the locked file, with our process number in it. A file that
// was deleted while it was being locked excludes nobody, so it is tried again.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	mine, err1 := f.Stat()
	there, err2 := os.Lstat(path)
	if err1 != nil || err2 != nil || !os.SameFile(mine, there) {
		_ = f.Close()
		return nil, syscall.EWOULDBLOCK
	}
	text := fmt.Appendf(nil, "%-10d\n", os.Getpid()) // fixed width, so that no reader sees a part
	if _, err := f.WriteAt(text, 0); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// holder reads who wrote itself into the lock; 0 if nobody did yet.
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
