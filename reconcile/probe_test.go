package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// ward is a bench whose containers answer probes.
type ward struct {
	*bench
	bad   map[string]bool // "web/liveness": fails
	mute  map[string]bool // does not answer
	asked map[string][]time.Time
	most  int // probes that were out at once
}

func newWard(t *testing.T) *ward {
	return &ward{bench: newBench(t), bad: map[string]bool{}, mute: map[string]bool{}, asked: map[string][]time.Time{}}
}

// live lets d pass in steps of a tenth of a second.
func (w *ward) live(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); ; w.now = w.now.Add(100 * time.Millisecond) {
		for _, st := range w.w.Advance(w.now) {
			w.c.Exited(w.now, st)
		}
		w.settle()
		w.answer()
		w.settle()
		if !w.now.Before(end) {
			return
		}
	}
}

func (w *ward) answer() {
	w.most = max(w.most, len(w.probes))
	out := w.probes
	w.probes = nil
	for _, op := range out {
		key := op.Ref.Name + "/" + string(op.Kind)
		if w.mute[key] {
			w.probes = append(w.probes, op)
			continue
		}
		w.asked[key] = append(w.asked[key], op.At)
		r := reconcile.ProbeResult{Outcome: reconcile.ProbeSuccess, Message: "fine"}
		if w.bad[key] {
			r = reconcile.ProbeResult{Outcome: reconcile.ProbeFailure, Message: "connection refused"}
		}
		w.c.Probed(w.now, op, r)
	}
}

func (w *ward) status(name string) reconcile.ContainerStatus {
	w.t.Helper()
	all := w.c.Status(w.now)
	i := slices.IndexFunc(all, func(s reconcile.ContainerStatus) bool { return s.Name == name })
	if i < 0 {
		w.t.Fatalf("%s is not shown", name)
	}
	return all[i]
}

func (w *ward) wantShown(name string, state reconcile.State, ready bool) {
	w.t.Helper()
	if st := w.status(name); st.State != state || st.Ready != ready {
		w.t.Fatalf("%s is shown as %s (%s: %s), ready %v; want %s, %v", name, st.State, st.Reason, st.Message, st.Ready, state, ready)
	}
}

func (w *ward) wantDid(want string) {
	w.t.Helper()
	if got := strings.Join(w.did, ", "); got != want {
		w.t.Fatalf("steps: %s\nwant:  %s", got, want)
	}
	w.did = nil
}

const (
	readyProbe = `readinessProbe: {httpGet: {port: 1}, periodSeconds: 1, successThreshold: 2, failureThreshold: 3}`
	liveProbe  = `livenessProbe: {tcpSocket: {port: 1}, periodSeconds: 1, failureThreshold: 3, terminationGracePeriodSeconds: 7}`
	startProbe = `startupProbe: {tcpSocket: {port: 1}, periodSeconds: 1, failureThreshold: 5}`
)

func TestReadinessGatesDependents(t *testing.T) {
	w := newWard(t)
	w.bad["db/readiness"] = true
	w.folder("db: "+readyProbe, "web: dependsOn: [{name: db, condition: Ready}]")
	w.list()
	w.live(5 * time.Second)
	w.wantDid("create db, start db")
	w.wantShown("db", reconcile.StateRunning, false)
	if st := w.status("db"); st.Reason != reconcile.NotReady || !strings.Contains(st.Message, "connection refused") {
		t.Errorf("an unready container says %s: %s", st.Reason, st.Message)
	}
	w.wantShown("web", reconcile.StateWaiting, false)

	w.bad["db/readiness"] = false
	w.live(time.Second)
	w.wantShown("db", reconcile.StateRunning, false) // one success of two
	w.live(1500 * time.Millisecond)
	w.wantShown("db", reconcile.StateReady, true)
	w.wantDid("create web, start web")

	w.bad["db/readiness"] = true
	w.live(2200 * time.Millisecond)
	w.wantShown("db", reconcile.StateReady, true) // two failures of three
	w.live(1500 * time.Millisecond)
	w.wantShown("db", reconcile.StateRunning, false)
	w.wantDid("") // nobody is stopped for it
}

