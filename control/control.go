// Package control is how the command line talks to a running daemon: HTTP and
// JSON over a local socket that belongs to the state folder. On Unix it is
// <state-dir>/control.sock with mode 0600, on Windows a named pipe that only
// administrators and the system may open.
//
//	GET  /v1/view            what the daemon knows now: View
//	GET  /v1/memory          what it remembers, for plan: Memory
//	GET  /v1/specs/{name}    specifications of a name without secrets, newest first: []Spec
//	GET  /v1/events          history, newest first; ?container=NAME&limit=N: []Event
//	POST /v1/confirm-prune   lets go what the prune brake holds back: Confirmed
//
// An error is answered as {"error": "…"} with a status of 400 or above. Within
// v1 fields are only added.
//
// It decides nothing and never listens on a network: whoever may open the
// socket is administrator of the state folder already. Handler and Client may
// be used by many goroutines.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// ErrNoDaemon means that nobody listens on the socket of a state folder.
var ErrNoDaemon = errors.New("no daemon answers")

// Daemon tells who answers, and what it was started with.
type Daemon struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Driver    string    `json:"driver"`
	Owner     string    `json:"owner"`
	Manifests string    `json:"manifests"`
	StateDir  string    `json:"stateDir"`
	// Labels are those of the host, which a nodeSelector must match.
	Labels map[string]string `json:"labels,omitempty"`
	Web    string            `json:"web,omitempty"` // address listened on; "" if none
}

// View is what the daemon knows at one moment.
type View struct {
	Daemon Daemon `json:"daemon"`
	engine.View
	// Actual is every container of ours that the runtime holds.
	Actual []driver.Status `json:"actual,omitempty"`
}

// Memory is what a plan starts from. It holds manifest texts, and with them
// what may be secret in them: it is for the owner of the state folder only.
type Memory struct {
	Records []statedb.Record       `json:"records"`
	Brake   statedb.Brake          `json:"brake"`
	Files   []statedb.ManifestFile `json:"files"` // last good texts
}

// Spec is one revision that was made, without secrets.
type Spec struct {
	Revision string          `json:"revision"`
	At       time.Time       `json:"at"`
	Spec     json.RawMessage `json:"spec"`
}

// Specs is what the store keeps, as it is answered.
func Specs(kept []statedb.Spec) []Spec {
	out := make([]Spec, 0, len(kept))
	for _, k := range kept {
		out = append(out, Spec{Revision: k.Revision, At: k.At, Spec: k.JSON})
	}
	return out
}

// Event is one line of the history.
type Event struct {
	Seq       uint64    `json:"seq"`
	At        time.Time `json:"at"`
	Container string    `json:"container"`
	Type      string    `json:"type"` // Normal | Warning
	Action    string    `json:"action,omitempty"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"`
	// Source is the revision of the manifest folder's source (a git commit) that
	// it comes from; "" if it comes from none.
	Source string `json:"sourceRevision,omitempty"`
}

// Confirmed names the containers whose removal was confirmed.
type Confirmed struct {
	Released []string `json:"released"`
}

// Engine is what the server needs of an engine.Engine.
type Engine interface {
	View(ctx context.Context) (engine.View, error)
	ConfirmPrune(ctx context.Context, by string) ([]string, error)
}

// Store is what the server needs of a statedb.Store.
type Store interface {
	Load() (statedb.State, error)
	Specs(name string) ([]statedb.Spec, error)
	History(container string, limit int) ([]statedb.Entry, error)
}
