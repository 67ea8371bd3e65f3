package page

import (
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Next is what will happen to a container by itself, or what it takes.
type Next struct {
	Text  string
	At    time.Time     // when; zero: no time is set
	Total time.Duration // of the wait that ends at At; zero: not known
	Do    string        // a command that helps; "" if none does
}

// nextOf tells what comes next. It is empty where nothing does: all is as wanted.
func nextOf(st *reconcile.ContainerStatus) Next {
	if st.Action != "" && st.State != reconcile.StateStuck {
		return Next{Text: string(st.Action) + " under way"}
	}
	if st.Reason == reconcile.OperatorHold {
		n := Next{Text: "is left alone until released", Do: "hcs-reconcile release " + st.Name}
		if st.Hold != nil && !st.Hold.Until.IsZero() {
			n.Text, n.At = "is looked after again", st.Hold.Until
		}
		return n
	}
	switch st.Reason {
	case reconcile.NotReady:
		return Next{Text: "runs on, and is probed again"}
	case reconcile.RolledBack, reconcile.ProgressDeadlineExceeded:
		return Next{Text: "runs on until its manifest changes"}
	default:
	}
	switch st.State {
	case reconcile.StateCrashLoopBackOff:
		return Next{Text: "starts again", At: st.NextTry, Total: st.BackOff}
	case reconcile.StateGaveUp:
		return Next{Text: "stays down until its manifest is edited, or", Do: "hcs-reconcile retry " + st.Name}
	case reconcile.StateFailed:
		if !st.NextTry.IsZero() {
			return Next{Text: "is tried again", At: st.NextTry}
		}
		return Next{Text: "stays down until its manifest is edited, or", Do: "hcs-reconcile retry " + st.Name}
	case reconcile.StateHeld:
		return Next{Text: "goes on as it is until " + orElse(st.Source, "the folder") + " is mended"}
	case reconcile.StateStuck:
		return Next{Text: "waits for the runtime", At: st.NextTry}
	case reconcile.StatePruneBlocked:
		return Next{Text: "runs on, or goes with", Do: confirmPrune}
	case reconcile.StateWaiting:
		return Next{Text: "goes on when that is so", At: st.NextTry}
	case reconcile.StateStopping:
		return Next{Text: "is ended by force", At: st.NextTry}
	case reconcile.StatePending, reconcile.StateCreating, reconcile.StateStarting:
		return Next{Text: "under way", At: st.NextTry}
	default:
		return Next{At: st.NextTry}
	}
}

const confirmPrune = "hcs-reconcile confirm-prune"

// Trouble is one thing that somebody should look at.
type Trouble struct {
	Level Level
	Name  string // of the container; "" for what concerns the host
	Title string // a state, or what is wrong with the host
	Text  string
	Lines []string // of the same kind
	Since time.Time
	Next
}

// maxLines bounds how many problems of manifests are listed.
const maxLines = 10

// troubles lists what is wrong, the worst first, the host before containers.
func troubles(v *engine.View) []Trouble {
	all := hostTroubles(v)
	for i := range v.Containers {
		st := &v.Containers[i]
		if l := levelOf(st); (l == Bad || l == Warn) && st.State != reconcile.StatePruneBlocked {
			all = append(all, Trouble{Level: l, Name: st.Name, Title: titleOf(st), Text: saying(st), Since: st.Since, Next: nextOf(st)})
		}
	}
	slices.SortStableFunc(all, func(a, b Trouble) int { return slices.Index(levels, a.Level) - slices.Index(levels, b.Level) })
	return all
}

// titleOf is the state, or what is wrong beside it.
func titleOf(st *reconcile.ContainerStatus) string {
	switch st.Reason {
	case reconcile.NotReady:
		return "Not ready"
	case reconcile.InvalidManifest:
		return "Manifest not followed"
	case reconcile.RolledBack:
		return "Rolled back"
	case reconcile.ProgressDeadlineExceeded:
		return "Not ready in time"
	case reconcile.OperatorHold:
		return "Held by an operator"
	default:
		return string(st.State)
	}
}

func hostTroubles(v *engine.View) []Trouble {
	var all []Trouble
	if v.SaveError != "" {
		all = append(all, Trouble{Level: Bad, Title: "State not saved", Text: v.SaveError, Next: Next{Text: "is tried again with the next step"}})
	}
	if v.ListError != "" {
		all = append(all, Trouble{Level: Bad, Title: "Runtime not listed", Text: v.ListError, Next: Next{Text: "is tried again"}})
	}
	if n := len(v.Brake.Blocked); n > 0 {
		all = append(all, Trouble{
			Level: Bad, Title: "Prune brake", Text: v.Brake.Message + ": " + strings.Join(v.Brake.Blocked[:min(n, maxLines)], ", "), Since: v.Brake.Since,
			Next: Next{Text: "nothing is removed until the files return, or", Do: confirmPrune},
		})
	}
	if v.Doubt != "" {
		all = append(all, Trouble{Level: Warn, Title: "Folder in doubt", Text: v.Doubt, Next: Next{Text: "nothing is removed meanwhile"}})
	}
	if n := len(v.Problems); n > 0 {
		t := Trouble{Level: Warn, Title: count(n, "problem") + " in the manifests", Next: Next{Text: "what was last good stays in force"}}
		for _, p := range v.Problems[:min(n, maxLines)] {
			t.Lines = append(t.Lines, p.String())
		}
		if n > maxLines {
			t.Lines = append(t.Lines, count(n-maxLines, "more problem"))
		}
		all = append(all, t)
	}
	return all
}

// saying is the message of the daemon, or else its reason; nothing where all
// is as it should be.
func saying(st *reconcile.ContainerStatus) string {
	switch {
	case st.Message != "":
		return st.Message
	case st.Reason == reconcile.UpToDate, st.Reason == reconcile.Ended, st.Reason == "":
		return ""
	default:
		return string(st.Reason)
	}
}