func TestLivenessRestarts(t *testing.T) {
	w := newWard(t)
	w.folder("web: restart: {jitter: 0}, " + liveProbe)
	w.list()
	w.live(5 * time.Second)
	w.wantShown("web", reconcile.StateRunning, true)
	w.wantDid("create web, start web")
	w.bad["web/liveness"] = true
	w.live(1500 * time.Millisecond)
	w.bad["web/liveness"] = false
	w.live(time.Second)
	w.bad["web/liveness"] = true
	w.live(2100 * time.Millisecond)
	w.wantDid("") // twice, a success, twice
	w.live(time.Second)
	w.wantDid("shutdown web")
	st := w.status("web")
	if st.LastExit == nil || st.LastExit.Reason != string(reconcile.LivenessFailed) || st.LastExit.Asked || st.Failures != 1 {
		t.Errorf("the exit is remembered as %+v after %d failures", st.LastExit, st.Failures)
	}
	if st.State != reconcile.StateCrashLoopBackOff || !strings.Contains(st.Message, "LivenessFailed") {
		t.Errorf("shown as %s: %s", st.State, st.Message)
	}
	w.bad["web/liveness"] = false
	w.live(2 * time.Second)
	w.wantDid("start web")
	w.wantShown("web", reconcile.StateRunning, true)
}

// The grace period of the probe counts, not that of the container.
func TestLivenessGrace(t *testing.T) {
	w := newWard(t)
	w.w.SetBehaviour("web", fake.Behaviour{IgnoresShutdown: true})
	w.folder("web: terminationGracePeriodSeconds: 100, " + liveProbe)
	w.list()
	w.live(time.Second)
	w.bad["web/liveness"] = true
	w.live(3100 * time.Millisecond)
	w.wantDid("create web, start web, shutdown web")
	w.live(6 * time.Second)
	w.wantDid("")
	w.live(time.Second)
	if !slices.Contains(w.did, "terminate web") {
		t.Errorf("not killed after the grace period of the probe: %v", w.did)
	}
}

func TestLivenessOfPolicyNever(t *testing.T) {
	w := newWard(t)
	w.bad["web/liveness"] = true
	w.folder("web: restartPolicy: Never, " + liveProbe)
	w.list()
	w.live(time.Minute)
	w.wantDid("create web, start web, shutdown web")
	w.wantShown("web", reconcile.StateFailed, false)
}

func TestStartupHoldsTheOthersOff(t *testing.T) {
	w := newWard(t)
	w.bad["web/startup"], w.bad["web/liveness"] = true, true
	w.folder("web: " + startProbe + ", " + liveProbe + ", " + readyProbe)
	w.list()
	w.live(3500 * time.Millisecond)
	if len(w.asked["web/liveness"])+len(w.asked["web/readiness"]) > 0 {
		t.Fatalf("asked before startup has succeeded: %v", w.asked)
	}
	w.wantShown("web", reconcile.StateRunning, false)
	w.bad["web/startup"], w.bad["web/liveness"] = false, false
	w.live(3 * time.Second)
	n := len(w.asked["web/startup"])
	w.wantShown("web", reconcile.StateReady, true)
	w.live(5 * time.Second)
	if len(w.asked["web/startup"]) != n {
		t.Error("startup is asked although it has succeeded")
	}
	w.wantDid("create web, start web")
}

func TestStartupThatNeverSucceeds(t *testing.T) {
	w := newWard(t)
	w.bad["web/startup"] = true
	w.folder("web: " + startProbe + ", " + liveProbe)
	w.list()
	w.live(3500 * time.Millisecond)
	w.wantDid("create web, start web")
	w.live(time.Second)
	w.wantDid("shutdown web")
	if st := w.status("web"); st.LastExit == nil || st.LastExit.Reason != string(reconcile.StartupFailed) {
		t.Errorf("the exit is remembered as %+v", st.LastExit)
	}
}

