package engine

import (
	"context"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// listing is the answer to one listing of the runtime.
type listing struct {
	asked time.Time
	list  driver.Listing
	err   error
}

// look lists the runtime. A failure is "unknown": the Core is not told anything.
func (l *loop) look(work context.Context) {
	ctx, cancel := context.WithTimeout(work, l.cfg.Timeout)
	defer cancel()
	a := listing{asked: time.Now()}
	a.err = guard(func() (err error) {
		a.list, err = l.cfg.Driver.List(ctx)
		return err
	})
	l.listings <- a
}

func (l *loop) listed(a listing) {
	now := time.Now()
	if a.err != nil && l.list.err == nil {
		l.cfg.Log.Error("runtime not listed; what runs is left alone", "err", a.err)
	}
	l.list.end(now, a.err)
	if a.err == nil {
		l.core.Have(a.asked, a.list)
	}
}

// lister says when the runtime is listed: every so often, at once when asked
// to, and after a failure sooner, but not in a hurry.
type lister struct {
	every time.Duration
	due   time.Time
	busy  bool
	again bool // asked for while busy: that listing may be too old
	tries int
	err   error
}

// now asks for a listing that begins from now on.
func (l *lister) now(now time.Time) {
	if l.busy {
		l.again = true
		return
	}
	if l.err == nil && l.due.After(now) {
		l.due = now
	}
}

// begin reports whether a listing shall start, and notes that it did.
func (l *lister) begin(now time.Time) bool {
	if l.busy || l.due.After(now) {
		return false
	}
	l.busy, l.again = true, false
	return true
}

func (l *lister) end(now time.Time, err error) {
	l.busy, l.err = false, err
	switch {
	case err != nil:
		l.due = now.Add(min(time.Second<<min(l.tries, 5), l.every))
		l.tries++
		return
	case l.again:
		l.due = now
	default:
		l.due = now.Add(l.every)
	}
	l.tries = 0
}

// wake is when begin will say yes, zero while a listing is under way.
func (l *lister) wake() time.Time {
	if l.busy {
		return time.Time{}
	}
	return l.due
}
