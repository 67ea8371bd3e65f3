package reconcile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// bench drives a Core by hand over a world in which everything goes well and
// at once, unless the test says otherwise.
type bench struct {
	t    *testing.T
	now  time.Time
	w    *fake.World
	c    *reconcile.Core
	cfg  reconcile.Config
	disk map[string]statedb.Record
	kept *statedb.Mem // the versions
	stop statedb.Brake
	did  []string

	probes []reconcile.ProbeOp // handed out, and not answered
	hooks  []reconcile.HookOp
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: noon, w: fake.NewWorld(fake.Options{Owner: "t"}), disk: map[string]statedb.Record{}, kept: statedb.NewMem()}
	b.cfg = reconcile.Config{Brake: reconcile.DefaultBrake(), Linger: 5 * time.Second}
	b.cfg.Brake.AllowEmpty = true // most tests are about other limits
	b.boot()
	return b
}

// boot begins a new life of the daemon with what was saved.
func (b *bench) boot() {
	var rs []statedb.Record
	for _, r := range b.disk {
		rs = append(rs, r)
	}
	b.c = reconcile.NewCore(b.now, b.cfg, rs, b.stop)
	for _, r := range rs {
		b.c.Versions(b.versions(r.Name))
	}
}

func (b *bench) list() { b.c.Have(b.now, b.w.List(b.now)) }

// folder asks for containers "name" or "name: inside of spec".
func (b *bench) folder(docs ...string) {
	b.t.Helper()
	ch := reconcile.Change{Full: true, SeenAt: b.now}
	for _, d := range docs {
		name, spec, _ := strings.Cut(d, ":")
		text := fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec: {command: [run], %s}\n", name, spec)
		cs, ps := manifest.Parse("f.yaml", []byte(text))
		if len(ps) > 0 {
			b.t.Fatal(ps)
		}
		ch.Put = append(ch.Put, reconcile.Wanted{Container: cs[0]})
	}
	b.c.Want(ch)
}

func (b *bench) versions(name string) []statedb.Spec {
	b.t.Helper()
	kept, err := b.kept.Specs(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return kept
}

// turn saves as a store does.
func (b *bench) turn() reconcile.Turn {
	t := b.c.Next(b.now, 100)
	b.probes, b.hooks = append(b.probes, t.Probes...), append(b.hooks, t.Hooks...)
	for _, r := range t.Put {
		b.disk[r.Name] = r
	}
	for _, n := range t.Drop {
		delete(b.disk, n)
	}
	if err := b.kept.Save(statedb.Batch{Drop: t.Drop, Specs: t.Specs}); err != nil {
		b.t.Fatal(err)
	}
	if t.Brake != nil {
		b.stop = *t.Brake
	}
	return t
}

func (b *bench) look(r driver.Ref) reconcile.Look {
	st, err := b.w.Inspect(b.now, r)
	return reconcile.Look{Known: true, Found: err == nil, Status: st}
}

func (b *bench) do(op reconcile.Op) {
	b.did = append(b.did, string(op.Action)+" "+op.Ref.Name)
	err := driver.Settle(op.Action, b.w.Apply(b.now, op.Action, op.Ref, op.Container))
	b.c.Done(b.now, op, b.look(op.Ref), err)
}

// settle takes turns until nothing is left to do now.
func (b *bench) settle() {
	b.t.Helper()
	for range 100 {
		t := b.turn()
		if len(t.Ops) == 0 && !t.List {
			return
		}
		for _, op := range t.Ops {
			b.do(op)
		}
		for _, st := range b.w.Advance(b.now) {
			b.c.Exited(b.now, st)
		}
		if t.List {
			b.list()
		}
	}
	b.t.Fatal("does not settle")
}

func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.now = b.now.Add(d)
	for _, st := range b.w.Advance(b.now) {
		b.c.Exited(b.now, st)
	}
	b.settle()
}

// took returns what was done since the last call.
func (b *bench) took() string {
	s := strings.Join(b.did, ", ")
	b.did = nil
	return s
}

func (b *bench) states() string {
	var s []string
	for _, st := range b.c.Status(b.now) {
		s = append(s, st.Name+"="+string(st.State))
	}
	return strings.Join(s, " ")
}

func (b *bench) expect(took, states string) {
	b.t.Helper()
	if got := b.took(); got != took {
		b.t.Errorf("took   %q\nwanted %q", got, took)
	}
	if got := b.states(); got != states {
		b.t.Errorf("states %q\nwanted %q", got, states)
	}
}

func (b *bench) running(docs ...string) {
	b.t.Helper()
	b.folder(docs...)
	b.list()
	b.settle()
	b.did = nil
}

