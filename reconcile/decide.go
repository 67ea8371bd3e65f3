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
	// PreStops are the hooks of what runs; Hook is the one that runs now, "" if none.
	PreStops map[manifest.Revision]*manifest.Hook
	Hook     HookKind
	// Draining stops the container although it is wanted: the daemon ends.
	Draining bool

	Seen    time.Time           // when the runtime was last looked at for this container
	Ready   bool                // the wanted revision runs and does its work
	Edit    string              // digest of Want
	Good    *manifest.Container // the last version that was ready, to return to; nil: none
	Preview bool                // no time passes: what runs has shown that it works
	Alone   string              // why two revisions cannot run at once; "": they can
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
	Due     time.Time      // when what waits is tried, if that is not Wake: a rollout is looked at sooner
	Look    bool           // what is known is too old to go on: list the runtime
	Idle    bool           // nobody need wait for Wake: nothing is due then
	Renewed bool           // what starts takes the place of another run, as asked; a crash is none
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
	s.count()
	if d, held := s.onHold(); held {
		return d
	}
	if d, over := s.judgeRollout(); over {
		return d
	}
	return s.watch(s.wanting())
}

// wanting is the way of a container that a manifest asks for.
func (s *step) wanting() Decision {
	switch v := s.View; {
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
		return s.update()
	case s.cur == nil:
		return s.missing()
	case s.wantsRestart() && live(s.cur):
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
		return s.start(FirstStart)
	case driver.Stopped:
		return s.start(Restart)
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
	d := s.stop(s.next(), why)
	if d.Reason == NotSelected {
		d.Message = s.Away
	}
	return d
}

// rest is the way of a container that is wanted, but not running.
func (s *step) rest(why Reason) Decision {
	if why == DesiredStopped {
		clearAsk(&s.rec)
	}
	if len(s.Have) > 0 {
		return s.stop(s.next(), why)
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
	return s.stop(old, s.successor())
}

// missing is a wanted container that the runtime does not hold.
func (s *step) missing() Decision {
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
		d.Renewed, d.Record.Renew = d.Record.Renew || why == OperatorRestart || why == DependencyRestarted, false
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
	case s.rec.Stalled && h != nil && h.Unready != nil:
		return s.wait(StateRunning, ProgressDeadlineExceeded, "not ready in time: "+h.Unready.Message, time.Time{})
	case h != nil && h.Unready != nil:
		return s.held(*h.Unready)
	case s.rec.Rollback != nil:
		return s.wait(StateHeld, RolledBack, rollbackText(s.rec.Rollback), time.Time{})
	case s.rec.Stalled:
		return s.wait(StateRunning, ProgressDeadlineExceeded, "it did not run for long enough in time", time.Time{})
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
