package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// look refreshes at once.
func (b *board) lookNow(t *testing.T) {
	t.Helper()
	b.at = time.Time{}
	b.refresh(t.Context())
}

func names(rows []Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

func TestSince(t *testing.T) {
	s := newStage("b", "a", "c")
	b := s.page().board
	b.lookNow(t)
	all := b.since("")
	if !all.Full || names(all.Rows) != "a b c" {
		t.Fatalf("everything is %+v", all)
	}
	b.lookNow(t)
	if got := b.since(all.Mark); got.Full || len(got.Rows)+len(got.Gone) > 0 || got.Mark != all.Mark {
		t.Errorf("nothing changed, and it says %+v", got)
	}
	s.set(func(v *engine.View) { v.Containers = named("a", "c", "d"); v.Containers[1].Restarts = 1 })
	b.lookNow(t)
	if got := b.since(all.Mark); got.Full || names(got.Rows) != "c d" || fmt.Sprint(got.Gone) != "[b]" {
		t.Errorf("changed: %q, gone %q", names(got.Rows), got.Gone)
	}
	s.set(func(v *engine.View) { v.Containers = named("a", "b") })
	b.lookNow(t)
	if got := b.since(all.Mark); strings.Contains(strings.Join(got.Gone, " "), "b") {
		t.Errorf("b came back, and is among those gone: %q", got.Gone)
	}
	for _, foreign := range []string{"other.1", "1", b.epoch + ".99999", b.epoch + ".x", "."} {
		if !b.since(foreign).Full {
			t.Errorf("%q is a mark of ours", foreign)
		}
	}
}

// TestSinceIsBoundedAndComplete asks again and again, as a browser does.
func TestSinceIsBoundedAndComplete(t *testing.T) {
	s := newStage()
	b := s.page().board
	b.lookNow(t)
	mark := b.newest()
	s.set(func(v *engine.View) {
		for i := range 4*maxSlice + 7 {
			v.Containers = append(v.Containers, named(fmt.Sprintf("c%03d", i))...)
		}
	})
	b.lookNow(t)
	seen := map[string]bool{}
	for n := 1; ; n++ {
		got := b.since(mark)
		if len(got.Rows) > maxSlice {
			t.Fatalf("%d rows in one answer", len(got.Rows))
		}
		for _, r := range got.Rows {
			seen[r.Name] = true
		}
		mark = got.Mark
		if !got.More {
			if n != 5 {
				t.Errorf("%d answers", n)
			}
			break
		}
	}
	if len(seen) != 4*maxSlice+7 {
		t.Errorf("%d of %d rows came", len(seen), 4*maxSlice+7)
	}
}

// TestForgottenRemovals has a browser that slept through more removals than are kept.
func TestForgottenRemovals(t *testing.T) {
	s := newStage()
	b := s.page().board
	b.lookNow(t)
	before := b.newest()
	for round := range 3 {
		s.set(func(v *engine.View) {
			v.Containers = nil
			for i := range keptRemoved / 2 {
				v.Containers = append(v.Containers, named(fmt.Sprintf("r%d-%d", round, i))...)
			}
		})
		b.lookNow(t)
	}
	s.set(func(v *engine.View) { v.Containers = nil })
	b.lookNow(t)
	if got := b.since(before); !got.Full {
		t.Errorf("%d are said to be gone, and some are forgotten", len(got.Gone))
	}
}

func TestJudge(t *testing.T) {
	with := func(states ...reconcile.State) engine.View {
		v := engine.View{Started: true}
		for i, s := range states {
			v.Containers = append(v.Containers, reconcile.ContainerStatus{Name: fmt.Sprint(i), State: s})
		}
		return v
	}
	broken := with(reconcile.StateRunning)
	broken.Containers[0].Reason = reconcile.InvalidManifest
	blind, unsaved, fresh, doubt := with(), with(reconcile.StateFailed), with(), with(reconcile.StateRunning)
	blind.ListError, unsaved.SaveError, fresh.Started, doubt.Doubt = "no", "disk full", false, "unreadable"
	unready := with(reconcile.StateRunning, reconcile.StateRunning)
	unready.Containers[0].Reason = reconcile.NotReady
	for _, tt := range []struct {
		name, headline string
		level          Level
		v              engine.View
	}{
		{"all is well", "Converged", Good, with(reconcile.StateRunning, reconcile.StateCompleted, reconcile.StateStopped)},
		{"nothing to run", "Converged", Good, with()},
		{"one crashes", "1 container of 2 needs attention", Bad, with(reconcile.StateCrashLoopBackOff, reconcile.StateRunning)},
		{"two are bad", "2 containers of 3 need attention", Bad, with(reconcile.StateStuck, reconcile.StateGaveUp, reconcile.StateStarting)},
		{"one starts", "Converging", Busy, with(reconcile.StateRunning, reconcile.StateStarting)},
		{"one is held", "The folder cannot be followed everywhere", Warn, with(reconcile.StateHeld)},
		{"runs with a broken manifest", "The folder cannot be followed everywhere", Warn, broken},
		{"a probe fails", "1 container of 2 is not ready", Warn, unready},
		{"doubt", "The folder cannot be followed everywhere", Warn, doubt},
		{"nothing can be saved", "Nothing is being done", Bad, unsaved},
		{"nothing can be seen", "The host cannot be seen", Bad, blind},
		{"not started", "Starting", Busy, fresh},
	} {
		if got := judge(&tt.v); got.Level != tt.level || got.Headline != tt.headline {
			t.Errorf("%s: %s %q", tt.name, got.Level, got.Headline)
		}
	}
}

// TestEveryStateIsRead fails when a state is added and this page does not know it.
func TestEveryStateIsRead(t *testing.T) {
	busy := map[reconcile.State]bool{
		reconcile.StatePending: true, reconcile.StateWaiting: true, reconcile.StateCreating: true, reconcile.StateStarting: true, reconcile.StateStopping: true,
	}
	for _, s := range reconcile.States {
		if l := levelOfState(s); (l == Busy) != busy[s] {
			t.Errorf("%s is read as %s", s, l)
		}
		if next := nextOf(&reconcile.ContainerStatus{State: s}); levelOfState(s) == Bad && next.Text == "" {
			t.Errorf("%s: what comes next is not told", s)
		}
	}
}
