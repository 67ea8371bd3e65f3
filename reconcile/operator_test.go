package reconcile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) status(name string) reconcile.ContainerStatus {
	b.t.Helper()
	for _, st := range b.c.Status(b.now) {
		if st.Name == name {
			return st
		}
	}
	b.t.Fatalf("%s is not shown", name)
	return reconcile.ContainerStatus{}
}

func TestRestartLeavesDependentsAlone(t *testing.T) {
	b := newBench(t)
	b.running("db", "web: dependsOn: [{name: db, condition: Ready}]")
	b.took()
	b.must(b.c.Restart(b.now, "db", "me"))
	b.settle()
	b.expect("shutdown db, start db", "db=Running web=Running")
	st := b.status("db")
	if st.Failures != 0 || st.LastExit == nil || !st.LastExit.Asked || st.LastExit.Started.IsZero() || st.LastExit.Reason != "OperatorRestart" {
		t.Errorf("after a restart: %d failures, last exit %+v", st.Failures, st.LastExit)
	}
	b.pass(time.Hour)
	b.expect("", "db=Running web=Running")
}

func TestRestartIsFinishedAfterACrashAndDoneOnce(t *testing.T) {
	b := newBench(t)
	b.w.SetBehaviour("web", fake.Behaviour{ShutdownTakes: 10 * time.Second})
	b.running("web")
	b.took()
	b.must(b.c.Restart(b.now, "web", "me"))
	b.settle()
	b.expect("shutdown web", "web=Stopping")
	b.boot() // the daemon died while the container was ending
	b.running("web")
	b.pass(10 * time.Second)
	b.expect("start web", "web=Running")
	b.boot()
	b.running("web")
	b.pass(time.Hour)
	b.expect("", "web=Running")
}

func TestRestartWhileACallIsUnderWayIsWrittenAtOnce(t *testing.T) {
	b := newBench(t)
	b.running("web: logs: {maxFiles: 5}")
	b.took()
	b.folder("web: logs: {maxFiles: 6}")
	under := b.turn()
	if len(under.Ops) != 1 || under.Ops[0].Action != driver.Update {
		t.Fatalf("the turn has %+v", under.Ops)
	}
	b.must(b.c.Restart(b.now, "web", "me"))
	b.turn()
	if r := b.disk["web"]; r.Ask != statedb.AskRestart || r.Op != string(driver.Update) {
		t.Errorf("on disk: asked %q, under way %q", r.Ask, r.Op)
	}
	b.do(under.Ops[0])
	b.settle()
	b.expect("update web, shutdown web, start web", "web=Running")
}

func TestRestartThatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.running("web: logs: {maxFiles: 5}")
	b.folder("web: logs: {maxFiles: 6}")
	under := b.turn()
	b.must(b.c.Hold(b.now, "web", reconcile.HoldRequest{By: "me"}))
	lost := b.c.Next(b.now, 1)
	if len(lost.Put) != 1 {
		t.Fatalf("%d records to write, want 1", len(lost.Put))
	}
	b.c.NotSaved(b.now, lost)
	b.now = b.now.Add(time.Second)
	b.turn()
	if b.disk["web"].Hold == nil {
		t.Error("the hold was not written again")
	}
	b.do(under.Ops[0])
}

func TestWishInQuarantineKeepsWhatWasUnderWay(t *testing.T) {
	b := newBench(t)
	b.running("web")
	r := b.disk["web"]
	r.Op = string(driver.Start)
	b.disk["web"] = r
	b.boot()
	b.folder("web")
	b.list()
	b.turn()
	b.must(b.c.Hold(b.now, "web", reconcile.HoldRequest{By: "me"}))
	b.turn()
	if r := b.disk["web"]; r.Hold == nil || r.Op != string(driver.Start) {
		t.Errorf("on disk: hold %v, under way %q", r.Hold, r.Op)
	}
}

func TestHold(t *testing.T) {
	b := newBench(t)
	b.running("web", "db")
	b.took()
	b.must(b.c.Hold(b.now, "web", reconcile.HoldRequest{Until: b.now.Add(2 * time.Hour), Reason: "debugging", By: "me"}))
	b.settle()
	st := b.status("web")
	if !st.Ready || !st.Settled || st.State != reconcile.StateHeld || st.Message != "held for another 2h0m0s, by me: debugging" {
		t.Errorf("held: ready %v, settled %v, %s: %s", st.Ready, st.Settled, st.State, st.Message)
	}
	b.w.Kill(b.now, driver.Ref{Name: "web", Revision: st.Revision}, 3)
	b.pass(time.Hour)
	b.expect("", "db=Running web=Held")
	st = b.status("web")
	if st.Ready || st.LastExit == nil || *st.LastExit.Code != 3 || !strings.HasPrefix(st.Message, "held for another 1h0m0s") {
		t.Errorf("held and ended: ready %v, exit %+v, %s", st.Ready, st.LastExit, st.Message)
	}
	b.boot()
	b.folder("db") // the manifest goes, and the hold is stronger
	b.list()
	b.pass(10 * time.Second)
	b.expect("", "db=Running web=Held")
	b.folder("db", "web")
	b.settle()
	b.expect("", "db=Running web=Held")
	b.pass(time.Hour)
	b.expect("start web", "db=Running web=Running")
}

