package hcs

import (
	"context"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// adoptLimit is how long a listing waits for containers that it adopts. What
// takes longer counts as running meanwhile.
const adoptLimit = 2 * time.Second

// List asks the service once for all its systems. It is the one way by which
// containers become known that this daemon did not make.
func (d *Driver) List(ctx context.Context) (driver.Listing, error) {
	var l driver.Listing
	err := d.usable(ctx)
	if err == nil {
		err = d.call(ctx, d.looking, "listing", lookLimit, func(ctx context.Context) (err error) {
			l, err = d.list(ctx)
			return err
		})
	}
	if err != nil {
		if hint, sentinel := explain(err); sentinel != nil || hint != "" {
			err = hinted(err, sentinel, hint)
		}
		return driver.Listing{}, fmt.Errorf("list containers: %w", err)
	}
	return l, nil
}

func hinted(err, sentinel error, hint string) error {
	if sentinel != nil {
		err = fmt.Errorf("%w: %w", sentinel, err)
	}
	if hint != "" {
		err = fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

func (d *Driver) list(ctx context.Context) (driver.Listing, error) {
	d.mu.Lock()
	clock := d.clock
	d.mu.Unlock()
	all, err := d.machine.systems()
	if err != nil {
		return driver.Listing{}, err
	}
	l := driver.Listing{}
	ours := map[driver.Ref]properties{}
	for _, p := range all {
		switch owner, r, ok := parseID(p.ID); {
		case ok && owner == d.owner && p.Owner == d.owner:
			if !p.gone() {
				ours[r] = p
			}
		default:
			l.Foreign = append(l.Foreign, driver.Foreign{ID: p.ID, Owner: p.Owner, State: stateOf(p)})
		}
	}
	d.compare(ctx, ours, clock)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.boxes {
		if b.state != "" {
			l.Ours = append(l.Ours, b.status())
		}
	}
	return l, nil
}

// stateOf turns the service's word for a state into ours.
func stateOf(p properties) driver.State {
	switch {
	case p.gone():
		return driver.Stopped
	case p.State == "Created" || p.State == "Paused":
		return driver.State(p.State)
	default:
		return driver.Running
	}
}

// compare holds the boxes against a listing that was asked for when the clock
// stood at clock. Boxes that changed since, or are in the middle of a call,
// know better than the listing.
func (d *Driver) compare(ctx context.Context, ours map[driver.Ref]properties, clock uint64) {
	var adopted []<-chan struct{}
	for r, p := range ours {
		if d.find(r) == nil {
			adopted = append(adopted, d.adopt(d.claim(r, p.ID), p))
		}
	}
	d.takeNotes(ours)
	d.mu.Lock()
	for r, b := range d.boxes {
		if b.changed > clock || !b.main.idle() {
			continue
		}
		p, listed := ours[r]
		d.compareOne(b, p, listed)
	}
	d.seen = true
	d.mu.Unlock()
	t := time.NewTimer(adoptLimit)
	defer t.Stop()
	for _, done := range adopted {
		select {
		case <-done:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// compareOne enters what a listing says of a settled box. d.mu is held.
func (d *Driver) compareOne(b *box, p properties, listed bool) {
	r := b.run
	switch {
	case b.state == driver.Created && !listed && b.sys != nil:
		sys := b.sys // somebody ended it; Start makes another
		b.sys, b.fresh = nil, false
		d.spawnLocked(func() { _ = sys.close() })
	case b.alive() && r != nil && !b.missing && (!listed || hasExited(r)):
		b.missing = true
		d.spawnLocked(func() {
			ctx, cancel := context.WithTimeout(d.ctx, lookLimit)
			defer cancel()
			d.suspect(ctx, b, r)
		})
	case b.state == driver.Stopped && listed:
		d.spawnLocked(func() { d.reap(b) })
	case b.alive() && listed && b.note.VM:
		b.state = stateOf(p)
		if !b.alive() {
			b.state = driver.Running
		}
	}
}

// hasExited reports an exit that we should have been told of.
func hasExited(r *run) bool {
	if r.host == nil {
		return false
	}
	_, over := r.host.exit()
	return over
}

// spawnLocked is spawn for callers that hold d.mu.
func (d *Driver) spawnLocked(f func()) {
	if !d.closed {
		d.done.Go(f)
	}
}

// takeNotes makes boxes of the notes of an earlier daemon whose systems are
// gone, at the first listing. What was still being made is left to the sweep.
func (d *Driver) takeNotes(ours map[driver.Ref]properties) {
	d.mu.Lock()
	known := d.known
	d.known = nil
	d.mu.Unlock()
	for r, n := range known {
		if _, listed := ours[r]; listed || n.Phase == making || d.find(r) != nil {
			continue
		}
		b := d.claim(r, n.ID)
		d.change(b, func() { b.note = n })
		switch n.Phase {
		case created:
			d.change(b, func() { b.state = driver.Created })
		case ended:
			d.change(b, func() { b.state = driver.Stopped })
		default: // it ran, or may have, and nobody was watching
			d.enter(b, func(n *note) {
				n.Phase, n.Exit = ended, driver.Exit{At: now()}
				if e, ok := d.told.exit(n.Run); ok {
					n.Exit = e
				}
				b.state = driver.Stopped
			})
		}
	}
}
