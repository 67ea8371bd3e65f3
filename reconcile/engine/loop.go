package engine

import (
	"context"
	"maps"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// loop is the state that one goroutine owns.
type loop struct {
	cfg      Config
	core     *reconcile.Core
	requests <-chan func(*loop)
	want     <-chan folder.Update
	exits    <-chan driver.Status
	results  chan result
	listings chan listing

	calls      calls                            // under way
	beside     beside                           // the same, of probes and hooks
	list       lister                           // when to list next
	history    []statedb.Entry                  // to be written with the next turn
	outside    []reconcile.Event                // of Record, to be told with the next turn
	texts      map[string]*statedb.ManifestFile // the same; nil drops the path
	files      map[string]bool                  // path -> valid
	folder     folder.Update                    // the newest, for its problems and source
	saveErr    error
	wishes     []chan error // operators who wait for the next turn to be saved
	historyDue time.Time    // when history is written alone; zero: none waits
	ending     time.Time    // when Run must return at the latest; zero: not ending
}

func newLoop(cfg Config, requests <-chan func(*loop)) *loop {
	now := time.Now()
	l := &loop{
		cfg: cfg,
		core: reconcile.NewCore(now, reconcile.Config{
			Linger: cfg.Driver.Linger(), Brake: cfg.Brake, Check: cfg.Driver.Check, ExecProbes: cfg.ExecProbes,
		}, cfg.Saved.Records, cfg.Saved.Brake),
		requests: requests,
		want:     cfg.Want,
		exits:    cfg.Driver.Exits(),
		results:  make(chan result, cfg.Workers),
		listings: make(chan listing, 1),
		list:     lister{due: now, every: cfg.Resync},
		files:    map[string]bool{},
		texts:    map[string]*statedb.ManifestFile{},
	}
	l.recall()
	return l
}

// run is one turn after the other: decide, save, act, wait for a fact.
func (l *loop) run(ctx context.Context) error {
	// Calls under way are not torn when the daemon is asked to end.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l.beside = newBeside(work)
	defer l.beside.stop()
	stop := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		wake := l.turn(work, now)
		if l.ended(now) {
			return l.write(statedb.Batch{}) // the history that waited for company
		}
		setTimer(timer, wake)
		select {
		case <-stop:
			stop = nil
			l.end(time.Now())
		case u, ok := <-l.want:
			l.wanted(u, ok)
		case st, ok := <-l.exits:
			l.exited(st, ok)
		case r := <-l.results:
			l.finished(r)
		case a := <-l.listings:
			l.listed(a)
		case answer := <-l.beside.answers:
			answer(l)
		case ask := <-l.requests:
			ask(l)
		case <-timer.C:
		}
		l.drain()
	}
}

// drain takes the facts that are there already, so that one turn and one
// transaction serve them all. While more waits to be done than there are
// workers, it also waits a moment for further answers: each step handed out
// alone would cost a transaction of its own, and the workers are busy anyway.
func (l *loop) drain() {
	var patience <-chan time.Time
	if l.core.Waiting() {
		t := time.NewTimer(groupCommit)
		defer t.Stop()
		patience = t.C
	}
	for range 4 * l.cfg.Workers {
		if l.next(nil) {
			continue
		}
		if patience == nil || l.calls.counted() <= l.cfg.Workers*3/4 || !l.next(patience) {
			return
		}
	}
}

// groupCommit is how long answers are gathered while all workers are busy.
const groupCommit = 5 * time.Millisecond

// next takes one exit or answer; it waits for one until patience fires, or not
// at all if that is nil. It reports whether it took one.
func (l *loop) next(patience <-chan time.Time) bool {
	if patience == nil {
		select {
		case st, ok := <-l.exits:
			l.exited(st, ok)
		case r := <-l.results:
			l.finished(r)
		default:
			return false
		}
		return true
	}
	select {
	case st, ok := <-l.exits:
		l.exited(st, ok)
	case r := <-l.results:
		l.finished(r)
	case <-patience:
		return false
	}
	return true
}

