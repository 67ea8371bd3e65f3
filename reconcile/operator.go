package reconcile

import (
	"errors"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// ErrNoContainer means that no container has the name: none is wanted, none
// runs, nothing is remembered.
var ErrNoContainer = errors.New("no such container")

// ErrRefused means that an operator asked for what cannot be, as things are.
// The error that wraps it says why, and what would help.
var ErrRefused = errors.New("refused")

// refusal is an error that wraps ErrRefused and reads "verb name: why".
type refusal struct{ verb, name, why string }

func (r *refusal) Error() string { return fmt.Sprintf("%s %s: %s", r.verb, r.name, r.why) }

func (r *refusal) Is(target error) bool { return target == ErrRefused }

// HoldRequest is what an operator says about a hold.
type HoldRequest struct {
	Until  time.Time // zero: until it is released
	Reason string    // for people; may be empty
	By     string    // who asks
}

// HoldStatus is a hold as it is shown.
type HoldStatus struct {
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is released
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
}

// maxWords bounds what an operator may say, in bytes: it is stored and shown.
const maxWords = 500

// Restart stops a container with its whole grace period and starts it at once
// after that; one that has ended is started. It is no failure, and nothing that
// depends on the container is touched. The wish is kept until the start is
// decided on, also over a crash.
func (c *Core) Restart(now time.Time, name, by string) error {
	e, err := c.runnable("restart", name)
	if err != nil {
		return err
	}
	if e.last.Reason == OutsideWindow {
		return &refusal{"restart", name, "a new revision waits for its update window, and a restart would apply it"}
	}
	if e.busy == nil || e.busy.Action != driver.Start && e.busy.Action != driver.Create {
		e.rec.Ask, e.rec.AskBy = statedb.AskRestart, by
	} // else it is being started: that is the start asked for
	c.asked(now, e, OperatorRestart, "restart asked for by "+by)
	return nil
}

// Retry makes a container try again now what it waits to try, or has given up.
func (c *Core) Retry(now time.Time, name, by string) error {
	e, err := c.runnable("retry", name)
	if err != nil {
		return err
	}
	if e.rec.Verdict == statedb.Completed {
		return &refusal{"retry", name, "it has completed; `restart` runs it again"}
	}
	calmDown(&e.rec)
	if e.rec.Rollback != nil { // the manifest is tried once more
		e.rec.Rollback = nil
		c.rewant(e)
	}
	if e.rec.Ask == "" {
		e.rec.Ask, e.rec.AskBy = statedb.AskRetry, by
	}
	c.asked(now, e, OperatorRetry, "retry asked for by "+by)
	return nil
}

// Hold forbids every step for a container until h.Until, or until Release. What
// runs goes on; what ends stays so. It replaces an earlier hold.
func (c *Core) Hold(now time.Time, name string, h HoldRequest) error {
	e, err := c.named("hold", name)
	switch {
	case err != nil:
		return err
	case !h.Until.IsZero() && !h.Until.After(now):
		return &refusal{"hold", name, fmt.Sprintf("%s is over already", h.Until.Format(time.RFC3339))}
	case len(h.Reason) > maxWords || len(h.By) > maxWords:
		return &refusal{"hold", name, fmt.Sprintf("the reason is longer than %d bytes", maxWords)}
	}
	e.rec.Hold = &statedb.Hold{Since: now, Until: h.Until, Reason: h.Reason, By: h.By}
	c.asked(now, e, OperatorHold, holdText(now, e.rec.Hold))
	return nil
}

// Release ends a hold.
func (c *Core) Release(now time.Time, name, by string) error {
	e, err := c.named("release", name)
	switch {
	case err != nil:
		return err
	case e.rec.Hold == nil:
		return &refusal{"release", name, "it is not held"}
	}
	e.rec.Hold = nil
	resumeRollout(now, &e.rec)
	c.asked(now, e, OperatorRelease, "released by "+by)
	return nil
}

func (c *Core) named(verb, name string) (*entry, error) {
	if e := c.entries[name]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%s %q: %w", verb, name, ErrNoContainer)
}

// runnable is named, for what must be wanted to run.
func (c *Core) runnable(verb, name string) (*entry, error) {
	e, err := c.named(verb, name)
	switch {
	case err != nil:
		return nil, err
	case !c.wantSeen:
		return nil, &refusal{verb, name, "the manifests have not been read yet; try again in a moment"}
	case e.want == nil:
		return nil, &refusal{verb, name, "it is in no manifest"}
	case e.want.Spec.DesiredState == manifest.DesiredStopped:
		return nil, &refusal{verb, name, "its manifest wants it stopped (desiredState: Stopped)"}
	case e.rec.Hold != nil:
		return nil, &refusal{verb, name, "it is held; release it first"}
	}
	return e, nil
}

// asked tells of a wish, sees to it that it is written with the next turn
// whatever the container is at, and that it is decided on.
func (c *Core) asked(now time.Time, e *entry, why Reason, text string) {
	c.events = append(c.events, Event{
		At: now, Kind: Asked, Container: e.name, Change: e.change, Revision: e.rec.Revision, Reason: why, State: e.last.State, Message: text,
	})
	c.wishes = append(c.wishes, e)
	c.touch(e)
}

// putWishes writes the records of those whose operator waits for it, and which
// no decision has written.
func (c *Core) putWishes(t *Turn) {
	for _, e := range c.wishes {
		if c.entries[e.name] != e || e.onDisk && !differs(&e.rec, &e.saved) {
			continue
		}
		r := e.rec
		if !e.quarantine.IsZero() {
			r.Op = e.saved.Op // what was under way may still take effect: the next daemon must know
		}
		e.saved, e.onDisk = r, true
		t.Put = append(t.Put, r)
	}
	c.wishes = nil
}

// onHold is the way of a container that an operator wants left alone. It outlives
// the manifest, and gives way only to the end of the daemon.
func (s *step) onHold() (Decision, bool) {
	h := s.rec.Hold
	if h == nil || s.Draining {
		return Decision{}, false
	}
	if !h.Until.IsZero() && !s.Now.Before(h.Until) {
		s.rec.Hold = nil
		resumeRollout(s.Now, &s.rec)
		return Decision{}, false
	}
	d := s.wait(StateHeld, OperatorHold, holdText(s.Now, h), h.Until)
	d.Idle = true
	return d, true
}

func holdText(now time.Time, h *statedb.Hold) string {
	text := "held until it is released"
	if !h.Until.IsZero() {
		text = fmt.Sprintf("held for another %s", short(h.Until.Sub(now)))
	}
	if h.By != "" {
		text += ", by " + h.By
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

// restart stops what runs because an operator wants it started anew, unless it
// could not be started again.
func (s *step) restart() Decision {
	if s.HoldStart != nil && !s.restarting() {
		h := *s.HoldStart
		return s.wait(StateRunning, h.Reason, "a restart is asked for, and waits: "+h.Message, time.Time{})
	}
	return s.stop(*s.cur, s.restartReason())
}

// restarting reports whether the stop under way is the first half of a restart.
func (s *step) restarting() bool {
	return s.wantsRestart() && s.cur != nil && s.stopping(s.cur) && s.rec.StopReason == string(s.restartReason())
}

// wantsRestart reports whether what runs is to be stopped and started.
func (s *step) wantsRestart() bool {
	return s.rec.Ask == statedb.AskRestart || s.rec.Ask == statedb.AskFollow
}

func (s *step) restartReason() Reason {
	if s.rec.Ask == statedb.AskFollow {
		return DependencyRestarted
	}
	return OperatorRestart
}

// pardon lets a container start that an operator wants started: no verdict and
// no delay is against it. A restart that follows a dependency's pardons nothing.
func (s *step) pardon(why Reason) Reason {
	r := &s.rec
	switch {
	case r.Ask == "":
		return why
	case r.Ask == statedb.AskFollow && r.Verdict != "", r.Ask == statedb.AskRetry && r.Verdict == statedb.Completed:
		clearAsk(r) // meanwhile it has ended for good: there is nothing to start again
		return why
	case r.Ask == statedb.AskFollow:
		return DependencyRestarted
	}
	r.Verdict, r.Edit, r.Failures, r.Recent, r.RetryAt = "", "", 0, nil, time.Time{}
	if r.Ask == statedb.AskRetry {
		return OperatorRetry
	}
	return OperatorRestart
}

func clearAsk(r *statedb.Record) { r.Ask, r.AskBy = "", "" }

// resumeRollout gives a rollout its whole time again: it could not go on.
func resumeRollout(now time.Time, r *statedb.Record) {
	if !r.Rollout.IsZero() {
		r.Rollout = now
	}
}
