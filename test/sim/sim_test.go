// Package sim steps a reconcile.Core against a modelled runtime, without a
// goroutine, a clock or a disk: one seed gives one history of faults, crashes
// and edits, bit for bit. An oracle that keeps books of its own, written from
// the rules and not from the code, judges every step.
//
// SIM_SEED=n replays one seed with its trace, SIM_SEEDS=n sets how many are
// run. The package tests decisions only; what real goroutines, timers and
// files do is for the tests of reconcile/engine.
package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const owner = "sim"

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sim is one run of one seed.
type sim struct {
	traits
	seed    uint64
	rng     *rand.Rand
	now     time.Time // as the world has it; the daemon reads clock
	clock   clock
	agenda  agenda
	world   *fake.World
	folder  *folder
	disk    disk
	oracle  *oracle
	kinds   map[string]kind
	calm    bool // faults are over
	verbose bool
	trace   []string
	turns   int
	still   int // turns since the time last moved

	// For the probes.
	strict     bool // a stop that was taken back is over at once
	steps      []step
	hangs      string // the next call on this name does not come back for long
	generation int    // of manifests
	mixed      bool   // programs of several hash versions ran

	// What lives and dies with the daemon.
	core     *reconcile.Core
	life     int
	up       bool
	told     map[string]told // what the core was last told
	toldOnce bool
	doubt    string
	calls    []*call
	execs    int // exec probes under way
	lister   lister
	wake     time.Time
	draining bool
	quiet    string // why no step may be taken now; "" if steps are fine
	silent   bool   // not even a record may be written
	upgraded bool   // the quiet began with another program
}

// traits are the constants of one run.
type traits struct {
	names       []string
	workers     int
	resync      time.Duration
	timeout     time.Duration
	linger      time.Duration
	faultsUntil time.Duration
	rates       rates
	jumps       bool
	forgetful   bool
	upgrades    bool
	brake       reconcile.BrakeConfig
}

// rates are the odds of what goes wrong.
type rates struct {
	fail, timeout, hang, lookFails, listFails, saveFails float64
	slow                                                 time.Duration
}

func newSim(seed uint64, verbose bool) *sim {
	s := &sim{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 0x5eed)), now: epoch, verbose: verbose,
		kinds: map[string]kind{}, told: map[string]told{},
	}
	s.traits = drawTraits(s.rng)
	s.mixed, s.brake.AllowEmpty = s.upgrades, seed%3 == 0
	for _, n := range s.names {
		s.kinds[n] = drawKind(s.rng)
	}
	s.forgetful = s.rng.IntN(3) == 0
	s.world = fake.NewWorld(fake.Options{
		Owner: owner, Forgetful: s.forgetful, ForgetAfter: s.upTo(20 * time.Second), Behave: s.behave,
	})
	s.clock.offsets = []offset{{at: epoch}}
	s.disk.records, s.disk.kept = map[string]stored{}, statedb.NewMem()
	s.folder = newFolder(s)
	s.oracle = newOracle(s)
	return s
}

func drawTraits(r *rand.Rand) traits {
	t := traits{
		workers: []int{1, 2, 4, 32}[r.IntN(4)], resync: time.Duration(15+r.IntN(30)) * time.Second,
		timeout: time.Duration(8+r.IntN(20)) * time.Second, linger: time.Duration(2+r.IntN(12)) * time.Second,
		faultsUntil: time.Duration(60+r.IntN(240)) * time.Second, jumps: r.IntN(4) == 0, upgrades: r.IntN(4) == 0,
		brake: reconcile.DefaultBrake(),
	}
	for i := range 3 + r.IntN(7) {
		t.names = append(t.names, allNames[i])
	}
	if r.IntN(5) > 0 {
		f := 0.15 * r.Float64()
		t.rates = rates{fail: f, timeout: f / 2, hang: f / 4, lookFails: f, listFails: f, saveFails: f, slow: time.Duration(r.IntN(2000)) * time.Millisecond}
	}
	return t
}

// broken is the panic of a rule that does not hold.
type broken struct{ rule, text string }

func (s *sim) fail(rule, format string, args ...any) {
	panic(broken{rule, fmt.Sprintf(format, args...)})
}

// logf adds a line to the trace. Callers on hot paths ask s.verbose first.
func (s *sim) logf(format string, args ...any) {
	if s.verbose {
		s.trace = append(s.trace, fmt.Sprintf("%9.3fs ", s.now.Sub(epoch).Seconds())+fmt.Sprintf(format, args...))
	}
}

// run plays one seed; the error names the rule that broke.
func (s *sim) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			b, ok := p.(broken)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%s: %s", b.rule, b.text)
		}
	}()
	s.plant()
	s.boot()
	s.runUntil(epoch.Add(s.faultsUntil))
	s.settle()
	s.probe()
	return nil
}

