package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// ledger is what the oracle knows of one name: the truth of the world, and
// what the daemon was told.
type ledger struct {
	name    string
	want    *manifest.Container
	shade   *manifest.Container // what was wanted before the folder was in doubt
	blocked bool
	refused bool
	needs   []string // of the last manifest
	let     bool     // its removal was confirmed
	again   bool     // a restart is asked for, and its start is not begun
	retried bool     // the same, of a retry
	follows bool     // what it depends on was started anew, and it wants to be too
	turned  bool     // the next start is that of another version
	hold    *statedb.Hold

	// Of its versions; want is what it is to be, which may be an earlier one.
	manifest *manifest.Container // what the folder says
	back     *manifest.Container // what it was returned to; nil: it was not
	backFrom string              // from the manifest with this digest
	versions map[manifest.Revision]*manifest.Container
	worked   map[manifest.Revision]bool // a run was long enough
	rollout  time.Time                  // when the first step towards want was begun

	boxes map[manifest.Revision]*box
	seen  time.Time // when the runtime last held anything of it

	// Of the wanted version; see reset.
	last     *run
	past     []*manifest.Container // what was asked for since the last end, oldest first
	failures int                   // ends in a row that must be counted
	restarts []time.Time           // those of them that a start followed
	limited  time.Time             // since when they are limited as now
	starts   int                   // starts asked for, for an upper bound
	ends     int                   // ends of any kind
	graces   []time.Duration       // every grace period told

	over      map[manifest.Revision]bool // a run ended, and the daemon may remember it
	counted   int                        // starts since the daemon's count of failures was last 0
	completed map[string]bool            // by hash: a run may count as completed
	upUntil   map[string]time.Time       // by hash: when the last run was over
	sulks     map[manifest.Revision]bool // may rest although the books are new
	moods     map[string]bool            // digests that may rest likewise
}

// box is one container of the runtime.
type box struct {
	ref   driver.Ref
	live  bool
	since time.Time // the last change of live
	going bool      // a stop was begun
	run   *run      // the current or last one; nil before the first
}

// run is one life of an init process.
type run struct {
	begun, ended time.Time // ended is zero while it runs
	code         uint32
	lost         bool      // the runtime does not tell the code any more
	asked        time.Time // when the stop under way was asked for; zero: none is
	wasAsked     bool      // some stop was ever asked for
	wantedAgain  time.Time // since when it is wanted although a stop was asked for
	vitals       vitals
}

func (l *ledger) liveBoxes() []*box {
	var bs []*box
	for _, b := range l.boxes {
		if b.live {
			bs = append(bs, b)
		}
	}
	slices.SortFunc(bs, func(x, y *box) int { return x.since.Compare(y.since) })
	return bs
}

func (l *ledger) running() bool { return l.want != nil && l.wanted() != nil }

// wanted is the box that runs in the wanted version, nil if there is none.
func (l *ledger) wanted() *box {
	for _, b := range l.liveBoxes() {
		if sameVersion(l.want, b.ref.Revision) {
			return b
		}
	}
	return nil
}

// sameVersion reports whether what runs as rev is to be left alone: it is the
// wanted version, also in the terms of an older program, or of a program that
// this one does not know.
func sameVersion(c *manifest.Container, rev manifest.Revision) bool {
	if c.Revision == rev || c.Revision.Version() == "1" && rev.Version() == "1" {
		return c.Revision == rev
	}
	same, known := c.Matches(rev)
	return same || !known
}

// digest names what a manifest says, free fields included; cheaper than
// Container.Digest, and enough for the manifests of this simulation.
func digest(c *manifest.Container) string {
	sp := &c.Spec
	return fmt.Sprint(c.Revision, c.Live, c.Metadata.Labels["n"], sp.DesiredState, sp.RestartPolicy, sp.DependsOn, *sp.TerminationGracePeriodSeconds,
		*sp.Restart.InitialDelay, *sp.Restart.MaxDelay, *sp.Restart.ResetAfter, sp.Restart.MaxRestarts, sp.Restart.Window, sp.Restart.ExitRules,
		sp.Update.Strategy, *sp.Update.ProgressDeadline, *sp.Update.Rollback, opens(c))
}

// wantsRun reports whether the manifest asks for a running container.
func (l *ledger) wantsRun() bool {
	return l.want != nil && l.want.Spec.DesiredState != manifest.DesiredStopped
}

// reset begins new books: another version, or a new wish. What may have been
// at rest may stay so: the daemon need not have seen the change.
func (l *ledger) reset() {
	l.sulk()
	l.last, l.failures, l.restarts, l.ends = nil, 0, nil, 0
	l.past, l.starts, l.rollout = nil, 0, time.Time{}
}

