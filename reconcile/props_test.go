package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

var specs = []string{
	"", "restartPolicy: OnFailure", "restartPolicy: Never", "desiredState: Stopped", "isolation: hyperv, desiredState: Paused",
	"update: {strategy: StartFirst}", "update: {rollback: false}",
	"restart: {maxRestarts: 2, window: 1m}", "restart: {initialDelay: 0s}", "terminationGracePeriodSeconds: 0",
}

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" set") {
		return noon.Add(time.Duration(rapid.Int64Range(-int64(48*time.Hour), int64(48*time.Hour)).Draw(t, label)))
	}
	return time.Time{}
}

func drawView(t *rapid.T, tb testing.TB) reconcile.View {
	v := reconcile.View{Now: noon}
	rev := other
	if i := rapid.IntRange(-1, len(specs)-1).Draw(t, "spec"); i >= 0 {
		v.Want = web(tb, specs[i])
		rev = v.Want.Revision
	}
	revs := []manifest.Revision{rev, other, "99-f"}
	for _, r := range slices.Compact(revs) {
		if !rapid.Bool().Draw(t, "has "+string(r)) {
			continue
		}
		st := driver.Status{Ref: driver.Ref{Name: "web", Revision: r}, PID: 5}
		st.State = rapid.SampledFrom([]driver.State{driver.Created, driver.Running, driver.Paused, driver.Stopped}).Draw(t, "state")
		st.Started = drawTime(t, "started")
		st.Exit = driver.Exit{Code: rapid.Uint32Range(0, 2).Draw(t, "code"), Known: rapid.Bool().Draw(t, "known"), At: noon}
		v.Have = append(v.Have, st)
	}
	v.Record = drawRecord(t, rev)
	if rapid.Bool().Draw(t, "hold start") {
		v.HoldStart = &reconcile.Hold{State: reconcile.StateWaiting, Reason: reconcile.DependencyNotMet}
	}
	if rapid.Bool().Draw(t, "hold stop") {
		v.HoldStop = &reconcile.Hold{State: reconcile.StatePruneBlocked, Reason: reconcile.PruneBlocked}
	}
	v.Draining = rapid.Bool().Draw(t, "draining")
	v.Ready, v.Seen, v.Edit = rapid.Bool().Draw(t, "ready"), drawTime(t, "seen"), "edit"
	if v.Want != nil && rapid.Bool().Draw(t, "good") {
		good := *v.Want
		good.Revision = other
		v.Good, v.Record.Good = &good, string(other)
	}
	return v
}

func drawRecord(t *rapid.T, rev manifest.Revision) statedb.Record {
	r := statedb.Record{Name: "web", Grace: time.Duration(rapid.Int64Range(0, 60).Draw(t, "grace")) * time.Second}
	r.Revision = rapid.SampledFrom([]string{"", string(rev), string(other), "99-f"}).Draw(t, "revision")
	r.Ran = rapid.Bool().Draw(t, "ran")
	r.Failures = rapid.IntRange(0, 50).Draw(t, "failures")
	r.RetryAt, r.SeenExit, r.StopAt = drawTime(t, "retryAt"), drawTime(t, "seenExit"), drawTime(t, "stopAt")
	r.StopSent = rapid.Bool().Draw(t, "stopSent")
	r.StopRevision = rapid.SampledFrom([]string{string(rev), string(other)}).Draw(t, "stopRevision")
	r.Verdict = rapid.SampledFrom([]statedb.Verdict{"", "", statedb.Completed, statedb.Failed, statedb.GaveUp}).Draw(t, "verdict")
	r.Rollout = drawTime(t, "rollout")
	r.Stalled = rapid.Bool().Draw(t, "stalled")
	if rapid.IntRange(0, 3).Draw(t, "rolled back") == 0 {
		r.Rollback = &statedb.Rollback{From: string(other), To: string(rev)}
	}
	r.FailedOp = rapid.SampledFrom([]string{"", "create", "start", "shutdown", "terminate", "remove", "update"}).Draw(t, "failedOp")
	r.OpErrors = rapid.IntRange(0, 5).Draw(t, "opErrors")
	r.OpRetryAt = drawTime(t, "opRetryAt")
	return r
}

