package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func behave(b map[string]fake.Behaviour) fake.Options {
	return fake.Options{Behave: func(c *manifest.Container, _ int) fake.Behaviour { return b[c.Name()] }}
}

func (r *rig) starts(c *manifest.Container) (n int) {
	r.host.Do(func(w *fake.World, _ time.Time) {
		n = w.Starts(driver.Ref{Name: c.Name(), Revision: c.Revision})
	})
	return n
}

func (r *rig) pid(name string) int {
	for _, c := range r.view().Containers {
		if c.Name == name {
			return c.PID
		}
	}
	return 0
}

func TestNextDaemonAdoptsWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		cs := parse(t, "web:", "db:")
		r.start(fake.Config{})
		r.ask(cs...)
		synctest.Wait()
		pid := r.pid("web")
		r.stop()

		time.Sleep(time.Hour)
		r.start(fake.Config{Linger: time.Second})
		r.ask(cs...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.states(), "db=Running web=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		if r.pid("web") != pid || r.starts(cs[0]) != 1 {
			t.Errorf("pid %d, %d starts; want %d and 1", r.pid("web"), r.starts(cs[0]), pid)
		}
	})
}

func TestCrashLoopBacksOffAndTheCountSurvivesTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, behave(map[string]fake.Behaviour{"web": {RunFor: time.Second, ExitCode: 1}}))
		cs := parse(t, "web: restart: {jitter: 0, maxDelay: 8s}")
		r.start(fake.Config{})
		r.ask(cs...)
		// Runs of 1 s, delays of 1, 2, 4, 8, 8 … seconds: starts at 0, 2, 5, 10, 19, 28.
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if n := r.starts(cs[0]); n != 3 {
			t.Fatalf("%d starts after 9 s, want 3", n)
		}
		if s := r.states(); s != "web=CrashLoopBackOff" {
			t.Fatalf("states %q", s)
		}
		r.stop()
		r.start(fake.Config{})
		r.ask(cs...)
		time.Sleep(9 * time.Second) // 18 s: the start of 10 s was taken, that of 19 s was not
		synctest.Wait()
		if n := r.starts(cs[0]); n != 4 {
			t.Errorf("%d starts after 18 s, want 4", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := r.starts(cs[0]); n != 5 {
			t.Errorf("%d starts after 20 s, want 5", n)
		}
	})
}

func TestFirstCrashWaitsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, behave(map[string]fake.Behaviour{"web": {RunFor: time.Second}}))
		cs := parse(t, "web: restart: {jitter: 0, initialDelay: 3s, maxDelay: 3s}")
		r.start(fake.Config{})
		r.ask(cs...)
		time.Sleep(3900 * time.Millisecond)
		synctest.Wait()
		if n := r.starts(cs[0]); n != 1 {
			t.Errorf("%d starts after 3.9 s, want 1", n)
		}
	})
}

func TestHungCallHoldsBackNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		f := fake.NewFaults(1, fake.Rates{})
		f.Script(driver.Start, "bad", 1, fake.Fault{Hang: true})
		r.start(fake.Config{Faults: f}, func(c *engine.Config) { c.Workers, c.Timeout = 1, time.Minute })
		r.ask(parse(t, "bad:", "good:")...)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s := r.states(); !strings.HasPrefix(s, "bad=Starting") {
			t.Errorf("before the deadline: %q", s)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, want := r.states(), "bad=Running good=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
	})
}

func TestFailingStoreTakesNoStepAndHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		flaky := &switchStore{Store: statedb.NewMem()}
		r.store = flaky
		r.start(fake.Config{})
		cs := parse(t, "web:")
		r.ask(cs...)
		synctest.Wait()
		flaky.full.Store(true)
		r.ask(parse(t, "web:", "db:")...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.journal(), "create web, start web"; got != want {
			t.Errorf("journal %q, want %q", got, want)
		}
		if v := r.view(); v.SaveError != "disk full" {
			t.Errorf("save error %q", v.SaveError)
		}
		flaky.full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.states(), "db=Running web=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
	})
}

