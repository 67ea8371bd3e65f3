package local

import (
	"os"

	"golang.org/x/sys/unix"
)

// newPipe makes a pipe. It belongs to the keeper: a process that prints after
// the keeper has died gets a broken pipe.
func newPipe() (own *pipe, theirs uintptr, number uint64, err error) {
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		return nil, 0, 0, err
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_, _ = unix.Close(fds[0]), unix.Close(fds[1])
		return nil, 0, 0, err
	}
	if own, err = ours(fds[0]); err != nil {
		_ = unix.Close(fds[1])
		return nil, 0, 0, err
	}
	return own, uintptr(fds[1]), 0, nil
}

// marks are none: pipes have no number here.
func (m memo) marks() []string { return nil }

// reopenPipes finds none.
func (h *heldProcess) reopenPipes() {}

// seeProcess looks at one process.
func seeProcess(pid int) (seen, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || k.Proc.P_stat == zombie && int(k.Eproc.Ppid) != os.Getpid() {
		return seen{}, errGone
	}
	session, _ := unix.Getsid(pid)
	return seen{pid: pid, parent: int(k.Eproc.Ppid), leader: session == pid, start: k.Proc.P_starttime.Nano()}, nil
}
