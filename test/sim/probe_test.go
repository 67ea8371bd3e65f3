package sim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// soon is how long a step may take that nothing holds back.
const soon = time.Second

// step is one that was begun.
type step struct {
	at time.Time
	op reconcile.Op
}

// probe asks exact questions in a calm world, where every answer is known.
func (s *sim) probe() {
	if s.mixed {
		return // what bears an unknown version is left alone, and no answer is exact
	}
	s.strict = true
	probes := []func(){
		s.probeBrake, s.probeGrace, s.probeAsked, s.probeBackoff, s.probeLimit, s.probeWindow,
		s.probeReset, s.probeVerdicts, s.probeOrder, s.probeEdits, s.probeDoubt, s.probeHang, s.probeForgiven, s.probeDone, s.probeHeld,
		s.probeRestart, s.probeRestartCompleted, s.probeRetry, s.probeHold,
		s.probeRollback, s.probeFirst, s.probeUpdateWindow, s.probeFollow,
	}
	for range 1 + s.rng.IntN(2) {
		s.clean()
		probes[s.rng.IntN(len(probes))]()
	}
}

// clean makes every name a container that just runs.
func (s *sim) clean() {
	s.folder.endDoubt()
	s.folder.permit = reconcile.Permit{}
	clear(s.folder.moved)
	for _, n := range s.names {
		s.kinds[n] = kind{}
		s.folder.docs[n] = &doc{
			made: s.another(n), desired: manifest.DesiredRunning,
			policy: manifest.RestartAlways, initial: time.Second, longest: 20 * time.Second, reset: time.Hour, grace: 3,
			label: 1000 + s.generation,
		}
		s.generation++
	}
	s.publish()
	s.runFor(2 * time.Minute)
	for _, n := range s.names {
		s.expect("clean", slices.Contains(s.running(), n), "%s does not run: %s", n, s.oracle.shown(n))
	}
	s.oracle.converged()
	s.steps = nil
}

// another is a version of name that the daemon does not remember.
func (s *sim) another(name string) made {
	m := made{name: name, image: s.rng.IntN(badImage), hyperv: pausable(name), logs: 5}
	for string(parsed()[m].Revision) == s.disk.records[name].Revision {
		m.image = (m.image + 1) % badImage
	}
	return m
}

// publish tells the daemon at once what the folder says.
func (s *sim) publish() {
	s.tell(s.life)
	s.turn()
}

func (s *sim) expect(what string, ok bool, format string, args ...any) {
	if !ok {
		s.fail("probe "+what, format, args...)
	}
}

func (s *sim) running() (names []string) {
	for _, st := range s.world.List(s.now).Ours {
		if st.State == driver.Running {
			names = append(names, st.Name)
		}
	}
	return names
}

// actions are the steps taken for name since the last call of forget.
func (s *sim) actions(name string) string {
	var as []string
	for _, st := range s.steps {
		if st.op.Ref.Name == name {
			as = append(as, string(st.op.Action))
		}
	}
	return strings.Join(as, " ")
}

// when is the time of the n-th (from 0) action a on name.
func (s *sim) when(name string, a driver.Action, n int) time.Time {
	for _, st := range s.steps {
		if st.op.Ref.Name == name && st.op.Action == a {
			if n == 0 {
				return st.at
			}
			n--
		}
	}
	s.fail("probe", "%s was not taken on %s: %s", a, name, s.actions(name))
	return time.Time{}
}

func (s *sim) any() string { return s.names[s.rng.IntN(len(s.names))] }

// probeBrake: just so many may go at once, in one reading or in two.
func (s *sim) probeBrake() {
	n := len(s.names)
	first := 1 + s.rng.IntN(n)
	second := s.rng.IntN(n - first + 1)
	tooMany := func(k int) bool { return k >= 3 && 2*k > n }
	drop := func(names []string) {
		for _, x := range names {
			delete(s.folder.docs, x)
		}
		s.publish()
	}
	drop(s.names[:first])
	held := tooMany(first)
	s.runFor(30 * time.Second)
	drop(s.names[first : first+second])
	held = held || second > 0 && tooMany(first+second)
	s.runFor(3 * time.Minute)
	s.crashAndBoot(0)
	s.runFor(2 * time.Minute)
	left := n - first - second
	switch {
	case tooMany(first):
		left = n
	case held:
		left = n - first
	}
	s.expect("brake", len(s.running()) == left, "removed %d and %d of %d: %d run, not %d", first, second, n, len(s.running()), left)
	s.expect("brake", held == (len(s.core.Brake().Blocked) > 0), "removed %d and %d of %d: held %v", first, second, n, s.core.Brake().Blocked)
	s.steps = nil
	if held && s.rng.IntN(2) == 0 {
		s.oracle.confirmed(s.core.ConfirmPrune(s.wall(), "sim"))
		s.turn()
		s.runFor(time.Minute)
		s.expect("brake", len(s.running()) == n-first-second, "confirmed, and %d run", len(s.running()))
	}
}

