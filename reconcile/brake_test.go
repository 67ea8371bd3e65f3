package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

func ten() (names []string) {
	for i := range 10 {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	return names
}

// gone counts what has left the world.
func (b *bench) gone(all []string) (n int) {
	here := map[string]bool{}
	for _, st := range b.w.List(b.now).Ours {
		here[st.Name] = true
	}
	for _, name := range all {
		if !here[name] {
			n++
		}
	}
	return n
}

func TestPruneBrakeLimits(t *testing.T) {
	for _, c := range []struct {
		ran, remove, gone int
	}{
		{10, 5, 5}, // half is not more than half
		{10, 6, 0},
		{10, 10, 0},
		{2, 2, 2}, // a person empties a small host
		{3, 3, 0},
		{4, 2, 2},
		{5, 3, 0},
		{6, 3, 3},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.remove, c.ran), func(t *testing.T) {
			b := newBench(t)
			all := ten()[:c.ran]
			b.running(all...)
			b.folder(all[c.remove:]...)
			b.settle()
			if n := b.gone(all); n != c.gone {
				t.Errorf("%d gone, want %d", n, c.gone)
			}
			if blocked := len(b.c.Brake().Blocked); blocked != c.remove-c.gone {
				t.Errorf("%d blocked", blocked)
			}
		})
	}
}

func TestPruneBrakeAddsUpTheReadingsOfAMinute(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	for i := range 10 {
		b.folder(all[i+1:]...)
		b.pass(5 * time.Second)
	}
	if n := b.gone(all); n != 5 {
		t.Errorf("%d gone, want 5", n)
	}
	b.pass(time.Hour)
	if n := b.gone(all); n != 5 {
		t.Errorf("%d gone after an hour: time is no consent", n)
	}
}

func TestSlowRemovalsAreNoAccident(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	for i := range 10 {
		b.folder(all[i+1:]...)
		b.pass(2 * time.Minute)
	}
	if n := b.gone(all); n != 10 {
		t.Errorf("%d gone, want all", n)
	}
}

func TestReturnedFilesReleaseTheBrake(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	b.folder()
	b.settle()
	b.expect("", strings.Join(all, "=PruneBlocked ")+"=PruneBlocked")
	b.folder(all[2:]...)
	b.settle()
	b.expect("shutdown c0, shutdown c1, remove c0, remove c1", strings.Join(all[2:], "=Running ")+"=Running")
}

func TestBrakeOutlivesTheDaemon(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	b.folder()
	b.settle()
	b.boot()
	b.folder()
	b.now = b.now.Add(time.Hour)
	b.list()
	b.settle()
	if n := b.gone(all); n != 0 {
		t.Errorf("%d gone after a restart of the daemon", n)
	}
	if names := b.c.ConfirmPrune(b.now, "me"); len(names) != 10 {
		t.Errorf("confirmed %v", names)
	}
	b.settle()
	if n := b.gone(all); n != 10 {
		t.Errorf("%d gone after the confirmation", n)
	}
	if len(b.disk) != 0 {
		t.Errorf("records left: %v", b.disk)
	}
}

func TestDaemonThatStartsOverAnEmptiedFolderRemovesNothing(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	clear(b.disk) // and the store is lost
	b.boot()
	b.folder()
	b.list()
	b.settle()
	if n := b.gone(all); n != 0 {
		t.Errorf("%d gone", n)
	}
}

func TestDoubtHoldsRemovalsAndNothingElse(t *testing.T) {
	b := newBench(t)
	b.running("a", "b")
	ch := reconcile.Change{Drop: []string{"a"}, Doubt: "b.yaml: not read well"}
	b.c.Want(ch)
	b.settle()
	b.expect("", "a=Held b=Running")
	b.c.Want(reconcile.Change{})
	b.settle()
	b.expect("shutdown a, remove a", "b=Running")
}

func TestForeignContainersAreListedAndLeftAlone(t *testing.T) {
	b := newBench(t)
	b.running("a")
	theirs := b.w.As("other")
	m := web(t, "")
	for _, a := range []driver.Action{driver.Create, driver.Start} {
		if err := theirs.Apply(b.now, a, driver.Ref{Name: "web", Revision: m.Revision}, m); err != nil {
			t.Fatal(err)
		}
	}
	b.list()
	b.folder()
	b.pass(time.Hour)
	if f := b.c.Foreign(); len(f) != 1 || f[0].Owner != "other" {
		t.Errorf("foreign %+v", f)
	}
	if l := theirs.List(b.now); len(l.Ours) != 1 || l.Ours[0].State != driver.Running {
		t.Errorf("theirs %+v", l.Ours)
	}
}
