package local

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// host is all of the operating system that the driver uses to run processes
// and to see their end. One goroutine waits for all exits in a kqueue.
type host struct {
	exited func(*process, driver.Exit)
	null   int // standard input of every process
	queue  int // kqueue
	done   sync.WaitGroup

	mu    sync.Mutex // held while a process is signalled, and while it is reaped
	procs map[int]*process
}

// osProcess is what the host knows of a process.
type osProcess struct {
	handle int // not used
	over   bool
}

func newHost(exited func(*process, driver.Exit)) (*host, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	queue, err := unix.Kqueue()
	if err != nil {
		_ = unix.Close(null)
		return nil, err
	}
	unix.CloseOnExec(queue)
	h := &host{exited: exited, null: null, queue: queue, procs: map[int]*process{}}
	if err := h.add(0, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0); err != nil {
		_, _ = unix.Close(null), unix.Close(queue)
		return nil, err
	}
	h.done.Go(h.wait)
	return h, nil
}

func (h *host) add(id, filter, flags int, what uint32) error {
	var ev unix.Kevent_t
	unix.SetKevent(&ev, id, filter, flags)
	ev.Fflags = what
	_, err := unix.Kevent(h.queue, []unix.Kevent_t{ev}, nil, nil)
	return err
}

// close stops the watching; the processes go on.
func (h *host) close() {
	_ = h.add(0, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER)
	h.done.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.procs {
		p.os.over = true
	}
	_ = unix.Close(h.queue)
	_ = unix.Close(h.null)
}

func processAttr(*int) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// watch has h.exited called once p has ended, also if it has already.
func (h *host) watch(p *process) {
	h.mu.Lock()
	h.procs[p.pid] = p
	h.mu.Unlock()
	if h.add(p.pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_EXIT) != nil {
		go h.finish(p) // it is over already
	}
}

// wait is the loop that sees the exits, until close triggers its own event.
func (h *host) wait() {
	events := make([]unix.Kevent_t, 64)
	for {
		n, err := unix.Kevent(h.queue, nil, events, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			if ev.Filter == unix.EVFILT_USER {
				return
			}
			h.mu.Lock()
			p := h.procs[int(ev.Ident)]
			h.mu.Unlock()
			if p != nil {
				h.finish(p)
			}
		}
	}
}

// finish tells of the end of p. What an adopted process leaves behind is ended
// by its marks: the number of its group may have gone to others.
func (h *host) finish(p *process) {
	h.mu.Lock()
	if h.procs[p.pid] == p {
		delete(h.procs, p.pid)
	}
	e := driver.Exit{At: time.Now()}
	if !p.adopted {
		e, _ = h.reap(p, 0)
	}
	p.os.over = true
	h.mu.Unlock()
	h.exited(p, e)
}

// leave stops the watching of a process that another watches now: nobody is
// told of its end.
func (h *host) leave(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.procs[p.pid] == p {
		delete(h.procs, p.pid)
	}
	p.os.over = true
}

// stillThere reports whether the process has not been reaped.
func stillThere(p *process) bool {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", p.pid)
	return err == nil && k.Proc.P_starttime.Nano() == p.forked
}

// adopt takes over the process that s shows.
func (h *host) adopt(s seen) (*process, error) {
	p := &process{marks: s.marks, pid: s.pid, started: startTime(s.start), forked: s.start, adopted: s.parent != os.Getpid()}
	if !stillThere(p) {
		return nil, errGone
	}
	return p, nil
}

// strayPatience is how long a killed process may take to end.
const strayPatience = time.Second

// killStray ends one process and waits until it has.
func (h *host) killStray(s seen) error {
	p := &process{pid: s.pid, forked: s.start}
	if !stillThere(p) {
		return errGone
	}
	if err := unix.Kill(s.pid, unix.SIGKILL); err != nil {
		return err
	}
	for deadline := time.Now().Add(strayPatience); stillThere(p); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return driver.ErrTimeout
		}
	}
	return nil
}
