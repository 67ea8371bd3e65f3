// Package local runs each container as a supervised process group of the host:
// real processes, exit codes and logs, with the life cycle that the Host
// Compute Service has. It is for trying manifests, for the CI of GitOps
// repositories and for tests. It isolates nothing, and never pretends to: what
// it ignores or refuses of a manifest Check tells.
//
// # Identity
//
// The processes themselves say whose they are. Each init process is started
// with four variables in its environment (owner, name, revision, and the
// moment of birth on the system's own clock), its descendants inherit them,
// and they are read back from the system: a daemon that was killed finds its
// containers again although it kept no note of them. An init process is a
// session leader that started when its mark says it was born; every other
// process with the same marks belongs to it, and is a stray once it has ended.
//
// Some programs overwrite their environment with a process title (nginx and
// PostgreSQL do), and some give up their user. For them there is a second
// witness, a journal in the state folder: see journal.
//
// Nothing is ever run twice, because one lock per owner and user is held by
// the daemon, and the keeper has done all that an earlier daemon asked for, or
// never will, before it listens to the next.
//
// # The keeper
//
// Init processes are children of the keeper (package keeper), a process that
// outlives the daemon: it reads what they print, keeps their logs and their exit
// codes. Launcher is what it runs them with. On Linux a process is not hurt by
// the death of the keeper either: its pipes are its own, and the next keeper
// finds them. Without a keeper the daemon watches what runs itself.
//
// # Concurrency
//
// A Driver may be used by many goroutines. None is spent on a container, except
// that on Windows each process that no keeper holds is waited for in one.
package local

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

const (
	exitsBuffer  = 1024                   // exits that may wait for a reader; more are lost, as hints may be
	rescanEvery  = 30 * time.Second       // default of Config.Rescan
	sweepDelay   = 50 * time.Millisecond  // from an exit to the end of what it left behind
	sweepEvery   = time.Second            // least time between two such looks
	lingerWindow = 250 * time.Millisecond // see Linger
)

// Config says where and for whom a Driver works.
type Config struct {
	Owner    string       // letters, digits, '.', '_' and '-', at most 63; "default" if empty
	StateDir string       // for the keeper, its logs and the journal; made if missing
	Version  string       // of the program, for the keeper to know
	Logger   *slog.Logger // slog.Default if nil
	// Rescan is the least time between two looks of List for processes that we
	// do not know: those of other owners above all. 0 means 30 s.
	Rescan time.Duration
	// Keeper is how a keeper is started when one is needed. nil is for those who
	// only look: nothing can be started then.
	Keeper *keeper.Command
}

// Driver is the driver.Driver of plain processes.
type Driver struct {
	owner   string
	log     *slog.Logger
	base    []string // environment that every container gets
	lock    *ownerLock
	host    *host
	journal *journal
	link    *keeper.Link
	passive bool // we only look
	exits   chan driver.Status
	news    chan driver.KeeperNews
	done    sync.WaitGroup
	looking chan struct{} // holds one token: at most one look at the system at a time
	rescan  time.Duration
	execs   sessions

	mu      sync.Mutex
	boxes   map[driver.Ref]*box
	foreign []driver.Foreign
	looked  time.Time   // when the last look began
	sweep   *time.Timer // nil: none is due
	orphans *time.Timer // nil: the keeper is there
	epoch   string      // of the keeper's numbers
	dropped uint64      // bytes of output that no log took
	// forgotten are runs that were removed while no keeper was there to be told.
	forgotten map[string]bool
	closed    bool
}

// box is one container of ours.
type box struct {
	ref      driver.Ref
	state    driver.State
	starting bool     // Start is between fork and our knowing of it
	dirty    bool     // may have left processes behind
	proc     *process // while it runs
	born     int64    // mark of the current or last run; 0 before the first
	boot     string   // of the system, to which born belongs
	started  time.Time
	exit     driver.Exit
	run      string // the keeper's id of the current or last run; "": it has none
	seq      uint64 // of what the keeper told last of that run
	dropped  uint64 // bytes of output that the keeper told to be lost
	limits   keeper.Limits
}

func (b *box) status() driver.Status {
	st := driver.Status{Ref: b.ref, State: b.state, Started: b.started}
	switch b.state {
	case driver.Running:
		st.PID = b.proc.pid
	case driver.Stopped:
		st.Exit = b.exit
	case driver.Created, driver.Paused:
	}
	return st
}

func (b *box) running() bool { return b.starting || b.state == driver.Running }

