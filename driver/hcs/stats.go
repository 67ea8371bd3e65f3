package hcs

import (
	"context"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Inspect tells what is known of one container, without a call of the service:
// exits are pushed, and List looks for what was not told.
func (d *Driver) Inspect(ctx context.Context, r driver.Ref) (driver.Status, error) {
	err := d.ready(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boxes[r]
	if err == nil && (b == nil || b.state == "") {
		err = driver.ErrNotFound
	}
	if err != nil {
		return driver.Status{}, fmt.Errorf("inspect %s: %w", r.Name, err)
	}
	return b.status(), nil
}

// Stats returns the figures of the system and the number of its processes.
// A call that hangs keeps only the figures of that container away.
func (d *Driver) Stats(ctx context.Context, r driver.Ref) (driver.Stats, error) {
	var st driver.Stats
	err := d.on(ctx, "stats", r, lookLimit, func(b *box) *lane { return b.stat }, func(_ context.Context, b *box) (err error) {
		st, err = d.figures(b)
		return err
	})
	if err != nil {
		return driver.Stats{}, fmt.Errorf("stats of %s: %w", r.Name, err)
	}
	return st, nil
}

func (d *Driver) figures(b *box) (driver.Stats, error) {
	state, sys, _, _ := d.look(b)
	if state != driver.Running && state != driver.Paused {
		return driver.Stats{}, driver.ErrNotRunning
	}
	if sys == nil {
		var err error
		if sys, err = d.machine.open(b.id); err != nil {
			return driver.Stats{}, err
		}
		defer sys.close()
	}
	s, err := sys.statistics()
	switch {
	case codeOf(err) == codeInvalidState: // it is just ending
		return driver.Stats{}, fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
	case err != nil:
		return driver.Stats{}, err
	}
	st := s.stats()
	if items, err := sys.processes(); err == nil {
		n := uint64(len(items))
		st.Processes = &n
	}
	return st, nil
}

// stats turns the service's figures into those of the contract.
func (s statistics) stats() driver.Stats {
	st := driver.Stats{
		At: s.at, CPU: &s.cpu, CPUUser: &s.user, CPUKernel: &s.kernel,
		MemoryBytes: &s.privateWorkingSet, MemoryCommitBytes: &s.commit,
		ReadBytes: &s.readBytes, WriteBytes: &s.writeBytes, ReadOps: &s.readOperations, WriteOps: &s.writeOperations,
	}
	if st.At.IsZero() {
		st.At = time.Now()
	}
	for _, n := range s.network {
		st.Network = append(st.Network, driver.NetworkStats{
			Endpoint: n.endpoint, ReceiveBytes: n.received, TransmitBytes: n.sent,
			ReceivePackets: n.packetsIn, TransmitPackets: n.packetsOut,
			ReceiveDropped: n.droppedIn, TransmitDropped: n.droppedOut,
		})
	}
	return st
}
