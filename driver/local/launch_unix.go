//go:build linux || darwin

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// badProgram are the errors of fork and exec that the manifest is to blame for.
var badProgram = []error{
	unix.ENOENT, unix.EACCES, unix.EPERM, unix.ENOEXEC, unix.ENOTDIR, unix.EISDIR, unix.ELOOP, unix.ENAMETOOLONG, unix.E2BIG,
}

// launch forks and executes. The new process leads a session of its own and
// reads nothing.
func (h *host) launch(l launch) (*process, error) {
	handle := -1
	attr := &syscall.ProcAttr{
		Dir: l.dir, Env: l.env,
		Files: []uintptr{uintptr(h.null), l.out, l.err},
		Sys:   processAttr(&handle),
	}
	started := time.Now()
	pid, err := syscall.ForkExec(l.path, l.argv, attr)
	if err != nil {
		return nil, execError(l.command, err)
	}
	p := &process{marks: l.marks, pid: pid, started: started, forked: bornClock()}
	p.os.handle = handle
	return p, nil
}

func execError(c command, err error) error {
	for _, bad := range badProgram {
		if !errors.Is(err, bad) {
			continue
		}
		if st, e := os.Stat(c.dir); e != nil || !st.IsDir() {
			return fmt.Errorf("%w: working directory %q: no such folder here", driver.ErrInvalid, c.dir)
		}
		return fmt.Errorf("%w: exec %q: %w", driver.ErrInvalid, c.path, err)
	}
	return fmt.Errorf("exec %q: %w", c.path, err)
}

// ask requests the end of a process group.
func (h *host) ask(p *process) error { return h.signal(p, unix.SIGTERM) }

// kill ends a process group.
func (h *host) kill(p *process) error { return h.signal(p, unix.SIGKILL) }

// signal reaches the group of p. Its number cannot have gone to others: our
// own child is not reaped while h.mu is held, and of another's child we make
// sure first.
func (h *host) signal(p *process, sig unix.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.os.over || p.adopted && !stillThere(p) {
		return driver.ErrNotRunning
	}
	err := unix.Kill(-p.pid, sig)
	if errors.Is(err, unix.ESRCH) {
		return driver.ErrNotRunning
	}
	return err
}

// exitOf reads a wait status as HCS would show it.
func exitOf(ws unix.WaitStatus) driver.Exit {
	e := driver.Exit{Known: true, At: time.Now()}
	if ws.Signaled() {
		e.Code = 128 + uint32(ws.Signal())
	} else {
		e.Code = uint32(ws.ExitStatus())
	}
	return e
}

// reap takes the exit code of our own child and ends the rest of its group,
// whose number is safe until then. ok is false while a debugger still has it.
func (h *host) reap(p *process, options int) (e driver.Exit, ok bool) {
	_ = unix.Kill(-p.pid, unix.SIGKILL)
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(p.pid, &ws, options, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // somebody else took it
			return driver.Exit{At: time.Now()}, true
		case pid == 0:
			return driver.Exit{}, false
		default:
			return exitOf(ws), true
		}
	}
}
