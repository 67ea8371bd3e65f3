// Package control is how the command line talks to a running daemon: HTTP and
// JSON over a local socket that belongs to the state folder. On Unix it is
// <state-dir>/control.sock with mode 0600, on Windows a named pipe that only
// administrators and the system may open.
//
// What can be asked is written down in openapi.yaml, which a test holds against
// the handlers, and which the daemon serves at /v1/openapi.yaml. An error is
// answered as a Failure with a status of 400 or above. Within v1 fields and
// routes are only added.
//
// It decides nothing and never listens on a network: whoever may open the
// socket is administrator of the state folder already. Handler and Client may
// be used by many goroutines; what one of them does, slowly or never, holds
// nobody else back.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// The causes why a client reaches no daemon.
var (
	ErrNoDaemon = errors.New("no daemon answers") // nobody listens on the socket of a state folder
	ErrDenied   = errors.New("permission denied") // whoever asks may not open it
)

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

// Confirmed names the containers whose removal was confirmed.
type Confirmed struct {
	Released []string `json:"released"`
}

// HoldRequest is the body of a request to hold a container.
type HoldRequest struct {
	Until  time.Time `json:"until,omitzero"` // zero: until it is released
	Reason string    `json:"reason,omitempty"`
}

// RollbackRequest is the body of a request to roll a container back.
type RollbackRequest struct {
	To uint64 `json:"to,omitempty"` // number of the version; 0: the newest that was ready and is not wanted now
}

// Engine is what the server needs of an engine.Engine.
type Engine interface {
	View(ctx context.Context) (engine.View, error)
	Restart(ctx context.Context, name, by string) error
	Retry(ctx context.Context, name, by string) error
	Hold(ctx context.Context, name string, h reconcile.HoldRequest) error
	Release(ctx context.Context, name, by string) error
	Rollback(ctx context.Context, name string, n uint64, by string) error
	Versions(ctx context.Context, name string) ([]engine.Version, error)
	ConfirmPrune(ctx context.Context, by string) ([]string, error)
	Record(ctx context.Context, ev reconcile.Event) error
}

// Store is what the server needs of a statedb.Store.
type Store interface {
	Load() (statedb.State, error)
	Specs(name string) ([]statedb.Spec, error)
	History(container string, limit int) ([]statedb.Entry, error)
	Since(container string, seq uint64, limit int) (statedb.Page, error)
	Grown() <-chan struct{}
}

// Runtime is what the server needs of a driver.Driver.
type Runtime interface {
	Stats(ctx context.Context, r driver.Ref) (driver.Stats, error)
}

// Config is what a server answers from. Daemon, Engine and Store are needed.
type Config struct {
	Daemon  Daemon
	Engine  Engine
	Store   Store
	Runtime Runtime       // nil: there are no figures
	Exec    driver.Execer // nil: the driver cannot run a further process
}
