package keeper

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// book is what the keeper holds: every run that is not acknowledged, and the
// processes behind those that go on.
type book struct {
	log     *slog.Logger
	journal *journal
	logs    *logFiles

	mu      sync.Mutex
	runs    map[string]*held
	seq     uint64
	changed chan struct{} // closed with the next change
	control *session      // who may change something; nil: nobody
	unsafe  chan struct{} // size 1: there is something to sync
}

// held is one run with what belongs to it. Its run is guarded by book.mu.
type held struct {
	book *book
	run  Run
	proc Process // nil while it is launching and when it has ended
	log  *logUser
	end  *Exit // while it is launching: it has ended already
	once sync.Once
}

func newBook(log *slog.Logger, j *journal, seq uint64, logs *logFiles) *book {
	return &book{
		log: log, journal: j, logs: logs, runs: map[string]*held{}, seq: seq,
		changed: make(chan struct{}), unsafe: make(chan struct{}, 1),
	}
}

// touch gives a run its next number and wakes who watches. b.mu is held.
func (b *book) touch(h *held) {
	b.seq++
	h.run.Seq = b.seq
	close(b.changed)
	b.changed = make(chan struct{})
}

// store writes a run down. b.mu is held.
func (b *book) store(h *held) {
	b.complain(h.run.ID, b.journal.put(h.run))
}

func (b *book) complain(id string, err error) {
	if err != nil {
		b.log.Error("run not written down; tried again", "run", id, "err", err)
	}
	select {
	case b.unsafe <- struct{}{}:
	default:
	}
}

// since returns the runs that changed after seq, in the order of their
// changes, the greatest number, and a channel that is closed with the next change.
func (b *book) since(seq uint64) ([]Run, uint64, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := map[string]Run{}
	for id, h := range b.runs {
		if h.run.Seq > seq {
			r := h.run
			r.Dropped = h.log.dropped()
			news[id] = r
		}
	}
	return bySeq(news), b.seq, b.changed
}

// launch starts what o describes, for the client that controls the keeper.
func (b *book) launch(s *session, l Launcher, o Order) (Run, error) {
	h, err := b.claim(s, o)
	if err != nil {
		return Run{}, err
	}
	proc, err := l.Launch(o, h)
	if err != nil {
		b.drop(h)
		return Run{}, err
	}
	return b.launched(h, proc), nil
}

// claim enters a run that is about to be launched.
func (b *book) claim(s *session, o Order) (*held, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.control != s {
		return nil, ErrFenced
	}
	if b.runs[o.ID] != nil {
		return nil, fmt.Errorf("run %s: %w", o.ID, ErrExists)
	}
	for _, h := range b.runs {
		if h.run.Name == o.Name && h.run.Revision == o.Revision && h.run.State != Ended {
			return nil, fmt.Errorf("container %s: %w: run %s", o.Name, ErrExists, h.run.ID)
		}
	}
	return b.enter(Run{ID: o.ID, Kind: o.Kind, Name: o.Name, Revision: o.Revision, State: Launching, Limits: o.Limits}), nil
}

// enter adds a run. b.mu is held.
func (b *book) enter(r Run) *held {
	h := &held{book: b, run: r, log: b.logs.use(r.Name, r.Limits)}
	b.runs[r.ID] = h
	b.touch(h)
	return h
}

// launched enters the process of a run. The ended run of the same container,
// if there is one, is acknowledged by it.
func (b *book) launched(h *held, p Process) Run {
	b.mu.Lock()
	for id, old := range b.runs {
		if old.run.Name == h.run.Name && old.run.Revision == h.run.Revision && old.run.State == Ended {
			b.forget(id)
		}
	}
	h.run.State, h.run.PID, h.run.Started, h.run.Note = Running, p.PID(), p.Started(), p.Note()
	h.proc = p
	b.touch(h)
	b.store(h)
	r, end := h.run, h.end
	b.mu.Unlock()
	if end != nil {
		return b.ended(h, *end)
	}
	return r
}

// drop takes out a run that could not be launched.
func (b *book) drop(h *held) {
	h.log.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.runs, h.run.ID)
}

// forget takes out an ended run. b.mu is held.
func (b *book) forget(id string) {
	delete(b.runs, id)
	b.seq++
	b.complain(id, b.journal.forget(id, b.seq))
}

// acknowledge forgets the exit of a run. One that is gone is acknowledged.
func (b *book) acknowledge(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.runs[id]
	switch {
	case h == nil:
		if b.journal.has(id) { // could not be taken over from an earlier keeper
			b.forget(id)
		}
		return nil
	case h.run.State != Ended:
		return fmt.Errorf("run %s: %w: it has not ended", id, ErrExists)
	}
	b.forget(id)
	return nil
}

// ended enters the exit of a run, when all that it printed is in its log.
func (b *book) ended(h *held, e Exit) Run {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	h.log.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	h.run.State, h.run.Exit, h.proc = Ended, &e, nil
	h.run.Dropped = h.log.dropped()
	b.touch(h)
	b.store(h)
	return h.run
}

// find returns a run that is running.
func (b *book) find(id string) (*held, Process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.runs[id]
	if h == nil || h.proc == nil {
		return nil, nil, fmt.Errorf("run %s: %w", id, ErrGone)
	}
	return h, h.proc, nil
}

// limit changes the limits of the log of a run.
func (b *book) limit(id string, lim Limits) error {
	h, _, err := b.find(id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h.log.limit(lim)
	h.run.Limits = lim
	b.touch(h)
	b.store(h)
	return nil
}

// busy reports whether there is a process to hold.
func (b *book) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.runs {
		if h.run.State != Ended {
			return true
		}
	}
	return false
}
