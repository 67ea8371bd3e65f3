package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func refOf(c *manifest.Container) driver.Ref {
	return driver.Ref{Name: c.Name(), Revision: c.Revision}
}

func fail(a driver.Action, r driver.Ref, err error) error {
	return &driver.OpError{Action: a, Ref: r, Err: err}
}

// Create remembers the container; nothing is made on the host. After a crash
// of the daemon a container that never ran is not known any more.
func (d *Driver) Create(ctx context.Context, c *manifest.Container) error {
	r := refOf(c)
	if err := d.usable(ctx); err != nil {
		return fail(driver.Create, r, err)
	}
	if err := refusal(d.Check(c)); err != nil {
		return fail(driver.Create, r, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.boxes[r] != nil {
		return fail(driver.Create, r, driver.ErrExists)
	}
	d.boxes[r] = &box{ref: r, state: driver.Created}
	return nil
}

// Start runs the init process. It returns once the program has been loaded, or
// could not be. It does not wait for what an earlier run may have left behind
// in sessions of its own; that ends within about a second.
func (d *Driver) Start(ctx context.Context, c *manifest.Container) error {
	r := refOf(c)
	if err := d.usable(ctx); err != nil {
		return fail(driver.Start, r, err)
	}
	b, err := d.claim(r)
	if err != nil {
		return fail(driver.Start, r, err)
	}
	defer d.done.Done()
	run, err := d.launch(ctx, r, c)
	if err == nil {
		d.enter(run)
	}
	d.started(b)
	if err != nil {
		return fail(driver.Start, r, err)
	}
	return nil
}

// claim marks the container as being started. Close waits for d.done, so that
// nothing is started any more once the owner's lock is free.
func (d *Driver) claim(r driver.Ref) (*box, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[r]
	switch {
	case d.closed:
		return nil, driver.ErrConnectionLost
	case b == nil:
		return nil, driver.ErrNotFound
	case b.running():
		return nil, driver.ErrRunning
	}
	d.done.Add(1)
	b.starting = true
	return b, nil
}

func (d *Driver) started(b *box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.starting = false
}

// launch has the keeper start a new run.
func (d *Driver) launch(ctx context.Context, r driver.Ref, c *manifest.Container) (keeper.Run, error) {
	m := marks{owner: d.owner, ref: r, born: bornClock()}
	env, err := d.environ(m, c.Spec.Env)
	if err != nil {
		return keeper.Run{}, err
	}
	cmd, err := commandOf(&c.Spec, env)
	if err != nil {
		return keeper.Run{}, err
	}
	spec, err := json.Marshal(order{
		Owner: m.owner, Born: m.born, Path: keeper.Bytes(cmd.path), Argv: encoded(cmd.argv), Line: keeper.Bytes(cmd.line),
		Dir: keeper.Bytes(cmd.dir), Env: encoded(env),
	})
	if err != nil {
		return keeper.Run{}, err
	}
	run, err := d.link.Launch(ctx, keeper.Order{
		ID: runID(m), Kind: Kind, Name: r.Name, Revision: string(r.Revision), Limits: limitsOf(c), Spec: spec,
	})
	if err != nil {
		return keeper.Run{}, launchError(err)
	}
	return run, nil
}

// Shutdown sends SIGTERM to the process group, on Windows CTRL_BREAK.
func (d *Driver) Shutdown(ctx context.Context, r driver.Ref) error {
	return d.end(ctx, driver.Shutdown, r, keeper.Ask)
}

// Terminate kills the process group. Descendants that left it are killed
// within about a second, and before Remove returns.
func (d *Driver) Terminate(ctx context.Context, r driver.Ref) error {
	return d.end(ctx, driver.Terminate, r, keeper.Kill)
}

func (d *Driver) end(ctx context.Context, a driver.Action, r driver.Ref, s keeper.Signal) error {
	if err := d.usable(ctx); err != nil {
		return fail(a, r, err)
	}
	d.mu.Lock()
	b := d.boxes[r]
	var p *process
	if b != nil && b.state == driver.Running {
		p = b.proc
	}
	d.mu.Unlock()
	switch {
	case b == nil:
		return fail(a, r, driver.ErrNotFound)
	case p == nil:
		return fail(a, r, driver.ErrNotRunning)
	}
	if err := d.signal(ctx, p, s); err != nil {
		return fail(a, r, err)
	}
	return nil
}

// Remove ends what the container left behind, and forgets it. Its logs stay.
func (d *Driver) Remove(ctx context.Context, r driver.Ref) error {
	if err := d.usable(ctx); err != nil {
		return fail(driver.Remove, r, err)
	}
	d.mu.Lock()
	b := d.boxes[r]
	if b == nil || b.running() {
		d.mu.Unlock()
		if b == nil {
			return fail(driver.Remove, r, driver.ErrNotFound)
		}
		return fail(driver.Remove, r, driver.ErrRunning)
	}
	dirty := b.dirty
	d.mu.Unlock()
	if dirty {
		if err := d.look(ctx, b); err != nil {
			return fail(driver.Remove, r, err)
		}
		if d.isDirty(b) {
			return fail(driver.Remove, r, fmt.Errorf("%w: processes that it left behind do not end", driver.ErrTimeout))
		}
	}
	return d.forget(b)
}

func (d *Driver) forget(b *box) error {
	d.mu.Lock()
	if b.running() {
		d.mu.Unlock()
		return fail(driver.Remove, b.ref, driver.ErrRunning)
	}
	if d.boxes[b.ref] == b {
		delete(d.boxes, b.ref)
	}
	d.mu.Unlock()
	d.acknowledge(b.run)
	return nil
}

// Pause is not supported: plain processes cannot be frozen as a whole.
func (d *Driver) Pause(_ context.Context, r driver.Ref) error {
	return fail(driver.Pause, r, driver.ErrUnsupported)
}

// Resume is not supported, as Pause.
func (d *Driver) Resume(_ context.Context, r driver.Ref) error {
	return fail(driver.Resume, r, driver.ErrUnsupported)
}

// Update takes over the limits of the logs; no other field that may change in
// place means anything to a plain process. What runs without the keeper has no
// log of ours.
func (d *Driver) Update(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	if err := d.usable(ctx); err != nil {
		return fail(driver.Update, r, err)
	}
	d.mu.Lock()
	b := d.boxes[r]
	run := ""
	if b != nil && b.state == driver.Running {
		run = b.proc.run
	}
	d.mu.Unlock()
	switch {
	case b == nil:
		return fail(driver.Update, r, driver.ErrNotFound)
	case !b.running():
		return fail(driver.Update, r, driver.ErrNotRunning)
	case run == "":
		return nil
	}
	err := d.link.Limit(ctx, run, limitsOf(c))
	if errors.Is(err, keeper.ErrGone) {
		err = driver.ErrNotRunning
	}
	if err != nil {
		return fail(driver.Update, r, err)
	}
	return nil
}

// exited is told by the host that the init process of a container has ended
// which no keeper holds.
func (d *Driver) exited(p *process, e driver.Exit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.boxes[p.ref]; !d.closed && b != nil && b.proc == p {
		d.ended(b, e)
	}
}

// sweepSoon plans a look for what exits left behind. d.mu is held.
func (d *Driver) sweepSoon(in time.Duration) {
	if d.sweep != nil || d.closed {
		return
	}
	if wait := time.Until(d.looked.Add(sweepEvery)); wait > in {
		in = wait
	}
	d.done.Add(1)
	d.sweep = time.AfterFunc(in, func() {
		defer d.done.Done()
		d.mu.Lock()
		d.sweep = nil
		d.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), rescanEvery)
		defer cancel()
		if err := d.look(ctx, nil); err != nil {
			d.log.Warn("left-over processes not looked for", "err", err)
		}
	})
}
