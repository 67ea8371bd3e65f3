package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// count enters the end of the last run in the record, unless it is there: also
// of one that is to rest now, because what ended for good must not run again
// when it is wanted again.
func (s *step) count() {
	r := &s.rec
	switch {
	case s.cur == nil:
		if r.Ran {
			s.ended(r.Revision, statedb.Exit{Started: r.Started, At: s.Now}, time.Time{})
		}
	case s.cur.State == driver.Created:
		r.Ran = false // a start was asked for and did not happen
	case s.cur.State != driver.Stopped:
	case r.SeenExit.IsZero() || !s.cur.Exit.At.Equal(r.SeenExit):
		e := s.cur.Exit
		s.ended(string(s.cur.Revision), statedb.Exit{Code: e.Code, Known: e.Known, Started: s.cur.Started, At: e.At}, s.cur.Started)
	default:
		r.Ran = false // a start was asked for and did not happen
	}
}

// ended counts the end of a run of one revision and decides what follows.
// started is zero if not known. A failure is judged here, by how long the run
// was, and never from "it has been up for a while now": an exit that nobody saw
// would otherwise wipe the count of a container that keeps crashing.
func (s *step) ended(revision string, e statedb.Exit, started time.Time) {
	r := &s.rec
	asked := !r.StopAt.IsZero() && r.StopRevision == revision && (!e.Known || s.answers(e))
	killed := asked && killReason(Reason(r.StopReason))
	if asked {
		e.Asked, e.Reason = !killed, r.StopReason
	}
	r.Ran, r.SeenExit, r.LastExit = false, e.At, &e
	if r.StopRevision == revision { // else it speaks of another one, which is still being stopped
		clearStop(r)
	}
	if asked && !killed {
		return
	}
	b := s.Want.Spec.Backoff()
	if e.Known && !started.IsZero() && b.ResetAfter > 0 && e.At.Sub(started) >= b.ResetAfter {
		r.Failures = 0
		if b.Window == 0 {
			r.Recent = nil
		}
	}
	s.judge(e, b)
}

// answers reports whether an exit came between the request to stop and shortly
// after the end of the grace period.
func (s *step) answers(e statedb.Exit) bool {
	r := &s.rec
	return !e.At.Before(r.StopAt.Add(-r.Grace)) && !e.At.After(r.StopAt.Add(askedMargin))
}

// askedMargin is how long after the end of the grace period an exit still
// counts as the answer to our request.
const askedMargin = 10 * time.Second

func clearStop(r *statedb.Record) {
	r.StopAt, r.StopSent, r.StopRevision, r.StopReason, r.StopHook = time.Time{}, false, "", "", ""
}

// judge applies exit rules, then the restart policy, then the limit.
func (s *step) judge(e statedb.Exit, b manifest.Backoff) {
	r := &s.rec
	verdict, why := judgement(&s.Want.Spec, e)
	r.LastExit.Reason = string(why)
	if verdict != "" {
		s.close(verdict)
		return
	}
	if b.MaxRestarts > 0 {
		r.Recent = within(r.Recent, b.Window, e.At)
		if len(r.Recent) >= b.MaxRestarts {
			r.LastExit.Reason = string(TooManyRestarts)
			s.close(statedb.GaveUp)
			return
		}
		r.Recent = append(r.Recent, e.At)
	}
	r.Failures++
	r.Restarts++
	r.RetryAt = e.At.Add(Delay(b, s.Want.Name(), r.Failures))
}

func (s *step) close(v statedb.Verdict) {
	s.rec.Verdict = v
	if v == statedb.GaveUp {
		s.rec.Edit = s.Want.Digest()
	}
}

// judgement says what an exit means for one specification; "" is "run again".
func judgement(spec *manifest.Spec, e statedb.Exit) (statedb.Verdict, Reason) {
	if killReason(Reason(e.Reason)) { // the code says nothing: we ended it, because it failed
		if spec.RestartPolicy == manifest.RestartNever {
			return statedb.Failed, Reason(e.Reason)
		}
		return "", Reason(e.Reason)
	}
	if e.Known {
		switch a, _ := spec.ExitAction(e.Code); a {
		case manifest.ExitComplete:
			return statedb.Completed, ExitRule
		case manifest.ExitGiveUp:
			return statedb.GaveUp, ExitRule
		case manifest.ExitRestart:
			return "", ExitRule
		}
	}
	good := e.Known && e.Code == 0
	switch {
	case spec.RestartPolicy == manifest.RestartAlways, spec.RestartPolicy == manifest.RestartOnFailure && !good:
		return "", Restart
	case good:
		return statedb.Completed, Ended
	default:
		return statedb.Failed, EndedBadly
	}
}

// forgive lets a container run again whose manifest now says so: one that gave
// up after any edit, one that ended for good if its policy restarts it now.
func (s *step) forgive(c *manifest.Container) {
	r := &s.rec
	switch r.Verdict {
	case statedb.GaveUp:
		if r.Edit == c.Digest() {
			return
		}
	case statedb.Completed, statedb.Failed:
		if r.LastExit == nil {
			return
		}
		if v, _ := judgement(&c.Spec, *r.LastExit); v != "" {
			return
		}
	default:
		return
	}
	r.Verdict, r.Edit, r.Failures, r.Recent, r.RetryAt = "", "", 0, nil, time.Time{}
}

// within copies the times that lie inside the window before now; window 0 keeps all.
func within(ts []time.Time, window time.Duration, now time.Time) []time.Time {
	if window <= 0 {
		return slices.Clone(ts)
	}
	var kept []time.Time
	for _, t := range ts {
		if now.Sub(t) < window {
			kept = append(kept, t)
		}
	}
	return kept
}

// verdict shows a container that is not started again.
func (s *step) verdict() (Decision, bool) {
	r := &s.rec
	exit := exitText(r.LastExit)
	switch r.Verdict {
	case statedb.Completed:
		return s.wait(StateCompleted, Ended, exit, time.Time{}), true
	case statedb.Failed:
		return s.wait(StateFailed, EndedBadly, exit+"; restartPolicy Never", time.Time{}), true
	case statedb.GaveUp:
		why := TooManyRestarts
		if r.LastExit != nil && r.LastExit.Reason == string(ExitRule) {
			why = ExitRule
		}
		return s.wait(StateGaveUp, why, fmt.Sprintf("%s; gave up after %s; edit the manifest to try again", exit, plural(len(r.Recent), "restart")), time.Time{}), true
	}
	return Decision{}, false
}

// retryAt is the time of the next start, drawn in if the wall clock went back
// while no daemon ran.
func (s *step) retryAt() time.Time {
	if limit := s.Now.Add(longest(s.Want.Spec.Backoff())); s.rec.RetryAt.After(limit) {
		s.rec.RetryAt = limit
	}
	return s.rec.RetryAt
}
