package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is one that bears the marks of our owner, as /proc shows it.
type process struct {
	pid, session  int
	start         string // in clock ticks since boot: tells processes of one number apart
	name, version string
}

func (p process) String() string { return fmt.Sprintf("%s %s (process %d)", p.name, p.version, p.pid) }

// processes lists all processes of this world that are not zombies.
func (w *world) processes() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		w.t.Error(err)
		return nil
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !strings.Contains(string(environ), w.owner) {
			continue
		}
		p := process{pid: pid}
		owner, born := "", ""
		for kv := range strings.SplitSeq(string(environ), "\x00") {
			switch k, v, _ := strings.Cut(kv, "="); k {
			case "HCS_RECONCILE_MARK_OWNER":
				owner = v
			case "HCS_RECONCILE_MARK_NAME":
				p.name = v
			case "HCS_RECONCILE_MARK_BORN":
				born = v
			case "VERSION":
				p.version = v
			}
		}
		if owner != w.owner || born == "" {
			continue
		}
		if stat, ok := readStat(pid); ok {
			p.session, p.start = stat.session, stat.start
			found = append(found, p)
		}
	}
	return found
}

type stat struct {
	session int
	start   string
}

// readStat reads what is needed of /proc/pid/stat; not ok: ended, or a zombie.
func readStat(pid int) (s stat, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, false
	}
	line := string(text)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:]) // from field 3, the state
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return s, false
	}
	s.session, _ = strconv.Atoi(fields[3])
	return stat{s.session, fields[19]}, true
}

// alive reports whether the same process still runs.
func (p process) alive() bool {
	s, ok := readStat(p.pid)
	return ok && s.start == p.start
}

// story is what was seen while the daemon was killed again and again.
type story struct {
	problems []string
	looks    int
}

// watch looks at all processes without pause until the returned function is called.
func (w *world) watch() (end func() *story) {
	s, stop := &story{}, make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				w.look(s)
			}
		}
	})
	return func() *story {
		close(stop)
		done.Wait()
		return s
	}
}

// look checks what must hold at every moment.
func (w *world) look(s *story) {
	s.looks++
	alone := map[string]bool{}
	for _, c := range containers {
		alone[c.name] = c.leftAlone()
	}
	seen := map[string]process{}
	for _, p := range w.leaders() {
		// A list is not of one moment. Two that were listed and still run have
		// run at the same time, at the end of the listing.
		if other, twice := seen[p.name]; twice && other.alive() && p.alive() {
			s.problems = append(s.problems, fmt.Sprintf("%s runs twice: %v and %v", p.name, other, p))
		}
		seen[p.name] = p
		if !alone[p.name] {
			continue
		}
		if before, known := w.first[p.name]; known && before != p {
			s.problems = append(s.problems, fmt.Sprintf("%s was started again: %v, then %v", p.name, before, p))
		}
		w.first[p.name] = p
	}
}