// A new daemon believes what the old one knew, until a probe says otherwise.
func TestProbesOverARestartOfTheDaemon(t *testing.T) {
	w := newWard(t)
	docs := []string{"web: " + startProbe + ", " + liveProbe + ", " + readyProbe, "slow: " + readyProbe}
	w.bad["slow/readiness"] = true
	w.folder(docs...)
	w.list()
	w.live(5 * time.Second)
	w.wantShown("web", reconcile.StateReady, true)
	w.did = nil
	for range 3 {
		w.probes = nil
		w.boot()
		w.folder(docs...)
		w.list()
		w.settle()
		w.wantShown("web", reconcile.StateReady, true)
		w.wantShown("slow", reconcile.StateRunning, false)
		w.live(3 * time.Second)
		w.wantShown("web", reconcile.StateReady, true)
	}
	w.wantDid("")
	if n := len(w.asked["web/startup"]); n != 1 {
		t.Errorf("startup was asked %d times in one run", n)
	}
}

// A probe that is added to a running container makes it neither unready nor
// ends it before it has said so often enough.
func TestProbeAddedInPlace(t *testing.T) {
	w := newWard(t)
	w.folder("web:")
	w.list()
	w.live(time.Second)
	w.wantShown("web", reconcile.StateRunning, true)
	w.did = nil
	w.bad["web/readiness"] = true
	w.folder("web: " + startProbe + ", " + readyProbe)
	w.live(1500 * time.Millisecond)
	w.wantShown("web", reconcile.StateReady, true)
	w.live(5 * time.Second)
	w.wantShown("web", reconcile.StateRunning, false)
	w.folder("web:")
	w.live(time.Second)
	w.wantShown("web", reconcile.StateRunning, true)
	w.wantDid("")
}

func TestProbesThatCannotBeMadeSayNothing(t *testing.T) {
	w := newWard(t)
	w.folder("web: " + liveProbe + ", " + readyProbe)
	w.list()
	w.live(3 * time.Second)
	w.wantShown("web", reconcile.StateReady, true)
	w.did = nil
	w.mute["web/liveness"], w.mute["web/readiness"] = true, true
	for range 20 {
		w.live(2 * time.Second)
		out := w.probes
		w.probes = nil
		for _, op := range out {
			w.c.Probed(w.now, op, reconcile.ProbeResult{Outcome: reconcile.ProbeUnknown, Message: "no"})
		}
	}
	w.wantShown("web", reconcile.StateReady, true)
	w.wantDid("")
}

// The answer of one run says nothing of the next.
func TestLateAnswerIsNotTheNextRuns(t *testing.T) {
	w := newWard(t)
	w.folder("web: restart: {initialDelay: 1s, jitter: 0}, " + strings.Replace(liveProbe, "failureThreshold: 3", "failureThreshold: 1", 1))
	w.list()
	w.mute["web/liveness"] = true
	w.live(time.Second)
	late := w.probes
	w.w.Kill(w.now, late[0].Ref, 1)
	w.live(3 * time.Second)
	w.wantDid("create web, start web, start web")
	w.c.Probed(w.now, late[0], reconcile.ProbeResult{Outcome: reconcile.ProbeFailure, Message: "of the first run"})
	w.live(100 * time.Millisecond)
	w.wantDid("")
}

func TestExecProbesWaitTheirTurn(t *testing.T) {
	w := newWard(t)
	w.cfg.ExecProbes = 2
	w.boot()
	var docs []string
	for i := range 9 {
		docs = append(docs, fmt.Sprintf("c%d: readinessProbe: {exec: {command: [x]}, periodSeconds: 1}", i))
	}
	w.folder(docs...)
	w.list()
	w.live(20 * time.Second)
	if w.most > 2 {
		t.Errorf("%d exec probes were under way at once, want at most 2", w.most)
	}
	for i := range docs {
		w.wantShown(fmt.Sprintf("c%d", i), reconcile.StateReady, true)
	}
	w.folder(docs[1:]...) // one leaves while others wait
	w.live(10 * time.Second)
	for i := range docs[1:] {
		if n := len(w.asked[fmt.Sprintf("c%d/readiness", i+1)]); n < 25 {
			t.Errorf("c%d was asked %d times in 30 s", i+1, n)
		}
	}
}

