package reconcile

// Reason is why a step is taken, or why none is. The list is closed: metrics,
// events, logs and docs all speak these words.
type Reason string

// Reasons for a step.
const (
	NewContainer    Reason = "NewContainer"    // asked for, and not there
	ContainerLost   Reason = "ContainerLost"   // it ran, and the runtime has it no more
	FirstStart      Reason = "FirstStart"      // made, and never started
	Restart         Reason = "Restart"         // it ended, and shall run again
	SpecChanged     Reason = "SpecChanged"     // what runs is of another revision
	SettingsChanged Reason = "SettingsChanged" // in-place fields differ
	NotInManifests  Reason = "NotInManifests"  // ours, and in no manifest
	NotSelected     Reason = "NotSelected"     // ours, and its nodeSelector is for other hosts
	DesiredStopped  Reason = "DesiredStopped"  // the manifest wants it stopped
	DesiredPaused   Reason = "DesiredPaused"   // the manifest wants it paused
	DesiredRunning  Reason = "DesiredRunning"  // paused, and the manifest wants it running
	DaemonStopping  Reason = "DaemonStopping"  // the daemon stops its containers on exit
	GracePeriodOver Reason = "GracePeriodOver" // asked to stop, and still there
	Leftover        Reason = "Leftover"        // an ended or unfinished one in the way
	OperatorRestart Reason = "OperatorRestart" // an operator wants it started anew
	OperatorRetry   Reason = "OperatorRetry"   // an operator wants it tried again
	LivenessFailed  Reason = "LivenessFailed"  // its liveness probe failed too often in a row
	StartupFailed   Reason = "StartupFailed"   // its startup probe never succeeded
	PostStartFailed Reason = "PostStartFailed" // its postStart hook failed
	Rollback        Reason = "Rollback"        // the version before comes back in its place

	DependencyRestarted Reason = "DependencyRestarted" // what it depends on was replaced or restarted, and it says `restart: true`
)

// Reasons for no step.
const (
	UpToDate            Reason = "UpToDate"            // as the manifest says
	Ended               Reason = "Ended"               // completed, and shall not run again
	EndedBadly          Reason = "EndedBadly"          // failed, and the policy is Never
	TooManyRestarts     Reason = "TooManyRestarts"     // maxRestarts used up
	ExitRule            Reason = "ExitRule"            // a rule of the manifest said so
	BackOff             Reason = "BackOff"             // waiting for the next start
	WaitingForExit      Reason = "WaitingForExit"      // asked to stop, grace period runs
	DependencyNotMet    Reason = "DependencyNotMet"    // dependsOn
	DependentsRunning   Reason = "DependentsRunning"   // those that need it stop first
	InvalidManifest     Reason = "InvalidManifest"     // the folder cannot be followed here
	Unsupported         Reason = "Unsupported"         // the driver refuses it
	FolderInDoubt       Reason = "FolderInDoubt"       // missing from the folder, but perhaps only unreadable
	PruneBlocked        Reason = "PruneBlocked"        // too many would go at once
	UnknownRevision     Reason = "UnknownRevision"     // made by a newer program; left as it is
	OperationInProgress Reason = "OperationInProgress" // a call is under way
	OperationFailed     Reason = "OperationFailed"     // a call failed; it is repeated
	OperationTimedOut   Reason = "OperationTimedOut"   // a call does not come back
	NotYetSeen          Reason = "NotYetSeen"          // an earlier call may still take effect
	OtherOwner          Reason = "OtherOwner"          // foreign
	OperatorHold        Reason = "OperatorHold"        // an operator wants it left alone
	NotStarted          Reason = "NotStarted"          // its startup probe has not succeeded yet
	NotReady            Reason = "NotReady"            // its readiness probe says so
	PostStartHook       Reason = "PostStartHook"       // its postStart hook runs
	PreStopHook         Reason = "PreStopHook"         // its preStop hook runs
	OutsideWindow       Reason = "OutsideWindow"       // the update window is closed
	WaitingForReady     Reason = "WaitingForReady"     // the new revision has yet to be ready before the old one goes
	RolledBack          Reason = "RolledBack"          // an earlier version runs until the manifest changes

	ProgressDeadlineExceeded Reason = "ProgressDeadlineExceeded" // not ready in time, and nothing to return to
)

