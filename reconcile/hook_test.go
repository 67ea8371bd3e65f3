package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const (
	preStop   = "lifecycle: {preStop: {exec: {command: [x]}}}, terminationGracePeriodSeconds: 10"
	postStart = "lifecycle: {postStart: {exec: {command: [x]}}}"
)

// hooked ends the hook that runs, which must be the only one.
func (w *ward) hooked(kind reconcile.HookKind, err error) {
	w.t.Helper()
	if len(w.hooks) != 1 || w.hooks[0].Kind != kind || w.hooks[0].Hook == nil {
		w.t.Fatalf("hooks under way: %+v, want one %s", w.hooks, kind)
	}
	op := w.hooks[0]
	w.hooks = nil
	w.c.Hooked(w.now, op, err)
	w.live(0)
}

func (w *ward) noHook() {
	w.t.Helper()
	if len(w.hooks) > 0 {
		w.t.Fatalf("hooks are run: %+v", w.hooks)
	}
}

// begin runs containers, and forgets how they came to run.
func (w *ward) begin(docs ...string) {
	w.t.Helper()
	w.folder(docs...)
	w.list()
	w.live(time.Second)
	w.did = nil
}

func TestPreStopComesFirst(t *testing.T) {
	w := newWard(t)
	w.begin("web: " + preStop)
	w.folder("web: desiredState: Stopped, " + preStop)
	w.live(3 * time.Second)
	w.wantDid("")
	if st := w.status("web"); st.State != reconcile.StateStopping || st.Reason != reconcile.PreStopHook {
		t.Errorf("shown as %s (%s)", st.State, st.Reason)
	}
	w.hooked(reconcile.PreStop, nil)
	w.wantDid("shutdown web, remove web")
	w.noHook()
}

// The hook is a part of the grace period; what it leaves is the container's.
func TestPreStopWithinTheGracePeriod(t *testing.T) {
	for name, end := range map[string]error{"done": nil, "failed": errors.New("exit code 1")} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t)
			w.w.SetBehaviour("web", fake.Behaviour{IgnoresShutdown: true})
			w.begin("web: " + preStop)
			w.folder("web: desiredState: Stopped, " + preStop)
			w.live(4 * time.Second)
			w.hooked(reconcile.PreStop, end)
			w.wantDid("shutdown web")
			w.live(5800 * time.Millisecond)
			w.wantDid("")
			w.live(400 * time.Millisecond)
			w.wantDid("terminate web, remove web")
		})
	}
}

// A hook that does not end uses the period up, and the container still has a
// moment after it is asked.
func TestPreStopThatDoesNotEnd(t *testing.T) {
	w := newWard(t)
	w.w.SetBehaviour("web", fake.Behaviour{IgnoresShutdown: true})
	w.begin("web: " + preStop)
	w.folder("web: desiredState: Stopped, " + preStop)
	w.live(9900 * time.Millisecond)
	w.wantDid("")
	if d := w.hooks[0].Deadline.Sub(w.hooks[0].At); d != 10*time.Second {
		t.Errorf("the hook may take %s, want 10s", d)
	}
	w.live(200 * time.Millisecond)
	w.wantDid("shutdown web")
	w.live(1700 * time.Millisecond)
	w.wantDid("")
	w.live(400 * time.Millisecond)
	w.wantDid("terminate web, remove web")
}

// A daemon that dies while the hook runs: the next one does not run it again,
// and cuts nothing off the grace period.
func TestPreStopOverACrash(t *testing.T) {
	w := newWard(t)
	w.w.SetBehaviour("web", fake.Behaviour{IgnoresShutdown: true})
	w.begin("web: " + preStop)
	w.folder()
	w.live(3 * time.Second)
	w.wantDid("")
	w.hooks = nil
	w.boot()
	w.folder()
	w.list()
	w.live(time.Second)
	w.noHook()
	w.wantDid("shutdown web")
	w.live(5800 * time.Millisecond)
	w.wantDid("")
	w.live(400 * time.Millisecond)
	w.wantDid("terminate web, remove web")
}

