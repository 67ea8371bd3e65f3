package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Config is what a Core must be told once.
type Config struct {
	// Linger is how long a call of a daemon that died, or a call that was given
	// up, may still take effect.
	Linger time.Duration
	Brake  BrakeConfig
	// Check tells what the driver refuses of a manifest; it has no side effects.
	Check func(*manifest.Container) []driver.Note
	// ExecProbes is how many exec probes may be under way at once; 0: any number.
	ExecProbes int
}

// Wanted is one container that the folder asks for.
type Wanted struct {
	Container *manifest.Container
	Blocked   string // not to be started or replaced, and why; "" if nothing is against it
}

// Change is what the folder asks for differently from now on.
type Change struct {
	Full   bool // what is not in Put is not wanted
	Put    []Wanted
	Drop   []string
	Doubt  string // why what is missing may only seem so; "" if the folder is believed
	SeenAt time.Time
	ID     string          // by which it is followed to what it brings about
	Source string          // revision of the folder's source; "" if none is known
	Away   map[string]Away // all names that stand in the folder for other hosts only
	Permit Permit          // what may be removed whatever the brake says
}

// Op is one step that the engine shall take now.
type Op struct {
	Action    driver.Action
	Ref       driver.Ref
	Container *manifest.Container // what is wanted; nil if nothing is
	Reason    Reason
	At        time.Time // of the decision
	SeenAt    time.Time // of the change of the folder that led to it; zero if none did
	Change    string    // id of the newest change of the folder that concerns the container
	Source    string    // revision of the folder's source that led to it; "" if none did or none is known
}

// Look is what was seen of one container after a step.
type Look struct {
	Known  bool // false: the look failed
	Found  bool
	Status driver.Status
}

// Turn is what the engine must do: save, then start the ops, then wait.
type Turn struct {
	Put    []statedb.Record
	Drop   []string
	Specs  []statedb.Spec
	Brake  *statedb.Brake
	Ops    []Op
	Probes []ProbeOp // to be made although Put could not be saved
	Hooks  []HookOp  // to be run once Put is saved
	Events []Event
	Wake   time.Time // call Next again then; zero: only when a fact arrives
	List   bool      // a listing is needed before some can be decided
}

// Core holds the facts and turns them into steps. Facts come in by Want, Have,
// Exited and Done; Next takes the decisions. At most one step per container is
// under way, and nothing is decided before the folder and the runtime have
// both been seen once.
type Core struct {
	cfg     Config
	entries map[string]*entry
	needed  map[string][]string // name -> those that depend on it, sorted
	dirty   []*entry            // to be decided, in order of arrival
	ready   []*entry            // to be decided when a worker is free
	wakes   wakeHeap
	events  []Event
	execs   execLimit
	runs    uint64   // counts watches and hooks, so that answers find theirs
	preview bool     // runs that begin are ready at once
	wishes  []*entry // operators wait until their records are written
	brake   brake
	doubt   string
	source  string // revision of the folder's source
	away    map[string]Away
	permit  Permit
	foreign []driver.Foreign

	order      []*entry // entries by name, valid unless orderStale
	orderStale bool

	wantSeen, haveSeen bool
	haveAt             time.Time // when the newest listing was asked for
	draining           bool
	listing            uint64 // counts listings, to find what is missing from one
}

