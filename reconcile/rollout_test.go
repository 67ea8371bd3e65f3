package reconcile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// crashing makes the containers of one image end at once, and all others run.
func crashing(image string) fake.Options {
	return fake.Options{Owner: "t", Behave: func(c *manifest.Container, _ int) fake.Behaviour {
		if c.Spec.Image == image {
			return fake.Behaviour{RunFor: time.Second, ExitCode: 1}
		}
		return fake.Behaviour{}
	}}
}

func newBenchOf(t *testing.T, o fake.Options) *bench {
	b := newBench(t)
	b.w = fake.NewWorld(o)
	return b
}

// forAWhile lets time pass in steps, as a daemon sees it.
func (b *bench) forAWhile(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); b.now.Before(end); {
		b.pass(min(end.Sub(b.now), time.Second))
		b.list()
		b.settle()
	}
}

const (
	v1 = "web: image: 'a:1', update: {progressDeadline: 1m}, restart: {jitter: 0}"
	v2 = "web: image: 'a:2', update: {progressDeadline: 1m}, restart: {jitter: 0}"
	v3 = "web: image: 'a:3', update: {progressDeadline: 1m}, restart: {jitter: 0}"
)

func (b *bench) image() string {
	for _, st := range b.w.List(b.now).Ours {
		if st.PID != 0 {
			return b.w.Manifest(st.Ref).Spec.Image
		}
	}
	return "none"
}

func TestRollback(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v2)
	b.settle()
	b.took()
	b.forAWhile(58 * time.Second)
	if st := b.status("web"); st.State != reconcile.StateCrashLoopBackOff || b.image() != "none" {
		t.Errorf("before the deadline: %s, %s runs", st.State, b.image())
	}
	b.took()
	b.forAWhile(20 * time.Second)
	st := b.status("web")
	if b.image() != "a:1" || st.State != reconcile.StateHeld || st.Reason != reconcile.RolledBack || !st.Ready || !st.Settled || st.Rollback == nil {
		t.Fatalf("after it: %s runs, %s (%s), ready %v: %+v", b.image(), st.State, st.Reason, st.Ready, st.Rollback)
	}
	if took := b.took(); !strings.HasSuffix(took, "remove web, create web, start web") {
		t.Errorf("it took %s", took)
	}
	b.boot() // it is remembered
	b.running(v2)
	b.forAWhile(time.Minute)
	b.expect("", "web=Held")
	b.folder(v3)
	b.settle()
	b.forAWhile(time.Minute)
	if st := b.status("web"); b.image() != "a:3" || st.State != reconcile.StateRunning || st.Rollback != nil {
		t.Errorf("edited: %s runs, %s: %s", b.image(), st.State, st.Message)
	}
}

func TestRollbackAfterACrashOfTheDaemon(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v2)
	b.settle()
	b.forAWhile(30 * time.Second)
	b.boot()
	b.running(v2)
	b.forAWhile(2 * time.Minute)
	if b.image() != "a:1" {
		t.Errorf("%s runs: %s", b.image(), b.status("web").Message)
	}
}

// What runs when its manifest turns to Stopped has shown that it works, but that
// edit is no way back: it would stop what runs.
func TestRollbackNotToWhatIsStopped(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v1 + ", desiredState: Stopped")
	b.settle()
	b.running(v1)
	b.forAWhile(5 * time.Second) // not long enough to be kept anew
	b.folder(v2)
	b.settle()
	b.forAWhile(80 * time.Second)
	if st := b.status("web"); b.image() != "a:1" || st.Reason != reconcile.RolledBack {
		t.Errorf("%s runs, %s (%s): %s", b.image(), st.State, st.Reason, st.Message)
	}
}

// An edit that was made, but did not run for long enough, does not take the
// place of the one that the way back leads to: not on disk either.
func TestRollbackIsTheSameAfterACrashOfTheDaemon(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	inPlace := func() string { return b.w.Manifest(b.w.List(b.now).Ours[0].Ref).Live }
	b.running(v1)
	b.forAWhile(11 * time.Second)
	proven := inPlace()
	b.folder(v1 + ", desiredState: Stopped")
	b.settle()
	b.running(v1 + ", logs: {maxFiles: 7}")
	b.forAWhile(5 * time.Second)
	b.folder(v2)
	b.settle()
	b.boot()
	b.running(v2)
	b.forAWhile(2 * time.Minute)
	if b.image() != "a:1" || inPlace() != proven {
		t.Errorf("%s runs with the in-place fields %s, not %s", b.image(), inPlace(), proven)
	}
}

