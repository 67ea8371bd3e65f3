package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// LinkConfig says how a driver is connected to the keeper of its state folder.
type LinkConfig struct {
	StateDir string
	Owner    string
	Version  string // of the program
	Log      *slog.Logger
	// Start is how a keeper is started when one is needed; nil: never. Then
	// nothing can be launched, and what no keeper holds any more is as Recorded
	// has it.
	Start *Command
	// Up is told each time a keeper was connected to, with all the runs that
	// it has: those that are not there any more are acknowledged.
	Up func(w Welcome, runs []Run)
	// Changed is told every change from then on.
	Changed func(Run)
	// Down is told when the keeper is gone; what it held goes on. It is
	// connected to, or started, again.
	Down func(err error)
}

// Link keeps a driver connected to the keeper of its state folder. It calls the
// functions of its configuration one after the other. Up may call Adopt, Signal,
// Limit and Forget; beyond that they must not use the Link.
type Link struct {
	cfg  LinkConfig
	ctx  context.Context
	end  context.CancelFunc
	done sync.WaitGroup

	connecting sync.Mutex // one connection is made at a time
	telling    sync.Mutex // Up or Down runs
	mu         sync.Mutex
	client     *Client // nil: down
	facts      Facts
	ever       bool // connected before
	trying     bool // a goroutine is at reconnecting
	wait       time.Duration
}

// Facts are what can be said of the keeper.
type Facts struct {
	Up       bool      `json:"up"`
	Needed   bool      `json:"needed"` // there was one, or there should be
	PID      int       `json:"pid,omitempty"`
	Version  string    `json:"version,omitempty"`
	Protocol int       `json:"protocol,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Restarts uint64    `json:"restarts"` // how often this daemon has lost it and found or started another
	Problem  string    `json:"problem,omitempty"`
}

const (
	firstRetry   = 10 * time.Millisecond
	slowestRetry = 5 * time.Second
	steadyAfter  = 10 * time.Second // a connection that lasted as long as this is retried fast again
)

// ErrNotStarted means that there is no keeper, and none may be started.
var ErrNotStarted = errors.New("no keeper runs, and this command starts none")

// NewLink prepares a link.
func NewLink(cfg LinkConfig) *Link {
	l := &Link{cfg: cfg}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// Open connects to the keeper if there is one, or if an earlier one has left
// something to know; Up has been called then. Without either it does nothing:
// a keeper is started by the first Launch. An error means that there is a
// keeper that cannot be used; nothing it holds is harmed, and the link goes on
// trying.
func (l *Link) Open(ctx context.Context) error {
	_, err := l.connect(ctx, false)
	for deadline := time.Now().Add(lockPatience); errors.Is(err, ErrNoKeeper) && !isFree(l.cfg.StateDir); {
		// One that is about to listen; or one that died while it was starting a
		// process, of which nobody can know before it executes its program.
		if time.Now().After(deadline) {
			err = fmt.Errorf("a keeper has the lock of %s and does not answer", dirOf(l.cfg.StateDir))
			break
		}
		time.Sleep(startPoll)
		_, err = l.connect(ctx, false)
	}
	switch {
	case errors.Is(err, ErrNoKeeper):
		return l.recall(ctx)
	case err != nil:
		l.reconnect(err)
	}
	return err
}

// recall deals with what a keeper left behind that is gone.
func (l *Link) recall(ctx context.Context) error {
	runs, err := Recorded(l.cfg.StateDir)
	if err != nil || len(runs) == 0 {
		return err
	}
	if l.cfg.Start == nil {
		l.cfg.Up(Welcome{}, runs)
		return nil
	}
	if _, err = l.connect(ctx, true); err != nil {
		l.reconnect(err)
	}
	return err
}

// Close ends the connection. The keeper stays, with what it holds.
func (l *Link) Close() error {
	l.end()
	l.connecting.Lock() // and none is made any more
	c := l.connected()
	l.connecting.Unlock()
	var err error
	if c != nil {
		err = c.Close()
	}
	l.done.Wait()
	return err
}

// Facts tells how it is with the keeper.
func (l *Link) Facts() Facts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.facts
}

// Launch starts a run, and a keeper if there is none; see Client.Launch.
func (l *Link) Launch(ctx context.Context, o Order) (Run, error) {
	c, err := l.connect(ctx, true)
	if err != nil {
		return Run{}, err
	}
	return c.Launch(ctx, o)
}

// Adopt has a process held that runs without the keeper; see Client.Adopt.
func (l *Link) Adopt(ctx context.Context, r Run) (Run, error) {
	c := l.connected()
	if c == nil {
		return Run{}, ErrLost
	}
	return c.Adopt(ctx, r)
}

// Signal passes a request on to the process of a run. ErrLost while there is
// no keeper, as from Limit and Forget.
func (l *Link) Signal(ctx context.Context, id string, s Signal) error {
	return l.with(func(c *Client) error { return c.Signal(ctx, id, s) })
}

// Limit changes the limits of the log that a run writes.
func (l *Link) Limit(ctx context.Context, id string, lim Limits) error {
	return l.with(func(c *Client) error { return c.Limit(ctx, id, lim) })
}

// Forget acknowledges the exit of a run.
func (l *Link) Forget(ctx context.Context, id string) error {
	return l.with(func(c *Client) error { return c.Forget(ctx, id) })
}

func (l *Link) with(do func(*Client) error) error {
	c := l.connected()
	if c == nil {
		return ErrLost
	}
	return do(c)
}

// connected returns the client, or nil.
func (l *Link) connected() *Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client
}
