package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// starts judges Create and Start.
func (o *oracle) starts(l *ledger, op reconcile.Op) {
	switch {
	case !l.wantsRun(), op.Ref.Revision != l.want.Revision, op.Container != l.want && l.back == nil:
		o.fail("R4", "%s %s, which is not wanted", op.Action, op.Ref)
	case l.blocked, l.refused, o.s.draining:
		o.fail("R4", "%s %s: blocked %v, refused %v, draining %v", op.Action, op.Ref, l.blocked, l.refused, o.s.draining)
	case len(l.liveBoxes()) > 0 && !l.besideOther():
		o.fail("R3", "%s %s, and it runs", op.Action, op.Ref)
	case l.mustRest() && !l.again && !l.retried:
		o.fail("R7", "%s %s, which ended with %d and shall not run again", op.Action, op.Ref, l.last.code)
	}
	o.needsMet(l, op)
	if l.rollout.IsZero() {
		l.rollout = o.s.now
	}
	if op.Action != driver.Start {
		return
	}
	if err := o.mayStart(l); err != nil && !l.again && !l.retried {
		o.fail("R6", "start %s: %v", op.Ref, err)
	}
	if r := l.last; r != nil && !r.ended.IsZero() && !r.wasAsked && r.ended.After(l.limited) && !slices.Contains(l.restarts, r.ended) {
		l.restarts = append(l.restarts, r.ended)
	}
	o.renews(l, op)
	l.grant()
	l.starts++
	l.counted++
	clear(l.sulks)
	clear(l.moods)
}

// needsMet: what the manifest depends on has come so far, as far as the daemon
// can know.
func (o *oracle) needsMet(l *ledger, op reconcile.Op) {
	since, ok := o.knownSince()
	if !ok {
		return
	}
	for _, d := range l.want.Spec.DependsOn {
		t := o.ledger(d.Name)
		if t.want == nil {
			o.fail("order", "%s %s, which needs %s: not wanted", op.Action, op.Ref, d.Name)
		}
		done := t.isCompleted() || t.completed[hashOf(t.want.Revision)]
		ran := t.running() || !t.upUntil[hashOf(t.want.Revision)].Before(since) || o.underWay(d.Name)
		if d.Condition == manifest.ConditionReady && !t.mayBeReady() {
			v := &t.wanted().run.vitals
			o.fail("order", "%s %s before %s is ready: %v, not %v, waits for postStart %v", op.Action, op.Ref, d.Name, v.ready, v.unready, v.awaited)
		}
		if !done && (d.Condition == manifest.ConditionCompleted || !ran) {
			o.fail("order", "%s %s before %s is %s", op.Action, op.Ref, d.Name, d.Condition)
		}
	}
}