// turn decides, saves and acts; it returns when to do so again at the latest.
func (l *loop) turn(work context.Context, now time.Time) time.Time {
	for _, op := range l.calls.overdue(now) {
		l.core.Overdue(now, op)
	}
	free := l.cfg.Workers - l.calls.counted()
	if !l.ending.IsZero() && !l.cfg.StopOnExit {
		free = 0
	}
	t := l.core.Next(now, free)
	t.Events, l.outside = append(l.outside, t.Events...), nil
	told, saved := l.save(now, t)
	l.granted(saved)
	if l.ending.IsZero() || l.cfg.StopOnExit {
		l.beside.start(work, &l.cfg, t, saved)
	}
	if saved {
		for _, op := range t.Ops {
			l.calls.begin(op, now.Add(l.cfg.Timeout))
			go l.perform(work, op)
		}
	}
	for _, ev := range told {
		for _, o := range l.cfg.Observers {
			o.Observe(ev)
		}
	}
	if t.List {
		l.list.now(now)
	}
	if l.list.begin(now) {
		go l.look(work)
	}
	return soonest(l.core.Wake(), l.list.wake(), l.calls.deadline(), l.ending, l.historyDue)
}

func (l *loop) wanted(u folder.Update, ok bool) {
	if !ok {
		l.want = nil
		return
	}
	if u.Full {
		clear(l.files)
	}
	for _, f := range u.Files {
		l.files[f.Path] = f.Valid
		switch {
		case f.Text == nil: // what was known stays
		case len(f.Text) == 0:
			l.texts[f.Path] = nil
		default:
			l.texts[f.Path] = &statedb.ManifestFile{Path: f.Path, Text: f.Text, At: f.ReadAt}
		}
	}
	for _, p := range u.Gone {
		delete(l.files, p)
		l.texts[p] = nil
	}
	l.folder = folder.Update{Problems: u.Problems, Source: u.Source, Doubt: u.Doubt, Away: u.Away}
	l.core.Want(Change(u))
}

// Change is an update in the terms of the core.
func Change(u folder.Update) reconcile.Change {
	c := reconcile.Change{
		Full: u.Full, Drop: u.Drop, Doubt: u.Doubt, SeenAt: u.SeenAt, ID: u.ID, Source: u.Source.Revision,
		Permit: reconcile.Permit{Containers: u.Permit.Containers, Until: u.Permit.Until, Void: u.Permit.Void},
	}
	for _, a := range u.Away {
		if c.Away == nil {
			c.Away = make(map[string]reconcile.Away, len(u.Away))
		}
		if had := c.Away[a.Name]; !had.Relabelled { // a name may stand there for several other hosts
			c.Away[a.Name] = reconcile.Away{Why: a.Message, Relabelled: a.Relabelled}
		}
	}
	c.Put = make([]reconcile.Wanted, 0, len(u.Put))
	for _, w := range u.Put {
		c.Put = append(c.Put, reconcile.Wanted{Container: w.Container, Blocked: w.Blocked})
	}
	return c
}

func (l *loop) exited(st driver.Status, ok bool) {
	if !ok {
		l.exits = nil
		return
	}
	l.core.Exited(time.Now(), st)
}

func (l *loop) finished(r result) {
	l.calls.end(r.op)
	l.core.Done(time.Now(), r.op, r.look, r.err)
}

// end begins the orderly end.
func (l *loop) end(now time.Time) {
	limit := l.cfg.Timeout
	l.beside.stop()
	if l.cfg.StopOnExit {
		limit = l.cfg.StopLimit
		l.core.Drain()
	}
	l.ending = now.Add(limit)
}

func (l *loop) ended(now time.Time) bool {
	if l.ending.IsZero() {
		return false
	}
	if !now.Before(l.ending) {
		l.cfg.Log.Warn("ended before all was done", "calls", l.calls.len())
		return true
	}
	return l.calls.len() == 0 && l.beside.running == 0 && !l.list.busy && (!l.cfg.StopOnExit || l.core.AllStopped())
}

func (l *loop) view(now time.Time) View {
	v := View{
		At: now, Started: l.core.Started(), Containers: l.core.Status(now), Foreign: l.core.Foreign(), Brake: l.core.Brake(),
		Problems: l.folder.Problems, Files: maps.Clone(l.files), Source: l.folder.Source, Doubt: l.folder.Doubt, Away: l.folder.Away,
		Synced: l.core.Synced(), Workers: l.calls.len(), Stopping: !l.ending.IsZero(),
	}
	if l.list.err != nil {
		v.ListError = l.list.err.Error()
	}
	if l.saveErr != nil {
		v.SaveError = l.saveErr.Error()
	}
	return v
}

func setTimer(t *time.Timer, at time.Time) {
	if at.IsZero() {
		t.Stop()
		return
	}
	t.Reset(max(time.Until(at), 0))
}

// soonest returns the earliest time that is not zero.
func soonest(ts ...time.Time) time.Time {
	var first time.Time
	for _, t := range ts {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
