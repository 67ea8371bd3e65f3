package sim

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// care is what a manifest says of probes and hooks.
type care struct {
	id                    int
	startup, live, ready  *manifest.Probe
	preStop, postStart    *manifest.Hook
	sick                  [3]bool // which probes of its containers may fail
	startsSlowly, lazyEnd bool
}

// drawCare gives a document probes and hooks, or takes them away.
func (f *folder) drawCare(d *doc) {
	r := f.s.rng
	d.care = nil
	if r.IntN(3) == 0 {
		return
	}
	f.cares++
	c := &care{id: f.cares, startsSlowly: r.IntN(3) == 0, lazyEnd: r.IntN(4) == 0}
	for k, p := range []**manifest.Probe{&c.startup, &c.live, &c.ready} {
		c.sick[k] = r.IntN(3) == 0
		if r.IntN(2) == 0 {
			*p = f.drawProbe(k)
		}
	}
	hook := &manifest.Hook{Exec: &manifest.ExecAction{Command: []string{"x"}}}
	if r.IntN(3) == 0 {
		c.preStop = hook
	}
	if r.IntN(4) == 0 {
		c.postStart = hook
	}
	d.care = c
}

func (f *folder) drawProbe(k int) *manifest.Probe {
	r := f.s.rng
	p := &manifest.Probe{
		InitialDelaySeconds: int32(r.IntN(4)), PeriodSeconds: 1 + int32(r.IntN(6)), TimeoutSeconds: 1,
		SuccessThreshold: 1, FailureThreshold: 1 + int32(r.IntN(3)),
	}
	if k == 2 {
		p.SuccessThreshold = 1 + int32(r.IntN(3))
	}
	if k < 2 && r.IntN(3) == 0 {
		grace := int64(1 + r.IntN(5))
		p.TerminationGracePeriodSeconds = &grace
	}
	if r.IntN(2) == 0 {
		p.Exec = &manifest.ExecAction{Command: []string{"x"}}
	} else {
		p.TCPSocket = &manifest.TCPSocketAction{Port: 1}
	}
	return p
}

// put enters c in a manifest.
func (c *care) put(sp *manifest.Spec) {
	if c == nil {
		return
	}
	sp.StartupProbe, sp.LivenessProbe, sp.ReadinessProbe = c.startup, c.live, c.ready
	sp.Lifecycle = manifest.Lifecycle{PostStart: c.postStart, PreStop: c.preStop}
}

// beside starts the probes and hooks of a turn, as the engine does.
func (s *sim) beside(t reconcile.Turn, saved bool) {
	for _, op := range t.Probes {
		s.beginProbe(op)
	}
	if !saved {
		return
	}
	for _, op := range t.Hooks {
		s.beginHook(op)
	}
}

func (s *sim) beginProbe(op reconcile.ProbeOp) {
	if op.Probe.Exec != nil {
		s.execs++
		if s.execs > execProbes {
			s.fail("exec", "%d exec probes are under way", s.execs)
		}
	}
	life := s.life
	b := s.oracle.ledger(op.Ref.Name).boxes[op.Ref.Revision]
	var r *run
	if b != nil {
		r = b.run
	}
	s.at(s.upTo(300*time.Millisecond), func() {
		if s.life != life {
			return
		}
		if op.Probe.Exec != nil {
			s.execs--
		}
		res := reconcile.ProbeResult{Outcome: s.probeOutcome(op, b, r), Message: "as drawn"}
		if s.verbose {
			s.logf("probe %s %s: %s", op.Ref, op.Kind, res.Outcome)
		}
		s.oracle.probed(op, r, res.Outcome)
		s.core.Probed(s.wall(), op, res)
	})
}

// probeOutcome is what a probe finds: nothing where nothing runs, failures of
// what is sick or slow to start.
func (s *sim) probeOutcome(op reconcile.ProbeOp, b *box, r *run) reconcile.Outcome {
	d := s.folder.docs[op.Ref.Name]
	switch {
	case r == nil || b.run != r || !b.live:
		return reconcile.ProbeFailure
	case s.calm:
		return reconcile.ProbeSuccess
	case s.chance(0.05):
		return reconcile.ProbeUnknown
	case d == nil || d.care == nil:
	case op.Kind == reconcile.StartupProbe && d.care.startsSlowly && s.now.Sub(r.begun) < 6*time.Second:
		return reconcile.ProbeFailure
	case d.care.sick[kindOf(op.Kind)] && s.rng.IntN(10) < 7:
		return reconcile.ProbeFailure
	}
	if s.chance(0.03) {
		return reconcile.ProbeFailure
	}
	return reconcile.ProbeSuccess
}

