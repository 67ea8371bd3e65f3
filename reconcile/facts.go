package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Have takes a listing of the runtime that was asked for at asked. What is
// newer than that for a container, or under way, is not overwritten.
func (c *Core) Have(asked time.Time, l driver.Listing) {
	c.listing++
	c.foreign = l.Foreign
	for _, st := range l.Ours {
		e := c.entry(st.Name)
		if e.listing != c.listing {
			e.listing, e.incoming = c.listing, e.incoming[:0]
		}
		e.incoming = append(e.incoming, st)
	}
	for _, e := range c.sorted() {
		c.listed(e, asked)
	}
	c.haveSeen, c.haveAt = true, asked
}

func (c *Core) listed(e *entry, asked time.Time) {
	if e.listing != c.listing {
		e.incoming = e.incoming[:0]
	}
	if e.busy != nil || e.factAt.After(asked) {
		return
	}
	e.listedAt = asked
	if len(e.incoming) > 1 {
		slices.SortFunc(e.incoming, func(a, b driver.Status) int { return strings.Compare(string(a.Revision), string(b.Revision)) })
	}
	held := !e.quarantine.IsZero() && !asked.Before(e.quarantine)
	if held {
		e.quarantine = time.Time{}
	}
	changed := !slices.EqualFunc(e.have, e.incoming, sameStatus)
	if changed {
		c.noticeExits(e)
		e.have = append(e.have[:0:0], e.incoming...)
		c.touchAround(e)
	}
	unproven := e.want != nil && (e.rec.Good != string(e.want.Revision) || e.rec.GoodEdit != e.edit) && e.running()
	if changed || held || !c.haveSeen || unproven || e.last.Look {
		c.touch(e)
	}
}

// noticeExits tells of init processes that a listing shows as ended.
func (c *Core) noticeExits(e *entry) {
	for _, st := range e.incoming {
		c.noticeExit(e, e.find(st.Ref), st)
	}
}

// noticeExit tells of a run that has ended since the look before.
func (c *Core) noticeExit(e *entry, before *driver.Status, st driver.Status) {
	if st.State != driver.Stopped || before != nil && before.State == driver.Stopped && before.Exit.At.Equal(st.Exit.At) {
		return
	}
	if at := e.rec.SeenExit; before == nil && !at.IsZero() && at.Equal(st.Exit.At) {
		return // an earlier daemon has told it
	}
	e.exits = append(e.exits, st)
}

func (e *entry) find(r driver.Ref) *driver.Status {
	for i := range e.have {
		if e.have[i].Ref == r {
			return &e.have[i]
		}
	}
	return nil
}

func sameStatus(a, b driver.Status) bool {
	return a.Ref == b.Ref && a.State == b.State && a.PID == b.PID && a.Started.Equal(b.Started) &&
		a.Exit.Code == b.Exit.Code && a.Exit.Known == b.Exit.Known && a.Exit.At.Equal(b.Exit.At)
}

// sameRun reports whether b, an exit, is that of the init process seen as a. An
// ended container may have no process id any more.
func sameRun(a, b driver.Status) bool {
	return a.Started.Equal(b.Started) && (a.PID == b.PID || b.PID == 0)
}

// Exited takes the hint that an init process ended.
func (c *Core) Exited(now time.Time, st driver.Status) {
	e := c.entries[st.Name]
	if e == nil {
		return // never listed: the next listing tells
	}
	if e.busy != nil {
		e.hint = &st
		return
	}
	c.applyExit(now, e, st)
}

// applyExit believes a hint only if it speaks of the run that is known: a late
// one must not end the next run.
func (c *Core) applyExit(now time.Time, e *entry, st driver.Status) {
	old := e.find(st.Ref)
	if old == nil || !live(old) || !sameRun(*old, st) {
		return
	}
	*old = st
	e.factAt = now
	e.exits = append(e.exits, st)
	c.touch(e)
	c.touchAround(e)
}

// Done takes the answer to a step, and what a look at the container showed after it.
func (c *Core) Done(now time.Time, op Op, look Look, err error) {
	e := c.entries[op.Ref.Name]
	if e == nil || e.busy == nil {
		return
	}
	e.busy, e.factAt, e.rec.Op = nil, now, ""
	if look.Known {
		c.applyLook(e, op.Ref, look)
	} else {
		e.quarantine = now.Add(c.cfg.Linger)
	}
	if err == nil {
		err = c.effect(e, op, look)
	}
	if err != nil {
		c.failed(now, e, op, look, err)
	} else {
		c.succeeded(now, e, op, look)
	}
	if e.hint != nil {
		st := *e.hint
		e.hint = nil
		c.applyExit(now, e, st)
	}
	c.touch(e)
	c.touchAround(e)
}

func (c *Core) applyLook(e *entry, r driver.Ref, look Look) {
	i := slices.IndexFunc(e.have, func(s driver.Status) bool { return s.Ref == r })
	switch {
	case look.Found && i >= 0:
		c.noticeExit(e, &e.have[i], look.Status)
		e.have[i] = look.Status
	case look.Found:
		e.have = append(e.have, look.Status)
	case i >= 0:
		e.have = slices.Delete(e.have, i, i+1)
	}
}

