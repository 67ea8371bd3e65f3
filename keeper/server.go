package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// Config is what a keeper works with.
type Config struct {
	StateDir  string
	Owner     string
	Version   string // of the program
	Launchers map[string]Launcher
	Log       *slog.Logger
	// Idle is how long it stays with nothing to hold and nobody connected;
	// 0 means DefaultIdle.
	Idle time.Duration
}

// DefaultIdle is the default of Config.Idle.
const DefaultIdle = 10 * time.Second

const (
	socketName   = "keeper"
	lockFile     = "lock"
	lockPatience = 5 * time.Second        // for what a dead keeper was starting
	syncDelay    = 5 * time.Millisecond   // exits that come together share one sync
	syncRetry    = time.Second            // while the disk takes nothing
	lookEvery    = 10 * time.Second       // at our own socket, and at what logs have dropped
	acceptRetry  = 100 * time.Millisecond // after an accept that failed
)

// ErrOther means that another keeper works for the state folder.
var ErrOther = errors.New("another keeper works for this state folder")

// Address is where the keeper of a state folder listens.
func Address(stateDir string) string { return socket.Address(stateDir, socketName) }

// server is a keeper at work.
type server struct {
	cfg       Config
	log       *slog.Logger
	about     Welcome
	launchers map[string]Launcher
	book      *book
	lock      *os.File

	mu       sync.Mutex
	listener net.Listener
	clients  map[net.Conn]struct{}
	ending   bool
	quit     chan struct{} // closed by stop
	idle     *time.Timer   // fires after cfg.Idle without a client
	done     sync.WaitGroup
}

// Serve is the keeper: it takes over what an earlier one held, and answers
// until ctx ends, a client stops it, or there is nothing left to hold and
// nobody to talk to. Processes go on in any case. ErrOther if there is a keeper
// already.
func Serve(ctx context.Context, cfg Config) error {
	if cfg.Idle <= 0 {
		cfg.Idle = DefaultIdle
	}
	dir := dirOf(cfg.StateDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make keeper folder: %w", err)
	}
	lock, err := awaitLock(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	k, err := newServer(cfg, lock)
	if err != nil {
		return err
	}
	return k.run(ctx)
}

func awaitLock(ctx context.Context, dir string) (*os.File, error) {
	deadline := time.Now().Add(lockPatience)
	for {
		f, ok, err := tryLock(filepath.Join(dir, lockFile))
		switch {
		case err != nil:
			return nil, fmt.Errorf("lock keeper folder: %w", err)
		case ok:
			return f, nil
		case time.Now().After(deadline):
			return nil, ErrOther
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func newServer(cfg Config, lock *os.File) (*server, error) {
	j, seq, err := openJournal(dirOf(cfg.StateDir))
	if err != nil {
		return nil, err
	}
	k := &server{
		cfg: cfg, log: cfg.Log, launchers: cfg.Launchers, lock: lock,
		book: newBook(cfg.Log, j, seq, newLogFiles(filepath.Join(cfg.StateDir, "logs"))),
		about: Welcome{
			Min: minVersion, Max: maxVersion, Version: cfg.Version, PID: os.Getpid(), Started: time.Now(), Owner: cfg.Owner,
			Kinds: slices.Sorted(maps.Keys(cfg.Launchers)), Epoch: j.epoch,
		},
		clients: map[net.Conn]struct{}{}, quit: make(chan struct{}),
	}
	return k, nil
}

func (k *server) run(ctx context.Context) error {
	k.book.restore(k.launchers)
	l, err := socket.Listen(k.cfg.StateDir, socketName)
	if err != nil {
		k.book.release()
		return errors.Join(fmt.Errorf("open keeper socket: %w", err), k.book.journal.close())
	}
	k.log.Info("keeper started", "version", k.about.Version, "pid", k.about.PID, "owner", k.about.Owner, "containers", len(k.book.runs))
	k.listener = l
	k.idle = time.AfterFunc(k.cfg.Idle, k.endIfIdle)
	k.done.Go(func() { k.accept(l) })
	k.done.Go(k.look)
	synced := make(chan struct{})
	go func() { defer close(synced); k.keepSynced() }()
	select {
	case <-ctx.Done():
		k.stop()
	case <-k.quit:
	}
	k.done.Wait()
	<-synced
	k.book.release()
	err = errors.Join(k.book.journal.sync(k.book.last()), k.book.journal.close())
	k.log.Info("keeper ended; what runs goes on")
	return err
}

// stop ends the keeper. Nothing is launched any more when it returns.
func (k *server) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending {
		return
	}
	k.end()
}

// end is the only way out. k.mu is held.
func (k *server) end() {
	k.ending = true
	k.idle.Stop()
	_ = k.listener.Close()
	for c := range k.clients {
		_ = c.Close()
	}
	close(k.quit)
}

// endIfIdle ends a keeper that nobody needs. Exits that are not acknowledged
// are on disk: they need no process.
func (k *server) endIfIdle() {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.ending || len(k.clients) > 0:
	case k.book.busy():
		k.idle.Reset(k.cfg.Idle)
	default:
		k.end()
	}
}

func (k *server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			k.meet(conn)
		case k.isEnding() || errors.Is(err, net.ErrClosed):
			return
		default: // no file descriptor left, perhaps
			k.log.Warn("client not accepted", "err", err)
			time.Sleep(acceptRetry)
		}
	}
}

func (k *server) isEnding() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ending
}

// meet begins to serve a client. One that comes while the keeper ends is sent
// away, and will find the next one.
func (k *server) meet(conn net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending {
		_ = conn.Close()
		return
	}
	k.clients[conn] = struct{}{}
	k.idle.Stop()
	k.done.Go(func() {
		k.serve(conn)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.clients, conn)
		if len(k.clients) == 0 && !k.ending {
			k.idle.Reset(k.cfg.Idle)
		}
	})
}
