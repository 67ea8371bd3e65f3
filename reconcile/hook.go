package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// HookKind is which of a container's lifecycle hooks.
type HookKind string

// The hooks.
const (
	PostStart HookKind = "postStart"
	PreStop   HookKind = "preStop"
)

// minShutdown is how long a container has between Shutdown and Terminate at
// least, although its preStop used up the grace period. It is a Pod's.
const minShutdown = 2 * time.Second

// HookOp is one hook that the engine shall run now, until Deadline at most.
type HookOp struct {
	Ref       driver.Ref
	Kind      HookKind
	Container *manifest.Container // what is wanted; nil if nothing is
	Hook      *manifest.Hook
	At        time.Time
	Deadline  time.Time

	run uint64
}

// beginHook hands out a hook whose record says that it has begun.
func (c *Core) beginHook(now time.Time, e *entry, d Decision, t *Turn) {
	c.runs++
	op := HookOp{Ref: d.Ref, Kind: d.Hook, Container: e.want, At: now, run: c.runs}
	if d.Hook == PreStop {
		op.Hook, op.Deadline = c.preStops(e)[d.Ref.Revision], d.Record.StopAt
	} else {
		op.Hook, op.Deadline = e.want.Spec.Lifecycle.PostStart, now.Add(time.Duration(*e.want.Spec.Update.ProgressDeadline))
	}
	e.hook = &op
	t.Hooks = append(t.Hooks, op)
}

// Hooked takes the end of a hook; err holds no secret.
func (c *Core) Hooked(now time.Time, op HookOp, err error) {
	e := c.entries[op.Ref.Name]
	if e == nil || e.hook == nil || e.hook.run != op.run {
		return
	}
	e.hook = nil
	ev := Event{
		At: now, Kind: Hooked, Container: e.name, Change: e.change, Revision: string(op.Ref.Revision), Hook: op.Kind,
		Reason: HookDone, State: e.last.State, Message: string(op.Kind) + " is done", Took: now.Sub(op.At), Err: err,
	}
	if err != nil {
		ev.Reason, ev.Warning, ev.Message = HookFailed, true, fmt.Sprintf("%s: %v", op.Kind, err)
	}
	c.events = append(c.events, ev)
	if h := e.rec.Hooks; op.Kind == PostStart && h != nil {
		e.rec.Hooks = hooks(h.PreStop, "")
		if err != nil {
			e.hookFailed = &Failure{Reason: PostStartFailed, Message: ev.Message}
		}
	}
	c.touch(e)
	c.touchAround(e)
}

// hooked is the health of a container as far as its hooks go; nil if there is
// nothing to say.
func (e *entry) hooked() *Health {
	if e.hookFailed == nil {
		return nil
	}
	return &Health{Failed: e.hookFailed}
}

// preStops are the hooks of the containers of e by their revisions; nil if
// there are none. A hook is as the manifest of its revision has it, if that is
// known still, otherwise as it was stored.
func (c *Core) preStops(e *entry) map[manifest.Revision]*manifest.Hook {
	e.learnPreStop()
	if c.preview { // it takes time, and none passes
		return nil
	}
	var all map[manifest.Revision]*manifest.Hook
	for i := range e.have {
		rev := e.have[i].Revision
		if h := e.preStopOf(rev); h != nil {
			if all == nil {
				all = map[manifest.Revision]*manifest.Hook{}
			}
			all[rev] = h
		}
	}
	return all
}

// learnPreStop keeps the hook of what runs as wanted, for when it is not wanted
// any more.
func (e *entry) learnPreStop() {
	h := e.current()
	if h == nil || !live(h) {
		return
	}
	hook := e.want.Spec.Lifecycle.PreStop
	if hook == nil {
		delete(e.learned, h.Revision)
		return
	}
	if e.learned == nil {
		e.learned = map[manifest.Revision]*manifest.Hook{}
	}
	if e.learned[h.Revision] == nil { // a new one: forget those of what is gone
		maps.DeleteFunc(e.learned, func(rev manifest.Revision, _ *manifest.Hook) bool {
			return !slices.ContainsFunc(e.have, func(s driver.Status) bool { return s.Revision == rev })
		})
	}
	e.learned[h.Revision] = hook
}

func (e *entry) preStopOf(rev manifest.Revision) *manifest.Hook {
	if h := e.learned[rev]; h != nil {
		return h
	}
	if e.good.revision == string(rev) && !e.wants(rev) {
		if v := e.good.container(e.name); v != nil {
			return v.Spec.Lifecycle.PreStop
		}
	}
	if h := e.rec.Hooks; h != nil && len(h.PreStop) > 0 && len(e.have) == 1 {
		var hook manifest.Hook
		if json.Unmarshal(h.PreStop, &hook) == nil {
			return &hook
		}
	}
	return nil
}

