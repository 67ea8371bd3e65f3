package local

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tick       = int64(10 * time.Millisecond) // Linux counts process times in 1/100 s for every reader
	startGrain = tick                         // by which a start may seem to be earlier
)

// bornClock reads the clock with which the kernel stamps the start of processes.
func bornClock() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // cannot fail: Go needs a newer kernel than it does
	return ts.Nano()
}

// startTime is the wall clock's reading at start.
func startTime(start int64) time.Time {
	return time.Now().Add(time.Duration(start - bornClock()))
}

// bootID tells one run of the kernel, and so of its clock, from another.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// scan returns the processes that bear marks, and those that the journal may
// vouch for, without the ones in known.
func scan(known map[int]struct{}, vouched map[int]entry) ([]seen, error) {
	var found []seen
	buf := make([]byte, 0, 16<<10)
	err := eachPID(func(pid int) {
		if _, ok := known[pid]; ok {
			return
		}
		_, suspect := vouched[pid]
		s, ok := look(pid, &buf)
		if !ok && !suspect {
			return
		}
		st, err := readStat(pid)
		if err != nil || st.state == 'Z' && st.parent != os.Getpid() {
			return
		}
		s.pid, s.parent, s.leader, s.start = pid, st.parent, st.session == pid, st.start
		found = append(found, s)
	})
	return found, err
}

func eachPID(do func(pid int)) error {
	dir, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	self := os.Getpid()
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != self {
			do(pid)
		}
	}
	return nil
}

// look reads the marks of one process. One that is just executing its program
// has no environment for some microseconds; it is looked at again.
func look(pid int, buf *[]byte) (s seen, ok bool) {
	for range 20 {
		uid, err := readEnviron(pid, buf)
		if err != nil {
			return seen{}, false // gone, or not ours to read
		}
		s.trusted = uid == os.Geteuid()
		if s.marks, ok = parseMarks(string(*buf)); ok || len(*buf) > 0 {
			return s, ok
		}
		if st, err := readStat(pid); err != nil || !st.executing {
			return s, false
		}
		time.Sleep(time.Millisecond)
	}
	return s, false
}

// readEnviron reads the environment into buf and tells whose process it is.
func readEnviron(pid int, buf *[]byte) (uid int, err error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/environ", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := readAll(fd, buf); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return int(st.Uid), err
}

func readAll(fd int, buf *[]byte) error {
	b := (*buf)[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := unix.Read(fd, b[len(b):cap(b)])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n == 0 && err == nil {
			*buf = b
			return nil
		}
		b = b[:len(b)+max(n, 0)]
	}
}

// stat is what /proc/<pid>/stat tells; see proc_pid_stat(5).
type stat struct {
	state           byte
	parent, session int
	user, kernel    time.Duration // with those of children that were waited for
	start           int64         // by bornClock
	resident        uint64        // bytes
	executing       bool          // has memory, but no environment yet
}

var errStat = errors.New("stat of a process cannot be read")

func readStat(pid int) (stat, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return stat{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return stat{}, err
	}
	return parseStat(buf[:n])
}

// parseStat reads a line of the form "pid (name) state parent …". The name may
// contain anything, but what follows it has no parenthesis.
func parseStat(line []byte) (stat, error) {
	_, rest, ok := bytes.Cut(line[max(0, bytes.LastIndexByte(line, ')')):], []byte(") "))
	f := strings.Fields(string(rest))
	if !ok || len(f) < 49 {
		return stat{}, errStat
	}
	num := func(field int) int64 { // numbered as in the manual, from 1
		v, _ := strconv.ParseInt(f[field-3], 10, 64)
		return v
	}
	return stat{
		state: f[0][0], parent: int(num(4)), session: int(num(6)),
		user:      time.Duration((num(14) + num(16)) * tick),
		kernel:    time.Duration((num(15) + num(17)) * tick),
		start:     num(22) * tick,
		resident:  uint64(num(24)) * uint64(os.Getpagesize()),
		executing: f[0][0] != 'Z' && num(23) > 0 && f[51-3] == "0",
	}, nil
}
