package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Level is how a state is to be read. Each has a shape, a colour and a word of
// its own: none of them says it alone.
type Level string

// The levels, from worst to best, and those that are neither.
const (
	Bad     Level = "bad"     // somebody should look
	Warn    Level = "warn"    // it goes on, but is not ready, or the folder cannot be followed
	Busy    Level = "busy"    // a step is under way or due
	Good    Level = "good"    // runs as wanted
	Done    Level = "done"    // ended well, and shall not run
	Off     Level = "off"     // stopped or paused, as wanted
	Foreign Level = "foreign" // not ours
)

// levels in the order in which they are counted and shown.
var levels = []Level{Bad, Warn, Busy, Good, Done, Off}

// words say what a level is called on the page.
var words = map[Level]string{
	Bad: "need attention", Warn: "to check", Busy: "under way", Good: "running", Done: "completed", Off: "off",
}

// levelOf reads one container.
func levelOf(st *reconcile.ContainerStatus) Level {
	l := levelOfState(st.State)
	switch st.Reason { // it goes on running, and says by the reason what is wrong
	case reconcile.InvalidManifest, reconcile.FolderInDoubt, reconcile.NotReady, reconcile.RolledBack, reconcile.ProgressDeadlineExceeded:
		if l != Bad {
			return Warn
		}
	case reconcile.NotStarted:
		if l == Good {
			return Busy
		}
	default:
	}
	return l
}

func levelOfState(s reconcile.State) Level {
	switch s {
	case reconcile.StateRunning, reconcile.StateReady:
		return Good
	case reconcile.StateCompleted:
		return Done
	case reconcile.StateStopped, reconcile.StatePaused:
		return Off
	case reconcile.StateHeld:
		return Warn
	case reconcile.StateCrashLoopBackOff, reconcile.StateGaveUp, reconcile.StateFailed, reconcile.StateStuck, reconcile.StatePruneBlocked:
		return Bad
	case reconcile.StateForeign:
		return Foreign
	case reconcile.StatePending, reconcile.StateWaiting, reconcile.StateCreating, reconcile.StateStarting, reconcile.StateStopping:
		return Busy
	default:
		return Busy
	}
}

// Verdict is the answer to the first question: is this host as it should be?
type Verdict struct {
	Level    Level
	Headline string
	Detail   string
	Since    time.Time // since when nothing changed, or the first of what is wrong; zero: not known
}

// judge answers it from one view.
func judge(v *engine.View) Verdict {
	n, unready := map[Level]int{}, 0
	for i := range v.Containers {
		n[levelOf(&v.Containers[i])]++
		if v.Containers[i].Reason == reconcile.NotReady {
			unready++
		}
	}
	all := len(v.Containers)
	switch {
	case v.SaveError != "":
		return Verdict{Level: Bad, Headline: "Nothing is being done", Detail: "The state cannot be saved: no step is taken until it can be. What runs goes on."}
	case v.ListError != "":
		return Verdict{Level: Bad, Headline: "The host cannot be seen", Detail: "The runtime does not say what runs. What is shown below may be out of date."}
	case v.Stopping:
		return Verdict{Level: Busy, Headline: "The daemon is stopping", Detail: "Containers go on running unless it was told to stop them."}
	case !v.Started:
		return Verdict{Level: Busy, Headline: "Starting", Detail: "The manifests and the host have not both been seen yet; nothing is done before."}
	case n[Bad] > 0:
		return Verdict{Level: Bad, Headline: fmt.Sprintf("%s of %d %s attention", count(n[Bad], "container"), all, verb(n[Bad], "needs", "need")), Detail: others(n), Since: firstBad(v)}
	case v.Doubt != "" || n[Warn] > unready || len(v.Problems) > 0:
		return Verdict{Level: Warn, Headline: "The folder cannot be followed everywhere", Detail: "What ran before goes on as it was. " + rest(n)}
	case unready > 0:
		return Verdict{Level: Warn, Headline: fmt.Sprintf("%s of %d %s not ready", count(unready, "container"), all, verb(unready, "is", "are")), Detail: "They run, and their readiness probes fail. " + rest(n) + "."}
	case n[Busy] > 0 || v.Workers > 0:
		return Verdict{Level: Busy, Headline: "Converging", Detail: fmt.Sprintf("%s to go. %s", count(n[Busy], "container"), rest(n))}
	case all == 0:
		return Verdict{Level: Good, Headline: "Converged", Detail: "The folder asks for no containers."}
	default:
		return Verdict{Level: Good, Headline: "Converged", Detail: rest(n) + ", as the manifests say.", Since: settled(v)}
	}
}

// others tells how those are that need no attention.
func others(n map[Level]int) string {
	if text := rest(n); text != "" {
		return "Of the others " + text + "."
	}
	return ""
}

// rest tells how the others are: "12 running, 3 completed".
func rest(n map[Level]int) string {
	var parts []string
	for _, l := range levels {
		if n[l] > 0 && l != Bad {
			parts = append(parts, fmt.Sprintf("%d %s", n[l], words[l]))
		}
	}
	return strings.Join(parts, ", ")
}

// settled is when the last container came to its state.
func settled(v *engine.View) time.Time {
	var last time.Time
	for i := range v.Containers {
		if s := v.Containers[i].Since; s.After(last) {
			last = s
		}
	}
	return last
}

// firstBad is since when something needs attention.
func firstBad(v *engine.View) time.Time {
	var first time.Time
	for i := range v.Containers {
		if st := &v.Containers[i]; levelOf(st) == Bad && (first.IsZero() || st.Since.Before(first)) {
			first = st.Since
		}
	}
	return first
}
