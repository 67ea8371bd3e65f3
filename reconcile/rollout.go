package reconcile

import (
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// A rollout lasts from the first step towards a revision until that was ready
// once. One that is not ready in time is taken back: to the last revision that
// was, and until the manifest changes.

// A container must have run for minRun to count as ready for a rollout if no
// readiness probe says so. With one that does, minReadyRun is enough: a program
// that crashes at once may yet answer a probe before it does.
const (
	minRun      = 10 * time.Second
	minReadyRun = 2 * time.Second
)

// proven reports whether the wanted container has shown that it works. If only
// time is missing, at says until when; if it is over and nobody has looked
// since, look is set: what is known may be old.
func (s *step) proven() (ok bool, at time.Time, look bool) {
	c := s.cur
	switch {
	case c == nil || c.State != driver.Running || !s.Ready || s.stopping(c) || !s.known(c):
		return false, time.Time{}, false
	case s.Preview, c.Started.IsZero(), c.Started.After(s.Now): // after: the clock went back
		return true, time.Time{}, false
	}
	at = c.Started.Add(minRun)
	if s.Want.Spec.ReadinessProbe != nil {
		at = c.Started.Add(minReadyRun)
	}
	if s.Now.Before(at) {
		return false, at, false
	}
	return !s.Seen.Before(at), time.Time{}, s.Seen.Before(at)
}

// known reports whether c was made by a program whose revisions this one
// understands: otherwise nobody can tell what it is that works.
func (s *step) known(c *driver.Status) bool {
	if c.Revision == s.Want.Revision {
		return true
	}
	_, known := s.Want.Matches(c.Revision)
	return known
}

// isGood reports whether the wanted revision is the last one that was ready.
func (s *step) isGood() bool {
	g := manifest.Revision(s.rec.Good)
	if g == "" || g == s.Want.Revision {
		return g != ""
	}
	same, known := s.Want.Matches(g)
	return same || !known
}

// judgeRollout notes that the wanted revision is ready, or takes it back
// because it is not in time.
func (s *step) judgeRollout() (Decision, bool) {
	r := &s.rec
	ok, _, look := s.proven()
	if ok && s.Want.Spec.DesiredState == manifest.DesiredRunning { // or the way back would lead to one that stops
		r.Good, r.GoodEdit, r.Rollout, r.Stalled = string(s.Want.Revision), s.Edit, time.Time{}, false
		return Decision{}, false
	}
	if r.Rollout.After(s.Now) {
		r.Rollout = s.Now
	}
	if !s.overdue() {
		return Decision{}, false
	}
	switch {
	case look: // it may have shown by now that it works
		d := s.wait(StateRunning, NotYetSeen, "its time is over; looking at it once more", time.Time{})
		d.Look = true
		return d, true
	case s.mayRollBack():
		return s.rollBack(), true
	}
	r.Stalled, r.Rollout = true, time.Time{}
	return Decision{}, false
}

// overdue reports whether a rollout has had its time, or has given up.
func (s *step) overdue() bool {
	r := &s.rec
	if r.Rollout.IsZero() || s.HoldStart != nil || s.Draining || s.Want.Spec.DesiredState != manifest.DesiredRunning {
		return false
	}
	return r.Verdict == statedb.GaveUp || r.Verdict == statedb.Failed || !s.Now.Before(s.deadline())
}

func (s *step) deadline() time.Time {
	return s.rec.Rollout.Add(s.Want.Spec.Update.ProgressDeadline.D())
}

func (s *step) mayRollBack() bool {
	return s.Good != nil && !s.isGood() && *s.Want.Spec.Update.Rollback &&
		s.Good.Spec.DesiredState == manifest.DesiredRunning && // an older program may have kept another
		s.Good.Spec.RestartPolicy != manifest.RestartNever // which must not run twice unasked
}

// rollBack is the decision to run another revision than the manifest's; the
// Core acts on it by wanting that one.
func (s *step) rollBack() Decision {
	r := &s.rec
	why := fmt.Sprintf("not ready within %s", short(s.Want.Spec.Update.ProgressDeadline.D()))
	if r.Verdict != "" {
		why = exitText(r.LastExit) + " and is not started again"
	}
	r.Rollback = &statedb.Rollback{Edit: s.Edit, From: string(s.Want.Revision), To: string(s.Good.Revision), At: s.Now, Reason: why}
	r.Rollout, r.Stalled = time.Time{}, false
	return s.wait(StateHeld, RolledBack, rollbackText(r.Rollback), time.Time{})
}

func rollbackText(b *statedb.Rollback) string {
	text := fmt.Sprintf("revision %s was %s", b.From, b.Reason)
	if b.By != "" {
		text = fmt.Sprintf("%s wants it back from revision %s", b.By, b.From)
		if b.Reason != "" {
			text += ": " + b.Reason
		}
	}
	return text + fmt.Sprintf("; %s, which was ready before, runs until the manifest changes", b.To)
}

// watch follows a rollout through the decision d: where it begins and ends, and
// when it must be looked at again.
func (s *step) watch(d Decision) Decision {
	r := &d.Record
	starts := d.Action == driver.Create || d.Action == driver.Start
	switch {
	case r.Verdict == statedb.Completed: // there is nothing to return to: a job that is done must not run again
		r.Good, r.GoodEdit, r.Rollout, r.Stalled = "", "", time.Time{}, false
	case s.Draining, s.Want.Spec.DesiredState != manifest.DesiredRunning, s.HoldStart != nil && !s.runs():
		r.Rollout = time.Time{} // it begins anew when it can
	case starts && r.Rollout.IsZero() && !r.Stalled && r.Rollback == nil && !s.isGood(): // of what was returned to there is none
		r.Rollout = s.Now
	}
	if d.Action != "" {
		return d
	}
	d.Idle = d.Idle || d.Wake.IsZero()
	if !r.Rollout.IsZero() && !r.Stalled && s.HoldStart == nil {
		d.Due = d.Wake
		d.Wake = sooner(d.Wake, r.Rollout.Add(s.Want.Spec.Update.ProgressDeadline.D()))
	}
	return d
}

func (s *step) runs() bool { return s.cur != nil && live(s.cur) }

// sooner returns the earlier time that is not zero.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
