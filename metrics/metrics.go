// Package metrics tells Prometheus what the daemon does and what state the
// containers are in.
//
// Counters and histograms are made from the engine's events and from the
// decorators round the driver and the store; everything that is a state is
// read from one View of the engine when somebody scrapes, so it cannot be
// older than the scrape and goes with the container it speaks of. Every label
// but the names of containers, files and network interfaces has a closed list
// of values; process ids never become labels, and codes and revisions only as
// the one that holds now, so endless restarts add no series.
//
// The package decides nothing, logs nothing and starts no goroutine outside a
// scrape. All of it is safe for concurrent use.
package metrics

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Options says what is scraped and how. Its zero value gives the counters and
// histograms alone.
type Options struct {
	// View is asked once per scrape for all that is a state: Engine.View. It is
	// not called before the first scrape. nil: no such metrics.
	View func(context.Context) (engine.View, error)
	// Stats is asked once per scrape for each running container:
	// Driver.Stats. nil: no resource metrics.
	Stats func(context.Context, driver.Ref) (driver.Stats, error)
	// Sampled is told the figures of every scrape and every Sample, one after the
	// other. nil: nobody wants to know.
	Sampled func(map[driver.Ref]driver.Stats)

	// Keeper is asked once per scrape; it must not wait. nil: there is none.
	Keeper func() Keeper

	Timeout      time.Duration // of one scrape as a whole; default 5s
	StatsTimeout time.Duration // of one call of Stats; default 1s
	StatsCalls   int           // calls of Stats at once; default 16

	// NativeHistograms adds native (sparse) histograms to the classic ones.
	NativeHistograms bool

	Version, Revision string // of the program
}

// Defaults of Options.
const (
	DefaultTimeout      = 5 * time.Second
	DefaultStatsTimeout = time.Second
	DefaultStatsCalls   = 16
)

const namespace = "hcs_reconcile"

// Metrics are the metrics of one daemon. Make them with New.
type Metrics struct {
	steps        *prometheus.CounterVec   // action, result
	stepDuration *prometheus.HistogramVec // action
	decisions    *prometheus.CounterVec   // action, reason
	events       *prometheus.CounterVec   // type, reason
	exits        *prometheus.CounterVec   // class
	lag          prometheus.Histogram

	health  *health
	driver  *calls
	store   *calls
	sampler *sampler // nil: there are no resource metrics
}

var _ engine.Observer = (*Metrics)(nil)

// New registers the metrics with reg, and panics if they already are.
func New(reg prometheus.Registerer, o Options) *Metrics {
	m, c := build(reg, o)
	if c != nil {
		reg.MustRegister(c)
	}
	return m
}

// build registers all but the collector of states, which is nil if there are
// none to show.
func build(reg prometheus.Registerer, o Options) (*Metrics, *collector) {
	h := histograms{native: o.NativeHistograms}
	m := &Metrics{
		steps: counters("steps_total",
			"Steps taken, by what came of them.", "action", "result"),
		stepDuration: h.vec("step_duration_seconds",
			"Time from the decision for a step to the answer of the runtime.", slowBuckets, "action"),
		decisions: counters("decisions_total",
			"Decisions for a step, by the reason.", "action", "reason"),
		events: counters("events_total",
			"Events, by type and reason.", "type", "reason"),
		exits: counters("exits_total",
			"Ends of init processes: code zero, another code of the program, an NTSTATUS, a signal, or unknown.", "class"),
		lag: prometheus.NewHistogram(h.opts("lag_seconds",
			"Time from the first sight of a changed manifest to its container started.", lagBuckets)),
		health: newHealth(h),
		driver: newCalls(h, "driver", "driver", slowBuckets, driverCalls, results),
		store:  newCalls(h, "store", "state store", fastBuckets, storeCalls, storeResults),
	}
	m.zero()
	reg.MustRegister(m.steps, m.stepDuration, m.decisions, m.events, m.exits, m.lag, buildInfo(o))
	m.health.register(reg)
	m.driver.register(reg)
	m.store.register(reg)
	if o.View == nil {
		return m, nil
	}
	c := newCollector(o)
	m.sampler = c.sampler
	return m, c
}

// zero makes every series of a closed list exist from the start, so that the
// first increase is seen as one.
func (m *Metrics) zero() {
	for _, a := range driver.Actions {
		m.stepDuration.WithLabelValues(string(a))
		for _, r := range results {
			m.steps.WithLabelValues(string(a), r)
		}
		for _, r := range reconcile.StepReasons {
			m.decisions.WithLabelValues(string(a), string(r))
		}
	}
	for _, r := range eventReasons {
		m.events.WithLabelValues(typeNormal, r)
		m.events.WithLabelValues(typeWarning, r)
	}
	for _, c := range exitClasses {
		m.exits.WithLabelValues(c)
	}
}

// Observe counts one event. It only adds to counters, and never waits.
func (m *Metrics) Observe(ev reconcile.Event) {
	m.events.WithLabelValues(eventType(ev), eventReason(ev)).Inc()
	m.health.observe(ev)
	switch ev.Kind {
	case reconcile.Decided:
		m.decisions.WithLabelValues(string(ev.Action), string(ev.Reason)).Inc()
	case reconcile.Done:
		why := exemplarOf(ev)
		count(m.steps.WithLabelValues(string(ev.Action), resultOf(ev.Err)), why)
		observe(m.stepDuration.WithLabelValues(string(ev.Action)), ev.Took.Seconds(), why)
		if ev.Lag > 0 {
			observe(m.lag, ev.Lag.Seconds(), why)
		}
	case reconcile.Exited:
		count(m.exits.WithLabelValues(exitClass(ev.Exit.Code, ev.Exit.Known)), exemplarOf(ev))
	case reconcile.Became, reconcile.Asked, reconcile.Probed, reconcile.Hooked: // shown by the gauges, and counted above
	}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func buildInfo(o Options) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The program that runs; always 1.",
		ConstLabels: prometheus.Labels{
			"version": o.Version, "revision": o.Revision, "goversion": runtime.Version(),
			"goos": runtime.GOOS, "goarch": runtime.GOARCH,
		},
	})
	g.Set(1)
	return g
}

// The upper bounds of the classic buckets, in seconds.
var (
	fastBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	slowBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	lagBuckets  = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900}
)

// histograms makes histograms of one style.
type histograms struct{ native bool }

func (h histograms) opts(name, help string, buckets []float64) prometheus.HistogramOpts {
	o := prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
	if h.native {
		o.NativeHistogramBucketFactor = 1.1
		o.NativeHistogramMaxBucketNumber = 100
		o.NativeHistogramMinResetDuration = time.Hour
	}
	return o
}

func (h histograms) vec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(h.opts(name, help, buckets), labels)
}
