package hcs

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// How long a call may take at most, whatever its caller allows.
const (
	callLimit = 4 * time.Minute
	undoLimit = time.Minute      // for cleaning up after a call that failed
	lookLimit = 30 * time.Second // for listings and figures
)

// lane lets one call through at a time. A call of Windows that hangs keeps its
// lane, and with it one container, and nothing else.
type lane struct {
	token chan struct{} // holds one while a call is under way

	mu    sync.Mutex
	doing string
	since time.Time
}

func newLane() *lane { return &lane{token: make(chan struct{}, 1)} }

// enter waits for the lane.
func (l *lane) enter(ctx context.Context, what string) error {
	select {
	case l.token <- struct{}{}:
	default:
		select {
		case l.token <- struct{}{}:
		case <-ctx.Done():
			return l.busy(ctx)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doing, l.since = what, time.Now()
	return nil
}

func (l *lane) leave() { <-l.token }

// idle reports that no call is under way.
func (l *lane) idle() bool { return len(l.token) == 0 }

// busy tells what the lane is waiting for.
func (l *lane) busy(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("%w: %w: %s has been under way for %s", driver.ErrTimeout, ctx.Err(), l.doing, time.Since(l.since).Round(time.Millisecond))
}

// call runs body in l, in a goroutine of its own, and returns when body does
// or ctx has ended. body then goes on until the call of Windows that it is in
// returns, sees that its context has ended, and cleans up.
func (d *Driver) call(ctx context.Context, l *lane, what string, limit time.Duration, body func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	if err := l.enter(ctx, what); err != nil {
		cancel()
		return err
	}
	done := make(chan error, 1)
	started := d.spawn(func() {
		defer cancel()
		defer context.AfterFunc(d.ctx, cancel)()
		err := d.guard(what, func() error { return body(ctx) })
		l.leave()
		done <- err
	})
	if !started {
		l.leave()
		cancel()
		return driver.ErrConnectionLost
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	default:
		return l.busy(ctx)
	}
}

// guard turns a panic into an error: parts of hcsshim follow a nil pointer
// when the network service answers nothing.
func (d *Driver) guard(what string, body func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("call of the host compute service panicked", "call", what, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked: %v", what, p)
		}
	}()
	return body()
}

// spawn starts a goroutine that Close waits for; false after Close.
func (d *Driver) spawn(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.done.Go(f)
	return true
}

// pause waits, and reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// undoing returns a context for cleaning up, although ctx may have ended.
func undoing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
}
