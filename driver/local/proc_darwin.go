package local

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// startGrain is by how much a start may seem to be earlier than it was: the
// system keeps microseconds.
const startGrain = int64(time.Millisecond)

// zombie is the state SZOMB of sys/proc.h.
const zombie = 5

// bornClock reads the clock with which the kernel stamps the start of processes.
func bornClock() int64 { return time.Now().UnixNano() }

func startTime(start int64) time.Time { return time.Unix(0, start) }

// bootID is not needed where the clock does not begin anew.
func bootID() string { return "" }

// scan returns the processes that bear marks, and those that the journal may
// vouch for, without the ones in known. The system hides the environment of
// its own programs (/bin/sh among them): of those only the journal tells.
func scan(known map[int]struct{}, vouched map[int]entry) ([]seen, error) {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	var found []seen
	for i := range all {
		k := &all[i]
		pid := int(k.Proc.P_pid)
		if _, ok := known[pid]; ok || pid == os.Getpid() {
			continue
		}
		_, suspect := vouched[pid]
		m, ok := readMarks(pid)
		if !ok && !suspect || k.Proc.P_stat == zombie && int(k.Eproc.Ppid) != os.Getpid() {
			continue
		}
		session, _ := unix.Getsid(pid)
		found = append(found, seen{
			marks: m, pid: pid, parent: int(k.Eproc.Ppid), leader: session == pid,
			trusted: int(k.Eproc.Ucred.Uid) == os.Geteuid(), start: k.Proc.P_starttime.Nano(),
		})
	}
	return found, nil
}

// readMarks reads the memory in which a process got arguments and environment.
func readMarks(pid int) (marks, bool) {
	text, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return marks{}, false // gone, or not ours to read
	}
	return parseMarks(string(text))
}

// stats knows no figures: the system tells none of a session.
func (h *host) stats(*process) (driver.Stats, error) { return driver.Stats{At: time.Now()}, nil }
