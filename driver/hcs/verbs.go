package hcs

import (
	"context"
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

// verb runs body on the container r in its main lane. Its errors become those
// of the contract.
func (d *Driver) verb(ctx context.Context, a driver.Action, r driver.Ref, body func(context.Context, *box) error) error {
	return fail(a, r, d.on(ctx, string(a), r, callLimit, func(b *box) *lane { return b.main }, body))
}

// on runs body on the container r in one of its lanes.
func (d *Driver) on(ctx context.Context, what string, r driver.Ref, limit time.Duration, pick func(*box) *lane, body func(context.Context, *box) error) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	b := d.find(r)
	if b == nil {
		return driver.ErrNotFound
	}
	return d.call(ctx, pick(b), what, limit, func(ctx context.Context) error {
		if state, _, _, _ := d.look(b); state == "" || !d.current(b) {
			return driver.ErrNotFound
		}
		return body(ctx, b)
	})
}

// ready tells why nothing can be said of any container.
func (d *Driver) ready(ctx context.Context) error {
	if err := d.usable(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	seen := d.seen
	d.mu.Unlock()
	if !seen {
		return errors.New("the host compute service could not be listed yet")
	}
	return nil
}

// Create makes the scratch layer, the endpoint and the system.
func (d *Driver) Create(ctx context.Context, c *manifest.Container) error {
	r := refOf(c)
	return fail(driver.Create, r, d.create(ctx, r, c))
}

func (d *Driver) create(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	id, err := systemID(d.owner, r)
	if err != nil {
		return err
	}
	if err := refusal(d.Check(c)); err != nil {
		return err
	}
	for {
		b := d.claim(r, id)
		again := false
		err := d.call(ctx, b.main, string(driver.Create), callLimit, func(ctx context.Context) error {
			state, _, _, _ := d.look(b)
			switch {
			case !d.current(b): // removed while we waited
				again = true
				return nil
			case state != "":
				return driver.ErrExists
			}
			defer d.forget(b) // unless it has a state then
			return d.makeNew(ctx, b, c)
		})
		if err != nil || !again {
			return err
		}
	}
}

// Start runs the init process. A container that has ended gets a new system on
// its old scratch layer. It returns once the process is launched.
func (d *Driver) Start(ctx context.Context, c *manifest.Container) error {
	return d.verb(ctx, driver.Start, refOf(c), func(ctx context.Context, b *box) error {
		if state, _, _, _ := d.look(b); state == driver.Running || state == driver.Paused {
			return driver.ErrRunning
		}
		return d.start(ctx, b, c)
	})
}

// Shutdown asks Windows in the container to shut down; every process gets the
// event, and is killed by Windows after some seconds.
func (d *Driver) Shutdown(ctx context.Context, r driver.Ref) error {
	return d.verb(ctx, driver.Shutdown, r, func(_ context.Context, b *box) error {
		return d.ask(b, system.shutdown)
	})
}

// Terminate ends the system with all its processes.
func (d *Driver) Terminate(ctx context.Context, r driver.Ref) error {
	lane := func(b *box) *lane { return b.kill }
	err := d.on(ctx, string(driver.Terminate), r, callLimit, lane, func(_ context.Context, b *box) error {
		return d.ask(b, system.terminate)
	})
	return fail(driver.Terminate, r, err)
}

// ask calls for the end of a running system. That it has ended already is seen
// soon by its watcher.
func (d *Driver) ask(b *box, request func(system) error) error {
	state, sys, _, _ := d.look(b)
	if state != driver.Running && state != driver.Paused {
		return driver.ErrNotRunning
	}
	if sys == nil {
		var err error
		if sys, err = d.machine.open(b.id); err != nil {
			return err
		}
		defer sys.close()
	}
	return accepted(request(sys))
}

// Remove ends what is left of the system, and destroys scratch layer, endpoint
// and note. Each part is removed even if it is already gone.
func (d *Driver) Remove(ctx context.Context, r driver.Ref) error {
	return d.verb(ctx, driver.Remove, r, func(ctx context.Context, b *box) error {
		if state, _, _, _ := d.look(b); state == driver.Running || state == driver.Paused {
			return driver.ErrRunning
		}
		if err := d.endSystem(ctx, b); err != nil {
			return err
		}
		if err := d.release(ctx, b); err != nil {
			return err
		}
		_, _, _, n := d.look(b)
		if err := d.drop(b); err != nil {
			return err
		}
		d.forgetRun(ctx, n.Run)
		d.change(b, func() { b.state = "" })
		d.forget(b)
		return nil
	})
}

// release destroys what was made for the system of b, which is gone. The note
// can save the look for an endpoint: only one that was finished without any
// has certainly none.
func (d *Driver) release(ctx context.Context, b *box) error {
	_, _, _, n := d.look(b)
	if n.Endpoint != "" || n.Phase == making || n.Phase == "" {
		if err := d.releaseEndpoint(b.id); err != nil {
			return err
		}
	}
	return d.releaseScratch(ctx, b.id)
}

// Pause freezes a container with Hyper-V isolation.
func (d *Driver) Pause(ctx context.Context, r driver.Ref) error {
	return d.freeze(ctx, driver.Pause, r, driver.Paused, system.pause)
}

// Resume thaws it.
func (d *Driver) Resume(ctx context.Context, r driver.Ref) error {
	return d.freeze(ctx, driver.Resume, r, driver.Running, system.resume)
}

func (d *Driver) freeze(ctx context.Context, a driver.Action, r driver.Ref, goal driver.State, request func(system) error) error {
	return d.verb(ctx, a, r, func(_ context.Context, b *box) error {
		state, sys, run, n := d.look(b)
		switch {
		case !n.VM:
			return driver.ErrUnsupported
		case state != driver.Running && state != driver.Paused || sys == nil:
			return driver.ErrNotRunning
		case state == goal:
			return nil
		}
		if err := request(sys); err != nil {
			return err
		}
		d.change(b, func() {
			if b.run == run && b.alive() { // and did not end meanwhile
				b.state = goal
			}
		})
		return nil
	})
}

// Update takes over the limits of the logs; schema 1 can change nothing else
// in place that a manifest has.
func (d *Driver) Update(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	return d.verb(ctx, driver.Update, r, func(ctx context.Context, b *box) error {
		state, _, run, _ := d.look(b)
		if state != driver.Running && state != driver.Paused || run == nil {
			return driver.ErrNotRunning
		}
		if _, held, _ := d.told.run(run.id); !held {
			return nil // it has no log
		}
		ctx, cancel := context.WithTimeout(ctx, keeperCall)
		defer cancel()
		if err := d.link.Limit(ctx, run.id, limitsOf(c)); err != nil && !errors.Is(err, keeper.ErrGone) {
			return fmt.Errorf("change limits of log: %w", err)
		}
		return nil
	})
}