// effect is the error of a call that was answered well and changed nothing. A
// system that runs without its init process shows as Created again, say.
func (c *Core) effect(e *entry, op Op, look Look) error {
	if !look.Known {
		return nil
	}
	is := driver.State("gone")
	if look.Found {
		is = look.Status.State
	}
	var missed bool
	switch op.Action {
	case driver.Create:
		missed = !look.Found
	case driver.Start:
		missed = is == driver.Created
	case driver.Remove:
		missed = look.Found
	case driver.Pause:
		missed = is == driver.Running
	case driver.Resume:
		missed = is == driver.Paused
	case driver.Shutdown, driver.Terminate, driver.Update: // the effect is seen later
	}
	if !missed {
		return nil
	}
	return fmt.Errorf("%s %s: the call succeeded, but the container is %s", op.Action, e.name, is)
}

func (c *Core) failed(now time.Time, e *entry, op Op, look Look, err error) {
	r := &e.rec
	if r.FailedOp != string(op.Action) {
		r.OpErrors = 0
	}
	r.FailedOp, r.LastError = string(op.Action), err.Error()
	r.OpErrors++
	wait := Delay(operationBackoff, e.name, r.OpErrors)
	if !driver.Retryable(err) {
		wait = longest(operationBackoff)
	}
	r.OpRetryAt = now.Add(wait)
	if driver.TimedOut(err) {
		e.quarantine = now.Add(c.cfg.Linger)
	}
	switch op.Action {
	case driver.Start:
		if look.Known && neverRan(look, err) {
			r.Ran = false
		}
	case driver.Update:
		r.Live = ""
	case driver.Shutdown:
		r.StopSent = false
	case driver.Create, driver.Terminate, driver.Remove, driver.Pause, driver.Resume:
	}
	c.doneEvent(now, e, op, err)
}

// neverRan reports whether a start that failed left no run behind. After a call
// without an answer the container may yet run, end and be forgotten, or have
// done so: one that runs once would run twice.
func neverRan(look Look, err error) bool {
	return !driver.TimedOut(err) && (!look.Found || look.Status.State == driver.Created)
}

func (c *Core) succeeded(now time.Time, e *entry, op Op, look Look) {
	r := &e.rec
	kills := 1
	if r.FailedOp == string(driver.Terminate) {
		kills += r.OpErrors
	}
	calmDown(r)
	switch op.Action {
	case driver.Shutdown:
		r.StopSent = true
	case driver.Update:
		r.Live = op.Container.Live // not before: a crash would make it look applied
	case driver.Terminate:
		if look.Found && live(&look.Status) {
			// It takes a moment to die. If it does not, it is told again, less and
			// less often, and shown as Stuck.
			r.FailedOp, r.OpErrors, r.LastError = string(driver.Terminate), kills, "told to end, and still runs"
			r.OpRetryAt = now.Add(Delay(operationBackoff, e.name, kills))
		}
	case driver.Create, driver.Start, driver.Remove, driver.Pause, driver.Resume:
	}
	c.doneEvent(now, e, op, nil)
	switch op.Action {
	case driver.Start:
		e.seenAt, e.source = time.Time{}, ""
	case driver.Update, driver.Pause, driver.Resume:
		e.source = ""
	case driver.Create, driver.Shutdown, driver.Terminate, driver.Remove: // a part of the change only
	}
}

// NotSaved takes back a turn whose records could not be written: its steps are
// not taken, and everything is decided and written again after a while.
func (c *Core) NotSaved(now time.Time, t Turn) {
	retry := now.Add(operationBackoff.InitialDelay)
	for _, op := range t.Ops {
		if e := c.entries[op.Ref.Name]; e != nil {
			e.busy, e.rec = nil, e.before
			c.wakeAt(e, retry)
		}
	}
	for _, op := range t.Hooks {
		if e := c.entries[op.Ref.Name]; e != nil {
			e.hook, e.rec = nil, e.before
			c.wakeAt(e, retry)
		}
	}
	for _, r := range t.Put {
		if e := c.entries[r.Name]; e != nil {
			e.saved.Name = "" // differs from any record: is written again
			c.wakeAt(e, retry)
			if e.busy != nil || !e.quarantine.IsZero() { // no decision will write it
				c.wishes = append(c.wishes, e)
			}
		}
	}
	for _, s := range t.Specs {
		if e := c.entries[s.Name]; e != nil && !s.ReadyAt.IsZero() {
			e.rec.Good, e.rec.GoodEdit = "", "" // found ready once more, and written
		}
	}
	for _, name := range t.Drop {
		e := c.entry(name)
		e.onDisk = true
		c.wakeAt(e, retry)
	}
	c.brake.unsaved = c.brake.unsaved || t.Brake != nil
}
