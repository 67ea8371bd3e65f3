package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// ProbeKind is which of a container's probes.
type ProbeKind string

// The kinds, in the order in which manifest.Spec.Probes has them.
const (
	StartupProbe   ProbeKind = "startup"
	LivenessProbe  ProbeKind = "liveness"
	ReadinessProbe ProbeKind = "readiness"
)

// ProbeKinds is the closed list.
var ProbeKinds = []ProbeKind{StartupProbe, LivenessProbe, ReadinessProbe}

const (
	startup = iota
	liveness
	readiness
)

// Outcome is what one probe found.
type Outcome string

// The outcomes. An unknown one is thrown away: the probe itself could not be made.
const (
	ProbeSuccess Outcome = "success"
	ProbeFailure Outcome = "failure"
	ProbeUnknown Outcome = "unknown"
)

// Outcomes is the closed list.
var Outcomes = []Outcome{ProbeSuccess, ProbeFailure, ProbeUnknown}

// ProbeOp is one probe that the engine shall make now.
type ProbeOp struct {
	Ref       driver.Ref
	Kind      ProbeKind
	Container *manifest.Container
	Probe     *manifest.Probe
	At        time.Time

	run uint64 // which run of which container: a late answer is not taken for another's
}

// ProbeResult is the answer to a ProbeOp. Message holds no secret.
type ProbeResult struct {
	Outcome Outcome
	Message string
	Took    time.Duration
}

// ProbeStatus is what is shown of one probe.
type ProbeStatus struct {
	Kind      ProbeKind     `json:"kind"`
	Handler   string        `json:"handler"`      // exec, httpGet, …
	Ok        *bool         `json:"ok,omitempty"` // null: no answer yet
	Message   string        `json:"message,omitempty"`
	At        time.Time     `json:"at,omitzero"`
	Took      time.Duration `json:"took,omitempty"` // ns
	Successes int           `json:"successes"`      // in a row
	Failures  int           `json:"failures"`       // in a row
	Totals    [3]uint64     `json:"-"`              // of all Outcomes, since the daemon began
}

// Health is what probes and hooks mean for a decision.
type Health struct {
	Probed  bool  // there is a readiness or startup probe: "ready" says more than "runs"
	Unready *Hold // why it is not ready; nil: it is
	Failed  *Failure
}

// Failure is why a container must be ended although it is wanted.
type Failure struct {
	Reason  Reason
	Message string
	Grace   *time.Duration // nil: that of the container
}

// watch is what is known of the probes of one run; a new run gets a new one.
type watch struct {
	run    uint64
	of     driver.Status
	first  bool // this run was begun by an earlier daemon, or behind our back
	probes [3]probeState
	failed *Failure
}

type probeState struct {
	def     *manifest.Probe
	due     time.Time // zero: not planned
	n       int       // of probes made, for the jitter
	busy    bool
	waiting bool // for its turn among the exec probes
	last    ProbeResult
	at      time.Time // of last; zero: there is none
	inRow   int       // successes or failures without the other in between
	good    bool      // which of them
}

// probes sees to the probes of e: it plans them, and hands out those that are
// due. Containers without probes cost nothing.
func (c *Core) probe(now time.Time, e *entry, t *Turn) {
	h := c.probed(e)
	if h == nil {
		if e.want == nil || e.want.Spec.Probes() == [3]*manifest.Probe{} {
			e.watch = nil
		}
		return
	}
	w := c.watch(e, *h)
	if e.rec.Hooks != nil && e.rec.Hooks.PostStart != "" || e.stopping(h) || c.draining {
		return
	}
	for k, def := range e.want.Spec.Probes() {
		ps := &w.probes[k]
		if def == nil || ps.busy || ps.waiting || (k == startup) == e.rec.Probes.Started {
			continue
		}
		if ps.due.IsZero() {
			ps.due = firstProbe(now, e.name, k, w, def)
		}
		if ps.due.After(now) {
			c.wakeAt(e, ps.due)
			continue
		}
		if def.Exec != nil && !c.takeExec(e, k) {
			ps.waiting = true
			continue
		}
		ps.busy = true
		t.Probes = append(t.Probes, ProbeOp{Ref: h.Ref, Kind: ProbeKinds[k], Container: e.want, Probe: def, At: now, run: w.run})
	}
}

// probed is the container of e that has probes, nil if there is none: it runs
// in the wanted revision, which this program knows.
func (c *Core) probed(e *entry) *driver.Status {
	h := e.current()
	if h == nil || h.State != driver.Running || !e.probes(h.Revision) {
		return nil
	}
	return h
}

