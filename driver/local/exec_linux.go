package local

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// surroundingsOf reads what a process was started with, and where it is now.
func surroundingsOf(pid int) (env []string, dir string, m marks) {
	var buf []byte
	s, _ := look(pid, &buf)
	if s.owner != "" {
		env = strings.Split(strings.TrimSuffix(string(buf), "\x00"), "\x00")
	}
	dir, _ = os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd") // not ours to read: the caller has a default
	return env, dir, s.marks
}

// awaitEnd waits for the end of the process, but leaves it to be reaped.
func (s *session) awaitEnd() {
	for {
		err := unix.Waitid(unix.P_PID, s.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// killSession ends every process of a session but its leader, whose life keeps
// the number of the session from being another's.
func killSession(sid int) {
	_ = eachPID(func(pid int) {
		st, err := readStat(pid)
		if err != nil || st.session != sid || pid == sid {
			return
		}
		handle, err := openProcess(seen{pid: pid, start: st.start})
		if err != nil {
			return // gone
		}
		_ = unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0)
		_ = unix.Close(handle)
	})
}
