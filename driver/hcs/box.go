package hcs

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// box is one container of ours. Its lanes keep calls apart; its facts are
// guarded by Driver.mu.
type box struct {
	ref  driver.Ref
	id   string
	main *lane // verbs
	kill *lane // Terminate, which may overtake
	stat *lane // figures
	exec *lane // launches of further processes

	saving  sync.Mutex // orders the writing of notes
	dropped bool       // guarded by saving: there shall be no note any more

	state   driver.State // "": not made yet, or removed
	note    note
	sys     system              // nil: no handle, or no system
	fresh   bool                // sys was made and has never been started
	run     *run                // init process, while it runs
	made    *manifest.Container // what runs was started from; nil: adopted
	changed uint64              // Driver.clock at the last change
	address endpointAddress     // of the endpoint, once it was asked for
	missing bool                // a listing did not show what runs; it is being looked into
}

// run is one life of an init process.
type run struct {
	id     string // the keeper's; "": it has none
	pid    int
	proc   process     // nil: not attached
	host   hostProcess // nil: in a utility VM, or not allowed
	exited chan struct{}
}

func newBox(r driver.Ref, id string) *box {
	return &box{ref: r, id: id, main: newLane(), kill: newLane(), stat: newLane(), exec: newLane(), note: note{ID: id}}
}

// status is what is known of b. Driver.mu is held.
func (b *box) status() driver.Status {
	st := driver.Status{Ref: b.ref, State: b.state}
	switch b.state {
	case driver.Running, driver.Paused:
		st.PID, st.Started = b.note.PID, b.note.Started
	case driver.Stopped:
		st.Started, st.Exit = b.note.Started, b.note.Exit
	case driver.Created:
	}
	return st
}

func (b *box) alive() bool { return b.state == driver.Running || b.state == driver.Paused }

// change alters facts of b.
func (d *Driver) change(b *box, f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	d.clock++
	b.changed = d.clock
}

// look returns the facts of b.
func (d *Driver) look(b *box) (driver.State, system, *run, note) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return b.state, b.sys, b.run, b.note
}

// save writes the note of b as it is now. A note that cannot be written costs
// an exit code or a process number after a crash, not the container.
func (d *Driver) save(b *box) {
	b.saving.Lock()
	defer b.saving.Unlock()
	if b.dropped {
		return
	}
	d.mu.Lock()
	n := b.note
	d.mu.Unlock()
	if err := d.notes.save(n); err != nil {
		d.log.Warn("note of container not written", "container", b.ref.Name, "err", err)
	}
}

// drop removes the note of b for good: whoever enters an exit later writes none.
func (d *Driver) drop(b *box) error {
	b.saving.Lock()
	defer b.saving.Unlock()
	err := d.notes.drop(b.id)
	b.dropped = err == nil
	return err
}

// enter changes the note of b, and writes it.
func (d *Driver) enter(b *box, f func(*note)) {
	d.change(b, func() { f(&b.note) })
	d.save(b)
}

// find returns the box of r. claim makes one, with state "", if there is none.
func (d *Driver) find(r driver.Ref) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boxes[r]
}

func (d *Driver) claim(r driver.Ref, id string) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[r]
	if b == nil {
		b = newBox(r, id)
		d.boxes[r] = b
	}
	return b
}

// current reports whether b is still the box of its container.
func (d *Driver) current(b *box) bool { return d.find(b.ref) == b }

// forget drops a box that stands for nothing, unless somebody waits for it.
func (d *Driver) forget(b *box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.boxes[b.ref] == b && b.state == "" {
		delete(d.boxes, b.ref)
	}
}

// letGo closes the handles of b; what they stand for goes on.
func (d *Driver) letGo(b *box) {
	d.mu.Lock()
	sys, r := b.sys, b.run
	b.sys, b.run = nil, nil
	d.mu.Unlock()
	r.close()
	if sys != nil {
		_ = sys.close()
	}
}

func (d *Driver) letAllGo() {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.boxes))
	d.mu.Unlock()
	for _, b := range all {
		d.letGo(b)
	}
	d.dropSessions()
}

// close lets go of the process.
func (r *run) close() {
	if r == nil {
		return
	}
	if r.proc != nil {
		_ = r.proc.close()
	}
	if r.host != nil {
		r.host.close()
	}
}

// hint tells an exit, if there is room.
func (d *Driver) hint(st driver.Status) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	select {
	case d.exits <- st:
	default: // the next listing tells
	}
}

// now is the time without the reading of the monotonic clock, so that it is
// the same after it was written to a note.
func now() time.Time { return time.Now().Round(0) }