func TestNoRollback(t *testing.T) {
	for name, tt := range map[string]struct{ first, then, message string }{
		"rollback: false":            {v1, strings.Replace(v2, "1m", "1m, rollback: false", 1), "its manifest says rollback: false"},
		"nothing before":             {"", v2, "there is no version before it that was ready"},
		"a job that may fail before": {"web: image: 'a:0', restartPolicy: OnFailure", v2, "there is no version before it that was ready"},
		"a job before":               {"web: image: 'a:0', restartPolicy: Never", v2, "there is no version before it that was ready"},
	} {
		t.Run(name, func(t *testing.T) {
			o := crashing("a:2")
			crash := o.Behave
			o.Behave = func(c *manifest.Container, run int) fake.Behaviour {
				if c.Spec.Image == "a:0" {
					return fake.Behaviour{RunFor: 20 * time.Second}
				}
				return crash(c, run)
			}
			b := newBenchOf(t, o)
			if tt.first != "" {
				b.running(tt.first)
				b.forAWhile(30 * time.Second)
			}
			b.folder(tt.then)
			b.list()
			told := ""
			for range 150 {
				tu := b.turn()
				for _, ev := range tu.Events {
					if ev.Reason == reconcile.ProgressDeadlineExceeded {
						told += ev.Message
					}
				}
				for _, op := range tu.Ops {
					b.do(op)
				}
				b.now = b.now.Add(time.Second)
				for _, st := range b.w.Advance(b.now) {
					b.c.Exited(b.now, st)
				}
			}
			if told != "not ready within 1m0s; "+tt.message {
				t.Errorf("told %q", told)
			}
			if st := b.status("web"); st.Rollback != nil {
				t.Errorf("rolled back: %+v", st.Rollback)
			}
		})
	}
}

func TestRetryTriesTheManifestAgain(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v2)
	b.settle()
	b.forAWhile(2 * time.Minute)
	b.must(b.c.Retry(b.now, "web", "me"))
	b.settle()
	if b.image() != "a:2" {
		t.Errorf("%s runs", b.image())
	}
	b.forAWhile(2 * time.Minute)
	if b.image() != "a:1" {
		t.Errorf("%s runs after the deadline", b.image())
	}
}

func TestRollbackByAnOperator(t *testing.T) {
	b := newBench(t)
	for _, v := range []string{v1, v2, v3} {
		b.running(v)
		b.forAWhile(11 * time.Second)
	}
	kept := b.versions("web")
	if len(kept) != 3 || kept[0].N != 3 || kept[2].ReadyAt.IsZero() {
		t.Fatalf("kept %+v", kept)
	}
	for n, want := range map[uint64]string{
		9: "roll back web: version 9 is not kept; `history web` lists those that are",
		3: "roll back web: version 3 is what it is to be already",
	} {
		if err := b.c.Rollback(b.now, "web", kept, n, "me"); !errors.Is(err, reconcile.ErrRefused) || err.Error() != want {
			t.Errorf("to %d: %v", n, err)
		}
	}
	never := append([]statedb.Spec{{N: 4, Name: "web", Revision: "1-ff"}}, kept...)
	if err := b.c.Rollback(b.now, "web", never, 4, "me"); err == nil || err.Error() != "roll back web: version 4 was never ready" {
		t.Errorf("to what never was ready: %v", err)
	}
	b.took()
	b.must(b.c.Rollback(b.now, "web", never, 0, "me"))
	b.settle()
	st := b.status("web")
	if b.image() != "a:2" || st.Rollback.By != "me" || st.Revision == st.RunningRevision {
		t.Errorf("%s runs: %+v", b.image(), st)
	}
	b.expect("shutdown web, remove web, create web, start web", "web=Held")
	b.must(b.c.Rollback(b.now, "web", b.versions("web"), 1, "me"))
	b.settle()
	b.boot()
	b.running(v3)
	b.forAWhile(20 * time.Second)
	if b.image() != "a:1" {
		t.Errorf("%s runs, not the first version", b.image())
	}
	b.must(b.c.Rollback(b.now, "web", b.versions("web"), 3, "me")) // what the manifest says
	b.settle()
	if st := b.status("web"); b.image() != "a:3" || st.Rollback != nil {
		t.Errorf("forward again: %s runs, %+v", b.image(), st.Rollback)
	}
}

