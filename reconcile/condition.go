package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// ConditionType is a question about a container that is answered by itself,
// beside the one word of its State.
type ConditionType string

// The conditions of a container, in the order of its life.
const (
	ConditionValid   ConditionType = "Valid"   // its manifest can be followed by this daemon and driver
	ConditionCreated ConditionType = "Created" // the runtime holds it in the wanted revision
	ConditionStarted ConditionType = "Started" // its init process runs, in the wanted revision
	ConditionReady   ConditionType = "Ready"   // it does its work
	ConditionSettled ConditionType = "Settled" // nothing is under way or due
)

// ConditionTypes is the closed list.
var ConditionTypes = []ConditionType{ConditionValid, ConditionCreated, ConditionStarted, ConditionReady, ConditionSettled}

// Condition is one question and its answer.
type Condition struct {
	Type    ConditionType `json:"type"`
	Status  bool          `json:"status"`
	Reason  Reason        `json:"reason"` // UpToDate if Status, otherwise what is in the way
	Message string        `json:"message,omitempty"`
	Since   time.Time     `json:"since,omitzero"` // as far as this daemon, or the runtime, knows
}

// answer is what is kept of one condition.
type answer struct {
	is    bool
	since time.Time
}

// note keeps since when each condition is as it is.
func (c *Core) note(now time.Time, e *entry) {
	if e.answers == nil {
		e.answers = make([]answer, len(ConditionTypes))
	}
	for i, t := range ConditionTypes {
		if is := c.holdsTrue(e, t); is != e.answers[i].is || e.answers[i].since.IsZero() {
			e.answers[i] = answer{is, now}
		}
	}
}

func (c *Core) holdsTrue(e *entry, t ConditionType) bool {
	switch t {
	case ConditionValid:
		return e.want != nil && e.blocked == "" && e.refused == nil
	case ConditionCreated:
		return e.current() != nil
	case ConditionStarted:
		return e.running()
	case ConditionReady:
		return e.ready()
	default:
		return c.settled(e)
	}
}

// current is the container of the wanted revision, nil if the runtime has none.
func (e *entry) current() *driver.Status {
	for i := range e.have {
		if e.wants(e.have[i].Revision) {
			return &e.have[i]
		}
	}
	return nil
}

// settled reports whether nothing is under way or due for e. What only time
// will bring (the end of a hold, an update window) nobody need wait for.
func (c *Core) settled(e *entry) bool {
	return c.Started() && e.busy == nil && e.queue == idle && e.quarantine.IsZero() &&
		(e.last.Wake.IsZero() || e.last.Idle) && e.last.Reason != WaitingForReady
}

// conditions shows the answers of e.
func (c *Core) conditions(e *entry) []Condition {
	out := make([]Condition, len(ConditionTypes))
	for i, t := range ConditionTypes {
		is := c.holdsTrue(e, t)
		out[i] = Condition{Type: t, Status: is, Reason: UpToDate}
		if !is {
			out[i].Reason, out[i].Message = c.whyNot(e, t)
		}
		if e.answers != nil && e.answers[i].is == is {
			out[i].Since = e.answers[i].since
		}
		if h := e.current(); t == ConditionStarted && is && !h.Started.IsZero() {
			out[i].Since = h.Started
		}
	}
	return out
}

// whyNot tells what is in the way of a condition.
func (c *Core) whyNot(e *entry, t ConditionType) (Reason, string) {
	if t == ConditionValid {
		switch {
		case e.want == nil:
			return NotInManifests, "no manifest asks for it"
		case e.blocked != "":
			return InvalidManifest, e.blocked
		case e.refused != nil:
			return e.refused.Reason, e.refused.Message
		}
	}
	if e.last.Reason == "" || e.last.Reason == UpToDate {
		return NotYetSeen, "not decided yet"
	}
	return e.last.Reason, e.last.Message
}