// wall is what the daemon's clock shows now.
func (s *sim) wall() time.Time { return s.clock.wall(s.now) }

// runUntil lets happen what is due until end.
func (s *sim) runUntil(end time.Time) {
	for {
		at := soonest(s.agenda.first(), s.wake, s.world.NextEvent())
		if at.IsZero() || at.After(end) {
			s.moveTo(end)
			return
		}
		s.moveTo(at)
		if ev := s.agenda.due(s.now); ev != nil {
			ev.do()
			s.observe()
		}
		s.turn()
	}
}

func (s *sim) runFor(d time.Duration) { s.runUntil(s.now.Add(d)) }

func (s *sim) moveTo(at time.Time) {
	if at.After(s.now) {
		s.now, s.still = at, 0
	}
	s.observe()
}

// observe shows the oracle what happened in the world, and lets the daemon
// have hints of the exits.
func (s *sim) observe() {
	exits := s.world.Advance(s.now)
	s.oracle.watch(exits)
	for _, st := range exits {
		s.hint(s.translate(st))
	}
}

// translate puts the times of a status in the terms of the daemon's clock.
func (s *sim) translate(st driver.Status) driver.Status {
	st.Started, st.Exit.At = s.clock.wall(st.Started), s.clock.wall(st.Exit.At)
	return st
}

// hint tells the daemon of an exit: half of them are lost, some come twice or late.
func (s *sim) hint(st driver.Status) {
	if !s.up {
		return
	}
	n, late := 1, 5*time.Millisecond
	if !s.calm {
		switch p := s.rng.Float64(); {
		case p < 0.5:
			n = 0
		case p < 0.6:
			n, late = 2, 10*time.Second
		case p < 0.7:
			late = 60 * time.Second
		}
	}
	life := s.life
	for range n {
		s.at(s.upTo(late), func() {
			if s.life == life {
				s.logf("hint %s %s", st.Ref, st.Exit.At.Format("05.000"))
				s.core.Exited(s.wall(), st)
			}
		})
	}
}

func (s *sim) at(d time.Duration, do func()) { s.agenda.add(s.now.Add(d), do) }

// upTo draws a time.
func (s *sim) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(s.rng.Int64N(int64(d)))
}

func (s *sim) chance(p float64) bool { return !s.calm && s.rng.Float64() < p }

// turn does what the engine's loop does, in the same order.
func (s *sim) turn() {
	if !s.up {
		return
	}
	s.turns++
	if s.still++; s.still > 300 {
		s.fail("R12", "the loop spins: 300 turns at one instant, wake %v", s.core.Wake())
	}
	for _, c := range s.calls {
		if !c.late && !s.now.Before(c.deadline) {
			c.late = true
			s.core.Overdue(s.wall(), c.op)
		}
	}
	t := s.core.Next(s.wall(), s.free())
	s.oracle.turned(t)
	saved := s.save(t)
	if saved {
		for _, op := range t.Ops {
			s.begin(op)
		}
	}
	s.beside(t, saved)
	if t.List {
		s.lister.ask(s.now)
	}
	if s.lister.begin(s.now) {
		s.look()
	}
	s.wake = s.nextWake()
}

func (s *sim) free() int {
	n := s.workers
	for _, c := range s.calls {
		if !c.late {
			n--
		}
	}
	return n
}

func (s *sim) nextWake() time.Time {
	wake := s.lister.wake()
	if w := s.core.Wake(); !w.IsZero() {
		wake = soonest(wake, s.clock.truth(w))
	}
	for _, c := range s.calls {
		if !c.late {
			wake = soonest(wake, c.deadline)
		}
	}
	return wake
}

// save writes a turn; after a failure the core is told, and no step is taken.
func (s *sim) save(t reconcile.Turn) bool {
	if len(t.Put)+len(t.Drop)+len(t.Specs) == 0 && t.Brake == nil {
		return true
	}
	if s.chance(s.rates.saveFails) {
		s.logf("save fails")
		s.core.NotSaved(s.wall(), t)
		return false
	}
	s.disk.write(t)
	if s.verbose {
		s.logf("saved put=%v drop=%v brake=%+v", putText(t.Put), t.Drop, t.Brake)
	}
	s.oracle.saved(t)
	return true
}

func soonest(ts ...time.Time) time.Time {
	var first time.Time
	for _, t := range ts {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// tail is the end of the trace.
func (s *sim) tail(n int) string {
	return strings.Join(s.trace[max(0, len(s.trace)-n):], "\n")
}

// end takes a call off the list of those under way.
func (s *sim) end(c *call) {
	s.calls = slices.DeleteFunc(s.calls, func(x *call) bool { return x == c })
}
