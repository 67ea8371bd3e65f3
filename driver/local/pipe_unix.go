//go:build linux || darwin

package local

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pipeBuffer = 64 << 10 // as much as a pipe holds
	lastBytes  = 1 << 20  // read after the end; a stray that prints without pause gets no more
)

// pipeBuffers are taken only while there is something to read: many idle
// containers share a few.
var pipeBuffers = sync.Pool{New: func() any { return new([pipeBuffer]byte) }}

// pipe is our end of one output of a process. It waits in the runtime's
// poller: no thread is spent on it.
type pipe struct {
	file *os.File
	conn syscall.RawConn
	to   io.Writer
	done chan struct{} // closed when nothing is read any more; nil before begin
}

// ours takes a descriptor that does not block.
func ours(fd int) (*pipe, error) {
	p := &pipe{file: os.NewFile(uintptr(fd), "pipe")}
	var err error
	if p.conn, err = p.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	return p, nil
}

// begin reads to the writer until the end of the output or finish.
func (p *pipe) begin(to io.Writer) {
	p.to, p.done = to, make(chan struct{})
	go func() {
		defer close(p.done)
		for p.step(p.conn.Read) > 0 {
		}
		_ = p.conn.Control(func(fd uintptr) {
			for rest := lastBytes; rest > 0; {
				n, _ := p.take(fd)
				if n <= 0 {
					return
				}
				rest -= n
			}
		})
	}()
}

// step waits until there is something, and passes it on; 0 at the end.
func (p *pipe) step(read func(func(uintptr) bool) error) (n int) {
	err := read(func(fd uintptr) (ready bool) {
		n, ready = p.take(fd)
		return ready
	})
	if err != nil { // the deadline of finish
		return 0
	}
	return n
}

// take reads once; not ready means that there is nothing yet.
func (p *pipe) take(fd uintptr) (n int, ready bool) {
	buf := pipeBuffers.Get().(*[pipeBuffer]byte)
	defer pipeBuffers.Put(buf)
	for {
		n, err := unix.Read(int(fd), buf[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, false
		case err != nil:
			return 0, true
		default:
			_, _ = p.to.Write(buf[:n]) // never fails: see keeper.Sink
			return n, true
		}
	}
}

// finish reads what is left and closes our end.
func (p *pipe) finish() {
	if p.done != nil {
		_ = p.file.SetReadDeadline(time.Unix(1, 0))
		<-p.done
	}
	_ = p.file.Close()
}

// pipeEnds are those of a process.
type pipeEnds [2]uintptr

func (e pipeEnds) close() {
	for _, fd := range e {
		if fd != 0 {
			_ = unix.Close(int(fd))
		}
	}
}
