package reconcile

import (
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
	share   string // "7 of 9", for people
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
	return fmt.Sprintf("%s containers would be removed at once; nothing is, until the files return or the removal is confirmed", b.share)
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
	if b.judge(now, c.leavers()) || expired {
		c.touchUnwanted()
		t.Brake = b.state()
	}
}

// leavers is what the brake judges.
type leavers struct {
	doomed   []string // unwanted, in the runtime, not let through; sorted
	ran      int      // names in the runtime, and those let through that have left it
	returned bool     // one that was held back is wanted again
}

func (c *Core) leavers() leavers {
	var l leavers
	b := &c.brake
	for _, e := range c.sorted() {
		switch {
		case e.want != nil:
			_, held := slices.BinarySearch(b.blocked, e.name)
			l.returned = l.returned || held
		case len(e.have) > 0 && b.holds(e.name):
			l.doomed = append(l.doomed, e.name)
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
	total := len(l.doomed) + len(b.removed)
	tooMany := total >= b.cfg.Min && float64(total) > b.cfg.MaxShare*float64(l.ran)
	switch {
	case len(l.doomed) == 0:
		changed = changed || len(b.blocked) > 0
		b.release(now, nil)
	case tooMany || len(b.blocked) > 0 && !l.returned:
		b.share = fmt.Sprintf("%d of %d", total, l.ran)
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

func (b *brake) release(now time.Time, names []string) {
	for _, n := range names {
		b.passed[n] = struct{}{}
		b.removed = append(b.removed, statedb.Removal{Name: n, At: now})
	}
	b.blocked, b.since, b.share = nil, time.Time{}, ""
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
