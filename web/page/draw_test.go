package page

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// tangle is a graph of n containers; none needs a later one unless rings.
func tangle(rng *rand.Rand, n int, rings bool) (all []reconcile.ContainerStatus) {
	for i := range n {
		st := named(fmt.Sprintf("c%02d", i))[0]
		for range rng.IntN(4) {
			to := i
			if rings {
				to = n
			}
			if to > 0 {
				st.DependsOn = append(st.DependsOn, manifest.Dependency{Name: fmt.Sprintf("c%02d", rng.IntN(to)), Condition: manifest.ConditionReady})
			}
		}
		all = append(all, st)
	}
	return all
}

// TestDrawing holds what makes a drawing readable over random graphs of fifty.
func TestDrawing(t *testing.T) {
	for seed := range uint64(50) {
		all := tangle(rand.New(rand.NewPCG(seed, 0)), 50, seed%5 == 4)
		d := draw(all)
		at, edges := map[string]*box{}, 0
		for i, b := range d.Boxes {
			at[b.Name] = b
			if b.X < 0 || b.Y < 0 || b.X+boxWidth > d.Width || b.Y+boxHeight > d.Height {
				t.Errorf("seed %d: %s lies outside", seed, b.Name)
			}
			for _, o := range d.Boxes[:i] {
				if b.X == o.X && b.Y < o.Y+boxHeight && o.Y < b.Y+boxHeight {
					t.Errorf("seed %d: %s covers %s", seed, b.Name, o.Name)
				}
			}
		}
		for _, st := range all {
			for _, dep := range st.DependsOn {
				edges++
				if seed%5 != 4 && at[dep.Name].X >= at[st.Name].X {
					t.Errorf("seed %d: %s stands right of %s, which needs it", seed, dep.Name, st.Name)
				}
			}
		}
		if len(d.Lines) != edges || len(d.Boxes)+d.Apart != len(all) {
			t.Errorf("seed %d: %d lines for %d dependencies, %d boxes and %d apart", seed, len(d.Lines), edges, len(d.Boxes), d.Apart)
		}
	}
	if draw(named("a", "b")) != nil {
		t.Error("a drawing without a line")
	}
}

// TestThickLinesHoldBack has one line for each way in which a dependency is met or not.
func TestThickLinesHoldBack(t *testing.T) {
	all := named("ready", "held", "done", "down", "all")
	all[0].RunningRevision, all[1].RunningRevision = "1-a", "1-a"
	all[1].State, all[1].Ready = reconcile.StateHeld, true // it runs on
	all[2].State, all[2].Ready = reconcile.StateCompleted, false
	all[3].State, all[3].Ready = reconcile.StateCrashLoopBackOff, false
	want := map[string]bool{}
	for from, mets := range map[string][3]bool{
		"ready": {true, true, false}, "held": {true, true, false}, "done": {true, true, true}, "down": {false, false, false},
	} {
		for i, c := range []manifest.Condition{manifest.ConditionStarted, manifest.ConditionReady, manifest.ConditionCompleted} {
			all[4].DependsOn = append(all[4].DependsOn, manifest.Dependency{Name: from, Condition: c})
			want[from+" "+string(c)] = mets[i]
		}
	}
	for _, l := range draw(all).Lines {
		if key := l.From + " " + l.Condition; l.Met != want[key] {
			t.Errorf("%s: met is %v", key, l.Met)
		}
	}
}

func TestUsageDrawsAQuarterOfAnHour(t *testing.T) {
	var u Usage
	ref := driver.Ref{Name: "web", Revision: "1-a"}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tell := func(spent time.Duration, mem uint64) {
		u.Tell(map[driver.Ref]driver.Stats{ref: {At: at, CPU: &spent, MemoryBytes: &mem}})
	}
	if f := u.Of(ref); f != (Figures{}) {
		t.Errorf("of nothing: %+v", f)
	}
	for i := range 100 { // longer than the window
		tell(time.Duration(i)*15*time.Second/2, uint64(i)<<20)
		at = at.Add(slotTime)
	}
	f := u.Of(ref)
	if f.CPU != "0.50" || f.Memory != "99.0 MiB" || f.MemoryPeak != "99.0 MiB" {
		t.Errorf("figures %+v", f)
	}
	if n := strings.Count(f.CPULine, "L"); n != slots-1 || strings.Count(f.CPULine, "M") != 1 {
		t.Errorf("%d points in %s", n, f.CPULine)
	}
	at = at.Add(10 * slotTime) // nobody looked for a while
	tell(time.Hour, 1<<20)
	if f := u.Of(ref); strings.Count(f.MemoryLine, "M") != 2 {
		t.Errorf("a gap is not shown: %s", f.MemoryLine)
	}
	other := driver.Ref{Name: "new"}
	at = at.Add(time.Hour)
	u.Tell(map[driver.Ref]driver.Stats{other: {At: at}})
	if f := u.Of(ref); f != (Figures{}) {
		t.Errorf("an hour later: %+v", f)
	}
}

func TestTexts(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 61 * time.Minute: "1h01m", 50 * time.Hour: "2d",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %s", d, got)
		}
	}
	for n, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 512 << 20: "512 MiB", 99 << 30: "99.0 GiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%v) = %s", n, got)
		}
	}
}
