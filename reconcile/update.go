package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// update puts the wanted revision in the place of another one.
func (s *step) update() Decision {
	old := s.old[0]
	for _, h := range s.old {
		if !live(&h) {
			return s.replace(h) // leftovers go first, and at any time
		}
	}
	if len(s.old) > 1 { // two may run for a while, three never
		return s.replace(s.leastProven())
	}
	switch {
	case s.HoldStart != nil, s.stopping(&old): // what began goes on
		return s.replace(old)
	case s.closed():
		return s.outsideWindow()
	case s.Want.Spec.Update.Strategy == manifest.UpdateStartFirst && s.Alone == "":
		return s.startFirst(old)
	default:
		return s.replace(old)
	}
}

// leastProven is the one of several others to go first: not the last that was
// ready, and rather the one that was started last.
func (s *step) leastProven() driver.Status {
	return slices.MinFunc(s.old, func(a, b driver.Status) int {
		if good := string(a.Revision) == s.rec.Good; good != (string(b.Revision) == s.rec.Good) {
			if good {
				return 1
			}
			return -1
		}
		return b.Started.Compare(a.Started)
	})
}

// closed reports whether the replacement must wait for its window. One that has
// begun goes on, and a way back is open at any time.
func (s *step) closed() bool {
	w := s.Want.Spec.Update.Window
	return w != nil && s.cur == nil && s.rec.Rollback == nil && !w.Opens(s.Now).Equal(s.Now)
}

func (s *step) outsideWindow() Decision {
	opens := s.Want.Spec.Update.Window.Opens(s.Now)
	text := fmt.Sprintf("applies at %s, when its update window opens; the previous revision keeps running", opens.Format(time.RFC3339))
	d := s.wait(StateHeld, OutsideWindow, text, opens)
	d.Idle = true
	return d
}

// startFirst brings the wanted revision up beside the old one, which goes only
// when the new one works.
func (s *step) startFirst(old driver.Status) Decision {
	ok, at, look := s.proven()
	if ok || s.rec.Verdict == statedb.Completed {
		return s.stop(old, s.successor())
	}
	switch {
	case s.cur == nil:
		return s.missing()
	case s.cur.State == driver.Created:
		return s.start(FirstStart)
	case s.cur.State == driver.Stopped:
		return s.start(Restart)
	case s.cur.State == driver.Paused:
		return s.act(driver.Resume, s.cur.Ref, DesiredRunning, StatePaused)
	}
	if s.failing() {
		return s.kill()
	}
	if d, waits := s.postStart(); waits {
		return d
	}
	d := s.wait(StateStarting, WaitingForReady, "the new revision runs and has yet to prove itself; the previous one keeps running", at)
	d.Look = look
	return d
}

// successor is why another revision has to go.
func (s *step) successor() Reason {
	if s.rec.Rollback != nil {
		return Rollback
	}
	return SpecChanged
}

// Alone tells what keeps two revisions of a container from running at once:
// the field, and why in words; "" if nothing does. notes are what the driver
// says of the manifest.
func Alone(c *manifest.Container, notes []driver.Note) (field, why string) {
	sp := &c.Spec
	for _, n := range notes {
		if n.Field == "spec.update.strategy" {
			return n.Field, n.Message
		}
	}
	for i, p := range sp.Ports {
		if p.HostPort != 0 {
			return fmt.Sprintf("spec.ports[%d].hostPort", i), fmt.Sprintf("port %d of the host leads to one of them only", p.HostPort)
		}
	}
	for i, m := range sp.Mounts {
		if !m.ReadOnly && !manifest.IsNamedPipe(m.HostPath) {
			return fmt.Sprintf("spec.mounts[%d]", i), fmt.Sprintf("both would write to %s", m.HostPath)
		}
	}
	switch {
	case sp.Hostname != "":
		return "spec.hostname", "both would have the same name"
	case len(sp.Network.Endpoints) > 0:
		return "spec.network.endpoints", "an endpoint serves one of them only"
	case sp.DesiredState != manifest.DesiredRunning:
		return "spec.desiredState", "only what runs can prove itself"
	}
	return "", ""
}
