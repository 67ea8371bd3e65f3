package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// proof is how long a container must run to have shown that it works.
const proof = 10 * time.Second

// opens is how long the update window of c is open, 0 if it has none.
func opens(c *manifest.Container) time.Duration {
	if w := c.Spec.Update.Window; w != nil {
		return w.Duration.D()
	}
	return 0
}

// mayOverlap reports whether two versions may run at once: some manifest of
// this name, now or shortly before, said StartFirst.
func (l *ledger) mayOverlap() bool {
	for _, c := range l.versions {
		if c.Spec.Update.Strategy == manifest.UpdateStartFirst {
			return true
		}
	}
	return startsFirst(l.want)
}

func startsFirst(c *manifest.Container) bool {
	return c != nil && c.Spec.Update.Strategy == manifest.UpdateStartFirst && c.Spec.DesiredState == manifest.DesiredRunning
}

// besideOther reports whether the wanted version may start beside what runs.
func (l *ledger) besideOther() bool {
	return startsFirst(l.want) && len(l.liveBoxes()) == 1 && l.wanted() == nil
}

// hasWorked reports whether a version has truly shown that it works.
func (o *oracle) hasWorked(l *ledger, rev manifest.Revision) bool {
	for _, b := range l.boxes {
		if b.live && hashOf(b.ref.Revision) == hashOf(rev) && o.s.now.Sub(b.run.begun) >= b.run.proof() {
			return true
		}
	}
	for r, ok := range l.worked {
		if ok && hashOf(r) == hashOf(rev) {
			return true
		}
	}
	return false
}

// mayReplace judges the first step against what runs in another version than
// the wanted one.
func (o *oracle) mayReplace(l *ledger, b *box, op reconcile.Op) {
	if !l.wantsRun() || o.s.draining || o.s.mixed || sameVersion(l.want, b.ref.Revision) {
		return
	}
	since, _ := o.knownSince()
	next := l.newest()
	vanished := next == nil && l.upUntil[hashOf(l.want.Revision)].After(since)
	others := o.believed(l, b, since)
	if w := l.want.Spec.Update.Window; w != nil && next == nil && !vanished && l.back == nil && others == 0 && !o.open(w) {
		o.fail("window", "%s %s at %s, and the window is closed", op.Action, op.Ref, o.s.wall().Format(time.TimeOnly))
	}
	if !startsFirst(l.want) || l.mayBeOver() || others > 0 || o.s.now.Sub(b.run.begun) < proof {
		return // or it has not shown that it works either
	}
	ok := next != nil && next.run != nil && o.s.now.Sub(next.run.begun) >= next.run.proof() && l.mayBeReady() && (next.live || next.run.ended.After(since))
	if next != nil && next.run != nil {
		jumped, _ := o.s.clock.jumped(next.run.begun)
		ok = ok || jumped
	}
	if !ok && (!vanished || !o.hasWorked(l, l.want.Revision)) { // nobody has seen yet that it is gone
		o.fail("first", "%s %s, and its successor has not shown that it works", op.Action, op.Ref)
	}
}

// believed counts the containers besides b, in other versions than the wanted
// one, that run or may be thought to.
func (o *oracle) believed(l *ledger, b *box, since time.Time) (n int) {
	for _, x := range l.boxes {
		if x != b && !sameVersion(l.want, x.ref.Revision) && x.run != nil && (x.live || x.run.ended.After(since)) {
			n++
		}
	}
	return n
}

// newest is the container of the wanted version, whether it runs or not.
func (l *ledger) newest() *box {
	if b := l.wanted(); b != nil {
		return b
	}
	for _, b := range l.boxes {
		if sameVersion(l.want, b.ref.Revision) {
			return b
		}
	}
	return nil
}

// open: every window of this simulation opens at even minutes.
func (o *oracle) open(w *manifest.Window) bool {
	return o.s.wall().Sub(o.s.wall().Truncate(2*time.Minute)) < w.Duration.D()
}

// returned judges that an earlier version is to run instead of the manifest's,
// or that this is over.
func (o *oracle) returned(l *ledger, b *statedb.Rollback) {
	switch {
	case b == nil && l.back != nil:
		l.back = nil
		o.wants(l, reconcile.Wanted{Container: l.manifest, Blocked: o.blockedText(l)})
	case b == nil, l.back != nil && string(l.back.Revision) == b.To:
	case l.manifest == nil:
		o.fail("rollback", "%s is rolled back, and no manifest asks for it", l.name)
	default:
		o.mayReturn(l, b)
		l.back, l.backFrom = o.kept(l, manifest.Revision(b.To)), digest(l.manifest)
		o.wants(l, reconcile.Wanted{Container: l.back, Blocked: o.blockedText(l)})
	}
}

