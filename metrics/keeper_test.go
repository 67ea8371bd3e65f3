package metrics_test

import (
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/metrics"
)

func keeper() metrics.Keeper {
	return metrics.Keeper{Up: true, Version: "1.2.3", Started: noon, Restarts: 2, Held: 3, Unheld: 1, Dropped: 77}
}

func TestKeeper(t *testing.T) {
	of := func(k metrics.Keeper) map[string]float64 {
		return scrape(t, metrics.Options{View: showing(view()), Keeper: func() metrics.Keeper { return k }})
	}
	wantSeries(t, of(keeper()), map[string]float64{
		prefix + "keeper_up": 1, prefix + "keeper_restarts_total": 2, prefix + "keeper_info{version=1.2.3}": 1,
		prefix + "keeper_start_time_seconds": float64(noon.Unix()), prefix + "log_dropped_bytes_total": 77,
		prefix + "keeper_containers{part=held}": 3, prefix + "keeper_containers{part=unheld}": 1,
	})
	lost := keeper()
	lost.Up, lost.Problem = false, "it was killed"
	wantSeries(t, of(lost), map[string]float64{prefix + "keeper_up": 0, prefix + "keeper_restarts_total": 2})
	wantSeries(t, of(metrics.Keeper{Problem: "cannot be started"}), map[string]float64{prefix + "keeper_up": 0})
	for key := range of(metrics.Keeper{}) {
		if strings.Contains(key, "keeper") {
			t.Errorf("%s although none was needed", key)
		}
	}
}
