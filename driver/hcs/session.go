package hcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// killLimit is how long a process may take to end once it is told to.
const killLimit = 10 * time.Second

// session is a process that Exec launched.
type session struct {
	d        *Driver
	id       string // of the system
	proc     process
	host     hostProcess // keeps the process's number from being given away; nil: in a utility VM
	terminal bool
	lane     *lane
	in       io.WriteCloser
	out, err io.ReadCloser
	ended    chan struct{}
	closing  sync.Once
	dropping sync.Once
	ending   sync.Once
	code     uint32 // valid once ended is closed, with failure
	failure  error
}

func (d *Driver) newSession(b *box, r *run, vm bool, proc process, p driver.Process) (*session, error) {
	s := &session{d: d, id: b.id, proc: proc, terminal: p.TTY, lane: newLane(), ended: make(chan struct{})}
	if !vm {
		if h, err := d.machine.openProcess(proc.pid()); err == nil {
			s.host = h
		}
	}
	in, out, errs, err := proc.stdio()
	if err != nil || out == nil {
		return nil, errors.Join(err, s.kill(), s.drop()) // nobody could read what it says
	}
	s.in, s.out, s.err = in, out, errs
	if in != nil && !p.Stdin {
		_ = proc.closeStdin() // at worst the process waits for input that does not come
		_ = in.Close()
		s.in = nil
	}
	d.mu.Lock()
	d.sessions[s] = struct{}{}
	d.mu.Unlock()
	if !d.spawn(s.watch) || !d.spawn(func() { s.endWith(r) }) {
		return nil, errors.Join(driver.ErrConnectionLost, s.drop())
	}
	return s, nil
}

// watch waits for the end of the process.
func (s *session) watch() {
	err := s.proc.wait()
	code := -1
	if err == nil {
		code, err = s.proc.exitCode()
	}
	switch {
	case err != nil:
		s.end(0, err)
	case code < 0:
		s.end(0, errors.New("the service does not know the exit code"))
	default:
		s.end(uint32(code), nil) //nolint:gosec // exit codes have 32 bits
	}
}

// endWith ends the session with its container, should nobody tell.
func (s *session) endWith(r *run) {
	select {
	case <-s.ended:
		return
	case <-s.d.ctx.Done():
		s.end(0, driver.ErrConnectionLost)
		return
	case <-r.exited:
	}
	t := time.NewTimer(lookAgain)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-s.d.ctx.Done():
		s.end(0, driver.ErrConnectionLost)
	case <-t.C:
		s.end(0, fmt.Errorf("%w: it ended before the process", driver.ErrNotRunning))
	}
}

func (s *session) end(code uint32, err error) {
	s.ending.Do(func() {
		s.code, s.failure = code, err
		close(s.ended)
	})
}

// Stdin implements driver.Session.
func (s *session) Stdin() io.WriteCloser {
	if s.in == nil {
		return nil
	}
	return input{s}
}

// input closes the far end of the pipe, too.
type input struct{ s *session }

func (i input) Write(p []byte) (int, error) { return i.s.in.Write(p) }

func (i input) Close() error {
	err := i.s.proc.closeStdin()
	_ = i.s.in.Close()
	return err
}

// Stdout implements driver.Session.
func (s *session) Stdout() io.Reader { return s.out }

// Stderr implements driver.Session.
func (s *session) Stderr() io.Reader {
	if s.terminal || s.err == nil {
		return nil
	}
	return s.err
}

// Resize implements driver.Session.
func (s *session) Resize(rows, cols uint16) error {
	if !s.terminal {
		return fmt.Errorf("resize terminal: %w: the process has none", driver.ErrUnsupported)
	}
	return s.call("resize terminal", func() error { return s.proc.resize(rows, cols) })
}

// Wait implements driver.Session.
func (s *session) Wait() (uint32, error) {
	<-s.ended
	return s.code, s.failure
}

// Close ends the process itself; what that has started goes on until the
// container ends, because the service knows no trees of processes.
func (s *session) Close() error {
	var err error
	s.closing.Do(func() {
		if s.d.ctx.Err() != nil { // the driver has let go of it
			err = s.drop()
			return
		}
		select {
		case <-s.ended:
		default:
			if err = s.call("end process", s.kill); err == nil {
				err = s.awaitEnd()
			}
		}
		err = errors.Join(err, s.call("close process", s.drop))
	})
	return err
}

// call makes a call of Windows that may hang, in the session's own lane.
func (s *session) call(what string, body func() error) error {
	err := s.d.call(context.Background(), s.lane, what, killLimit, func(context.Context) error { return body() })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// kill ends the process by a handle whose system is closed: where hcsshim
// cannot open the system once more it ends the whole container in the
// process's stead, and so it finds none to end.
func (s *session) kill() error {
	sys, err := s.d.machine.open(s.id)
	if is(err, driver.ErrNotFound) {
		return nil // and the process with it
	}
	if err != nil {
		return err
	}
	p, err := sys.attach(s.proc.pid())
	closed := sys.close()
	if is(err, driver.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.close()
	if closed != nil {
		return closed
	}
	err = p.kill()
	if is(err, driver.ErrNotRunning) || is(err, driver.ErrNotFound) { // also what hcsshim makes of other failures
		return nil
	}
	return err
}

// awaitEnd makes sure of the end: hcsshim takes some failures for successes.
func (s *session) awaitEnd() error {
	t := time.NewTimer(killLimit)
	defer t.Stop()
	select {
	case <-s.ended:
		return nil
	case <-s.d.ctx.Done():
		return nil
	case <-t.C:
		return fmt.Errorf("end process: %w: it still runs", driver.ErrTimeout)
	}
}

// drop frees the handles; every one that stays open costs memory of the service.
func (s *session) drop() (err error) {
	s.dropping.Do(func() { err = s.letGo() })
	return err
}

func (s *session) letGo() error {
	s.d.mu.Lock()
	delete(s.d.sessions, s)
	s.d.mu.Unlock()
	err := s.proc.close()
	s.end(0, driver.ErrConnectionLost) // unless it has ended
	if s.in != nil {
		_ = s.in.Close()
	}
	for _, r := range []io.ReadCloser{s.out, s.err} {
		if r != nil {
			_ = r.Close()
		}
	}
	if s.host != nil {
		s.host.close()
	}
	return err
}

// dropSessions lets go of all processes; they go on without their streams.
func (d *Driver) dropSessions() {
	d.mu.Lock()
	all := slices.Collect(maps.Keys(d.sessions))
	d.mu.Unlock()
	for _, s := range all {
		_ = s.drop()
	}
}