// The manifest is gone, and the daemon that knew it too: what was stored is run.
func TestPreStopOfARemovedManifest(t *testing.T) {
	w := newWard(t)
	w.begin("web: " + preStop)
	w.boot()
	w.folder()
	w.list()
	w.live(w.cfg.Linger + time.Second) // the start was the last thing that was saved
	if len(w.hooks) != 1 || !slices.Equal(w.hooks[0].Hook.Exec.Command, []string{"x"}) {
		t.Fatalf("hooks: %+v", w.hooks)
	}
	w.hooked(reconcile.PreStop, nil)
	w.wantDid("shutdown web, remove web")
}

func TestPreStopHeadersAreNotStored(t *testing.T) {
	w := newWard(t)
	w.begin("web: lifecycle: {preStop: {httpGet: {port: 1, httpHeaders: [{name: Authorization, value: hunter2}]}}}")
	if text := string(w.disk["web"].Hooks.PreStop); text == "" || strings.Contains(text, "hunter2") {
		t.Fatalf("stored: %s", text)
	}
	w.folder()
	w.live(time.Second)
	if len(w.hooks) != 1 || len(w.hooks[0].Hook.HTTPGet.HTTPHeaders) != 1 {
		t.Fatalf("the daemon that knew the manifest runs %+v", w.hooks)
	}
}

func TestPreStopSleep(t *testing.T) {
	const sleep = "lifecycle: {preStop: {sleep: {seconds: 4}}}, terminationGracePeriodSeconds: 10"
	w := newWard(t)
	w.begin("web: " + sleep)
	w.folder("web: desiredState: Stopped, " + sleep)
	w.live(2 * time.Second)
	w.boot() // a sleep goes on over a crash
	w.folder("web: desiredState: Stopped, " + sleep)
	w.list()
	w.live(1800 * time.Millisecond)
	w.wantDid("")
	w.live(400 * time.Millisecond)
	w.wantDid("shutdown web, remove web")
	w.noHook()
}

// Of a new version the old one's hook is run.
func TestPreStopOfTheOldRevision(t *testing.T) {
	w := newWard(t)
	w.begin("web: image: a, " + preStop)
	w.folder("web: image: b, " + strings.Replace(preStop, "[x]", "[z]", 1))
	w.live(time.Second)
	if len(w.hooks) != 1 || w.hooks[0].Hook.Exec.Command[0] != "x" {
		t.Fatalf("hooks: %+v", w.hooks)
	}
	w.hooked(reconcile.PreStop, nil)
	w.live(time.Second)
	w.wantDid("shutdown web, remove web, create web, start web")
	w.folder()
	w.live(time.Second)
	if len(w.hooks) != 1 || w.hooks[0].Hook.Exec.Command[0] != "z" {
		t.Fatalf("hooks: %+v", w.hooks)
	}
}

// With StartFirst both versions have hooks: the new one's postStart comes before
// the old one is asked to go, and that is asked by its own preStop.
func TestHooksOfStartFirst(t *testing.T) {
	const doc = "update: {strategy: StartFirst}, terminationGracePeriodSeconds: 10, lifecycle: {postStart: {exec: {command: [x]}}, preStop: {exec: {command: [%s]}}}"
	w := newWard(t)
	w.folder("web: image: a, " + strings.Replace(doc, "%s", "old", 1))
	w.list()
	w.live(time.Second)
	w.hooked(reconcile.PostStart, nil)
	w.live(30 * time.Second)
	w.did = nil
	w.folder("web: image: b, " + strings.Replace(doc, "%s", "new", 1))
	w.live(time.Second)
	w.wantDid("create web, start web")
	w.hooked(reconcile.PostStart, nil)
	w.live(5 * time.Second)
	w.noHook()
	w.list()
	w.live(7 * time.Second)
	w.list()
	w.live(time.Second)
	if len(w.hooks) != 1 || w.hooks[0].Hook.Exec.Command[0] != "old" {
		t.Fatalf("hooks: %+v", w.hooks)
	}
	w.hooked(reconcile.PreStop, nil)
	w.wantDid("shutdown web, remove web")
}

