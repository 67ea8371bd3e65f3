package folder

import "time"

// proving is the doubt that is left when its reason has ended.
const proving = "the folder was in doubt until now, and is read whole once more before anything is removed"

// proof is what ends a doubt. When its reason ends, what is known of the tree
// was read piece by piece while it was nobody's wish: names may have been
// dropped whose new files are not read yet. So a doubt outlives its reason until
// a reading of the whole tree that began afterwards has settled.
type proof struct {
	doubted bool      // the last update was in doubt
	begun   time.Time // that reading; zero: not yet
	due     time.Time // when to begin it, or to see whether it has settled; zero: no need
}

// reread begins the proof if the reason of a doubt has ended, or if Git has
// just let go of files that changed under it.
func (r *reader) reread(now time.Time, freed bool) {
	ended := r.proof.doubted && r.proof.begun.IsZero() && r.reason() == ""
	if !ended && (!freed || len(r.settle.open) == 0) {
		return
	}
	r.settle.restart(now)
	r.scan(".", now)
	if ended {
		r.proof.begun = now
	}
}

// prove returns what is in doubt by now, and when to look again.
func (r *reader) prove(now time.Time) string {
	why := r.reason()
	p := &r.proof
	switch {
	case why != "":
		*p = proof{doubted: true}
	case !p.doubted:
	case p.begun.IsZero():
		why, p.due = proving, now
	case r.proven(now):
		*p = proof{}
	default:
		why, p.due = proving, r.settle.last.Add(r.settle.Change)
		if !p.due.After(now) { // an open change will wake us
			p.due = time.Time{}
		}
	}
	return why
}

// proven reports whether the whole reading has settled, or has been given the
// time to and left no new file unread.
func (r *reader) proven(now time.Time) bool {
	if len(r.settle.open) == 0 && !now.Before(r.settle.last.Add(r.settle.Change)) {
		return true
	}
	return r.unread() == "" && now.Sub(r.proof.begun) >= r.settle.Max+2*r.settle.Add
}
