package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// web parses one container named web from the inside of its spec.
func web(tb testing.TB, spec string) *manifest.Container {
	tb.Helper()
	text := fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: web}\nspec: {command: [run], %s}\n", spec)
	cs, ps := manifest.Parse("web.yaml", []byte(text))
	if len(ps) > 0 {
		tb.Fatalf("parse %q: %v", spec, ps)
	}
	return cs[0]
}

const other = manifest.Revision("1-00000000000000ff")

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// scene is a View in the making.
type scene struct {
	reconcile.View
}

func (s *scene) wanted() manifest.Revision {
	if s.Want == nil {
		return other
	}
	return s.Want.Revision
}

func is(st driver.State) func(*scene) {
	return func(s *scene) {
		h := driver.Status{Ref: driver.Ref{Name: "web", Revision: s.wanted()}, State: st, PID: 7, Started: ago(time.Hour)}
		s.Have = append(s.Have, h)
		if st == driver.Running || st == driver.Paused {
			s.Record.Ran, s.Record.Started = true, h.Started
		}
		if s.Want != nil {
			s.Record.Live = s.Want.Live
		}
	}
}

// ran is an init process that ran for d and ended now with code.
func ran(d time.Duration, code uint32) func(*scene) {
	return func(s *scene) {
		is(driver.Stopped)(s)
		h := &s.Have[len(s.Have)-1]
		h.Started, h.Exit = ago(d), driver.Exit{Code: code, Known: true, At: noon}
		s.Record.Ran = true
	}
}

func otherRevision(st driver.State) func(*scene) {
	return func(s *scene) {
		s.Have = append(s.Have, driver.Status{Ref: driver.Ref{Name: "web", Revision: other}, State: st, PID: 6, Started: ago(time.Hour)})
	}
}

func record(f func(*statedb.Record)) func(*scene) { return func(s *scene) { f(&s.Record) } }

// stopping is a stop of the revision rev that was asked for since ago.
func stopping(rev manifest.Revision, since, grace time.Duration) func(*scene) {
	return record(func(r *statedb.Record) {
		r.StopAt, r.StopSent, r.StopRevision, r.StopReason, r.Grace = noon.Add(grace-since), true, string(rev), "NotInManifests", grace
	})
}

func holdStart(s *scene) {
	s.HoldStart = &reconcile.Hold{State: reconcile.StateWaiting, Reason: reconcile.DependencyNotMet, Message: "db"}
}

func holdStop(s *scene) {
	s.HoldStop = &reconcile.Hold{State: reconcile.StatePruneBlocked, Reason: reconcile.PruneBlocked, Message: "brake"}
}

// heldFor is an operator's hold that ends after d; 0: by release only.
func heldFor(d time.Duration) func(*scene) {
	return record(func(r *statedb.Record) {
		r.Hold = &statedb.Hold{Since: ago(time.Minute), By: "me"}
		if d > 0 {
			r.Hold.Until = noon.Add(d)
		}
	})
}

func asks(a statedb.Ask) func(*scene) {
	return record(func(r *statedb.Record) { r.Ask, r.AskBy = a, "me" })
}

// restarting is an operator's restart whose stop was asked for since ago.
func restarting(since time.Duration) func(*scene) {
	return func(s *scene) {
		asks(statedb.AskRestart)(s)
		stopping(s.Want.Revision, since, 30*time.Second)(s)
		s.Record.StopReason = string(reconcile.OperatorRestart)
	}
}

// row is one line of the state table; docs/architecture.md shows it too.
type row struct {
	name string
	want string // inside of spec; "-" is no manifest
	with []func(*scene)

	action driver.Action
	reason reconcile.Reason
	state  reconcile.State
	wake   time.Duration // from now; 0: none
}

func with(fs ...func(*scene)) []func(*scene) { return fs }

var table = slices.Concat(situations, updateSituations, healthSituations)

