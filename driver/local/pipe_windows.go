package local

import (
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	pipeBuffer = 16 << 10
	lastTime   = 500 * time.Millisecond // for what is left after the end
)

// pipe is our end of one output of a process. It costs a thread that waits.
type pipe struct {
	file *os.File
	done chan struct{} // closed when nothing is read any more; nil before begin
}

// newPipe makes a pipe. It belongs to the keeper: a process that prints after
// the keeper has died gets an error.
func newPipe() (own *pipe, theirs uintptr, number uint64, err error) {
	sa := &windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	var r, w windows.Handle
	if err := windows.CreatePipe(&r, &w, sa, 64<<10); err != nil {
		return nil, 0, 0, err
	}
	if err := windows.SetHandleInformation(r, windows.HANDLE_FLAG_INHERIT, 0); err != nil {
		_, _ = windows.CloseHandle(r), windows.CloseHandle(w)
		return nil, 0, 0, err
	}
	return &pipe{file: os.NewFile(uintptr(r), "pipe")}, uintptr(w), 0, nil
}

// begin reads to the writer until the end of the output or finish.
func (p *pipe) begin(to io.Writer) {
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		_, _ = io.CopyBuffer(to, struct{ io.Reader }{p.file}, make([]byte, pipeBuffer))
	}()
}

// finish waits for what is left, which ends when all who have the other end
// have ended, and closes our end.
func (p *pipe) finish() {
	if p.done != nil {
		t := time.NewTimer(lastTime)
		defer t.Stop()
		select {
		case <-p.done:
		case <-t.C:
		}
	}
	_ = p.file.Close()
	if p.done != nil {
		<-p.done
	}
}

// pipeEnds are those of a process.
type pipeEnds [2]uintptr

func (e pipeEnds) close() {
	for _, h := range e {
		if h != 0 {
			_ = windows.CloseHandle(windows.Handle(h))
		}
	}
}

// marks are none: pipes have no number here.
func (m memo) marks() []string { return nil }

// reopenPipes finds none.
func (h *heldProcess) reopenPipes() {}

// seeProcess looks at one process.
func seeProcess(pid int) (seen, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return seen{}, errGone
	}
	defer windows.CloseHandle(h)
	start, err := creationTime(h)
	if err != nil {
		return seen{}, err
	}
	return seen{pid: pid, leader: true, start: start}, nil
}
