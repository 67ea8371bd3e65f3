package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Preview tells what c would do from now on if every step took effect at once
// and nothing else happened: the steps in order, at most limit of them. Waiting
// times do not pass. It uses c up: throw it away afterwards.
func Preview(now time.Time, c *Core, limit int) []Op {
	c.preview = true
	var steps []Op
	for len(steps) < limit {
		t := c.Next(now, limit-len(steps))
		if t.List {
			c.believe()
			continue
		}
		for _, h := range t.Hooks {
			c.Hooked(now, h, nil)
		}
		if len(t.Ops)+len(t.Hooks) == 0 {
			break
		}
		for _, op := range t.Ops {
			steps = append(steps, op)
			e := c.entries[op.Ref.Name]
			c.Done(now, op, predict(now, op, e.find(op.Ref)), nil)
		}
	}
	return steps
}

// believe ends every quarantine: a preview has no late effects to fear.
func (c *Core) believe() {
	for _, e := range c.sorted() {
		if !e.quarantine.IsZero() {
			e.quarantine = time.Time{}
			c.touch(e)
		}
	}
}

// predict is the look at a container after a step that went well.
func predict(now time.Time, op Op, is *driver.Status) Look {
	st := driver.Status{Ref: op.Ref}
	if is != nil {
		st = *is
	}
	switch op.Action {
	case driver.Create:
		st.State = driver.Created
	case driver.Start:
		st.State, st.Started, st.Exit = driver.Running, now, driver.Exit{}
	case driver.Shutdown, driver.Terminate:
		st.State, st.Exit = driver.Stopped, driver.Exit{Known: true, At: now}
	case driver.Remove:
		return Look{Known: true}
	case driver.Pause:
		st.State = driver.Paused
	case driver.Resume:
		st.State = driver.Running
	case driver.Update:
	}
	return Look{Known: true, Found: true, Status: st}
}
