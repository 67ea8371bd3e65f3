package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Kind names the Launcher of this driver in the keeper.
const Kind = "local"

// Launcher runs plain processes in the keeper, for the driver in the daemon.
// Make it with NewLauncher.
type Launcher struct {
	host *host

	mu   sync.Mutex
	held map[*process]*heldProcess
}

// NewLauncher prepares a launcher.
func NewLauncher() (*Launcher, error) {
	l := &Launcher{held: map[*process]*heldProcess{}}
	var err error
	if l.host, err = newHost(l.exited); err != nil {
		return nil, fmt.Errorf("prepare to run processes: %w", err)
	}
	return l, nil
}

// Close stops the watching; what runs goes on.
func (l *Launcher) Close() { l.host.close() }

// order is what the driver sends: keeper.Order.Spec. Fields are only added.
// It holds secrets.
type order struct {
	Owner string         `json:"owner"`
	Born  int64          `json:"born"`
	Path  keeper.Bytes   `json:"path"`
	Argv  []keeper.Bytes `json:"argv,omitempty"`
	Line  keeper.Bytes   `json:"line,omitempty"` // Windows: instead of Argv
	Dir   keeper.Bytes   `json:"dir"`
	Env   []keeper.Bytes `json:"env"`
}

// memo is what the keeper stores of a process: keeper.Run.Note. Fields are
// only added.
type memo struct {
	Born   int64     `json:"born"`
	Forked int64     `json:"forked"`
	Boot   string    `json:"boot,omitempty"`
	Pipes  [2]uint64 `json:"pipes,omitzero"` // by which the system knows them; 0: not at all
}

// heldProcess is a process in the keeper.
type heldProcess struct {
	launcher *Launcher
	proc     *process
	memo     memo
	pipes    [2]*pipe // nil: there is none any more
	sink     keeper.Sink
}

// Launch implements keeper.Launcher.
func (l *Launcher) Launch(o keeper.Order, to keeper.Sink) (keeper.Process, error) {
	var spec order
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return nil, fmt.Errorf("%w: order is not as expected", keeper.ErrInvalid) // the cause could quote a secret
	}
	h := &heldProcess{launcher: l, sink: to}
	theirs, err := h.openPipes()
	if err != nil {
		return nil, err
	}
	defer theirs.close()
	env := append(plain(spec.Env), h.memo.marks()...)
	h.proc, err = l.host.launch(launch{
		marks:   marks{owner: spec.Owner, ref: driver.Ref{Name: o.Name, Revision: manifest.Revision(o.Revision)}, born: spec.Born},
		command: command{path: string(spec.Path), argv: plain(spec.Argv), line: string(spec.Line), dir: string(spec.Dir)},
		env:     env, out: theirs[0], err: theirs[1],
	})
	if err != nil {
		h.closePipes()
		if errors.Is(err, driver.ErrInvalid) {
			return nil, meant{err.Error(), keeper.ErrInvalid}
		}
		return nil, err
	}
	h.memo.Born, h.memo.Forked, h.memo.Boot = spec.Born, h.proc.forked, bootID()
	l.begin(h)
	return h, nil
}

// Adopt implements keeper.Launcher.
func (l *Launcher) Adopt(r keeper.Run, to keeper.Sink) (keeper.Process, error) {
	h := &heldProcess{launcher: l, sink: to}
	if err := json.Unmarshal(r.Note, &h.memo); err != nil {
		return nil, fmt.Errorf("%w: note of run is not as expected", keeper.ErrInvalid)
	}
	if h.memo.Boot != bootID() {
		return nil, keeper.ErrGone // no process outlives the system
	}
	s, err := seeProcess(r.PID)
	if err == nil && (!s.leader || s.start < h.memo.Born-startGrain || s.start > h.memo.Forked) {
		err = errGone // the number is another's
	}
	if err == nil {
		s.marks = marks{ref: driver.Ref{Name: r.Name, Revision: manifest.Revision(r.Revision)}, born: h.memo.Born}
		h.proc, err = l.host.adopt(s)
	}
	if errors.Is(err, errGone) {
		return nil, keeper.ErrGone
	}
	if err != nil {
		return nil, err
	}
	if !r.Started.IsZero() {
		h.proc.started = r.Started
	}
	h.reopenPipes()
	l.begin(h)
	return h, nil
}

// begin reads the output, and watches for the end.
func (l *Launcher) begin(h *heldProcess) {
	for i, p := range h.pipes {
		switch {
		case p == nil:
		case i == 0:
			p.begin(h.sink.Stdout())
		default:
			p.begin(h.sink.Stderr())
		}
	}
	l.mu.Lock()
	l.held[h.proc] = h
	l.mu.Unlock()
	l.host.watch(h.proc)
}

// exited is told by the host. Others that end are not held back by what this
// one has left in its pipes.
func (l *Launcher) exited(p *process, e driver.Exit) {
	l.mu.Lock()
	h := l.held[p]
	delete(l.held, p)
	l.mu.Unlock()
	if h == nil {
		return // let go
	}
	go func() {
		h.closePipes()
		h.sink.Exited(keeper.Exit(e))
	}()
}

// PID implements keeper.Process.
func (h *heldProcess) PID() int { return h.proc.pid }

// Started implements keeper.Process.
func (h *heldProcess) Started() time.Time { return h.proc.started }

// Note implements keeper.Process.
func (h *heldProcess) Note() json.RawMessage {
	text, err := json.Marshal(h.memo)
	if err != nil {
		return nil // cannot be: it is numbers and a string
	}
	return text
}

// Signal implements keeper.Process.
func (h *heldProcess) Signal(s keeper.Signal) error {
	var err error
	switch s {
	case keeper.Ask:
		err = h.launcher.host.ask(h.proc)
	case keeper.Kill:
		err = h.launcher.host.kill(h.proc)
	default:
		return fmt.Errorf("%w: signal %q", keeper.ErrUnsupported, s)
	}
	if errors.Is(err, driver.ErrNotRunning) {
		return keeper.ErrGone
	}
	return err
}

// Release implements keeper.Process.
func (h *heldProcess) Release() {
	h.launcher.mu.Lock()
	delete(h.launcher.held, h.proc)
	h.launcher.mu.Unlock()
	h.closePipes()
}

// closePipes reads what is left in the pipes, and closes our ends.
func (h *heldProcess) closePipes() {
	for _, p := range h.pipes {
		if p != nil {
			p.finish()
		}
	}
}

// openPipes makes the pipes of a new process and returns its ends of them.
func (h *heldProcess) openPipes() (theirs pipeEnds, err error) {
	for i := range h.pipes {
		if h.pipes[i], theirs[i], h.memo.Pipes[i], err = newPipe(); err != nil {
			theirs.close()
			h.closePipes()
			return pipeEnds{}, fmt.Errorf("make pipe: %w", err)
		}
	}
	return theirs, nil
}

// meant is an error on the other side of the keeper's socket: what it says,
// and the sentinel that it stands for.
type meant struct {
	text string
	is   error
}

func (e meant) Error() string { return e.text }

func (e meant) Unwrap() error { return e.is }

func plain(in []keeper.Bytes) []string {
	out := make([]string, len(in))
	for i, b := range in {
		out[i] = string(b)
	}
	return out
}

func encoded(in []string) []keeper.Bytes {
	out := make([]keeper.Bytes, len(in))
	for i, s := range in {
		out[i] = keeper.Bytes(s)
	}
	return out
}
