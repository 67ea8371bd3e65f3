package sim

import (
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// operate is one thing that an operator asks the daemon for.
func (s *sim) operate() {
	if !s.up {
		return
	}
	n := s.any()
	switch s.rng.IntN(6) {
	case 0:
		s.askRestart(n)
	case 1:
		s.askRetry(n)
	case 2, 3:
		var until time.Time
		if s.rng.IntN(3) > 0 {
			until = s.wall().Add(time.Second + s.upTo(90*time.Second))
		}
		s.askHold(n, until)
	case 4:
		s.askRelease(n)
	case 5:
		err := s.core.Rollback(s.wall(), n, s.disk.versions(n), 0, "sim")
		s.logf("roll %s back: %v", n, err)
	}
}

func (s *sim) askRestart(n string) {
	l := s.oracle.ledger(n)
	starting := slices.ContainsFunc(s.calls, func(c *call) bool {
		return c.op.Ref.Name == n && (c.op.Action == driver.Start || c.op.Action == driver.Create)
	})
	err := s.core.Restart(s.wall(), n, "sim")
	s.logf("ask for a restart of %s: %v", n, err)
	if err == nil && !starting {
		l.again = true
	}
}

func (s *sim) askRetry(n string) {
	l := s.oracle.ledger(n)
	err := s.core.Retry(s.wall(), n, "sim")
	s.logf("ask for a retry of %s: %v", n, err)
	switch {
	case err != nil:
	case l.running() && !s.oracle.underWay(n):
		l.failures, l.restarts = 0, nil
		l.retried = !s.strict // it may end before the daemon has seen that it runs, and is retried then
	default:
		l.retried = true
	}
}

func (s *sim) askHold(n string, until time.Time) {
	err := s.core.Hold(s.wall(), n, reconcile.HoldRequest{Until: until, By: "sim"})
	s.logf("hold %s until %v: %v", n, until, err)
	if err == nil {
		s.oracle.ledger(n).hold = &statedb.Hold{Until: until}
	}
}

func (s *sim) askRelease(n string) {
	err := s.core.Release(s.wall(), n, "sim")
	s.logf("release %s: %v", n, err)
	if err == nil {
		s.oracle.ledger(n).hold = nil
	}
}

// releaseAll ends what operators hold, so that the world can settle.
func (s *sim) releaseAll() {
	for _, n := range s.names {
		if s.oracle.ledger(n).hold != nil {
			s.askRelease(n)
		}
	}
	s.turn()
}

// isHeld reports whether no step may be taken for l now.
func (o *oracle) isHeld(l *ledger) bool {
	h := l.hold
	return h != nil && !o.s.draining && (h.Until.IsZero() || o.s.wall().Before(h.Until))
}

// remembered: what an operator asked for is kept if it was written, and lost
// with the daemon if it was not.
func (o *oracle) remembered() {
	for _, l := range o.ledgers {
		r := o.s.disk.records[l.name]
		l.again = l.again && r.Ask == statedb.AskRestart
		l.follows = r.Ask == statedb.AskFollow
		l.back = nil
		if r.Rollback != nil {
			l.back = o.kept(l, manifest.Revision(r.Rollback.To))
		}
		if !l.rollout.IsZero() {
			l.rollout = o.s.now
		}
		if r.Hold == nil {
			l.hold = nil
		} else {
			l.hold = &statedb.Hold{Until: r.Hold.Until}
		}
	}
}

// grant: a start that an operator asked for is begun; the books begin anew, and
// the wish is used up.
func (l *ledger) grant() {
	if l.again || l.retried {
		l.forgive()
	}
	l.again, l.retried, l.follows = false, false, false
}

// probeRestart: stopped with its grace, started at once, done once, and those
// that need it are left alone.
func (s *sim) probeRestart() {
	n, d := s.names[0], s.names[1]
	s.kinds[n] = kind{shutdown: 700 * time.Millisecond}
	s.folder.edit(d, func(d *doc) { d.needs = []manifest.Dependency{{Name: n, Condition: manifest.ConditionReady}} })
	s.publish()
	s.runFor(soon)
	s.steps = nil
	since, crashed := len(s.world.Journal()), s.rng.IntN(2) == 0
	s.askRestart(n)
	s.turn()
	if crashed {
		s.runFor(s.upTo(soon))
		s.crashAndBoot(100 * time.Millisecond)
		s.runFor(s.linger + 2*s.resync)
	}
	s.runFor(2 * soon)
	s.expect("restart", len(s.waits(n, since)) == 1, "restarted %d times: %s", len(s.waits(n, since)), s.actions(n))
	if took := s.actions(n); !crashed && took != "shutdown start" && took != "shutdown create start" && (!s.forgetful || took != "shutdown start create start") {
		s.expect("restart", false, "by %s", took)
	}
	s.crashAndBoot(0)
	s.runFor(2 * time.Minute)
	s.expect("restart", len(s.waits(n, since)) == 1, "restarted again: %s", s.actions(n))
	s.expect("restart", s.actions(d) == "", "what needs it was touched: %s", s.actions(d))
	lost := crashed && s.forgetful // then the start may be taken for one that ended unseen
	s.expect("restart", lost || s.disk.records[n].Failures == 0, "%d failures are counted", s.disk.records[n].Failures)
}

// probeRestartCompleted: also what has ended for good runs again, once.
func (s *sim) probeRestartCompleted() {
	n, since := s.any(), len(s.world.Journal())
	s.folder.edit(n, func(d *doc) { d.policy = manifest.RestartNever })
	s.publish()
	s.crasher(n, 0, 100*time.Millisecond)
	s.runFor(time.Minute)
	s.expect("restart", len(s.waits(n, since)) == 0, "it runs again")
	s.askRestart(n)
	s.turn()
	s.runFor(time.Minute)
	s.expect("restart", len(s.waits(n, since)) == 1, "%d starts, not 1", len(s.waits(n, since)))
}

// probeRetry: what gave up, or waits, starts at once.
func (s *sim) probeRetry() {
	n, limit := s.any(), s.rng.IntN(2)
	s.folder.edit(n, func(d *doc) { d.max, d.initial, d.longest = limit, 30*time.Second, 30*time.Second })
	s.publish()
	s.crasher(n, 1, 100*time.Millisecond)
	s.runFor(time.Duration(10+80*limit) * time.Second) // it waits, or has given up
	s.expect("retry", !slices.Contains(s.running(), n), "it runs")
	s.steps = nil
	s.askRetry(n)
	s.turn()
	s.runFor(50 * time.Millisecond)
	s.expect("retry", len(s.steps) > 0, "nothing is done: %s", s.oracle.shown(n))
}

// probeHold: nothing is done for what is held, whatever happens to it, its
// manifest and the daemon; then everything is.
func (s *sim) probeHold() {
	n := s.any()
	began := s.now
	s.askHold(n, s.wall().Add(5*time.Minute))
	s.turn()
	s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
	s.publish()
	s.runFor(10 * time.Second)
	s.expect("hold", slices.Contains(s.running(), n), "it was stopped: %s", s.actions(n))
	s.world.Kill(s.now, s.ref(n), 1)
	s.crashAndBoot(0)
	s.runFor(began.Add(5*time.Minute).Sub(s.now) - time.Millisecond)
	s.expect("hold", s.actions(n) == "", "held, and yet %s", s.actions(n))
	s.runFor(2*soon + time.Millisecond)
	s.expect("hold", slices.Contains(s.running(), n), "the hold is over, and it does not run: %s", s.oracle.shown(n))
	s.steps = nil
	s.askHold(n, time.Time{})
	s.turn()
	delete(s.folder.docs, n)
	s.publish()
	s.runFor(3 * time.Minute)
	s.expect("hold", s.actions(n) == "", "held without a manifest, and yet %s", s.actions(n))
	s.askRelease(n)
	s.turn()
	s.runFor(20 * time.Second)
	s.expect("hold", !slices.Contains(s.running(), n), "released, and not removed: %s", s.oracle.shown(n))
}
