package reconcile_test

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// failed is a container that must be ended because of why.
func failed(why reconcile.Reason) func(*scene) {
	return func(s *scene) {
		s.Health = &reconcile.Health{Failed: &reconcile.Failure{Reason: why, Message: "it failed 3 times: refused"}}
	}
}

// unready is a container whose probe has not succeeded.
func unready(why reconcile.Reason) func(*scene) {
	return func(s *scene) {
		s.Health = &reconcile.Health{Probed: true, Unready: &reconcile.Hold{State: reconcile.StateRunning, Reason: why, Message: "refused"}}
	}
}

func saysReady(s *scene) { s.Health = &reconcile.Health{Probed: true} }

// withPreStop has a hook to run before the request to end; state is how far it
// has come, and running whether it is under way.
func withPreStop(state statedb.HookState, running bool) func(*scene) {
	return func(s *scene) {
		hook := &manifest.Hook{Exec: &manifest.ExecAction{Command: []string{"x"}}}
		s.PreStops = map[manifest.Revision]*manifest.Hook{s.Have[0].Revision: hook}
		if s.Record.StopHook = state; running {
			s.Hook = reconcile.PreStop
		}
	}
}

// postStarting has a hook to run right after the start.
func postStarting(state statedb.HookState, running bool) func(*scene) {
	return func(s *scene) {
		s.Record.Hooks = &statedb.Hooks{PostStart: state}
		if running {
			s.Hook = reconcile.PostStart
		}
	}
}

// unasked is a stop that was begun since ago, whose request is not sent yet.
func unasked(since time.Duration) func(*scene) {
	return func(s *scene) {
		stopping(s.Want.Revision, since, 30*time.Second)(s)
		s.Record.StopSent, s.Record.StopReason = false, string(reconcile.DesiredStopped)
	}
}

const withPostStart = "lifecycle: {postStart: {exec: {command: [x]}}}"

var healthSituations = []row{
	{"runs, startup probe has not succeeded", "", with(is(driver.Running), unready(reconcile.NotStarted)), "", "NotStarted", "Running", 0},
	{"runs, readiness probe fails", "", with(is(driver.Running), unready(reconcile.NotReady)), "", "NotReady", "Running", 0},
	{"runs, readiness probe succeeds", "", with(is(driver.Running), saysReady), "", "UpToDate", "Ready", 0},
	{"liveness probe failed too often", "", with(is(driver.Running), failed(reconcile.LivenessFailed)), "shutdown", "LivenessFailed", "Stopping", 0},
	{"liveness probe failed too often, a dependency is missing", "", with(is(driver.Running), failed(reconcile.LivenessFailed), holdStart), "", "DependencyNotMet", "Running", 0},
	{"startup probe never succeeded", "", with(is(driver.Running), failed(reconcile.StartupFailed)), "shutdown", "StartupFailed", "Stopping", 0},
	{"postStart failed", "", with(is(driver.Running), failed(reconcile.PostStartFailed)), "shutdown", "PostStartFailed", "Stopping", 0},
	{"just started, with a postStart", withPostStart, with(is(driver.Running), postStarting(statedb.HookDue, false)), "", "PostStartHook", "Starting", 0},
	{"its postStart runs", withPostStart, with(is(driver.Running), postStarting(statedb.HookBegun, true)), "", "PostStartHook", "Starting", 0},
	{"a daemon that died had begun its postStart", withPostStart, with(is(driver.Running), postStarting(statedb.HookBegun, false)), "", "UpToDate", "Running", 0},
	{"wanted stopped, runs, with a preStop", "desiredState: Stopped", with(is(driver.Running), withPreStop("", false)), "", "PreStopHook", "Stopping", 30 * time.Second},
	{"wanted stopped, its preStop runs", "desiredState: Stopped", with(is(driver.Running), unasked(10*time.Second), withPreStop(statedb.HookBegun, true)), "", "PreStopHook", "Stopping", 20 * time.Second},
	{"wanted stopped, a daemon that died had begun its preStop", "desiredState: Stopped", with(is(driver.Running), unasked(10*time.Second), withPreStop(statedb.HookBegun, false)), "shutdown", "DesiredStopped", "Stopping", 0},
	{"wanted stopped, its preStop used up the grace period", "desiredState: Stopped", with(is(driver.Running), unasked(30*time.Second), withPreStop(statedb.HookBegun, true)), "shutdown", "DesiredStopped", "Stopping", 0},
}
