package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// plan is the whole answer; it is also the shape of -o json, to which fields
// are only added.
type plan struct {
	Manifests  string             `json:"manifests"`
	Revision   string             `json:"revision,omitempty"` // of the folder's source
	Driver     string             `json:"driver"`
	Owner      string             `json:"owner"`
	Daemon     int                `json:"daemon,omitempty"` // process of the daemon that was asked
	Summary    map[change]int     `json:"summary"`
	Containers []planned          `json:"containers"`      // in the order in which they are worked on
	Order      []string           `json:"order,omitempty"` // of those that depend on one another
	Problems   []manifest.Problem `json:"problems"`
	Doubt      string             `json:"doubt,omitempty"`      // why nothing is removed
	PruneBrake []string           `json:"pruneBrake,omitempty"` // what the brake would hold back
	Away       []folder.Away      `json:"away,omitempty"`       // what the folder asks for on other hosts
	Permit     *reconcile.Permit  `json:"permit,omitempty"`     // what the folder allows to be removed
	Foreign    []string           `json:"foreign,omitempty"`
	brake      string
	at         time.Time
}

// change is what happens to one container.
type change string

// The changes, in the order of the summary.
const (
	toCreate  change = "create"    // there is none, and there will be
	toReplace change = "replace"   // stopped and made anew
	toAdjust  change = "adjust"    // goes on running with other settings
	toStart   change = "start"     // is there, and will run
	toStop    change = "stop"      // stays wanted, but not running
	toRemove  change = "remove"    // in no manifest
	toHold    change = "hold"      // something is against what would be done
	unchanged change = "unchanged" // nothing to do
)

var changeOrder = []change{toCreate, toReplace, toAdjust, toStart, toStop, toRemove, toHold, unchanged}

// planned is one container of a plan.
type planned struct {
	Name    string                 `json:"name"`
	Change  change                 `json:"change"`
	Reason  reconcile.Reason       `json:"reason"`
	Message string                 `json:"message,omitempty"`
	Source  string                 `json:"source,omitempty"`
	Line    int                    `json:"line,omitempty"`
	State   reconcile.State        `json:"state"` // what it comes to, as far as can be told
	Steps   []driver.Action        `json:"steps,omitempty"`
	Fields  []manifest.FieldChange `json:"fields,omitempty"`
	Notes   []note                 `json:"notes,omitempty"` // what the driver ignores or refuses

	first int // place of its first step among all
}

// note is a driver.Note with names for JSON.
type note struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Refused bool   `json:"refused,omitempty"`
}

// plan tells what would come of u. It lets a throw-away core do the thinking.
func (sit *situation) plan(now time.Time, u folder.Update) (*plan, error) {
	s := sit.settings
	core := reconcile.NewCore(now, reconcile.Config{Brake: s.brake, Check: sit.check}, sit.memory.Records, sit.memory.Brake)
	core.Have(now, sit.listing)
	ch := engine.Change(u)
	ch.Full = true
	core.Want(ch)
	steps := reconcile.Preview(now, core, 100+10*(len(u.Put)+len(sit.listing.Ours)))

	p := &plan{
		Manifests: s.manifests, Revision: u.Source.Revision, Driver: s.driver, Owner: s.owner,
		Summary: map[change]int{}, Containers: []planned{}, Problems: append([]manifest.Problem{}, u.Problems...), Doubt: u.Doubt,
		PruneBrake: core.Brake().Blocked, brake: core.Brake().Message, at: now,
	}
	p.Away = u.Away
	if permit := core.Brake().Permit; len(permit.Containers) > 0 || permit.Void != "" {
		p.Permit = &permit
	}
	if sit.daemon != nil {
		p.Daemon = sit.daemon.PID
	}
	for _, f := range sit.listing.Foreign {
		p.Foreign = append(p.Foreign, fmt.Sprintf("%s (owner %s)", f.ID, f.Owner))
	}
	fields, err := sit.differences(u.Put)
	if err != nil {
		return nil, err
	}
	for _, st := range append(core.Status(now), sit.vanished(core.Status(now), steps)...) {
		c := foresee(st, steps)
		if c.Fields = fields[c.Name]; c.Change == unchanged && len(c.Fields) > 0 {
			c.Change, c.Reason = toAdjust, reconcile.SettingsChanged
		}
		p.Containers = append(p.Containers, c)
	}
	p.finish(sit.notes(u.Put))
	p.Order = order(p.Containers, u.Put)
	return p, nil
}

