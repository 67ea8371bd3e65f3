// Package driver is the contract between the reconciler and whatever really
// runs containers: the verbs, the facts, the errors, and the one dispatch from
// a decided action to a verb.
//
// It holds no implementation: driver/hcs, driver/local and driver/fake do, and
// driver/drivertest is the suite that each of them must pass.
//
// A Driver is safe for concurrent use by many goroutines; the engine never has
// two calls for the same container under way.
package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Ref names one container in the runtime. Together with the owner that the
// driver was opened with it is the whole identity, and it can be read back
// from the runtime alone. Two revisions of one name may exist side by side.
type Ref struct {
	Name     string
	Revision manifest.Revision
}

// String is "name@revision".
func (r Ref) String() string { return r.Name + "@" + string(r.Revision) }

// State is where a container is in its life.
type State string

// The states. A container whose init process has ended is Stopped, even where
// the runtime still calls its system running.
const (
	Created State = "Created"
	Running State = "Running"
	Paused  State = "Paused"
	Stopped State = "Stopped"
)

// Exit is how the init process ended.
type Exit struct {
	Code  uint32 // as Windows has it; on Unix the status, or 128+signal
	Known bool   // false: nobody was watching
	At    time.Time
}

// Status is what the runtime says of one container of ours.
type Status struct {
	Ref
	State   State
	PID     int       // of the init process; 0 if none or not known
	Started time.Time // of the init process; zero if never started or not known
	Exit    Exit      // meaningful when State is Stopped
}

// String tells everything that is known, in one line, for errors and tests.
func (s Status) String() string {
	switch s.State {
	case Running, Paused:
		return fmt.Sprintf("%s %s (process %d, started %s)", s.Ref, s.State, s.PID, stamp(s.Started))
	case Stopped:
		code := "unknown code"
		if s.Exit.Known {
			code = fmt.Sprintf("code %d", s.Exit.Code)
		}
		return fmt.Sprintf("%s %s (started %s, ended %s with %s)", s.Ref, s.State, stamp(s.Started), stamp(s.Exit.At), code)
	default:
		return fmt.Sprintf("%s %s", s.Ref, s.State)
	}
}

// stamp writes a time that may not be known.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return "at " + t.Format(time.RFC3339Nano)
}

// Foreign is a container that bears another owner. It is shown, never touched.
type Foreign struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	State State  `json:"state"`
}

// Listing is everything that the runtime holds.
type Listing struct {
	Ours    []Status
	Foreign []Foreign
}

// Note tells what a driver will not do of a manifest.
type Note struct {
	Field   string // path in the manifest, "spec.devices"
	Message string
	Refused bool // the container cannot be made at all; otherwise the field is ignored
}

// Stats are the resource figures of one running container. A nil field is not
// known to the driver.
type Stats struct {
	At                time.Time
	CPU               *time.Duration // total processor time used
	CPUUser           *time.Duration
	CPUKernel         *time.Duration
	MemoryBytes       *uint64 // private working set; resident set on Unix
	MemoryCommitBytes *uint64
	ReadBytes         *uint64 // storage
	WriteBytes        *uint64
	ReadOps           *uint64
	WriteOps          *uint64
	Processes         *uint64
	Network           []NetworkStats
}

// NetworkStats are the figures of one endpoint.
type NetworkStats struct {
	Endpoint                        string
	ReceiveBytes, TransmitBytes     uint64
	ReceivePackets, TransmitPackets uint64
	ReceiveDropped, TransmitDropped uint64
}

// Driver runs containers. Every verb is idempotent in its goal: where the goal
// already holds it returns nil or an error that Settle turns into nil. A verb
// on what does not exist answers ErrNotFound. Every call returns soon after its
// context ends, at the latest; what the runtime does of an abandoned call may
// still take effect until Linger has passed. A call after Close is an error.
type Driver interface {
	// Check tells, without touching the runtime, what this driver would ignore
	// or refuse of c.
	Check(c *manifest.Container) []Note

	// List returns all containers that bear our owner, and names the others.
	// An error means "unknown", never "nothing runs".
	List(ctx context.Context) (Listing, error)
	// Inspect looks at one container of ours; ErrNotFound if the runtime has none.
	Inspect(ctx context.Context, r Ref) (Status, error)

	// Create makes the container, in state Created; ErrExists if there is one.
	Create(ctx context.Context, c *manifest.Container) error
	// Start runs the init process of a Created or Stopped container of c's
	// revision; a runtime that cannot start an ended container again makes it
	// anew inside this call. ErrRunning if it already runs.
	Start(ctx context.Context, c *manifest.Container) error
	// Shutdown asks the init process to end; the exit is seen later.
	// ErrNotRunning if there is nothing to ask.
	Shutdown(ctx context.Context, r Ref) error
	// Terminate ends every process of the container; the exit is seen later.
	Terminate(ctx context.Context, r Ref) error
	// Remove deletes a container that does not run, with all that was made for
	// it except its logs. ErrRunning if it still runs, ErrNotFound if gone.
	Remove(ctx context.Context, r Ref) error
	// Pause freezes and Resume thaws; nil if it already is so, ErrNotRunning if
	// there is nothing to freeze, ErrUnsupported where there is no such thing.
	Pause(ctx context.Context, r Ref) error
	Resume(ctx context.Context, r Ref) error
	// Update applies the in-place fields of c to the running container r, whose
	// revision may be written in an older hash version than c's. ErrNotRunning
	// if it does not run, ErrUnsupported where nothing can be changed in place.
	Update(ctx context.Context, r Ref, c *manifest.Container) error

	// Stats returns the figures of a running container; ErrNotRunning otherwise.
	Stats(ctx context.Context, r Ref) (Stats, error)

	// Exits delivers the status of each container whose init process ended, as
	// it happens. It is a hint: entries may be lost or repeated. The channel is
	// the same for every call and is closed by Close.
	Exits() <-chan Status

	// Linger is how long a call of a daemon that died may still take effect.
	Linger() time.Duration

	// Close lets go of the runtime, and returns when no goroutine of the driver
	// is left; containers go on.
	Close() error
}