// watch returns what is known of the probes of the run h. The memory of a start
// says that nothing has succeeded yet. Of a run without memory (probes were
// added to its manifest, or the state was lost) it is believed that it is well:
// neither may make a healthy container unready.
func (c *Core) watch(e *entry, h driver.Status) *watch {
	w := e.watch
	if w == nil || w.of.Ref != h.Ref || !sameRun(w.of, h) {
		c.runs++
		w = &watch{run: c.runs, of: h, first: e.begun.IsZero()}
		e.watch = w
	}
	w.heed(e.want.Spec.Probes())
	p := e.rec.Probes
	if p == nil {
		p = &statedb.Probes{Started: true, Ready: true}
	}
	q := *p
	q.Started = q.Started || e.want.Spec.StartupProbe == nil || c.preview
	if e.want.Spec.ReadinessProbe == nil || c.preview {
		q.Ready = q.Started
	}
	if e.rec.Probes == nil || q != *e.rec.Probes {
		e.rec.Probes = &q
		c.touchAround(e)
	}
	return w
}

// stopping reports whether a stop of h was decided on, and not taken back.
func (e *entry) stopping(h *driver.Status) bool {
	return !e.rec.StopAt.IsZero() && e.rec.StopRevision == string(h.Revision) && e.rec.StopReason != ""
}

// firstProbe is when a run is probed first. A new daemon asks its containers
// spread over their periods, not all at once.
func firstProbe(now time.Time, name string, k int, w *watch, def *manifest.Probe) time.Time {
	delay := seconds(def.InitialDelaySeconds)
	at := now.Add(delay)
	if s := w.of.Started; !s.IsZero() && s.Add(delay).Before(at) {
		at = s.Add(delay)
	}
	if w.first {
		spread := now.Add(time.Duration(float64(seconds(def.PeriodSeconds)) * fraction(name+"/"+string(ProbeKinds[k]), 0)))
		at = later(at, spread)
	}
	return at
}

// nextProbe is when the next one begins. Exec probes, which cost most, drift
// apart by up to a tenth of their period.
func nextProbe(at time.Time, name string, k int, ps *probeState) time.Time {
	period := seconds(ps.def.PeriodSeconds)
	if ps.def.Exec != nil {
		period += time.Duration(float64(period) * 0.1 * fraction(name+"/"+string(ProbeKinds[k]), ps.n))
	}
	return at.Add(period)
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Probed takes the answer to a probe.
func (c *Core) Probed(now time.Time, op ProbeOp, r ProbeResult) {
	if op.Probe.Exec != nil {
		c.execs.busy--
	}
	e := c.entries[op.Ref.Name]
	if e == nil || e.watch == nil || e.watch.run != op.run {
		return
	}
	k := slices.Index(ProbeKinds, op.Kind)
	ps := &e.watch.probes[k]
	ps.busy = false
	c.touch(e)
	if !op.Probe.Same(ps.def) || c.probed(e) == nil {
		return // another probe has taken its place, or it runs no more
	}
	ps.n++
	e.probeTotals[k][slices.Index(Outcomes, r.Outcome)]++
	ps.due = later(nextProbe(op.At, e.name, k, ps), now)
	c.probeEvent(now, e, op, ps, r)
	ps.last, ps.at = r, now
	if r.Outcome != ProbeUnknown {
		c.judgeProbe(now, e, k, r.Outcome == ProbeSuccess)
	}
}

// judgeProbe counts an answer, and draws the conclusion when there are enough of them.
func (c *Core) judgeProbe(now time.Time, e *entry, k int, good bool) {
	w, ps := e.watch, &e.watch.probes[k]
	if ps.good != good {
		ps.good, ps.inRow = good, 0
	}
	ps.inRow++
	threshold := ps.def.FailureThreshold
	if good {
		threshold = ps.def.SuccessThreshold
	}
	if ps.inRow < int(threshold) {
		return
	}
	p := *e.rec.Probes
	switch {
	case k == readiness:
		p.Ready = good
	case good: // also what had failed, where a restart had to wait
		p.Started, w.failed = true, nil
	case w.failed == nil:
		w.failed = probeFailure(k, ps)
		c.events = append(c.events, Event{
			At: now, Kind: Probed, Container: e.name, Change: e.change, Revision: string(w.of.Revision), Probe: ProbeKinds[k],
			Reason: w.failed.Reason, State: e.last.State, Message: w.failed.Message, Warning: true,
		})
	}
	if p != *e.rec.Probes {
		e.rec.Probes = &p
		c.touchAround(e)
	}
}

// failureOf is why a container is ended whose probe of a kind failed too often.
var failureOf = [3]Reason{StartupFailed, LivenessFailed, ""}

func probeFailure(k int, ps *probeState) *Failure {
	f := &Failure{Reason: failureOf[k], Message: fmt.Sprintf("%s failed %s: %s", ProbeKinds[k], times(ps.inRow), ps.last.Message)}
	if g := ps.def.TerminationGracePeriodSeconds; g != nil {
		grace := time.Duration(*g) * time.Second
		f.Grace = &grace
	}
	return f
}
