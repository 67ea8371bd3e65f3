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

const (
	keeperCall   = 5 * time.Second // for a keeper to answer what takes it no time
	orphansAfter = 3 * time.Second // without a keeper, until we watch ourselves what it held
)

// runID names a run to the keeper.
func runID(m marks) string { return fmt.Sprintf("%s@%s@%d", m.ref.Name, m.ref.Revision, m.born) }

// openLink connects to the keeper, if there is one. One that cannot be used
// holds nothing back: what runs is adopted without it.
func (d *Driver) openLink(ctx context.Context, cfg Config, dir string) {
	d.link = keeper.NewLink(keeper.LinkConfig{
		StateDir: dir, Owner: d.owner, Version: cfg.Version, Log: d.log, Start: cfg.Keeper,
		Up: d.keeperUp, Changed: func(r keeper.Run) { d.enter(r) }, Down: d.keeperDown,
	})
	if err := d.link.Open(ctx); err != nil {
		d.log.Error("the keeper cannot be used; containers are adopted without it: their exit codes may be lost", "err", err)
	}
}

// keeperUp is told of all that the keeper has.
func (d *Driver) keeperUp(w keeper.Welcome, runs []keeper.Run) {
	d.mu.Lock()
	d.stopOrphans()
	if w.Epoch != d.epoch { // numbers of another history mean nothing
		for _, b := range d.boxes {
			b.seq = 0
		}
	}
	d.epoch = w.Epoch
	d.mu.Unlock()
	has := map[string]bool{}
	var old []string
	for _, r := range runs {
		if r.Kind != Kind || d.passive && r.State != keeper.Ended && !d.link.Facts().Up {
			continue // what no keeper holds any more is found by its marks
		}
		has[r.ID] = true
		if !d.enter(r) && r.State == keeper.Ended {
			old = append(old, r.ID)
		}
	}
	if d.passive {
		return
	}
	for _, id := range old {
		d.acknowledge(id)
	}
	d.offer(func(p *process) bool { return has[p.run] })
	if d.link.Facts().Restarts > 0 {
		d.tellNews(nil)
	}
}

// keeperDown is told that the keeper is gone. Mostly the next one tells at once
// how things are; it alone may know an exit code that we were not told.
func (d *Driver) keeperDown(err error) {
	d.mu.Lock()
	if d.closed || d.orphans != nil {
		d.mu.Unlock()
		return
	}
	lost := d.held()
	d.mu.Unlock()
	d.log.Error("the keeper is gone; what it held goes on, and another is started", "containers", len(lost), "err", err)
	d.tellNews(lost)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.done.Add(1)
	d.orphans = time.AfterFunc(orphansAfter, func() {
		defer d.done.Done()
		d.watchOrphans()
	})
}

// stopOrphans takes back what keeperDown has planned. d.mu is held.
func (d *Driver) stopOrphans() {
	if d.orphans != nil && d.orphans.Stop() {
		d.done.Done()
	}
	d.orphans = nil
}

// enter takes over what the keeper says of a run, and reports whether that is
// the run that the container is in. It may be told twice, and out of order.
func (d *Driver) enter(r keeper.Run) (current bool) {
	var m memo
	if r.Kind != Kind || r.State == keeper.Launching || json.Unmarshal(r.Note, &m) != nil {
		return true
	}
	ref := driver.Ref{Name: r.Name, Revision: manifest.Revision(r.Revision)}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[ref]
	if d.forgotten[r.ID] || b != nil && b.run != r.ID && b.newerThan(m, r.Started) {
		return false
	}
	if b == nil {
		b = &box{ref: ref}
		d.boxes[ref] = b
	}
	if b.run == r.ID && (b.seq >= r.Seq || b.state == driver.Stopped && !tellsMore(r, b.exit)) {
		return true
	}
	d.countDropped(b, r)
	known := b.run == r.ID && b.state == driver.Stopped
	d.letGo(b)
	b.run, b.seq, b.born, b.boot, b.started, b.limits, b.starting = r.ID, r.Seq, m.Born, m.Boot, r.Started, r.Limits, false
	if r.State == keeper.Ended && r.Exit != nil {
		e := driver.Exit(*r.Exit)
		if known {
			e.At = b.exit.At // the same exit, of which more is known now
		}
		d.ended(b, e)
		return true
	}
	b.state, b.exit = driver.Running, driver.Exit{}
	b.proc = &process{
		marks: marks{owner: d.owner, ref: ref, born: m.Born}, pid: r.PID, started: r.Started, forked: m.Forked, run: r.ID,
	}
	d.remember(b.proc)
	return true
}