func TestRollbackToALostVersionLeavesWhatRunsAlone(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v2)
	b.settle()
	b.forAWhile(2 * time.Minute)
	b.kept = statedb.NewMem()
	b.boot()
	b.took()
	b.running(v2)
	b.forAWhile(time.Minute)
	b.expect("", "web=Held")
	if b.image() != "a:1" {
		t.Errorf("%s runs", b.image())
	}
}

func TestStartFirst(t *testing.T) {
	first := func(image string) string {
		return "web: image: '" + image + "', update: {strategy: StartFirst, progressDeadline: 1m}, restart: {jitter: 0}"
	}
	b := newBenchOf(t, crashing("a:2"))
	b.running(first("a:1"))
	b.forAWhile(11 * time.Second)
	b.took()
	b.folder(first("a:3"))
	b.settle()
	b.expect("create web, start web", "web=Starting")
	if st := b.status("web"); !st.Ready || st.Settled {
		t.Errorf("in between: %+v", st)
	}
	b.forAWhile(11 * time.Second)
	b.expect("shutdown web, remove web", "web=Running")
	b.folder(first("a:2"))
	b.settle()
	b.forAWhile(2 * time.Minute)
	if took := b.took(); strings.Contains(took, "shutdown") || strings.Count(took, "remove") != 1 {
		t.Errorf("what worked was touched: %s", took)
	}
	if st := b.status("web"); b.image() != "a:3" || st.Reason != reconcile.RolledBack {
		t.Errorf("%s runs: %s", b.image(), st.Reason)
	}
}

func TestAlone(t *testing.T) {
	for spec, want := range map[string]string{
		"image: a": "",
		"ports: [{containerPort: 80, hostPort: 8080}]": "spec.ports[0].hostPort",
		"hostname: web": "spec.hostname",
		`mounts: [{hostPath: 'C:\data', mountPath: 'C:\data'}]`:                 "spec.mounts[0]",
		`mounts: [{hostPath: 'C:\data', mountPath: 'C:\data', readOnly: true}]`: "",
		`mounts: [{hostPath: '\\.\pipe\x', mountPath: '\\.\pipe\x'}]`:           "",
		"network: {endpoints: [b2bd8c4f-8a75-4f4c-8b1d-5a1f3a1f6d11]}":          "spec.network.endpoints",
		"isolation: hyperv, desiredState: Paused":                               "spec.desiredState",
	} {
		if field, why := reconcile.Alone(web(t, spec), nil); field != want || (field == "") != (why == "") {
			t.Errorf("%s: %q %q, want %q", spec, field, why, want)
		}
	}
}

func TestUpdateWindow(t *testing.T) {
	in := func(image string) string {
		return "web: image: '" + image + "', update: {window: {schedule: 0 2 * * *, duration: 1h}}, restart: {jitter: 0}"
	}
	b := newBench(t) // at noon
	b.running(in("a:1"))
	b.forAWhile(11 * time.Second)
	b.took()
	b.folder(in("a:2"))
	b.settle()
	b.expect("", "web=Held")
	st := b.status("web")
	if !st.Ready || !st.Settled || !strings.HasPrefix(st.Message, "applies at 2026-01-02T02:00:00Z") {
		t.Errorf("ready %v, settled %v: %s", st.Ready, st.Settled, st.Message)
	}
	if err := b.c.Restart(b.now, "web", "me"); !errors.Is(err, reconcile.ErrRefused) {
		t.Errorf("a restart outside the window: %v", err)
	}
	b.pass(14*time.Hour - 12*time.Second)
	b.expect("", "web=Held")
	b.pass(time.Second)
	b.expect("shutdown web, remove web, create web, start web", "web=Running")
	b.folder(in("a:2"), strings.Replace(in("a:1"), "web", "new", 1))
	b.pass(4 * time.Hour) // what does not run is started at any time
	b.expect("create new, start new", "new=Running web=Running")
}

