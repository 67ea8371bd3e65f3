package fake_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

var (
	epoch = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	web   = driver.Ref{Name: "web", Revision: "1-aa"}
	next  = driver.Ref{Name: "web", Revision: "1-bb"}
)

func container(r driver.Ref) *manifest.Container {
	return &manifest.Container{Metadata: manifest.Metadata{Name: r.Name}, Revision: r.Revision}
}

// stage is a world with its time.
type stage struct {
	*fake.World
	t   *testing.T
	now time.Time
}

// newStage checks the world after the test, whatever it did.
func newStage(t *testing.T, o fake.Options) *stage {
	if o.Owner == "" {
		o.Owner = "us"
	}
	s := &stage{World: fake.NewWorld(o), t: t, now: epoch}
	t.Cleanup(func() {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) pass(d time.Duration) { s.now = s.now.Add(d) }

// try applies a and expects want.
func (s *stage) try(a driver.Action, r driver.Ref, want error) {
	s.t.Helper()
	if err := s.Apply(s.now, a, r, container(r)); !errors.Is(err, want) {
		s.t.Fatalf("%s %s at +%v: got error %v, want %v", a, r, s.now.Sub(epoch), err, want)
	}
}

func (s *stage) run(r driver.Ref) {
	s.t.Helper()
	s.try(driver.Create, r, nil)
	s.try(driver.Start, r, nil)
}

// runAs creates and starts r as the owner of w.
func (s *stage) runAs(w *fake.World, r driver.Ref) {
	s.t.Helper()
	for _, a := range []driver.Action{driver.Create, driver.Start} {
		if err := w.Apply(s.now, a, r, container(r)); err != nil {
			s.t.Fatalf("%s %s by another owner: %v", a, r, err)
		}
	}
}

// wantState expects r in state; "" is gone.
func (s *stage) wantState(r driver.Ref, want driver.State) driver.Status {
	s.t.Helper()
	st, err := s.Inspect(s.now, r)
	if want == "" && !errors.Is(err, driver.ErrNotFound) || want != "" && err != nil || st.State != want {
		s.t.Fatalf("%s at +%v: got %+v, error %v; want %q", r, s.now.Sub(epoch), st, err, want)
	}
	return st
}

func TestVerbsInEveryState(t *testing.T) {
	reach := map[driver.State]func(*stage){
		"":             func(*stage) {},
		driver.Created: func(s *stage) { s.try(driver.Create, web, nil) },
		driver.Running: func(s *stage) { s.run(web) },
		driver.Paused:  func(s *stage) { s.run(web); s.try(driver.Pause, web, nil) },
		driver.Stopped: func(s *stage) { s.run(web); s.Kill(s.now, web, 3) },
	}
	type outcome struct {
		err   error
		state driver.State
	}
	tests := map[driver.State]map[driver.Action]outcome{
		"": {
			driver.Create: {nil, driver.Created}, driver.Start: {driver.ErrNotFound, ""},
			driver.Shutdown: {driver.ErrNotFound, ""}, driver.Terminate: {driver.ErrNotFound, ""},
			driver.Remove: {driver.ErrNotFound, ""}, driver.Pause: {driver.ErrNotFound, ""},
			driver.Resume: {driver.ErrNotFound, ""}, driver.Update: {driver.ErrNotFound, ""},
		},
		driver.Created: {
			driver.Create: {driver.ErrExists, driver.Created}, driver.Start: {nil, driver.Running},
			driver.Shutdown: {driver.ErrNotRunning, driver.Created}, driver.Terminate: {driver.ErrNotRunning, driver.Created},
			driver.Remove: {nil, ""}, driver.Pause: {driver.ErrNotRunning, driver.Created},
			driver.Resume: {driver.ErrNotRunning, driver.Created}, driver.Update: {driver.ErrNotRunning, driver.Created},
		},
		driver.Running: {
			driver.Create: {driver.ErrExists, driver.Running}, driver.Start: {driver.ErrRunning, driver.Running},
			driver.Shutdown: {driver.ErrPending, driver.Stopped}, driver.Terminate: {driver.ErrPending, driver.Stopped},
			driver.Remove: {driver.ErrRunning, driver.Running}, driver.Pause: {nil, driver.Paused},
			driver.Resume: {nil, driver.Running}, driver.Update: {nil, driver.Running},
		},
		driver.Paused: {
			driver.Create: {driver.ErrExists, driver.Paused}, driver.Start: {driver.ErrRunning, driver.Paused},
			driver.Shutdown: {driver.ErrPending, driver.Paused}, driver.Terminate: {driver.ErrPending, driver.Stopped},
			driver.Remove: {driver.ErrRunning, driver.Paused}, driver.Pause: {nil, driver.Paused},
			driver.Resume: {nil, driver.Running}, driver.Update: {nil, driver.Paused},
		},
		driver.Stopped: {
			driver.Create: {driver.ErrExists, driver.Stopped}, driver.Start: {nil, driver.Running},
			driver.Shutdown: {driver.ErrNotRunning, driver.Stopped}, driver.Terminate: {driver.ErrNotRunning, driver.Stopped},
			driver.Remove: {nil, ""}, driver.Pause: {driver.ErrNotRunning, driver.Stopped},
			driver.Resume: {driver.ErrNotRunning, driver.Stopped}, driver.Update: {driver.ErrNotRunning, driver.Stopped},
		},
	}
	for from, verbs := range tests {
		for _, a := range driver.Actions {
			t.Run(string(from)+"/"+string(a), func(t *testing.T) {
				s := newStage(t, fake.Options{})
				s.SetBehaviour("web", fake.Behaviour{CanPause: true})
				reach[from](s)
				want, ok := verbs[a]
				if !ok {
					t.Fatal("no expectation for this verb")
				}
				if err := s.Apply(s.now, a, web, container(web)); !errors.Is(err, want.err) || (err == nil) != (want.err == nil) {
					t.Errorf("got error %v, want %v", err, want.err)
				}
				s.wantState(web, want.state)
			})
		}
	}
}

func TestProcessEndsByItself(t *testing.T) {
	s := newStage(t, fake.Options{Behave: func(_ *manifest.Container, run int) fake.Behaviour {
		return fake.Behaviour{RunFor: time.Duration(run) * time.Second, ExitCode: uint32(run)}
	}})
	s.run(web)
	first := s.wantState(web, driver.Running)
	if at := s.NextEvent(); !at.Equal(epoch.Add(time.Second)) {
		t.Errorf("next event at %v, want in a second", at)
	}
	s.pass(time.Second - 1)
	s.wantState(web, driver.Running)
	s.pass(1)
	want := []driver.Status{{Ref: web, State: driver.Stopped, Started: epoch, Exit: driver.Exit{Code: 1, Known: true, At: s.now}}}
	if diff := cmp.Diff(want, s.Advance(s.now)); diff != "" {
		t.Errorf("exits (-want +got):\n%s", diff)
	}
	if again := s.Advance(s.now); again != nil {
		t.Errorf("the same exit is told again: %+v", again)
	}
	s.try(driver.Start, web, nil)
	if second := s.wantState(web, driver.Running); second.PID == first.PID || second.Started.Equal(first.Started) {
		t.Errorf("second run %+v looks like the first %+v", second, first)
	}
	s.pass(time.Hour)
	if st := s.wantState(web, driver.Stopped); st.Exit.Code != 2 || !st.Exit.At.Equal(epoch.Add(3*time.Second)) {
		t.Errorf("second exit %+v, want code 2 two seconds after the start", st.Exit)
	}
	if n := s.Starts(web); n != 2 {
		t.Errorf("%d starts counted, want 2", n)
	}
}

func TestShutdownOnlyAsks(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.SetBehaviour("web", fake.Behaviour{ShutdownTakes: 5 * time.Second, ShutdownCode: 9})
	s.run(web)
	s.try(driver.Shutdown, web, driver.ErrPending)
	s.wantState(web, driver.Running)
	s.pass(4 * time.Second)
	s.try(driver.Shutdown, web, driver.ErrPending) // asking again does not put it off
	s.wantState(web, driver.Running)
	s.pass(time.Second)
	if st := s.wantState(web, driver.Stopped); st.Exit.Code != 9 {
		t.Errorf("exit %+v, want code 9", st.Exit)
	}
}

func TestTerminateAfterIgnoredShutdown(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.SetBehaviour("web", fake.Behaviour{IgnoresShutdown: true, TerminateTakes: time.Second})
	s.run(web)
	s.try(driver.Shutdown, web, driver.ErrPending)
	s.pass(time.Hour)
	s.try(driver.Terminate, web, driver.ErrPending)
	s.wantState(web, driver.Running)
	s.pass(time.Second)
	if st := s.wantState(web, driver.Stopped); st.Exit.Code != fake.KilledCode {
		t.Errorf("exit %+v, want code %d", st.Exit, fake.KilledCode)
	}
}

func TestPauseStopsTheProcessTime(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.SetBehaviour("web", fake.Behaviour{RunFor: 10 * time.Second, CanPause: true, ShutdownTakes: time.Second})
	s.run(web)
	s.pass(4 * time.Second)
	s.try(driver.Pause, web, nil)
	s.pass(time.Hour)
	s.wantState(web, driver.Paused)
	s.try(driver.Resume, web, nil)
	s.pass(6*time.Second - 1)
	s.wantState(web, driver.Running)
	s.try(driver.Pause, web, nil)
	s.try(driver.Shutdown, web, driver.ErrPending) // heard only once it is thawed
	s.pass(time.Hour)
	s.wantState(web, driver.Paused)
	s.try(driver.Resume, web, nil)
	s.pass(1)
	s.wantState(web, driver.Stopped)
}

func TestPauseMayBeUnsupported(t *testing.T) {
	s := newStage(t, fake.Options{})
	s.run(web)
	s.try(driver.Pause, web, driver.ErrUnsupported)
	s.try(driver.Resume, web, driver.ErrUnsupported)
}

func TestOwnersDoNotMeet(t *testing.T) {
	s := newStage(t, fake.Options{})
	theirs := s.As("docker")
	s.run(web)
	if err := theirs.Apply(s.now, driver.Create, web, container(web)); err != nil {
		t.Fatalf("create by another owner: %v", err)
	}
	if err := theirs.Apply(s.now, driver.Remove, web, nil); err != nil {
		t.Fatalf("remove by another owner: %v", err)
	}
	s.wantState(web, driver.Running)
	want := driver.Listing{Foreign: []driver.Foreign{{ID: "us/web@1-aa", Owner: "us", State: driver.Running}}}
	if diff := cmp.Diff(want, theirs.List(s.now), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what they see (-want +got):\n%s", diff)
	}
	s.Kill(s.now, web, 1)
	if exits := theirs.Advance(s.now); len(exits) > 0 {
		t.Errorf("our exit was told to them: %+v", exits)
	}
}
