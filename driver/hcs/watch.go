package hcs

import (
	"context"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

const (
	firstRetry   = 50 * time.Millisecond // after a lost connection
	slowestRetry = 5 * time.Second
)

// watch waits for the end of r's process and, should that not be told, of its
// system. Both end soon after letGo.
func (d *Driver) watch(b *box, r *run, sys system) {
	watching := d.spawn(func() { d.watchProcess(b, r) }) && d.spawn(func() { d.watchSystem(b, r, sys) })
	if !watching {
		d.letGo(b)
	}
}

func (d *Driver) watchProcess(b *box, r *run) {
	d.mu.Lock()
	p, ours := r.proc, b.run == r
	d.mu.Unlock()
	if p == nil || !ours {
		return
	}
	err := p.wait()
	switch {
	case d.ctx.Err() != nil || errors.Is(err, errClosed):
		return
	case err == nil:
		code, err := p.exitCode()
		d.exited(b, r, d.exitOf(r, code, err))
		return
	}
	d.log.Warn("watch of container lost, opened again", "container", b.ref.Name, "err", err)
	d.reconnect(b, r)
}

// watchSystem sees what watchProcess may miss: the end of the whole system.
func (d *Driver) watchSystem(b *box, r *run, sys system) {
	err := sys.wait()
	switch {
	case d.ctx.Err() != nil || errors.Is(err, errClosed):
		return
	case is(err, driver.ErrConnectionLost):
		if r.pid == 0 || d.isHeld(r) { // otherwise watchProcess does it
			d.reconnect(b, r)
		}
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, lookLimit)
	defer cancel()
	d.suspect(ctx, b, r)
}

// isHeld reports whether the keeper tells of r's process: it goes on telling
// when the service restarts, so that only the watch of the system notices.
func (d *Driver) isHeld(r *run) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, held := r.proc.(*heldProcess)
	return held
}

// suspect looks into whether r has ended without our being told, after giving
// the notification some time.
func (d *Driver) suspect(ctx context.Context, b *box, r *run) {
	t := time.NewTimer(lookAgain)
	defer t.Stop()
	select {
	case <-r.exited:
		return
	case <-ctx.Done():
	case <-t.C:
	}
	defer d.change(b, func() { b.missing = false })
	if ctx.Err() != nil {
		return
	}
	if e := d.exitOf(r, -1, nil); e.Known {
		d.exited(b, r, e)
		return
	}
	if p, err := d.single(b.id); err == nil && p == nil {
		d.exited(b, r, driver.Exit{At: now()})
	}
}

// exitOf returns how r ended: the keeper's word, or that of others.
func (d *Driver) exitOf(r *run, code int, err error) driver.Exit {
	if e, ok := d.told.exit(r.id); ok && e.Known {
		return e
	}
	return exitOf(r.host, code, err)
}

// exitOf returns how a process ended, from the service or, where that does not
// know, from the process itself.
func exitOf(host hostProcess, code int, err error) driver.Exit {
	e := driver.Exit{At: now()}
	if err == nil && code >= 0 {
		e.Code, e.Known = uint32(code), true //nolint:gosec // exit codes have 32 bits
		return e
	}
	if host != nil {
		e.Code, e.Known = host.exit()
	}
	return e
}

// exited enters the end of r, tells it, and ends what is left of the system.
// Only the first to come does anything.
func (d *Driver) exited(b *box, r *run, e driver.Exit) {
	var st driver.Status
	first := false
	d.change(b, func() {
		if first = b.run == r && b.alive(); !first {
			return
		}
		b.state, b.run, b.missing = driver.Stopped, nil, false
		b.note.Phase, b.note.Exit = ended, e
		st = b.status()
	})
	if !first {
		return
	}
	close(r.exited)
	r.close()
	d.save(b)
	d.hint(st)
	d.reap(b)
}

// reap ends the system of a container whose init process has ended: Windows in
// it goes on otherwise. Remove and Start do it, too, if it fails here.
func (d *Driver) reap(b *box) {
	ctx, cancel := context.WithTimeout(d.ctx, undoLimit)
	defer cancel()
	if b.main.enter(ctx, "end of system") != nil {
		return
	}
	defer b.main.leave()
	if state, _, _, _ := d.look(b); state != driver.Stopped {
		return
	}
	err := d.guard("end of system", func() error { return d.endSystem(ctx, b) })
	if err != nil && d.ctx.Err() == nil {
		d.log.Warn("system of ended container not ended", "container", b.ref.Name, "err", err)
	}
}

// errGone says that the process that was to be attached to has ended.
var errGone = errors.New("the init process has ended")

// reconnect attaches to the process of r again, however long the service is
// away, and watches it. What has ended meanwhile is entered as an exit.
func (d *Driver) reconnect(b *box, r *run) {
	wait := firstRetry
	for {
		sys, err := d.attach(b, r)
		switch {
		case err == nil:
			d.watch(b, r, sys)
			return
		case errors.Is(err, errGone):
			d.exited(b, r, d.exitOf(r, -1, nil))
			return
		}
		d.log.Debug("container not attached to yet", "container", b.ref.Name, "err", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-r.exited:
		case <-d.ctx.Done():
		}
		t.Stop()
		if wait = min(2*wait, slowestRetry); d.ctx.Err() != nil || !d.runs(b, r) {
			return
		}
	}
}

// runs reports whether r is what b runs.
func (d *Driver) runs(b *box, r *run) bool {
	_, _, now, _ := d.look(b)
	return now == r
}

// attach opens the system and the init process of b anew.
func (d *Driver) attach(b *box, r *run) (system, error) {
	if r.host != nil {
		if _, over := r.host.exit(); over {
			return nil, errGone
		}
	}
	sys, err := d.machine.open(b.id)
	if is(err, driver.ErrNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	var p process
	if _, held, _ := d.told.run(r.id); held {
		p = d.told.process(r.id)
	} else if r.pid != 0 {
		p, err = sys.attach(r.pid)
	}
	if err != nil {
		_ = sys.close()
		if r.host == nil && is(err, driver.ErrNotFound) {
			return nil, errGone
		}
		return nil, err
	}
	d.swap(b, r, sys, p)
	return sys, nil
}

// swap puts new handles in the place of old ones, and closes those.
func (d *Driver) swap(b *box, r *run, sys system, p process) {
	d.mu.Lock()
	oldSys, oldProc := b.sys, r.proc
	if d.closed || b.run != r { // let go, or ended, meanwhile: the new ones are not needed
		oldSys, oldProc = sys, p
	} else {
		b.sys, b.fresh, r.proc = sys, false, p
	}
	d.mu.Unlock()
	if oldProc != nil {
		_ = oldProc.close()
	}
	if oldSys != nil {
		_ = oldSys.close()
	}
}