func TestNothingIsDecidedBeforeBothSidesWereSeen(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	if n := len(b.turn().Ops); n != 0 {
		t.Errorf("%d steps without a listing", n)
	}
	b = newBench(t)
	b.list()
	if n := len(b.turn().Ops); n != 0 {
		t.Errorf("%d steps without the folder", n)
	}
}

func TestSavedBeforeDone(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	b.list()
	turn := b.turn()
	if len(turn.Ops) != 1 || len(turn.Put) != 1 || turn.Put[0].Op != "create" {
		t.Fatalf("turn %+v", turn)
	}
	b.do(turn.Ops[0])
	turn = b.turn()
	if len(turn.Put) != 1 || turn.Put[0].Op != "start" || !turn.Put[0].Ran {
		t.Fatalf("turn %+v", turn)
	}
}

func TestUnsavedTurnIsTakenBack(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	b.list()
	b.c.NotSaved(b.now, b.c.Next(b.now, 9))
	if turn := b.turn(); len(turn.Ops) != 0 {
		t.Fatalf("at once again: %+v", turn)
	}
	b.pass(time.Second)
	b.expect("create a, start a", "a=Running")
	if b.disk["a"].Name == "" {
		t.Error("never saved")
	}
}

func TestUnsavedExitIsCountedOnce(t *testing.T) {
	b := newBench(t)
	b.running("a: restart: {jitter: 0}")
	b.w.Kill(b.now, driver.Ref{Name: "a", Revision: b.c.Status(b.now)[0].Revision}, 1)
	for _, st := range b.w.Advance(b.now) {
		b.c.Exited(b.now, st)
	}
	b.c.NotSaved(b.now, b.c.Next(b.now, 9))
	b.pass(500 * time.Millisecond)
	if r := b.disk["a"]; r.Failures != 1 {
		t.Errorf("%d failures saved, want 1", r.Failures)
	}
}

// TestEachExitIsToldOnce covers a runtime that goes on showing an ended
// container, over daemons that die before and after they have counted its exit.
func TestEachExitIsToldOnce(t *testing.T) {
	b := newBench(t)
	const doc = "a: restart: {jitter: 0, initialDelay: 1m}"
	b.running(doc)
	b.w.Kill(b.now, driver.Ref{Name: "a", Revision: b.c.Status(b.now)[0].Revision}, 3)
	b.w.Advance(b.now)
	told := 0
	for range 3 {
		b.boot() // nobody has heard of it, or what was heard is lost
		b.list()
		if turn := b.c.Next(b.now, 9); len(turn.Events) != 0 { // the folder has not been read
			t.Errorf("told before it can be counted: %+v", turn.Events)
		}
	}
	for range 3 {
		b.boot()
		b.list()
		b.folder(doc)
		events := b.turn().Events
		if b.disk["a"].Failures == 0 && len(events) != 0 { // a call of the daemon before may still take effect
			t.Errorf("told before it can be counted: %+v", events)
		}
		b.now = b.now.Add(5 * time.Second)
		b.turn()
		b.list()
		for _, ev := range append(events, b.turn().Events...) {
			if ev.Kind == reconcile.Exited {
				told++
			}
		}
	}
	if told != 1 || b.disk["a"].Failures != 1 {
		t.Errorf("told %d times, counted %d times, want both once", told, b.disk["a"].Failures)
	}
}

func TestAfterACrashWhatWasUnderWayIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	b.list()
	b.turn() // create is saved, and the daemon dies
	b.boot()
	b.folder("a")
	b.list()
	if turn := b.turn(); len(turn.Ops) != 0 || turn.List {
		t.Fatalf("acts within the linger time: %+v", turn)
	}
	b.now = b.now.Add(5 * time.Second)
	if turn := b.turn(); len(turn.Ops) != 0 || !turn.List {
		t.Fatalf("wants no listing after it: %+v", turn)
	}
	b.list()
	b.settle()
	b.expect("create a, start a", "a=Running")
}

func TestOldListingDoesNotOverwriteNewerFacts(t *testing.T) {
	b := newBench(t)
	before := b.w.List(b.now)
	asked := b.now
	b.now = b.now.Add(time.Second)
	b.running("a")
	b.c.Have(asked, before)
	b.settle()
	b.expect("", "a=Running")
}

func TestLateExitOfAnEarlierRunIsIgnored(t *testing.T) {
	b := newBench(t)
	b.running("a: restart: {initialDelay: 0s}")
	st := b.c.Status(b.now)[0].Actual[0]
	b.now = b.now.Add(time.Second)
	b.w.Kill(b.now, st.Ref, 1)
	exits := b.w.Advance(b.now)
	b.c.Exited(b.now, exits[0])
	b.settle()
	b.expect("start a", "a=Running")
	b.c.Exited(b.now, exits[0])
	b.settle()
	b.expect("", "a=Running")
	if n := b.c.Status(b.now)[0].Restarts; n != 1 {
		t.Errorf("%d restarts, want 1", n)
	}
}

