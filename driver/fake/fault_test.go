package fake_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
)

var allFaults = fake.Rates{
	FailBefore: 0.2, FailAfter: 0.2, Hang: 0.2, LoseHint: 0.3, DoubleHint: 0.3,
	MaxEffectAfter: time.Second, MaxAnswerAfter: time.Minute,
}

func draw(f *fake.Faults, verb driver.Action, name string, n int) []fake.Fault {
	var out []fake.Fault
	for range n {
		out = append(out, f.Next(verb, name))
	}
	return out
}

func TestFaultsDependOnSeedAndCallAlone(t *testing.T) {
	a, b := fake.NewFaults(7, allFaults), fake.NewFaults(7, allFaults)
	draw(b, driver.Start, "other", 20) // other work in between changes nothing
	draw(b, driver.Remove, "web", 20)
	want, got := draw(a, driver.Start, "web", 50), draw(b, driver.Start, "web", 50)
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("same seed, same calls, other faults:\n%s", diff)
	}
	other := draw(fake.NewFaults(8, allFaults), driver.Start, "web", 50)
	if cmp.Equal(want, other, cmpopts.EquateErrors()) {
		t.Error("another seed gives the same faults")
	}
}

func TestEveryKindOfFaultIsDrawn(t *testing.T) {
	kinds := map[string]func(fake.Fault) bool{
		"none":            func(f fake.Fault) bool { return f.Err == nil && !f.Hang && !f.NoEffect },
		"before":          func(f fake.Fault) bool { return f.Err != nil && f.NoEffect },
		"after":           func(f fake.Fault) bool { return f.Err != nil && !f.NoEffect },
		"hang":            func(f fake.Fault) bool { return f.Hang && f.NoEffect },
		"hang, effective": func(f fake.Fault) bool { return f.Hang && !f.NoEffect },
		"transient":       func(f fake.Fault) bool { return f.Err == fake.ErrTransient },
		"timeout":         func(f fake.Fault) bool { return f.Err == driver.ErrTimeout },
		"connection":      func(f fake.Fault) bool { return f.Err == driver.ErrConnectionLost },
		"denied":          func(f fake.Fault) bool { return f.Err == fake.ErrDenied },
		"late effect":     func(f fake.Fault) bool { return f.EffectAfter > 0 && f.EffectAfter <= time.Second },
		"late answer":     func(f fake.Fault) bool { return f.AnswerAfter > 0 && f.AnswerAfter <= time.Minute },
	}
	drawn := draw(fake.NewFaults(1, allFaults), fake.List, "", 400)
	for kind, is := range kinds {
		if !slices.ContainsFunc(drawn, is) {
			t.Errorf("no fault of kind %q in 400 calls", kind)
		}
	}
	for _, ft := range draw(fake.NewFaults(1, allFaults), driver.Start, "web", 400) {
		if ft.Err == fake.ErrDenied {
			t.Fatal("access denied is for listings only")
		}
	}
}

func TestScriptedFaultHitsItsCall(t *testing.T) {
	f := fake.NewFaults(0, fake.Rates{})
	late := fake.Fault{Err: driver.ErrTimeout, EffectAfter: time.Second}
	f.Script(driver.Start, "web", 2, late)
	draw(f, driver.Start, "db", 2)
	got := draw(f, driver.Start, "web", 3)
	if diff := cmp.Diff([]fake.Fault{{}, late, {}}, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestStoppedAndNilFaultsAreNone(t *testing.T) {
	stopped := fake.NewFaults(1, fake.Rates{FailBefore: 1, LoseHint: 1})
	stopped.Script(driver.Start, "web", 1, fake.Fault{Hang: true})
	stopped.Stop()
	for name, f := range map[string]*fake.Faults{"stopped": stopped, "nil": nil} {
		if ft := f.Next(driver.Start, "web"); ft != (fake.Fault{}) {
			t.Errorf("%s: fault %+v, want none", name, ft)
		}
		if n := f.Hints("web"); n != 1 {
			t.Errorf("%s: %d hints, want 1", name, n)
		}
	}
}

func TestHintsAreLostAndDoubled(t *testing.T) {
	seen := map[int]int{}
	f := fake.NewFaults(3, allFaults)
	for range 300 {
		seen[f.Hints("web")]++
	}
	if len(seen) != 3 || seen[0] == 0 || seen[1] == 0 || seen[2] == 0 {
		t.Errorf("hints told 0, 1 and 2 times: %v, want some of each", seen)
	}
}
