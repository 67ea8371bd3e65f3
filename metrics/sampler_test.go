package metrics_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// many are n running containers c000, c001, …
func many(n int) engine.View {
	v := view()
	for i := range n {
		st := web()
		st.Name = fmt.Sprintf("c%03d", i)
		v.Containers = append(v.Containers, st)
	}
	return v
}

func figures(got map[string]float64) int {
	n := 0
	for key := range got {
		if strings.HasPrefix(key, prefix+"container_cpu_usage_seconds_total") {
			n++
		}
	}
	return n
}

// TestHungContainerCostsItsOwnFigures lets one call ignore even its context.
func TestHungContainerCostsItsOwnFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake, calls := make(chan struct{}), atomic.Int32{}
		o := metrics.Options{View: showing(many(100)), Stats: func(_ context.Context, r driver.Ref) (driver.Stats, error) {
			if r.Name == "c000" && calls.Add(1) == 1 {
				<-wake
			}
			return stats(), nil
		}}
		reg := prometheus.NewPedanticRegistry()
		metrics.New(reg, o)
		for _, want := range []time.Duration{metrics.DefaultStatsTimeout, 0} { // the second scrape need not wait at all
			start := time.Now()
			got := series(gather(t, reg))
			if took := time.Since(start); took != want {
				t.Errorf("scrape took %v, want %v", took, want)
			}
			if n := figures(got); n != 99 {
				t.Errorf("figures of %d containers, want 99", n)
			}
			wantSeries(t, got, map[string]float64{prefix + "scrape_errors{part=statistics}": 1})
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls for the container that hangs, want 1", n)
		}
		close(wake)
		synctest.Wait()
		if n := figures(series(gather(t, reg))); n != 100 {
			t.Errorf("figures of %d containers once it answers again, want 100", n)
		}
	})
}

// TestSlowOnesComeLast lets more containers hang than there is time for.
func TestSlowOnesComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hung = 200
		o := metrics.Options{View: showing(many(hung + 50)), Stats: func(ctx context.Context, r driver.Ref) (driver.Stats, error) {
			if r.Name < fmt.Sprintf("c%03d", hung) {
				<-ctx.Done()
				return driver.Stats{}, ctx.Err()
			}
			return stats(), nil
		}}
		reg := prometheus.NewPedanticRegistry()
		metrics.New(reg, o)
		var got map[string]float64
		for range 4 { // each scrape finds out about 5 × 16 of them
			start := time.Now()
			got = series(gather(t, reg))
			if took := time.Since(start); took != metrics.DefaultTimeout {
				t.Errorf("scrape took %v, want %v", took, metrics.DefaultTimeout)
			}
		}
		if n := figures(got); n != 50 {
			t.Errorf("figures of %d containers, want those of all 50 that answer", n)
		}
	})
}

func TestCallsAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int32
		got := scrape(t, metrics.Options{View: showing(many(100)), StatsCalls: 7, Stats: func(context.Context, driver.Ref) (driver.Stats, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(10 * time.Millisecond) // of the bubble
			return stats(), nil
		}})
		if m := most.Load(); m != 7 {
			t.Errorf("%d calls at once, want 7", m)
		}
		if n := figures(got); n != 100 {
			t.Errorf("figures of %d containers, want 100", n)
		}
	})
}

func TestErrorsOfStatistics(t *testing.T) {
	tests := []struct {
		name   string
		answer func() (driver.Stats, error)
		want   float64
	}{
		{"has ended", func() (driver.Stats, error) { return driver.Stats{}, driver.ErrNotRunning }, 0},
		{"is gone", func() (driver.Stats, error) { return driver.Stats{}, driver.ErrNotFound }, 0},
		{"not supported", func() (driver.Stats, error) { return driver.Stats{}, driver.ErrUnsupported }, 0},
		{"fails", func() (driver.Stats, error) { return driver.Stats{}, driver.ErrConnectionLost }, 1},
		{"panics", func() (driver.Stats, error) { panic("boo") }, 1},
		{"knows nothing", func() (driver.Stats, error) { return driver.Stats{}, nil }, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := scrape(t, metrics.Options{
				View:  showing(view(web())),
				Stats: func(context.Context, driver.Ref) (driver.Stats, error) { return tc.answer() },
			})
			wantSeries(t, got, map[string]float64{prefix + "scrape_errors{part=statistics}": tc.want})
			if n := figures(got); n != 0 {
				t.Errorf("figures of %d containers, want none", n)
			}
		})
	}
}

func TestOnlyWhatRunsIsAsked(t *testing.T) {
	var asked []driver.Ref
	job := ended("job", reconcile.StateCompleted)
	scrape(t, metrics.Options{View: showing(view(job, web())), Stats: func(_ context.Context, r driver.Ref) (driver.Stats, error) {
		asked = append(asked, r)
		return stats(), nil
	}})
	if len(asked) != 1 || asked[0] != (driver.Ref{Name: "web", Revision: "1-aa"}) {
		t.Errorf("asked for %v", asked)
	}
}

// TestScrapesAtOnceShareTheWork: two servers that scrape at the same time must
// not take the calls in flight of each other for hung ones.
func TestScrapesAtOnceShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		reg := prometheus.NewPedanticRegistry()
		metrics.New(reg, metrics.Options{View: showing(view(web())), Stats: func(context.Context, driver.Ref) (driver.Stats, error) {
			calls.Add(1)
			time.Sleep(100 * time.Millisecond) // of the bubble
			return stats(), nil
		}})
		results := make(chan map[string]float64, 2)
		for range 2 {
			go func() { results <- series(gather(t, reg)) }()
		}
		for range 2 {
			if n := figures(<-results); n != 1 {
				t.Errorf("figures of %d containers, want 1", n)
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

// TestSampleIsAScrapeWithoutMetrics is what the status page looks through.
func TestSampleIsAScrapeWithoutMetrics(t *testing.T) {
	var told []int
	calls := atomic.Int32{}
	v := many(3)
	reg := prometheus.NewPedanticRegistry()
	m := metrics.New(reg, metrics.Options{
		View:    showing(v),
		Stats:   func(context.Context, driver.Ref) (driver.Stats, error) { calls.Add(1); return stats(), nil },
		Sampled: func(got map[driver.Ref]driver.Stats) { told = append(told, len(got)) },
	})
	m.Sample(t.Context(), &v)
	gather(t, reg)
	if fmt.Sprint(told) != "[3 3]" || calls.Load() != 6 {
		t.Errorf("told of %v figures after %d calls, want 3 by Sample and 3 by the scrape", told, calls.Load())
	}
	metrics.New(prometheus.NewPedanticRegistry(), metrics.Options{}).Sample(t.Context(), &v) // does nothing
}
