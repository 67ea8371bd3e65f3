package metrics_test

import (
	"bytes"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// catcher is a Registerer that keeps what is registered.
type catcher struct{ caught []prometheus.Collector }

func (c *catcher) Register(col prometheus.Collector) error { c.MustRegister(col); return nil }
func (c *catcher) MustRegister(cols ...prometheus.Collector) {
	c.caught = append(c.caught, cols...)
}
func (c *catcher) Unregister(prometheus.Collector) bool { return false }

// BenchmarkCollect is our own share of a scrape of 1,000 containers.
func BenchmarkCollect(b *testing.B) {
	var c catcher
	metrics.New(&c, metrics.Options{View: showing(many(1000)), Stats: allStats})
	collector := c.caught[len(c.caught)-1]
	ch := make(chan prometheus.Metric, 1024)
	go func() {
		for range ch {
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		collector.Collect(ch)
	}
	close(ch)
}

// BenchmarkScrape is a whole scrape of 1,000 containers, as text: with the
// checks of a Registry, without them as the daemon has it, and the floor, which
// is to write down what has been gathered.
func BenchmarkScrape(b *testing.B) {
	o := metrics.Options{View: showing(many(1000)), Stats: allStats}
	checked := prometheus.NewRegistry()
	metrics.New(checked, o)
	_, fast := metrics.NewFast(prometheus.NewRegistry(), o)
	gathered := gather(b, fast)
	floor := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gathered, nil })
	for _, bench := range []struct {
		name string
		from prometheus.Gatherer
	}{{"checked", checked}, {"fast", fast}, {"floor", floor}} {
		b.Run(bench.name, func(b *testing.B) {
			var buf bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				for _, f := range gather(b, bench.from) {
					if _, err := expfmt.MetricFamilyToText(&buf, f); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(buf.Len()), "bytes/scrape")
			b.ReportMetric(float64(len(series(gathered))), "series")
		})
	}
}

// BenchmarkObserve is what one event costs the loop of the engine.
func BenchmarkObserve(b *testing.B) {
	m := metrics.New(prometheus.NewRegistry(), metrics.Options{})
	ev := reconcile.Event{Kind: reconcile.Done, Action: driver.Start, Reason: reconcile.Restart, Took: 1}
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(ev)
	}
}
