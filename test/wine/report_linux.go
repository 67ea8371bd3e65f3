package wine

import (
	"encoding/json"
	"fmt"
)

// Report is everything that the stand-in holds.
type Report struct {
	Systems       []System
	Layers        []Layer // those that are active
	Handles       []Handle
	Registrations int
	Networks      []map[string]any
	Endpoints     []map[string]any
	Violations    []string // what no correct caller does
}

// System is a compute system.
type System struct {
	ID, Owner, State string
	Processes        []SystemProcess // newest first, ended ones too
	Document         json.RawMessage
}

// SystemProcess is a process of a compute system.
type SystemProcess struct {
	PID     int
	Exited  bool
	Code    uint32
	Command string
}

// Layer is a writable layer whose disk is attached.
type Layer struct {
	Path     string
	Prepared bool
	User     string // id of the system that runs on it
}

// Handle is an open handle to a system, or to one of its processes.
type Handle struct {
	Handle uint64
	Client int // Windows process id of its holder
	ID     string
	PID    int // 0: to the system
}

// Report asks for everything that the stand-in holds.
func (h *Host) Report() Report {
	h.t.Helper()
	var r Report
	h.must(order{Do: "report"}, &r)
	return r
}

// Leaks names what is left over and every violation; a host where all
// containers were removed and all handles closed has none.
func (h *Host) Leaks() []string {
	h.t.Helper()
	r := h.Report()
	leaks := r.Violations
	for _, s := range r.Systems {
		leaks = append(leaks, fmt.Sprintf("system %s of %q is %s", s.ID, s.Owner, s.State))
	}
	for _, l := range r.Layers {
		leaks = append(leaks, fmt.Sprintf("layer %s is active (prepared: %t)", l.Path, l.Prepared))
	}
	for _, e := range r.Endpoints {
		leaks = append(leaks, fmt.Sprintf("endpoint %v is there", e["Name"]))
	}
	for _, o := range r.Handles {
		leaks = append(leaks, fmt.Sprintf("handle %#x to %s (process %d) is open in process %d", o.Handle, o.ID, o.PID, o.Client))
	}
	if r.Registrations > 0 {
		leaks = append(leaks, fmt.Sprintf("%d registrations are left", r.Registrations))
	}
	return leaks
}
