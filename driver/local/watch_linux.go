package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// host is all of the operating system that the driver uses to run processes
// and to see their end; a separate process may take its place one day. One
// goroutine waits for all exits. It waits in the runtime's poller, which holds
// the epoll like a socket, so that no thread is spent either.
type host struct {
	exited func(*process, driver.Exit)
	null   int      // standard input of every process
	epoll  *os.File // of a pidfd for each process
	done   sync.WaitGroup
	usage  usageCache

	mu    sync.Mutex // held while a process is signalled, and while it is reaped
	procs map[int32]*process
}

// osProcess is what the host knows of a process.
type osProcess struct {
	handle int // pidfd
	over   bool
}

func newHost(exited func(*process, driver.Exit)) (*host, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		_ = unix.Close(null)
		return nil, fmt.Errorf("open a pidfd (needs Linux 5.4 or later): %w", err)
	}
	_ = unix.Close(self)
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		_ = unix.Close(null)
		return nil, err
	}
	_ = unix.SetNonblock(fd, true) // so that the runtime polls it
	h := &host{exited: exited, null: null, epoll: os.NewFile(uintptr(fd), "epoll"), procs: map[int32]*process{}}
	h.done.Go(h.wait)
	return h, nil
}

// close stops the watching; the processes go on.
func (h *host) close() {
	_ = h.epoll.Close()
	h.done.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.procs {
		_ = unix.Close(p.os.handle)
		p.os.over = true
	}
	_ = unix.Close(h.null)
}

func processAttr(handle *int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, PidFD: handle}
}

// watch has h.exited called once p has ended, also if it has already.
func (h *host) watch(p *process) {
	h.mu.Lock()
	h.procs[int32(p.os.handle)] = p
	h.mu.Unlock()
	conn, err := h.epoll.SyscallConn()
	if err == nil {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.os.handle)}
		var e error
		if err = conn.Control(func(fd uintptr) { e = unix.EpollCtl(int(fd), unix.EPOLL_CTL_ADD, p.os.handle, &ev) }); err == nil {
			err = e
		}
	}
	if err != nil && !errors.Is(err, os.ErrClosed) {
		go h.watchAlone(p)
	}
}

// watchAlone spends a thread where the kernel has no room in the epoll.
func (h *host) watchAlone(p *process) {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.os.handle), Events: unix.POLLIN}}, -1)
		if n > 0 {
			h.finish(p)
		}
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// wait is the loop that sees the exits. Each round empties the epoll, because
// the runtime tells only of what is new in it.
func (h *host) wait() {
	conn, err := h.epoll.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		err := conn.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return // closed
		}
		for _, ev := range events[:n] {
			h.mu.Lock()
			p := h.procs[ev.Fd]
			h.mu.Unlock()
			if p != nil {
				h.finish(p)
			}
		}
	}
}

// finish tells of the end of p. A debugger may keep the exit code for a while.
func (h *host) finish(p *process) {
	h.mu.Lock()
	e, ok, handle := driver.Exit{At: time.Now()}, true, -1
	if p.adopted {
		handle, _ = unix.FcntlInt(uintptr(p.os.handle), unix.F_DUPFD_CLOEXEC, 0)
	}
	h.unwatch(p)
	if p.adopted {
		h.killOrphans(p)
	} else {
		e, ok = h.reap(p, unix.WNOHANG)
	}
	p.os.over = ok
	h.mu.Unlock()
	if ok && (!p.adopted || handle < 0) {
		h.exited(p, e)
		return
	}
	if p.adopted {
		h.done.Go(func() { h.exited(p, exitOfStranger(handle)) })
		return
	}
	go func() {
		e, _ := h.reap(p, 0)
		h.mu.Lock()
		p.os.over = true
		h.mu.Unlock()
		h.exited(p, e)
	}()
}

// strangerPatience is how long the parent of an ended process may take to reap it.
const strangerPatience = time.Second

// exitOfStranger returns the exit of a process that is not our child, which the
// kernel tells since Linux 6.15 once its parent has reaped it. It closes the
// pidfd.
func exitOfStranger(pidfd int) driver.Exit {
	defer unix.Close(pidfd)
	e := driver.Exit{At: time.Now()}
	for wait := time.Millisecond; wait < strangerPatience; wait *= 2 {
		info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
		if err := unix.IoctlPidfdInfo(pidfd, &info); err != nil && !errors.Is(err, unix.ESRCH) {
			return e // an older kernel
		}
		if info.Mask&unix.PIDFD_INFO_EXIT != 0 {
			known := exitOf(unix.WaitStatus(info.Exit_code)) //nolint:gosec // the bits of a wait status
			known.At = e.At
			return known
		}
		time.Sleep(wait)
	}
	return e
}

// leave stops the watching of a process that another watches now.
func (h *host) leave(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.procs[int32(p.os.handle)] == p {
		h.unwatch(p)
	} else if !p.os.over {
		_ = unix.Close(p.os.handle)
	}
	p.os.over = true
}

// unwatch forgets the pidfd. Closing it is not enough to take it out of the
// epoll: a process that is being forked has a copy.
func (h *host) unwatch(p *process) {
	if h.procs[int32(p.os.handle)] != p {
		return
	}
	delete(h.procs, int32(p.os.handle))
	if conn, err := h.epoll.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.EpollCtl(int(fd), unix.EPOLL_CTL_DEL, p.os.handle, nil) })
	}
	_ = unix.Close(p.os.handle)
}

// killOrphans ends the group of another's child that is gone. While a member
// lives the system gives the number of the group to nobody; if there is a
// process of that number again, there was no member left.
func (h *host) killOrphans(p *process) {
	st, err := readStat(p.pid)
	if err == nil && (st.start < p.forked-startGrain || st.start > p.forked) {
		return
	}
	_ = unix.Kill(-p.pid, unix.SIGKILL)
}

// stillThere reports whether the process has not been reaped.
func stillThere(p *process) bool {
	return unix.PidfdSendSignal(p.os.handle, 0, nil, 0) == nil
}

// adopt takes over the process that s shows. Where it is a child of ours after
// all, because the driver was opened again in one process, it can be reaped.
func (h *host) adopt(s seen) (*process, error) {
	handle, err := openProcess(s)
	if err != nil {
		return nil, err
	}
	p := &process{marks: s.marks, pid: s.pid, started: startTime(s.start), forked: s.start, adopted: s.parent != os.Getpid()}
	p.os.handle = handle
	return p, nil
}

// openProcess opens the pidfd of s and of no other that got its number since.
func openProcess(s seen) (int, error) {
	handle, err := unix.PidfdOpen(s.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, errGone
	}
	if err != nil {
		return -1, err
	}
	if st, err := readStat(s.pid); err != nil || st.start != s.start {
		_ = unix.Close(handle)
		return -1, errGone
	}
	return handle, nil
}

// strayPatience is how long a killed process may take to end.
const strayPatience = time.Second

// killStray ends one process and waits until it has.
func (h *host) killStray(s seen) error {
	handle, err := openProcess(s)
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil {
		return err
	}
	deadline := time.Now().Add(strayPatience)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds())+1)
		switch {
		case n > 0:
			return nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		default:
			return driver.ErrTimeout
		}
	}
}
