package driver

import (
	"context"
	"io"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Execer is a Driver that can run a further process in a running container,
// for `exec` and for exec probes. It is safe for concurrent use, as Driver is.
type Execer interface {
	// Exec launches p in the container r and returns once it runs. ErrNotFound
	// or ErrNotRunning if there is no such running container, ErrInvalid if the
	// program cannot be executed. ctx bounds the launch alone; Session.Close
	// ends the process.
	Exec(ctx context.Context, r Ref, p Process) (Session, error)
}

// Process is what Exec runs. Environment, user and isolation are those of the
// container's init process.
type Process struct {
	Command    []string // argv; the first is the program
	WorkingDir string   // "" is that of the init process
	Stdin      bool     // false: it reads nothing
	TTY        bool     // a terminal: one stream out, and Resize works
	Rows, Cols uint16   // of the terminal at the start; 0 is 24 by 80
	// Container is what the container was made from, where the caller knows it.
	// A driver that adopted the container, and cannot ask the system for its
	// environment, takes it from there.
	Container *manifest.Container
}

// Size is that of the terminal at the start, never 0.
func (p Process) Size() (rows, cols uint16) {
	rows, cols = p.Rows, p.Cols
	if rows == 0 {
		rows = 24
	}
	if cols == 0 {
		cols = 80
	}
	return rows, cols
}

// Session is one process that Exec launched. Its streams are read and written
// by one goroutine each; the other methods may be called by any.
type Session interface {
	Stdin() io.WriteCloser // nil without Process.Stdin; Close is end of input
	Stdout() io.Reader     // ends when the process and all who have its output have ended
	Stderr() io.Reader     // nil with Process.TTY
	// Resize changes the size of the terminal; ErrUnsupported without one.
	Resize(rows, cols uint16) error
	// Wait returns the exit code, as Exit.Code has it, when the process has
	// ended. It may be called more than once.
	Wait() (uint32, error)
	// Close ends the process, and all that it started, if it still runs, and
	// frees what the session holds. It may be called more than once.
	Close() error
}