// storedHooks are the hooks of a run of c, as they are remembered.
func storedHooks(c *manifest.Container, postStart statedb.HookState) *statedb.Hooks {
	var text []byte
	if h := c.Spec.Lifecycle.PreStop; h != nil {
		text, _ = json.Marshal(h.WithoutHeaders()) // plain data always encodes
	}
	return hooks(text, postStart)
}

// hooks is nil where there is nothing to remember.
func hooks(preStop []byte, postStart statedb.HookState) *statedb.Hooks {
	if len(preStop) == 0 && postStart == "" {
		return nil
	}
	return &statedb.Hooks{PreStop: preStop, PostStart: postStart}
}

// keepHooks remembers the hooks of what runs as wanted.
func (s *step) keepHooks(c *manifest.Container) {
	var state statedb.HookState
	if h := s.rec.Hooks; h != nil {
		state = h.PostStart
	}
	if h := storedHooks(c, state); !sameHooks(h, s.rec.Hooks) {
		s.rec.Hooks = h
	}
}

func sameHooks(a, b *statedb.Hooks) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.PreStop, b.PreStop) && a.PostStart == b.PostStart
}

func sameProbes(a, b *statedb.Probes) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// remember begins the memory of a new run: no probe has succeeded, and its
// postStart is due.
func remember(r *statedb.Record, c *manifest.Container) {
	var state statedb.HookState
	if c.Spec.Lifecycle.PostStart != nil {
		state = statedb.HookDue
	}
	r.Hooks, r.Probes = storedHooks(c, state), nil
	if c.Spec.Probes() != [3]*manifest.Probe{} {
		r.Probes = &statedb.Probes{}
	}
}

// postStart runs the hook of a run that has just begun, and waits for it. One
// that an earlier daemon began is not begun again.
func (s *step) postStart() (Decision, bool) {
	h := s.rec.Hooks
	if h == nil || h.PostStart == "" || s.cur.State != driver.Running {
		return Decision{}, false
	}
	begin := h.PostStart == statedb.HookDue && s.Want.Spec.Lifecycle.PostStart != nil
	if !begin && s.Hook != PostStart {
		s.rec.Hooks = hooks(h.PreStop, "")
		return Decision{}, false
	}
	if begin {
		s.rec.Hooks = hooks(h.PreStop, statedb.HookBegun)
	}
	d := s.wait(StateStarting, PostStartHook, "its postStart hook runs", time.Time{})
	if begin {
		d.Hook, d.Ref = PostStart, s.cur.Ref
	}
	return d, true
}

// preStop runs the hook of what is to be stopped, and waits for its end or that
// of the grace period, of which it is a part.
func (s *step) preStop(h driver.Status) (Decision, bool) {
	r := &s.rec
	if r.StopHook == statedb.HookOver || r.StopHook == "" && !s.hasPreStop(&h) {
		return Decision{}, false
	}
	begin, until := r.StopHook == "", r.StopAt
	waits := begin || s.Hook == PreStop
	if hook := s.PreStops[h.Revision]; hook != nil && hook.Sleep != nil {
		begin = false
		if end := r.StopAt.Add(time.Duration(hook.Sleep.Seconds)*time.Second - r.Grace); end.Before(until) {
			until = end
		}
		waits = true
	}
	if !waits || !s.Now.Before(until) {
		s.endPreStop()
		return Decision{}, false
	}
	r.StopHook = statedb.HookBegun
	text := fmt.Sprintf("its preStop hook runs (%s); has %s to do so", r.StopReason, short(s.grace()))
	d := s.wait(StateStopping, PreStopHook, text, until)
	if begin {
		d.Hook, d.Ref = PreStop, h.Ref
	}
	return d, true
}

// hasPreStop reports whether h has a hook to run, and time for it.
func (s *step) hasPreStop(h *driver.Status) bool {
	return s.PreStops[h.Revision] != nil && h.State == driver.Running && s.rec.Grace > 0
}

// endPreStop leaves the container a moment for its shutdown, whatever the hook
// has used up.
func (s *step) endPreStop() {
	r := &s.rec
	r.StopHook = statedb.HookOver
	if short := minShutdown - r.StopAt.Sub(s.Now); short > 0 {
		r.StopAt, r.Grace = r.StopAt.Add(short), r.Grace+short
	}
}
