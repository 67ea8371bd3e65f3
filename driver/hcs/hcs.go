// Package hcs is the driver for the Host Compute Service (HCS) of Windows,
// through schema 1 and the root package of hcsshim. It pulls no images, makes
// no networks, and touches no system, layer or endpoint that does not bear its
// owner.
//
// # Identity
//
// A system's ID is <owner>.<name>.<revision>; its Owner field is the owner. A
// listing alone thus tells whose and which version it is, and both must agree
// before anything is done to it. The scratch folder <state>/layers/<ID> and
// the endpoint bear the same ID. What a listing does not tell (the number of
// the init process, when it was made, how it ended) is in <state>/hcs/<ID>.json:
// the driver's own notes, which help adoption and are never taken for the
// truth about what exists.
//
// # Life
//
// A system with process isolation stays Running when its init process ends, so
// the process is watched, and the rest of the system is ended once it is gone.
// A system that has ended cannot be started again: Start makes it anew on the
// same scratch layer. A system without its init process counts as Created.
//
// Init processes are launched by the keeper (package keeper), a process that
// outlives the daemon: it has their handles and pipes, writes their logs and
// keeps their exit codes; see launcher. If the keeper dies, containers go on
// and are attached to by their process number, but their pipes are lost with
// it: they have no log until their next start, and a program that dies of a
// broken pipe dies of it.
//
// # Concurrency
//
// Every call of Windows may hang and cannot be called off. Each verb runs in
// its container's own lane and is given up when its context ends; the lane
// stays taken until Windows answers, so that one container is stuck and
// nothing else. (Windows itself prepares layers one at a time.) Terminate has a
// lane of its own, to overtake a Shutdown or Start that hangs. hcsshim's own
// limits are set by package timeouts, before hcsshim starts.
//
// # What no real Windows host has confirmed yet
//
// All of it has run against models of the service only: the order and the
// codes are those of hcsshim's source and of the engines that used it. In
// particular: IDs with dots and of this length as names of systems, silos and
// endpoints; that a listing gives back Owner as it was set; that a prepared
// layer can be used for the next system without preparing it again; that
// process numbers of process isolation are those of the host and OpenProcess
// works after the daemon that launched them has gone; Linux containers, whose
// scratch disk must come ready-made (scratch.vhdx beside the topmost layer);
// gMSA; assigned devices. Servicing runs are described (Servicing in the
// document) but never started: hcsshim 0.15 always says that no updates are pending.
package hcs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const (
	exitsBuffer = 1024            // exits that may wait for a reader; more are lost, as hints may be
	linger      = 5 * time.Second // see Linger
	closeLimit  = 15 * time.Second
)

// DefaultCreates is how many creates may be under way at once: one per
// processor, but at least 4, and at most 16 because the service refuses some
// under load (hcsshim issue 2017).
func DefaultCreates() int { return min(max(runtime.NumCPU(), 4), 16) }

// Config says where and for whom a Driver works.
type Config struct {
	Owner    string       // lower-case letters, digits, '.', '_' and '-', at most 32; "default" if empty
	StateDir string       // for scratch layers, notes, the keeper and its logs, on NTFS; made if missing
	Version  string       // of the program, for the keeper to know
	Logger   *slog.Logger // slog.Default if nil
	// Creates is how many systems are created at once: Windows refuses some of
	// them when there are many. 0 means 4.
	Creates int
	// DockerDir is the data folder of a Docker engine, whose images can be
	// used; empty means %ProgramData%\docker.
	DockerDir string
	// CredentialSpecDir is where gmsaCredentialSpecName is looked for; empty
	// means the folder CredentialSpecs in DockerDir.
	CredentialSpecDir string
	// Keeper is how a keeper is started when one is needed. nil is for those who
	// only look: nothing can be started then.
	Keeper *keeper.Command
}

// Driver is the driver.Driver of the Host Compute Service.
type Driver struct {
	owner   string
	dir     string
	specs   string // credential specs
	log     *slog.Logger
	machine machine
	cpus    int
	images  imageStore
	notes   noteDir
	link    link
	told    *told
	exits   chan driver.Status
	news    chan driver.KeeperNews
	creates chan struct{} // holds one for each create under way
	looking *lane         // at most one listing at a time

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	boxes    map[driver.Ref]*box
	sessions map[*session]struct{} // what Exec launched
	known    map[driver.Ref]note   // notes not yet held against a listing
	seen     bool                  // a listing has succeeded: what is not in boxes is not there
	clock    uint64                // counts changes of boxes
	closed   bool
}