func TestRestartFollowsADependency(t *testing.T) {
	b := newBench(t)
	docs := func(image string) []string {
		return []string{
			"db: image: '" + image + "', restart: {jitter: 0}",
			"app: dependsOn: [{name: db, condition: Ready, restart: true}]",
			"web: dependsOn: [{name: db}]",
			"top: dependsOn: [{name: app, restart: true}]",
		}
	}
	b.running(docs("a")...)
	b.took()
	b.must(b.c.Restart(b.now, "db", "me"))
	b.settle()
	want := "shutdown db, start db, shutdown app, start app, shutdown top, start top"
	b.expect(want, "app=Running db=Running top=Running web=Running")
	if why := b.status("app").LastExit.Reason; why != "DependencyRestarted" {
		t.Errorf("app was stopped because %s", why)
	}
	b.folder(docs("b")...)
	b.settle()
	b.expect("shutdown db, remove db, create db, start db, shutdown app, start app, shutdown top, start top",
		"app=Running db=Running top=Running web=Running")
	st := b.status("db")
	for _, h := range st.Actual {
		b.w.Kill(b.now, h.Ref, 1)
	}
	b.pass(time.Second)
	b.pass(time.Second)
	b.pass(time.Second)
	b.expect("start db", "app=Running db=Running top=Running web=Running")
}

func TestWhatAnOperatorReturnedToIsNotTakenBack(t *testing.T) {
	b := newBench(t)
	for _, v := range []string{v1, v2} {
		b.running(v)
		b.forAWhile(11 * time.Second)
	}
	b.w.SetBehaviour("web", fake.Behaviour{RunFor: time.Second, ExitCode: 1}) // it does not work any more
	b.must(b.c.Rollback(b.now, "web", b.versions("web"), 1, "me"))
	b.settle()
	b.forAWhile(3 * time.Minute)
	if st := b.status("web"); st.Rollback == nil || st.Rollback.By != "me" || st.State != reconcile.StateCrashLoopBackOff {
		t.Errorf("%s (%s), rollback %+v", st.State, st.Reason, st.Rollback)
	}
}

// TestUpgradeKeepsARollback: a program that makes another digest of the same
// manifest is no edit.
func TestUpgradeKeepsARollback(t *testing.T) {
	b := newBenchOf(t, crashing("a:2"))
	b.running(v1)
	b.forAWhile(11 * time.Second)
	b.folder(v2)
	b.settle()
	b.forAWhile(2 * time.Minute)
	r := b.disk["web"]
	old := *r.Rollback
	old.Edit = "of another program"
	r.Rollback = &old
	b.disk["web"] = r
	b.boot()
	b.took()
	b.running(v2)
	b.forAWhile(time.Minute)
	b.expect("", "web=Held")
	if b.disk["web"].Rollback.Edit == old.Edit {
		t.Error("the digest of this program is not remembered")
	}
}

func TestRolloutGoesOnUnderTheNextDaemon(t *testing.T) {
	b := newBench(t)
	b.running(v1)
	b.forAWhile(11 * time.Second)
	unready := strings.Replace(v2, "update:", "readinessProbe: {exec: {command: [ask]}}, update:", 1) // which nobody answers
	b.folder(unready)
	b.settle()
	b.forAWhile(30 * time.Second)
	b.boot()
	b.running(unready)
	b.forAWhile(50 * time.Second)
	if b.image() != "a:2" {
		t.Errorf("%s runs before the whole time is over", b.image())
	}
	b.forAWhile(20 * time.Second)
	if b.image() != "a:1" {
		t.Errorf("%s runs after it: %s", b.image(), b.status("web").Message)
	}
}

func TestProofThatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.running(v1)
	b.now = b.now.Add(11 * time.Second)
	b.list()
	lost := b.c.Next(b.now, 1)
	if len(lost.Specs) != 1 || lost.Specs[0].ReadyAt.IsZero() {
		t.Fatalf("the turn has %+v", lost.Specs)
	}
	b.c.NotSaved(b.now, lost)
	b.forAWhile(2 * time.Second)
	if v := b.versions("web"); len(v) != 1 || v[0].ReadyAt.IsZero() || b.disk["web"].Good == "" {
		t.Errorf("kept %d versions, good %q", len(v), b.disk["web"].Good)
	}
}

func TestNextTryIsTheStartNotTheDeadlineOfTheRollout(t *testing.T) {
	b := newBench(t)
	b.running("web: update: {progressDeadline: 1m}, restart: {jitter: 0, initialDelay: 1h, maxDelay: 1h}")
	b.w.Kill(b.now, driver.Ref{Name: "web", Revision: b.status("web").Revision}, 1)
	b.list()
	b.settle()
	st := b.status("web")
	if want := b.now.Add(time.Hour); st.State != reconcile.StateCrashLoopBackOff || !st.NextTry.Equal(want) {
		t.Errorf("%s, next try %v, want %v", st.State, st.NextTry, want)
	}
}
