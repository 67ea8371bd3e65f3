package local

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// usageAge is how old figures may be: all containers that are asked for within
// that time share one pass over the processes of the system.
const usageAge = time.Second

// usageCache holds the figures of all sessions.
type usageCache struct {
	mu       sync.Mutex
	at       time.Time
	sessions map[int]*usage
}

type usage struct {
	user, kernel            time.Duration
	resident                uint64
	readBytes, writtenBytes uint64
	processes               uint64
}

func (h *host) stats(p *process) (driver.Stats, error) { return h.usage.statsOf(p) }

// statsOf returns the figures of p's session. What descendants that left it
// use is not in them; what ended ones used is, once they were waited for.
func (c *usageCache) statsOf(p *process) (driver.Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.sessions[p.pid]
	if age := time.Since(c.at); age > usageAge || u == nil || c.at.Before(p.started) {
		if err := c.read(); err != nil {
			return driver.Stats{}, err
		}
		if u = c.sessions[p.pid]; u == nil {
			return driver.Stats{}, driver.ErrNotRunning
		}
	}
	total, processes := u.user+u.kernel, u.processes
	return driver.Stats{
		At: c.at, CPU: &total, CPUUser: &u.user, CPUKernel: &u.kernel, MemoryBytes: &u.resident,
		ReadBytes: &u.readBytes, WriteBytes: &u.writtenBytes, Processes: &processes,
	}, nil
}

// read adds up what belongs to sessions of processes that lead one.
func (c *usageCache) read() error {
	c.at, c.sessions = time.Now(), map[int]*usage{}
	buf := make([]byte, 0, 1024)
	return eachPID(func(pid int) {
		st, err := readStat(pid)
		if err != nil || st.session == 0 {
			return
		}
		u := c.sessions[st.session]
		if u == nil {
			u = new(usage)
			c.sessions[st.session] = u
		}
		r, w := readIO(pid, &buf)
		u.user += st.user
		u.kernel += st.kernel
		u.resident += st.resident
		u.readBytes += r
		u.writtenBytes += w
		if st.state != 'Z' {
			u.processes++
		}
	})
}

// readIO returns the bytes that a process moved from and to storage; none
// where we may not know.
func readIO(pid int, buf *[]byte) (read, written uint64) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/io", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0
	}
	defer unix.Close(fd)
	if readAll(fd, buf) != nil {
		return 0, 0
	}
	return ioField(*buf, "\nread_bytes: "), ioField(*buf, "\nwrite_bytes: ")
}

func ioField(text []byte, key string) uint64 {
	_, rest, _ := bytes.Cut(text, []byte(key))
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	n, _ := strconv.ParseUint(string(value), 10, 64)
	return n
}
