package local

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/windows"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// killCode is the exit code of what we end.
const killCode = 1

// host is all of the operating system that the driver uses to run processes
// and to see their end. Each container is a job object, which no descendant
// can leave; each init process is waited for by a goroutine.
type host struct {
	exited func(*process, driver.Exit)
	null   windows.Handle // standard input of every process
	quit   windows.Handle // event
	done   sync.WaitGroup
	mu     sync.Mutex // held while handles of a process are used or closed
}

// osProcess is what the host knows of a process.
type osProcess struct {
	handle, job windows.Handle
	over        bool
	watched     bool
}

func newHost(exited func(*process, driver.Exit)) (*host, error) {
	ensureConsole()
	quit, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	null, err := openInherited("NUL", windows.GENERIC_READ, windows.OPEN_EXISTING)
	if err != nil {
		_ = windows.CloseHandle(quit)
		return nil, err
	}
	return &host{exited: exited, null: null, quit: quit}, nil
}

// ensureConsole gives a daemon without a console, such as a service, one that
// its processes share: CTRL_BREAK reaches only processes of the same console.
func ensureConsole() {
	if _, err := windows.GetConsoleCP(); err != nil {
		_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("AllocConsole").Call()
	}
}

// close stops the watching; the processes go on.
func (h *host) close() {
	_ = windows.SetEvent(h.quit)
	h.done.Wait()
	_ = windows.CloseHandle(h.quit)
	_ = windows.CloseHandle(h.null)
}

// watch has h.exited called once p has ended, also if it has already.
func (h *host) watch(p *process) {
	p.os.watched = true
	h.done.Go(func() {
		n, err := windows.WaitForMultipleObjects([]windows.Handle{p.os.handle, h.quit}, false, windows.INFINITE)
		ended := err == nil && n == windows.WAIT_OBJECT_0
		e := driver.Exit{At: time.Now()}
		if ended {
			e.Known = windows.GetExitCodeProcess(p.os.handle, &e.Code) == nil
		}
		h.mu.Lock()
		if ended && p.os.job != 0 {
			_ = windows.TerminateJobObject(p.os.job, killCode) // what the init process left behind
		}
		p.os.over = true
		_ = windows.CloseHandle(p.os.handle)
		_ = windows.CloseHandle(p.os.job)
		h.mu.Unlock()
		if ended {
			h.exited(p, e)
		}
	})
}

// leave stops the watching of a process that another watches now. The
// goroutine that waits for it stays until its end, of which nobody is told.
func (h *host) leave(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.os.watched || p.os.over {
		return
	}
	p.os.over = true
	_ = windows.CloseHandle(p.os.handle)
	_ = windows.CloseHandle(p.os.job)
}

// ask sends CTRL_BREAK to the process group. It is heard only by processes of
// our own console: not by one that an earlier daemon started in another. Such
// a process ends when its grace period does.
func (h *host) ask(p *process) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.os.over {
		return driver.ErrNotRunning
	}
	if err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.pid)); err != nil {
		return fmt.Errorf("send CTRL_BREAK to process group %d: %w", p.pid, err)
	}
	return nil
}

// kill ends every process of the job.
func (h *host) kill(p *process) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.os.over {
		return driver.ErrNotRunning
	}
	if p.os.job != 0 && windows.TerminateJobObject(p.os.job, killCode) == nil {
		return nil
	}
	return windows.TerminateProcess(p.os.handle, killCode)
}

// adopt takes over the process that s shows, and its job. Where the job cannot
// be found again, a new one takes the process; descendants are then ended as
// strays, by their marks.
func (h *host) adopt(s seen) (*process, error) {
	const access = windows.SYNCHRONIZE | windows.PROCESS_QUERY_LIMITED_INFORMATION |
		windows.PROCESS_TERMINATE | windows.PROCESS_SET_QUOTA
	handle, err := openProcess(s, access)
	if err != nil {
		return nil, err
	}
	p := &process{marks: s.marks, pid: s.pid, started: startTime(s.start), forked: s.start, adopted: true}
	p.os.handle = handle
	if p.os.job, err = openJob(s.marks); err == nil {
		_ = windows.AssignProcessToJobObject(p.os.job, handle)
	}
	return p, nil
}

// openProcess opens s and no other that got its number since.
func openProcess(s seen, access uint32) (windows.Handle, error) {
	handle, err := windows.OpenProcess(access, false, uint32(s.pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return 0, errGone
	}
	if err != nil {
		return 0, err
	}
	if start, err := creationTime(handle); err != nil || start != s.start {
		_ = windows.CloseHandle(handle)
		return 0, errGone
	}
	return handle, nil
}

// strayPatience is how long a killed process may take to end, in milliseconds.
const strayPatience = 1000

// killStray ends one process and waits until it has.
func (h *host) killStray(s seen) error {
	const access = windows.SYNCHRONIZE | windows.PROCESS_QUERY_LIMITED_INFORMATION | windows.PROCESS_TERMINATE
	handle, err := openProcess(s, access)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(handle)
	if err := windows.TerminateProcess(handle, killCode); err != nil {
		return err
	}
	if event, err := windows.WaitForSingleObject(handle, strayPatience); err != nil || event != windows.WAIT_OBJECT_0 {
		return errors.Join(driver.ErrTimeout, err)
	}
	return nil
}
