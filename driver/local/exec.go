package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var _ driver.Execer = (*Driver)(nil)

// Exec launches a further process of a running container, as a child of the
// daemon in a session of its own. It bears the marks of the run, so it is known
// as part of the container, and ends within about a second after its init
// process. The environment is the one that the init process was started with,
// read back from the system, so that it is right for adopted containers too; of
// a program that has overwritten it, only the base and the marks are left.
func (d *Driver) Exec(ctx context.Context, r driver.Ref, p driver.Process) (driver.Session, error) {
	s, err := d.exec(ctx, r, p)
	if err != nil {
		return nil, fmt.Errorf("exec in %s: %w", r.Name, err)
	}
	return s, nil
}

func (d *Driver) exec(ctx context.Context, r driver.Ref, p driver.Process) (*session, error) {
	if err := d.usable(ctx); err != nil {
		return nil, err
	}
	if len(p.Command) == 0 {
		return nil, fmt.Errorf("%w: no command", driver.ErrInvalid)
	}
	pid, m, err := d.initProcess(r)
	if err != nil {
		return nil, err
	}
	l := launch{marks: m}
	l.env, l.dir = d.surroundings(pid, m, p)
	if l.path, err = lookPath(p.Command[0], l.env); err != nil {
		return nil, err
	}
	l.argv = p.Command
	s, err := openSession(l, p)
	if err != nil {
		return nil, err
	}
	if !d.execs.add(s) {
		return nil, errors.Join(driver.ErrConnectionLost, s.Close())
	}
	// A container that ended meanwhile may have been swept before.
	if now, _, err := d.initProcess(r); err != nil || now != pid {
		return nil, errors.Join(driver.ErrNotRunning, s.Close())
	}
	return s, nil
}

// initProcess returns the init process of a running container, and its marks.
func (d *Driver) initProcess(r driver.Ref) (pid int, m marks, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[r]
	switch {
	case b == nil:
		return 0, marks{}, driver.ErrNotFound
	case b.state != driver.Running:
		return 0, marks{}, driver.ErrNotRunning
	}
	return b.proc.pid, marks{owner: d.owner, ref: r, born: b.born}, nil
}

// surroundings returns environment and working directory for p.
func (d *Driver) surroundings(pid int, m marks, p driver.Process) (env []string, dir string) {
	env, dir, seen := surroundingsOf(pid)
	if seen.owner != m.owner || seen.ref != m.ref || seen.born != m.born {
		env = append(m.env(), d.base...)
	}
	if p.WorkingDir != "" {
		dir = p.WorkingDir
	}
	if dir == "" {
		dir = rootDir
	}
	if _, ok := lookupEnv(env, "TERM"); p.TTY && !ok {
		env = append(env, "TERM=xterm")
	}
	return append(env, markExec+"=1"), dir
}

// session is a process that Exec launched.
type session struct {
	cmd            *exec.Cmd
	os             osSession
	in             io.WriteCloser
	stdout, stderr io.Reader
	files          []*os.File // our ends
	forget         func()     // takes it off the driver's list
	ended          chan struct{}
	code           uint32 // valid once ended is closed, with err
	err            error

	mu   sync.Mutex // held while the process is signalled, and while it is reaped
	over bool
	once sync.Once
}

// streams are the ends that the process gets, and that we keep.
type streams struct{ theirs, ours []*os.File }

func (f *streams) pipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	return r, w, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// openSession launches what l and p say.
func openSession(l launch, p driver.Process) (*session, error) {
	s := &session{
		cmd:   &exec.Cmd{Path: l.path, Args: l.argv, Env: l.env, Dir: l.dir},
		ended: make(chan struct{}), forget: func() {},
	}
	var f streams
	err := s.connect(&f, p)
	if err == nil {
		if err = s.begin(l); err != nil {
			err = execError(l.command, err)
		}
	}
	closeAll(f.theirs)
	if err != nil {
		closeAll(f.ours)
		return nil, err
	}
	s.files = f.ours
	return s, nil
}

// connect prepares the streams of p.
func (s *session) connect(f *streams, p driver.Process) error {
	if p.TTY {
		return s.connectTerminal(f, p)
	}
	out, theirOut, err := f.pipe()
	if err != nil {
		return err
	}
	f.ours, f.theirs = append(f.ours, out), append(f.theirs, theirOut)
	errs, theirErrs, err := f.pipe()
	if err != nil {
		return err
	}
	f.ours, f.theirs = append(f.ours, errs), append(f.theirs, theirErrs)
	s.cmd.Stdout, s.cmd.Stderr, s.stdout, s.stderr = theirOut, theirErrs, out, errs
	if !p.Stdin {
		return nil // nil is the null device
	}
	theirIn, in, err := f.pipe()
	if err != nil {
		return err
	}
	f.ours, f.theirs = append(f.ours, in), append(f.theirs, theirIn)
	s.cmd.Stdin, s.in = theirIn, in
	return nil
}

// begin starts the process and the goroutine that waits for it.
func (s *session) begin(l launch) error {
	if err := s.start(l); err != nil {
		return err
	}
	go s.wait()
	return nil
}

// wait reaps the process. Its number is safe until then, because nobody
// signals it while s.mu is held.
func (s *session) wait() {
	s.awaitEnd()
	s.mu.Lock()
	err := s.cmd.Wait()
	s.over = true
	s.release()
	s.mu.Unlock()
	if s.cmd.ProcessState != nil {
		s.code = exitCode(s.cmd.ProcessState)
	} else {
		s.err = fmt.Errorf("wait for process: %w", err)
	}
	close(s.ended)
}

// Stdin implements driver.Session.
func (s *session) Stdin() io.WriteCloser { return s.in }

// Stdout implements driver.Session.
func (s *session) Stdout() io.Reader { return s.stdout }

// Stderr implements driver.Session.
func (s *session) Stderr() io.Reader { return s.stderr }

// Wait implements driver.Session.
func (s *session) Wait() (uint32, error) {
	<-s.ended
	return s.code, s.err
}

// Close ends the process if it still runs, and what is in its process group or
// job; what has gone elsewhere ends with the container.
func (s *session) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		if !s.over {
			s.kill()
		}
		s.mu.Unlock()
		<-s.ended
		closeAll(s.files)
		s.forget()
	})
	return nil
}

// sessions are those that are open.
type sessions struct {
	mu     sync.Mutex
	open   map[*session]struct{}
	closed bool
}

// add reports false after close.
func (l *sessions) add(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.open == nil {
		l.open = map[*session]struct{}{}
	}
	l.open[s] = struct{}{}
	s.forget = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, s)
	}
	return true
}

// close ends all sessions, for good.
func (l *sessions) close() {
	l.mu.Lock()
	l.closed = true
	var all []*session
	for s := range l.open {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		_ = s.Close()
	}
}