// probeGrace: asked at once, killed when the time is over and not before, and
// given the whole time again after a change of mind.
func (s *sim) probeGrace() {
	n := s.any()
	s.kinds[n] = kind{deaf: true}
	s.rest(n)
	s.runFor(time.Second)
	s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredRunning })
	s.publish()
	s.runFor(s.upTo(30 * time.Second))
	s.expect("grace", s.actions(n) == "shutdown" && slices.Contains(s.running(), n), "taken back, and then %s", s.actions(n))
	s.steps = nil
	begun := s.now
	s.rest(n)
	s.runFor(20 * time.Second)
	asked, killed := s.when(n, driver.Shutdown, 0), s.when(n, driver.Terminate, 0)
	s.expect("grace", asked.Sub(begun) < soon, "asked only after %s", asked.Sub(begun))
	had := killed.Sub(asked)
	s.expect("grace", had >= 3*time.Second && had < 3*time.Second+soon, "killed after %s of 3 s", had)
	gone := s.actions(n) == "shutdown terminate" // a forgetful world leaves nothing to remove
	s.expect("grace", gone || s.actions(n) == "shutdown terminate remove", "stopped by %s", s.actions(n))
}

func (s *sim) rest(n string) {
	s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredStopped })
	s.publish()
}

// probeAsked: an end that was asked for is no failure.
func (s *sim) probeAsked() {
	n := s.any()
	s.rest(n)
	s.runFor(20 * time.Second)
	s.steps = nil
	s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredRunning })
	s.publish()
	s.runFor(soon)
	s.expect("asked", s.actions(n) == "create start", "wanted again, and then %s", s.actions(n))
	s.expect("asked", s.disk.records[n].Failures == 0, "%d failures are counted", s.disk.records[n].Failures)
}

// crasher makes name end with code after each of the given times, then run on.
func (s *sim) crasher(name string, code uint32, runs ...time.Duration) {
	s.kinds[name] = kind{code: code, script: runs, began: s.world.Starts(s.ref(name))}
	s.world.Kill(s.now, s.ref(name), code)
	s.observe()
}

func (s *sim) ref(name string) driver.Ref {
	for _, st := range s.world.List(s.now).Ours {
		if st.Name == name {
			return st.Ref
		}
	}
	return driver.Ref{}
}

// waits are the times from each end of name to the next start.
func (s *sim) waits(name string, since int) (ws []time.Duration) {
	var ended time.Time
	for _, e := range s.world.Journal()[since:] {
		if e.Ref.Name != name || e.Owner != owner || e.Err != nil {
			continue
		}
		switch e.Verb {
		case "exit":
			ended = e.At
		case string(driver.Start):
			ws = append(ws, e.At.Sub(ended))
		}
	}
	return ws
}

func (s *sim) expectWaits(what, n string, since int, want ...time.Duration) {
	got := s.waits(n, since)
	s.expect(what, len(got) == len(want), "%d restarts, not %d: %v", len(got), len(want), got)
	for i, d := range want {
		limit := d + d/5 + soon
		s.expect(what, got[i] >= d && got[i] <= limit, "restart %d after %s, not %s to %s", i+1, got[i], d, limit)
	}
}

// probeBackoff: each wait is twice the one before, up to the limit.
func (s *sim) probeBackoff() {
	n, slow := s.names[0], s.names[1] // the other waits for longer, and must not hold it up
	s.folder.edit(slow, func(d *doc) { d.initial, d.longest = 2*time.Minute, 2*time.Minute })
	s.publish()
	s.crasher(slow, 1)
	s.runFor(time.Second)
	since := len(s.world.Journal())
	const short = 100 * time.Millisecond
	s.crasher(n, 1, short, short, short, short, short)
	s.runFor(20 * time.Second)
	s.crashAndBoot(100 * time.Millisecond) // nothing of it is forgotten
	s.runFor(3 * time.Minute)
	want := []time.Duration{1, 2, 4, 8, 16, 20}
	for i := range want {
		want[i] *= time.Second
	}
	got := s.waits(n, since)
	s.expect("backoff", len(got) == len(want), "%d restarts, not %d: %v", len(got), len(want), got)
	for i, d := range want {
		limit := d + d/5 + soon + s.linger + 2*time.Second // the daemon was away once
		s.expect("backoff", got[i] >= d && got[i] <= limit, "restart %d after %s, not %s to %s", i+1, got[i], d, limit)
	}
}

