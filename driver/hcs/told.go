package hcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// link is what the driver needs of a keeper.Link.
type link interface {
	Open(ctx context.Context) error
	Launch(ctx context.Context, o keeper.Order) (keeper.Run, error)
	Limit(ctx context.Context, id string, lim keeper.Limits) error
	Forget(ctx context.Context, id string) error
	Facts() keeper.Facts
	Close() error
}

const (
	orphansAfter = 3 * time.Second  // without a keeper, until we watch ourselves what it held
	keeperCall   = 5 * time.Second  // for a keeper to answer what takes it no time
	lastRunLimit = 10 * time.Second // for it to notice the end of the run before
)

// told is what the keeper has told of init processes.
type told struct {
	log func(string, ...any) // of what is to be said loudly

	mu      sync.Mutex
	runs    map[string]keeper.Run // by id
	changed chan struct{}         // closed with the next change
	down    *time.Timer           // nil: the keeper is there
}

func newTold(log func(string, ...any)) *told {
	return &told{log: log, runs: map[string]keeper.Run{}, changed: make(chan struct{})}
}

// wake tells a change. t.mu is held.
func (t *told) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// up takes all runs that a keeper has; others are held by nobody. It returns
// whether there was none for a while.
func (t *told) up(_ keeper.Welcome, runs []keeper.Run) (back bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	back = t.down != nil
	t.stop()
	before := t.runs
	t.runs = map[string]keeper.Run{}
	for _, r := range runs {
		if r.Kind != Kind {
			continue
		}
		// Another keeper may know less of an exit than the last one told.
		if old, ok := before[r.ID]; ok && old.Exit != nil && (r.Exit == nil || !r.Exit.Known) {
			r = old
		}
		t.runs[r.ID] = r
	}
	t.wake()
	return back
}

// dropped is the output that no log took, in bytes.
func (t *told) dropped() (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.runs {
		n += r.Dropped
	}
	return n
}

// change takes what has become of one run.
func (t *told) change(r keeper.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.runs[r.ID]; r.Kind != Kind || ok && old.Exit != nil {
		return
	}
	t.runs[r.ID] = r
	t.wake()
}

// lost is told that the keeper is gone. Mostly the next one tells at once how
// things are; after a while what it held counts as held by nobody. It returns
// whether that is new.
func (t *told) lost(cause error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return false
	}
	t.log("the keeper is gone: containers go on, and are adopted without it; what they print is lost until their next start", "err", cause)
	t.down = time.AfterFunc(orphansAfter, t.orphan)
	return true
}

func (t *told) orphan() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down == nil {
		return
	}
	for id, r := range t.runs {
		if r.Exit == nil {
			delete(t.runs, id)
		}
	}
	t.wake()
}

// stop takes back what lost has planned. t.mu is held.
func (t *told) stop() {
	if t.down != nil {
		t.down.Stop()
		t.down = nil
	}
}

func (t *told) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
}

// run returns what is known of a run, and a channel that is closed when more
// may be.
func (t *told) run(id string) (keeper.Run, bool, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.runs[id]
	return r, ok && id != "", t.changed
}

// exit returns how a run has ended, if that is known.
func (t *told) exit(id string) (driver.Exit, bool) {
	if r, ok, _ := t.run(id); ok && r.Exit != nil {
		return driver.Exit{Code: r.Exit.Code, Known: r.Exit.Known, At: r.Exit.At.Round(0)}, true
	}
	return driver.Exit{}, false
}

// ended lists the runs whose exit is not acknowledged.
func (t *told) ended() (runs []keeper.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.runs {
		if r.Exit != nil {
			runs = append(runs, r)
		}
	}
	return runs
}

func (t *told) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.runs, id)
}

// process stands for an init process that the keeper holds.
func (t *told) process(id string) process {
	return &heldProcess{told: t, id: id, closed: make(chan struct{})}
}

// heldProcess is an init process in the keeper, as the driver sees it.
type heldProcess struct {
	told   *told
	id     string
	once   sync.Once
	closed chan struct{}
}

func (p *heldProcess) pid() int {
	r, _, _ := p.told.run(p.id)
	return r.PID
}

// wait ends with errLost when the keeper is gone for good.
func (p *heldProcess) wait() error {
	for {
		r, known, changed := p.told.run(p.id)
		switch {
		case !known:
			return &hostError{call: "wait for process", kind: errLost, text: "the keeper does not hold it any more"}
		case r.Exit != nil:
			return nil
		}
		select {
		case <-changed:
		case <-p.closed:
			return &hostError{call: "wait for process", kind: errClosed, text: "closed"}
		}
	}
}

func (p *heldProcess) exitCode() (int, error) {
	if e, ok := p.told.exit(p.id); ok && e.Known {
		return int(e.Code), nil
	}
	return -1, nil
}

func (p *heldProcess) close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// The keeper has the pipes, and ends systems only.
func (p *heldProcess) stdio() (io.WriteCloser, io.ReadCloser, io.ReadCloser, error) {
	return nil, nil, nil, nil
}
func (p *heldProcess) closeStdin() error           { return nil }
func (p *heldProcess) resize(uint16, uint16) error { return keeper.ErrUnsupported }
func (p *heldProcess) kill() error                 { return keeper.ErrUnsupported }

// runID names a run of b for the keeper; no other run has it.
func (b *box) runID() string { return b.id + "@" + strconv.FormatInt(time.Now().UnixNano(), 36) }

// launch has the keeper launch the init process of b's system, which is new:
// a run that the keeper still takes for going on has ended with the last one.
func (d *Driver) launch(ctx context.Context, b *box, c *manifest.Container, id string, doc *processConfig) (keeper.Run, error) {
	spec, err := json.Marshal(launchSpec{System: b.id, VM: isVM(&c.Spec), Stdin: c.Spec.Stdin, Process: doc})
	if err != nil {
		return keeper.Run{}, fmt.Errorf("encode order for the keeper: %w", err)
	}
	order := keeper.Order{
		ID: id, Kind: Kind, Name: b.ref.Name, Revision: string(b.ref.Revision), Limits: limitsOf(c), Spec: spec,
	}
	deadline := time.Now().Add(lastRunLimit)
	for {
		r, err := d.link.Launch(ctx, order)
		if err == nil {
			d.told.change(r)
			return r, nil
		}
		if !errors.Is(err, keeper.ErrExists) || time.Now().After(deadline) || !pause(ctx, firstRetry) {
			return r, fromWire(err)
		}
	}
}

// forgetRun acknowledges the exit of a run. What does not reach the keeper is
// made up for by the next daemon.
func (d *Driver) forgetRun(ctx context.Context, id string) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keeperCall)
	defer cancel()
	if err := d.link.Forget(ctx, id); err == nil {
		d.told.forget(id)
	}
}

// forgetStrangers acknowledges the runs of containers that are gone.
func (d *Driver) forgetStrangers(ctx context.Context) {
	for _, r := range d.told.ended() {
		b := d.find(driver.Ref{Name: r.Name, Revision: manifest.Revision(r.Revision)})
		if b != nil {
			if _, _, _, n := d.look(b); n.Run == r.ID || n.Run == "" {
				continue
			}
		}
		d.forgetRun(ctx, r.ID)
	}
}
