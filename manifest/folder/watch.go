package folder

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher watches a folder of manifests. Fields that are zero take the default.
type Watcher struct {
	Dir    string
	Settle Settle
	Resync time.Duration     // a whole re-read, whatever the system told; default 1m
	Poll   time.Duration     // the same while the system tells nothing, or the folder cannot be read; default 2s
	Known  []KnownGood       // last good texts
	Owners map[string]string // name → file that it belonged to
	Labels map[string]string // of this host, which a nodeSelector must match
	Log    *slog.Logger      // default slog.Default()
}

// Run sends what the folder asks for, first all of it and then the changes,
// until ctx ends; then it returns nil, with all its goroutines ended. It never
// waits for the reader of out: while one update is not taken the next ones are
// merged into it. Only a Dir that is no path at all is an error.
func (w *Watcher) Run(ctx context.Context, out chan<- Update) error {
	r, err := openReader(w.Dir, w.Settle, w.Known, w.Owners)
	if err != nil {
		return err
	}
	r.ledger.labels = w.Labels
	l := &loop{
		reader: r, notes: newNotifier(), log: cmp.Or(w.Log, slog.Default()),
		resync: w.Resync, poll: w.Poll,
	}
	defer l.notes.close()
	if l.resync <= 0 {
		l.resync = time.Minute
	}
	if l.poll <= 0 {
		l.poll = 2 * time.Second
	}
	r.tree.note = l.notes.add
	l.rescan(time.Now())
	l.run(ctx, out)
	return nil
}

// loop is the goroutine of a Watcher: it turns events and timers into calls of
// the reader and holds no rule about manifests.
type loop struct {
	reader       *reader
	notes        *notifier
	log          *slog.Logger
	resync, poll time.Duration
	wake         time.Time // of the next turn; zero: nothing is open
	whole        time.Time // of the next rescan
	silent       int       // rescans in a row that found what no event told
	unsent       *Update
}

func (l *loop) run(ctx context.Context, out chan<- Update) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.advance(time.Now())
		timer.Reset(time.Until(earliest(l.wake, l.whole)))
		var to chan<- Update
		var u Update
		if l.unsent != nil {
			to, u = out, *l.unsent
		}
		select {
		case <-ctx.Done():
			return
		case to <- u:
			l.unsent = nil
		case ev := <-l.notes.events:
			l.drain(ev)
		case err := <-l.notes.errors: // most often events were lost; whatever it was, look
			l.log.Debug("watch of manifest folder failed", "folder", l.reader.tree.root, "err", err)
			l.rescan(time.Now())
		case <-timer.C:
		}
	}
}

// advance does what is due by now.
func (l *loop) advance(now time.Time) {
	if !now.Before(l.whole) {
		if opened := l.rescan(now); opened > 0 && len(l.notes.events) == 0 {
			l.silent++
		}
	}
	if l.wake.IsZero() || now.Before(l.wake) {
		return
	}
	l.say(l.polling())
	l.reader.turn(now)
	if u, ok := l.reader.update(now); ok {
		if l.unsent != nil {
			u = Merge(*l.unsent, u)
		}
		u.ID = cmp.Or(u.ID, newID())
		l.unsent = &u
	}
	l.wake = l.reader.next()
	if !l.wake.IsZero() { // a little apart: each turn looks at all open changes
		l.wake = later(l.wake, now.Add(l.reader.settle.Add/5))
	}
}

// newID is what a change is followed by.
func newID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// rescan reads everything, plans the next time, and returns how many files
// were found to differ.
func (l *loop) rescan(now time.Time) int {
	l.notes.begin()
	opened := l.reader.scan(".", now)
	l.notes.keep(l.reader.systemDirs())
	l.whole = now.Add(l.pause(time.Since(now)))
	l.wake = now
	return opened
}

// say tells once why the folder is polled.
func (l *loop) say(why string) {
	if why != "" && l.reader.polling == "" {
		l.log.Warn("manifest folder is polled, not watched", "folder", l.reader.tree.root, "reason", why)
	}
	l.reader.polling = why
}

// pause is the time to the next rescan after one that took so long: polling
// shall cost no more than a twentieth of a processor.
func (l *loop) pause(took time.Duration) time.Duration {
	if l.polling() == "" && len(l.reader.tree.blocked) == 0 {
		return l.resync
	}
	return min(l.resync, max(l.poll, 20*took))
}

// polling says why events are not relied on.
func (l *loop) polling() string {
	switch {
	case l.notes.err != nil:
		return fmt.Sprintf("watch folder: %v", l.notes.err)
	case l.silent >= 2:
		return "the system did not tell of changes in the folder"
	}
	return ""
}

// drain takes the event and those that wait behind it.
func (l *loop) drain(ev fsnotify.Event) {
	now := time.Now()
	for range cap(l.notes.events) + 1 {
		l.tell(ev, now)
		select {
		case ev = <-l.notes.events:
			continue
		default:
		}
		return
	}
}

func (l *loop) tell(ev fsnotify.Event, now time.Time) {
	left := ev.Has(fsnotify.Remove|fsnotify.Rename) && l.notes.lost(ev.Name)
	ours, whole := l.reader.event(ev.Name, now)
	if whole || left && !ours { // it is our folder, or one around it
		l.rescan(now)
	}
	if !ours {
		return
	}
	l.silent = 0
	if next := now.Add(l.reader.settle.Add); l.wake.IsZero() || next.Before(l.wake) {
		l.wake = next
	}
}
