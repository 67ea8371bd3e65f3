package fake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
)

func TestForgetfulWorldLosesStoppedContainers(t *testing.T) {
	s := newStage(t, fake.Options{Forgetful: true, ForgetAfter: time.Minute})
	s.SetBehaviour("web", fake.Behaviour{RunFor: time.Second, ExitCode: 4})
	s.run(web)
	s.pass(time.Second)
	s.wantState(web, driver.Stopped)
	s.pass(time.Minute)
	s.wantState(web, "")
	if exits := s.Advance(s.now); len(exits) != 1 || exits[0].Exit.Code != 4 {
		t.Errorf("exits %+v, want the one with code 4 all the same", exits)
	}
	s.try(driver.Create, web, nil) // the place is free again
}

func TestForgettingIsCancelledByStart(t *testing.T) {
	s := newStage(t, fake.Options{Forgetful: true, ForgetAfter: time.Minute})
	s.run(web)
	s.Kill(s.now, web, 1)
	s.try(driver.Start, web, nil)
	s.pass(time.Hour)
	s.wantState(web, driver.Running)
}

func TestForgettingAtOnce(t *testing.T) {
	s := newStage(t, fake.Options{Forgetful: true})
	s.run(web)
	s.try(driver.Terminate, web, driver.ErrPending)
	s.wantState(web, "")
}

func TestReleaseForgetsStoppedOnly(t *testing.T) {
	for _, forgetful := range []bool{true, false} {
		t.Run(fmt.Sprintf("forgetful=%v", forgetful), func(t *testing.T) {
			s := newStage(t, fake.Options{Forgetful: forgetful, ForgetAfter: time.Hour})
			s.run(web)
			s.run(next)
			s.Kill(s.now, web, 1)
			theirs := s.As("docker")
			s.runAs(theirs, web)
			theirs.Kill(s.now, web, 1)
			s.Release(s.now)
			if _, err := theirs.Inspect(s.now, web); err != nil {
				t.Errorf("our release took another owner's container: %v", err)
			}
			if forgetful {
				s.wantState(web, "")
			} else {
				s.wantState(web, driver.Stopped)
			}
			s.wantState(next, driver.Running)
		})
	}
}

func TestForgettingIsEnteredWhenItHappens(t *testing.T) {
	s := newStage(t, fake.Options{Forgetful: true, ForgetAfter: time.Minute})
	s.run(web)
	s.Kill(s.now, web, 1)
	s.pass(time.Hour)
	s.wantState(web, "")
	journal := s.Journal()
	last := journal[len(journal)-1]
	if want := (fake.Entry{At: epoch.Add(time.Minute), Owner: "us", Verb: "forget", Ref: web}); last != want {
		t.Errorf("last entry %v, want %v", last, want)
	}
}

func TestRebootTakesEverything(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.run(web)
	first := s.wantState(web, driver.Running)
	s.runAs(s.As("docker"), web)
	s.Kill(s.now, web, 1)
	s.Reboot(s.now)
	if diff := cmp.Diff(driver.Listing{}, s.List(s.now)); diff != "" {
		t.Errorf("after the reboot (-want +got):\n%s", diff)
	}
	if exits := s.Advance(s.now); exits != nil {
		t.Errorf("exits outlive the reboot: %+v", exits)
	}
	if at := s.NextEvent(); !at.IsZero() {
		t.Errorf("an event is due at %v in an empty world", at)
	}
	s.pass(time.Second)
	s.run(web)
	if st := s.wantState(web, driver.Running); st.PID != first.PID || st.Started.Equal(first.Started) {
		t.Errorf("after the reboot %+v, want the process id of %+v with another start", st, first)
	}
}

func TestExitsOfOneInstantKeepTheirOrder(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.SetBehaviour("web", fake.Behaviour{RunFor: time.Second})
	s.run(next)
	s.run(web)
	s.pass(time.Second)
	var got []driver.Ref
	for _, st := range s.Advance(s.now) {
		got = append(got, st.Ref)
	}
	if diff := cmp.Diff([]driver.Ref{next, web}, got); diff != "" {
		t.Errorf("exits (-want +got):\n%s", diff)
	}
}

func TestVanishLeavesNoExit(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.run(web)
	if !s.Vanish(s.now, web) || s.Vanish(s.now, web) {
		t.Error("Vanish must be true once, then false")
	}
	s.wantState(web, "")
	if exits := s.Advance(s.now); exits != nil {
		t.Errorf("exits %+v, want none", exits)
	}
}

