package page

import (
	"fmt"
	"slices"
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
	Warn    Level = "warn"    // what runs goes on, but the folder is not followed
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
	Bad: "need attention", Warn: "held", Busy: "under way", Good: "running", Done: "completed", Off: "off",
}

// levelOf reads one container.
func levelOf(st *reconcile.ContainerStatus) Level {
	l := levelOfState(st.State)
	// It goes on running while its manifest is broken, and says so by the reason.
	if l != Bad && (st.Reason == reconcile.InvalidManifest || st.Reason == reconcile.FolderInDoubt) {
		return Warn
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
	Since    time.Time // since when a good verdict holds; zero: not known or not good
}

// judge answers it from one view.
func judge(v *engine.View) Verdict {
	n := map[Level]int{}
	for i := range v.Containers {
		n[levelOf(&v.Containers[i])]++
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
		return Verdict{Level: Bad, Headline: fmt.Sprintf("%s of %d %s attention", count(n[Bad], "container"), all, verb(n[Bad], "needs", "need")), Detail: rest(n)}
	case v.Doubt != "" || n[Warn] > 0 || len(v.Problems) > 0:
		return Verdict{Level: Warn, Headline: "The folder cannot be followed everywhere", Detail: "What ran before goes on as it was. " + rest(n)}
	case n[Busy] > 0 || v.Workers > 0:
		return Verdict{Level: Busy, Headline: "Converging", Detail: fmt.Sprintf("%s to go. %s", count(n[Busy], "container"), rest(n))}
	case all == 0:
		return Verdict{Level: Good, Headline: "Converged", Detail: "The folder asks for no containers."}
	default:
		return Verdict{Level: Good, Headline: "Converged", Detail: rest(n) + ", as the manifests say.", Since: settled(v)}
	}
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

// Next is what will happen to a container by itself, or what it takes.
type Next struct {
	Text  string
	At    time.Time     // when; zero: no time is set
	Total time.Duration // of the wait that ends at At; zero: not known
	Do    string        // a command that helps; "" if none does
}

// nextOf tells what comes next. No case means that nothing does: it is as wanted.
func nextOf(st *reconcile.ContainerStatus) Next {
	if st.Action != "" && st.State != reconcile.StateStuck {
		return Next{Text: string(st.Action) + " under way"}
	}
	switch st.State {
	case reconcile.StateCrashLoopBackOff:
		return Next{Text: "starts again", At: st.NextTry, Total: st.BackOff}
	case reconcile.StateGaveUp:
		return Next{Text: "stays down until its manifest is edited"}
	case reconcile.StateFailed:
		if !st.NextTry.IsZero() {
			return Next{Text: "is tried again", At: st.NextTry}
		}
		return Next{Text: "stays as it is until its manifest is edited"}
	case reconcile.StateHeld:
		return Next{Text: "goes on as it is until " + orElse(st.Source, "the folder") + " is mended"}
	case reconcile.StateStuck:
		return Next{Text: "waits for the runtime; others are not held back", At: st.NextTry}
	case reconcile.StatePruneBlocked:
		return Next{Text: "runs until the removal is confirmed or its file returns", Do: "hcs-reconcile confirm-prune"}
	case reconcile.StateWaiting:
		return Next{Text: "starts once what it needs is there", At: st.NextTry}
	case reconcile.StateStopping:
		return Next{Text: "is ended by force", At: st.NextTry}
	case reconcile.StatePending, reconcile.StateCreating, reconcile.StateStarting:
		return Next{Text: "under way", At: st.NextTry}
	default:
		return Next{At: st.NextTry}
	}
}

// Trouble is one thing that somebody should look at.
type Trouble struct {
	Level Level
	Name  string // of the container; "" for what concerns the host
	Title string // a state, or what is wrong with the host
	Text  string
	Since time.Time
	Next
}

// troubles lists what is wrong: the host first, then the worst containers.
func troubles(v *engine.View) []Trouble {
	var all []Trouble
	host := func(l Level, title, text, next string) {
		if text != "" {
			all = append(all, Trouble{Level: l, Title: title, Text: text, Next: Next{Text: next}})
		}
	}
	host(Bad, "State not saved", v.SaveError, "saving is tried again with every turn")
	host(Bad, "Runtime not listed", v.ListError, "listing is tried again")
	if len(v.Brake.Blocked) > 0 {
		all = append(all, Trouble{
			Level: Bad, Title: "Prune brake", Text: v.Brake.Message, Since: v.Brake.Since,
			Next: Next{Text: "nothing is removed until the files return or it is confirmed", Do: "hcs-reconcile confirm-prune"},
		})
	}
	host(Warn, "Folder in doubt", v.Doubt, "nothing is removed meanwhile")
	for _, p := range v.Problems {
		host(Warn, "Manifest", p.String(), "what it said before stays in force")
	}
	hosts := len(all)
	for i := range v.Containers {
		st := &v.Containers[i]
		if l := levelOf(st); (l == Bad || l == Warn) && st.State != reconcile.StatePruneBlocked {
			all = append(all, Trouble{Level: l, Name: st.Name, Title: string(st.State), Text: saying(st), Since: st.Since, Next: nextOf(st)})
		}
	}
	slices.SortStableFunc(all[hosts:], func(a, b Trouble) int { return slices.Index(levels, a.Level) - slices.Index(levels, b.Level) })
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
