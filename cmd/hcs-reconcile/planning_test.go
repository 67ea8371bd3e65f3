package main

import (
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

func TestKindOf(t *testing.T) {
	const running = manifest.DesiredRunning
	have := []driver.Status{{State: driver.Running}}
	tests := []struct {
		name  string
		st    reconcile.ContainerStatus
		steps []driver.Action
		want  change
	}{
		{"new", reconcile.ContainerStatus{Desired: running}, []driver.Action{driver.Create, driver.Start}, toCreate},
		{"new, and waits", reconcile.ContainerStatus{Desired: running, State: reconcile.StateWaiting}, nil, toCreate},
		{"runs, and its successor waits", reconcile.ContainerStatus{Desired: running, State: reconcile.StateWaiting, Actual: have}, nil, toHold},
		{"another version", reconcile.ContainerStatus{Desired: running}, []driver.Action{driver.Shutdown, driver.Remove, driver.Create, driver.Start}, toReplace},
		{"ended version", reconcile.ContainerStatus{Desired: running}, []driver.Action{driver.Remove, driver.Create, driver.Start}, toReplace},
		{"in no manifest", reconcile.ContainerStatus{}, []driver.Action{driver.Shutdown, driver.Remove}, toRemove},
		{"shall rest", reconcile.ContainerStatus{Desired: manifest.DesiredStopped}, []driver.Action{driver.Shutdown, driver.Remove}, toStop},
		{"ended", reconcile.ContainerStatus{Desired: running}, []driver.Action{driver.Start}, toStart},
		{"other settings", reconcile.ContainerStatus{Desired: running}, []driver.Action{driver.Update}, toAdjust},
		{"pause", reconcile.ContainerStatus{Desired: manifest.DesiredPaused}, []driver.Action{driver.Pause}, toAdjust},
		{"settled", reconcile.ContainerStatus{Desired: running, State: reconcile.StateRunning, Reason: reconcile.UpToDate}, nil, unchanged},
		{"crashed", reconcile.ContainerStatus{Desired: running, State: reconcile.StateCrashLoopBackOff, Reason: reconcile.BackOff}, nil, unchanged},
		{"failed", reconcile.ContainerStatus{Desired: running, State: reconcile.StateFailed, Reason: reconcile.EndedBadly}, nil, unchanged},
		{"refused", reconcile.ContainerStatus{Desired: running, State: reconcile.StateFailed, Reason: reconcile.Unsupported}, nil, toHold},
		{"held by the brake", reconcile.ContainerStatus{State: reconcile.StatePruneBlocked, Reason: reconcile.PruneBlocked}, nil, toHold},
		{"runs, but its manifest cannot be followed", reconcile.ContainerStatus{Desired: running, State: reconcile.StateRunning, Reason: reconcile.InvalidManifest}, nil, toHold},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kindOf(tt.st, tt.steps); got != tt.want {
				t.Errorf("kindOf = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExitCodeOfAPlan(t *testing.T) {
	tests := []struct {
		name string
		p    plan
		want error
	}{
		{"nothing", plan{}, nil},
		{"all as it is", plan{Containers: []planned{{}}, Summary: map[change]int{unchanged: 1}}, nil},
		{"a change", plan{Containers: []planned{{}, {}}, Summary: map[change]int{unchanged: 1, toAdjust: 1}}, codeError(2)},
		{"something held", plan{Containers: []planned{{}}, Summary: map[change]int{toHold: 1}}, codeError(2)},
		{"something refused", plan{Containers: []planned{{Reason: reconcile.Unsupported}}, Summary: map[change]int{toHold: 1}}, codeError(1)},
		{"problems", plan{Problems: []manifest.Problem{{}}}, codeError(1)},
		{"doubt", plan{Doubt: "gone"}, codeError(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.exitCode(); got != tt.want {
				t.Errorf("exitCode = %v, want %v", got, tt.want)
			}
		})
	}
}
