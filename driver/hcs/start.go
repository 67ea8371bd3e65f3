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

// start boots the system of b, a new one unless it has one that has never been
// started, and launches the init process. It may be repeated from any point.
func (d *Driver) start(ctx context.Context, b *box, c *manifest.Container) error {
	folders, image, err := d.image(c)
	if err != nil {
		return err
	}
	doc, err := processDocument(c, b.id, image, hostValue)
	if err != nil {
		return err
	}
	if !d.takeFresh(b) {
		if err := d.endSystem(ctx, b); err != nil {
			return fmt.Errorf("end the last run: %w", err)
		}
		if err := d.makeSystem(ctx, b, c, folders); err != nil {
			return err
		}
		d.takeFresh(b)
	}
	_, sys, _, before := d.look(b)
	if err := d.boot(ctx, b, c, sys, doc); err != nil {
		undo, cancel := undoing(ctx)
		defer cancel()
		err = errors.Join(err, d.endSystem(undo, b))
		d.enter(b, func(n *note) { n.Phase = before.Phase })
		return err
	}
	return nil
}

// takeFresh reports whether b has a system that was never started; it counts
// as started from now on.
func (d *Driver) takeFresh(b *box) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	fresh := b.sys != nil && b.fresh
	b.fresh = false
	return fresh
}

func (d *Driver) boot(ctx context.Context, b *box, c *manifest.Container, sys system, doc *processConfig) error {
	if sys == nil {
		return driver.ErrConnectionLost // Close was faster
	}
	if err := sys.start(); err != nil {
		return fmt.Errorf("start system: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	id := b.runID()
	d.enter(b, func(n *note) { n.Phase, n.Booted, n.Program, n.Run = launching, true, program(doc.CommandLine), id })
	held, err := d.launch(ctx, b, c, id, doc)
	if err != nil {
		return err
	}
	d.launched(b, c, sys, held)
	return nil
}

// launched enters the new init process and watches it.
func (d *Driver) launched(b *box, c *manifest.Container, sys system, held keeper.Run) {
	_, _, _, n := d.look(b)
	r := &run{pid: held.PID, id: held.ID, proc: d.told.process(held.ID), exited: make(chan struct{})}
	started, born := held.Started, time.Time{}
	if !n.VM {
		if h, err := d.machine.openProcess(r.pid); err == nil {
			r.host, born = h, h.born()
		}
	}
	d.enter(b, func(e *note) {
		e.Phase, e.PID, e.Born, e.Started, e.Exit = running, r.pid, born, started, driver.Exit{}
		b.state, b.run, b.missing, b.made = driver.Running, r, false, c
	})
	d.watch(b, r, sys)
}

// limitsOf says how much output is kept.
func limitsOf(c *manifest.Container) (lim keeper.Limits) {
	if q := c.Spec.Logs.MaxSize; q != nil {
		lim.Size = q.Value()
	}
	if n := c.Spec.Logs.MaxFiles; n != nil {
		lim.Files = *n
	}
	return lim
}