// sulk remembers for what the container may be at rest already.
func (l *ledger) sulk() {
	if l.want == nil {
		return
	}
	if l.isCompleted() {
		l.completed[hashOf(l.want.Revision)] = true
	}
	if l.mayBeOver() {
		l.sulks[l.want.Revision] = true
	}
	if l.mayRest() {
		l.moods[digest(l.want)] = true
	}
}

// forgive: an edit lets a container that gave up try again.
func (l *ledger) forgive() {
	l.sulk()
	l.last, l.failures, l.restarts, l.past = nil, 0, nil, nil
}

// adopt begins the books of a version with the runs that were there before it
// was wanted: the daemon may remember any number of them.
func (l *ledger) adopt() {
	for _, b := range l.boxes {
		if b.live && sameVersion(l.want, b.ref.Revision) {
			l.last, l.ends, l.starts = b.run, many, many
		}
	}
	for rev := range l.over {
		if sameVersion(l.want, rev) {
			l.ends, l.starts = many, many
			l.sulks[l.want.Revision] = l.last == nil
			l.completed[hashOf(l.want.Revision)] = true
		}
	}
}

// many is more restarts than any limit.
const many = 1000

// watch brings the books up to what happened in the world.
func (o *oracle) watch(exits []driver.Status) {
	journal := o.s.world.Journal()
	for _, e := range journal[o.read:] {
		if e.Owner != owner {
			continue
		}
		l := o.ledger(e.Ref.Name)
		l.seen = e.At
		switch e.Verb {
		case "exit":
			o.ended(l, l.boxes[e.Ref.Revision], exits[0])
			exits = exits[1:]
		case "forget", "vanish", "reboot":
			o.vanished(l, l.boxes[e.Ref.Revision], e.At)
			delete(l.boxes, e.Ref.Revision)
		default:
			if e.Err == nil {
				o.happened(l, e)
			}
		}
	}
	o.read = len(journal)
}

func (o *oracle) happened(l *ledger, e fake.Entry) {
	rev := e.Ref.Revision
	switch driver.Action(e.Verb) {
	case driver.Create:
		l.boxes[rev] = &box{ref: e.Ref, since: e.At}
	case driver.Remove:
		delete(l.boxes, rev)
	case driver.Start:
		b := l.boxes[rev]
		b.live, b.since, b.going, b.run = true, e.At, false, &run{begun: e.At, vitals: born(o.s.world.Manifest(e.Ref))}
		if l.want != nil { // as it is when the daemon sees the run
			b.run.vitals.edited(l.want)
		}
		if c := cmp.Or(l.want, l.shade); c != nil && sameVersion(c, rev) { // in doubt it may only seem unwanted
			l.last = b.run
		}
		if n := len(l.liveBoxes()); n > 1 && (n > 2 || !l.mayOverlap()) {
			o.fail("copies", "%d containers of %s run at once", n, l.name)
		}
	default:
	}
}

func (o *oracle) ended(l *ledger, b *box, st driver.Status) {
	r := b.run
	b.live, b.since, r.ended, r.code = false, st.Exit.At, st.Exit.At, st.Exit.Code
	l.isOver(b.ref.Revision, r)
	o.count(l, r)
}

// isOver notes the end of a run, whatever it means.
func (l *ledger) isOver(rev manifest.Revision, r *run) {
	l.worked[rev] = l.worked[rev] || r.ended.Sub(r.begun) >= r.proof()
	l.over[rev] = true
	l.upUntil[hashOf(rev)] = r.ended
}

// vanished: what ran has ended and nobody can tell how; what had ended already
// cannot be asked any more.
func (o *oracle) vanished(l *ledger, b *box, at time.Time) {
	r := b.run
	if r == nil {
		return
	}
	r.lost = true
	if !b.live && b.going && !r.wasAsked && l.last == r { // it ended before it was asked, and nobody can tell any more
		r.wasAsked = true
		l.failures = max(l.failures-1, 0)
	}
	if b.live {
		b.live, r.ended = false, at
		l.isOver(b.ref.Revision, r)
		o.count(l, r)
	}
}

// count enters an end in the books of the wanted version.
func (o *oracle) count(l *ledger, r *run) {
	if l.last != r {
		return
	}
	l.ends++
	l.past = append(l.past[:0:0], cmp.Or(l.want, l.shade))
	if r.wasAsked {
		return
	}
	for _, c := range l.past {
		if b := c.Spec.Backoff(); r.ended.Sub(r.begun) >= b.ResetAfter-time.Second {
			l.failures, l.restarts = 0, nil
		}
	}
	if any, _ := o.s.clock.jumped(r.begun); any {
		l.failures = 0
	}
	l.failures++
}

