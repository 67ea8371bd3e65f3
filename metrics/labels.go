package metrics

import (
	"context"
	"errors"
	"slices"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// The closed lists of label values.
var (
	results      = resultNames()
	storeResults = []string{resultOK, resultError, resultPanic}
	eventReasons = reasonNames()
	exitClasses  = []string{exitZero, exitProgram, exitNTStatus, exitSignal, exitUnknown}
	// ownStates leaves out Foreign: such a container is counted, never listed.
	ownStates = slices.DeleteFunc(slices.Clone(reconcile.States), func(s reconcile.State) bool {
		return s == reconcile.StateForeign
	})
)

const (
	typeNormal  = "Normal"
	typeWarning = "Warning"

	reasonExited = "Exited" // of events that tell of an exit, which have no other reason
	reasonOther  = "Other"  // keeps the list closed, whatever comes

	resultOK    = "ok"
	resultError = "error" // every error that has no name of its own
	resultPanic = "panic"

	exitZero     = "zero"
	exitProgram  = "program"
	exitNTStatus = "ntstatus"
	exitSignal   = "signal"
	exitUnknown  = "unknown"
)

// errorNames gives errors their label. The first that fits counts: that an
// answer never came matters more than what else is known.
var errorNames = []struct {
	err  error
	name string
}{
	{driver.ErrConnectionLost, "connection_lost"},
	{driver.ErrTimeout, "timeout"},
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
	{driver.ErrNotFound, "not_found"},
	{driver.ErrExists, "exists"},
	{driver.ErrRunning, "running"},
	{driver.ErrNotRunning, "not_running"},
	{driver.ErrPending, "pending"},
	{driver.ErrUnsupported, "unsupported"},
	{driver.ErrInvalid, "invalid"},
	{driver.ErrForeign, "foreign"},
}

func resultOf(err error) string {
	if err == nil {
		return resultOK
	}
	for _, e := range errorNames {
		if errors.Is(err, e.err) {
			return e.name
		}
	}
	return resultError
}

func resultNames() []string {
	names := []string{resultOK, resultError, resultPanic}
	for _, e := range errorNames {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	return names
}

func storeResult(err error) string {
	if err == nil {
		return resultOK
	}
	return resultError
}

func reasonNames() []string {
	names := []string{reasonExited, reasonOther}
	for _, r := range slices.Concat(reconcile.StepReasons, reconcile.WaitReasons, reconcile.OtherReasons) {
		names = append(names, string(r))
	}
	return names
}

func eventReason(ev reconcile.Event) string {
	reason := string(ev.Reason)
	switch {
	case ev.Kind == reconcile.Exited:
		return reasonExited
	case slices.Contains(eventReasons, reason):
		return reason
	default:
		return reasonOther
	}
}

func eventType(ev reconcile.Event) string {
	if ev.Warning {
		return typeWarning
	}
	return typeNormal
}

func exitClass(code uint32, known bool) string {
	switch {
	case !known:
		return exitUnknown
	case code == 0:
		return exitZero
	case manifest.ExitName(code) != "":
		return exitNTStatus
	case manifest.ExitMeaning(code) != "":
		return exitSignal
	default:
		return exitProgram
	}
}

// exitReason names how the last run ended: an NTSTATUS, or one of a few words.
// It never is the code itself, of which there are 2^32.
func exitReason(x *reconcile.ExitStatus) string {
	if x.Code == nil {
		return "Unknown"
	}
	switch exitClass(*x.Code, true) {
	case exitZero:
		return "Completed"
	case exitNTStatus:
		return manifest.ExitName(*x.Code)
	case exitSignal:
		return "Signal"
	default:
		return "Error"
	}
}