// probeLimit: as many restarts as allowed, not one more, and anew after an edit.
func (s *sim) probeLimit() {
	n, limit := s.any(), 1+s.rng.IntN(3)
	s.folder.edit(n, func(d *doc) { d.max, d.longest = limit, d.initial })
	s.publish()
	since := len(s.world.Journal())
	s.crasher(n, 1, slices.Repeat([]time.Duration{100 * time.Millisecond}, 50)...)
	s.runFor(time.Minute)
	s.expect("limit", len(s.waits(n, since)) == limit, "%d restarts, and %d are allowed", len(s.waits(n, since)), limit)
	s.crashAndBoot(0)
	s.runFor(time.Minute)
	s.expect("limit", len(s.waits(n, since)) == limit, "%d restarts after a crash", len(s.waits(n, since)))
	since = len(s.world.Journal())
	s.folder.edit(n, func(d *doc) { d.label++ })
	s.publish()
	s.runFor(time.Minute)
	s.expect("limit", len(s.waits(n, since)) == limit+1, "%d starts after an edit, not %d", len(s.waits(n, since)), limit+1)
}

// probeWindow: restarts that are far enough apart never are too many.
func (s *sim) probeWindow() {
	n, since := s.any(), len(s.world.Journal())
	s.folder.edit(n, func(d *doc) { d.max, d.window, d.initial, d.longest = 1, 3*time.Second, 4*time.Second, 4*time.Second })
	s.publish()
	const short = 100 * time.Millisecond
	s.crasher(n, 1, short, short, short)
	s.runFor(time.Minute)
	s.expectWaits("window", n, since, 4*time.Second, 4*time.Second, 4*time.Second, 4*time.Second)
}

// probeReset: a long run starts the waits anew.
func (s *sim) probeReset() {
	n, since := s.any(), len(s.world.Journal())
	s.folder.edit(n, func(d *doc) { d.reset = 10 * time.Second })
	s.publish()
	const short = 100 * time.Millisecond
	s.kinds[n] = kind{}
	s.runFor(time.Second)
	s.crasher(n, 1, short, 9900*time.Millisecond, 11*time.Second, short)
	s.runFor(2 * time.Minute)
	first := time.Second // the run before was a long one
	s.expectWaits("reset", n, since, first, 2*time.Second, 4*time.Second, time.Second, 2*time.Second)
}

// probeVerdicts: who is started again after which end.
func (s *sim) probeVerdicts() {
	n, since := s.any(), len(s.world.Journal())
	code := uint32(s.rng.IntN(3))
	policy := []manifest.RestartPolicy{manifest.RestartAlways, manifest.RestartOnFailure, manifest.RestartNever}[s.rng.IntN(3)]
	again := policy == manifest.RestartAlways || policy == manifest.RestartOnFailure && code != 0
	var rules []manifest.ExitRule
	if s.rng.IntN(2) == 0 {
		action := []manifest.ExitAction{manifest.ExitRestart, manifest.ExitComplete, manifest.ExitGiveUp}[s.rng.IntN(3)]
		rules = []manifest.ExitRule{{Codes: []manifest.ExitCodes{{From: 1, To: 1}}, Action: action}}
		if code == 1 {
			again = action == manifest.ExitRestart
		}
	}
	s.folder.edit(n, func(d *doc) { d.policy, d.rules = policy, rules })
	s.publish()
	s.crasher(n, code)
	s.runFor(10 * time.Second)
	if s.rng.IntN(2) == 0 {
		s.crashAndBoot(0)
		s.runFor(s.linger + 2*s.resync)
	}
	started := len(s.waits(n, since)) > 0
	s.expect("verdict", started == again, "%s, exit %d, rules %v: started again %v", policy, code, rules, started)
}

// probeOrder: what is needed comes first and goes last.
func (s *sim) probeOrder() {
	a, b, c := s.names[0], s.names[1], s.names[2]
	for _, n := range []string{a, b, c} {
		s.kinds[n] = kind{shutdown: 200 * time.Millisecond}
	}
	need := func(name, on string) {
		s.folder.edit(name, func(d *doc) { d.needs = []manifest.Dependency{{Name: on, Condition: manifest.ConditionReady}} })
	}
	need(a, b)
	need(b, c)
	s.publish()
	s.runFor(soon)
	s.steps = nil
	for _, n := range []string{c, a, b} {
		s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredStopped })
	}
	s.publish()
	s.runFor(20 * time.Second)
	ask := func(n string) time.Time { return s.when(n, driver.Shutdown, 0) }
	s.expect("order", ask(b).Sub(ask(a)) >= 200*time.Millisecond && ask(c).Sub(ask(b)) >= 200*time.Millisecond,
		"stopped at %v, %v, %v", ask(a), ask(b), ask(c))
	s.expect("order", ask(c).Sub(ask(a)) < 2*soon, "the stops took %s", ask(c).Sub(ask(a)))
	s.steps = nil
	for _, n := range []string{c, a, b} {
		s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredRunning })
	}
	s.publish()
	s.runFor(5 * time.Second)
	up := func(n string) time.Time { return s.when(n, driver.Start, 0) }
	s.expect("order", up(a).After(up(b)) && up(b).After(up(c)), "started at %v, %v, %v", up(a), up(b), up(c))
}