// mayReset: an end may be judged by a manifest that came after it, for which
// the run was a long one.
func (l *ledger) mayReset(c *manifest.Container) {
	if r := l.last; r != nil && !r.ended.IsZero() && r.ended.Sub(r.begun) >= c.Spec.Backoff().ResetAfter-time.Second {
		l.failures, l.restarts = min(l.failures, 1), nil
	}
}

// final reports whether an end means that this version is not started again,
// as the manifest c has it.
func final(c *manifest.Container, code uint32, known bool) bool {
	if known {
		for _, rule := range c.Spec.Restart.ExitRules {
			for _, codes := range rule.Codes {
				if codes.From <= code && code <= codes.To {
					return rule.Action != manifest.ExitRestart
				}
			}
		}
	}
	switch c.Spec.RestartPolicy {
	case manifest.RestartAlways:
		return false
	case manifest.RestartOnFailure:
		return known && code == 0
	default:
		return true
	}
}

// isCompleted reports whether the last end may count as a success.
func (l *ledger) isCompleted() bool {
	r := l.last
	return r != nil && !r.ended.IsZero() && slices.ContainsFunc(l.past, func(c *manifest.Container) bool {
		return r.code == 0 && final(c, 0, true) || slices.ContainsFunc(c.Spec.Restart.ExitRules, func(rule manifest.ExitRule) bool {
			return rule.Action == manifest.ExitComplete
		})
	})
}

// mustRest reports whether the last run must not be followed by another,
// whichever of the manifests since its end is the one to judge it.
func (l *ledger) mustRest() bool {
	r := l.last
	if r == nil || r.ended.IsZero() || r.wasAsked || len(l.past) == 0 {
		return false
	}
	for _, c := range l.past {
		if r.vitals.killed && c.Spec.RestartPolicy != manifest.RestartNever {
			return false
		}
		if r.lost && !final(c, 0, false) || !final(c, r.code, true) {
			return false
		}
	}
	return true
}

// mayRest reports whether there is any reading of the rules by which the
// wanted version is not to run now.
func (l *ledger) mayRest() bool {
	if l.moods[digest(l.want)] || l.mayBeOver() {
		return true
	}
	for rev := range l.sulks {
		if l.sulks[rev] && sameVersion(l.want, rev) {
			return true
		}
	}
	for _, c := range append(slices.Clone(l.past), l.want) {
		if m := c.Spec.Restart.MaxRestarts; m > 0 && max(l.ends, l.starts) > m {
			return true
		}
	}
	return false
}

// mayBeOver reports whether the last end may be one that no start follows.
func (l *ledger) mayBeOver() bool {
	r := l.last
	if l.starts == 0 && r == nil || r != nil && r.ended.IsZero() {
		return false
	}
	for _, c := range append(slices.Clone(l.past), l.want) {
		if (r == nil || r.lost || r.wasAsked) && final(c, 0, false) {
			return true
		}
		if r != nil && (final(c, r.code, true) || r.vitals.killed && c.Spec.RestartPolicy == manifest.RestartNever) {
			return true
		}
	}
	return false
}

// shortest is the least time that must pass after n failures in a row.
func shortest(c *manifest.Container, n int) time.Duration {
	b := c.Spec.Backoff()
	d := float64(b.InitialDelay) * math.Pow(b.Factor, float64(n-1))
	return time.Duration(min(d, float64(b.MaxDelay)))
}

// mayStart judges a start against delay and limit.
func (o *oracle) mayStart(l *ledger) error {
	r := l.last
	if r == nil || r.ended.IsZero() || r.wasAsked || l.failures == 0 {
		return nil
	}
	if jumped, _ := o.s.clock.jumped(r.begun); jumped {
		return nil
	}
	waited, least := o.s.now.Sub(r.ended), time.Duration(math.MaxInt64)
	allowed := false
	for _, c := range l.past {
		least = min(least, shortest(c, l.failures))
		b := c.Spec.Backoff()
		used, end := 0, r.ended
		if r.lost { // the daemon can only know when it saw that it was gone
			end = o.s.now
		}
		for _, at := range l.restarts {
			jumped, _ := o.s.clock.jumped(at)
			if !at.Equal(r.ended) && !jumped && (b.Window == 0 || end.Sub(at) < b.Window) {
				used++
			}
		}
		allowed = allowed || b.MaxRestarts == 0 || used < b.MaxRestarts
	}
	if len(l.past) == 0 {
		return nil
	}
	if waited < least {
		return fmt.Errorf("%s after %d failures is too soon: at least %s", waited, l.failures, least)
	}
	if !allowed {
		return fmt.Errorf("started more often than maxRestarts allows (%d before)", len(l.restarts))
	}
	return nil
}
