package wine

import "time"

// Fault is one rule of the fault plan. Rules stay until they are used up; the
// first one that fits a call applies to it.
type Fault struct {
	Fn    string `json:"fn"`             // function ("HcsStartComputeSystem") or notification ("SystemExited")
	On    string `json:"on,omitempty"`   // system id, layer path or network path; "" any, "web*" all that begin so
	Skip  int    `json:"skip,omitempty"` // let this many pass first
	Times int    `json:"times,omitempty"`
	// Times is how often the rule applies; 0 means once, -1 for ever.

	Code  uint32        `json:"-"` // what the call returns, or the status of the notification
	Delay time.Duration `json:"-"` // before the effect of the call, or before the notification

	After   bool   `json:"after,omitempty"`   // the call takes effect all the same, and only then fails or hangs
	Hang    bool   `json:"hang,omitempty"`    // the call does not return before Release, Clear or Reset
	Crash   bool   `json:"crash,omitempty"`   // HcsStartComputeSystem: the system dies while it starts
	Out     string `json:"out,omitempty"`     // the call succeeds and gives this document
	Message string `json:"message,omitempty"` // text of an error event
	Lost    bool   `json:"lost,omitempty"`    // the notification is never sent
	Twice   bool   `json:"twice,omitempty"`   // the notification is sent twice
}

// order is the rule as the broker reads it.
func (f Fault) order() any {
	order := struct {
		Do string `json:"do"`
		Fault
		Times   int     `json:"times"`
		Code    *uint32 `json:"code,omitempty"`
		DelayMS int64   `json:"delayMs,omitempty"`
	}{Do: "fault", Fault: f, Times: f.Times, DelayMS: f.Delay.Milliseconds()}
	if f.Times == 0 {
		order.Times = 1
	}
	if f.Code != 0 {
		order.Code = &f.Code
	}
	return order
}

// Fault adds rules to the fault plan.
func (h *Host) Fault(rules ...Fault) {
	h.t.Helper()
	for _, rule := range rules {
		h.must(rule.order(), nil)
	}
}

// Clear forgets the fault plan, and lets go every call that hangs.
func (h *Host) Clear() { h.t.Helper(); h.must(order{Do: "clear"}, nil) }

// Release lets go every call that hangs.
func (h *Host) Release() { h.t.Helper(); h.must(order{Do: "release"}, nil) }

// Disconnect is what callers see when the service restarts: everyone who
// registered gets ServiceDisconnect, and no open handle is valid any more.
// Systems and their processes go on.
func (h *Host) Disconnect() { h.t.Helper(); h.must(order{Do: "disconnect"}, nil) }

// Reset makes the host as new: no systems, faults, endpoints, journal. The
// handles that programs still hold are no longer valid.
func (h *Host) Reset() { h.t.Helper(); h.must(order{Do: "reset"}, nil) }

// order is what is told to the broker.
type order struct {
	Do          string `json:"do"`
	ID          string `json:"id,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Name        string `json:"name,omitempty"`
	State       string `json:"state,omitempty"`
	Command     string `json:"command,omitempty"`
	PID         int    `json:"pid,omitempty"`
	Code        uint32 `json:"code,omitempty"`
	KeepExits   *bool  `json:"keepExits,omitempty"`
	KeepStopped *bool  `json:"keepStopped,omitempty"`
}

// Alien describes a system that nobody has a handle to: somebody else's, or an
// orphan of ours.
type Alien struct {
	ID, Owner string
	Name      string // default: the ID
	Created   bool   // in state Created instead of Running
	Command   string // process to run in it; none by default
}

// Make puts a system into the host, and returns the Windows process id of its
// command.
func (h *Host) Make(a Alien) int {
	h.t.Helper()
	var made struct{ PID int }
	o := order{Do: "system", ID: a.ID, Owner: a.Owner, Name: a.Name, State: "Running", Command: a.Command}
	if a.Created {
		o.State = "Created"
	}
	h.must(o, &made)
	return made.PID
}

// KillProcess ends one process of a container from outside, with an exit code.
func (h *Host) KillProcess(pid int, code uint32) {
	h.t.Helper()
	h.must(order{Do: "kill", PID: pid, Code: code}, nil)
}

// End ends a system by itself, with the status of its SystemExited.
func (h *Host) End(id string, status uint32) {
	h.t.Helper()
	h.must(order{Do: "end", ID: id, Code: status}, nil)
}

// KeepExits tells whether ended processes can still be opened by id when nobody
// has a handle to them. By default they cannot: nothing is documented.
func (h *Host) KeepExits(keep bool) { h.t.Helper(); h.must(order{Do: "set", KeepExits: &keep}, nil) }

// KeepStopped tells whether stopped systems are listed, as Stopped, while
// somebody has a handle to them. By default they vanish.
func (h *Host) KeepStopped(keep bool) {
	h.t.Helper()
	h.must(order{Do: "set", KeepStopped: &keep}, nil)
}
