package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// view gathers what the decision on e rests on.
func (c *Core) view(now time.Time, e *entry) View {
	health := c.health(e) // first: it may begin the memory of a run
	v := View{Now: now, Want: e.want, Have: e.have, Record: e.rec, Away: c.away[e.name].Why, Health: health, Draining: c.draining}
	if e.want != nil {
		v.HoldStart = c.holdStart(e)
		v.Seen, v.Preview = e.listedAt, c.preview
		v.Ready, v.Edit, v.Good, v.Alone = e.ready(), e.edit, c.goodVersion(e), e.alone
	}
	v.HoldStop = c.holdStop(e)
	v.PreStops = c.preStops(e)
	if e.hook != nil {
		v.Hook = e.hook.Kind
	}
	return v
}

// holdStart is what is against starting or replacing e.
func (c *Core) holdStart(e *entry) *Hold {
	if e.blocked != "" {
		return &Hold{StateHeld, InvalidManifest, e.blocked}
	}
	if e.astray {
		text := rollbackText(e.rec.Rollback)
		if !c.preview { // which has no versions
			text += "; but that version is lost: edit the manifest, or retry"
		}
		return &Hold{StateHeld, RolledBack, text}
	}
	if e.refused != nil {
		return e.refused
	}
	for _, dep := range e.want.Spec.DependsOn {
		if is, met := c.met(dep); !met {
			return &Hold{StateWaiting, DependencyNotMet, fmt.Sprintf("%s shall be %s, and is %s", dep.Name, dep.Condition, is)}
		}
	}
	if with := e.want.Spec.Network.ShareWith; with != "" {
		if is, met := c.met(manifest.Dependency{Name: with, Condition: manifest.ConditionStarted}); !met {
			return &Hold{StateWaiting, DependencyNotMet, fmt.Sprintf("%s lends its network, and is %s", with, is)}
		}
	}
	return nil
}

// met reports whether a dependency has reached its condition.
func (c *Core) met(dep manifest.Dependency) (is State, met bool) {
	e := c.entries[dep.Name]
	if e == nil || e.want == nil {
		return "not in the manifests", false
	}
	completed := e.rec.Verdict == statedb.Completed && c.current(e)
	switch dep.Condition {
	case manifest.ConditionCompleted:
		met = completed
	case manifest.ConditionStarted:
		met = completed || e.running()
	case manifest.ConditionReady:
		met = e.ready()
	}
	switch is = e.last.State; {
	case is == "":
		is = StatePending
	case is == StateRunning && !e.running():
		is = "no longer running"
	}
	return is, met
}

// current reports whether the record speaks of the wanted revision.
func (c *Core) current(e *entry) bool {
	same, known := e.want.Matches(manifest.Revision(e.rec.Revision))
	return same || !known
}

// running reports whether a container of the wanted revision runs.
func (e *entry) running() bool {
	return slices.ContainsFunc(e.have, func(s driver.Status) bool { return live(&s) && e.wants(s.Revision) })
}

// ready reports whether a container of the wanted revision runs and does its
// work, as far as its probes and its postStart hook say. It is the one place
// that says so.
func (e *entry) ready() bool {
	if h := e.rec.Hooks; h != nil && h.PostStart != "" {
		return false
	}
	return slices.ContainsFunc(e.have, func(s driver.Status) bool {
		return s.State == driver.Running && e.wants(s.Revision) && (!e.probes(s.Revision) || e.rec.Probes == nil || e.rec.Probes.Ready)
	})
}

// probes reports whether a container of revision r is probed: one that a newer
// program made is left alone, and so is ready when it runs.
func (e *entry) probes(r manifest.Revision) bool {
	if e.want == nil || e.want.Spec.Probes() == [3]*manifest.Probe{} {
		return false
	}
	_, known := e.want.Matches(r)
	return known || e.want.Revision == r
}

// wants reports whether r is the wanted revision, in r's own terms.
func (e *entry) wants(r manifest.Revision) bool {
	if e.want == nil || e.want.Revision == r {
		return e.want != nil
	}
	same, known := e.want.Matches(r)
	return same || !known
}

// holdStop is what is against stopping or removing e.
func (c *Core) holdStop(e *entry) *Hold {
	if e.want == nil && !c.draining {
		if c.doubt != "" {
			return &Hold{StateHeld, FolderInDoubt, c.doubt}
		}
		if c.brake.holds(e.name) {
			return &Hold{StatePruneBlocked, PruneBlocked, c.brake.message()}
		}
	}
	if !c.leaving(e) {
		return nil
	}
	for _, name := range c.needed[e.name] {
		if d := c.entries[name]; d != nil && c.leaving(d) && d.anyLive() && !c.reaches(e, d.name, map[string]bool{}) {
			return &Hold{StateStopping, DependentsRunning, name + " needs it, and stops first"}
		}
	}
	return nil
}

// leaving reports whether e is on its way out, rather than being replaced.
func (c *Core) leaving(e *entry) bool {
	return c.draining || e.want == nil || e.want.Spec.DesiredState == manifest.DesiredStopped
}

func (e *entry) anyLive() bool {
	return slices.ContainsFunc(e.have, func(s driver.Status) bool { return live(&s) })
}

// reaches reports whether e itself needs name, over any number of steps: in a
// ring nobody can be last, so nobody waits.
func (c *Core) reaches(e *entry, name string, seen map[string]bool) bool {
	if seen[e.name] {
		return false
	}
	seen[e.name] = true
	for _, n := range e.rec.Needs {
		if n == name {
			return true
		}
		if d := c.entries[n]; d != nil && c.reaches(d, name, seen) {
			return true
		}
	}
	return false
}

// index keeps the reversed dependencies.
func (c *Core) index(e *entry, before, after []string) {
	for _, n := range before {
		c.needed[n] = slices.DeleteFunc(c.needed[n], func(s string) bool { return s == e.name })
		if len(c.needed[n]) == 0 {
			delete(c.needed, n)
		}
	}
	for _, n := range after {
		if i, found := slices.BinarySearch(c.needed[n], e.name); !found {
			c.needed[n] = slices.Insert(c.needed[n], i, e.name)
		}
	}
}
