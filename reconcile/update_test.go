package reconcile_test

import (
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const (
	startFirst = "update: {strategy: StartFirst}"
	atTwo      = "update: {window: {schedule: 0 2 * * *, duration: 1h}}" // it is noon
	atNoon     = "update: {window: {schedule: 0 12 * * *, duration: 1h}}"
)

// newFor is the wanted container, ready, and started so long ago.
func newFor(d time.Duration) func(*scene) {
	return func(s *scene) {
		is(driver.Running)(s)
		s.Have[len(s.Have)-1].Started = ago(d)
		s.Ready, s.Seen = true, noon
	}
}

// unseen takes back the last look.
func unseen(s *scene) { s.Seen = ago(time.Minute) }

// rollout is one that began so long ago, with a version to return to.
func rollout(since time.Duration) func(*scene) {
	return func(s *scene) {
		s.Record.Rollout, s.Record.Good, s.Edit = ago(since), string(other), "edit"
		good := *s.Want
		good.Revision = other
		s.Good = &good
	}
}

func noGood(s *scene) { s.Good = nil }

func rolledBack(s *scene) {
	s.Record.Rollback = &statedb.Rollback{From: string(other), To: string(s.Want.Revision), Reason: "not ready within 5m"}
}

var updateSituations = []row{
	{"other revision runs, StartFirst", startFirst, with(otherRevision(driver.Running)), "create", "NewContainer", "Creating", 0},
	{"new one made beside it, StartFirst", startFirst, with(otherRevision(driver.Running), is(driver.Created)), "start", "FirstStart", "Starting", 0},
	{"new one runs beside it, StartFirst, not for long enough", startFirst, with(otherRevision(driver.Running), newFor(4*time.Second)), "", "WaitingForReady", "Starting", 6 * time.Second},
	{"new one runs beside it, StartFirst, nobody has looked since", startFirst, with(otherRevision(driver.Running), newFor(11*time.Second), unseen), "", "WaitingForReady", "Starting", 0},
	{"new one has shown that it works, StartFirst", startFirst, with(otherRevision(driver.Running), newFor(10*time.Second)), "shutdown", "SpecChanged", "Stopping", 0},
	{"new one is not ready, StartFirst", startFirst, with(otherRevision(driver.Running), newFor(time.Hour), func(s *scene) { s.Ready = false }), "", "WaitingForReady", "Starting", 0},
	{"new one fails its liveness probe beside it, StartFirst", startFirst, with(otherRevision(driver.Running), newFor(time.Hour), func(s *scene) {
		stopping(s.Want.Revision, time.Second, 30*time.Second)(s)
		s.Record.StopReason = string(reconcile.LivenessFailed)
	}), "", "WaitingForExit", "Stopping", 29 * time.Second},
	{"new one exits beside it, StartFirst", startFirst + ", restart: {jitter: 0}", with(otherRevision(driver.Running), ran(time.Second, 1)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"new one exits while the other is being stopped", "", with(otherRevision(driver.Running), stopping(other, 10*time.Second, 30*time.Second), ran(time.Second, 1)), "", "WaitingForExit", "Stopping", 20 * time.Second},
	{"other revision has ended, StartFirst", startFirst, with(otherRevision(driver.Stopped)), "remove", "Leftover", "Stopping", 0},
	{"other revision runs, StartFirst, and cannot beside it", startFirst, with(otherRevision(driver.Running), func(s *scene) { s.Alone = "one port" }), "shutdown", "SpecChanged", "Stopping", 0},

	{"other revision runs, its window is closed", atTwo, with(otherRevision(driver.Running)), "", "OutsideWindow", "Held", 14 * time.Hour},
	{"other revision runs, its window is open", atNoon, with(otherRevision(driver.Running)), "shutdown", "SpecChanged", "Stopping", 0},
	{"other revision has ended, its window is closed", atTwo, with(otherRevision(driver.Stopped)), "remove", "Leftover", "Stopping", 0},
	{"exited, its window is closed", atTwo + ", restart: {jitter: 0}", with(ran(time.Second, 1)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"other revision runs, the way back, its window is closed", atTwo, with(otherRevision(driver.Running), rolledBack), "shutdown", "Rollback", "Stopping", 0},

	{"new one is not ready, in its time", "", with(newFor(time.Hour), rollout(4*time.Minute), func(s *scene) { s.Ready = false }), "", "UpToDate", "Running", time.Minute},
	{"new one was not ready in time", "", with(newFor(time.Hour), rollout(5*time.Minute), func(s *scene) { s.Ready = false }), "", "RolledBack", "Held", 0},
	{"new one was not ready in time, nobody has looked since", "", with(newFor(time.Minute), rollout(5*time.Minute), unseen), "", "NotYetSeen", "Running", 0},
	{"new one gave up", "", with(record(func(r *statedb.Record) { r.Verdict, r.LastExit = statedb.GaveUp, &statedb.Exit{Code: 1, Known: true} }), func(s *scene) {
		s.Record.Edit = s.Want.Digest()
	}, rollout(time.Minute)), "", "RolledBack", "Held", 0},
	{"new one was not ready in time, rollback: false", "update: {rollback: false}", with(newFor(time.Hour), rollout(5*time.Minute), func(s *scene) { s.Ready = false }), "", "ProgressDeadlineExceeded", "Running", 0},
	{"new one was not ready in time, nothing to return to", "", with(newFor(time.Hour), rollout(5*time.Minute), noGood, func(s *scene) { s.Ready = false }), "", "ProgressDeadlineExceeded", "Running", 0},
	{"new one waits for a dependency, its time is over", "", with(rollout(time.Hour), holdStart), "", "DependencyNotMet", "Waiting", 0},
	{"runs an earlier version", "", with(newFor(time.Hour), rolledBack), "", "RolledBack", "Held", 0},

	{"what it depends on was started anew", "", with(is(driver.Running), asks(statedb.AskFollow)), "shutdown", "DependencyRestarted", "Stopping", 0},
	{"what it depends on was started anew, and it has completed", "restartPolicy: OnFailure", with(ran(time.Second, 0), asks(statedb.AskFollow)), "", "Ended", "Completed", 0},
}

// TestRolloutIsRemembered: where it begins and ends in the record.
func TestRolloutIsRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		with    []func(*scene)
		rollout time.Time
		good    bool
	}{
		"a first step":               {nil, noon, false},
		"a second one":               {with(rollout(time.Minute)), ago(time.Minute), false},
		"a version that was ready":   {with(func(s *scene) { s.Record.Good = string(s.Want.Revision) }), time.Time{}, true},
		"it has shown that it works": {with(newFor(10*time.Second), rollout(time.Minute)), time.Time{}, true},
		"not yet":                    {with(newFor(9*time.Second), rollout(time.Minute)), ago(time.Minute), false},
		"a job is done":              {with(record(func(r *statedb.Record) { r.Verdict = statedb.Completed }), rollout(time.Minute)), time.Time{}, false},
		"a dependency is missing":    {with(rollout(time.Minute), holdStart), time.Time{}, false},
		"held meanwhile":             {with(rollout(time.Minute), record(func(r *statedb.Record) { r.Hold = &statedb.Hold{Until: noon} })), noon, false},
	} {
		s := &scene{reconcile.View{Now: noon, Want: web(t, "restartPolicy: OnFailure"), Record: statedb.Record{Name: "web"}}}
		s.Record.Revision = string(s.Want.Revision)
		for _, f := range tt.with {
			f(s)
		}
		r := reconcile.Decide(s.View).Record
		if !r.Rollout.Equal(tt.rollout) || (manifest.Revision(r.Good) == s.Want.Revision) != tt.good {
			t.Errorf("%s: rollout %v, want %v; good %q", name, r.Rollout, tt.rollout, r.Good)
		}
	}
}

// TestOfTwoOthersTheLessProvenGoesFirst: three never run at once.
func TestOfTwoOthersTheLessProvenGoesFirst(t *testing.T) {
	const young = manifest.Revision("1-00000000000000aa")
	for good, want := range map[manifest.Revision]manifest.Revision{other: young, young: other, "": young} {
		s := &scene{reconcile.View{Now: noon, Want: web(t, startFirst), Record: statedb.Record{Name: "web", Good: string(good)}}}
		s.Record.Revision = string(s.Want.Revision)
		otherRevision(driver.Running)(s)
		otherRevision(driver.Running)(s)
		s.Have[1].Revision, s.Have[1].Started = young, ago(time.Minute)
		if d := reconcile.Decide(s.View); d.Action != driver.Shutdown || d.Ref.Revision != want {
			t.Errorf("good %q: %s %s, want shutdown of %s", good, d.Action, d.Ref, want)
		}
	}
}

// TestEndOfTheOldIsNotTakenForThatOfTheNew: the record speaks of the new one.
func TestEndOfTheOldIsNotTakenForThatOfTheNew(t *testing.T) {
	s := &scene{reconcile.View{Now: noon, Want: web(t, startFirst), Record: statedb.Record{Name: "web"}}}
	s.Record.Revision = string(s.Want.Revision)
	ran(time.Second, 1)(s)
	otherRevision(driver.Stopped)(s)
	s.Have[1].Exit = driver.Exit{Code: 143, Known: true, At: ago(time.Minute)}
	d := reconcile.Decide(s.View)
	if d.Action != driver.Remove || d.Ref.Revision != other || !d.Record.SeenExit.Equal(noon) || d.Record.Failures != 1 {
		t.Errorf("%s %s, exit seen %v, %d failures", d.Action, d.Ref, d.Record.SeenExit, d.Record.Failures)
	}
}
