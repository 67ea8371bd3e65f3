// Package reconcile decides. Desired state, what runs, and the memory of a
// container go in as values; at most one step, its reason, and the time of the
// next look come out.
//
// It is pure: no clock, no goroutine, no lock, no I/O, no logger, no random
// source; the time is an argument. Nothing here is safe for concurrent use:
// one goroutine (reconcile/engine) owns a Core.
package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// View is everything that one decision rests on.
type View struct {
	Now    time.Time
	Want   *manifest.Container // nil: should not exist
	Have   []driver.Status     // every revision of this name that the runtime holds
	Record statedb.Record
	// HoldStart forbids to create, start and replace; HoldStop forbids to stop
	// and remove. Neither touches what runs.
	HoldStart *Hold
	HoldStop  *Hold
	// Away is why the manifest of a container that is not wanted is for other
	// hosts; "" if it stands in no manifest at all.
	Away string
	// Health is what probes and hooks say; nil: there are none.
	Health *Health
	// PreStop is the hook of what runs; Hook is the one that runs now, "" if none.
	PreStop *manifest.Hook
	Hook    HookKind
	// Draining stops the container although it is wanted: the daemon ends.
	Draining bool
}

// Hold is why a kind of step must wait, as it is shown.
type Hold struct {
	State   State
	Reason  Reason
	Message string
}

// Decision is what to do now about one container.
type Decision struct {
	Action  driver.Action // "": nothing now
	Ref     driver.Ref    // what Action is for
	Reason  Reason
	Message string         // for people; complements Reason
	State   State          // what to show
	Record  statedb.Record // as it must be saved before the action
	Hook    HookKind       // to be run now for Ref; "": none
	Forget  bool           // nothing is left: the record goes
	Wake    time.Time      // look again then; zero: only when a fact changes
}

// Decide looks at one container and takes at most one step. It never stops,
// terminates or removes what runs in the wanted revision, and never starts
// what is not wanted.
func Decide(v View) Decision {
	s := step{View: v, rec: v.Record}
	if v.Want == nil {
		if d, held := s.onHold(); held {
			return d
		}
		return s.discard()
	}
	s.split()
	s.turnTo(v.Want)
	if d, held := s.onHold(); held {
		return d
	}
	switch {
	case v.Draining:
		return s.rest(DaemonStopping)
	case v.Want.Spec.DesiredState == manifest.DesiredStopped:
		return s.rest(DesiredStopped)
	}
	if s.cur != nil && !s.restarting() && !s.killing() {
		s.recall(s.cur)
	}
	switch {
	case len(s.old) > 0:
		return s.replace(s.old[0])
	case s.cur == nil:
		return s.missing()
	case s.rec.Ask == statedb.AskRestart && live(s.cur):
		return s.restart()
	case s.failing():
		return s.kill()
	}
	switch s.cur.State {
	case driver.Running:
		return s.running()
	case driver.Paused:
		return s.paused()
	case driver.Created:
		s.count()
		return s.start(FirstStart)
	case driver.Stopped:
		return s.stopped()
	default:
		return s.wait(StateHeld, UnknownRevision, "the runtime reports a state that this program does not know", time.Time{})
	}
}

// step is one decision in the making.
type step struct {
	View
	rec statedb.Record
	cur *driver.Status  // the container of the wanted revision
	old []driver.Status // those of other revisions
}

// split finds the container that is the wanted one. What runs under the name of
// an older hash version, or of one that this program does not know, is the
// wanted one too: a new program never replaces a container by itself.
func (s *step) split() {
	for i := range s.Have {
		h := &s.Have[i]
		switch {
		case !s.wanted(h):
			s.old = append(s.old, *h)
		case s.cur == nil:
			s.cur = h
		case s.rank(h) > s.rank(s.cur):
			s.old = append(s.old, *s.cur)
			s.cur = h
		default:
			s.old = append(s.old, *h)
		}
	}
}

func (s *step) wanted(h *driver.Status) bool {
	if h.Revision == s.Want.Revision {
		return true
	}
	same, known := s.Want.Matches(h.Revision)
	return same || !known
}

// rank says which of two containers of the wanted version is the one to keep:
// the one that runs, then the one that can be started under its name.
func (s *step) rank(h *driver.Status) int {
	switch {
	case live(h):
		return 2
	case h.Revision == s.Want.Revision:
		return 1
	default:
		return 0
	}
}

func live(h *driver.Status) bool { return h.State == driver.Running || h.State == driver.Paused }

