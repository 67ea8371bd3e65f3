package page

import (
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// Row is one container in the table. It is comparable, and two that are equal
// look the same at any time: only what changed is sent again.
type Row struct {
	Name     string
	Level    Level
	State    reconcile.State
	Ready    string // yes, no or –
	Message  string
	Restarts uint64
	Since    time.Time
	NextText string
	NextAt   time.Time
	NextDo   string
	Source   string
	Revision string // of what runs, or else of what is wanted
	Differs  bool   // what runs is not what is wanted
	Figures  Figures
	Find     string // what a search looks at, in lower case
}

func newRow(st *reconcile.ContainerStatus, f Figures) Row {
	next := nextOf(st)
	r := Row{
		Name: st.Name, Level: levelOf(st), State: st.State, Ready: readiness(st), Message: saying(st), Restarts: st.Restarts,
		Since: st.Since.UTC(), NextText: next.Text, NextAt: next.At.UTC(), NextDo: strings.TrimPrefix(next.Do, "hcs-reconcile "), Source: place(st.Source, st.Line),
		Revision: short(runsOrWanted(st)), Differs: differs(st), Figures: f,
	}
	r.Find = strings.ToLower(strings.Join([]string{
		st.Name, string(st.State), string(st.Reason), r.Message, r.Source, st.Image, labelText(st.Labels),
	}, " "))
	return r
}

func runsOrWanted(st *reconcile.ContainerStatus) string {
	return orElse(string(st.RunningRevision), string(st.Revision))
}

// differs reports that another revision runs than the manifest asks for.
func differs(st *reconcile.ContainerStatus) bool {
	return st.RunningRevision != "" && st.Revision != "" && st.RunningRevision != st.Revision
}

func readiness(st *reconcile.ContainerStatus) string {
	switch {
	case st.Ready:
		return "yes"
	case levelOf(st) == Done, levelOf(st) == Off, st.Desired == "":
		return "–"
	default:
		return "no"
	}
}

func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for k, v := range labels {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func running(st *reconcile.ContainerStatus) driver.Ref {
	return driver.Ref{Name: st.Name, Revision: st.RunningRevision}
}

// filter is what of the table shall be seen.
type filter struct {
	query string
	words []string
	show  Level // "" is all
}

func (f filter) hides(r *Row) bool {
	if f.show != "" && f.show != r.Level {
		return true
	}
	return slices.ContainsFunc(f.words, func(w string) bool { return !strings.Contains(r.Find, w) })
}
