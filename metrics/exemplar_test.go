package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// TestExemplarsPointToTheChange wants each figure that a person asks "which
// one was that?" about to lead to the change and its container.
func TestExemplarsPointToTheChange(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	longest := strings.Repeat("w", 63) // as long as a name may be
	for name, tc := range map[string]struct {
		change, container string
		want              map[string]string
	}{
		"longest name":     {id, longest, map[string]string{"change": id, "container": longest}},
		"no change":        {"", "web", nil},
		"name of nobody":   {id, strings.Repeat("x", 200), nil},
		"name not of text": {id, "w\xff", map[string]string{"change": id, "container": "w\uFFFD"}},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewPedanticRegistry()
			m := metrics.New(reg, metrics.Options{})
			for _, kind := range []reconcile.Kind{reconcile.Done, reconcile.Exited} {
				m.Observe(reconcile.Event{
					Kind: kind, Action: driver.Start, Container: tc.container, Change: tc.change, Took: time.Second, Lag: time.Second,
					Exit: driver.Exit{Known: true, Code: 3},
				})
			}
			got := exemplars(gather(t, reg))
			for _, metric := range []string{"lag_seconds", "step_duration_seconds", "steps_total", "exits_total"} {
				if diff := cmp.Diff(tc.want, got[prefix+metric]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", metric, diff)
				}
			}
		})
	}
}

// exemplars gives the labels of one exemplar of each metric.
func exemplars(fs []*dto.MetricFamily) map[string]map[string]string {
	out := map[string]map[string]string{}
	add := func(name string, e *dto.Exemplar) {
		if e == nil {
			return
		}
		out[name] = map[string]string{}
		for _, l := range e.GetLabel() {
			out[name][l.GetName()] = l.GetValue()
		}
	}
	for _, f := range fs {
		for _, m := range f.GetMetric() {
			add(f.GetName(), m.GetCounter().GetExemplar())
			for _, b := range m.GetHistogram().GetBucket() {
				add(f.GetName(), b.GetExemplar())
			}
		}
	}
	return out
}
