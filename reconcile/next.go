package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Next decides on everything that is in line, and hands out at most free steps.
func (c *Core) Next(now time.Time, free int) Turn {
	var t Turn
	c.due(now)
	if !c.wantSeen || !c.haveSeen {
		c.putWishes(&t)
		return t
	}
	c.applyBrake(now, &t)
	for len(c.dirty) > 0 || c.admitExec() {
		line := c.dirty
		c.dirty = nil
		for _, e := range line {
			e.queue = idle
			c.decide(now, e, free-len(t.Ops), &t)
		}
	}
	for len(c.ready) > 0 && len(t.Ops) < free {
		e := c.ready[0]
		c.ready = c.ready[1:]
		e.queue = idle
		c.decide(now, e, 1, &t)
	}
	c.putWishes(&t)
	t.Events, c.events = c.events, nil
	t.Wake = c.wakes.first()
	return t
}

func (c *Core) due(now time.Time) {
	for {
		e := c.wakes.pop(now)
		if e == nil {
			return
		}
		c.touch(e)
	}
}

// decide takes the decision for e; a step that finds no free worker waits in line.
func (c *Core) decide(now time.Time, e *entry, free int, t *Turn) {
	defer c.note(now, e)
	defer c.probe(now, e, t) // after the decision, which may end a wait for postStart
	if e.busy != nil {
		return
	}
	if !e.quarantine.IsZero() {
		c.holdForListing(now, e, t)
		return
	}
	d := Decide(c.view(now, e))
	if (d.Action != "" || d.Hook != "") && free < 1 {
		e.queue = inReady
		c.ready = append(c.ready, e)
		return
	}
	c.tellExits(now, e)
	if d.Forget {
		c.forget(e, t)
		return
	}
	if d.State != e.last.State || d.Record.Verdict != e.rec.Verdict {
		defer c.touchAround(e)
	}
	if e.rec.Hold != nil && d.Record.Hold == nil {
		c.events = append(c.events, Event{At: now, Kind: Asked, Container: e.name, Change: e.change, Revision: e.rec.Revision, Reason: HoldExpired, State: e.last.State, Message: "the hold is over"})
	}
	c.show(now, e, d)
	e.before, e.rec = e.rec, d.Record
	e.rec.State, e.rec.Since = string(d.State), e.since
	if e.want != nil {
		c.rolled(now, e, &e.before, t)
	}
	if d.Action != "" {
		c.begin(now, e, d, t)
	}
	if d.Hook != "" {
		c.beginHook(now, e, d, t)
	}
	if d.Action != "" || d.Hook != "" || !e.onDisk || differs(&e.rec, &e.saved) {
		e.saved, e.onDisk = e.rec, true
		t.Put = append(t.Put, e.rec)
	}
	t.List = t.List || d.Look
	if !d.Wake.IsZero() {
		c.wakeAt(e, d.Wake)
	}
}

// holdForListing leaves a container alone whose last call may still take
// effect, until a listing taken after that.
func (c *Core) holdForListing(now time.Time, e *entry, t *Turn) {
	c.show(now, e, Decision{State: e.last.State, Reason: NotYetSeen, Message: e.last.Message})
	if now.Before(e.quarantine) {
		c.wakeAt(e, e.quarantine)
		return
	}
	t.List = true
}

func (c *Core) begin(now time.Time, e *entry, d Decision, t *Turn) {
	op := Op{
		Action: d.Action, Ref: d.Ref, Container: e.want, Reason: d.Reason, At: now, SeenAt: e.seenAt,
		Change: e.change, Source: e.sourceOf(d.Reason),
	}
	e.busy = &op
	if d.Action == driver.Start {
		e.begun, e.hook, e.hookFailed = now, nil, nil
	}
	t.Ops = append(t.Ops, op)
	if d.Action == driver.Create {
		if s, ok := specOf(e.toKeep()); ok {
			s.At = now
			t.Specs = append(t.Specs, s)
		}
	}
	if d.Renewed {
		c.follow(e)
	}
	c.events = append(c.events, Event{
		At: now, Kind: Decided, Container: e.name, Change: e.change, Revision: string(d.Ref.Revision), Action: d.Action,
		Reason: d.Reason, State: d.State, Message: d.Message, Warning: d.Reason == GracePeriodOver || d.Reason == ContainerLost,
		Source: op.Source,
	})
}

func (c *Core) forget(e *entry, t *Turn) {
	if e.onDisk {
		t.Drop = append(t.Drop, e.name)
	}
	c.wakes.remove(e)
	c.touchAround(e)
	c.index(e, e.rec.Needs, nil)
	delete(c.brake.passed, e.name)
	delete(c.entries, e.name)
	c.orderStale = true
}