// Reasons of events that tell neither of a step nor of a wait.
const (
	OperatorRelease Reason = "OperatorRelease" // an operator ended a hold
	HoldExpired     Reason = "HoldExpired"     // a hold is over
	PruneConfirmed  Reason = "PruneConfirmed"  // an operator let removals go
	OperatorExec    Reason = "OperatorExec"    // an operator ran a program in it
	ProbeSucceeded  Reason = "ProbeSucceeded"  // a probe succeeds, and did not before
	ProbeFailed     Reason = "ProbeFailed"     // a probe fails, and did not before
	HookDone        Reason = "HookDone"        // a hook came to its end
	HookFailed      Reason = "HookFailed"      // a hook failed

	OperatorRollback Reason = "OperatorRollback" // an operator wants an earlier version
	KeeperLost       Reason = "KeeperLost"       // the process that holds it died; it goes on
	KeeperBack       Reason = "KeeperBack"       // another keeper holds it
)

// StepReasons, WaitReasons and OtherReasons are the closed list, for metrics
// and docs.
var (
	StepReasons = []Reason{
		NewContainer, ContainerLost, FirstStart, Restart, SpecChanged, SettingsChanged, NotInManifests,
		NotSelected, DesiredStopped, DesiredPaused, DesiredRunning, DaemonStopping, GracePeriodOver, Leftover,
		OperatorRestart, OperatorRetry, Rollback, DependencyRestarted, LivenessFailed, StartupFailed, PostStartFailed,
	}
	WaitReasons = []Reason{
		UpToDate, Ended, EndedBadly, TooManyRestarts, ExitRule, BackOff, WaitingForExit, DependencyNotMet,
		DependentsRunning, InvalidManifest, Unsupported, FolderInDoubt, PruneBlocked, UnknownRevision,
		OperationInProgress, OperationFailed, OperationTimedOut, NotYetSeen, OtherOwner, OperatorHold,
		NotStarted, NotReady, PostStartHook, PreStopHook, OutsideWindow, WaitingForReady, RolledBack, ProgressDeadlineExceeded,
	}
	OtherReasons = []Reason{
		OperatorRelease, OperatorRollback, HoldExpired, PruneConfirmed, OperatorExec, ProbeSucceeded, ProbeFailed, HookDone, HookFailed,
		KeeperLost, KeeperBack,
	}
)

// State is the one word that is shown for a container.
type State string

// The states that users see.
const (
	StatePending          State = "Pending"
	StateWaiting          State = "Waiting"
	StateCreating         State = "Creating"
	StateStarting         State = "Starting"
	StateRunning          State = "Running"
	StateReady            State = "Ready"
	StateStopping         State = "Stopping"
	StateStopped          State = "Stopped"
	StateCompleted        State = "Completed"
	StateCrashLoopBackOff State = "CrashLoopBackOff"
	StateGaveUp           State = "GaveUp"
	StateFailed           State = "Failed"
	StatePaused           State = "Paused"
	StateHeld             State = "Held"
	StateStuck            State = "Stuck"
	StatePruneBlocked     State = "PruneBlocked"
	StateForeign          State = "Foreign"
)

// States is the closed list, for metrics and docs.
var States = []State{
	StatePending, StateWaiting, StateCreating, StateStarting, StateRunning, StateReady, StateStopping, StateStopped,
	StateCompleted, StateCrashLoopBackOff, StateGaveUp, StateFailed, StatePaused, StateHeld, StateStuck,
	StatePruneBlocked, StateForeign,
}