// kept is a version as it was when it was ready, nil if it is not on disk.
func (o *oracle) kept(l *ledger, rev manifest.Revision) *manifest.Container {
	for _, s := range o.s.disk.versions(l.name) {
		if s.Revision == string(rev) && !s.ReadyAt.IsZero() {
			cs, problems := manifest.Parse(s.Source, s.Manifest)
			if len(problems) > 0 || cs[0].Revision != rev {
				o.fail("rollback", "version %s of %s cannot be read back: %v", rev, l.name, problems)
			}
			return cs[0]
		}
	}
	o.fail("rollback", "version %s of %s is not kept", rev, l.name)
	return nil
}

func (o *oracle) blockedText(l *ledger) string {
	if l.blocked {
		return "blocked"
	}
	return ""
}

func (o *oracle) mayReturn(l *ledger, b *statedb.Rollback) {
	to := manifest.Revision(b.To)
	switch u := l.manifest.Spec.Update; {
	case l.versions[to] == nil:
		o.fail("rollback", "%s is rolled back to %s, which never was asked for", l.name, to)
	case !o.hasWorked(l, to):
		o.fail("rollback", "%s is rolled back to %s, which has not shown that it works", l.name, to)
	case sameVersion(l.manifest, to):
		o.fail("rollback", "%s is rolled back to the version that its manifest asks for", l.name)
	case b.By != "":
	case !*u.Rollback, o.kept(l, to).Spec.RestartPolicy == manifest.RestartNever, l.back != nil, o.isHeld(l):
		o.fail("rollback", "%s is rolled back, and must not be", l.name)
	default:
		o.tooSoon(l, u.ProgressDeadline.D())
	}
}

// tooSoon: a version has its whole time to show that it works, and is left alone
// once it has.
func (o *oracle) tooSoon(l *ledger, deadline time.Duration) {
	if jumped, _ := o.s.clock.jumped(l.rollout); jumped || o.underWay(l.name) {
		return
	}
	if had := o.s.now.Sub(l.rollout); (l.rollout.IsZero() || had < deadline) && !l.mayRest() {
		o.fail("rollback", "%s is rolled back %s after the first step of %s", l.name, had, deadline)
	}
	if l.want.Spec.Probes() != [3]*manifest.Probe{} || l.want.Spec.Lifecycle.PostStart != nil {
		return // it may run, and be no good
	}
	if b := l.wanted(); b != nil && o.s.now.Sub(b.run.begun) >= proof+time.Second && b.run.asked.IsZero() && len(o.looks) > 1 {
		o.fail("rollback", "%s is rolled back, and what it is to be has run for %s", l.name, o.s.now.Sub(b.run.begun))
	}
}

// renews: a start of another version, or one that was asked for, may restart
// those that want to follow it.
func (o *oracle) renews(l *ledger, op reconcile.Op) {
	if op.Action != driver.Start || !l.turned && !l.again && !l.follows {
		return
	}
	l.turned = false
	for _, d := range o.ledgers {
		if d.want == nil {
			continue
		}
		for _, dep := range d.want.Spec.DependsOn {
			if dep.Name == l.name && dep.Restart { // it may have ended unseen
				d.follows = true
			}
		}
	}
}