// switchStore fails while it is full.
type switchStore struct {
	statedb.Store
	full atomic.Bool
}

func (s *switchStore) Save(b statedb.Batch) error {
	if s.full.Load() {
		return errors.New("disk full")
	}
	return s.Store.Save(b)
}

func TestUnlistableRuntimeIsUnknownNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		cs := parse(t, "web:")
		r.start(fake.Config{})
		r.ask(cs...)
		synctest.Wait()
		r.stop()

		f := fake.NewFaults(1, fake.Rates{})
		for n := 1; n <= 20; n++ {
			f.Script(fake.List, "", n, fake.Fault{Err: fake.ErrDenied, NoEffect: true})
		}
		r.start(fake.Config{Faults: f})
		r.ask(cs...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := r.view(); v.Started || v.ListError == "" {
			t.Errorf("started %v, list error %q", v.Started, v.ListError)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.starts(cs[0]) != 1 || r.states() != "web=Running" {
			t.Errorf("%d starts, states %q", r.starts(cs[0]), r.states())
		}
	})
}

func TestStopOnExitStopsDependentsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, behave(map[string]fake.Behaviour{"web": {ShutdownTakes: 5 * time.Second}}))
		r.start(fake.Config{}, func(c *engine.Config) { c.StopOnExit = true })
		r.ask(parse(t, "db:", "web: dependsOn: [{name: db}]")...)
		synctest.Wait()
		r.stop()
		if got := r.journal(); !strings.Contains(got, "start web, shutdown web, exit web, ") || strings.Index(got, "shutdown db") < strings.Index(got, "exit web") {
			t.Errorf("journal %q", got)
		}
	})
}

func TestPruneBrakeHoldsUntilConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{})
		cs := parse(t, "a:", "b:", "c:", "d:")
		r.ask(cs...)
		synctest.Wait()
		r.ask(cs[0])
		time.Sleep(time.Hour)
		synctest.Wait()
		if got, want := r.states(), "a=Running b=PruneBlocked c=PruneBlocked d=PruneBlocked"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		names, err := r.eng.ConfirmPrune(t.Context(), "me")
		if err != nil || strings.Join(names, " ") != "b c d" {
			t.Errorf("confirmed %v, %v", names, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.states(), "a=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
	})
}

func TestFolderInDoubtRemovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{})
		r.ask(parse(t, "a:", "b:")...)
		synctest.Wait()
		r.want <- folder.Update{Full: true, Doubt: "manifests: no such folder"}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got, want := r.states(), "a=Held b=Held"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		r.ask(parse(t, "b:")...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.states(), "b=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
	})
}

func TestPanickingDriverIsAnErrorOfOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{}, func(c *engine.Config) { c.Driver = panicky{c.Driver} })
		r.ask(parse(t, "bad:", "good:")...)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got, want := r.states(), "bad=Failed good=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
	})
}

type panicky struct{ driver.Driver }

func (p panicky) Start(ctx context.Context, c *manifest.Container) error {
	if c.Name() == "bad" {
		panic("boom")
	}
	return p.Driver.Start(ctx, c)
}

func TestAskingAnEndedEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{})
		r.stop()
		if _, err := r.eng.View(t.Context()); !errors.Is(err, engine.ErrStopped) {
			t.Errorf("view: %v", err)
		}
	})
}

func TestEverySeenStepHasAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, behave(map[string]fake.Behaviour{"web": {RunFor: time.Minute, ExitCode: 3}}))
		r.start(fake.Config{})
		r.ask(parse(t, "web:", "db:")...)
		time.Sleep(time.Hour)
		r.ask(parse(t, "web: workingDir: /x")...)
		time.Sleep(time.Hour)
		synctest.Wait()
		for _, ev := range r.seen {
			if ev.Kind != reconcile.Exited && ev.Reason == "" {
				t.Errorf("no reason: %+v", ev)
			}
		}
		h, err := r.store.History("web", 1000)
		if err != nil || len(h) == 0 {
			t.Errorf("history: %d entries, %v", len(h), err)
		}
	})
}
