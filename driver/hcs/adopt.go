package hcs

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// adopt takes over a listed system of ours. It makes no call itself: the box
// gets the state that the listing and the note give it, and the handles are
// opened in the background, where nobody else has to wait for them. The
// channel is closed when that is done.
func (d *Driver) adopt(b *box, p properties) <-chan struct{} {
	done := make(chan struct{})
	d.change(b, func() {
		if n, ok := d.known[b.ref]; ok {
			b.note = n
		}
		b.state = stateOf(p)
		b.run = nil
		switch {
		case b.state == driver.Created:
			b.note.Phase = created
		case b.note.Phase == ended:
			b.state = driver.Stopped
		case b.note.Phase == making || b.note.Phase == created:
			b.state = driver.Created // the system runs without its init process
		default:
			b.run = &run{id: b.note.Run, exited: make(chan struct{})}
		}
	})
	if !d.spawn(func() { defer close(done); d.settle(b) }) {
		close(done)
	}
	return done
}

// settle opens what adopt has entered.
func (d *Driver) settle(b *box) {
	ctx, cancel := context.WithTimeout(d.ctx, callLimit)
	defer cancel()
	if b.main.enter(ctx, "adoption") != nil {
		return
	}
	state, _, r, n := d.look(b)
	err := d.guard("adoption", func() error {
		switch {
		case state == driver.Created && n.Phase == created:
			return d.openCreated(b)
		case r != nil && d.takeHeld(b, r):
			return nil
		case r != nil && n.Phase == launching:
			return d.findInit(b, r)
		case r != nil:
			d.identify(b, r)
		}
		return nil
	})
	b.main.leave()
	if err != nil && d.ctx.Err() == nil {
		d.log.Warn("container not adopted as it should be", "container", b.ref.Name, "err", err)
	}
	switch state, _, r, _ := d.look(b); {
	case state == driver.Stopped:
		d.reap(b)
	case r != nil:
		d.log.Info("container adopted", "container", b.ref.Name, "pid", r.pid)
		d.spawn(func() { d.reconnect(b, r) })
	}
}

// openCreated opens a system that was never started, or whose boot nobody
// finished; only the first can be used.
func (d *Driver) openCreated(b *box) error {
	p, err := d.single(b.id)
	if err != nil || p == nil || p.State != "Created" {
		return err // Start makes another
	}
	sys, err := d.machine.open(b.id)
	if err != nil {
		return err
	}
	d.enter(b, func(*note) { b.sys, b.fresh = sys, true })
	return nil
}

// identify makes sure that the process of the note is still the same one: with
// process isolation its number is one of the host, and may be another's now.
func (d *Driver) identify(b *box, r *run) {
	_, _, _, n := d.look(b)
	d.change(b, func() { r.pid = n.PID })
	if n.PID == 0 {
		d.log.Warn("container runs without a note of its init process; only the end of its system can be seen", "container", b.ref.Name)
	}
	if n.VM || n.PID == 0 {
		return
	}
	h, err := d.machine.openProcess(n.PID)
	switch {
	case err == nil && (n.Born.IsZero() || h.born().Equal(n.Born)):
		d.enter(b, func(n *note) { r.host, n.Born = h, h.born() })
	case err == nil:
		h.close()
		d.passed(b, r)
	case errors.Is(err, errNoProcess):
		d.passed(b, r)
	}
}

// takeHeld takes over what the keeper says of r. It reports false if the keeper
// has not held it, or is gone.
func (d *Driver) takeHeld(b *box, r *run) bool {
	held, ok, _ := d.told.run(r.id)
	if !ok {
		if r.id != "" {
			d.log.Error("no keeper holds this container any more; it is adopted without its output, until its next start", "container", b.ref.Name)
		}
		return false
	}
	d.enter(b, func(n *note) {
		r.pid = held.PID
		n.Phase, n.PID, n.Started = running, held.PID, held.Started
	})
	if held.Exit != nil {
		d.passed(b, r)
		return true
	}
	if _, _, _, n := d.look(b); !n.VM {
		if h, err := d.machine.openProcess(held.PID); err == nil {
			d.enter(b, func(n *note) { r.host, n.Born = h, h.born() })
		}
	}
	return true
}

// passed enters an exit that happened before we watched. b.main is held.
func (d *Driver) passed(b *box, r *run) {
	e := d.exitOf(r, -1, nil)
	var st driver.Status
	d.enter(b, func(n *note) {
		if b.run != r {
			return
		}
		n.Phase, n.Exit = ended, e
		b.state, b.run = driver.Stopped, nil
		st = b.status()
	})
	if st.State == driver.Stopped {
		close(r.exited)
		d.hint(st)
	}
}

// findInit looks for an init process that was being launched when the last
// daemon died: the oldest process of its program. If there is none it was not
// launched, or has ended; the container counts as Created then.
func (d *Driver) findInit(b *box, r *run) error {
	_, _, _, n := d.look(b)
	sys, err := d.machine.open(b.id)
	if err != nil {
		return err
	}
	defer sys.close()
	items, err := sys.processes()
	if err != nil {
		return err
	}
	var found *processItem
	for i, it := range items {
		if strings.EqualFold(base(it.image), n.Program) && (found == nil || it.created.Before(found.created)) {
			found = &items[i]
		}
	}
	d.enter(b, func(n *note) {
		if found == nil {
			n.Phase, b.state, b.run = making, driver.Created, nil
			return
		}
		n.Phase, n.PID, n.Born, n.Started = running, found.pid, time.Time{}, found.created
	})
	if found != nil {
		d.identify(b, r)
	}
	return nil
}
