package local

import (
	"context"
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Stats returns the figures of a running container, at most a second old.
func (d *Driver) Stats(ctx context.Context, r driver.Ref) (driver.Stats, error) {
	st, err := d.stats(ctx, r)
	if err != nil {
		return driver.Stats{}, fmt.Errorf("read statistics of %s: %w", r.Name, err)
	}
	return st, nil
}

func (d *Driver) stats(ctx context.Context, r driver.Ref) (driver.Stats, error) {
	if err := d.usable(ctx); err != nil {
		return driver.Stats{}, err
	}
	d.mu.Lock()
	b := d.boxes[r]
	var p *process
	if b != nil && b.state == driver.Running {
		p = b.proc
	}
	d.mu.Unlock()
	switch {
	case b == nil:
		return driver.Stats{}, driver.ErrNotFound
	case p == nil:
		return driver.Stats{}, driver.ErrNotRunning
	}
	return d.host.stats(p)
}