func TestEveryDecisionIsSound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := drawView(rt, t)
		d := reconcile.Decide(v)
		if d.Reason == "" || d.State == "" {
			rt.Fatalf("no reason or state: %+v", d)
		}
		if !d.Wake.IsZero() && !d.Wake.After(v.Now) {
			rt.Fatalf("wakes at once: %v", d.Wake)
		}
		if d.Wake.Sub(v.Now) > 5*time.Minute { // progressDeadline is the longest
			rt.Fatalf("waits %v: longer than any delay or grace period", d.Wake.Sub(v.Now))
		}
		if d.Action != "" && !slices.Contains(reconcile.StepReasons, d.Reason) {
			rt.Fatalf("%s because %s", d.Action, d.Reason)
		}
		soundAction(rt, v, d)
	})
}

// soundAction holds a single decision against the rules R3 to R5 and the holds.
func soundAction(t *rapid.T, v reconcile.View, d reconcile.Decision) {
	stay := v.Want != nil && !v.Draining && v.Want.Spec.DesiredState != manifest.DesiredStopped
	switch d.Action {
	case driver.Create, driver.Start:
		if !stay || v.HoldStart != nil {
			t.Fatalf("%s although it must not run", d.Action)
		}
	case driver.Shutdown, driver.Terminate, driver.Remove:
		live := slices.ContainsFunc(v.Have, func(s driver.Status) bool {
			return s.Ref == d.Ref && (s.State == driver.Running || s.State == driver.Paused)
		})
		if stay && d.Ref.Revision == v.Want.Revision && live {
			t.Fatalf("%s of what runs as wanted", d.Action)
		}
		begun := !v.Record.StopAt.IsZero() && v.Record.StopRevision == string(d.Ref.Revision)
		if v.HoldStop != nil && !begun {
			t.Fatalf("%s although removals are held back", d.Action)
		}
		grace := v.Record.Grace
		if v.Want != nil {
			grace = v.Want.GracePeriod()
		}
		clockWentBack := grace == 0 && v.Record.StopAt.After(v.Now)
		if d.Action == driver.Terminate && (!begun || v.Now.Before(v.Record.StopAt) && !clockWentBack) {
			t.Fatalf("terminate before shutdown and its grace: %+v", v.Record)
		}
		if d.Action == driver.Remove && live {
			t.Fatal("remove of what runs")
		}
	case driver.Pause, driver.Resume, driver.Update:
		if !stay {
			t.Fatalf("%s of what shall not run", d.Action)
		}
	}
}

func TestPredictedEffectsReachAFixedPoint(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := drawView(rt, t)
		v.HoldStart, v.HoldStop = nil, nil
		c := reconcile.NewCore(noon, reconcile.Config{Brake: reconcile.DefaultBrake()}, []statedb.Record{v.Record}, statedb.Brake{})
		ch := reconcile.Change{Full: true}
		if v.Want != nil {
			ch.Put = []reconcile.Wanted{{Container: v.Want}}
		}
		c.Want(ch)
		c.Have(noon, driver.Listing{Ours: v.Have})
		const limit = 20
		if steps := reconcile.Preview(noon, c, limit); len(steps) == limit {
			rt.Fatalf("no end in sight: %+v", steps)
		}
	})
}

func TestDelayStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := manifest.Backoff{
			InitialDelay: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(rt, "initial")),
			Factor:       rapid.Float64Range(1, 10).Draw(rt, "factor"),
			MaxDelay:     time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(rt, "max")),
			Jitter:       rapid.Float64Range(0, 1).Draw(rt, "jitter"),
		}
		name := rapid.StringN(1, 20, -1).Draw(rt, "name")
		n := rapid.IntRange(1, 1_000_000).Draw(rt, "n")
		d := reconcile.Delay(b, name, n)
		limit := max(b.MaxDelay, b.InitialDelay)
		if d < b.InitialDelay || float64(d) > float64(limit)*(1+b.Jitter)+1 {
			rt.Fatalf("delay %v of %+v", d, b)
		}
		if reconcile.Delay(b, name, n) != d {
			rt.Fatal("the same history gives another wait")
		}
	})
}

func TestJitterSpreadsContainersOut(t *testing.T) {
	b := manifest.Backoff{InitialDelay: time.Second, Factor: 1, MaxDelay: time.Second, Jitter: 1}
	var tenths [10]int
	for i := range 1000 {
		d := reconcile.Delay(b, "web-"+time.Duration(i).String(), 1)
		tenths[int(float64(d-time.Second)/float64(time.Second)*10)]++
	}
	for i, n := range tenths {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 in tenth %d: %v", n, i, tenths)
		}
	}
}