// probeRollback: a version that does not come up is taken back when its time is
// over and not before, stays so over a crash, and is tried again after an edit.
func (s *sim) probeRollback() {
	n, first := s.any(), s.rng.IntN(2) == 0
	s.folder.edit(n, func(d *doc) { d.first, d.deadline, d.longest = first, 40*time.Second, d.initial })
	s.publish()
	s.runFor(2 * s.resync) // what runs is known to work
	good := s.ref(n)
	s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
	next := driver.Ref{Name: n, Revision: s.folder.compile(s.folder.docs[n]).Revision}
	s.kinds[n] = kind{code: 1, script: slices.Repeat([]time.Duration{100 * time.Millisecond}, 200), began: s.world.Starts(next)}
	s.publish()
	s.runFor(39 * time.Second)
	if s.rng.IntN(2) == 0 {
		s.crashAndBoot(0) // it has its whole time again
		s.runFor(39 * time.Second)
	}
	s.expect("rollback", !first || s.alive(good), "the old version does not run: %s", s.actions(n))
	s.expect("rollback", s.disk.records[n].Rollback == nil, "taken back before its time")
	s.kinds[n] = kind{} // what worked works again
	s.runFor(5*time.Second + s.linger)
	s.expect("rollback", s.disk.records[n].Rollback != nil, "not taken back: %s", s.oracle.shown(n))
	s.expect("rollback", s.alive(good), "the version that worked does not run: %s", s.oracle.shown(n))
	s.steps = nil
	s.crashAndBoot(0)
	s.runFor(2 * time.Minute)
	s.expect("rollback", s.actions(n) == "", "and then %s", s.actions(n))
	s.folder.edit(n, func(d *doc) { d.label++ })
	s.publish()
	s.runFor(time.Minute)
	s.expect("rollback", !s.alive(good) && slices.Contains(s.running(), n), "edited, and %s", s.oracle.shown(n))
}

func (s *sim) alive(r driver.Ref) bool {
	st, err := s.world.Inspect(s.now, r)
	return err == nil && st.State == driver.Running
}

// probeFirst: the old version goes when the new one has run for long enough.
func (s *sim) probeFirst() {
	n := s.any()
	s.folder.edit(n, func(d *doc) { d.first = true })
	s.publish()
	s.steps = nil
	s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
	s.publish()
	s.runFor(proof + 2*soon)
	gone := s.actions(n) == "create start shutdown"
	s.expect("first", gone || s.actions(n) == "create start shutdown remove", "updated by %s", s.actions(n))
	had := s.when(n, driver.Shutdown, 0).Sub(s.when(n, driver.Start, 0))
	s.expect("first", had >= proof && had < proof+soon, "the old one went after %s", had)
}

// probeUpdateWindow: outside of it what runs is left alone, and what does not run is
// started.
func (s *sim) probeUpdateWindow() {
	n, other := s.names[0], s.names[1]
	into := s.wall().Sub(s.wall().Truncate(2 * time.Minute))
	s.runFor(2*time.Minute - into + 30*time.Second)
	for _, x := range []string{n, other} {
		s.folder.edit(x, func(d *doc) { d.opens, d.image = 20*time.Second, (d.image+2)%badImage })
	}
	s.world.Kill(s.now, s.ref(other), 1)
	s.runFor(5 * time.Millisecond)
	s.publish()
	s.runFor(80 * time.Second)
	s.expect("window", s.actions(n) == "", "outside of its window: %s", s.actions(n))
	s.expect("window", slices.Contains(s.running(), other), "what did not run does not run: %s", s.oracle.shown(other))
	s.runFor(20 * time.Second)
	took := s.actions(n)
	s.expect("window", took == "shutdown remove create start" || s.forgetful && took == "shutdown create start", "inside of it: %s", took)
}

// probeFollow: what wants to is restarted with what it depends on, once, but
// not after a crash of that.
func (s *sim) probeFollow() {
	n, with, without := s.names[0], s.names[1], s.names[2]
	need := func(name string, restart bool) {
		s.folder.edit(name, func(d *doc) {
			d.needs = []manifest.Dependency{{Name: n, Condition: manifest.ConditionReady, Restart: restart}}
		})
	}
	need(with, true)
	need(without, false)
	s.publish()
	s.runFor(soon)
	s.steps = nil
	s.crasher(n, 1)
	s.runFor(10 * time.Second)
	s.expect("follow", s.actions(with) == "", "after a crash: %s", s.actions(with))
	s.steps = nil
	if s.rng.IntN(2) == 0 {
		s.askRestart(n)
		s.turn()
	} else {
		s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
		s.publish()
	}
	if s.rng.IntN(2) == 0 {
		s.runFor(s.upTo(soon))
		s.crashAndBoot(100 * time.Millisecond)
		s.runFor(s.linger + 2*s.resync)
	}
	s.runFor(10 * time.Second)
	s.expect("follow", strings.Count(s.actions(with), "start") >= 1 && slices.Contains(s.running(), with), "it was not restarted: %s", s.actions(with))
	s.expect("follow", s.actions(without) == "", "the other one was: %s", s.actions(without))
	s.steps = nil
	s.runFor(2 * time.Minute)
	s.expect("follow", s.actions(with) == "", "restarted again: %s", s.actions(with))
}
