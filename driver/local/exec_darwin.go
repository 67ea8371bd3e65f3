package local

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// surroundingsOf reads what a process was started with. The system does not
// tell its working directory without cgo, so that is the default one.
func surroundingsOf(pid int) (env []string, dir string, m marks) {
	text, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, "", marks{}
	}
	m, _ = parseMarks(string(text))
	// Arguments and environment follow each other without a division; ours
	// begins with the marks.
	parts := strings.Split(string(text), "\x00")
	for i, kv := range parts {
		if !strings.HasPrefix(kv, markOwner+"=") {
			continue
		}
		for _, kv := range parts[i:] {
			if kv == "" {
				return env, "", m
			}
			env = append(env, kv)
		}
	}
	return env, "", m
}

// awaitEnd waits for the end of the process, but leaves it to be reaped.
func (s *session) awaitEnd() {
	const byPID, exited, noReap = 1, 0x4, 0x20 // P_PID, WEXITED, WNOWAIT
	var info [128]byte                         // siginfo_t
	for {
		_, _, e := unix.Syscall6(unix.SYS_WAITID, byPID, uintptr(s.cmd.Process.Pid), uintptr(unsafe.Pointer(&info[0])), exited|noReap, 0, 0)
		if e != syscall.EINTR {
			return
		}
	}
}

// killSession ends the processes of a session but its leader, whose life keeps
// the number of the session from being another's.
func killSession(sid int) {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return
	}
	for i := range all {
		pid := int(all[i].Proc.P_pid)
		if session, err := unix.Getsid(pid); err == nil && session == sid && pid != sid {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
