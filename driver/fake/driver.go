package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// exitBuffer is how many exits wait for a reader; more are lost.
const exitBuffer = 1024

// Config is how a driver is opened.
type Config struct {
	Owner   string                          // whose containers it manages
	Faults  *Faults                         // nil: none; owned by the host from now on
	Latency map[driver.Action]time.Duration // from a call until its effect, also of List, Inspect and Stats
	Linger  time.Duration                   // what Linger answers
	Notes   []driver.Note                   // what Check answers of a container that has the Field
}

// Driver is a driver.Driver on the world of a Host.
type Driver struct {
	host  *Host
	cfg   Config
	world *World // of our owner; guarded by the lock of the host
	exits chan driver.Status
}

var _ driver.Driver = (*Driver)(nil)

// Open returns a driver. One that is never closed models a daemon that died.
func (h *Host) Open(cfg Config) *Driver {
	d := &Driver{host: h, cfg: cfg, exits: make(chan driver.Status, exitBuffer)}
	h.join(d)
	return d
}

// Check implements driver.Driver.
func (d *Driver) Check(c *manifest.Container) []driver.Note { return notesFor(d.cfg.Notes, c) }

// List implements driver.Driver.
func (d *Driver) List(ctx context.Context) (driver.Listing, error) {
	return ask(ctx, d, List, driver.Ref{}, func(now time.Time) (driver.Listing, error) {
		return d.world.List(now), nil
	})
}

// Inspect implements driver.Driver.
func (d *Driver) Inspect(ctx context.Context, r driver.Ref) (driver.Status, error) {
	return ask(ctx, d, Inspect, r, func(now time.Time) (driver.Status, error) { return d.world.Inspect(now, r) })
}

// Stats implements driver.Driver.
func (d *Driver) Stats(ctx context.Context, r driver.Ref) (driver.Stats, error) {
	return ask(ctx, d, Stats, r, func(now time.Time) (driver.Stats, error) { return d.world.Stats(now, r) })
}

// Create implements driver.Driver.
func (d *Driver) Create(ctx context.Context, c *manifest.Container) error {
	for _, n := range d.Check(c) {
		if n.Refused {
			err := fmt.Errorf("%w: %s: %s", driver.ErrInvalid, n.Field, n.Message)
			return opError(driver.Create, refOf(c), err)
		}
	}
	return d.act(ctx, driver.Create, refOf(c), c)
}

// Start implements driver.Driver.
func (d *Driver) Start(ctx context.Context, c *manifest.Container) error {
	return d.act(ctx, driver.Start, refOf(c), c)
}

// Shutdown implements driver.Driver.
func (d *Driver) Shutdown(ctx context.Context, r driver.Ref) error {
	return d.act(ctx, driver.Shutdown, r, nil)
}

// Terminate implements driver.Driver.
func (d *Driver) Terminate(ctx context.Context, r driver.Ref) error {
	return d.act(ctx, driver.Terminate, r, nil)
}

// Remove implements driver.Driver.
func (d *Driver) Remove(ctx context.Context, r driver.Ref) error {
	return d.act(ctx, driver.Remove, r, nil)
}

// Pause implements driver.Driver.
func (d *Driver) Pause(ctx context.Context, r driver.Ref) error {
	return d.act(ctx, driver.Pause, r, nil)
}

// Resume implements driver.Driver.
func (d *Driver) Resume(ctx context.Context, r driver.Ref) error {
	return d.act(ctx, driver.Resume, r, nil)
}

// Update implements driver.Driver.
func (d *Driver) Update(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	return d.act(ctx, driver.Update, r, c)
}

// Exits implements driver.Driver.
func (d *Driver) Exits() <-chan driver.Status { return d.exits }

// Linger implements driver.Driver.
func (d *Driver) Linger() time.Duration { return d.cfg.Linger }

// Close implements driver.Driver. A second Close does nothing. In a forgetful
// world the Stopped containers of the owner vanish with the last driver.
func (d *Driver) Close() error {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	at := slices.Index(d.host.drivers, d)
	if at < 0 {
		return nil
	}
	d.host.drivers = slices.Delete(d.host.drivers, at, at+1)
	if !slices.ContainsFunc(d.host.drivers, func(o *Driver) bool { return o.cfg.Owner == d.cfg.Owner }) {
		d.world.Release(time.Now())
	}
	close(d.exits)
	d.host.arm()
	return nil
}

func (d *Driver) act(ctx context.Context, a driver.Action, r driver.Ref, c *manifest.Container) error {
	_, err := ask(ctx, d, a, r, func(now time.Time) (struct{}, error) {
		return struct{}{}, d.world.Apply(now, a, r, c)
	})
	return err
}

// hint tells st as often as the faults have it. The caller holds the lock.
func (d *Driver) hint(st driver.Status) {
	for range d.cfg.Faults.Hints(st.Name) {
		select {
		case d.exits <- st:
		default:
		}
	}
}

// answer is what the runtime has to say of one call.
type answer[V any] struct {
	value V
	err   error
}

// ask makes one call of the runtime, with latency and faults. An effect that
// is under way takes place even when the caller gives up before it.
func ask[V any](ctx context.Context, d *Driver, verb driver.Action, r driver.Ref, effect func(time.Time) (V, error)) (V, error) {
	var none V
	fault, err := d.begin(ctx, verb, r)
	if err != nil {
		return none, opError(verb, r, err)
	}
	landed := make(chan answer[V], 1)
	after(d.cfg.Latency[verb]+fault.EffectAfter, func() { landed <- land(d, fault, effect) })
	got, err := wait(ctx, landed, fault)
	if err != nil {
		return none, opError(verb, r, err)
	}
	return got, nil
}

// begin refuses a call that cannot be made and otherwise counts it.
func (d *Driver) begin(ctx context.Context, verb driver.Action, r driver.Ref) (Fault, error) {
	if ctx.Err() != nil {
		return Fault{}, lapsed(ctx)
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	if !slices.Contains(d.host.drivers, d) {
		return Fault{}, fmt.Errorf("%w: driver is closed", driver.ErrConnectionLost)
	}
	return d.cfg.Faults.Next(verb, r.Name), nil
}

func land[V any](d *Driver, fault Fault, effect func(time.Time) (V, error)) (a answer[V]) {
	if fault.NoEffect {
		return a
	}
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	a.value, a.err = effect(time.Now())
	d.host.deliver()
	return a
}

// wait returns the answer, once it has come, or the fault in its place.
func wait[V any](ctx context.Context, landed <-chan answer[V], fault Fault) (V, error) {
	var none V
	if fault.Hang {
		<-ctx.Done()
		return none, lapsed(ctx)
	}
	var a answer[V]
	select {
	case a = <-landed:
	case <-ctx.Done():
		return none, lapsed(ctx)
	}
	if !sleep(ctx, fault.AnswerAfter) {
		return none, lapsed(ctx)
	}
	if fault.Err != nil {
		return none, fault.Err
	}
	return a.value, a.err
}

// lapsed is the error of a call whose context ended.
func lapsed(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", driver.ErrTimeout, cause)
	}
	return cause
}

// sleep reports whether d passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// after calls f in d: now and here if d is 0.
func after(d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	time.AfterFunc(d, f)
}

func refOf(c *manifest.Container) driver.Ref {
	return driver.Ref{Name: c.Name(), Revision: c.Revision}
}

func opError(verb driver.Action, r driver.Ref, err error) error {
	if verb == List {
		return fmt.Errorf("list containers: %w", err)
	}
	return &driver.OpError{Action: verb, Ref: r, Err: err}
}