// probeEdits: a free change does nothing, an in-place one one step, a new
// image a replacement.
func (s *sim) probeEdits() {
	n := s.any()
	s.folder.edit(n, func(d *doc) { d.label++; d.grace++ })
	s.publish()
	s.runFor(soon)
	s.expect("edits", s.actions(n) == "", "after a free change: %s", s.actions(n))
	s.folder.edit(n, func(d *doc) { d.logs = 12 - d.logs })
	s.publish()
	s.runFor(soon)
	s.expect("edits", s.actions(n) == "update", "after an in-place change: %s", s.actions(n))
	s.steps = nil
	s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
	s.publish()
	s.runFor(2 * soon)
	took := s.actions(n)
	gone := s.forgetful && took == "shutdown create start"
	s.expect("edits", gone || took == "shutdown remove create start", "after a new image: %s", took)
}

// probeDoubt: a folder that cannot be read changes nothing, also not when it
// comes back.
func (s *sim) probeDoubt() {
	s.folder.doubt = "the folder cannot be read"
	maps.Copy(s.folder.lost, s.folder.docs)
	clear(s.folder.docs)
	s.publish()
	s.runFor(2 * time.Minute)
	s.crashAndBoot(0)
	s.runFor(2 * time.Minute)
	s.folder.doubt = ""
	maps.Copy(s.folder.docs, s.folder.lost)
	s.publish()
	s.runFor(time.Minute)
	s.expect("doubt", len(s.steps) == 0, "%d steps", len(s.steps))
}

// probeHang: a call that does not come back holds up no other container.
func (s *sim) probeHang() {
	stuck := s.names[0]
	s.hangs = stuck
	for _, n := range s.names {
		s.folder.edit(n, func(d *doc) { d.logs = 12 - d.logs })
	}
	s.publish()
	s.runFor(s.timeout + 5*time.Second)
	for _, n := range s.names[1:] {
		s.expect("hang", s.actions(n) == "update", "%s: %s", n, s.actions(n))
	}
	s.expect("hang", strings.Contains(s.oracle.shown(stuck), string(reconcile.StateStuck)), "it is %s", s.oracle.shown(stuck))
	s.hangs = ""
	s.runFor(5 * time.Minute)
	s.oracle.converged()
}

// probeDone: what ended for good just before it was to stop is not run again
// when it shall run again.
func (s *sim) probeDone() {
	n, since := s.any(), len(s.world.Journal())
	s.folder.edit(n, func(d *doc) { d.policy = manifest.RestartNever })
	s.publish()
	s.world.Kill(s.now, s.ref(n), 0)
	s.runFor(time.Millisecond)
	s.rest(n)
	s.runFor(10 * time.Second)
	s.folder.edit(n, func(d *doc) { d.desired = manifest.DesiredRunning })
	s.publish()
	s.runFor(10 * time.Second)
	if !s.forgetful { // there nobody can tell which came first
		s.expect("done", len(s.waits(n, since)) == 0, "it runs again: %s", s.actions(n))
	}
}

// probeHeld: the brake holds also what was being stopped once, and was wanted
// again while the call was under way.
func (s *sim) probeHeld() {
	n := s.names[0]
	d := s.folder.docs[n]
	s.hangs = n
	delete(s.folder.docs, n)
	s.publish()
	s.hangs = ""
	s.folder.docs[n] = d
	s.publish()
	clear(s.folder.docs)
	s.publish()
	s.crashAndBoot(0)
	s.runFor(2 * time.Minute)
	s.expect("held", len(s.running()) == len(s.names) && len(s.steps) == 1, "%d of %d run, after %s", len(s.running()), len(s.names), s.actions(n))
}

// probeForgiven: a container that is given a new version starts at once,
// whatever became of the one before.
func (s *sim) probeForgiven() {
	n := s.any()
	s.folder.edit(n, func(d *doc) { d.policy = manifest.RestartNever })
	s.publish()
	s.crasher(n, 1)
	s.runFor(10 * time.Second)
	s.expect("forgiven", !slices.Contains(s.running(), n), "it runs")
	s.steps = nil
	s.folder.edit(n, func(d *doc) { d.image = (d.image + 2) % badImage })
	s.publish()
	s.runFor(soon)
	took := strings.TrimPrefix(s.actions(n), "remove ") // a forgetful runtime has removed it
	s.expect("forgiven", took == "create start", "after a new image: %s", took)
}
