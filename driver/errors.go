package driver

import (
	"context"
	"errors"
	"fmt"
)

// The sentinels that drivers wrap. Everything else is an error of the runtime
// that may pass by itself.
var (
	ErrNotFound       = errors.New("no such container")
	ErrExists         = errors.New("container already exists")
	ErrRunning        = errors.New("container is running")
	ErrNotRunning     = errors.New("container is not running")
	ErrPending        = errors.New("operation is pending") // accepted; the effect is seen later
	ErrUnsupported    = errors.New("not supported by this driver")
	ErrInvalid        = errors.New("container cannot be made as described")
	ErrForeign        = errors.New("container belongs to another owner")
	ErrConnectionLost = errors.New("connection to the runtime lost")
	ErrTimeout        = errors.New("runtime did not answer in time")
)

// OpError is the error of one verb. It reads "verb container: cause (hint)".
type OpError struct {
	Action Action
	Ref    Ref
	Hint   string // what a person can do, in plain words; may be empty
	Err    error
}

// Error implements error.
func (e *OpError) Error() string {
	s := fmt.Sprintf("%s %s: %v", e.Action, e.Ref.Name, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Settle returns nil where the goal of a already holds, or will, and err
// otherwise. Pause, Resume and Update have no error that means "already so":
// drivers answer nil there.
func Settle(a Action, err error) error {
	for _, done := range settled(a) {
		if errors.Is(err, done) {
			return nil
		}
	}
	return err
}

// settled lists the errors that mean success for a.
func settled(a Action) []error {
	switch a {
	case Create:
		return []error{ErrPending, ErrExists}
	case Start:
		return []error{ErrPending, ErrRunning}
	case Shutdown, Terminate:
		return []error{ErrPending, ErrNotRunning, ErrNotFound}
	case Remove:
		return []error{ErrPending, ErrNotFound}
	case Pause, Resume, Update:
		return []error{ErrPending}
	default:
		return nil
	}
}

// Retryable reports whether the same call may succeed later without a change
// of the manifest. ErrInvalid counts as such: what is missing (a program, a
// folder, an image) may yet appear on the host.
func Retryable(err error) bool {
	return err != nil && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrForeign)
}

// TimedOut reports whether the call ended without an answer of the runtime: it
// took too long, was given up, or the connection broke. Its effect is then
// unknown and may still come until Linger has passed.
func TimedOut(err error) bool {
	for _, unanswered := range []error{ErrTimeout, ErrConnectionLost, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, unanswered) {
			return true
		}
	}
	return false
}
