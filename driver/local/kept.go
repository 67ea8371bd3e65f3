package local

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var _ driver.Kept = (*Driver)(nil)

// newsBuffer is how many losses and returns may wait for a reader.
const newsBuffer = 16

// Keeper implements driver.Kept.
func (d *Driver) Keeper() driver.KeeperFacts {
	f := d.link.Facts()
	d.mu.Lock()
	defer d.mu.Unlock()
	out := driver.KeeperFacts{
		Up: f.Up, Needed: f.Needed, PID: f.PID, Version: f.Version, Protocol: f.Protocol, Started: f.Started,
		Restarts: f.Restarts, Problem: f.Problem, Dropped: d.dropped,
	}
	for _, b := range d.boxes {
		switch {
		case b.state != driver.Running:
		case f.Up && b.proc.run != "":
			out.Held++
		default:
			out.Unheld++
		}
	}
	return out
}

// KeeperNews implements driver.Kept.
func (d *Driver) KeeperNews() <-chan driver.KeeperNews { return d.news }

// tellNews is told of a loss with what was held, and of a return with nil.
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

// held are the containers whose process the keeper holds. d.mu is held.
func (d *Driver) held() (refs []driver.Ref) {
	for _, b := range d.boxes {
		if b.state == driver.Running && b.proc.run != "" {
			refs = append(refs, b.ref)
		}
	}
	return refs
}