// show keeps what the container looks like, and tells when that changes by itself.
func (c *Core) show(now time.Time, e *entry, d Decision) {
	if d.State != e.last.State {
		e.since = now
	}
	if d.Action == "" && d.State != "" && (d.State != e.last.State || d.Reason != e.last.Reason) && d.Reason != NotYetSeen {
		c.events = append(c.events, Event{
			At: now, Kind: Became, Container: e.name, Change: e.change, Revision: e.rec.Revision, Reason: d.Reason,
			State: d.State, Message: d.Message, Warning: warns(d.State) && d.Reason != OperatorHold && d.Reason != OutsideWindow, Source: e.sourceOf(d.Reason),
		})
	}
	e.last = d
}

func warns(s State) bool {
	switch s {
	case StateCrashLoopBackOff, StateGaveUp, StateFailed, StateHeld, StateStuck, StatePruneBlocked:
		return true
	default:
		return false
	}
}

// differs tells whether a record must be written although no step is taken.
// What only shows (State, Since, Started) or only mattered while a call was
// under way (Op) rides along with the next change.
func differs(a, b *statedb.Record) bool {
	if a.Name != b.Name || a.Revision != b.Revision || a.Source != b.Source || a.Live != b.Live || a.Grace != b.Grace ||
		a.Ran != b.Ran || a.Failures != b.Failures || a.Restarts != b.Restarts || a.Verdict != b.Verdict || a.Edit != b.Edit {
		return true
	}
	if !a.RetryAt.Equal(b.RetryAt) || !a.SeenExit.Equal(b.SeenExit) || !a.StopAt.Equal(b.StopAt) ||
		a.StopSent != b.StopSent || a.StopRevision != b.StopRevision || a.StopReason != b.StopReason {
		return true
	}
	if a.FailedOp != b.FailedOp || a.OpErrors != b.OpErrors || !a.OpRetryAt.Equal(b.OpRetryAt) || a.LastError != b.LastError {
		return true
	}
	if a.StopHook != b.StopHook || !sameProbes(a.Probes, b.Probes) || !sameHooks(a.Hooks, b.Hooks) {
		return true
	}
	if a.Good != b.Good || a.GoodEdit != b.GoodEdit || !a.Rollout.Equal(b.Rollout) || a.Stalled != b.Stalled || a.Renew != b.Renew ||
		(a.Rollback == nil) != (b.Rollback == nil) || a.Rollback != nil && (a.Rollback.To != b.Rollback.To || a.Rollback.Edit != b.Rollback.Edit) {
		return true
	}
	if a.Ask != b.Ask || a.AskBy != b.AskBy || !sameHold(a.Hold, b.Hold) {
		return true
	}
	return !slices.Equal(a.Needs, b.Needs) || !slices.EqualFunc(a.Recent, b.Recent, time.Time.Equal) || !sameExit(a.LastExit, b.LastExit)
}

func sameExit(a, b *statedb.Exit) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Code == b.Code && a.Known == b.Known && a.Started.Equal(b.Started) && a.At.Equal(b.At) && a.Asked == b.Asked && a.Reason == b.Reason
}

func sameHold(a, b *statedb.Hold) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Since.Equal(b.Since) && a.Until.Equal(b.Until) && a.Reason == b.Reason && a.By == b.By
}

func (c *Core) wakeAt(e *entry, at time.Time) {
	if e.index >= 0 && !at.Before(e.wake) {
		return
	}
	c.wakes.set(e, at)
}

// tellExits tells of the exits that were noticed. It is done in the turn that
// counts them, not before: a daemon that dies in between leaves them to the
// next one, and one that dies later has told them.
func (c *Core) tellExits(now time.Time, e *entry) {
	for _, st := range e.exits {
		c.events = append(c.events, Event{
			At: now, Kind: Exited, Container: e.name, Change: e.change, Revision: string(st.Revision), Exit: st.Exit,
			Warning: st.Exit.Known && st.Exit.Code != 0 && e.rec.StopAt.IsZero(),
			Message: exitText(&statedb.Exit{Code: st.Exit.Code, Known: st.Exit.Known}),
		})
	}
	e.exits = nil
}

func (c *Core) doneEvent(now time.Time, e *entry, op Op, err error) {
	ev := Event{
		At: now, Kind: Done, Container: e.name, Change: op.Change, Revision: string(op.Ref.Revision), Action: op.Action,
		Reason: op.Reason, State: e.last.State, Took: now.Sub(op.At), Err: err, Warning: err != nil,
		Source: op.Source,
	}
	if err != nil {
		ev.Message = err.Error()
	} else if op.Action == driver.Start && !op.SeenAt.IsZero() {
		ev.Lag = now.Sub(op.SeenAt)
	}
	c.events = append(c.events, ev)
}

// Overdue takes note that a step has been under way for longer than it may. It
// goes on: the container is Stuck until the call comes back.
func (c *Core) Overdue(now time.Time, op Op) {
	e := c.entries[op.Ref.Name]
	if e == nil || e.busy == nil {
		return
	}
	c.show(now, e, Decision{
		State: StateStuck, Reason: OperationTimedOut,
		Message: fmt.Sprintf("%s has been under way since %s", op.Action, op.At.Format(time.RFC3339)),
	})
}
