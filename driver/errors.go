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

// OpError is the error of one verb. It reads "verb container: cause".
type OpError struct {
	Action Action
	Ref    Ref
	Hint   string // what a person can do, in plain words; may be empty
	Err    error
}

func (e *OpError) Error() string {
	s := fmt.Sprintf("%s %s: %v", e.Action, e.Ref.Name, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *OpError) Unwrap() error { return e.Err }

// Settle returns nil where the goal of a already holds, or will.
func Settle(a Action, err error) error {
	if err == nil || errors.Is(err, ErrPending) {
		return nil
	}
	var done error
	switch a {
	case Create:
		done = ErrExists
	case Start:
		done = ErrRunning
	case Shutdown, Terminate:
		if errors.Is(err, ErrNotRunning) {
			return nil
		}
		done = ErrNotFound
	case Remove:
		done = ErrNotFound
	case Pause, Resume, Update:
		return err
	}
	if done != nil && errors.Is(err, done) {
		return nil
	}
	return err
}

// Retryable reports whether the same call may succeed later without a change
// of the manifest.
func Retryable(err error) bool {
	return err != nil && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrForeign)
}

// TimedOut reports whether the call was given up, so that its effect is unknown.
func TimedOut(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, context.DeadlineExceeded)
}
