package hcs

import (
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

// hostLooks is the time between two looks whether an exit was not told.
const hostLooks = 2 * time.Second

// kept is one init process in the keeper.
type kept struct {
	machine machine
	note    launchNote
	to      keeper.Sink
	number  int
	started time.Time
	host    hostProcess // nil: in a utility VM, or not allowed

	pipes  []io.Closer
	copied sync.WaitGroup
	over   chan struct{} // closed when it has ended, or was let go
	done   chan struct{} // closed when nothing is told any more

	mu   sync.Mutex
	sys  system
	proc process
	end  *keeper.Exit // nil while over: let go
	shut bool         // over is closed
}

func newKept(m machine, note launchNote, sys system, p process, to keeper.Sink) *kept {
	k := &kept{machine: m, note: note, to: to, sys: sys, proc: p, over: make(chan struct{}), done: make(chan struct{})}
	if p != nil {
		k.number = p.pid()
	}
	return k
}

// PID implements keeper.Process.
func (k *kept) PID() int { return k.number }

// Started implements keeper.Process.
func (k *kept) Started() time.Time { return k.started }

// Note implements keeper.Process.
func (k *kept) Note() json.RawMessage {
	text, err := json.Marshal(k.note)
	if err != nil {
		return nil // cannot be: it is plain data
	}
	return text
}

// Signal implements keeper.Process: the driver ends systems, not processes.
func (k *kept) Signal(keeper.Signal) error { return keeper.ErrUnsupported }

// Release implements keeper.Process.
func (k *kept) Release() {
	k.finish(nil)
	<-k.done
}

// begin watches the process.
func (k *kept) begin() {
	go k.watchProcess()
	go k.watchSystem(k.sys)
	go k.watchHost()
	go func() {
		defer close(k.done)
		<-k.over
		k.mu.Lock()
		e := k.end
		k.mu.Unlock()
		if e != nil {
			k.drain()
		}
		k.closeHandles()
		k.copied.Wait()
		if e != nil {
			k.to.Exited(*e)
		}
	}()
}

// finish ends the watch, with an exit or, for nil, without. Only the first
// call counts.
func (k *kept) finish(e *keeper.Exit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.shut {
		k.end, k.shut = e, true
		close(k.over)
	}
}

// ended finishes with the code that the service gave or, where it does not
// know, that the host has.
func (k *kept) ended(code int, err error) {
	e := exitOf(k.host, code, err)
	k.finish(&keeper.Exit{Code: e.Code, Known: e.Known, At: e.At})
}

// closeHandles closes all that is open: the service forgets a system only when
// nobody has it open.
func (k *kept) closeHandles() {
	k.mu.Lock()
	p, sys := k.proc, k.sys
	k.proc, k.sys = nil, nil
	k.mu.Unlock()
	if p != nil {
		_ = p.close()
	}
	for _, pipe := range k.pipes {
		_ = pipe.Close()
	}
	if sys != nil {
		_ = sys.close()
	}
	if k.host != nil {
		k.host.close()
	}
}

func (k *kept) isOver() bool {
	select {
	case <-k.over:
		return true
	default:
		return false
	}
}

// rest waits, and reports whether the process is still watched.
func (k *kept) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-k.over:
		return false
	case <-t.C:
		return true
	}
}

// watchProcess waits for the exit, over every loss of the connection.
func (k *kept) watchProcess() {
	for {
		k.mu.Lock()
		p := k.proc
		k.mu.Unlock()
		if p == nil {
			return
		}
		if err := p.wait(); err == nil {
			k.ended(p.exitCode())
			return
		}
		if !k.attachAgain() {
			return
		}
	}
}

// attachAgain opens system and process anew, however long the service is away.
func (k *kept) attachAgain() bool {
	for wait := firstRetry; !k.isOver(); wait = min(2*wait, slowestRetry) {
		err := k.attach()
		if err == nil {
			return true
		}
		if over := k.lookAtHost(); over {
			return false
		}
		if k.host == nil && is(err, driver.ErrNotFound) {
			k.ended(-1, nil)
			return false
		}
		k.rest(wait)
	}
	return false
}

// attach opens the system and the process, in the place of older handles.
func (k *kept) attach() error {
	sys, err := k.machine.open(k.note.System)
	if err != nil {
		return err
	}
	p, err := sys.attach(k.number)
	if err != nil {
		return errors.Join(err, sys.close())
	}
	k.mu.Lock()
	oldSys, oldProc, shut := k.sys, k.proc, k.shut
	if shut {
		oldSys, oldProc = sys, p
	} else {
		k.sys, k.proc = sys, p
	}
	k.mu.Unlock()
	if oldProc != nil {
		_ = oldProc.close()
	}
	if oldSys != nil {
		_ = oldSys.close()
		if !shut {
			go k.watchSystem(sys)
		}
	}
	return nil
}

// watchSystem sees the end of the whole system, of which the end of its
// process may not be told.
func (k *kept) watchSystem(sys system) {
	if err := sys.wait(); err != nil && (errors.Is(err, errClosed) || is(err, driver.ErrConnectionLost)) {
		return // let go, or opened again by watchProcess
	}
	if k.rest(lookAgain) {
		k.ended(-1, nil)
	}
}

// watchHost sees an exit that the service does not tell.
func (k *kept) watchHost() {
	if k.host == nil {
		return
	}
	for k.rest(hostLooks) {
		if _, over := k.host.exit(); over && k.rest(lookAgain) {
			k.ended(-1, nil)
		}
	}
}

// lookAtHost finishes if the host says that the process has ended.
func (k *kept) lookAtHost() bool {
	if k.host == nil {
		return false
	}
	_, over := k.host.exit()
	if over {
		k.ended(-1, nil)
	}
	return over
}