func kindOf(k reconcile.ProbeKind) int {
	for i, x := range reconcile.ProbeKinds {
		if x == k {
			return i
		}
	}
	panic(k)
}

var errHook = errors.New("exit code 1")

func (s *sim) beginHook(op reconcile.HookOp) {
	if s.verbose {
		s.logf("begin hook %s %s", op.Kind, op.Ref)
	}
	r := s.oracle.hookBegins(op)
	took, err := s.upTo(3*time.Second), error(nil)
	if s.chance(0.15) {
		err = errHook
	}
	if s.chance(0.1) {
		took = time.Minute
	}
	if limit := op.Deadline.Sub(op.At); took >= limit {
		took, err = limit, errHook
	}
	life := s.life
	s.at(took, func() {
		if s.life != life {
			return
		}
		if s.verbose {
			s.logf("hook %s %s: %v", op.Kind, op.Ref, err)
		}
		s.oracle.hookEnds(op, r, err)
		s.core.Hooked(s.wall(), op, err)
	})
}

// execProbes is the limit of the simulated daemon.
const execProbes = 2

// told is what the daemon was told of the probes and hooks of one run. Only
// what it may know is in here: after a crash the counts begin anew.
type vitals struct {
	fails, goods   [3]int // in a row
	started, ready bool   // it may count as such
	unready        bool   // it must not count as ready
	killed         bool   // it was ended because it failed
	hookFailed     bool
	awaited        bool // its postStart has not been answered
	postStarted    bool
	preStopping    *reconcile.HookOp // under way in this life
	preStopped     bool
	shutAt         time.Time
	takenBack      bool // some stop of it was
	judged         bool // some manifest has a readiness probe for it
}

// born are the vitals of a run of c.
func born(c *manifest.Container) vitals {
	p := c.Spec.Probes()
	return vitals{
		started: p[0] == nil, ready: p[0] == nil && p[2] == nil,
		awaited: c.Spec.Lifecycle.PostStart != nil, judged: p[2] != nil,
	}
}

// edited: what a manifest does not ask for counts as well.
func (v *vitals) edited(c *manifest.Container) {
	p := c.Spec.Probes()
	v.started, v.judged = v.started || p[0] == nil, v.judged || p[2] != nil
	if p[2] == nil {
		v.ready, v.unready = v.ready || v.started, false
	}
}

// probed enters an answer that the daemon is given.
func (o *oracle) probed(op reconcile.ProbeOp, r *run, out reconcile.Outcome) {
	l := o.ledger(op.Ref.Name)
	k := kindOf(op.Kind)
	if r == nil || out == reconcile.ProbeUnknown || l.want == nil {
		return
	}
	v := &r.vitals
	if !v.started && op.Kind != reconcile.StartupProbe {
		o.fail("probe", "%s of %s is asked before startup has succeeded", op.Kind, op.Ref)
	}
	if def := l.want.Spec.Probes()[k]; def == nil || !def.Same(op.Probe) {
		return // the daemon does not count it
	}
	if out == reconcile.ProbeSuccess {
		v.goods[k], v.fails[k] = v.goods[k]+1, 0
	} else {
		v.fails[k], v.goods[k] = v.fails[k]+1, 0
	}
	switch {
	case k == 0 && v.goods[k] > 0:
		v.started = true
		v.ready = v.ready || l.want.Spec.ReadinessProbe == nil
	case k == 2 && v.goods[k] >= int(op.Probe.SuccessThreshold):
		v.ready, v.unready = true, false
	case k == 2 && v.fails[k] >= int(op.Probe.FailureThreshold):
		v.ready, v.unready = false, true
	}
}

// forgets: a daemon that dies takes its counts with it.
func (o *oracle) forgets() {
	for _, l := range o.ledgers {
		for _, b := range l.boxes {
			if b.run != nil {
				v := &b.run.vitals
				v.fails, v.goods, v.unready, v.awaited, v.preStopping = [3]int{}, [3]int{}, false, false, nil
			}
		}
	}
}

// proof is how long a run must last to have shown that it works.
func (r *run) proof() time.Duration {
	if r.vitals.judged {
		return 2 * time.Second
	}
	return proof
}

// recalled: brake or doubt take back the stops under way.
func (l *ledger) recalled() {
	for _, b := range l.boxes {
		if b.run != nil {
			l.takeBack(b.run)
		}
	}
}

