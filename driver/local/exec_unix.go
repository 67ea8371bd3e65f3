//go:build linux || darwin

package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// osSession is what the system needs to know of a session.
type osSession struct{ terminal *os.File }

// endOfInput is what a terminal takes for the end of its input.
const endOfInput = "\x04"

// terminal is the master side. It tells that the last process with the other
// side has ended as an end of file, as a pipe would.
type terminal struct{ master *os.File }

func (t terminal) Read(p []byte) (int, error) {
	n, err := t.master.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

func (t terminal) Write(p []byte) (int, error) { return t.master.Write(p) }

// Close ends the input, not the terminal.
func (t terminal) Close() error {
	_, err := t.master.WriteString(endOfInput)
	return err
}

func (s *session) connectTerminal(f *streams, p driver.Process) error {
	ours, theirs, err := pty.Open()
	if err != nil {
		return fmt.Errorf("open terminal: %w", err)
	}
	f.ours, f.theirs = append(f.ours, ours), append(f.theirs, theirs)
	rows, cols := p.Size()
	if err := pty.Setsize(ours, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		return fmt.Errorf("set size of terminal: %w", err)
	}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	s.os.terminal, s.stdout = ours, terminal{ours}
	if p.Stdin {
		s.in = terminal{ours}
	}
	return nil
}

// Resize implements driver.Session.
func (s *session) Resize(rows, cols uint16) error {
	if s.os.terminal == nil {
		return fmt.Errorf("resize terminal: %w: the process has none", driver.ErrUnsupported)
	}
	if err := pty.Setsize(s.os.terminal, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		return fmt.Errorf("resize terminal: %w", err)
	}
	return nil
}

func (s *session) start(launch) error {
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: s.os.terminal != nil}
	return s.cmd.Start()
}

// kill ends the process group; on a terminal a shell has given each of its jobs
// a group of its own, so there the whole session. s.mu is held.
func (s *session) kill() {
	pid := s.cmd.Process.Pid
	if s.os.terminal != nil {
		killSession(pid)
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
}

// release has nothing to free.
func (s *session) release() {}

func exitCode(st *os.ProcessState) uint32 {
	ws, ok := st.Sys().(syscall.WaitStatus)
	if !ok {
		return uint32(st.ExitCode())
	}
	return exitOf(unix.WaitStatus(ws)).Code
}
