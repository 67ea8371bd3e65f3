package fake

import (
	"container/heap"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Advance lets happen what is due by now and returns the exits of our
// containers since the last call, oldest first.
func (w *World) Advance(now time.Time) []driver.Status {
	w.m.settle(now)
	ended := w.m.ended[w.owner]
	delete(w.m.ended, w.owner)
	return ended
}

// NextEvent is when the world next changes by itself; zero: never.
func (w *World) NextEvent() time.Time {
	e := w.m.agenda.peek()
	if e == nil {
		return time.Time{}
	}
	return e.at
}

// Kill ends the process of r behind everybody's back; false if none runs.
func (w *World) Kill(now time.Time, r driver.Ref, code uint32) bool {
	w.m.settle(now)
	c := w.find(r)
	if c == nil || !c.alive() {
		return false
	}
	w.m.end(c, w.m.now, code)
	return true
}

// Vanish takes r away, running or not, behind everybody's back and without an
// exit being seen; false if there is none.
func (w *World) Vanish(now time.Time, r driver.Ref) bool {
	w.m.settle(now)
	c := w.find(r)
	if c == nil {
		return false
	}
	w.m.vanish(c, "vanish")
	return true
}

// Reboot takes everything away, of all owners, as a restart of the machine
// does. Nobody sees an exit, and process ids start over.
func (w *World) Reboot(now time.Time) {
	w.m.settle(now)
	for len(w.m.order) > 0 {
		w.m.vanish(w.m.order[0], "reboot")
	}
	w.m.pid = firstPID
	clear(w.m.ended)
}

// Release tells that the daemon of our owner has let go of everything. In a
// forgetful world its Stopped containers vanish.
func (w *World) Release(now time.Time) {
	w.m.settle(now)
	if !w.m.opts.Forgetful {
		return
	}
	var stopped []*container
	for _, c := range w.m.order {
		if c.owner == w.owner && c.state == driver.Stopped {
			stopped = append(stopped, c)
		}
	}
	for _, c := range stopped {
		w.m.vanish(c, "forget")
	}
}

// settle moves the time on to now, event by event.
func (m *machine) settle(now time.Time) {
	for e := m.agenda.peek(); e != nil && !e.at.After(now); e = m.agenda.peek() {
		heap.Pop(&m.agenda)
		m.happen(e)
	}
	m.moveTo(now)
}

func (m *machine) moveTo(t time.Time) {
	if t.After(m.now) {
		m.now = t
	}
}

func (m *machine) happen(e *event) {
	m.moveTo(e.at)
	if e.c.alive() {
		m.end(e.c, e.at, e.c.code)
		return
	}
	m.vanish(e.c, "forget")
}

func (m *machine) end(c *container, at time.Time, code uint32) {
	c.state, c.event = driver.Stopped, 0
	c.exit = driver.Exit{Code: code, Known: true, At: at}
	m.countEnd(c.key)
	m.enter(Entry{At: at, Owner: c.owner, Verb: "exit", Ref: c.Ref})
	m.ended[c.owner] = append(m.ended[c.owner], c.status())
	if m.opts.Forgetful {
		c.event = m.agenda.add(at.Add(m.opts.ForgetAfter), c)
	}
}

func (m *machine) vanish(c *container, verb string) {
	if c.alive() {
		m.countEnd(c.key)
	}
	m.drop(c)
	m.enter(Entry{At: m.now, Owner: c.owner, Verb: verb, Ref: c.Ref})
}

// event is the end of a running container or the vanishing of a stopped one.
type event struct {
	at time.Time
	n  uint64
	c  *container
}

// agenda holds events by (time, number). An event whose container has moved on
// to another one stays in the heap and is skipped.
type agenda struct {
	events []*event
	last   uint64
}

func (a *agenda) add(at time.Time, c *container) uint64 {
	a.last++
	heap.Push(a, &event{at: at, n: a.last, c: c})
	return a.last
}

// peek returns the next event that counts.
func (a *agenda) peek() *event {
	for len(a.events) > 0 {
		if e := a.events[0]; e.c.event == e.n {
			return e
		}
		heap.Pop(a)
	}
	return nil
}

// Len, Less, Swap, Push and Pop make agenda a heap.Interface.
func (a *agenda) Len() int { return len(a.events) }

func (a *agenda) Less(i, j int) bool {
	x, y := a.events[i], a.events[j]
	if x.at.Equal(y.at) {
		return x.n < y.n
	}
	return x.at.Before(y.at)
}

func (a *agenda) Swap(i, j int) { a.events[i], a.events[j] = a.events[j], a.events[i] }

func (a *agenda) Push(e any) { a.events = append(a.events, e.(*event)) }

func (a *agenda) Pop() any {
	last := len(a.events) - 1
	e := a.events[last]
	a.events = a.events[:last]
	return e
}