// takeBack: nobody can tell any more whether an end is the answer to the stop.
func (l *ledger) takeBack(r *run) {
	r.vitals.takenBack = true
	if r.vitals.killed && !r.wasAsked {
		r.wasAsked = true
		if l.last == r && !r.ended.IsZero() {
			l.failures = max(l.failures-1, 0)
		}
	}
}

// mayKill: what fails is ended when its probe has said so often enough in a
// row, in this run, and never before it has started up.
func (o *oracle) mayKill(l *ledger, b *box, op reconcile.Op) bool {
	if b.run == nil {
		return false
	}
	v := &b.run.vitals
	if v.killed {
		return true
	}
	p := l.want.Spec.Probes()
	switch op.Reason {
	case reconcile.LivenessFailed:
		v.killed = v.started && p[1] != nil && v.fails[1] >= int(p[1].FailureThreshold)
	case reconcile.StartupFailed:
		v.killed = p[0] != nil && v.fails[0] >= int(p[0].FailureThreshold)
	case reconcile.PostStartFailed:
		v.killed = v.hookFailed
	default:
		return false
	}
	if !v.killed {
		o.fail("kill", "%s of %s after %v failures in a row (%s)", op.Reason, op.Ref, v.fails, inValues(p))
	}
	return true
}

// inValues is v as a message of the oracle shows it: an address in it would be
// another one in the second run, and hide the finding behind R13.
func inValues(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// mayBeReady reports whether the container that runs may count as ready.
func (l *ledger) mayBeReady() bool {
	b := l.wanted()
	if b == nil || b.run == nil {
		return true // the daemon cannot know
	}
	v := &b.run.vitals
	return v.ready && !v.unready && !v.awaited
}

// hookBegins judges a hook at the moment it is run.
func (o *oracle) hookBegins(op reconcile.HookOp) *run {
	l := o.ledger(op.Ref.Name)
	b := l.boxes[op.Ref.Revision]
	if o.isHeld(l) {
		o.fail("hold", "%s of %s, which is held", op.Kind, op.Ref)
	}
	if b == nil || b.run == nil {
		return nil // it is gone already, and the daemon cannot know
	}
	v, rec := &b.run.vitals, o.s.disk.records[op.Ref.Name]
	if op.Kind == reconcile.PostStart {
		if v.postStarted {
			o.fail("hook", "postStart of %s is run twice", op.Ref)
		}
		if rec.Hooks == nil || rec.Hooks.PostStart == "" || rec.Hooks.PostStart == "due" {
			o.fail("R10", "postStart of %s, and the disk has %s", op.Ref, inValues(rec.Hooks))
		}
		v.postStarted = true
		return b.run
	}
	if rec.StopHook != "begun" || rec.StopAt.IsZero() {
		o.fail("R10", "preStop of %s, and the disk has %s", op.Ref, inValues(rec))
	}
	if (b.going || !b.run.asked.IsZero()) && !v.takenBack {
		o.fail("hook", "preStop of %s is run twice, or after it was asked to stop", op.Ref)
	}
	o.stops(l, reconcile.Op{Action: driver.Shutdown, Ref: op.Ref, Container: op.Container, Reason: reconcile.Reason(rec.StopReason)})
	v.preStopping, v.preStopped, v.shutAt = &op, true, time.Time{}
	return b.run
}

func (o *oracle) hookEnds(op reconcile.HookOp, r *run, err error) {
	if r == nil {
		return
	}
	v := &r.vitals
	if op.Kind == reconcile.PreStop {
		v.preStopping = nil
		return
	}
	v.awaited, v.hookFailed = false, err != nil
}

// shutdown: the hook has its time before, and the container some after it.
func (o *oracle) afterHook(b *box, op reconcile.Op) {
	if b.run == nil || !b.live {
		return
	}
	v := &b.run.vitals
	switch op.Action {
	case driver.Shutdown:
		if h := v.preStopping; h != nil && o.s.wall().Before(h.Deadline) && !v.takenBack {
			o.fail("hook", "shutdown of %s while its preStop runs, until %v", op.Ref, h.Deadline)
		}
		if v.shutAt.IsZero() {
			v.shutAt = o.s.now
		}
	case driver.Terminate:
		jumped, _ := o.s.clock.jumped(b.run.asked)
		if v.preStopped && !v.takenBack && !jumped && !v.shutAt.IsZero() && o.s.now.Sub(v.shutAt) < min(2*time.Second, time.Second) {
			o.fail("R5", "terminate %s %s after its preStop", op.Ref, o.s.now.Sub(v.shutAt))
		}
	default:
	}
}
