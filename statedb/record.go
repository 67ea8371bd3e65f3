package statedb

import "time"

// The format of a record; the rules for it stand in codec.go.

type diskRecord struct {
	Revision string        `json:"rev,omitempty"`
	Source   string        `json:"src,omitempty"`
	Live     string        `json:"live,omitempty"`
	Grace    time.Duration `json:"grace,omitempty"` // ns
	Needs    []string      `json:"needs,omitempty"`

	Ran      bool        `json:"ran,omitempty"`
	Started  time.Time   `json:"started,omitzero"`
	Failures int         `json:"fails,omitempty"`
	Restarts uint64      `json:"restarts,omitempty"`
	Recent   []time.Time `json:"recent,omitempty"`
	RetryAt  time.Time   `json:"retry,omitzero"`
	SeenExit time.Time   `json:"seen,omitzero"`
	LastExit *diskExit   `json:"exit,omitempty"`
	Verdict  Verdict     `json:"verdict,omitempty"`
	Edit     string      `json:"edit,omitempty"`

	StopAt       time.Time `json:"stop,omitzero"`
	StopSent     bool      `json:"stopSent,omitempty"`
	StopRevision string    `json:"stopRev,omitempty"`
	StopReason   string    `json:"stopWhy,omitempty"`
	StopHook     HookState `json:"stopHook,omitempty"`

	Probes *diskProbes `json:"probes,omitempty"`
	Hooks  *diskHooks  `json:"hooks,omitempty"`

	Good     string        `json:"good,omitempty"`
	GoodEdit string        `json:"goodEdit,omitempty"`
	Rollout  time.Time     `json:"rollout,omitzero"`
	Stalled  bool          `json:"stalled,omitempty"`
	Renew    bool          `json:"renew,omitempty"`
	Rollback *diskRollback `json:"back,omitempty"`

	Ask   Ask       `json:"ask,omitempty"`
	AskBy string    `json:"askBy,omitempty"`
	Hold  *diskHold `json:"hold,omitempty"`

	Op        string    `json:"op,omitempty"`
	FailedOp  string    `json:"opFailed,omitempty"`
	OpErrors  int       `json:"opErrs,omitempty"`
	OpRetryAt time.Time `json:"opRetry,omitzero"`
	LastError string    `json:"err,omitempty"`

	Since time.Time `json:"since,omitzero"`
	State string    `json:"state,omitempty"`
}

type diskExit struct {
	Code    uint32    `json:"code,omitempty"`
	Known   bool      `json:"known,omitempty"`
	Started time.Time `json:"started,omitzero"`
	At      time.Time `json:"at,omitzero"`
	Asked   bool      `json:"asked,omitempty"`
	Reason  string    `json:"why,omitempty"`
}

type diskRollback struct {
	Edit   string    `json:"edit,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	At     time.Time `json:"at,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"why,omitempty"`
}

type diskProbes struct {
	Started bool `json:"started,omitempty"`
	Ready   bool `json:"ready,omitempty"`
}

type diskHooks struct {
	PreStop   []byte    `json:"preStop,omitempty"`
	PostStart HookState `json:"postStart,omitempty"`
}

type diskHold struct {
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"why,omitempty"`
	By     string    `json:"by,omitempty"`
}

func (r Record) disk() diskRecord {
	d := diskRecord{
		Revision: r.Revision, Source: r.Source, Live: r.Live, Grace: r.Grace, Needs: r.Needs,
		Ran: r.Ran, Started: r.Started.UTC(), Failures: r.Failures, Restarts: r.Restarts,
		RetryAt: r.RetryAt.UTC(), SeenExit: r.SeenExit.UTC(), Verdict: r.Verdict, Edit: r.Edit,
		StopAt: r.StopAt.UTC(), StopSent: r.StopSent, StopRevision: r.StopRevision, StopReason: r.StopReason,
		Op: r.Op, FailedOp: r.FailedOp, OpErrors: r.OpErrors, OpRetryAt: r.OpRetryAt.UTC(),
		LastError: r.LastError, Since: r.Since.UTC(), State: r.State, Ask: r.Ask, AskBy: r.AskBy, StopHook: r.StopHook,
		Probes: (*diskProbes)(r.Probes), Hooks: (*diskHooks)(r.Hooks),
		Good: r.Good, GoodEdit: r.GoodEdit, Rollout: r.Rollout.UTC(), Stalled: r.Stalled, Renew: r.Renew,
	}
	if b := r.Rollback; b != nil {
		d.Rollback = &diskRollback{Edit: b.Edit, From: b.From, To: b.To, At: b.At.UTC(), By: b.By, Reason: b.Reason}
	}
	if h := r.Hold; h != nil {
		d.Hold = &diskHold{Since: h.Since.UTC(), Until: h.Until.UTC(), Reason: h.Reason, By: h.By}
	}
	for _, t := range r.Recent {
		d.Recent = append(d.Recent, t.UTC())
	}
	if e := r.LastExit; e != nil {
		d.LastExit = &diskExit{Code: e.Code, Known: e.Known, Started: e.Started.UTC(), At: e.At.UTC(), Asked: e.Asked, Reason: e.Reason}
	}
	return d
}

func (d diskRecord) record(name string) Record {
	r := Record{
		Name: name, Revision: d.Revision, Source: d.Source, Live: d.Live, Grace: d.Grace, Needs: d.Needs,
		Ran: d.Ran, Started: d.Started, Failures: d.Failures, Restarts: d.Restarts, Recent: d.Recent,
		RetryAt: d.RetryAt, SeenExit: d.SeenExit, Verdict: d.Verdict, Edit: d.Edit,
		StopAt: d.StopAt, StopSent: d.StopSent, StopRevision: d.StopRevision, StopReason: d.StopReason,
		Op: d.Op, FailedOp: d.FailedOp, OpErrors: d.OpErrors, OpRetryAt: d.OpRetryAt,
		LastError: d.LastError, Since: d.Since, State: d.State, Ask: d.Ask, AskBy: d.AskBy, StopHook: d.StopHook,
		Probes: (*Probes)(d.Probes), Hooks: (*Hooks)(d.Hooks),
		Good: d.Good, GoodEdit: d.GoodEdit, Rollout: d.Rollout, Stalled: d.Stalled, Renew: d.Renew,
	}
	if d.Rollback != nil {
		b := Rollback(*d.Rollback)
		r.Rollback = &b
	}
	if d.Hold != nil {
		h := Hold(*d.Hold)
		r.Hold = &h
	}
	if e := d.LastExit; e != nil {
		r.LastExit = &Exit{Code: e.Code, Known: e.Known, Started: e.Started, At: e.At, Asked: e.Asked, Reason: e.Reason}
	}
	return r
}
