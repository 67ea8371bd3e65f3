package main

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
)

// keeperOf asks a driver that launches through the keeper how it is with it;
// nil: it has none.
func keeperOf(d driver.Driver) func() metrics.Keeper {
	k, ok := d.(driver.Kept)
	if !ok {
		return nil
	}
	return func() metrics.Keeper {
		f := k.Keeper()
		return metrics.Keeper{
			Up: f.Up, Version: f.Version, Started: f.Started, Restarts: f.Restarts, Problem: f.Problem,
			Held: f.Held, Unheld: f.Unheld, Dropped: f.Dropped,
		}
	}
}
