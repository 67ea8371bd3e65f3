package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// save writes what the turn decided before any of it is done. History alone
// waits for company.
func (l *loop) save(now time.Time, t reconcile.Turn) bool {
	l.history = append(l.history, entries(t.Events)...)
	b := statedb.Batch{Put: t.Put, Drop: t.Drop, Specs: t.Specs, Brake: t.Brake}
	if b.Empty() && len(l.texts) == 0 {
		return true
	}
	if err := l.write(b); err != nil {
		l.core.NotSaved(now, t)
		return false
	}
	return true
}

// historyKept bounds the history that waits for a store that fails.
const historyKept = 1000

// write adds what waits to be written, and forgets it once it is.
func (l *loop) write(b statedb.Batch) error {
	b.Entries = l.history
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
		l.history = l.history[max(0, len(l.history)-historyKept):]
		return err
	}
	l.history = nil
	clear(l.texts)
	return nil
}

// entries are the events that the history keeps: decisions, exits, failures.
func entries(events []reconcile.Event) []statedb.Entry {
	var es []statedb.Entry
	for _, ev := range events {
		if ev.Kind == reconcile.Done && ev.Err == nil || ev.Kind == reconcile.Became && !ev.Warning {
			continue
		}
		es = append(es, statedb.Entry{
			At: ev.At, Container: ev.Container, Type: severity(ev), Action: string(ev.Action),
			Reason: string(ev.Reason), Message: ev.Message, Change: ev.Change,
		})
	}
	return es
}

func severity(ev reconcile.Event) string {
	if ev.Warning {
		return "Warning"
	}
	return "Normal"
}