func TestTwoRevisionsAreTwoContainers(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.run(web)
	s.run(next)
	s.try(driver.Terminate, web, driver.ErrPending)
	s.try(driver.Remove, web, nil)
	if n := s.MaxCopies("web"); n != 2 {
		t.Errorf("%d copies at most, want 2", n)
	}
	s.wantState(web, "")
	s.wantState(next, driver.Running)
	s.Kill(s.now, next, 1)
	s.run(web)
	if n := s.MaxCopies("web"); n != 2 {
		t.Errorf("%d copies at most after one ran alone, want 2 still", n)
	}
	if n := s.Starts(web); n != 2 {
		t.Errorf("%d starts over two lives, want 2", n)
	}
}

func TestJournalTellsWhatHappened(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.run(web)
	s.try(driver.Start, web, driver.ErrRunning)
	s.pass(time.Second)
	s.Kill(s.now, web, 1)
	var got []string
	for _, e := range s.Journal() {
		got = append(got, e.String())
	}
	want := []string{
		"08:00:00.000 create us/web@1-aa",
		"08:00:00.000 start us/web@1-aa",
		"08:00:00.000 start us/web@1-aa: container is running",
		"08:00:01.000 exit us/web@1-aa",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

func TestStatsNeedAProcess(t *testing.T) {
	s := newStage(t, fake.Options{})
	if _, err := s.Stats(s.now, web); err != driver.ErrNotFound {
		t.Errorf("stats of nothing: %v", err)
	}
	s.try(driver.Create, web, nil)
	if _, err := s.Stats(s.now, web); err != driver.ErrNotRunning {
		t.Errorf("stats of a created container: %v", err)
	}
	s.try(driver.Start, web, nil)
	s.pass(100 * time.Second)
	if st, err := s.Stats(s.now, web); err != nil || *st.CPU != time.Second {
		t.Errorf("stats %+v, error %v; want a second of processor time", st, err)
	}
}

// TestAnyHistoryIsSoundAndRepeatable drives two equal worlds through the same
// random history: every step leaves a sound world, and both tell the same.
func TestAnyHistoryIsSoundAndRepeatable(t *testing.T) {
	refs := []driver.Ref{web, next, {Name: "db", Revision: "1-cc"}}
	rapid.Check(t, func(t *rapid.T) {
		o := fake.Options{
			Owner: "us", Forgetful: rapid.Bool().Draw(t, "forgetful"),
			ForgetAfter: time.Duration(rapid.IntRange(0, 5).Draw(t, "after")) * time.Second,
		}
		a, b := fake.NewWorld(o), fake.NewWorld(o)
		now := epoch
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * time.Second)
			step := drawStep(t, refs)
			for _, w := range []*fake.World{a, b} {
				step(w, now)
				w.List(now) // tells the time, which not every step does
			}
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
			if at := a.NextEvent(); !at.IsZero() && at.Before(now) {
				t.Fatalf("the next event, %v, is in the past of %v", at, now)
			}
		}
		if diff := cmp.Diff(fmt.Sprint(a.Journal(), a.List(now)), fmt.Sprint(b.Journal(), b.List(now))); diff != "" {
			t.Fatalf("two equal worlds differ:\n%s", diff)
		}
	})
}

func drawStep(t *rapid.T, refs []driver.Ref) func(*fake.World, time.Time) {
	r := rapid.SampledFrom(refs).Draw(t, "ref")
	verb := rapid.SampledFrom(append([]driver.Action{"kill", "vanish", "reboot", "release", "behave"}, driver.Actions...)).Draw(t, "verb")
	b := fake.Behaviour{
		RunFor:        time.Duration(rapid.IntRange(0, 9).Draw(t, "run")) * time.Second,
		ShutdownTakes: time.Duration(rapid.IntRange(0, 9).Draw(t, "stop")) * time.Second, CanPause: true,
	}
	return func(w *fake.World, now time.Time) {
		switch verb {
		case "kill":
			w.Kill(now, r, 1)
		case "vanish":
			w.Vanish(now, r)
		case "reboot":
			w.Reboot(now)
		case "release":
			w.Release(now)
		case "behave":
			w.SetBehaviour(r.Name, b)
		default:
			_ = w.Apply(now, verb, r, container(r)) // refusals are part of the history
		}
	}
}
