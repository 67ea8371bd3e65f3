package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Entry is one thing that was asked of the world or happened in it.
type Entry struct {
	At    time.Time
	Owner string
	Verb  string // an action, or exit, forget, vanish, reboot
	Ref   driver.Ref
	Err   error // the answer of an action
}

func (e Entry) String() string {
	s := fmt.Sprintf("%s %s %s/%s", e.At.Format("15:04:05.000"), e.Verb, e.Owner, e.Ref)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Journal returns everything that happened since the world began, oldest
// first, of all owners. The caller must not change it.
func (w *World) Journal() []Entry { return slices.Clip(w.m.journal) }

// Starts is how often the process of r was started, over all its lives.
func (w *World) Starts(r driver.Ref) int { return w.m.starts[key{w.owner, r}] }

// MaxCopies is how many containers of name, of all revisions, have run at once.
func (w *World) MaxCopies(name string) int { return w.m.most[copyKey{w.owner, name}] }

// Check reports what can never be in a sound world: it guards the model itself.
func (w *World) Check() error {
	pids := map[int]key{}
	for _, c := range w.m.order {
		if err := c.check(w.m.now); err != nil {
			return fmt.Errorf("check %s: %w", c.id(), err)
		}
		if !c.alive() {
			continue
		}
		if other, taken := pids[c.pid]; taken {
			return fmt.Errorf("check %s: process %d is also that of %s", c.id(), c.pid, other.id())
		}
		pids[c.pid] = c.key
	}
	return w.m.checkTally()
}

func (c *container) check(now time.Time) error {
	switch {
	case c.alive() && (c.pid == 0 || c.started.IsZero() || c.exit != driver.Exit{}):
		return fmt.Errorf("is %s without a process: %+v", c.state, c.status())
	case c.alive() && c.started.After(now):
		return fmt.Errorf("was started in the future, %v", c.started)
	case c.state == driver.Stopped && (c.exit.At.IsZero() || c.exit.At.Before(c.started)):
		return fmt.Errorf("is Stopped without a sensible end: %+v", c.status())
	case c.state == driver.Created && !c.started.IsZero():
		return fmt.Errorf("is Created but was started at %v", c.started)
	}
	return nil
}

type copyKey struct{ owner, name string }

// tally is the book that oracles read.
type tally struct {
	journal []Entry
	starts  map[key]int
	running map[copyKey]int
	most    map[copyKey]int
}

func newTally() *tally {
	return &tally{starts: map[key]int{}, running: map[copyKey]int{}, most: map[copyKey]int{}}
}

func (t *tally) enter(e Entry) { t.journal = append(t.journal, e) }

func (t *tally) countStart(k key) {
	t.starts[k]++
	name := copyKey{k.owner, k.Name}
	t.running[name]++
	t.most[name] = max(t.most[name], t.running[name])
}

func (t *tally) countEnd(k key) { t.running[copyKey{k.owner, k.Name}]-- }

// checkTally compares the running count that was kept with the one that is.
func (m *machine) checkTally() error {
	now := map[copyKey]int{}
	for _, c := range m.order {
		if c.alive() {
			now[copyKey{c.owner, c.Name}]++
		}
	}
	for name, n := range m.running {
		if n != now[name] {
			return fmt.Errorf("check %s/%s: %d copies counted, %d run", name.owner, name.name, n, now[name])
		}
	}
	return nil
}