func TestPostStartBeforeReady(t *testing.T) {
	w := newWard(t)
	w.folder("db: "+postStart+", "+readyProbe, "web: dependsOn: [{name: db, condition: Ready}]")
	w.list()
	w.live(3 * time.Second)
	w.wantDid("create db, start db")
	w.wantShown("db", reconcile.StateStarting, false)
	if len(w.asked) > 0 {
		t.Errorf("probes are asked before postStart is done: %v", w.asked)
	}
	w.hooked(reconcile.PostStart, nil)
	w.live(2 * time.Second)
	w.wantShown("db", reconcile.StateReady, true)
	w.wantDid("create web, start web")
}

func TestPostStartThatFails(t *testing.T) {
	w := newWard(t)
	w.folder("web: restart: {jitter: 0}, " + postStart)
	w.list()
	w.live(time.Second)
	w.hooked(reconcile.PostStart, errors.New("exit code 3"))
	w.wantDid("create web, start web, shutdown web")
	st := w.status("web")
	if st.LastExit == nil || st.LastExit.Reason != string(reconcile.PostStartFailed) || st.State != reconcile.StateCrashLoopBackOff {
		t.Errorf("shown as %s (%s), last exit %+v", st.State, st.Message, st.LastExit)
	}
	w.live(2 * time.Second)
	w.wantDid("start web")
	w.hooked(reconcile.PostStart, nil)
	w.wantShown("web", reconcile.StateRunning, true)
}

func TestPostStartOverACrash(t *testing.T) {
	w := newWard(t)
	w.folder("web: " + postStart + ", " + readyProbe)
	w.list()
	w.live(time.Second)
	if len(w.hooks) != 1 {
		t.Fatalf("hooks: %+v", w.hooks)
	}
	w.hooks, w.did = nil, nil
	w.boot()
	w.folder("web: " + postStart + ", " + readyProbe)
	w.list()
	w.live(3 * time.Second)
	w.noHook()
	w.wantDid("")
	w.wantShown("web", reconcile.StateReady, true)
}

// A hook whose record could not be written is not run, and tried again.
func TestHookNotSaved(t *testing.T) {
	w := newWard(t)
	w.begin("web: " + preStop)
	w.folder("web: desiredState: Stopped, " + preStop)
	turn := w.c.Next(w.now, 100)
	if len(turn.Hooks) != 1 {
		t.Fatalf("the turn has %+v", turn)
	}
	w.c.NotSaved(w.now, turn)
	w.live(2 * time.Second)
	w.hooked(reconcile.PreStop, nil)
	w.wantDid("shutdown web, remove web")
}

func TestPlanDoesNotWaitForProbesAndHooks(t *testing.T) {
	w := newWard(t)
	w.folder("db: "+readyProbe+", "+postStart, "web: dependsOn: [{name: db, condition: Ready}], "+preStop)
	w.list()
	var steps []string
	for _, op := range reconcile.Preview(w.now, w.c, 100) {
		steps = append(steps, string(op.Action)+" "+op.Ref.Name)
	}
	if got, want := strings.Join(steps, ", "), "create db, start db, create web, start web"; got != want {
		t.Errorf("the plan is %q, want %q", got, want)
	}
}

func TestPostStartAloneGatesDependents(t *testing.T) {
	w := newWard(t)
	w.folder("db: "+postStart, "web: dependsOn: [{name: db, condition: Ready}]")
	w.list()
	w.live(3 * time.Second)
	w.wantDid("create db, start db")
	w.hooked(reconcile.PostStart, nil)
	w.wantDid("create web, start web")
}
