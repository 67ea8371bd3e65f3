package reconcile

import (
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// ContainerStatus is what is shown of one container.
type ContainerStatus struct {
	Name     string                `json:"name"`
	Desired  manifest.DesiredState `json:"desired,omitempty"` // "" if in no manifest
	State    State                 `json:"state"`
	Reason   Reason                `json:"reason"`
	Message  string                `json:"message,omitempty"`
	Since    time.Time             `json:"since,omitzero"`
	Ready    bool                  `json:"ready"`
	Settled  bool                  `json:"settled"` // nothing is under way or due
	Source   string                `json:"source,omitempty"`
	Line     int                   `json:"line,omitempty"`
	Image    string                `json:"image,omitempty"`
	Labels   map[string]string     `json:"labels,omitempty"`
	Revision manifest.Revision     `json:"revision,omitempty"` // wanted
	Actual   []driver.Status       `json:"-"`

	RunningRevision manifest.Revision `json:"runningRevision,omitempty"`
	GoodRevision    manifest.Revision `json:"goodRevision,omitempty"` // the last that has shown that it works
	PID             int               `json:"pid,omitempty"`
	Started         time.Time         `json:"started,omitzero"`
	Restarts        uint64            `json:"restarts"`
	Failures        int               `json:"failures,omitempty"` // exits in a row
	BackOff         time.Duration     `json:"-"`
	NextTry         time.Time         `json:"nextTry,omitzero"`
	LastExit        *ExitStatus       `json:"lastExit,omitempty"`
	Probes          []ProbeStatus     `json:"probes,omitempty"`
	Action          driver.Action     `json:"action,omitempty"` // under way
	ActionSince     time.Time         `json:"actionSince,omitzero"`
	Change          string            `json:"change,omitempty"` // id of the newest change of the folder that concerns it

	DependsOn []manifest.Dependency `json:"dependsOn,omitempty"` // of the manifest

	Hold       *HoldStatus     `json:"hold,omitempty"`     // an operator wants it left alone
	Rollback   *RollbackStatus `json:"rollback,omitempty"` // it runs another version than its manifest asks for
	Conditions []Condition     `json:"conditions"`         // in the order of ConditionTypes
}

// RollbackStatus is the return to an earlier version, as it is shown.
type RollbackStatus struct {
	From   manifest.Revision `json:"from"` // the manifest's
	To     manifest.Revision `json:"to"`
	At     time.Time         `json:"at"`
	By     string            `json:"by,omitempty"` // operator; empty: the progress deadline
	Reason string            `json:"reason,omitempty"`
}

// ExitStatus is how the last run ended.
type ExitStatus struct {
	Code    *uint32   `json:"code"` // null: nobody was watching
	Text    string    `json:"text"`
	Started time.Time `json:"started,omitzero"` // when the run began; zero if not known
	At      time.Time `json:"at"`
	Asked   bool      `json:"asked,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// BrakeStatus is what the prune brake holds back.
type BrakeStatus struct {
	Blocked []string      `json:"blocked,omitempty"`
	Since   time.Time     `json:"since,omitzero"`
	Message string        `json:"message,omitempty"`
	Limits  BrakeSettings `json:"settings"`
	Permit  Permit        `json:"permit,omitzero"` // what the folder allows to be removed now
}

// BrakeSettings are the limits of the brake, as BrakeConfig has them.
type BrakeSettings struct {
	MaxShare   float64 `json:"maxShare"`
	Min        int     `json:"min"`
	AllowEmpty bool    `json:"allowEmpty"`
}

// Status shows all containers by name.
func (c *Core) Status(now time.Time) []ContainerStatus {
	out := make([]ContainerStatus, 0, len(c.entries))
	for _, e := range c.sorted() {
		out = append(out, c.status(now, e))
	}
	return out
}

// Waiting reports whether steps wait for a free worker.
func (c *Core) Waiting() bool { return len(c.ready) > 0 }

// Wake is when Next has something to do although no fact arrives; zero: never.
func (c *Core) Wake() time.Time { return c.wakes.first() }

// Foreign lists the containers of other owners, as of the newest listing.
func (c *Core) Foreign() []driver.Foreign { return c.foreign }

// Brake tells what the prune brake holds back, and what it lets go.
func (c *Core) Brake() BrakeStatus {
	cfg := c.brake.cfg
	b := BrakeStatus{Limits: BrakeSettings{MaxShare: cfg.MaxShare, Min: cfg.Min, AllowEmpty: cfg.AllowEmpty}, Permit: c.permit}
	if len(c.brake.blocked) > 0 {
		b.Blocked, b.Since, b.Message = c.brake.blocked, c.brake.since, c.brake.message()
	}
	return b
}

// Synced reports when the runtime was last listed; zero: not yet.
func (c *Core) Synced() time.Time { return c.haveAt }

// AllStopped reports whether nothing of ours runs or is being worked on.
func (c *Core) AllStopped() bool {
	for _, e := range c.entries {
		if e.busy != nil || e.anyLive() {
			return false
		}
	}
	return c.Started()
}

// Started reports whether the folder and the runtime have both been seen.
func (c *Core) Started() bool { return c.wantSeen && c.haveSeen }

func (c *Core) status(now time.Time, e *entry) ContainerStatus {
	s := ContainerStatus{
		Name: e.name, State: e.last.State, Reason: e.last.Reason, Message: e.last.Message, Since: e.since,
		Source: e.rec.Source, Restarts: e.rec.Restarts, Failures: e.rec.Failures,
		Actual:   slices.Clone(e.have), // which changes in place
		LastExit: exitStatus(e.rec.LastExit), Change: e.change,
		GoodRevision: manifest.Revision(e.rec.Good),
	}
	if s.State == "" {
		s.State = StatePending
	}
	if w := e.manifest; w != nil {
		s.Desired, s.Revision, s.Line = w.Spec.DesiredState, w.Revision, w.Origin.Line
		s.Image, s.Labels = w.Spec.Image, w.Metadata.Labels
		s.DependsOn = w.Spec.DependsOn
	}
	c.showRun(&s, e)
	s.NextTry, s.Probes = e.nextTry(now), e.probeStatus()
	if s.State == StateCrashLoopBackOff {
		s.BackOff = e.rec.RetryAt.Sub(e.rec.SeenExit)
	}
	s.Settled = c.settled(e)
	s.Conditions = c.conditions(e)
	if b := e.rec.Rollback; b != nil {
		s.Rollback = &RollbackStatus{From: manifest.Revision(b.From), To: manifest.Revision(b.To), At: b.At, By: b.By, Reason: b.Reason}
	}
	if h := e.rec.Hold; h != nil {
		s.Hold = &HoldStatus{Since: h.Since, Until: h.Until, Reason: h.Reason, By: h.By}
		if s.Reason == OperatorHold {
			s.Message = holdText(now, h) // the time left goes by without a decision
		}
	}
	if op := e.busy; op != nil {
		s.Action, s.ActionSince = op.Action, op.At
	}
	return s
}

func (c *Core) showRun(s *ContainerStatus, e *entry) {
	h := e.serving()
	if h == nil {
		return
	}
	s.RunningRevision, s.PID, s.Started = h.Revision, h.PID, h.Started
	serves := h.State == driver.Running && (!e.wants(h.Revision) || e.ready())
	switch s.Reason {
	case OperatorHold, OutsideWindow, WaitingForReady, RolledBack: // whatever the state says, what runs does its work
		s.Ready = serves
	default:
		s.Ready = e.ready() && (s.State == StateRunning || s.State == StateReady)
	}
	if s.Ready && !h.Started.IsZero() && s.Since.Before(h.Started) {
		s.Since = h.Started
	}
}

// serving is the container that does the work: of two that run, the wanted one
// only when it is ready. nil: none runs.
func (e *entry) serving() (h *driver.Status) {
	for i := range e.have {
		is := &e.have[i]
		if live(is) && (h == nil || e.wants(is.Revision) == e.ready()) {
			h = is
		}
	}
	return h
}

// nextTry is when something is tried again, zero if nothing waits.
func (e *entry) nextTry(now time.Time) time.Time {
	d := &e.last
	if e.busy != nil || d.Idle && d.Reason != OutsideWindow && d.Reason != OperatorHold {
		return time.Time{}
	}
	at := d.Wake
	if !d.Due.IsZero() {
		at = d.Due
	}
	if !at.After(now) {
		return time.Time{}
	}
	return at
}

func exitStatus(x *statedb.Exit) *ExitStatus {
	if x == nil {
		return nil
	}
	s := &ExitStatus{Text: exitText(x), Started: x.Started, At: x.At, Asked: x.Asked, Reason: x.Reason}
	if x.Known {
		code := x.Code
		s.Code = &code
	}
	return s
}
