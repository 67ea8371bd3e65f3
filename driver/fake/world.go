// Package fake is a runtime that exists in memory only, for tests.
//
// World is the model: a pure, deterministic state machine that is told the
// time. It has no clock, no goroutine and no lock, so a simulation can step it
// and replay a run from its seed; it must be used by one goroutine at a time.
// Faults is the plan of what goes wrong. Host and Driver put a lock, the real
// time and the faults around a World and make it a driver.Driver that is safe
// for concurrent use, also inside a testing/synctest bubble.
//
// The package runs no process and touches nothing outside memory.
package fake

import (
	"cmp"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// KilledCode is the exit code of a process that Terminate ended.
const KilledCode uint32 = 137

// firstPID is given to the first process after each boot of the world, so that
// process ids repeat after a reboot as they do in reality.
const firstPID = 1000

// Behaviour is how the process of a container acts. The zero value runs for
// ever and ends with code 0 as soon as it is asked.
type Behaviour struct {
	RunFor   time.Duration // it ends by itself after this; 0: never
	ExitCode uint32        // the code it ends with by itself

	ShutdownTakes   time.Duration // from being asked until it ends
	ShutdownCode    uint32        // the code it ends with when asked
	IgnoresShutdown bool          // it goes on when asked
	TerminateTakes  time.Duration // from Terminate until it ends

	CanPause bool // otherwise Pause and Resume answer ErrUnsupported
}

// Options are the traits of a world.
type Options struct {
	// Owner is whose containers the World returned by NewWorld manages.
	Owner string
	// Forgetful lets a Stopped container vanish, and its exit code with it,
	// ForgetAfter after the exit (0: at once) or at Release, as a runtime does
	// that keeps an ended system only while somebody holds it.
	Forgetful   bool
	ForgetAfter time.Duration
	// Behave tells how the run-th run (from 1) of c acts. It must be a pure
	// function. Nil means the zero Behaviour. SetBehaviour goes before it.
	Behave func(c *manifest.Container, run int) Behaviour
	// Program tells how a process acts that is executed in c. Nil means the
	// zero Program.
	Program func(c *manifest.Container, p driver.Process) Program
}

// World is the runtime of one machine as one owner sees it. Every method that
// takes the time first lets happen what is due by then; a time before the last
// one counts as the last one.
type World struct {
	m     *machine
	owner string
}

// NewWorld returns an empty world as o.Owner sees it.
func NewWorld(o Options) *World {
	m := &machine{
		opts:       o,
		pid:        firstPID,
		containers: map[key]*container{},
		behaviours: map[string]Behaviour{},
		ended:      map[string][]driver.Status{},
		tally:      newTally(),
	}
	return &World{m: m, owner: o.Owner}
}

// As returns the same world as another owner sees it: what that owner makes is
// foreign to all others.
func (w *World) As(owner string) *World { return &World{m: w.m, owner: owner} }

// SetBehaviour overrides the behaviour of all containers called name. RunFor
// and ExitCode count from the next start on, the rest from the next call.
func (w *World) SetBehaviour(name string, b Behaviour) { w.m.behaviours[name] = b }

// List returns everything that the runtime holds, sorted.
func (w *World) List(now time.Time) driver.Listing {
	w.m.settle(now)
	var l driver.Listing
	for _, c := range w.m.order {
		if c.owner == w.owner {
			l.Ours = append(l.Ours, c.status())
			continue
		}
		l.Foreign = append(l.Foreign, driver.Foreign{ID: c.id(), Owner: c.owner, State: c.state})
	}
	return l
}

// Inspect looks at one container of ours; ErrNotFound if there is none.
func (w *World) Inspect(now time.Time, r driver.Ref) (driver.Status, error) {
	w.m.settle(now)
	c := w.find(r)
	if c == nil {
		return driver.Status{}, driver.ErrNotFound
	}
	return c.status(), nil
}

// Stats returns made-up figures that grow with the run time; ErrNotFound and
// ErrNotRunning as the verbs have them.
func (w *World) Stats(now time.Time, r driver.Ref) (driver.Stats, error) {
	w.m.settle(now)
	c := w.find(r)
	switch {
	case c == nil:
		return driver.Stats{}, driver.ErrNotFound
	case !c.alive():
		return driver.Stats{}, driver.ErrNotRunning
	}
	cpu := now.Sub(c.started) / 100
	memory, processes := uint64(64<<20), uint64(1)
	return driver.Stats{At: now, CPU: &cpu, MemoryBytes: &memory, Processes: &processes}, nil
}

// Manifest returns the container that r was last created, started or updated
// from; nil if there is no r.
func (w *World) Manifest(r driver.Ref) *manifest.Container {
	if c := w.find(r); c != nil {
		return c.made
	}
	return nil
}

func (w *World) find(r driver.Ref) *container { return w.m.containers[key{w.owner, r}] }

// machine is what all owners share.
type machine struct {
	opts       Options
	now        time.Time
	pid        int
	containers map[key]*container
	order      []*container // the same, sorted by key
	agenda     agenda
	behaviours map[string]Behaviour
	ended      map[string][]driver.Status // exits that Advance has not handed out, by owner
	*tally
}

type key struct {
	owner string
	driver.Ref
}

func (k key) compare(other key) int {
	return cmp.Or(
		cmp.Compare(k.owner, other.owner),
		cmp.Compare(k.Name, other.Name),
		cmp.Compare(k.Revision, other.Revision),
	)
}

func (k key) id() string { return k.owner + "/" + k.String() }

// container is one system of the runtime, with at most one event ahead of it.
type container struct {
	key
	made    *manifest.Container
	state   driver.State
	pid     int
	started time.Time
	exit    driver.Exit

	ends   time.Time     // when the running process ends; zero: never
	code   uint32        // with this code
	frozen time.Duration // while Paused: time left until the end; negative: for ever
	event  uint64        // number of its entry in the agenda that still counts
}

func (c *container) alive() bool { return c.state == driver.Running || c.state == driver.Paused }

func (c *container) status() driver.Status {
	s := driver.Status{Ref: c.Ref, State: c.state, Started: c.started, Exit: c.exit}
	if c.alive() {
		s.PID = c.pid
	}
	return s
}

func (m *machine) add(c *container) {
	at, _ := slices.BinarySearchFunc(m.order, c.key, func(c *container, k key) int { return c.compare(k) })
	m.order = slices.Insert(m.order, at, c)
	m.containers[c.key] = c
}

func (m *machine) drop(c *container) {
	at, found := slices.BinarySearchFunc(m.order, c.key, func(c *container, k key) int { return c.compare(k) })
	if found {
		m.order = slices.Delete(m.order, at, at+1)
	}
	delete(m.containers, c.key)
	c.event = 0
}

func (m *machine) behaviour(c *container) Behaviour {
	if b, ok := m.behaviours[c.Name]; ok {
		return b
	}
	if m.opts.Behave == nil {
		return Behaviour{}
	}
	return m.opts.Behave(c.made, m.starts[c.key])
}
