package fake

import (
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Apply carries out one verb on r at now and answers with the bare sentinels of
// package driver; Shutdown and Terminate that were accepted answer ErrPending.
// c must be given for Create, Start and Update and is only kept, never changed.
func (w *World) Apply(now time.Time, a driver.Action, r driver.Ref, c *manifest.Container) error {
	w.m.settle(now)
	err := w.apply(a, r, c)
	w.m.enter(Entry{At: w.m.now, Owner: w.owner, Verb: string(a), Ref: r, Err: err})
	return err
}

func (w *World) apply(a driver.Action, r driver.Ref, made *manifest.Container) error {
	if a == driver.Create {
		return w.create(r, made)
	}
	c := w.find(r)
	if c == nil {
		return driver.ErrNotFound
	}
	switch a {
	case driver.Start:
		return w.m.start(c, made)
	case driver.Shutdown:
		return w.m.shutdown(c)
	case driver.Terminate:
		return w.m.terminate(c)
	case driver.Remove:
		return w.m.remove(c)
	case driver.Pause:
		return w.m.pause(c)
	case driver.Resume:
		return w.m.resume(c)
	case driver.Update:
		return w.m.update(c, made)
	default:
		return fmt.Errorf("apply %q: no such action", a)
	}
}

func (w *World) create(r driver.Ref, made *manifest.Container) error {
	if w.find(r) != nil {
		return driver.ErrExists
	}
	w.m.add(&container{key: key{w.owner, r}, made: made, state: driver.Created})
	return nil
}

func (m *machine) start(c *container, made *manifest.Container) error {
	if c.alive() {
		return driver.ErrRunning
	}
	m.countStart(c.key)
	c.made, c.state, c.exit = made, driver.Running, driver.Exit{}
	c.pid, c.started = m.pid, m.now
	m.pid++
	c.ends, c.event = time.Time{}, 0
	if b := m.behaviour(c); b.RunFor > 0 {
		m.endAt(c, m.now.Add(b.RunFor), b.ExitCode)
	}
	return nil
}

func (m *machine) shutdown(c *container) error {
	if !c.alive() {
		return driver.ErrNotRunning
	}
	if b := m.behaviour(c); !b.IgnoresShutdown {
		m.endBy(c, b.ShutdownTakes, b.ShutdownCode)
	}
	return driver.ErrPending
}

func (m *machine) terminate(c *container) error {
	if !c.alive() {
		return driver.ErrNotRunning
	}
	m.thaw(c) // unlike a request, a kill reaches a frozen process
	m.endBy(c, m.behaviour(c).TerminateTakes, KilledCode)
	return driver.ErrPending
}

func (m *machine) remove(c *container) error {
	if c.alive() {
		return driver.ErrRunning
	}
	m.drop(c)
	return nil
}

func (m *machine) pause(c *container) error {
	switch {
	case !c.alive():
		return driver.ErrNotRunning
	case !m.behaviour(c).CanPause:
		return driver.ErrUnsupported
	case c.state == driver.Paused:
		return nil
	}
	c.frozen = -1
	if !c.ends.IsZero() {
		c.frozen = c.ends.Sub(m.now)
	}
	c.state, c.ends, c.event = driver.Paused, time.Time{}, 0
	return nil
}

func (m *machine) resume(c *container) error {
	switch {
	case !c.alive():
		return driver.ErrNotRunning
	case !m.behaviour(c).CanPause:
		return driver.ErrUnsupported
	}
	m.thaw(c)
	return nil
}

func (m *machine) update(c *container, made *manifest.Container) error {
	if !c.alive() {
		return driver.ErrNotRunning
	}
	c.made = made
	return nil
}

// thaw lets the time of a paused container go on.
func (m *machine) thaw(c *container) {
	if c.state != driver.Paused {
		return
	}
	c.state = driver.Running
	if c.frozen >= 0 {
		m.endAt(c, m.now.Add(c.frozen), c.code)
	}
}

// endBy lets c end within d, unless it ends before that anyway. A frozen
// process hears of it but its time does not pass.
func (m *machine) endBy(c *container, d time.Duration, code uint32) {
	if c.state == driver.Paused {
		if c.frozen < 0 || d < c.frozen {
			c.frozen, c.code = d, code
		}
		return
	}
	at := m.now.Add(d)
	if c.ends.IsZero() || at.Before(c.ends) {
		m.endAt(c, at, code)
	}
}

func (m *machine) endAt(c *container, at time.Time, code uint32) {
	c.ends, c.code = at, code
	c.event = m.agenda.add(at, c)
}
