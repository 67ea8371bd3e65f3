package hcs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
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
	d.enter(b, func(n *note) { n.Phase, n.Booted, n.Program = launching, true, program(doc.CommandLine) })
	p, err := sys.launch(doc)
	if err != nil {
		return fmt.Errorf("launch init process: %w", err)
	}
	d.launched(b, c, sys, p)
	return nil
}

// launched enters the new init process and watches it.
func (d *Driver) launched(b *box, c *manifest.Container, sys system, p process) {
	_, _, _, n := d.look(b)
	lim := limitsOf(c)
	r := &run{pid: p.pid(), proc: p, exited: make(chan struct{}), out: d.capture(b, c, p, lim)}
	started, born := now(), time.Time{}
	if !n.VM {
		if h, err := d.machine.openProcess(r.pid); err == nil {
			r.host, born, started = h, h.born(), h.born()
		}
	}
	d.enter(b, func(e *note) {
		e.Phase, e.PID, e.Born, e.Started, e.Exit = running, r.pid, born, started, driver.Exit{}
		b.state, b.run, b.limits, b.missing, b.made = driver.Running, r, lim, false, c
	})
	d.watch(b, r, sys)
}

// capture copies what the process prints to the log of its container.
func (d *Driver) capture(b *box, c *manifest.Container, p process, lim limits) *output {
	in, stdout, stderr, err := p.stdio()
	if err != nil {
		d.log.Warn("output of container not captured", "container", b.ref.Name, "err", err)
		return nil
	}
	if in != nil && !c.Spec.Stdin {
		if err := p.closeStdin(); err != nil {
			d.log.Debug("standard input not closed", "container", b.ref.Name, "err", err)
		}
		_ = in.Close()
		in = nil
	}
	return d.logs.capture(d, b.ref.Name, lim, in, stdout, stderr)
}
