package local

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// sweepRounds bounds how often one look goes on killing what forks meanwhile.
const sweepRounds = 5

// errGone says that a process ended before it could be dealt with.
var errGone = errors.New("process is gone")

// look goes through the processes of the system: it adopts init processes
// that we do not know, ends strays, and notes what bears another owner. With
// only set, it does nothing if an earlier look has dealt with that container.
// One look runs at a time; it goes on when ctx ends before it is done.
func (d *Driver) look(ctx context.Context, only *box) error {
	select {
	case d.looking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if only != nil && !d.isDirty(only) {
		<-d.looking
		return nil
	}
	result := make(chan error, 1)
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		<-d.looking
		return driver.ErrConnectionLost
	}
	d.done.Add(1)
	d.mu.Unlock()
	go func() {
		defer d.done.Done()
		defer func() { <-d.looking }()
		result <- d.lookNow()
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Driver) isDirty(b *box) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return b.dirty
}

// lookNow looks until no stray is left. Strays that do not end are no error:
// their container stays dirty, and so cannot be removed.
func (d *Driver) lookNow() error {
	for range sweepRounds {
		known, dirty := d.beginLook()
		vouched := d.journal.byPID()
		procs, err := scan(known, vouched)
		if err != nil {
			return err
		}
		strays := d.sort(procs, vouched)
		if len(strays) == 0 {
			d.endLook(dirty)
			return nil
		}
		for _, p := range strays {
			if err := d.host.killStray(p); err != nil && !errors.Is(err, errGone) {
				d.log.Warn("process left behind does not end", "container", p.ref.Name, "pid", p.pid, "err", err)
			}
		}
	}
	return nil
}

// beginLook returns the processes that need no look, and the containers whose
// end is older than the look.
func (d *Driver) beginLook() (known map[int]struct{}, dirty []*box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked = time.Now()
	known = make(map[int]struct{}, len(d.boxes))
	for _, b := range d.boxes {
		if b.state == driver.Running {
			known[b.proc.pid] = struct{}{}
		}
		if b.dirty {
			dirty = append(dirty, b)
		}
	}
	return known, dirty
}

func (d *Driver) endLook(dirty []*box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range dirty {
		b.dirty = false
	}
}

// sort deals with all that a scan found and returns the strays.
func (d *Driver) sort(procs []seen, vouched map[int]entry) (strays []seen) {
	runs, foreign := map[marks][]seen{}, map[string]driver.Foreign{}
	for _, p := range procs {
		if e, ok := vouched[p.pid]; ok && e.is(p) {
			p.marks = e.marks()
		}
		p.further, p.exec = p.exec, false
		switch {
		case p.owner == d.owner:
			runs[p.marks] = append(runs[p.marks], p)
		case p.owner != "" && p.leader && p.fresh():
			id := p.owner + "/" + p.ref.String()
			foreign[id] = driver.Foreign{ID: p.ref.String(), Owner: p.owner, State: driver.Running}
		}
	}
	d.noteForeign(foreign)
	byAge := func(a, b marks) int { return cmp.Compare(a.born, b.born) }
	for _, m := range slices.SortedFunc(maps.Keys(runs), byAge) {
		strays = append(strays, d.sortRun(m, runs[m])...)
	}
	return strays
}

func (d *Driver) noteForeign(found map[string]driver.Foreign) {
	list := slices.SortedFunc(maps.Values(found), func(a, b driver.Foreign) int {
		return strings.Compare(a.Owner+"/"+a.ID, b.Owner+"/"+b.ID)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.foreign = list
}

// sortRun deals with the processes of one run and returns those to be ended.
func (d *Driver) sortRun(m marks, procs []seen) (strays []seen) {
	d.mu.Lock()
	b := d.boxes[m.ref]
	var ours, over, busy bool
	if b != nil {
		current := m.born == b.born
		ours = current && b.state == driver.Running || m.born > b.born && b.starting
		over = current && b.state != driver.Running || m.born < b.born
		busy = b.running()
	}
	d.mu.Unlock()
	if ours {
		return nil
	}
	init, ok := d.initOf(procs)
	if !ok || over {
		return procs
	}
	if busy {
		d.log.Warn("container runs twice: another daemon seems to work for this owner",
			"container", m.ref.Name, "pid", init.pid)
		return nil
	}
	if err := d.adopt(init); err != nil {
		d.log.Warn("process not adopted", "container", m.ref.Name, "pid", init.pid, "err", err)
	}
	return nil
}

// initOf picks the init process of one run. The journal knows it for sure.
// Without it, it is the oldest session leader that is as old as the marks;
// where two are, the one that is not the other's child.
func (d *Driver) initOf(procs []seen) (init seen, ok bool) {
	pid, recorded := d.journal.pid(procs[0].marks)
	for _, p := range procs {
		if recorded && p.pid == pid {
			return p, true
		}
		if recorded || !p.leader || !p.trusted || p.further || !p.fresh() {
			continue
		}
		if !ok || p.start < init.start || p.start == init.start && init.parent == p.pid {
			init, ok = p, true
		}
	}
	return init, ok
}

// adopt takes over a process that another daemon started.
func (d *Driver) adopt(s seen) error {
	p, err := d.host.adopt(s)
	if errors.Is(err, errGone) {
		return nil // its end is older than our knowing of it; the marks it left are swept next time
	}
	if err != nil {
		return err
	}
	if started := d.journal.recall(s.marks); !started.IsZero() {
		p.started = started
	}
	d.mu.Lock()
	b := d.boxes[s.ref]
	if b == nil {
		b = &box{ref: s.ref}
		d.boxes[s.ref] = b
	}
	b.state, b.proc, b.born, b.boot, b.started = driver.Running, p, s.born, bootID(), p.started
	d.mu.Unlock()
	d.host.watch(p)
	return nil
}