func TestExitDuringAStepIsNotLost(t *testing.T) {
	b := newBench(t)
	b.folder("a: restart: {jitter: 0}")
	b.list()
	b.do(b.turn().Ops[0])
	op := b.turn().Ops[0] // start
	if err := b.w.Apply(b.now, op.Action, op.Ref, op.Container); err != nil {
		t.Fatal(err)
	}
	look := b.look(op.Ref)
	b.w.Kill(b.now, op.Ref, 1)
	for _, st := range b.w.Advance(b.now) {
		b.c.Exited(b.now, st)
	}
	b.c.Done(b.now, op, look, nil) // the look was taken before the exit
	b.settle()
	b.expect("create a", "a=CrashLoopBackOff")
}

func TestFailedLookIsFollowedByAListing(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	b.list()
	op := b.turn().Ops[0]
	b.c.Done(b.now, op, reconcile.Look{}, errors.New("no answer"))
	b.now = b.now.Add(time.Hour)
	if turn := b.turn(); !turn.List || len(turn.Ops) != 0 {
		t.Fatalf("turn %+v", turn)
	}
	b.list()
	b.settle()
	b.expect("create a, start a", "a=Running")
}

func TestStepWithoutEffectIsRepeatedLater(t *testing.T) {
	b := newBench(t)
	b.folder("a")
	b.list()
	op := b.turn().Ops[0]
	b.c.Done(b.now, op, b.look(op.Ref), nil) // create said yes, and did nothing
	b.settle()
	b.expect("", "a=Failed")
	if s := b.c.Status(b.now)[0]; !strings.Contains(s.Message, "the container is gone") || s.NextTry.IsZero() {
		t.Errorf("%q, next try %v", s.Message, s.NextTry)
	}
	b.pass(time.Second)
	b.expect("create a, start a", "a=Running")
}

func TestBusyWorkersTakeTurns(t *testing.T) {
	b := newBench(t)
	b.folder("a", "b", "c")
	b.list()
	turn := b.c.Next(b.now, 2)
	if len(turn.Ops) != 2 {
		t.Fatalf("%d steps for 2 workers", len(turn.Ops))
	}
	if turn := b.c.Next(b.now, 0); len(turn.Ops) != 0 {
		t.Fatalf("steps for no worker: %+v", turn)
	}
	turn = b.c.Next(b.now, 1)
	if len(turn.Ops) != 1 || turn.Ops[0].Ref.Name != "c" {
		t.Fatalf("turn %+v", turn)
	}
}

func TestRenamedFileAndFreeEditAreNoStep(t *testing.T) {
	b := newBench(t)
	b.running("a")
	b.folder("a: restartPolicy: OnFailure, terminationGracePeriodSeconds: 5, restart: {maxRestarts: 7}")
	b.settle()
	b.expect("", "a=Running")
}

func TestDependencies(t *testing.T) {
	b := newBench(t)
	b.running()
	b.folder("db", "job: restartPolicy: OnFailure", "web: dependsOn: [{name: db, condition: Ready}, {name: job, condition: Completed}]")
	b.settle()
	b.expect("create db, create job, start db, start job", "db=Running job=Running web=Waiting")
	job := b.c.Status(b.now)[1].Actual[0].Ref
	b.w.Kill(b.now, job, 0)
	b.pass(0)
	b.expect("create web, start web", "db=Running job=Completed web=Running")

	// A dependency that restarts takes nobody with it.
	b.w.Kill(b.now, b.c.Status(b.now)[0].Actual[0].Ref, 1)
	b.pass(0)
	b.expect("", "db=CrashLoopBackOff job=Completed web=Running")
	b.pass(2 * time.Second)
	b.expect("start db", "db=Running job=Completed web=Running")

	// All go: dependents first.
	b.folder("x")
	b.settle()
	b.c.ConfirmPrune(b.now, "me")
	b.settle()
	took := strings.Split(b.took(), ", ")
	if slices.Index(took, "shutdown db") < slices.Index(took, "shutdown web") {
		t.Errorf("db stops before web: %v", took)
	}
}

func TestRingOfLeavingContainersDoesNotWaitForItself(t *testing.T) {
	b := newBench(t)
	b.running("a", "b: dependsOn: [{name: a}]")
	b.folder("a: dependsOn: [{name: b}]", "b: dependsOn: [{name: a}]")
	b.settle()
	b.folder()
	b.settle()
	b.expect("shutdown a, shutdown b, remove a, remove b", "")
}
