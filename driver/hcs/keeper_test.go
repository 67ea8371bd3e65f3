package hcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
)

// mKeeper is a keeper for a model: it runs the real launcher, outlives drivers,
// and can die itself. It has no socket, so that it can live in a bubble.
type mKeeper struct {
	m   *model
	dir string

	mu    sync.Mutex
	alive bool
	runs  map[string]*mRun
	seq   uint64
	link  *mLink         // that controls it
	under sync.WaitGroup // launches under way
	lives int

	logging sync.Mutex
	logged  map[string]*logs.Log
}

type mRun struct {
	k    *mKeeper
	life int // of the keeper that holds it
	run  keeper.Run
	proc keeper.Process
	outs []*logs.Stream
	end  *keeper.Exit
}

// keeperParts are the functions that run in the keeper's process.
func keeperParts() (names []string) {
	for _, f := range []string{"begin.func1", "copy.func1", "watchProcess", "watchSystem", "watchHost"} {
		names = append(names, "github.com/hcs-reconcile/hcs-reconcile/driver/hcs.(*kept)."+f)
	}
	return names
}

// keeperOf is the keeper of a state folder.
func (m *model) keeperOf(dir string) *mKeeper {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keepers == nil {
		m.keepers = map[string]*mKeeper{}
	}
	if m.keepers[dir] == nil {
		m.keepers[dir] = &mKeeper{m: m, dir: dir, runs: map[string]*mRun{}, logged: map[string]*logs.Log{}}
	}
	return m.keepers[dir]
}

// mLink is a driver's connection. Only the newest may launch.
type mLink struct {
	k   *mKeeper
	cfg keeper.LinkConfig
	end context.CancelFunc
	ctx context.Context
}

func (m *model) link(cfg keeper.LinkConfig) link {
	l := &mLink{k: m.keeperOf(cfg.StateDir), cfg: cfg}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// Open waits, as a keeper does, for what an earlier driver has asked for.
func (l *mLink) Open(context.Context) error {
	l.k.mu.Lock()
	l.k.link = l
	l.k.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		l.k.under.Wait()
		l.connect()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-time.After(5 * time.Second):
		return errors.New("what an earlier client asked for is still under way")
	}
}

// connect tells all runs; a keeper that is dead is started, if it has left any.
func (l *mLink) connect() {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	if l.k.link != l || l.ctx.Err() != nil || !l.k.alive && len(l.k.runs) == 0 {
		return
	}
	l.k.begin()
	var all []keeper.Run
	for _, r := range l.k.runs {
		all = append(all, r.run)
	}
	l.cfg.Up(keeper.Welcome{}, all)
}

// begin starts the keeper, which takes over what the last one held. k.mu is held.
func (k *mKeeper) begin() {
	if k.alive {
		return
	}
	k.alive, k.lives = true, k.lives+1
	for id, r := range k.runs {
		if r.run.State == keeper.Ended {
			continue
		}
		r.life, r.run.Adopted = k.lives, true
		p, err := launcher{k.m.machine()}.Adopt(r.run, r)
		switch {
		case errors.Is(err, keeper.ErrGone):
			k.ended(r, keeper.Exit{At: time.Now()})
		case err != nil:
			delete(k.runs, id)
		default:
			r.proc = p
		}
	}
}

func (l *mLink) Launch(_ context.Context, o keeper.Order) (keeper.Run, error) {
	if err := l.k.m.enter("ask keeper", o.ID); err != nil {
		return keeper.Run{}, err
	}
	l.k.mu.Lock()
	if l.k.link != l {
		l.k.mu.Unlock()
		return keeper.Run{}, keeper.ErrFenced
	}
	l.k.begin()
	for _, r := range l.k.runs {
		if r.run.Name == o.Name && r.run.Revision == o.Revision && r.run.State != keeper.Ended {
			l.k.mu.Unlock()
			return keeper.Run{}, fmt.Errorf("%w: run %s", keeper.ErrExists, r.run.ID)
		}
	}
	r := &mRun{k: l.k, life: l.k.lives, run: keeper.Run{ID: o.ID, Kind: o.Kind, Name: o.Name, Revision: o.Revision, State: keeper.Launching, Limits: o.Limits}}
	l.k.runs[o.ID] = r
	l.k.under.Add(1)
	l.k.mu.Unlock()
	p, err := launcher{l.k.m.machine()}.Launch(o, r)
	l.k.mu.Lock()
	if err != nil {
		delete(l.k.runs, o.ID)
		l.k.under.Done()
		l.k.mu.Unlock()
		return keeper.Run{}, asAnswered(err)
	}
	for id, old := range l.k.runs {
		if old.run.Name == o.Name && old.run.Revision == o.Revision && old.run.State == keeper.Ended {
			delete(l.k.runs, id)
		}
	}
	r.proc, r.run.State, r.run.PID, r.run.Started, r.run.Note = p, keeper.Running, p.PID(), p.Started(), p.Note()
	if r.end != nil {
		l.k.ended(r, *r.end)
	} else {
		l.k.tell(r)
	}
	run := r.run
	l.k.under.Done()
	l.k.mu.Unlock()
	l.k.m.leave("ask keeper")
	return run, nil
}

