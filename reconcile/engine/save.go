package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// save writes what the turn decided before any of it is done, and returns the
// events to tell of. History alone waits a moment for company, so that a step
// costs one transaction more often than two.
func (l *loop) save(now time.Time, t reconcile.Turn) (told []reconcile.Event, saved bool) {
	b := statedb.Batch{Put: t.Put, Drop: t.Drop, Specs: t.Specs, Brake: t.Brake, Entries: entries(t.Events)}
	if len(l.history)+len(b.Entries) > 0 && l.historyDue.IsZero() {
		l.historyDue = now.Add(historyWait)
	}
	alone := len(t.Put)+len(t.Drop)+len(t.Specs)+len(l.texts)+len(l.wishes) == 0 && t.Brake == nil
	if alone && (l.historyDue.IsZero() || now.Before(l.historyDue)) {
		l.keep(b.Entries)
		return t.Events, true
	}
	if err := l.write(b); err != nil {
		// What was decided is taken back, and will be decided again.
		told = slices.DeleteFunc(slices.Clone(t.Events), func(ev reconcile.Event) bool { return ev.Kind == reconcile.Decided })
		l.keep(entries(told))
		if l.historyDue = (time.Time{}); len(l.history) > 0 {
			l.historyDue = now.Add(saveRetry)
		}
		l.core.NotSaved(now, t)
		return told, false
	}
	return t.Events, true
}

const (
	historyWait = 100 * time.Millisecond // at most, for something else to be written
	saveRetry   = time.Second            // of history that could not be written
	historyKept = 1000                   // entries at most that wait for a store that fails
)

func (l *loop) keep(es []statedb.Entry) {
	l.history = append(l.history, es...)
	l.history = l.history[max(0, len(l.history)-historyKept):]
}

// write adds what waits to be written, and forgets it once it is.
func (l *loop) write(b statedb.Batch) error {
	b.Entries = slices.Concat(l.history, b.Entries)
	for _, path := range slices.Sorted(maps.Keys(l.texts)) {
		if f := l.texts[path]; f != nil {
			b.Files = append(b.Files, *f)
		} else {
			b.DropFiles = append(b.DropFiles, path)
		}
	}
	if b.Empty() {
		return nil
	}
	err := l.cfg.Store.Save(b)
	if err != nil && l.saveErr == nil {
		l.cfg.Log.Error("state not saved; no step is taken until it can be", "err", err)
	}
	l.saveErr = err
	if err != nil {
		return err
	}
	l.history, l.historyDue = nil, time.Time{}
	clear(l.texts)
	return nil
}

// entries are the events as the history keeps them: each one, once.
func entries(events []reconcile.Event) []statedb.Entry {
	es := make([]statedb.Entry, 0, len(events))
	for _, ev := range events {
		e := statedb.Entry{
			At: ev.At, Container: ev.Container, Type: severity(ev), Kind: string(ev.Kind), Revision: ev.Revision,
			Action: string(ev.Action), State: string(ev.State), Reason: string(ev.Reason), Message: ev.Message, Took: ev.Took,
			Change: ev.Change, Source: ev.Source,
		}
		if ev.Kind == reconcile.Exited {
			e.Reason = string(reconcile.Exited) // it has no other
		}
		es = append(es, e)
	}
	return es
}

func severity(ev reconcile.Event) string {
	if ev.Warning {
		return "Warning"
	}
	return "Normal"
}
