// Package keeper holds what would die with the daemon: the handles of init
// processes, their output pipes, their exit codes, and the log files that they
// write. The keeper is one small process per state folder. It is meant to
// change rarely and to outlive many daemons: it decides nothing, reads no
// manifest, and starts, signals and forgets only what it is told to.
//
// The package has both sides: Serve is the keeper, Client one connection to it,
// and Link what a driver uses: a connection that comes back, over a keeper that
// is started when it is needed. What it means to run a process is not here but
// in a Launcher, one for each kind of driver.
//
// # Protocol
//
// Frames of JSON over a local socket of the state folder; see frame.go and
// message.go. A client says hello with the versions that it speaks, may watch
// (it is told every run that changed since a sequence number, now and from then
// on), and sends requests. The newest client that asks to control the keeper
// is the only one that may launch: whatever an earlier one asked for has
// happened, or never will, when the newer one is welcomed. So a daemon that
// died leaves nothing under way.
//
// # What is on disk
//
// <state>/keeper/runs holds every run that is held or whose exit was not yet
// acknowledged (journal.go); no environment and no argument is ever written
// there. A run is acknowledged by the launch of the next one of its container,
// or by Forget. A keeper that finds the file of a dead one takes the processes
// over, as far as the system lets it.
//
// All of it may be used by many goroutines.
package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
)

// State is where a run is in its life.
type State string

// The states of a run.
const (
	Launching State = "launching"
	Running   State = "running"
	Ended     State = "ended"
)

// Run is one run of a container's init process, as the keeper knows it.
type Run struct {
	ID       string `json:"id"`       // unique for the state folder, for ever
	Kind     string `json:"kind"`     // of the launcher
	Name     string `json:"name"`     // of the container; its log is named so
	Revision string `json:"revision"` // of the container; with Name it is what an acknowledgement is about
	State    State  `json:"state"`
	// Seq grows with every change of any run. Of two tellings of a run the
	// greater one holds.
	Seq     uint64    `json:"seq"`
	PID     int       `json:"pid,omitempty"`
	Started time.Time `json:"started,omitzero"`
	// Note is the launcher's own: what its Adopt needs, and what the driver may
	// want to know. It is stored, so it never holds a secret.
	Note    json.RawMessage `json:"note,omitempty"`
	Limits  Limits          `json:"limits"`
	Exit    *Exit           `json:"exit,omitempty"`    // of an ended run
	Adopted bool            `json:"adopted,omitempty"` // launched by a keeper that died
	Dropped uint64          `json:"dropped,omitempty"` // bytes of output that no log took, by this keeper
}

// Exit is how an init process ended.
type Exit struct {
	Code  uint32    `json:"code"`  // as Windows has it; on Unix the status, or 128+signal
	Known bool      `json:"known"` // false: nobody could see the code
	At    time.Time `json:"at"`
}

// Limits bound the log files of a container.
type Limits struct {
	Size  int64 `json:"size"`  // bytes of one file
	Files int   `json:"files"` // the current one included
}

// Order asks for a run. What launches is in Spec, in the launcher's own form;
// it may hold secrets, and so is never written or shown.
type Order struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	Name     string          `json:"name"`
	Revision string          `json:"revision"`
	Limits   Limits          `json:"limits"`
	Spec     json.RawMessage `json:"spec"`
}

// idPattern is what may name a run: it becomes part of paths and log lines.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$`)

func (o Order) check() error {
	switch {
	case !idPattern.MatchString(o.ID):
		return fmt.Errorf("run id %q: letters, digits and . _ @ - are expected, at most 200", o.ID)
	case !idPattern.MatchString(o.Name):
		return fmt.Errorf("container name %q: letters, digits and . _ @ - are expected", o.Name)
	}
	return nil
}

// Launcher runs and ends the init processes of one kind of container in the
// keeper.
//
// To write one: keep the handle of the process in a value that implements
// Process; copy the output to the writers of the Sink (they never fail and
// never wait for a disk that is full, so an io.Copy is enough); and call
// Sink.Exited once, when the process has ended and what was left in the pipes
// has been copied. Everything else (the log files, the list of runs, what is on
// disk, acknowledgements, the socket) is done by the keeper. A launcher is used
// by many goroutines; there is at most one call at a time for one run.
//
// The launcher is registered by name in Config.Launchers, in cmd, and the
// driver names the same kind in its Orders. Errors that the driver shall find
// again on its side of the socket wrap ErrInvalid or ErrGone.
type Launcher interface {
	// Launch starts the process that spec (Order.Spec) describes and returns
	// once its program was loaded or could not be. The environment of the
	// keeper is no part of what it gets.
	Launch(o Order, to Sink) (Process, error)

	// Adopt takes over a process that another keeper launched, or that runs
	// without one: r tells PID, Started and Note. It must make sure that it is
	// the very process and none that got its number; ErrGone says that it has
	// ended. Where the pipes cannot be had again the process goes on without a log.
	Adopt(r Run, to Sink) (Process, error)
}

// Process is one init process that a Launcher runs or adopted.
type Process interface {
	// PID is its number, 0 if there is none that means something.
	PID() int
	// Started is when it was started, by the wall clock.
	Started() time.Time
	// Note becomes Run.Note.
	Note() json.RawMessage
	// Signal passes a request on to the process; ErrGone if it has ended,
	// ErrUnsupported if the launcher has no such thing.
	Signal(s Signal) error
	// Release lets go of a process that goes on: the keeper ends. It returns
	// when what was read from the pipes is with the Sink, and Exited is not
	// called any more.
	Release()
}

// Sink takes what a process gives. Its methods may be called before Launch or
// Adopt has returned.
type Sink interface {
	// Stdout and Stderr are the two streams of the log; each is written by one
	// goroutine at a time.
	Stdout() io.Writer
	Stderr() io.Writer
	// Exited says that the process has ended; only the first call counts.
	Exited(e Exit)
}

// Signal is a request to a process.
type Signal string

// The signals.
const (
	Ask  Signal = "ask"  // to end: SIGTERM, CTRL_BREAK
	Kill Signal = "kill" // all of its group, at once
)

// The errors that cross the socket.
var (
	ErrInvalid     = errors.New("invalid")     // the order, or what it names: trying again will not help
	ErrGone        = errors.New("gone")        // no such run, or its process has ended
	ErrExists      = errors.New("exists")      // the container runs already
	ErrUnsupported = errors.New("unsupported") // this keeper or launcher has no such thing
	ErrFenced      = errors.New("fenced")      // a newer client controls the keeper
	ErrVersion     = errors.New("version")     // no version of the protocol is common
	ErrOwner       = errors.New("owner")       // the keeper serves another owner
)

// The errors of a client.
var (
	// ErrNoKeeper means that nobody listens on the socket of a state folder.
	ErrNoKeeper = errors.New("no keeper answers")
	// ErrLost means that the connection has ended: the keeper died, or has
	// ended, or another client took control. What was asked for may have happened.
	ErrLost = errors.New("connection to keeper lost")
)