// order is that of those that something is done about and that depend on one
// another; what is needed starts first and stops last.
func order(all []planned, put []folder.Wanted) (names []string) {
	busy, tied := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		busy[c.Name] = len(c.Steps) > 0
	}
	for _, w := range put {
		for _, n := range w.Container.Needs() {
			if busy[n] && busy[w.Container.Name()] {
				tied[n], tied[w.Container.Name()] = true, true
			}
		}
	}
	for _, c := range all {
		if tied[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}

func (sit *situation) notes(put []folder.Wanted) map[string][]note {
	notes := map[string][]note{}
	for _, w := range put {
		name := w.Container.Name()
		checked := sit.check(w.Container)
		for _, n := range append(checked, notDone(w.Container, checked)...) {
			notes[name] = append(notes[name], note(n))
		}
	}
	return notes
}

// vanished are those that the steps remove without a trace.
func (sit *situation) vanished(left []reconcile.ContainerStatus, steps []reconcile.Op) (gone []reconcile.ContainerStatus) {
	seen := map[string]bool{}
	for _, st := range left {
		seen[st.Name] = true
	}
	for _, op := range steps {
		if seen[op.Ref.Name] {
			continue
		}
		seen[op.Ref.Name] = true
		gone = append(gone, reconcile.ContainerStatus{
			Name: op.Ref.Name, State: reconcile.StateStopped, Source: owners(sit.memory.Records)[op.Ref.Name],
		})
	}
	return gone
}

// finish adds what the driver says, sorts, and counts.
func (p *plan) finish(notes map[string][]note) {
	for i := range p.Containers {
		c := &p.Containers[i]
		c.Notes = notes[c.Name]
		p.Summary[c.Change]++
	}
	for _, c := range changeOrder {
		p.Summary[c] += 0
	}
	slices.SortStableFunc(p.Containers, func(a, b planned) int {
		return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.Name, b.Name))
	})
}

// foresee reads what happens to one container from the steps of all.
func foresee(st reconcile.ContainerStatus, steps []reconcile.Op) planned {
	c := planned{
		Name: st.Name, Reason: st.Reason, Message: st.Message, Source: st.Source, Line: st.Line, State: st.State, first: len(steps),
	}
	for i, op := range steps {
		if op.Ref.Name != st.Name {
			continue
		}
		if len(c.Steps) == 0 {
			c.first, c.Reason, c.Message = i, op.Reason, ""
		}
		c.Steps = append(c.Steps, op.Action)
	}
	c.Change = kindOf(st, c.Steps)
	return c
}

func kindOf(st reconcile.ContainerStatus, steps []driver.Action) change {
	has := func(a driver.Action) bool { return slices.Contains(steps, a) }
	switch {
	case len(steps) == 0:
		return kindOfWait(st)
	case has(driver.Create) && has(driver.Remove):
		return toReplace
	case has(driver.Create):
		return toCreate
	case st.Desired == "":
		return toRemove
	case has(driver.Shutdown) && has(driver.Start): // an operator's restart
		return toStart
	case has(driver.Shutdown), has(driver.Terminate), has(driver.Remove):
		return toStop
	case has(driver.Start):
		return toStart
	default: // pause, resume, update
		return toAdjust
	}
}

// kindOfWait is for a container that nothing can be done about now.
func kindOfWait(st reconcile.ContainerStatus) change {
	held := []reconcile.State{reconcile.StateWaiting, reconcile.StateHeld, reconcile.StatePruneBlocked, reconcile.StateStuck}
	// The state of what goes on running meanwhile tells of that; the reason tells more.
	against := []reconcile.Reason{
		reconcile.InvalidManifest, reconcile.DependencyNotMet, reconcile.Unsupported, reconcile.DependentsRunning,
	}
	switch {
	case st.State == reconcile.StateWaiting && len(st.Actual) == 0:
		return toCreate // later
	case slices.Contains(held, st.State), slices.Contains(against, st.Reason):
		return toHold
	default:
		return unchanged
	}
}

// exitCode is nil, or a code that says what came out.
func (p *plan) exitCode() error {
	refused := slices.ContainsFunc(p.Containers, func(c planned) bool { return c.Reason == reconcile.Unsupported })
	switch {
	case len(p.Problems) > 0, p.Doubt != "", refused:
		return codeError(exitError)
	case p.Summary[unchanged] < len(p.Containers):
		return codeError(exitChanges)
	default:
		return nil
	}
}