// withDefaults fills in what cfg leaves out, and checks the rest.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Owner == "" {
		cfg.Owner = "default"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Creates <= 0 {
		cfg.Creates = DefaultCreates()
	}
	if cfg.DockerDir == "" {
		cfg.DockerDir = filepath.Join(os.Getenv("ProgramData"), "docker")
	}
	if cfg.CredentialSpecDir == "" {
		cfg.CredentialSpecDir = filepath.Join(cfg.DockerDir, "CredentialSpecs")
	}
	abs, err := filepath.Abs(cfg.StateDir)
	cfg.StateDir = abs
	return cfg, errors.Join(err, checkOwner(cfg.Owner))
}

// additionalJSON is a variable of hcsshim that changes every document.
const additionalJSON = "HCSSHIM_CREATECONTAINER_ADDITIONALJSON"

// openOn opens a driver on m. It takes the first listing, but does not fail if
// there is none to be had: List says so then, and what runs goes on.
func openOn(ctx context.Context, cfg Config, m machine, cpus int, newLink func(keeper.LinkConfig) link) (*Driver, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if os.Getenv(additionalJSON) != "" {
		return nil, fmt.Errorf("%s is set: it would change every container behind the manifests' back; unset it", additionalJSON)
	}
	for _, sub := range []string{"layers", "hcs"} {
		if err := os.MkdirAll(filepath.Join(cfg.StateDir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	d := &Driver{
		owner: cfg.Owner, dir: cfg.StateDir, specs: cfg.CredentialSpecDir, log: cfg.Logger, machine: m, cpus: cpus,
		images: imageStore{root: cfg.DockerDir, files: os.DirFS(cfg.DockerDir)},
		notes:  noteDir(filepath.Join(cfg.StateDir, "hcs")), told: newTold(cfg.Logger.Error),
		news:  make(chan driver.KeeperNews, newsBuffer),
		exits: make(chan driver.Status, exitsBuffer), creates: make(chan struct{}, cfg.Creates), looking: newLane(),
		boxes: map[driver.Ref]*box{}, sessions: map[*session]struct{}{},
	}
	if d.known, err = d.notes.load(d.owner); err != nil {
		return nil, err
	}
	d.ctx, d.cancel = context.WithCancel(context.Background()) //nolint:gosec // cancelled by Close
	d.link = newLink(keeper.LinkConfig{
		StateDir: cfg.StateDir, Owner: cfg.Owner, Version: cfg.Version, Log: cfg.Logger, Start: cfg.Keeper,
		Up: d.keeperUp, Changed: d.told.change, Down: d.keeperDown,
	})
	if err := d.link.Open(ctx); err != nil {
		d.log.Error("the keeper cannot be used; containers are adopted without it: exit codes and output may be lost", "err", err)
	}
	if _, err := d.List(ctx); err != nil {
		d.log.Warn("containers not listed at start; it is tried again", "err", err)
	}
	d.spawn(d.sweepOnce)
	return d, nil
}

// Close lets go of all handles; containers go on, and so does the keeper. It fails
// if a call of Windows hangs and so keeps a goroutine.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.cancel()
	d.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		d.letAllGo()
		d.done.Wait()
		d.letAllGo() // what calls under way had opened meanwhile
		_ = d.link.Close()
		d.told.close()
		close(gone)
	}()
	t := time.NewTimer(closeLimit)
	defer t.Stop()
	var err error
	select {
	case <-gone:
	case <-t.C:
		err = fmt.Errorf("close hcs driver: %w: a call of the host compute service hangs", driver.ErrTimeout)
	}
	d.mu.Lock()
	close(d.exits)
	close(d.news)
	d.mu.Unlock()
	return err
}

// Check tells what HCS would ignore or refuse of c.
func (d *Driver) Check(c *manifest.Container) []driver.Note { return check(c, d.cpus) }

// Exits delivers ended containers; see driver.Driver.
func (d *Driver) Exits() <-chan driver.Status { return d.exits }

// Linger is an estimate: the service goes on with what a dead daemon asked for.
func (d *Driver) Linger() time.Duration { return linger }

// usable tells why no call may begin.
func (d *Driver) usable(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return driver.ErrConnectionLost
	}
	return ctx.Err()
}

// folderExists reports whether path is there; doubt counts as "yes".
func folderExists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
