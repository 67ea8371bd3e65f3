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
// the daemon and, in the short time between fork and exec, by the processes it
// is starting: whoever holds it knows that what runs can be seen.
//
// # Logs
//
// Standard output and error go straight into <state>/logs/<name>.log,
// so that nothing is lost when the daemon ends. A file above its size is
// copied away and truncated. It is looked at every 10 s, or once a minute while
// it does not grow, so it may be larger for as long. What is written between the end of the copy and
// the truncation, some microseconds, is lost, because the process keeps the
// file open and cannot be told.
//
// # Concurrency
//
// A Driver may be used by many goroutines. There is one goroutine that waits
// for exits, and one ticker for the sizes of the logs; none per container,
// except that on Windows each process is waited for in a goroutine.
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
)

const (
	exitsBuffer  = 1024                   // exits that may wait for a reader; more are lost, as hints may be
	rescanEvery  = 30 * time.Second       // default of Config.Rescan
	sweepDelay   = 50 * time.Millisecond  // from an exit to the end of what it left behind
	sweepEvery   = time.Second            // least time between two such looks
	logsEvery    = 10 * time.Second       // between two looks at the sizes of the logs
	lingerWindow = 250 * time.Millisecond // see Linger
)

// Config says where and for whom a Driver works.
type Config struct {
	Owner    string       // letters, digits, '.', '_' and '-', at most 63; "default" if empty
	StateDir string       // for logs and the journal; made if missing
	Logger   *slog.Logger // slog.Default if nil
	// Rescan is the least time between two looks of List for processes that we
	// do not know: those of other owners above all. 0 means 30 s.
	Rescan time.Duration
}

// Driver is the driver.Driver of plain processes.
type Driver struct {
	owner   string
	log     *slog.Logger
	logs    logDir
	opening sync.Mutex // of logs: in one folder, creators would spin on its lock
	base    []string   // environment that every container gets
	lock    *ownerLock
	host    *host
	journal *journal
	exits   chan driver.Status
	ticker  *time.Ticker
	quit    chan struct{}
	done    sync.WaitGroup
	looking chan struct{} // holds one token: at most one look at the system at a time
	rescan  time.Duration
	execs   sessions

	mu      sync.Mutex
	boxes   map[driver.Ref]*box
	foreign []driver.Foreign
	looked  time.Time   // when the last look began
	sweep   *time.Timer // nil: none is due
	closed  bool
}

// box is one container of ours.
type box struct {
	ref      driver.Ref
	state    driver.State
	starting bool     // Start is between fork and our knowing of it
	dirty    bool     // may have left processes behind
	proc     *process // while it runs
	born     int64    // mark of the current or last run; 0 before the first
	started  time.Time
	exit     driver.Exit
	limits   limits
	watch    logWatch
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
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, err
	}
	lock, err := lockOwner(ctx, cfg.Owner)
	if err != nil {
		return nil, err
	}
	d := &Driver{
		owner: cfg.Owner, log: cfg.Logger, logs: logDir(filepath.Join(dir, "logs")),
		base: baseEnv(), lock: lock, rescan: cfg.Rescan,
		exits: make(chan driver.Status, exitsBuffer), quit: make(chan struct{}),
		looking: make(chan struct{}, 1), boxes: map[driver.Ref]*box{},
	}
	if err := d.begin(ctx, dir); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// begin brings d into step with the system.
func (d *Driver) begin(ctx context.Context, dir string) (err error) {
	if d.host, err = newHost(d.exited); err != nil {
		return err
	}
	if d.journal, err = openJournal(filepath.Join(dir, "local-"+d.owner+".journal"), d.owner); err != nil {
		return err
	}
	if err := d.look(ctx, nil); err != nil {
		return err
	}
	if err := d.journal.compact(); err != nil {
		return err
	}
	d.ticker = time.NewTicker(logsEvery)
	d.done.Go(d.watchLogs)
	return nil
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
	close(d.quit)
	d.mu.Unlock()
	d.execs.close()
	d.done.Wait()
	if d.ticker != nil {
		d.ticker.Stop()
	}
	if d.host != nil {
		d.host.close()
	}
	d.mu.Lock()
	close(d.exits)
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
