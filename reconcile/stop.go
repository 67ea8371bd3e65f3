package reconcile

import (
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// stop takes the next step towards h being gone: Shutdown, the grace period,
// Terminate, Remove.
func (s *step) stop(h driver.Status, why Reason) Decision {
	stopping := s.stopping(&h)
	// What began goes on, but brake and doubt stop even that: it may have been
	// wanted again meanwhile, unseen while a call was under way.
	if s.HoldStop != nil && (!stopping || s.HoldStop.Reason != DependentsRunning) {
		s.recall(&h)
		return s.held(*s.HoldStop)
	}
	if !live(&h) {
		s.notice(&h)
		return s.act(driver.Remove, h.Ref, reasonToRemove(why, s.rec.StopReason), StateStopping)
	}
	r, grace := &s.rec, s.grace()
	if !stopping {
		calmDown(r)
		if s.Health != nil && s.Health.Failed != nil && s.Health.Failed.Grace != nil && s.Health.Failed.Reason == why {
			grace = *s.Health.Failed.Grace
		}
		r.Grace, r.StopHook = grace, ""
		r.StopAt, r.StopSent, r.StopRevision, r.StopReason = s.Now.Add(grace), false, string(h.Revision), string(why)
	}
	if r.StopAt.Sub(s.Now) > grace { // the wall clock went back while no daemon ran
		r.StopAt = s.Now.Add(grace)
	}
	owed := r.StopHook == statedb.HookBegun && !r.StopSent // the hook used up the grace period
	if s.Now.Before(r.StopAt) || !stopping || owed {
		return s.ask(h, why)
	}
	return s.act(driver.Terminate, h.Ref, GracePeriodOver, StateStopping)
}

// ask sends the request to stop once, and waits for the exit.
func (s *step) ask(h driver.Status, why Reason) Decision {
	if !s.rec.StopSent {
		if d, waits := s.preStop(h); waits {
			return d
		}
		d := s.act(driver.Shutdown, h.Ref, why, StateStopping)
		if d.Action == "" && s.rec.StopAt.Before(d.Wake) {
			d.Wake = s.rec.StopAt
		}
		return d
	}
	text := fmt.Sprintf("asked to stop (%s); has %s to do so", s.rec.StopReason, short(s.grace()))
	return s.wait(StateStopping, WaitingForExit, text, s.rec.StopAt)
}

// grace is the period that the manifest gave last; a container that nothing is
// remembered of gets a Pod's.
func (s *step) grace() time.Duration {
	if s.Want == nil && s.rec.Revision == "" {
		return 30 * time.Second
	}
	return max(s.rec.Grace, 0)
}

// takeGrace remembers the grace period of the manifest; a stop under way keeps
// the one it began with.
func (s *step) takeGrace() {
	if s.Want != nil && s.rec.StopReason == "" {
		s.rec.Grace = s.Want.GracePeriod()
	}
}

// stopping reports whether a stop of h was decided on before, and holds.
func (s *step) stopping(h *driver.Status) bool {
	return !s.rec.StopAt.IsZero() && s.rec.StopRevision == string(h.Revision) && s.rec.StopReason != ""
}

// recall notes that what was asked to stop shall run for now. The request itself
// cannot be taken back, so an exit soon still counts as the answer to it; but
// nothing is added to it, and a later stop begins anew with its own grace.
func (s *step) recall(h *driver.Status) {
	counted := h.State == driver.Stopped && h.Exit.At.Equal(s.rec.SeenExit)
	if s.stopping(h) && (live(h) || counted) {
		s.rec.StopReason = ""
	}
}

// notice remembers how a container ended that shall not run again, unless the
// record speaks of its successor already.
func (s *step) notice(h *driver.Status) {
	r := &s.rec
	if s.cur != nil && s.cur.Ref != h.Ref {
		return
	}
	if h.State == driver.Created && r.Revision == string(h.Revision) {
		r.Ran = false
	}
	if h.State != driver.Stopped || h.Exit.At.Equal(r.SeenExit) {
		return
	}
	r.SeenExit, r.Ran = h.Exit.At, false
	r.LastExit = &statedb.Exit{
		Code: h.Exit.Code, Known: h.Exit.Known, Started: h.Started, At: h.Exit.At,
		Asked: s.stopping(h), Reason: r.StopReason,
	}
}

// reasonToRemove is why it was stopped, or that it was in the way.
func reasonToRemove(why Reason, stopReason string) Reason {
	if stopReason != "" {
		return Reason(stopReason)
	}
	if why == SpecChanged {
		return Leftover
	}
	return why
}

// act is the one place where a decision gets an action; it holds back a call
// that failed until its own delay is over.
func (s *step) act(a driver.Action, ref driver.Ref, why Reason, st State) Decision {
	r := &s.rec
	if r.FailedOp == string(a) && s.Now.Before(s.opRetryAt()) {
		text := fmt.Sprintf("%s; tried %s", r.LastError, times(r.OpErrors))
		return s.wait(whileFailing(a, r.OpErrors), OperationFailed, text, r.OpRetryAt)
	}
	d := s.wait(st, why, "", time.Time{})
	d.Action, d.Ref = a, ref
	d.Record.Op = string(a)
	return d
}

// whileFailing is the state to show between the calls of a that fail.
func whileFailing(a driver.Action, n int) State {
	switch a {
	case driver.Shutdown, driver.Terminate, driver.Remove:
		if n >= stuckAfter {
			return StateStuck
		}
		return StateStopping
	case driver.Update, driver.Pause:
		return StateRunning
	case driver.Resume:
		return StatePaused
	default:
		return StateFailed
	}
}

// stuckAfter is how many calls without effect make a stop Stuck.
const stuckAfter = 3

// opRetryAt is the time of the next try, drawn in if the wall clock went back.
func (s *step) opRetryAt() time.Time {
	if limit := s.Now.Add(longest(operationBackoff)); s.rec.OpRetryAt.After(limit) {
		s.rec.OpRetryAt = limit
	}
	return s.rec.OpRetryAt
}

func (s *step) held(h Hold) Decision { return s.wait(h.State, h.Reason, h.Message, time.Time{}) }

func (s *step) wait(st State, why Reason, text string, wake time.Time) Decision {
	s.takeGrace()
	return Decision{Reason: why, Message: text, State: st, Record: s.rec, Wake: wake}
}
