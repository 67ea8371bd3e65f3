package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// settleWithin is how long the world may take to become as wanted: the longest
// backoff of a call, of restarts, a chain of grace periods.
const settleWithin = 8 * time.Minute

// settle ends the faults and waits: the world must become as wanted (R11), and
// then nothing more may happen (R12), a new daemon included.
func (s *sim) settle() {
	s.calm = true
	s.logf("faults are over")
	if s.draining {
		s.crashAndBoot(0)
	}
	s.folder.endDoubt()
	s.runFor(2 * time.Minute)
	s.releaseAll()
	s.tellSoon()
	s.runFor(settleWithin)
	s.oracle.converged()
	s.release()
	s.stayQuiet()
	s.restart()
}

// release lets go what the brake holds, by confirming or by putting the files back.
func (s *sim) release() {
	blocked := s.core.Brake().Blocked
	if len(blocked) == 0 {
		return
	}
	if s.rng.IntN(2) == 0 {
		s.logf("confirm %v", blocked)
		s.oracle.confirmed(s.core.ConfirmPrune(s.wall(), "sim"))
		s.turn()
	} else {
		for _, n := range blocked {
			s.folder.docs[n] = s.folder.again(n)
		}
		s.tellSoon()
	}
	s.runFor(settleWithin)
	s.oracle.converged()
	if b := s.core.Brake().Blocked; len(b) > 0 {
		s.fail("brake", "%v are held back although nothing is against their removal", b)
	}
}

// stayQuiet checks that a settled world is left alone.
func (s *sim) stayQuiet() {
	s.quiet, s.silent = "the world is settled", true
	s.runFor(3 * s.resync)
	s.oracle.atRest()
	s.quiet, s.silent = "", false
}

// restart replaces the daemon while all is well: nothing may happen.
func (s *sim) restart() {
	s.quiet, s.silent = "a new daemon has found the world settled", true
	s.jumps = false
	if s.upgrades {
		s.folder.upgrade()
		s.silent, s.upgraded = false, true
	}
	s.upgrades = false
	s.crashAndBoot(time.Second)
	s.runFor(s.linger + 3*s.resync)
	s.oracle.atRest()
	s.quiet, s.silent, s.upgraded = "", false, false
}

// converged checks that the world is as wanted.
func (o *oracle) converged() {
	for _, n := range o.s.names {
		if l := o.ledgers[n]; l != nil {
			if err := o.asWanted(l); err != nil {
				o.fail("R11", "%v", err)
			}
		}
	}
}

func (o *oracle) asWanted(l *ledger) error {
	held := slices.Contains(o.s.core.Brake().Blocked, l.name)
	switch {
	case !l.wantsRun():
		if len(l.boxes) > 0 && !held && !o.awaitsHeld(l) {
			return fmt.Errorf("%s is not wanted, and there it is: %v (%s)", l.name, o.texts(l), o.shown(l.name))
		}
		return nil
	case l.blocked, l.refused, o.waits(l):
		return nil
	}
	b := l.wanted()
	if b == nil {
		if l.mayRest() {
			return nil
		}
		return fmt.Errorf("%s shall run, and does not: %v (%s)", l.name, o.texts(l), o.shown(l.name))
	}
	if len(l.boxes) > 1 {
		return fmt.Errorf("%s has containers left over: %v", l.name, o.texts(l))
	}
	return o.asToldLive(l, b)
}

// asToldLive: the running container is paused or not, and has the in-place
// fields, as the manifest says.
func (o *oracle) asToldLive(l *ledger, b *box) error {
	st, _ := o.s.world.Inspect(o.s.now, b.ref)
	if paused := l.want.Spec.DesiredState == manifest.DesiredPaused; paused != (st.State == driver.Paused) {
		return fmt.Errorf("%s is %s, and shall be %s", l.name, st.State, l.want.Spec.DesiredState)
	}
	if st.State == driver.Running && o.s.world.Manifest(b.ref).Live != l.want.Live {
		return fmt.Errorf("%s runs with other in-place fields than wanted", l.name)
	}
	return nil
}

