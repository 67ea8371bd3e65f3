// Package engine is the only loop: it feeds facts to a reconcile.Core, saves
// what the Core decided, and only then lets workers do it.
//
// It decides nothing. One goroutine owns the Core; calls to the driver run in
// goroutines of their own, at most one per container; Run returns only when all
// of them have ended or were given up. The other methods may be called from any
// goroutine while Run runs.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Observer is told every event, in order, by the loop itself: it must return fast.
type Observer interface {
	Observe(reconcile.Event)
}

// Config is what an Engine works with. Driver, Store, Want and Log are needed;
// the rest has defaults.
type Config struct {
	Driver    driver.Driver
	Store     statedb.Store
	Saved     statedb.State // what Store held at start
	Want      <-chan folder.Update
	Log       *slog.Logger
	Observers []Observer
	Prober    Prober // nil: no probe is made and no hook run, so what has probes does not become ready

	Resync     time.Duration // between listings; default 1m
	Timeout    time.Duration // of one call to the driver; default 2m
	ExecProbes int           // exec probes under way at once; default 4
	Keeper     driver.Kept   // asked for View; nil: the driver has none
	Workers    int           // calls under way at once; default 32
	Brake      reconcile.BrakeConfig
	StopOnExit bool          // stop all containers before Run returns
	StopLimit  time.Duration // how long that may take; default 10m
}

// Defaults of Config.
const (
	DefaultResync     = time.Minute
	DefaultTimeout    = 2 * time.Minute
	DefaultWorkers    = 32
	DefaultExecProbes = 4
	DefaultStopLimit  = 10 * time.Minute
)

// Engine runs the loop once.
type Engine struct {
	cfg      Config
	requests chan func(*loop)
	done     chan struct{}
}

// ErrStopped is returned to those who ask an engine that has ended.
var ErrStopped = errors.New("the engine has stopped")

// New prepares an engine; Run starts it.
func New(cfg Config) *Engine {
	cfg.Resync = positive(cfg.Resync, DefaultResync)
	cfg.Timeout = positive(cfg.Timeout, DefaultTimeout)
	cfg.Workers = positive(cfg.Workers, DefaultWorkers)
	cfg.ExecProbes = positive(cfg.ExecProbes, DefaultExecProbes)
	cfg.StopLimit = positive(cfg.StopLimit, DefaultStopLimit)
	if cfg.Brake == (reconcile.BrakeConfig{}) {
		cfg.Brake = reconcile.DefaultBrake()
	}
	return &Engine{cfg: cfg, requests: make(chan func(*loop)), done: make(chan struct{})}
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// View is what the engine knows at one moment.
type View struct {
	At         time.Time                   `json:"at"`
	Started    bool                        `json:"started"` // folder and runtime have both been seen
	Containers []reconcile.ContainerStatus `json:"containers"`
	Foreign    []driver.Foreign            `json:"foreign,omitempty"`
	Brake      reconcile.BrakeStatus       `json:"pruneBrake"`
	Problems   []manifest.Problem          `json:"problems,omitempty"`
	Files      map[string]bool             `json:"files,omitempty"` // path -> what it says now is what counts
	Source     folder.Source               `json:"source"`
	Doubt      string                      `json:"doubt,omitempty"`
	Away       []folder.Away               `json:"away,omitempty"`  // what the folder asks for on other hosts; sorted
	Synced     time.Time                   `json:"synced,omitzero"` // newest good listing
	ListError  string                      `json:"listError,omitempty"`
	SaveError  string                      `json:"saveError,omitempty"`
	Workers    int                         `json:"workers"` // calls under way
	Stopping   bool                        `json:"stopping,omitempty"`
	// Keeper is how it is with the keeper; nil: the driver has none.
	Keeper *driver.KeeperFacts `json:"keeper,omitempty"`
}

// View asks the loop.
func (e *Engine) View(ctx context.Context) (View, error) {
	var v View
	err := e.ask(ctx, func(l *loop) { v = l.view(time.Now()) })
	if err == nil && e.cfg.Keeper != nil {
		facts := e.cfg.Keeper.Keeper()
		v.Keeper = &facts
	}
	return v, err
}

// Record adds an event that happened outside the loop, such as a session of
// exec, to those that observers and the history are told. The loop gives it
// its time.
func (e *Engine) Record(ctx context.Context, ev reconcile.Event) error {
	return e.ask(ctx, func(l *loop) {
		ev.At = time.Now()
		l.outside = append(l.outside, ev)
	})
}

// ask runs f in the loop and waits for it.
func (e *Engine) ask(ctx context.Context, f func(*loop)) error {
	answered := make(chan struct{})
	select {
	case e.requests <- func(l *loop) { f(l); close(answered) }:
		<-answered
		return nil
	case <-e.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run reconciles until ctx ends. Containers go on running unless StopOnExit.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.done)
	l := newLoop(e.cfg, e.requests)
	return l.run(ctx)
}
