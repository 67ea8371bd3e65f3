package local

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// markPipes names the pipes of a process in its environment, for a keeper that
// died before it could write them down.
const markPipes = markPrefix + "PIPES"

// newPipe makes a pipe of which the process gets an end that it can read from
// as well as write to. So it has a reader as long as it lives, whatever becomes
// of the keeper: no write of it ever fails, and the next keeper finds the pipe
// by its number, with all that is in it.
func newPipe() (own *pipe, theirs uintptr, number uint64, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, 0, 0, err
	}
	defer unix.Close(fds[1])
	var st unix.Stat_t
	if err := unix.Fstat(fds[0], &st); err != nil {
		_ = unix.Close(fds[0])
		return nil, 0, 0, err
	}
	end, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fds[0]), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = unix.Close(fds[0])
		return nil, 0, 0, err
	}
	if own, err = ours(fds[0]); err != nil {
		_ = unix.Close(end)
		return nil, 0, 0, err
	}
	return own, uintptr(end), st.Ino, nil
}

// marks are what the launcher adds to those of the driver.
func (m memo) marks() []string {
	return []string{fmt.Sprintf("%s=%d,%d", markPipes, m.Pipes[0], m.Pipes[1])}
}

// reopenPipes finds the pipes of an adopted process again. What it printed
// meanwhile is still in them.
func (h *heldProcess) reopenPipes() {
	if h.memo.Pipes == [2]uint64{} {
		env, _, _ := surroundingsOf(h.proc.pid)
		text, _ := lookupEnv(env, markPipes)
		_, _ = fmt.Sscanf(text, "%d,%d", &h.memo.Pipes[0], &h.memo.Pipes[1])
	}
	for i, number := range h.memo.Pipes {
		if number == 0 {
			continue
		}
		if fd, ok := reopenPipe(h.proc.pid, number); ok {
			h.pipes[i], _ = ours(fd)
		}
	}
}

// reopenPipe looks for a pipe among the files of a process and, because an
// init process may have given its own away, of the others in its session.
func reopenPipe(init int, number uint64) (fd int, ok bool) {
	if fd, ok := pipeOf(init, number); ok {
		return fd, true
	}
	_ = eachPID(func(pid int) {
		if ok {
			return
		}
		if st, err := readStat(pid); err == nil && st.session == init {
			fd, ok = pipeOf(pid, number)
		}
	})
	return fd, ok
}

func pipeOf(pid int, number uint64) (fd int, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	files, err := os.ReadDir(dir)
	if err != nil {
		return -1, false
	}
	want := "pipe:[" + strconv.FormatUint(number, 10) + "]"
	for _, f := range files {
		path := dir + "/" + f.Name()
		if to, err := os.Readlink(path); err != nil || !strings.HasPrefix(to, want) {
			continue
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Ino == number && st.Mode&unix.S_IFMT == unix.S_IFIFO {
			return fd, true
		}
		_ = unix.Close(fd) // the file has changed hands between the two looks
	}
	return -1, false
}

// seeProcess looks at one process.
func seeProcess(pid int) (seen, error) {
	st, err := readStat(pid)
	if err != nil || st.state == 'Z' && st.parent != os.Getpid() {
		return seen{}, errGone
	}
	return seen{pid: pid, parent: st.parent, leader: st.session == pid, start: st.start}, nil
}
