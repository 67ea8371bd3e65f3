package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// turnTo makes the record speak of the wanted revision.
func (s *step) turnTo(c *manifest.Container) {
	r := &s.rec
	r.Source, r.Needs = c.Origin.File, c.Needs()
	s.takeGrace()
	if s.cur != nil && live(s.cur) {
		r.Ran, r.Started, r.Verdict, r.Edit = true, s.cur.Started, "", ""
		s.keepHooks(c)
		if r.Ask == statedb.AskRetry { // there is nothing to try again
			clearAsk(r)
		}
	}
	if r.Revision != string(c.Revision) {
		same, known := c.Matches(manifest.Revision(r.Revision))
		if r.Revision == "" || known && !same {
			r.Renew = r.Revision != ""
			fresh(r)
			r.Ran = s.cur != nil && live(s.cur)
		}
		if !known && s.cur == nil && len(s.old) > 0 { // the run remembered may be that of the other one
			r.Ran = false
		}
		r.Revision = string(c.Revision)
	}
	s.forgive(c)
}

// fresh forgets what was counted for another revision.
func fresh(r *statedb.Record) {
	r.Ran, r.Failures, r.Recent, r.RetryAt, r.Verdict, r.Edit, r.Live = false, 0, nil, time.Time{}, "", "", ""
	r.Rollout, r.Stalled = time.Time{}, false
	calmDown(r)
}

// calmDown forgets failed calls.
func calmDown(r *statedb.Record) {
	r.FailedOp, r.OpErrors, r.OpRetryAt, r.LastError = "", 0, time.Time{}, ""
}
