package sim

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// agenda holds what will happen, by time and then by order of planning.
type agenda struct {
	events []event
	seq    uint64
}

type event struct {
	at  time.Time
	seq uint64
	do  func()
}

func (a *agenda) Len() int { return len(a.events) }
func (a *agenda) Less(i, j int) bool {
	x, y := &a.events[i], &a.events[j]
	if x.at.Equal(y.at) {
		return x.seq < y.seq
	}
	return x.at.Before(y.at)
}
func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }
func (a *agenda) Push(x any)    { a.events = append(a.events, x.(event)) }
func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events = a.events[:last]
	return e
}

func (a *agenda) add(at time.Time, do func()) {
	a.seq++
	heap.Push(a, event{at, a.seq, do})
}

func (a *agenda) first() time.Time {
	if len(a.events) == 0 {
		return time.Time{}
	}
	return a.events[0].at
}

// due takes out the first event if its time has come.
func (a *agenda) due(now time.Time) *event {
	if len(a.events) == 0 || a.events[0].at.After(now) {
		return nil
	}
	e := heap.Pop(a).(event)
	return &e
}

// clock is the wall clock of the daemon's machine. It is changed only while no
// daemon runs.
type clock struct{ offsets []offset }

type offset struct {
	at time.Time // true time from which it holds
	by time.Duration
}

// wall is what the clock showed at a true time.
func (c *clock) wall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	for _, o := range slices.Backward(c.offsets) {
		if !t.Before(o.at) {
			return t.Add(o.by)
		}
	}
	return t
}

// truth is the true time at which the clock, as it is set now, shows w.
func (c *clock) truth(w time.Time) time.Time { return w.Add(-c.offsets[len(c.offsets)-1].by) }

func (c *clock) set(now time.Time, by time.Duration) { c.offsets = append(c.offsets, offset{now, by}) }

// jumped reports whether the clock was set since t, and ahead whether forward.
func (c *clock) jumped(since time.Time) (any, ahead bool) {
	for i, o := range c.offsets[1:] {
		if !o.at.Before(since) {
			any = true
			ahead = ahead || o.by > c.offsets[i].by
		}
	}
	return any, ahead
}

// disk is what outlives the daemon.
type disk struct {
	records map[string]stored
	brake   statedb.Brake
	kept    *statedb.Mem // the versions
}

type stored = statedb.Record

func (d *disk) write(t reconcile.Turn) {
	for _, n := range t.Drop {
		delete(d.records, n)
	}
	for _, r := range t.Put {
		d.records[r.Name] = copied(r)
	}
	if len(t.Drop)+len(t.Specs) > 0 {
		_ = d.kept.Save(statedb.Batch{Drop: t.Drop, Specs: t.Specs}) // memory does not fail
	}
	if t.Brake != nil {
		d.brake = statedb.Brake{Removed: slices.Clone(t.Brake.Removed), Blocked: slices.Clone(t.Brake.Blocked), Since: t.Brake.Since}
	}
}

// copied shares no memory with r, as if it had been written out.
func copied(r statedb.Record) statedb.Record {
	r.Needs, r.Recent = slices.Clone(r.Needs), slices.Clone(r.Recent)
	if r.LastExit != nil {
		e := *r.LastExit
		r.LastExit = &e
	}
	return r
}

func (d *disk) versions(name string) []statedb.Spec {
	kept, _ := d.kept.Specs(name)
	return kept
}

// load reads everything back through a store of the program, so that what it
// does not keep is missing here too.
func (d *disk) load() (statedb.State, error) {
	m := statedb.NewMem()
	b := statedb.Batch{Brake: &d.brake}
	for _, r := range d.records {
		b.Put = append(b.Put, r)
	}
	if err := m.Save(b); err != nil {
		return statedb.State{}, err
	}
	return m.Load()
}

func putText(rs []statedb.Record) string {
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&b, "[%s %s op=%s ran=%v fail=%d verdict=%s stop=%v/%v err=%q] ",
			r.Name, r.Revision, r.Op, r.Ran, r.Failures, r.Verdict, !r.StopAt.IsZero(), r.StopSent, r.LastError)
	}
	return b.String()
}

// lister says when to list, as the engine does.
type lister struct {
	every       time.Duration
	due         time.Time
	busy, again bool
	failed      bool
	tries       int
}

func (l *lister) ask(now time.Time) {
	switch {
	case l.busy:
		l.again = true
	case !l.failed && l.due.After(now):
		l.due = now
	}
}

func (l *lister) begin(now time.Time) bool {
	if l.busy || l.due.After(now) {
		return false
	}
	l.busy, l.again = true, false
	return true
}

func (l *lister) end(now time.Time, err error) {
	l.busy, l.failed = false, err != nil
	switch {
	case err != nil:
		l.due = now.Add(min(time.Second<<min(l.tries, 5), l.every))
		l.tries++
		return
	case l.again:
		l.due = now
	default:
		l.due = now.Add(l.every)
	}
	l.tries = 0
}

func (l *lister) wake() time.Time {
	if l.busy {
		return time.Time{}
	}
	return l.due
}