// countDropped adds what was lost of the output of a run. d.mu is held.
func (d *Driver) countDropped(b *box, r keeper.Run) {
	if b.run != r.ID || r.Dropped < b.dropped { // the next keeper counts anew
		b.dropped = 0
	}
	d.dropped += r.Dropped - b.dropped
	b.dropped = r.Dropped
}

// newerThan reports whether b is in a run that began after another one.
func (b *box) newerThan(m memo, started time.Time) bool {
	if b.boot == m.Boot {
		return b.born > m.Born
	}
	return b.started.After(started)
}

// tellsMore reports whether r tells an exit code that e does not know.
func tellsMore(r keeper.Run, e driver.Exit) bool {
	return r.Exit != nil && r.Exit.Known && !e.Known
}

// remember writes a process into the journal. d.mu is held.
func (d *Driver) remember(p *process) {
	if d.passive {
		return
	}
	if err := d.journal.add(p); err != nil {
		// The marks alone identify nearly every program.
		d.log.Warn("journal not written", "container", p.ref.Name, "err", err)
	}
}

// letGo stops our own watch of a process that the keeper holds now. d.mu is held.
func (d *Driver) letGo(b *box) {
	if b.proc != nil && b.proc.run == "" {
		d.host.leave(b.proc)
	}
	b.proc = nil
}

// ended enters the exit of a container, and tells it. d.mu is held.
func (d *Driver) ended(b *box, e driver.Exit) {
	b.state, b.exit, b.proc, b.dirty = driver.Stopped, e, nil, true
	d.journal.drop(b.ref, b.born)
	if d.closed {
		return
	}
	d.sweepSoon(sweepDelay)
	select {
	case d.exits <- b.status():
	default: // a hint; the next listing tells
	}
}

// signal has the keeper signal a process that it holds. Where no keeper answers
// it is done here.
func (d *Driver) signal(ctx context.Context, p *process, s keeper.Signal) error {
	direct := d.host.ask
	if s == keeper.Kill {
		direct = d.host.kill
	}
	if p.run == "" {
		return direct(p)
	}
	soon, cancel := context.WithTimeout(ctx, keeperCall)
	defer cancel()
	err := d.link.Signal(soon, p.run, s)
	switch {
	case errors.Is(err, keeper.ErrGone):
		return driver.ErrNotRunning
	case err == nil, ctx.Err() != nil, !errors.Is(err, keeper.ErrLost) && soon.Err() == nil:
		return err
	}
	mine, err := d.host.reclaim(p)
	if errors.Is(err, errGone) {
		return driver.ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer d.host.leave(mine)
	return direct(mine)
}

// acknowledge tells the keeper that an exit is known to all who want to know.
// Without a keeper it is told to the next one.
func (d *Driver) acknowledge(id string) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperCall)
	defer cancel()
	err := d.link.Forget(ctx, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.forgotten, id); err != nil {
		d.forgotten[id] = true
	}
}

// launchError says on this side of the socket what went wrong on the other.
func launchError(err error) error {
	switch {
	case errors.Is(err, keeper.ErrInvalid):
		return meant{err.Error(), driver.ErrInvalid}
	case errors.Is(err, keeper.ErrExists):
		return meant{err.Error(), driver.ErrRunning}
	case errors.Is(err, keeper.ErrLost):
		return fmt.Errorf("%w: %w", driver.ErrConnectionLost, err)
	case errors.Is(err, keeper.ErrVersion):
		return fmt.Errorf("%w; use a program as new as the keeper, or end it with `hcs-reconcile keeper stop`, which ends no container", err)
	}
	return err
}