// Probes begin after their delay and keep their period, whatever else is
// decided meanwhile; those of exec drift by a tenth at most.
func TestProbePeriods(t *testing.T) {
	w := newWard(t)
	w.folder(
		"web: livenessProbe: {tcpSocket: {port: 1}, initialDelaySeconds: 5, periodSeconds: 3}",
		"exe: livenessProbe: {exec: {command: [x]}, periodSeconds: 10}")
	w.list()
	w.live(time.Minute)
	at := w.asked["web/liveness"]
	if first := at[0].Sub(noon); first < 5*time.Second || first > 5200*time.Millisecond {
		t.Errorf("first asked after %s, want 5s", first)
	}
	for i, t1 := range at[1:] {
		if d := t1.Sub(at[i]); d < 3*time.Second || d > 3100*time.Millisecond {
			t.Errorf("asked again after %s, want 3s", d)
		}
	}
	at = w.asked["exe/liveness"]
	for i, t1 := range at[1:] {
		if d := t1.Sub(at[i]); d < 10*time.Second || d > 11100*time.Millisecond {
			t.Errorf("exec asked again after %s, want 10s to 11s", d)
		}
	}
	if len(at) < 5 || len(w.asked["web/liveness"]) != 19 {
		t.Errorf("asked %d and %d times within a minute", len(at), len(w.asked["web/liveness"]))
	}
}

// A probe without an answer is not asked again.
func TestOneProbeAtATime(t *testing.T) {
	w := newWard(t)
	w.mute["web/liveness"] = true
	w.folder("web: " + liveProbe)
	w.list()
	w.live(time.Minute)
	if len(w.probes) != 1 {
		t.Errorf("%d probes of one kind are under way", len(w.probes))
	}
}

func TestWithoutProbesNothingIsDue(t *testing.T) {
	w := newWard(t)
	w.folder("web:")
	w.list()
	w.live(time.Second)
	w.now = w.now.Add(time.Hour) // past the deadline of its update
	w.live(0)
	turn := w.turn()
	if len(turn.Probes)+len(turn.Hooks)+len(turn.Put)+len(turn.Ops) > 0 || !turn.Wake.IsZero() {
		t.Errorf("a settled container without probes costs a turn: %+v", turn)
	}
	if w.disk["web"].Probes != nil || w.disk["web"].Hooks != nil {
		t.Error("something is remembered of probes that are not")
	}
}

// A failed container that could not be started again is left running.
func TestLivenessWaitsForAStartThatIsHeld(t *testing.T) {
	w := newWard(t)
	w.folder("db:", "web: dependsOn: [{name: db}], "+liveProbe)
	w.list()
	w.live(time.Second)
	w.did = nil
	w.folder("db: desiredState: Stopped", "web: dependsOn: [{name: db}], "+liveProbe)
	w.live(time.Second)
	w.did = nil
	w.bad["web/liveness"] = true
	w.live(10 * time.Second)
	w.wantDid("")
	if st := w.status("web"); !strings.Contains(st.Message, "a restart waits") {
		t.Errorf("shown as %s (%s): %s", st.State, st.Reason, st.Message)
	}
	w.bad["web/liveness"] = false
	w.live(2 * time.Second)
	w.folder("db:", "web: dependsOn: [{name: db}], "+liveProbe)
	w.live(5 * time.Second)
	w.wantDid("create db, start db") // it has recovered meanwhile
}

// What a probe said is forgotten before the decision on the edit that takes it away.
func TestLivenessTakenAwayAsTheRestartMayBegin(t *testing.T) {
	w := newWard(t)
	const ready = ", readinessProbe: {tcpSocket: {port: 80}}"
	w.folder("db:", "web: dependsOn: [{name: db}], "+liveProbe+ready)
	w.list()
	w.live(time.Second)
	w.folder("db: desiredState: Stopped", "web: dependsOn: [{name: db}], "+liveProbe+ready)
	w.bad["web/liveness"] = true
	w.live(10 * time.Second)
	w.did = nil
	w.folder("db: desiredState: Stopped", "web: dependsOn: []"+ready)
	w.live(5 * time.Second)
	w.wantDid("")
}
