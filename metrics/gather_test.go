package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// TestFastGathersTheSame wants the way without checks to show what the checked
// one shows: every family, in order, with every series.
func TestFastGathersTheSame(t *testing.T) {
	for name, o := range map[string]metrics.Options{
		"everything": {View: showing(view(web(), ended("job", "Completed"))), Stats: allStats, Keeper: keeper, NativeHistograms: true, Version: "1"},
		"many":       {View: showing(many(100)), Stats: allStats},
		"no answer":  {View: func(context.Context) (engine.View, error) { return engine.View{}, errors.New("stopped") }, Stats: allStats},
		"no view":    {},
	} {
		t.Run(name, func(t *testing.T) {
			strict := prometheus.NewPedanticRegistry()
			metrics.New(strict, o)
			_, fast := metrics.NewFast(prometheus.NewRegistry(), o)
			want, got := gather(t, strict), gather(t, fast)
			if diff := cmp.Diff(heads(want), heads(got)); diff != "" {
				t.Errorf("families (-checked +fast):\n%s", diff)
			}
			if diff := cmp.Diff(steady(series(want)), steady(series(got))); diff != "" {
				t.Errorf("series (-checked +fast):\n%s", diff)
			}
		})
	}
}

func heads(fs []*dto.MetricFamily) (out []string) {
	for _, f := range fs {
		out = append(out, f.GetName()+" "+f.GetType().String()+" "+f.GetHelp())
	}
	return out
}

// steady leaves out how long the scrape itself took.
func steady(s map[string]float64) map[string]float64 {
	for key := range s {
		if strings.Contains(key, "scrape_duration_seconds") {
			delete(s, key)
		}
	}
	return s
}