// discard is the way of a container that no manifest asks for.
func (s *step) discard() Decision {
	clearAsk(&s.rec)
	if len(s.Have) == 0 {
		if s.HoldStop != nil && s.HoldStop.Reason == FolderInDoubt {
			return s.held(*s.HoldStop) // it may be wanted again, and must not have forgotten that it is done
		}
		if s.Draining { // the next daemon knows better
			return s.wait(StateStopped, DaemonStopping, "stopped, as the daemon ends", time.Time{})
		}
		d := s.wait(StateStopped, NotInManifests, "removed", time.Time{})
		d.Forget = true
		return d
	}
	why := NotInManifests
	if s.Away != "" {
		why = NotSelected
	}
	d := s.stop(s.Have[0], why)
	if d.Reason == NotSelected {
		d.Message = s.Away
	}
	return d
}

// rest is the way of a container that is wanted, but not running.
func (s *step) rest(why Reason) Decision {
	s.count()
	if why == DesiredStopped {
		clearAsk(&s.rec)
	}
	if len(s.Have) > 0 {
		return s.stop(s.Have[0], why)
	}
	return s.wait(StateStopped, why, "stopped, as asked", time.Time{})
}

// replace ends a container of another revision, once its successor may start.
func (s *step) replace(old driver.Status) Decision {
	if s.HoldStart != nil && live(&old) && !s.stopping(&old) {
		h := *s.HoldStart
		h.Message += "; the previous revision keeps running"
		return s.held(h)
	}
	return s.stop(old, SpecChanged)
}

// missing is a wanted container that the runtime does not hold.
func (s *step) missing() Decision {
	s.count()
	clearStop(&s.rec) // what was being stopped is gone
	why := s.pardon(NewContainer)
	if d, over := s.verdict(); over {
		return d
	}
	if e := s.rec.LastExit; e != nil && !e.Asked && s.rec.Failures > 0 {
		why = ContainerLost
	}
	if d, hold := s.mayStart(); hold {
		return d
	}
	return s.act(driver.Create, s.ref(), why, StateCreating)
}

// start runs the init process of a container that is made or has ended.
func (s *step) start(why Reason) Decision {
	why = s.pardon(why)
	if d, over := s.verdict(); over {
		return d
	}
	if d, hold := s.mayStart(); hold {
		return d
	}
	if s.cur.Revision != s.Want.Revision { // named by an older program: it cannot be started under that name
		return s.stop(*s.cur, SpecChanged)
	}
	d := s.act(driver.Start, s.ref(), why, StateStarting)
	if d.Action != "" {
		remember(&d.Record, s.Want)
		d.Record.Ran, d.Record.Live = true, s.Want.Live
		clearStop(&d.Record)
		clearAsk(&d.Record) // not before: a crash must not lose the wish, nor do it twice
	}
	return d
}

func (s *step) ref() driver.Ref { return driver.Ref{Name: s.Want.Name(), Revision: s.Want.Revision} }

// mayStart holds a start back: dependencies, refusals, backoff.
func (s *step) mayStart() (Decision, bool) {
	if s.HoldStart != nil {
		return s.held(*s.HoldStart), true
	}
	if at := s.retryAt(); at.After(s.Now) {
		return s.wait(StateCrashLoopBackOff, BackOff, backOffText(&s.rec), at), true
	}
	return Decision{}, false
}

// running is the healthy case: nothing to do, or an in-place change.
func (s *step) running() Decision {
	if s.Want.Spec.DesiredState == manifest.DesiredPaused {
		return s.act(driver.Pause, s.cur.Ref, DesiredPaused, StateRunning)
	}
	if d, waits := s.postStart(); waits {
		return d
	}
	if s.rec.Live != s.Want.Live && s.HoldStart == nil {
		return s.act(driver.Update, s.cur.Ref, SettingsChanged, StateRunning)
	}
	if _, known := s.Want.Matches(s.cur.Revision); !known {
		return s.wait(StateRunning, UnknownRevision, "made by a newer version of this program; left as it is", time.Time{})
	}
	if s.HoldStart != nil && s.HoldStart.Reason == InvalidManifest {
		return s.wait(StateRunning, InvalidManifest, s.HoldStart.Message, time.Time{})
	}
	switch h := s.Health; {
	case h != nil && h.Unready != nil:
		return s.held(*h.Unready)
	case h != nil && h.Probed:
		return s.wait(StateReady, UpToDate, "", time.Time{})
	}
	return s.wait(StateRunning, UpToDate, "", time.Time{})
}

func (s *step) paused() Decision {
	if s.Want.Spec.DesiredState == manifest.DesiredPaused {
		return s.wait(StatePaused, UpToDate, "", time.Time{})
	}
	return s.act(driver.Resume, s.cur.Ref, DesiredRunning, StatePaused)
}

// stopped is a container whose init process has ended.
func (s *step) stopped() Decision {
	s.count()
	return s.start(Restart)
}
