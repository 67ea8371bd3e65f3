package reconcile

import (
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// execLimit holds the exec probes of all containers to a number, because each
// costs the host a process, on Windows an expensive one. Those that find no room
// wait in line.
type execLimit struct {
	most int // 0: no limit
	busy int
	line []execWaiter
}

type execWaiter struct {
	e   *entry
	run uint64
	k   int
}

// takeExec reports whether an exec probe of e may begin; otherwise it is in line.
func (c *Core) takeExec(e *entry, k int) bool {
	if c.execs.most > 0 && c.execs.busy >= c.execs.most {
		c.execs.line = append(c.execs.line, execWaiter{e, e.watch.run, k})
		return false
	}
	c.execs.busy++
	return true
}

// admitExec puts the next of the line up for a decision if there is room; it
// reports whether it did.
func (c *Core) admitExec() bool {
	x := &c.execs
	for len(x.line) > 0 && x.busy < x.most {
		w := x.line[0]
		x.line = x.line[1:]
		if c.entries[w.e.name] == w.e && w.e.watch != nil && w.e.watch.run == w.run && w.e.watch.probes[w.k].waiting {
			w.e.watch.probes[w.k].waiting = false
			c.touch(w.e)
			return true
		}
	}
	return false
}

// health is what probes and hooks of e mean for the decision on it; nil for a
// container that has none.
func (c *Core) health(e *entry) *Health {
	h := c.probed(e)
	if h == nil {
		return e.hooked()
	}
	w, p := c.watch(e, *h), e.rec.Probes
	s := &e.want.Spec
	out := &Health{Probed: s.StartupProbe != nil || s.ReadinessProbe != nil, Failed: w.failed}
	if hooked := e.hooked(); hooked != nil && hooked.Failed != nil {
		out.Failed = hooked.Failed
	}
	switch {
	case !p.Started:
		out.Unready = &Hold{StateRunning, NotStarted, w.text(startup)}
	case !p.Ready:
		out.Unready = &Hold{StateRunning, NotReady, w.text(readiness)}
	}
	return out
}

// heed takes the probes of the manifest: what one said that it asks for no more
// counts no more, neither for a decision nor for the next probe.
func (w *watch) heed(defs [3]*manifest.Probe) {
	for k, def := range defs {
		ps := &w.probes[k]
		if def.Same(ps.def) {
			continue
		}
		if w.failed != nil && w.failed.Reason == failureOf[k] {
			w.failed = nil
		}
		*ps = probeState{def: def, busy: ps.busy}
	}
}

// text tells what a probe that has not succeeded says.
func (w *watch) text(k int) string {
	ps := &w.probes[k]
	switch {
	case ps.at.IsZero():
		return fmt.Sprintf("its %s probe has not answered yet", ProbeKinds[k])
	case ps.good && ps.inRow > 0:
		return fmt.Sprintf("its %s probe has succeeded %s, and shall %s", ProbeKinds[k], times(ps.inRow), times(int(ps.def.SuccessThreshold)))
	default:
		return fmt.Sprintf("its %s probe fails: %s", ProbeKinds[k], ps.last.Message)
	}
}

// probeStatus shows the probes of e.
func (e *entry) probeStatus() []ProbeStatus {
	if e.want == nil {
		return nil
	}
	var all []ProbeStatus
	for k, def := range e.want.Spec.Probes() {
		if def == nil {
			continue
		}
		s := ProbeStatus{Kind: ProbeKinds[k], Handler: def.Handler(), Totals: e.probeTotals[k]}
		if e.watch != nil && e.anyLive() && def.Same(e.watch.probes[k].def) {
			e.watch.probes[k].show(&s)
		}
		all = append(all, s)
	}
	return all
}

func (ps *probeState) show(s *ProbeStatus) {
	if ps.at.IsZero() {
		return
	}
	s.Message, s.At, s.Took = ps.last.Message, ps.at, ps.last.Took
	if ps.last.Outcome != ProbeUnknown {
		ok := ps.last.Outcome == ProbeSuccess
		s.Ok = &ok
	}
	if ps.good {
		s.Successes = ps.inRow
	} else {
		s.Failures = ps.inRow
	}
}

// probeEvent tells of an answer that is another than the one before.
func (c *Core) probeEvent(now time.Time, e *entry, op ProbeOp, ps *probeState, r ProbeResult) {
	if !ps.at.IsZero() && ps.last.Outcome == r.Outcome || ps.at.IsZero() && r.Outcome == ProbeSuccess && op.Kind == LivenessProbe {
		return
	}
	ev := Event{
		At: now, Kind: Probed, Container: e.name, Change: e.change, Revision: string(op.Ref.Revision), Probe: op.Kind,
		Reason: ProbeSucceeded, State: e.last.State, Message: fmt.Sprintf("%s probe: %s", op.Kind, r.Message), Took: r.Took,
	}
	if r.Outcome != ProbeSuccess {
		ev.Reason, ev.Warning = ProbeFailed, true
	}
	c.events = append(c.events, ev)
}

// failing reports whether what runs is to be ended because it failed.
func (s *step) failing() bool {
	return s.cur != nil && live(s.cur) && (s.killing() || s.Health != nil && s.Health.Failed != nil)
}

// killing reports whether the stop under way is one for a failure of the
// container itself. It is not taken back: the container is wanted all the same.
func (s *step) killing() bool {
	return s.cur != nil && s.stopping(s.cur) && killReason(Reason(s.rec.StopReason))
}

// kill ends a container that failed, unless it could not be started again.
func (s *step) kill() Decision {
	if s.killing() {
		return s.stop(*s.cur, Reason(s.rec.StopReason))
	}
	f := s.Health.Failed
	if s.HoldStart != nil {
		h := *s.HoldStart
		return s.wait(StateRunning, h.Reason, f.Message+"; a restart waits: "+h.Message, time.Time{})
	}
	d := s.stop(*s.cur, f.Reason)
	if d.Reason == f.Reason {
		d.Message = f.Message
	}
	return d
}

// killReason reports whether r is a failure of the container that ends it.
func killReason(r Reason) bool {
	return r == LivenessFailed || r == StartupFailed || r == PostStartFailed
}