// entry is everything known of one container name.
type entry struct {
	name     string
	manifest *manifest.Container // what the folder says
	want     *manifest.Container // what it is to be: the manifest, or a version before it
	edit     string              // digest of want
	alone    string              // why two revisions of want cannot run at once
	good     version             // of rec.Good
	back     version             // of rec.Rollback: what runs
	from     version             // of rec.Rollback: what its manifest asked for then
	astray   bool                // the version of rec.Rollback is lost

	blocked string
	refused *Hold
	have    []driver.Status
	rec     statedb.Record
	before  statedb.Record // what rec was before the step under way
	saved   statedb.Record
	onDisk  bool

	busy       *Op
	factAt     time.Time       // of the newest fact that is not from a listing
	listedAt   time.Time       // when the newest listing that was believed was asked for
	hint       *driver.Status  // an exit that came while a step was under way
	exits      []driver.Status // that were noticed and are not told yet
	quarantine time.Time       // no decision before, and none without a later listing
	seenAt     time.Time       // of the change that is not running yet
	change     string          // id of the newest change of the folder that concerns it
	source     string          // its revision of the folder's source
	incoming   []driver.Status // of the listing being read
	listing    uint64

	queue queue
	wake  time.Time
	index int // in the wake heap, -1 if not in it
	last  Decision
	since time.Time // since when last.State holds

	watch       *watch                               // of its probes; nil: it has none, or none was due yet
	begun       time.Time                            // when this daemon last started it
	learned     map[manifest.Revision]*manifest.Hook // preStop of what runs, or ran
	hook        *HookOp                              // under way
	probeTotals [3][3]uint64                         // by kind and outcome
	hookFailed  *Failure                             // of the run

	answers []answer // of ConditionTypes, in their order
}

type queue uint8

const (
	idle queue = iota
	inDirty
	inReady
)

// NewCore starts from what was saved.
func NewCore(now time.Time, cfg Config, records []statedb.Record, b statedb.Brake) *Core {
	c := &Core{
		cfg:     cfg,
		execs:   execLimit{most: cfg.ExecProbes},
		entries: make(map[string]*entry, len(records)),
		needed:  map[string][]string{},
		brake:   newBrake(now, cfg.Brake, b),
	}
	for _, r := range records {
		e := c.entry(r.Name)
		e.rec, e.saved, e.onDisk = r, r, true
		e.since = r.Since
		e.last.State = State(r.State)
		if r.Op != "" {
			e.quarantine = now.Add(cfg.Linger)
			e.rec.Op = ""
		}
		resumeRollout(now, &e.rec)
		if r.Op == string(driver.Update) { // nobody knows what was applied
			e.rec.Live = ""
		}
		c.index(e, nil, r.Needs)
	}
	return c
}

func (c *Core) entry(name string) *entry {
	e := c.entries[name]
	if e == nil {
		e = &entry{name: name, index: -1}
		e.rec.Name = name
		c.entries[name] = e
		c.orderStale = true
	}
	return e
}

// Want takes a change of the folder.
func (c *Core) Want(ch Change) {
	c.source = ch.Source
	c.learnAway(ch.Away)
	if !c.permit.same(ch.Permit) {
		c.permit = ch.Permit
		c.touchUnwanted()
	}
	if ch.Full {
		c.dropOthers(ch.Put, ch.ID)
	}
	for _, w := range ch.Put {
		c.want(c.entry(w.Container.Name()), w, ch.SeenAt, ch.ID)
	}
	for _, name := range ch.Drop {
		if e := c.entries[name]; e != nil {
			c.want(e, Wanted{}, ch.SeenAt, ch.ID)
		}
	}
	if c.doubt != ch.Doubt {
		c.doubt = ch.Doubt
		c.touchUnwanted()
	}
	c.wantSeen = true
}

func (c *Core) dropOthers(put []Wanted, id string) {
	stay := make(map[string]bool, len(put))
	for _, w := range put {
		stay[w.Container.Name()] = true
	}
	for _, e := range c.sorted() {
		if !stay[e.name] {
			c.want(e, Wanted{}, time.Time{}, id)
		}
	}
}

func (c *Core) want(e *entry, w Wanted, seenAt time.Time, id string) {
	before, manifest := e.want, e.manifest
	e.manifest, e.blocked, e.change = w.Container, w.Blocked, id
	c.choose(e)
	if e.want != nil {
		c.brake.wanted(e.name)
		c.touchAround(e) // also those that it needs no more
		c.index(e, e.rec.Needs, e.want.Needs())
		e.rec.Needs = e.want.Needs()
	}
	if before == nil || e.want == nil || before.Revision != e.want.Revision {
		e.seenAt = seenAt
	}
	if manifest != w.Container {
		e.source = c.source
	}
	c.touch(e)
	c.touchAround(e)
}

// Drain stops every container, dependents first; the daemon is about to end.
func (c *Core) Drain() {
	c.draining = true
	for _, e := range c.sorted() {
		c.touch(e)
	}
}