// asAnswered is an error as it comes over the socket: its text, and the one of
// the keeper's errors that it is.
func asAnswered(err error) error {
	if errors.Is(err, keeper.ErrInvalid) {
		return &answered{keeper.ErrInvalid, err.Error()}
	}
	return errors.New(err.Error())
}

type answered struct {
	is   error
	text string
}

func (a *answered) Error() string        { return a.text }
func (a *answered) Is(target error) bool { return a.is == target }

// tell passes a change on. k.mu is held.
func (k *mKeeper) tell(r *mRun) {
	k.seq++
	r.run.Seq = k.seq
	if k.alive && k.link != nil && k.link.ctx.Err() == nil {
		k.link.cfg.Changed(r.run)
	}
}

// ended enters an exit. k.mu is held.
func (k *mKeeper) ended(r *mRun, e keeper.Exit) {
	if r.run.State == keeper.Ended {
		return
	}
	if r.run.State == keeper.Launching {
		r.end = &e
		return
	}
	for _, s := range r.outs {
		s.End()
	}
	r.run.State, r.run.Exit, r.proc = keeper.Ended, &e, nil
	k.tell(r)
}

// die kills the keeper, and with it its pipes; the driver hears of it. With
// again, another is started at once.
func (k *mKeeper) die(again bool) {
	k.mu.Lock()
	l := k.link
	var held []keeper.Process
	for _, r := range k.runs {
		if r.proc != nil {
			held = append(held, r.proc)
			r.proc = nil
		}
	}
	k.alive = false
	k.lives++ // and nothing it still says is heard
	k.mu.Unlock()
	for _, p := range held {
		p.Release()
	}
	if l == nil || l.ctx.Err() != nil {
		return
	}
	l.cfg.Down(keeper.ErrLost)
	if again {
		l.connect()
	}
}

func (r *mRun) Stdout() io.Writer { return r.stream(logs.Stdout) }
func (r *mRun) Stderr() io.Writer { return r.stream(logs.Stderr) }

func (r *mRun) stream(from logs.Source) io.Writer {
	r.k.logging.Lock()
	defer r.k.logging.Unlock()
	log := r.k.logged[r.run.Name]
	if log == nil {
		log = logs.Open(filepath.Join(r.k.dir, "logs"), r.run.Name, logs.Limits{})
		r.k.logged[r.run.Name] = log
	}
	s := log.Stream(from)
	r.outs = append(r.outs, s)
	return s
}

func (r *mRun) Exited(e keeper.Exit) {
	life := r.life
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	if life == r.k.lives {
		r.k.ended(r, e)
	}
}

func (l *mLink) Limit(_ context.Context, id string, lim keeper.Limits) error {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	r := l.k.runs[id]
	if r == nil || r.proc == nil {
		return keeper.ErrGone
	}
	r.run.Limits = lim
	return nil
}

func (l *mLink) Forget(_ context.Context, id string) error {
	l.k.mu.Lock()
	defer l.k.mu.Unlock()
	switch r := l.k.runs[id]; {
	case !l.k.alive:
		return keeper.ErrLost
	case r == nil:
		return nil
	case r.run.State != keeper.Ended:
		return keeper.ErrExists
	}
	delete(l.k.runs, id)
	return nil
}

func (l *mLink) Facts() keeper.Facts { return keeper.Facts{} }

func (l *mLink) Close() error {
	l.end()
	return nil
}

// logOf is what a container has printed.
func logOf(dir, name string) string {
	var text strings.Builder
	_ = logs.Read(context.Background(), filepath.Join(dir, "logs"), name, logs.Query{}, func(l logs.Line) error {
		text.Write(l.Text)
		if !l.Partial {
			text.WriteByte('\n')
		}
		return nil
	})
	return text.String()
}
