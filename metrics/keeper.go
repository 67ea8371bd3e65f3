package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Keeper is how it is with the process that holds the containers' init
// processes. It is zero while none was ever needed.
type Keeper struct {
	Up       bool
	Version  string
	Started  time.Time
	Restarts uint64 // how often this daemon has lost it and found or started another
	Problem  string // why there is none; "" if none was needed
	Held     int    // running containers that it holds
	Unheld   int    // running containers without it
	Dropped  uint64 // bytes of output that no log took, since this daemon started
}

// keeperFamilies are the metrics of the keeper.
type keeperFamilies struct{ up, info, started, restarts, containers, dropped family }

func newKeeperFamilies(c *catalog) keeperFamilies {
	return keeperFamilies{
		up:   c.gauge("keeper_up", "Whether the keeper, which holds init processes, is connected; missing while none was needed yet."),
		info: c.gauge("keeper_info", "The version of the keeper that is or was connected last; always 1.", "version"),
		started: c.gauge("keeper_start_time_seconds",
			"When the keeper that is or was connected last was started."),
		restarts: c.counter("keeper_restarts_total", "How often this daemon has lost the keeper and found or started another."),
		containers: c.gauge("keeper_containers",
			"Running containers: those that the keeper holds, and those without it, whose exit codes and output may be lost.", "part"),
		dropped: c.counter("log_dropped_bytes_total", "Output of containers that no log took, because the disk did not."),
	}
}

func (f *keeperFamilies) send(ch chan<- prometheus.Metric, k Keeper) {
	if k.Started.IsZero() && k.Problem == "" {
		return
	}
	f.up.sendBool(ch, k.Up)
	f.restarts.send(ch, float64(k.Restarts))
	f.started.sendTime(ch, k.Started)
	f.containers.send(ch, float64(k.Held), "held")
	f.containers.send(ch, float64(k.Unheld), "unheld")
	f.dropped.send(ch, float64(k.Dropped))
	if k.Version != "" {
		f.info.send(ch, 1, k.Version)
	}
}