var situations = []row{
	{"wanted, nothing there", "", nil, "create", "NewContainer", "Creating", 0},
	{"wanted, nothing there, a dependency is missing", "", with(holdStart), "", "DependencyNotMet", "Waiting", 0},
	{"created", "", with(is(driver.Created)), "start", "FirstStart", "Starting", 0},
	{"created, a dependency is missing", "", with(is(driver.Created), holdStart), "", "DependencyNotMet", "Waiting", 0},
	{"runs as wanted", "", with(is(driver.Running)), "", "UpToDate", "Running", 0},
	{"runs as wanted, manifest is invalid now", "", with(is(driver.Running), func(s *scene) {
		s.HoldStart = &reconcile.Hold{State: reconcile.StateHeld, Reason: reconcile.InvalidManifest}
	}), "", "InvalidManifest", "Running", 0},
	{"runs as wanted, a dependency is gone", "", with(is(driver.Running), holdStart), "", "UpToDate", "Running", 0},
	{"runs, in-place settings differ", "", with(is(driver.Running), record(func(r *statedb.Record) { r.Live = "x" })), "update", "SettingsChanged", "Running", 0},
	{"runs, made by a newer program", "", with(func(s *scene) {
		otherRevision(driver.Running)(s)
		s.Have[0].Revision, s.Record.Live = "99-abc", s.Want.Live
	}), "", "UnknownRevision", "Running", 0},
	{"runs while a stop of it was asked for and it is wanted again", "", with(is(driver.Running), func(s *scene) { stopping(s.Want.Revision, time.Hour, time.Second)(s) }), "", "UpToDate", "Running", 0},
	{"paused, wanted running", "", with(is(driver.Paused)), "resume", "DesiredRunning", "Paused", 0},
	{"runs, wanted paused", "isolation: hyperv, desiredState: Paused", with(is(driver.Running)), "pause", "DesiredPaused", "Running", 0},
	{"paused, wanted paused", "isolation: hyperv, desiredState: Paused", with(is(driver.Paused)), "", "UpToDate", "Paused", 0},

	{"other revision runs", "", with(otherRevision(driver.Running)), "shutdown", "SpecChanged", "Stopping", 0},
	{"other revision runs, a dependency of the new one is missing", "", with(otherRevision(driver.Running), holdStart), "", "DependencyNotMet", "Waiting", 0},
	{"other revision runs, asked to stop", "", with(otherRevision(driver.Running), stopping(other, 10*time.Second, 30*time.Second)), "", "WaitingForExit", "Stopping", 20 * time.Second},
	{"other revision runs, grace period over", "", with(otherRevision(driver.Running), stopping(other, 30*time.Second, 30*time.Second)), "terminate", "GracePeriodOver", "Stopping", 0},
	{"other revision has ended", "", with(otherRevision(driver.Stopped)), "remove", "Leftover", "Stopping", 0},
	{"other revision beside the wanted one", "", with(is(driver.Running), otherRevision(driver.Running)), "shutdown", "SpecChanged", "Stopping", 0},

	{"exited 1, Always", "", with(ran(time.Second, 1)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited 0, Always", "", with(ran(time.Second, 0)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited 1 a second time", "", with(ran(time.Second, 1), record(func(r *statedb.Record) { r.Failures = 1 })), "", "BackOff", "CrashLoopBackOff", 2 * time.Second},
	{"exited 1 after a long good run", "", with(ran(10*time.Minute, 1), record(func(r *statedb.Record) { r.Failures = 5 })), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited 1, just short of a long run", "", with(ran(10*time.Minute-1, 1), record(func(r *statedb.Record) { r.Failures = 1 })), "", "BackOff", "CrashLoopBackOff", 2 * time.Second},
	{"exited 1, delay over", "", with(ran(time.Second, 1), record(func(r *statedb.Record) { r.SeenExit, r.RetryAt, r.Ran = noon, noon, false })), "start", "Restart", "Starting", 0},
	{"exited 0, OnFailure", "restartPolicy: OnFailure", with(ran(time.Second, 0)), "", "Ended", "Completed", 0},
	{"exited 1, OnFailure", "restartPolicy: OnFailure", with(ran(time.Second, 1)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited 0, Never", "restartPolicy: Never", with(ran(time.Second, 0)), "", "Ended", "Completed", 0},
	{"exited 1, Never", "restartPolicy: Never", with(ran(time.Second, 1)), "", "EndedBadly", "Failed", 0},
	{"exited with a code of a Complete rule", "restart: {jitter: 0, exitRules: [{codes: [3], action: Complete}]}", with(ran(time.Second, 3)), "", "Ended", "Completed", 0},
	{"exited with a code of a GiveUp rule", "restart: {jitter: 0, exitRules: [{codes: [3], action: GiveUp}]}", with(ran(time.Second, 3)), "", "ExitRule", "GaveUp", 0},
	{"exited with a code of a Restart rule, Never", "restartPolicy: Never, restart: {jitter: 0, exitRules: [{codes: [3], action: Restart}]}", with(ran(time.Second, 3)), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited, one restart of two left", "restart: {jitter: 0, maxRestarts: 2}", with(ran(time.Second, 1), record(func(r *statedb.Record) { r.Recent = []time.Time{ago(time.Minute)} })), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited, no restart left", "restart: {jitter: 0, maxRestarts: 2}", with(ran(time.Second, 1), record(func(r *statedb.Record) { r.Recent = []time.Time{ago(time.Hour), ago(time.Minute)} })), "", "TooManyRestarts", "GaveUp", 0},
	{"exited, the window has forgotten a restart", "restart: {jitter: 0, maxRestarts: 2, window: 30m}", with(ran(time.Second, 1), record(func(r *statedb.Record) { r.Recent = []time.Time{ago(time.Hour), ago(time.Minute)} })), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"exited because we asked, and is wanted again", "", with(ran(time.Hour, 143), func(s *scene) { stopping(s.Want.Revision, time.Second, 30*time.Second)(s) }), "start", "Restart", "Starting", 0},
	{"exited long after a stop that was taken back", "", with(ran(time.Hour, 1), func(s *scene) { stopping(s.Want.Revision, time.Hour, time.Second)(s) }), "", "BackOff", "CrashLoopBackOff", time.Second},

	{"ran, and the runtime has it no more", "", with(record(func(r *statedb.Record) { r.Ran = true })), "", "BackOff", "CrashLoopBackOff", time.Second},
	{"ran, and the runtime has it no more, Never", "restartPolicy: Never", with(record(func(r *statedb.Record) { r.Ran = true })), "", "EndedBadly", "Failed", 0},
	{"completed before, nothing there", "restartPolicy: OnFailure", with(record(func(r *statedb.Record) { r.Verdict = statedb.Completed })), "", "Ended", "Completed", 0},
	{"ended for good, and the policy is Always now", "", with(record(func(r *statedb.Record) {
		r.Verdict, r.LastExit = statedb.Failed, &statedb.Exit{Code: 1, Known: true, At: ago(time.Hour)}
	})), "create", "NewContainer", "Creating", 0},
	{"gave up, manifest not edited", "", with(func(s *scene) { s.Record.Verdict, s.Record.Edit = statedb.GaveUp, s.Want.Digest() }), "", "TooManyRestarts", "GaveUp", 0},
	{"gave up, manifest edited", "", with(record(func(r *statedb.Record) { r.Verdict, r.Edit = statedb.GaveUp, "before" })), "create", "NewContainer", "Creating", 0},
	{"completed in another revision", "", with(record(func(r *statedb.Record) { r.Verdict, r.Revision = statedb.Completed, string(other) })), "create", "NewContainer", "Creating", 0},
	{"clock went back: the delay is drawn in", "", with(is(driver.Created), record(func(r *statedb.Record) { r.RetryAt = noon.Add(24 * time.Hour) })), "", "BackOff", "CrashLoopBackOff", time.Minute},

	{"a call failed, its delay runs", "", with(record(func(r *statedb.Record) {
		r.FailedOp, r.OpErrors, r.OpRetryAt, r.LastError = "create", 1, noon.Add(time.Second), "create web: no"
	})), "", "OperationFailed", "Failed", time.Second},
	{"a call failed, its delay is over", "", with(record(func(r *statedb.Record) { r.FailedOp, r.OpErrors, r.OpRetryAt = "create", 1, noon })), "create", "NewContainer", "Creating", 0},
	{"a start failed, and it is not wanted any more", "-", with(is(driver.Created), record(func(r *statedb.Record) {
		r.FailedOp, r.OpErrors, r.OpRetryAt = "start", 1, noon.Add(time.Second)
	})), "remove", "NotInManifests", "Stopping", 0},
	{"terminate has no effect, three times", "-", with(is(driver.Running), stopping(other, time.Hour, time.Second), record(func(r *statedb.Record) {
		r.FailedOp, r.OpErrors, r.OpRetryAt = "terminate", 3, noon.Add(time.Second)
	})), "", "OperationFailed", "Stuck", time.Second},

	{"wanted stopped, nothing there", "desiredState: Stopped", nil, "", "DesiredStopped", "Stopped", 0},
	{"wanted stopped, runs", "desiredState: Stopped", with(is(driver.Running)), "shutdown", "DesiredStopped", "Stopping", 0},
	{"wanted stopped, has ended", "desiredState: Stopped", with(ran(time.Second, 0)), "remove", "DesiredStopped", "Stopping", 0},

	{"in no manifest, runs", "-", with(is(driver.Running)), "shutdown", "NotInManifests", "Stopping", 0},
	{"its manifest is for other hosts, runs", "-", with(is(driver.Running), func(s *scene) { s.Away = "role=db" }), "shutdown", "NotSelected", "Stopping", 0},
	{"in no manifest, runs, removals are held back", "-", with(is(driver.Running), holdStop), "", "PruneBlocked", "PruneBlocked", 0},
	{"in no manifest, asked to stop", "-", with(is(driver.Running), stopping(other, time.Second, 30*time.Second)), "", "WaitingForExit", "Stopping", 29 * time.Second},
	{"in no manifest, the request to stop did not get through", "-", with(is(driver.Running), stopping(other, time.Second, 30*time.Second), record(func(r *statedb.Record) { r.StopSent = false })), "shutdown", "NotInManifests", "Stopping", 0},
	{"in no manifest, grace period over", "-", with(is(driver.Running), stopping(other, 30*time.Second, 30*time.Second)), "terminate", "GracePeriodOver", "Stopping", 0},
	{"in no manifest, has ended", "-", with(is(driver.Stopped)), "remove", "NotInManifests", "Stopping", 0},
	{"in no manifest, made and never started", "-", with(is(driver.Created)), "remove", "NotInManifests", "Stopping", 0},
	{"held by an operator, runs", "", with(is(driver.Running), heldFor(time.Hour)), "", "OperatorHold", "Held", time.Hour},
	{"held, other revision runs", "", with(otherRevision(driver.Running), heldFor(time.Hour)), "", "OperatorHold", "Held", time.Hour},
	{"held, has exited", "", with(ran(time.Second, 1), heldFor(time.Hour)), "", "OperatorHold", "Held", time.Hour},
	{"held until released, in no manifest", "-", with(is(driver.Running), heldFor(0)), "", "OperatorHold", "Held", 0},
	{"held, asked to stop before, grace period over", "", with(otherRevision(driver.Running), stopping(other, time.Hour, time.Second), heldFor(time.Hour)), "", "OperatorHold", "Held", time.Hour},
	{"the hold is over", "", with(record(func(r *statedb.Record) { r.Hold = &statedb.Hold{Since: ago(time.Hour), Until: noon} })), "create", "NewContainer", "Creating", 0},
	{"held, and the daemon stops its containers", "", with(is(driver.Running), heldFor(time.Hour), func(s *scene) { s.Draining = true }), "shutdown", "DaemonStopping", "Stopping", 0},

	{"an operator wants a restart", "", with(is(driver.Running), asks(statedb.AskRestart)), "shutdown", "OperatorRestart", "Stopping", 0},
	{"restart, a dependency is missing", "", with(is(driver.Running), holdStart, asks(statedb.AskRestart)), "", "DependencyNotMet", "Running", 0},
	{"restart, asked to stop", "", with(is(driver.Running), restarting(10*time.Second)), "", "WaitingForExit", "Stopping", 20 * time.Second},
	{"restart, grace period over", "", with(is(driver.Running), restarting(30*time.Second)), "terminate", "GracePeriodOver", "Stopping", 0},
	{"restart, has ended", "", with(ran(time.Hour, 143), restarting(time.Second)), "start", "OperatorRestart", "Starting", 0},
	{"restart, and it ended by itself first", "", with(ran(time.Second, 1), asks(statedb.AskRestart)), "start", "OperatorRestart", "Starting", 0},
	{"restart of what completed", "restartPolicy: OnFailure", with(ran(time.Second, 0), asks(statedb.AskRestart)), "start", "OperatorRestart", "Starting", 0},
	{"restart, but it is to be stopped now", "desiredState: Stopped", with(is(driver.Stopped), asks(statedb.AskRestart)), "remove", "DesiredStopped", "Stopping", 0},
	{"an operator wants a retry, it gave up", "", with(is(driver.Stopped), asks(statedb.AskRetry), func(s *scene) {
		s.Record.Verdict, s.Record.Edit, s.Record.SeenExit = statedb.GaveUp, s.Want.Digest(), s.Have[0].Exit.At
	}), "start", "OperatorRetry", "Starting", 0},
	{"an operator wants a retry, a delay runs", "", with(ran(time.Second, 1), asks(statedb.AskRetry)), "start", "OperatorRetry", "Starting", 0},
	{"an operator wants a retry, and it runs", "", with(is(driver.Running), asks(statedb.AskRetry)), "", "UpToDate", "Running", 0},

	{"the daemon stops its containers", "", with(is(driver.Running), func(s *scene) { s.Draining = true }), "shutdown", "DaemonStopping", "Stopping", 0},
}

func (r row) decide(t *testing.T) reconcile.Decision {
	t.Helper()
	s := &scene{reconcile.View{Now: noon, Record: statedb.Record{Name: "web", Revision: string(other)}}}
	if r.want != "-" {
		spec := r.want
		if !strings.Contains(spec, "jitter") {
			spec = strings.TrimPrefix(spec+", restart: {jitter: 0}", ", ")
		}
		s.Want = web(t, spec)
		s.Record.Revision, s.Record.Source, s.Record.Grace = string(s.Want.Revision), "web.yaml", s.Want.GracePeriod()
	}
	for _, f := range r.with {
		f(s)
	}
	return reconcile.Decide(s.View)
}

func TestDecide(t *testing.T) {
	for _, r := range table {
		t.Run(r.name, func(t *testing.T) {
			d := r.decide(t)
			if d.Action != r.action || d.Reason != r.reason || d.State != r.state {
				t.Errorf("got  %q %s %s (%s)\nwant %q %s %s", d.Action, d.Reason, d.State, d.Message, r.action, r.reason, r.state)
			}
			var wake time.Duration
			if !d.Wake.IsZero() {
				wake = d.Wake.Sub(noon)
			}
			if wake != r.wake {
				t.Errorf("wake in %v, want %v", wake, r.wake)
			}
			if d.Action != "" && d.Record.Op != string(d.Action) {
				t.Errorf("the record says %q is under way", d.Record.Op)
			}
		})
	}
}
