package hcs

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

var _ driver.Kept = (*Driver)(nil)

// newsBuffer is how many losses and returns may wait for a reader.
const newsBuffer = 16

// Keeper implements driver.Kept.
func (d *Driver) Keeper() driver.KeeperFacts {
	f := d.link.Facts()
	out := driver.KeeperFacts{
		Up: f.Up, Needed: f.Needed, PID: f.PID, Version: f.Version, Protocol: f.Protocol, Started: f.Started,
		Restarts: f.Restarts, Problem: f.Problem, Dropped: d.told.dropped(),
	}
	held, unheld := d.runningByKeeper()
	if f.Up {
		out.Held, out.Unheld = len(held), unheld
	} else {
		out.Unheld = len(held) + unheld
	}
	return out
}

// KeeperNews implements driver.Kept.
func (d *Driver) KeeperNews() <-chan driver.KeeperNews { return d.news }

// runningByKeeper tells the running containers whose process the keeper holds,
// and how many run without it.
func (d *Driver) runningByKeeper() (held []driver.Ref, unheld int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.boxes {
		if !b.alive() || b.run == nil {
			continue
		}
		if _, ok, _ := d.told.run(b.run.id); ok {
			held = append(held, b.ref)
		} else {
			unheld++
		}
	}
	return held, unheld
}

// keeperUp is told of all that a keeper has.
func (d *Driver) keeperUp(w keeper.Welcome, runs []keeper.Run) {
	if d.told.up(w, runs) {
		d.tellNews(nil)
	}
}

// keeperDown is told that the keeper is gone.
func (d *Driver) keeperDown(cause error) {
	held, _ := d.runningByKeeper()
	if d.told.lost(cause) {
		d.tellNews(held)
	}
}

// tellNews tells a loss with what was held, and a return with nil.
func (d *Driver) tellNews(lost []driver.Ref) {
	n := driver.KeeperNews{KeeperFacts: d.Keeper(), Containers: lost}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	select {
	case d.news <- n:
	default: // the facts tell
	}
}