// awaitsHeld reports whether a container that the brake holds back needs l.
func (o *oracle) awaitsHeld(l *ledger) bool {
	for _, n := range o.s.core.Brake().Blocked {
		if o.reaches(n, l.name, map[string]bool{}) {
			return true
		}
	}
	return false
}

// waits reports whether something that l depends on is not as it shall be.
func (o *oracle) waits(l *ledger) bool {
	for _, d := range l.want.Spec.DependsOn {
		t := o.ledger(d.Name)
		if t.want == nil {
			return true
		}
		done := t.isCompleted() || t.completed[hashOf(t.want.Revision)]
		if d.Condition == manifest.ConditionCompleted && !done || !done && !t.running() {
			return true
		}
		if d.Condition != manifest.ConditionCompleted && !t.running() {
			return true // completed or not: kind
		}
		if d.Condition == manifest.ConditionReady && t.want.Spec.DesiredState == manifest.DesiredPaused {
			return true // what is paused is not ready
		}
		if d.Condition == manifest.ConditionCompleted {
			return true // whether it completed rests on what was seen of it
		}
	}
	return false
}

func (o *oracle) texts(l *ledger) (ts []string) {
	for _, b := range l.boxes {
		ts = append(ts, fmt.Sprintf("%s live=%v", b.ref, b.live))
	}
	return ts
}

func (o *oracle) shown(name string) string {
	for _, st := range o.s.core.Status(o.s.wall()) {
		if st.Name == name {
			return fmt.Sprintf("shown %s, %s: %s", st.State, st.Reason, st.Message)
		}
	}
	return "not shown"
}

// atRest checks what can be said of a daemon in a settled world.
func (o *oracle) atRest() {
	s := o.s
	for name := range s.disk.records {
		l := o.ledger(name)
		if l.want == nil && len(l.boxes) == 0 {
			o.fail("R10", "%s is gone, and its record is kept", name)
		}
	}
	for _, n := range s.names {
		if l := o.ledgers[n]; l != nil && l.want != nil {
			if _, ok := s.disk.records[n]; !ok {
				o.fail("R10", "%s is wanted, and has no record", n)
			}
		}
	}
	for _, st := range s.core.Status(s.wall()) {
		o.shownAtRest(o.ledger(st.Name), st)
	}
	if n := len(s.core.Foreign()); n != len(s.world.List(s.now).Foreign) {
		o.fail("foreign", "%d containers of others are known", n)
	}
	o.nothingAhead()
}

func (o *oracle) shownAtRest(l *ledger, st reconcile.ContainerStatus) {
	runs := l.want != nil && l.wantsRun() && l.wanted() != nil
	if l.back != nil && st.Reason == reconcile.RolledBack {
		return // what runs is as it is to be, and the manifest is not
	}
	shown := st.State == reconcile.StateRunning || st.State == reconcile.StatePaused || st.State == reconcile.StateReady
	if runs && !l.blocked && !l.refused && !o.waits(l) && !shown {
		o.fail("status", "%s runs, and is shown as %s (%s)", l.name, st.State, st.Reason)
	}
	if shown && len(l.liveBoxes()) == 0 {
		o.fail("status", "%s does not run, and is shown as %s", l.name, st.State)
	}
	if !st.Settled {
		o.fail("status", "%s is not shown as settled: %s (%s)", l.name, st.State, st.Reason)
	}
}

// nothingAhead: a plan that is made now, from the same facts, is empty.
func (o *oracle) nothingAhead() {
	s := o.s
	state, err := s.disk.load()
	if err != nil {
		o.fail("disk", "%v", err)
	}
	c := s.newCore(state)
	l := s.world.List(s.now)
	for i := range l.Ours {
		l.Ours[i] = s.translate(l.Ours[i])
	}
	c.Have(s.wall(), l)
	ch := reconcile.Change{Full: true, SeenAt: s.wall()}
	for _, n := range s.folder.sorted() {
		t := s.told[n]
		ch.Put = append(ch.Put, reconcile.Wanted{Container: t.c, Blocked: t.blocked})
	}
	c.Want(ch)
	if steps := reconcile.Preview(s.wall(), c, 100); len(steps) > 0 {
		o.fail("R12", "a plan for a settled world has %d steps; first %s %s (%s)", len(steps), steps[0].Action, steps[0].Ref, steps[0].Reason)
	}
}
