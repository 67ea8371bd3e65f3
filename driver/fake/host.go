package fake

import (
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Host is a World in real time that several drivers may be opened on, one
// after the other or at once, as daemons on one machine. It is safe for
// concurrent use. Its lock is never held while anything waits.
type Host struct {
	mu       sync.Mutex // guards everything below, and the Faults of the drivers
	world    *World
	drivers  []*Driver   // the open ones
	timer    *time.Timer // fires at the next event of the world; nil: none
	sessions []*session  // what Exec launched, and may still run
}

// NewHost returns a host with an empty world. In a testing/synctest bubble it
// must be made inside the bubble.
func NewHost(o Options) *Host { return &Host{world: NewWorld(o)} }

// Do lets f read or change the world, alone with it. f must not wait, nor call
// a driver of this host.
func (h *Host) Do(f func(w *World, now time.Time)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h.world, time.Now())
	h.deliver()
}

func (h *Host) join(d *Driver) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliver()
	d.world = h.world.As(d.cfg.Owner)
	d.world.Advance(time.Now()) // exits that nobody watched are not told later
	h.drivers = append(h.drivers, d)
	h.arm()
}

// deliver hands out the exits that became known and waits for the next event.
// The caller holds the lock.
func (h *Host) deliver() {
	exits := map[string][]driver.Status{}
	for _, d := range h.drivers {
		owner := d.cfg.Owner
		if _, asked := exits[owner]; !asked {
			exits[owner] = d.world.Advance(time.Now())
		}
		for _, st := range exits[owner] {
			d.hint(st)
		}
	}
	h.endSessions()
	h.arm()
}

// arm sets the timer for the next event. The caller holds the lock.
func (h *Host) arm() {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	at := h.world.NextEvent()
	if at.IsZero() || len(h.drivers) == 0 {
		return
	}
	h.timer = time.AfterFunc(time.Until(at), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.deliver()
	})
}