func TestReleaseEndsAHold(t *testing.T) {
	b := newBench(t)
	b.running("web")
	b.took()
	b.must(b.c.Hold(b.now, "web", reconcile.HoldRequest{By: "me"}))
	b.folder("web: image: x")
	b.settle()
	b.pass(1000 * time.Hour)
	b.expect("", "web=Held")
	b.must(b.c.Release(b.now, "web", "me"))
	b.settle()
	b.expect("shutdown web, remove web, create web, start web", "web=Running")
}

func TestRetryStartsWhatGaveUp(t *testing.T) {
	b := newBench(t)
	b.w.SetBehaviour("web", fake.Behaviour{RunFor: time.Second, ExitCode: 1})
	b.running("web: restart: {maxRestarts: 1, jitter: 0}")
	b.pass(time.Second)
	b.pass(time.Second)
	b.pass(time.Second)
	b.took()
	b.expect("", "web=GaveUp")
	b.must(b.c.Retry(b.now, "web", "me"))
	b.settle()
	b.expect("start web", "web=Running")
	if r := b.disk["web"]; r.Ask != "" {
		t.Errorf("%q is still asked for", r.Ask)
	}
}

func TestWhatAnOperatorCannotHave(t *testing.T) {
	b := newBench(t)
	b.running("web", "rest: desiredState: Stopped", "kept")
	b.must(b.c.Hold(b.now, "kept", reconcile.HoldRequest{}))
	b.settle()
	for _, tt := range []struct {
		err  error
		is   error
		text string
	}{
		{b.c.Restart(b.now, "nobody", "me"), reconcile.ErrNoContainer, `restart "nobody": no such container`},
		{b.c.Restart(b.now, "rest", "me"), reconcile.ErrRefused, "restart rest: its manifest wants it stopped (desiredState: Stopped)"},
		{b.c.Retry(b.now, "kept", "me"), reconcile.ErrRefused, "retry kept: it is held; release it first"},
		{b.c.Release(b.now, "web", "me"), reconcile.ErrRefused, "release web: it is not held"},
		{b.c.Hold(b.now, "web", reconcile.HoldRequest{Until: b.now}), reconcile.ErrRefused, "hold web: 2026-01-01T12:00:00Z is over already"},
		{b.c.Hold(b.now, "web", reconcile.HoldRequest{Reason: strings.Repeat("x", 501)}), reconcile.ErrRefused, "hold web: the reason is longer than 500 bytes"},
	} {
		if !errors.Is(tt.err, tt.is) || tt.err.Error() != tt.text {
			t.Errorf("got %v, want %s", tt.err, tt.text)
		}
	}
}

func TestOperatorsLeaveEvents(t *testing.T) {
	b := newBench(t)
	b.running("web")
	b.must(b.c.Hold(b.now, "web", reconcile.HoldRequest{Until: b.now.Add(time.Minute), By: "me"}))
	var got []string
	for range 2 {
		for _, ev := range b.turn().Events {
			if ev.Kind == reconcile.Asked {
				got = append(got, string(ev.Reason)+": "+ev.Message)
			}
			if ev.Warning {
				t.Errorf("a hold is no warning: %+v", ev)
			}
		}
		b.now = b.now.Add(time.Minute)
	}
	want := "OperatorHold: held for another 1m0s, by me; HoldExpired: the hold is over"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
}

func TestConditions(t *testing.T) {
	b := newBench(t)
	b.running("web: dependsOn: [{name: db}]", "db: desiredState: Stopped")
	show := func(name string) string {
		var s []string
		for _, c := range b.status(name).Conditions {
			is := string(c.Reason)
			if c.Status {
				is = "yes"
			}
			s = append(s, string(c.Type)+"="+is)
			if c.Since.IsZero() {
				t.Errorf("%s: %s has no since", name, c.Type)
			}
		}
		return strings.Join(s, " ")
	}
	if got, want := show("web"), "Valid=yes Created=DependencyNotMet Started=DependencyNotMet Ready=DependencyNotMet Settled=yes"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.folder("web: dependsOn: [{name: db}]", "db")
	b.settle()
	if got, want := show("web"), "Valid=yes Created=yes Started=yes Ready=yes Settled=yes"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
