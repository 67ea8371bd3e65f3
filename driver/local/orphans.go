package local

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

// This file is about processes that run and that no keeper holds.

// offer has the keeper hold what it does not: containers that were adopted
// without it, and those that it has lost.
func (d *Driver) offer(has func(*process) bool) {
	d.mu.Lock()
	var orphans []*process
	for _, b := range d.boxes {
		if b.state == driver.Running && !has(b.proc) {
			orphans = append(orphans, b.proc)
		}
	}
	d.mu.Unlock()
	for _, p := range orphans {
		r, err := d.adoptByKeeper(p)
		switch {
		case err == nil:
			d.enter(r)
		case p.run != "":
			d.watchMyself(p)
		}
		if err != nil && !errors.Is(err, keeper.ErrLost) {
			d.log.Warn("the keeper does not take a container that runs without it", "container", p.ref.Name, "pid", p.pid, "err", err)
		}
	}
}

func (d *Driver) adoptByKeeper(p *process) (keeper.Run, error) {
	note, err := json.Marshal(memo{Born: p.born, Forked: p.forked, Boot: bootID()})
	if err != nil {
		return keeper.Run{}, err
	}
	d.mu.Lock()
	limits := keeper.Limits{}
	if b := d.boxes[p.ref]; b != nil {
		limits = b.limits
	}
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), keeperCall)
	defer cancel()
	return d.link.Adopt(ctx, keeper.Run{
		ID: runID(p.marks), Kind: Kind, Name: p.ref.Name, Revision: string(p.ref.Revision), PID: p.pid, Started: p.started,
		Note: note, Limits: limits,
	})
}

// watchOrphans takes over what a keeper held that does not come back.
func (d *Driver) watchOrphans() {
	up := d.link.Facts().Up
	d.mu.Lock()
	d.orphans = nil
	if up {
		d.mu.Unlock()
		return
	}
	var orphans []*process
	for _, b := range d.boxes {
		if b.state == driver.Running && b.proc.run != "" {
			orphans = append(orphans, b.proc)
		}
	}
	d.mu.Unlock()
	for _, p := range orphans {
		d.watchMyself(p)
	}
}

// watchMyself watches a process that no keeper holds. One that has ended
// meanwhile has an exit that nobody saw.
func (d *Driver) watchMyself(p *process) {
	mine, err := d.host.reclaim(p)
	d.mu.Lock()
	b := d.boxes[p.ref]
	if d.closed || b == nil || b.proc != p {
		d.mu.Unlock()
		return
	}
	if err != nil {
		d.ended(b, driver.Exit{At: time.Now()})
		d.mu.Unlock()
		return
	}
	b.proc = mine
	d.mu.Unlock()
	d.host.watch(mine)
}

// reclaim adopts a process that the keeper held.
func (h *host) reclaim(p *process) (*process, error) {
	s, err := seeProcess(p.pid)
	if err != nil {
		return nil, err
	}
	if !s.leader || s.start < p.born-startGrain || s.start > p.forked {
		return nil, errGone
	}
	s.marks = p.marks
	mine, err := h.adopt(s)
	if err == nil {
		mine.started = p.started
	}
	return mine, err
}
