package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// The stages of a stop, in their order.
const (
	stagePreStop   = "preStop"
	stageShutdown  = "shutdown"
	stageTerminate = "terminate"
)

// handlers are what a probe may do.
var handlers = []string{"exec", "httpGet", "tcpSocket", "grpc", "namedPipe"}

// health measures probes, and the stops of containers stage by stage.
type health struct {
	probeDuration *prometheus.HistogramVec // handler
	stageDuration *prometheus.HistogramVec // stage
	forcedKills   prometheus.Counter

	stops map[string]stage // by container, while one is under way; only the loop of the engine uses it
}

type stage struct {
	name  string
	since time.Time
}

var _ engine.ProbeObserver = (*Metrics)(nil)

func newHealth(h histograms) *health {
	m := &health{
		probeDuration: h.vec("probe_duration_seconds", "How long probes took, by what they did.", slowBuckets, "handler"),
		stageDuration: h.vec("stop_stage_duration_seconds",
			"How long each stage of a stop took: the preStop hook, from the request to end to the exit or the end of the grace period, from the kill to the exit.",
			slowBuckets, "stage"),
		forcedKills: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "forced_kills_total",
			Help: "Stops that had to be ended by force, because the grace period was over.",
		}),
		stops: map[string]stage{},
	}
	for _, n := range handlers {
		m.probeDuration.WithLabelValues(n)
	}
	for _, n := range []string{stagePreStop, stageShutdown, stageTerminate} {
		m.stageDuration.WithLabelValues(n)
	}
	return m
}

func (m *health) register(reg prometheus.Registerer) {
	reg.MustRegister(m.probeDuration, m.stageDuration, m.forcedKills)
}

// ObserveProbe measures one probe.
func (m *Metrics) ObserveProbe(op reconcile.ProbeOp, r reconcile.ProbeResult) {
	m.health.probeDuration.WithLabelValues(op.Probe.Handler()).Observe(r.Took.Seconds())
}

// observe follows a stop through its stages. A step that is repeated begins no
// new stage; a stop that a daemon before this one began is not measured.
func (m *health) observe(ev reconcile.Event) {
	now := m.stops[ev.Container]
	switch {
	case ev.Kind == reconcile.Hooked && ev.Hook == reconcile.PreStop:
		m.stageDuration.WithLabelValues(stagePreStop).Observe(ev.Took.Seconds())
	case ev.Kind == reconcile.Decided && ev.Action == driver.Shutdown && now.name == "":
		m.stops[ev.Container] = stage{stageShutdown, ev.At}
	case ev.Kind == reconcile.Decided && ev.Action == driver.Terminate && now.name != stageTerminate:
		m.leave(ev)
		m.forcedKills.Inc()
		m.stops[ev.Container] = stage{stageTerminate, ev.At}
	case ev.Kind == reconcile.Exited, ev.Kind == reconcile.Decided && (ev.Action == driver.Remove || ev.Action == driver.Start):
		m.leave(ev)
		delete(m.stops, ev.Container)
	}
}

func (m *health) leave(ev reconcile.Event) {
	if s := m.stops[ev.Container]; s.name != "" {
		m.stageDuration.WithLabelValues(s.name).Observe(max(ev.At.Sub(s.since), 0).Seconds())
	}
}

// probeFamilies are what the probes of each container have said since the
// daemon began.
type probeFamilies struct{ total, success family }

func newProbeFamilies(c *catalog) probeFamilies {
	return probeFamilies{
		total: c.counter("probe_total", "Probes made, by their result; unknown is one that could not be made.",
			"container", "probe", "result"),
		success: c.gauge("probe_success", "Whether the newest probe succeeded; missing before there is an answer.", "container", "probe"),
	}
}

func (f *probeFamilies) send(ch chan<- prometheus.Metric, st *reconcile.ContainerStatus) {
	for i := range st.Probes {
		p := &st.Probes[i]
		for k, n := range p.Totals {
			f.total.send(ch, float64(n), st.Name, string(p.Kind), string(reconcile.Outcomes[k]))
		}
		if p.Ok != nil {
			f.success.sendBool(ch, *p.Ok, st.Name, string(p.Kind))
		}
	}
}