// underWay reports whether a call on name may still come to something.
func (o *oracle) underWay(name string) bool {
	for _, c := range o.s.calls {
		if c.op.Ref.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(o.pending[name], func(c *call) bool { return c.pending })
}

// hashOf is a revision without the hash version.
func hashOf(r manifest.Revision) string {
	_, h, _ := strings.Cut(string(r), "-")
	return h
}

// stops judges Shutdown, Terminate and Remove.
func (o *oracle) stops(l *ledger, op reconcile.Op) {
	b := l.boxes[op.Ref.Revision]
	if r := l.last; r != nil && r.lost && !r.wasAsked && !r.ended.IsZero() {
		r.wasAsked = true // nobody can tell the request and the end apart
		l.failures = max(l.failures-1, 0)
	}
	if b == nil {
		return // it is gone already, and the daemon cannot know
	}
	going := b.going || b.run != nil && !b.run.asked.IsZero()
	o.mayGo(l, b, going, op)
	if b.live && !going && op.Action != driver.Remove {
		o.mayReplace(l, b, op)
	}
	if l.want == nil && !going && !o.s.draining {
		o.mayPrune(l, op)
	}
	o.afterHook(b, op)
	b.going = b.going || op.Action != driver.Remove
	switch op.Action {
	case driver.Remove:
		if b.live {
			o.fail("R3", "remove %s, and it runs", op.Ref)
		}
	case driver.Shutdown:
		if !going {
			o.lastOfAll(l, op)
		}
		if b.live && !going {
			b.run.asked, b.run.wasAsked = o.s.now, !b.run.vitals.killed
		}
	case driver.Terminate:
		if b.live {
			o.graceOver(l, b, op)
		}
	default:
	}
}

// mayGo: what runs as it is wanted is left alone, and so is what has no
// successor that may be started.
func (o *oracle) mayGo(l *ledger, b *box, going bool, op reconcile.Op) {
	switch {
	case l.want == nil, o.s.draining, !l.wantsRun():
	case b.live && b == l.wanted() && (l.again || l.follows):
		if !going && (l.blocked || l.refused) {
			o.fail("R3", "%s %s for a restart, and it must not start", op.Action, op.Ref)
		}
	case op.Action != driver.Remove && sameVersion(l.want, b.ref.Revision) && o.mayKill(l, b, op):
		if !going && (l.blocked || l.refused) {
			o.fail("R3", "%s %s because it failed, and it must not start", op.Action, op.Ref)
		}
	case b.live && b == l.wanted():
		o.fail("R3", "%s %s, which runs as it is wanted", op.Action, op.Ref)
	case b.live && !going && (l.blocked || l.refused):
		o.fail("R3", "%s %s, and its successor must not start", op.Action, op.Ref)
	case !b.live && (l.again || l.follows) && op.Action != driver.Remove: // it has ended meanwhile
	case !b.live && b.ref.Revision == l.want.Revision && len(l.boxes) == 1:
		o.fail("R3", "%s %s, which is the wanted container", op.Action, op.Ref)
	}
}

// mayPrune: nothing goes while the folder is in doubt, nor without the consent
// of the brake.
func (o *oracle) mayPrune(l *ledger, op reconcile.Op) {
	if o.doubt != "" {
		o.fail("prune", "%s %s while the folder is in doubt", op.Action, op.Ref)
	}
	if !l.let && !slices.ContainsFunc(o.removals, func(r removal) bool { return r.name == l.name }) {
		o.fail("brake", "%s %s, which was not let through", op.Action, op.Ref)
	}
	if o.away[l.name].Relabelled && !l.let {
		o.fail("brake", "%s %s, and only the labels of the host changed", op.Action, op.Ref)
	}
}

// released: names that the brake lets through. Too many within a minute are
// not, whether in one reading or in several.
func (o *oracle) released(names []string) {
	o.mayRelease(names)
	with := map[string]bool{}
	for _, r := range o.removals {
		if o.s.now.Sub(r.at) < 59*time.Second {
			with[r.name] = true
		}
	}
	for _, n := range names {
		with[n] = true
		o.removals = append(o.removals, removal{n, o.s.now})
		if l := o.ledger(n); l.want != nil {
			o.fail("brake", "%s is let through, and it is wanted", n)
		}
	}
	if jumped, _ := o.s.clock.jumped(o.s.now.Add(-time.Minute)); jumped {
		return // the minute is not what it was
	}
	ran := 0
	for _, x := range o.ledgers {
		if len(x.boxes) > 0 || with[x.name] || !x.seen.Before(o.s.now.Add(-2*o.s.resync)) {
			ran++
		}
	}
	if len(with) >= 3 && 2*len(with) > ran {
		o.fail("brake", "%v are let through: %d of %d within a minute: %v", names, len(with), ran, with)
	}
}

// lastOfAll: those that need a container stop before it does.
func (o *oracle) lastOfAll(l *ledger, op reconcile.Op) {
	since, ok := o.knownSince()
	if !ok || !o.leaving(l) {
		return
	}
	for _, d := range o.ledgers {
		live := d.liveBoxes()
		if d == l || len(live) == 0 || !o.leaving(d) || !live[0].since.Before(since) || o.underWay(d.name) {
			continue
		}
		if !slices.Contains(d.needs, l.name) || !slices.Contains(o.s.disk.records[d.name].Needs, l.name) {
			continue
		}
		if !o.reaches(l.name, d.name, map[string]bool{}) {
			o.fail("order", "%s %s, and %s, which needs it, runs", op.Action, op.Ref, d.name)
		}
	}
}

func (o *oracle) leaving(l *ledger) bool { return o.s.draining || !l.wantsRun() }

func (o *oracle) reaches(from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, n := range slices.Concat(o.ledger(from).needs, o.s.disk.records[from].Needs) {
		if n == to || o.reaches(n, to, seen) {
			return true
		}
	}
	return false
}

// graceOver: nothing is ended by force before it was asked and had its time.
func (o *oracle) graceOver(l *ledger, b *box, op reconcile.Op) {
	r := b.run
	if r.asked.IsZero() {
		o.fail("R5", "terminate %s, which was not asked to stop", op.Ref)
	}
	if _, ahead := o.s.clock.jumped(r.asked); ahead {
		return
	}
	grace := 30 * time.Second
	for _, g := range l.graces {
		grace = min(grace, g)
	}
	if had := o.s.now.Sub(r.asked); had < grace {
		o.fail("R5", "terminate %s %s after it was asked to stop; its grace period is %s", op.Ref, had, grace)
	}
}

// wish notes for each stop under way whether it is still wished for. A stop
// that was taken back for long enough to be noticed is over: the next one
// begins with a request and a whole grace period again.
func (o *oracle) wish(l *ledger) {
	for _, b := range l.boxes {
		if b.run != nil && b.run.vitals.killed {
			if !l.wantsRun() && o.doubt != "" { // nothing but brake and doubt takes such a stop back
				l.takeBack(b.run)
			}
			continue
		}
		wanted := l.wantsRun() && sameVersion(l.want, b.ref.Revision) && !o.s.draining && !l.again && !l.follows
		r := b.run
		if r == nil || r.asked.IsZero() {
			b.going = b.going && !wanted
			continue
		}
		r.vitals.takenBack = r.vitals.takenBack || wanted || l.again || l.follows
		switch {
		case wanted && r.wantedAgain.IsZero():
			r.wantedAgain = o.s.now
		case !wanted && !r.wantedAgain.IsZero():
			if o.s.strict || o.s.now.Sub(r.wantedAgain) > time.Minute && len(o.looks) > 3 && !o.underWay(l.name) {
				r.asked, b.going = time.Time{}, false
			}
			r.wantedAgain = time.Time{}
		}
	}
}
