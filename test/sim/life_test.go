package sim

import (
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// call is one step under way: an effect at some time, an answer later.
type call struct {
	op       reconcile.Op
	life     int
	deadline time.Time
	late     bool
	effectAt time.Time // zero: the world never hears of it
	pending  bool      // the effect may still come
	err      error     // of the world
	look     reconcile.Look
}

// plan is what goes wrong with one call.
type plan struct {
	effect, look, answer time.Duration // from the start of the call
	none                 bool          // no effect
	lookFails            bool
	err                  error // instead of the truth
}

var errBusy = errors.New("the runtime is busy")

// draw plans one call.
func (s *sim) draw() plan {
	p := plan{effect: s.upTo(50 * time.Millisecond)}
	if !s.calm {
		p.effect += s.upTo(s.rates.slow)
	}
	p.look = p.effect + s.upTo(10*time.Millisecond)
	p.answer = p.look + s.upTo(20*time.Millisecond)
	p.lookFails = s.chance(s.rates.lookFails)
	switch {
	case s.chance(s.rates.fail):
		p.err = []error{errBusy, errBusy, driver.ErrInvalid, driver.ErrUnsupported}[s.rng.IntN(4)]
		p.none = s.rng.IntN(2) == 0
	case s.chance(s.rates.timeout):
		p.err = []error{driver.ErrTimeout, driver.ErrConnectionLost}[s.rng.IntN(2)]
		p.answer += s.upTo(s.timeout)
		p.look = p.answer
		p.effect = s.upTo(p.answer + s.linger)
		p.none = s.rng.IntN(3) == 0
	case s.chance(s.rates.hang):
		p.answer = s.timeout + s.upTo(time.Minute)
		p.look, p.effect = p.answer, s.upTo(p.answer)
		p.none = s.rng.IntN(3) == 0
		if p.none || s.rng.IntN(2) == 0 {
			p.err = driver.ErrTimeout
		}
	}
	return p
}

// begin starts one step.
func (s *sim) begin(op reconcile.Op) {
	if s.verbose {
		s.logf("begin %s %s (%s)", op.Action, op.Ref, op.Reason)
	}
	s.oracle.begins(op)
	c := &call{op: op, life: s.life, deadline: s.now.Add(s.timeout)}
	s.calls = append(s.calls, c)
	s.steps = append(s.steps, step{s.now, op})
	p := s.draw()
	if s.hangs == op.Ref.Name {
		p = plan{effect: 2 * s.timeout, look: 3 * s.timeout, answer: 3 * s.timeout}
	}
	if !p.none {
		c.pending, c.effectAt = true, s.now.Add(p.effect)
		s.oracle.pending[op.Ref.Name] = append(s.oracle.pending[op.Ref.Name], c)
		s.at(p.effect, func() { s.land(c) })
	}
	s.at(p.look, func() { s.inspect(c, p.lookFails) })
	s.at(p.answer, func() { s.answer(c, p.err) })
}

// land is the effect of a call on the world.
func (s *sim) land(c *call) {
	if !c.pending {
		return
	}
	c.pending = false
	c.err = s.world.Apply(s.now, c.op.Action, c.op.Ref, c.op.Container)
	if s.verbose {
		s.logf("effect %s %s: %v", c.op.Action, c.op.Ref, c.err)
	}
}

func (s *sim) inspect(c *call, fails bool) {
	st, err := s.world.Inspect(s.now, c.op.Ref)
	if fails {
		return
	}
	c.look = reconcile.Look{Known: true, Found: err == nil, Status: s.translate(st)}
}

func (s *sim) answer(c *call, err error) {
	if c.life != s.life {
		return
	}
	if err == nil {
		err = c.err
	} else {
		err = &driver.OpError{Action: c.op.Action, Ref: c.op.Ref, Err: err}
	}
	err = driver.Settle(c.op.Action, err)
	s.end(c)
	if s.verbose {
		s.logf("answer %s %s: %v (look known=%v found=%v %s)", c.op.Action, c.op.Ref, err, c.look.Known, c.look.Found, c.look.Status.State)
	}
	s.core.Done(s.wall(), c.op, c.look, err)
}

// look lists the runtime: it shows the world at one moment between the
// question and the answer.
func (s *sim) look() {
	asked, life := s.now, s.life
	seen := s.upTo(20 * time.Millisecond)
	if !s.calm {
		seen += s.upTo(s.rates.slow)
	}
	var err error
	if s.chance(s.rates.listFails) {
		err = errBusy
		seen += s.upTo(s.timeout)
	}
	s.at(seen, func() {
		l, at := s.world.List(s.now), s.now
		for i := range l.Ours {
			l.Ours[i] = s.translate(l.Ours[i])
		}
		s.at(s.upTo(30*time.Millisecond), func() {
			if s.life != life {
				return
			}
			s.lister.end(s.now, err)
			if err == nil {
				s.logf("listed %d", len(l.Ours))
				s.core.Have(s.clock.wall(asked), l)
				s.oracle.listed(at)
			}
		})
	})
}

// boot starts a daemon on what the disk holds.
func (s *sim) boot() {
	state, err := s.disk.load()
	if err != nil {
		s.fail("disk", "%v", err)
	}
	s.logf("boot, life %d, wall %s", s.life, s.wall().Format(time.DateTime))
	s.core = s.newCore(state)
	s.up, s.draining, s.calls, s.toldOnce, s.doubt = true, false, nil, false, ""
	s.execs = 0
	clear(s.told)
	s.lister = lister{every: s.resync, due: s.now}
	life := s.life
	s.at(s.upTo(500*time.Millisecond), func() { s.tell(life) })
	s.wake = s.now
	s.oracle.booted()
}

func (s *sim) newCore(state statedb.State) *reconcile.Core {
	c := reconcile.NewCore(s.wall(), reconcile.Config{Linger: s.linger, Brake: s.brake, Check: check, ExecProbes: execProbes}, state.Records, state.Brake)
	for _, r := range state.Records {
		if r.Good != "" || r.Rollback != nil {
			c.Versions(s.disk.versions(r.Name))
		}
	}
	return c
}

// crash ends the daemon; what it asked for may still take effect for a while.
func (s *sim) crash() {
	s.logf("crash")
	s.life++
	s.up, s.core, s.wake = false, nil, time.Time{}
	for _, cs := range s.oracle.pending {
		for _, c := range cs {
			if c.effectAt.After(s.now.Add(s.linger)) {
				c.pending = false
			}
		}
	}
	s.calls = nil
	s.world.Release(s.now)
	s.observe()
	s.oracle.crashed()
}

// setClock makes the wall clock jump; no daemon may run.
func (s *sim) setClock() {
	by := s.clock.offsets[len(s.clock.offsets)-1].by
	jump := []time.Duration{time.Second, 40 * time.Second, 10 * time.Minute, 3 * time.Hour}[s.rng.IntN(4)]
	if s.rng.IntN(2) == 0 {
		jump = -jump
	}
	s.logf("clock %s", jump)
	s.clock.set(s.now, by+jump)
}

// crashAndBoot is a crash with an outage after it, and perhaps a clock set or
// a program replaced meanwhile.
func (s *sim) crashAndBoot(outage time.Duration) {
	if !s.up {
		return
	}
	s.crash()
	if s.jumps {
		s.setClock()
	}
	if s.upgrades && s.rng.IntN(2) == 0 {
		s.folder.upgrade()
	}
	s.at(outage, s.boot)
}

// reboot restarts the machine, or the runtime alone while the daemon goes on.
func (s *sim) reboot() {
	s.observe()
	s.logf("reboot")
	if s.up && s.rng.IntN(4) > 0 {
		s.crash()
		s.at(s.upTo(30*time.Second), s.boot)
	}
	for _, cs := range s.oracle.pending {
		for _, c := range cs {
			if c.life != s.life {
				c.pending = false
			}
		}
	}
	s.world.Reboot(s.now)
	s.observe()
}

// plant plans the life of this run until the faults end.
func (s *sim) plant() {
	some := func(n int, do func()) {
		for range n {
			s.at(s.upTo(s.faultsUntil), do)
		}
	}
	for range s.rng.IntN(len(s.names) + 1) {
		s.folder.change()
	}
	some(5+s.rng.IntN(25), func() { s.folder.change(); s.tellSoon() })
	some(s.rng.IntN(4), func() { s.crashAndBoot(s.upTo(40 * time.Second)) })
	some(s.rng.IntN(6), s.killOne)
	some(s.rng.IntN(6), s.operate)
	some(s.rng.IntN(3), func() {
		if s.up {
			s.logf("confirm %v", s.core.Brake().Blocked)
			s.oracle.confirmed(s.core.ConfirmPrune(s.wall(), "sim"))
		}
	})
	if s.rng.IntN(4) == 0 {
		some(1, s.vanishOne)
	}
	if s.rng.IntN(6) == 0 {
		some(1, s.reboot)
	}
	if s.rng.IntN(8) == 0 {
		some(1, s.drain)
	}
	if n := s.names[len(s.names)-1]; s.folder.docs[n] == nil && s.rng.IntN(3) == 0 {
		s.stray(n)
	}
	other := s.world.As("somebody")
	foreign := manifest.Container{Metadata: manifest.Metadata{Name: s.names[0]}, Revision: "1-foreign"}
	ref := driver.Ref{Name: foreign.Name(), Revision: foreign.Revision}
	if s.rng.IntN(2) == 0 {
		_ = other.Apply(s.now, driver.Create, ref, &foreign)
		_ = other.Apply(s.now, driver.Start, ref, &foreign)
	}
}

// stray is a container of ours that nothing is remembered of.
func (s *sim) stray(name string) {
	s.kinds[name] = kind{deaf: true}
	c := parsed()[made{name: name, hyperv: pausable(name), logs: 5}]
	ref := driver.Ref{Name: name, Revision: c.Revision}
	_ = s.world.Apply(s.now, driver.Create, ref, c)
	_ = s.world.Apply(s.now, driver.Start, ref, c)
	s.observe()
}

// killOne ends a process behind the daemon's back.
func (s *sim) killOne() {
	if l := s.world.List(s.now).Ours; len(l) > 0 {
		st := l[s.rng.IntN(len(l))]
		s.logf("kill %s", st.Ref)
		s.world.Kill(s.now, st.Ref, []uint32{0, 1, 9}[s.rng.IntN(3)])
	}
}

// vanishOne takes a container away behind the daemon's back.
func (s *sim) vanishOne() {
	if l := s.world.List(s.now).Ours; len(l) > 0 {
		st := l[s.rng.IntN(len(l))]
		s.logf("vanish %s", st.Ref)
		s.world.Vanish(s.now, st.Ref)
	}
}

// drain is an orderly end that stops all containers; another daemon follows.
func (s *sim) drain() {
	if !s.up || !s.toldOnce {
		return
	}
	s.logf("drain")
	s.draining = true
	s.oracle.drained()
	s.core.Drain()
	life := s.life
	s.at(20*time.Second+s.upTo(time.Minute), func() {
		if s.life == life {
			s.crashAndBoot(s.upTo(10 * time.Second))
		}
	})
}