var (
	ownerPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	namePattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// Open takes the owner's lock, adopts what runs already, and ends what was
// left behind. It fails if another daemon of this user works for the owner.
func Open(ctx context.Context, cfg Config) (*Driver, error) {
	d, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open local driver: %w", err)
	}
	d.log.Info("containers run as plain processes of this host, without isolation", "driver", "local", "owner", d.owner)
	return d, nil
}

func open(ctx context.Context, cfg Config) (*Driver, error) {
	if cfg.Owner == "" {
		cfg.Owner = "default"
	}
	if !ownerPattern.MatchString(cfg.Owner) {
		return nil, fmt.Errorf("owner %q: want letters, digits, '.', '_' and '-', at most 63", cfg.Owner)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Rescan == 0 {
		cfg.Rescan = rescanEvery
	}
	dir, err := filepath.Abs(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockOwner(ctx, cfg.Owner)
	if err != nil {
		return nil, err
	}
	d := &Driver{
		owner: cfg.Owner, log: cfg.Logger, base: baseEnv(), lock: lock, rescan: cfg.Rescan, passive: cfg.Keeper == nil,
		exits:   make(chan driver.Status, exitsBuffer),
		news:    make(chan driver.KeeperNews, newsBuffer),
		looking: make(chan struct{}, 1), boxes: map[driver.Ref]*box{}, forgotten: map[string]bool{},
	}
	if err := d.begin(ctx, cfg, dir); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// begin brings d into step with the system.
func (d *Driver) begin(ctx context.Context, cfg Config, dir string) (err error) {
	if d.host, err = newHost(d.exited); err != nil {
		return err
	}
	if d.journal, err = openJournal(filepath.Join(dir, "local-"+d.owner+".journal"), d.owner); err != nil {
		return err
	}
	d.openLink(ctx, cfg, dir)
	if err := d.look(ctx, nil); err != nil {
		return err
	}
	if !d.passive && d.link.Facts().Up {
		d.offer(func(p *process) bool { return p.run != "" })
	}
	return d.journal.compact()
}

// Close lets go of the containers, which go on, and frees the owner's lock.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	if d.sweep != nil && d.sweep.Stop() {
		d.done.Done()
	}
	d.stopOrphans()
	d.mu.Unlock()
	d.execs.close()
	d.done.Wait()
	if d.link != nil {
		_ = d.link.Close()
	}
	if d.host != nil {
		d.host.close()
	}
	d.mu.Lock()
	close(d.exits)
	close(d.news)
	d.mu.Unlock()
	if d.journal != nil {
		_ = d.journal.close()
	}
	return d.lock.release()
}

// Exits delivers ended containers; see driver.Driver.
func (d *Driver) Exits() <-chan driver.Status { return d.exits }

// Linger is short: a daemon cannot open this driver before every process that
// the one before it was starting can be seen, and signals act at once.
func (d *Driver) Linger() time.Duration { return lingerWindow }

// List returns our containers from memory. Now and then it also looks through
// the processes of the system for marked ones that it does not know.
func (d *Driver) List(ctx context.Context) (driver.Listing, error) {
	l, err := d.list(ctx)
	if err != nil {
		return driver.Listing{}, fmt.Errorf("list containers: %w", err)
	}
	return l, nil
}

func (d *Driver) list(ctx context.Context) (driver.Listing, error) {
	if err := d.usable(ctx); err != nil {
		return driver.Listing{}, err
	}
	d.mu.Lock()
	due := time.Since(d.looked) >= d.rescan
	d.mu.Unlock()
	if due {
		if err := d.look(ctx, nil); err != nil {
			return driver.Listing{}, err
		}
		d.lock.touch()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := driver.Listing{Ours: make([]driver.Status, 0, len(d.boxes)), Foreign: d.foreign}
	for _, b := range d.boxes {
		l.Ours = append(l.Ours, b.status())
	}
	return l, nil
}

// usable tells why no call may begin.
func (d *Driver) usable(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return driver.ErrConnectionLost
	}
	return ctx.Err()
}

// Inspect tells what is known of one container.
func (d *Driver) Inspect(ctx context.Context, r driver.Ref) (driver.Status, error) {
	err := d.usable(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[r]
	if err == nil && b == nil {
		err = driver.ErrNotFound
	}
	if err != nil {
		return driver.Status{}, fmt.Errorf("inspect %s: %w", r.Name, err)
	}
	return b.status(), nil
}
