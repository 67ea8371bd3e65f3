package sim

import (
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// oracle judges every step by the rules of the project, with books of its own.
// Where the daemon cannot know the truth (a lost exit, a manifest that changed
// unseen) it takes the reading that is kindest to the daemon.
type oracle struct {
	s       *sim
	ledgers map[string]*ledger
	pending map[string][]*call // effects that may still come, of any life
	read    int                // of the world's journal

	doubt    string
	permit   reconcile.Permit
	away     map[string]reconcile.Away
	bothSeen [2]bool     // in this life: the folder, the runtime
	looks    []time.Time // when the listings of this life looked at the world
	removals []removal
}

// removal is one name that was let go because no manifest has it.
type removal struct {
	name string
	at   time.Time
}

func newOracle(s *sim) *oracle {
	return &oracle{s: s, ledgers: map[string]*ledger{}, pending: map[string][]*call{}}
}

func (o *oracle) fail(rule, format string, args ...any) { o.s.fail(rule, format, args...) }

func (o *oracle) ledger(name string) *ledger {
	l := o.ledgers[name]
	if l == nil {
		l = &ledger{
			name: name, boxes: map[manifest.Revision]*box{},
			over: map[manifest.Revision]bool{}, completed: map[string]bool{}, upUntil: map[string]time.Time{}, sulks: map[manifest.Revision]bool{}, moods: map[string]bool{},
			versions: map[manifest.Revision]*manifest.Container{}, worked: map[manifest.Revision]bool{},
		}
		o.ledgers[name] = l
	}
	return l
}

func (o *oracle) booted() {
	o.bothSeen, o.looks = [2]bool{}, nil
	o.remembered()
}

func (o *oracle) crashed() {
	o.bothSeen = [2]bool{}
	o.forgets()
}

func (o *oracle) listed(looked time.Time) {
	o.bothSeen[1] = true
	o.looks = append(o.looks, looked)
}

// knownSince is a time from before which the daemon knows everything, unless a
// call was under way: the look of the last listing but one.
func (o *oracle) knownSince() (time.Time, bool) {
	if len(o.looks) < 2 {
		return time.Time{}, false
	}
	return o.looks[len(o.looks)-2], true
}

// told enters what the folder asks for.
func (o *oracle) told(ch reconcile.Change) {
	o.doubt, o.permit, o.away = ch.Doubt, ch.Permit, ch.Away
	if ch.Full {
		put := map[string]bool{}
		for _, w := range ch.Put {
			put[w.Container.Name()] = true
		}
		for _, n := range o.s.names {
			if !put[n] {
				o.tell(o.ledger(n), reconcile.Wanted{})
			}
		}
	}
	for _, w := range ch.Put {
		o.tell(o.ledger(w.Container.Name()), w)
	}
	for _, n := range ch.Drop {
		o.tell(o.ledger(n), reconcile.Wanted{})
	}
	for _, l := range o.ledgers {
		if o.doubt == "" && l.shade != nil {
			l.reset() // it is really gone
			l.shade = nil
		}
	}
	for _, l := range o.ledgers {
		if o.doubt != "" && l.want == nil {
			l.recalled()
		}
	}
	o.bothSeen[0] = true
}

func (o *oracle) tell(l *ledger, w reconcile.Wanted) {
	l.manifest = w.Container
	if w.Container != nil {
		l.versions[w.Container.Revision] = w.Container
		if l.back != nil && digest(w.Container) == l.backFrom {
			w.Container = l.back
		} else {
			l.back = nil
		}
	}
	o.wants(l, w)
}

// wants enters what a name is to be.
func (o *oracle) wants(l *ledger, w reconcile.Wanted) {
	before, c := l.want, w.Container
	if before == nil && c == nil {
		return
	}
	if c == nil {
		l.leave(o.doubt != "")
		o.wish(l)
		return
	}
	if l.shade != nil {
		before, l.want, l.shade = l.shade, l.shade, nil
		if l.mayRest() { // an end in doubt may be judged by what comes after it
			l.moods[digest(c)] = true
		}
	}
	if before != nil {
		o.turnOver(l, c)
	}
	l.turned = l.turned || before == nil || !sameVersion(c, before.Revision)
	rested := before != nil && !l.wantsRun()
	l.want, l.blocked, l.refused = c, w.Blocked != "", check(c) != nil
	o.wish(l)
	l.let, l.needs = false, needsOf(c)
	o.forget(l.name)
	l.graces = append(l.graces, c.GracePeriod())
	for _, p := range c.Spec.Probes() {
		if p != nil && p.TerminationGracePeriodSeconds != nil {
			l.graces = append(l.graces, time.Duration(*p.TerminationGracePeriodSeconds)*time.Second)
		}
	}
	for _, b := range l.boxes {
		if b.run != nil {
			b.run.vitals.edited(c)
		}
	}
	if !l.wantsRun() || rested {
		l.reset()
	}
	l.past = append(l.past, c)
	l.mayReset(c)
	if l.last == nil {
		l.adopt()
	}
}

// drained: with no manifest to judge by, an end cannot mean anything.
func (o *oracle) drained() {
	for _, l := range o.ledgers {
		if l.shade != nil {
			l.reset()
			l.shade = nil
		}
	}
}

// leave: the folder does not show it any more. In doubt it may only seem so,
// and nothing may be forgotten.
func (l *ledger) leave(doubt bool) {
	if doubt {
		l.shade = l.want
	} else {
		l.reset()
	}
	l.want = nil
}

// turnOver begins a new page for the manifest c that takes the place of another.
func (o *oracle) turnOver(l *ledger, c *manifest.Container) {
	before := l.want
	was, is := before.Spec.Backoff(), c.Spec.Backoff()
	switch {
	case before == c:
	case !sameVersion(c, before.Revision):
		l.reset()
	case digest(before) != digest(c) && l.mayRest():
		l.forgive()
	case was.MaxRestarts != is.MaxRestarts || was.Window != is.Window:
		l.restarts, l.limited = nil, o.s.now
	}
}

func needsOf(c *manifest.Container) []string {
	var ns []string
	for _, d := range c.Spec.DependsOn {
		ns = append(ns, d.Name)
	}
	return ns
}

// forget strikes a name off the removals: it is wanted again.
func (o *oracle) forget(name string) {
	o.removals = slices.DeleteFunc(o.removals, func(r removal) bool { return r.name == name })
}

// confirmed: a person let these go; they count no more against later ones.
func (o *oracle) confirmed(names []string) {
	for _, n := range names {
		o.ledger(n).let = true
	}
	if len(names) == 0 {
		return
	}
	for _, r := range o.removals {
		o.ledger(r.name).let = true
	}
	o.removals = nil
}

// turned looks at a turn before anything of it is done.
func (o *oracle) turned(t reconcile.Turn) {
	o.consents()
	if o.s.quiet == "" {
		return
	}
	if len(t.Hooks) > 0 {
		o.fail("R12", "%s, yet a hook is run: %s of %s", o.s.quiet, t.Hooks[0].Kind, t.Hooks[0].Ref)
	}
	ops := slices.DeleteFunc(slices.Clone(t.Ops), func(op reconcile.Op) bool {
		b := o.ledger(op.Ref.Name).boxes[op.Ref.Revision]
		return op.Action == driver.Remove && o.s.upgraded && b != nil && !b.live // it bears a name of the older program
	})
	if len(ops) > 0 {
		o.fail("R12", "%s, yet there is a step: %s %s (%s)", o.s.quiet, ops[0].Action, ops[0].Ref, ops[0].Reason)
	}
	if o.s.silent && len(t.Put)+len(t.Drop) > 0 {
		o.fail("R12", "%s, yet records are written: %s %v", o.s.quiet, putText(t.Put), t.Drop)
	}
	// Old removals may be struck off whenever the brake is looked at.
	if o.s.silent && t.Brake != nil && (len(t.Brake.Removed) > 0 || !slices.Equal(t.Brake.Blocked, o.s.disk.brake.Blocked)) {
		o.fail("R12", "%s, yet the brake is written: %+v", o.s.quiet, *t.Brake)
	}
}

// saved looks at what was written.
func (o *oracle) saved(t reconcile.Turn) {
	for _, r := range t.Put {
		l := o.ledger(r.Name)
		o.returned(l, r.Rollback)
		if r.Failures > l.counted+1 {
			o.fail("R8", "%s: %d failures are counted after %d starts", r.Name, r.Failures, l.counted)
		}
		if r.Failures == 0 {
			l.counted = 0
		}
	}
	if t.Brake != nil {
		for _, n := range t.Brake.Blocked {
			o.ledger(n).recalled()
		}
		var let []string
		for _, r := range t.Brake.Removed {
			if !slices.ContainsFunc(o.removals, func(x removal) bool { return x.name == r.Name }) {
				let = append(let, r.Name)
			}
		}
		o.released(let)
	}
	for _, n := range t.Drop {
		l := o.ledger(n)
		clear(l.over)
		l.back = nil
		if l.want != nil && o.bothSeen[0] {
			o.fail("R10", "the record of %s is dropped, and it is wanted", n)
		}
	}
}

// begins judges a step at the moment it is taken.
func (o *oracle) begins(op reconcile.Op) {
	l := o.ledger(op.Ref.Name)
	o.one(l, op)
	if !o.bothSeen[0] || !o.bothSeen[1] {
		o.fail("R2", "%s %s before folder and runtime were seen: %v", op.Action, op.Ref, o.bothSeen)
	}
	if o.isHeld(l) {
		o.fail("hold", "%s %s (%s), which is held until %v", op.Action, op.Ref, op.Reason, l.hold.Until)
	}
	o.onDisk(op)
	switch op.Action {
	case driver.Create, driver.Start:
		o.starts(l, op)
	case driver.Shutdown, driver.Terminate, driver.Remove:
		o.stops(l, op)
	case driver.Pause, driver.Resume, driver.Update:
		if l.want == nil || !sameVersion(l.want, op.Ref.Revision) {
			o.fail("R4", "%s %s, which is not wanted", op.Action, op.Ref)
		}
	}
}

// one: a single step per container, also across a crash.
func (o *oracle) one(l *ledger, op reconcile.Op) {
	for _, c := range o.s.calls {
		if c.op.Ref.Name == l.name {
			o.fail("R1", "%s %s while %s is under way", op.Action, op.Ref, c.op.Action)
		}
	}
	o.pending[l.name] = slices.DeleteFunc(o.pending[l.name], func(c *call) bool { return !c.pending })
	for _, c := range o.pending[l.name] {
		o.fail("R1", "%s %s while %s of life %d may still take effect", op.Action, op.Ref, c.op.Action, c.life)
	}
}

// onDisk: what a step needs to be understood after a crash is written before it.
func (o *oracle) onDisk(op reconcile.Op) {
	r, ok := o.s.disk.records[op.Ref.Name]
	good := ok && r.Op == string(op.Action)
	switch op.Action {
	case driver.Start:
		good = good && r.Ran && r.Revision == string(op.Ref.Revision) && r.StopAt.IsZero()
	case driver.Shutdown, driver.Terminate:
		good = good && !r.StopAt.IsZero() && r.StopRevision == string(op.Ref.Revision)
	default:
	}
	if !good {
		o.fail("R10", "%s %s, and the disk has %s", op.Action, op.Ref, inValues(r))
	}
}
