package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// BrakeConfig sets the prune brake.
type BrakeConfig struct {
	// MaxShare of what ran may be removed within Window without being asked
	// back; more than that, and at least Min, is held. 0..1.
	MaxShare float64
	Min      int
	Window   time.Duration
	// AllowEmpty lets a folder that asks for nothing at all empty the host
	// within the limits above; without it not even one container goes then.
	AllowEmpty bool
}

// DefaultBrake lets a person delete a file or two, and stops a sync accident.
func DefaultBrake() BrakeConfig {
	return BrakeConfig{MaxShare: 0.5, Min: 3, Window: time.Minute}
}

// brake judges removals together: each for itself looks harmless.
type brake struct {
	cfg     BrakeConfig
	removed []statedb.Removal   // let through within the window
	passed  map[string]struct{} // let through, and not gone or wanted again yet
	blocked []string            // sorted
	since   time.Time
	why     string // it holds, for people
	unsaved bool
}

func newBrake(now time.Time, cfg BrakeConfig, saved statedb.Brake) brake {
	b := brake{cfg: cfg, blocked: saved.Blocked, since: saved.Since, passed: map[string]struct{}{}}
	for _, r := range saved.Removed {
		if r.At.After(now) { // the wall clock went back while no daemon ran
			r.At = now
		}
		b.removed = append(b.removed, r)
	}
	b.unsaved = b.expire(now)
	for _, r := range b.removed {
		b.passed[r.Name] = struct{}{}
	}
	return b
}

func (b *brake) holds(name string) bool {
	_, ok := b.passed[name]
	return !ok
}

// wanted forgets that a name was let through: it is back, and going again is
// another removal.
func (b *brake) wanted(name string) {
	before := len(b.removed)
	delete(b.passed, name)
	b.removed = slices.DeleteFunc(b.removed, func(r statedb.Removal) bool { return r.Name == name })
	b.unsaved = b.unsaved || len(b.removed) != before
}

func (b *brake) message() string {
	return cmp.Or(b.why, "too many would be removed") + "; nothing is, until the files return or the removal is confirmed"
}

// applyBrake judges what is to go, whenever something in line might.
func (c *Core) applyBrake(now time.Time, t *Turn) {
	b := &c.brake
	unwanted := func(e *entry) bool { return e.want == nil }
	if c.doubt != "" { // the folder itself is not believed: nothing to judge
		if b.unsaved {
			b.unsaved, t.Brake = false, b.state()
		}
		return
	}
	inLine := slices.ContainsFunc(c.dirty, unwanted) || slices.ContainsFunc(c.ready, unwanted)
	if len(b.blocked)+len(b.passed) == 0 && !b.unsaved && !inLine {
		return
	}
	expired := b.expire(now) // first: what went long ago is no part of what ran
	l := c.leavers(now)
	c.allow(now, l.allowed)
	if b.judge(now, l) || expired || len(l.allowed) > 0 {
		c.touchUnwanted()
		t.Brake = b.state()
	}
}

// leavers is what the brake judges.
type leavers struct {
	doomed   []string // unwanted, in the runtime, not let through; sorted
	allowed  []string // the same, but the tree itself allows it; sorted, no part of what ran
	ran      int      // names in the runtime, and those let through that have left it
	returned bool     // one that was held back is wanted again
	empty    bool     // nothing at all is wanted
	suspect  string   // why one of doomed must not go unasked, however few they are
}

func (c *Core) leavers(now time.Time) leavers {
	l := leavers{empty: true}
	b := &c.brake
	for _, e := range c.sorted() {
		switch {
		case e.want != nil:
			l.empty = false
			_, held := slices.BinarySearch(b.blocked, e.name)
			l.returned = l.returned || held
		case len(e.have) > 0 && c.permit.allows(now, e.name):
			if b.holds(e.name) {
				l.allowed = append(l.allowed, e.name)
			}
			continue
		case len(e.have) > 0 && b.holds(e.name):
			l.doomed = append(l.doomed, e.name)
			if a := c.away[e.name]; a.Relabelled {
				l.suspect = cmp.Or(l.suspect, fmt.Sprintf("the labels of this host were changed, and %s: %s", e.name, a.Why))
			}
		}
		if len(e.have) > 0 {
			l.ran++
		}
	}
	for _, r := range b.removed {
		if e := c.entries[r.Name]; e == nil || len(e.have) == 0 {
			l.ran++
		}
	}
	return l
}

// expire strikes off the removals that are older than the window; it reports
// whether there were any.
func (b *brake) expire(now time.Time) bool {
	before := len(b.removed)
	b.removed = slices.DeleteFunc(b.removed, func(r statedb.Removal) bool { return now.Sub(r.At) >= b.cfg.Window })
	return len(b.removed) != before
}

// judge lets all of doomed through, or none; it reports whether anything
// changed. What is held back stays so until a file returns: waiting for the
// window to pass is no consent.
func (b *brake) judge(now time.Time, l leavers) bool {
	changed := b.unsaved
	b.unsaved = false
	why := b.objection(l)
	switch {
	case len(l.doomed) == 0:
		changed = changed || len(b.blocked) > 0
		b.release(now, nil)
	case why != "" || len(b.blocked) > 0 && !l.returned:
		b.why = cmp.Or(why, b.why, fmt.Sprintf("%d of %d containers are still missing from the manifests", len(l.doomed), l.ran))
		if slices.Equal(b.blocked, l.doomed) {
			return changed
		}
		if len(b.blocked) == 0 {
			b.since = now
		}
		b.blocked, changed = l.doomed, true
	default:
		b.release(now, l.doomed)
		changed = true
	}
	return changed
}

// objection is what is against letting go of all that is to go; "" if nothing is.
func (b *brake) objection(l leavers) string {
	total := len(l.doomed) + len(b.removed)
	switch {
	case l.suspect != "":
		return l.suspect
	case l.empty && !b.cfg.AllowEmpty:
		return fmt.Sprintf("the folder asks for no container any more, and %d would be removed", len(l.doomed))
	case total >= b.cfg.Min && float64(total) > b.cfg.MaxShare*float64(l.ran):
		return fmt.Sprintf("%d of %d containers would be removed at once", total, l.ran)
	default:
		return ""
	}
}

func (b *brake) release(now time.Time, names []string) {
	for _, n := range names {
		b.passed[n] = struct{}{}
		b.removed = append(b.removed, statedb.Removal{Name: n, At: now})
	}
	b.blocked, b.since, b.why = nil, time.Time{}, ""
}

// confirm lets everything through that is held back now, and does not count it
// against later removals.
func (b *brake) confirm(now time.Time) []string {
	names := b.blocked
	if len(names) == 0 {
		return nil
	}
	b.release(now, names)
	b.removed, b.unsaved = nil, true
	return names
}

func (b *brake) state() *statedb.Brake {
	return &statedb.Brake{Removed: slices.Clone(b.removed), Blocked: slices.Clone(b.blocked), Since: b.since}
}
