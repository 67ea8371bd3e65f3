package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// allowed lists the names that events say were let past the brake.
func allowed(t reconcile.Turn) (names []string) {
	for _, ev := range t.Events {
		if ev.Reason == reconcile.PruneConfirmed {
			names = append(names, ev.Container+": "+ev.Message)
		}
	}
	return names
}

func TestFolderThatBecomesEmptyRemovesNothing(t *testing.T) {
	b := newBench(t)
	b.cfg.Brake.AllowEmpty = false
	b.boot()
	b.running("a", "b")
	b.folder()
	b.pass(time.Hour)
	b.expect("", "a=PruneBlocked b=PruneBlocked")
	if m := b.c.Brake().Message; !strings.Contains(m, "asks for no container any more") {
		t.Errorf("message %q", m)
	}
	b.folder("a") // one is back: now a person has taken one away
	b.settle()
	b.expect("shutdown b, remove b", "a=Running")
	b.folder()
	b.settle()
	b.expect("", "a=PruneBlocked")
	b.c.ConfirmPrune(b.now, "ann")
	turn := b.turn()
	if got := allowed(turn); len(got) != 1 || got[0] != "a: removal confirmed by ann" {
		t.Errorf("told %q", got)
	}
}

func TestAnotherEmptyFolderAtTheStartRemovesNothing(t *testing.T) {
	b := newBench(t)
	b.cfg.Brake.AllowEmpty = false
	b.boot()
	b.running("a")
	b.boot()
	b.folder()
	b.now = b.now.Add(time.Hour)
	b.list()
	b.settle()
	b.expect("", "a=PruneBlocked")
}

func TestTreeAllowsRemovals(t *testing.T) {
	b := newBench(t)
	all := ten()
	b.running(all...)
	ch := reconcile.Change{Full: true, SeenAt: b.now, Source: "c0ffee", Permit: reconcile.Permit{
		Containers: all[:9], Until: b.now.Add(time.Hour),
	}}
	b.c.Want(ch)
	turn := b.turn()
	if got := allowed(turn); len(got) != 9 || !strings.Contains(got[0], "allowed by the manifest folder until") {
		t.Errorf("told %q", got)
	}
	for _, ev := range turn.Events {
		if ev.Source != "c0ffee" {
			t.Errorf("event %+v does not name the commit", ev)
		}
	}
	for _, op := range turn.Ops {
		b.do(op)
	}
	b.settle()
	if n := b.gone(all); n != 10 { // the tenth alone is no accident, and the nine do not count
		t.Errorf("%d gone", n)
	}
}

func TestPermitHoldsForItsNamesAndItsTimeOnly(t *testing.T) {
	for _, c := range []struct {
		name   string
		permit reconcile.Permit
		gone   int
	}{
		{"other names", reconcile.Permit{Containers: []string{"c0", "c1", "x"}}, 2},
		{"over", reconcile.Permit{Containers: ten(), Until: noon.Add(-time.Hour)}, 0},
		{"void", reconcile.Permit{Containers: ten(), Void: "for another commit"}, 0},
		{"as long as it stands", reconcile.Permit{Containers: ten()}, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			all := ten()
			b.running(all...)
			b.c.Want(reconcile.Change{Full: true, SeenAt: b.now, Permit: c.permit})
			b.settle()
			if n := b.gone(all); n != c.gone {
				t.Errorf("%d gone, want %d", n, c.gone)
			}
		})
	}
}

func TestChangedLabelsOfTheHostRemoveNothing(t *testing.T) {
	b := newBench(t)
	b.running("a", "b", "c", "d")
	away := map[string]reconcile.Away{"d": {Why: "d.yaml:3 is for hosts with role=web", Relabelled: true}}
	b.c.Want(reconcile.Change{Drop: []string{"d"}, Away: away})
	b.pass(time.Hour)
	b.expect("", "a=Running b=Running c=Running d=PruneBlocked")
	b.c.ConfirmPrune(b.now, "ann")
	b.settle()
	b.expect("shutdown d, remove d", "a=Running b=Running c=Running")

	away["c"] = reconcile.Away{Why: "edited"} // its file was edited: that is a wish
	b.c.Want(reconcile.Change{Drop: []string{"c"}, Away: away})
	b.settle()
	b.expect("shutdown c, remove c", "a=Running b=Running")
}
