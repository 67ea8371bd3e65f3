package fake

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Exec is the verb of Driver.Exec, as Faults names it.
const Exec driver.Action = "exec"

// Program is how a process acts that was executed in a running container. The
// zero value ends at once with code 0.
type Program struct {
	Stdout, Stderr string        // what it prints as it starts
	Echo           bool          // it copies its input to its output, and ends with the input
	RunFor         time.Duration // it ends by itself after this; negative: never
	Code           uint32        // the code it ends with by itself
	Refused        bool          // it cannot be executed: ErrInvalid
}

var _ driver.Execer = (*Driver)(nil)

// Exec implements driver.Execer. Options.Program tells how the process acts.
func (d *Driver) Exec(ctx context.Context, r driver.Ref, p driver.Process) (driver.Session, error) {
	return ask(ctx, d, Exec, r, func(now time.Time) (driver.Session, error) {
		st, err := d.world.Inspect(now, r)
		switch {
		case err != nil:
			return nil, err
		case st.State != driver.Running && st.State != driver.Paused:
			return nil, driver.ErrNotRunning
		case len(p.Command) == 0:
			return nil, fmt.Errorf("%w: no command", driver.ErrInvalid)
		}
		var act Program
		if program := d.host.world.m.opts.Program; program != nil {
			act = program(d.world.Manifest(r), p)
		}
		if act.Refused {
			return nil, fmt.Errorf("%w: exec %q: no such program", driver.ErrInvalid, p.Command[0])
		}
		s := newSession(st, act, p)
		d.host.sessions = append(d.host.sessions, s)
		return s, nil
	})
}

// session is a process that was executed.
type session struct {
	of             driver.Status // the container's run that it belongs to
	terminal       bool
	in             io.WriteCloser
	stdout, stderr io.Reader
	echo           *io.PipeReader
	echoed         *io.PipeWriter
	once           sync.Once
	ended          chan struct{}
	code           uint32 // valid once ended is closed
}

func newSession(st driver.Status, act Program, p driver.Process) *session {
	s := &session{of: st, terminal: p.TTY, ended: make(chan struct{})}
	if p.Stdin {
		r, w := io.Pipe()
		s.echo, s.in = r, w
	}
	var after io.Reader = waitFor{s.ended}
	if act.Echo && p.Stdin {
		r, w := io.Pipe()
		after, s.echoed = r, w
		go func() {
			_, _ = io.Copy(w, s.echo)
			s.end(act.Code)
		}()
	}
	s.stdout = io.MultiReader(strings.NewReader(act.Stdout), after)
	if !p.TTY {
		s.stderr = io.MultiReader(strings.NewReader(act.Stderr), waitFor{s.ended})
	}
	switch {
	case act.Echo && p.Stdin, act.RunFor < 0:
	case act.RunFor == 0:
		s.end(act.Code)
	default:
		time.AfterFunc(act.RunFor, func() { s.end(act.Code) })
	}
	return s
}

// waitFor is a stream without content that ends when ended is closed.
type waitFor struct{ ended <-chan struct{} }

func (w waitFor) Read([]byte) (int, error) {
	<-w.ended
	return 0, io.EOF
}

// end lets the process end, unless it has.
func (s *session) end(code uint32) {
	s.once.Do(func() {
		s.code = code
		close(s.ended)
		if s.echo != nil {
			_ = s.echo.Close()
		}
		if s.echoed != nil {
			_ = s.echoed.Close()
		}
	})
}

// Stdin implements driver.Session.
func (s *session) Stdin() io.WriteCloser { return s.in }

// Stdout implements driver.Session.
func (s *session) Stdout() io.Reader { return s.stdout }

// Stderr implements driver.Session.
func (s *session) Stderr() io.Reader { return s.stderr }

// Resize implements driver.Session.
func (s *session) Resize(uint16, uint16) error {
	if !s.terminal {
		return fmt.Errorf("resize terminal: %w: the process has none", driver.ErrUnsupported)
	}
	return nil
}

// Wait implements driver.Session.
func (s *session) Wait() (uint32, error) {
	<-s.ended
	return s.code, nil
}

// Close implements driver.Session.
func (s *session) Close() error {
	s.end(KilledCode)
	return nil
}

// endSessions ends those whose container has ended. The caller holds the lock.
func (h *Host) endSessions() {
	kept := h.sessions[:0]
	for _, s := range h.sessions {
		select {
		case <-s.ended:
			continue
		default:
		}
		if h.runs(s.of) {
			kept = append(kept, s)
			continue
		}
		s.end(KilledCode)
	}
	clear(h.sessions[len(kept):])
	h.sessions = kept
}

// runs reports whether the run that st shows goes on, whoever owns it.
func (h *Host) runs(st driver.Status) bool {
	for _, c := range h.world.m.order {
		if c.Ref == st.Ref && c.alive() && c.pid == st.PID && c.started.Equal(st.Started) {
			return true
		}
	}
	return false
}
