package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const (
	callList    = "list"
	callInspect = "inspect"
	callStats   = "stats"

	callLoad    = "load"
	callSave    = "save"
	callSpecs   = "specs"
	callHistory = "history"
)

var (
	driverCalls = driverCallNames()
	storeCalls  = []string{callLoad, callSave, callSpecs, callHistory}
)

func driverCallNames() []string {
	names := []string{callList, callInspect, callStats}
	for _, a := range driver.Actions {
		names = append(names, string(a))
	}
	return names
}

// calls counts and times the calls of one interface.
type calls struct {
	total    *prometheus.CounterVec   // call, result
	duration *prometheus.HistogramVec // call
	flying   *prometheus.GaugeVec     // call
}

func newCalls(h histograms, prefix, what string, buckets []float64, names, results []string) *calls {
	c := &calls{
		total:    counters(prefix+"_calls_total", "Calls of the "+what+" that came back, by result.", "call", "result"),
		duration: h.vec(prefix+"_call_duration_seconds", "How long calls of the "+what+" took.", buckets, "call"),
		flying: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: prefix + "_calls_in_flight",
			Help: "Calls of the " + what + " that have not come back yet.",
		}, []string{"call"}),
	}
	for _, n := range names {
		c.duration.WithLabelValues(n)
		c.flying.WithLabelValues(n)
		for _, r := range results {
			c.total.WithLabelValues(n, r)
		}
	}
	return c
}

func (c *calls) register(reg prometheus.Registerer) { reg.MustRegister(c.total, c.duration, c.flying) }

// count makes one call. A panic is counted and goes on.
func (c *calls) count(call string, classify func(error) string, f func() error) error {
	start, result := time.Now(), resultPanic
	c.flying.WithLabelValues(call).Inc()
	defer func() {
		c.flying.WithLabelValues(call).Dec()
		c.total.WithLabelValues(call, result).Inc()
		c.duration.WithLabelValues(call).Observe(time.Since(start).Seconds())
	}()
	err := f()
	result = classify(err)
	return err
}

// Driver is d with every call counted and timed. It hides what d can do beyond
// driver.Driver, so keep d at hand where that is needed.
func (m *Metrics) Driver(d driver.Driver) driver.Driver {
	return &countedDriver{Driver: d, calls: m.driver}
}

type countedDriver struct {
	driver.Driver
	calls *calls
}

func (d *countedDriver) act(a driver.Action, f func() error) error {
	return d.calls.count(string(a), resultOf, f)
}

func (d *countedDriver) List(ctx context.Context) (l driver.Listing, err error) {
	err = d.calls.count(callList, resultOf, func() (err error) {
		l, err = d.Driver.List(ctx)
		return err
	})
	return l, err
}

func (d *countedDriver) Inspect(ctx context.Context, r driver.Ref) (st driver.Status, err error) {
	err = d.calls.count(callInspect, resultOf, func() (err error) {
		st, err = d.Driver.Inspect(ctx, r)
		return err
	})
	return st, err
}

func (d *countedDriver) Stats(ctx context.Context, r driver.Ref) (st driver.Stats, err error) {
	err = d.calls.count(callStats, resultOf, func() (err error) {
		st, err = d.Driver.Stats(ctx, r)
		return err
	})
	return st, err
}

func (d *countedDriver) Create(ctx context.Context, c *manifest.Container) error {
	return d.act(driver.Create, func() error { return d.Driver.Create(ctx, c) })
}

func (d *countedDriver) Start(ctx context.Context, c *manifest.Container) error {
	return d.act(driver.Start, func() error { return d.Driver.Start(ctx, c) })
}

func (d *countedDriver) Shutdown(ctx context.Context, r driver.Ref) error {
	return d.act(driver.Shutdown, func() error { return d.Driver.Shutdown(ctx, r) })
}

func (d *countedDriver) Terminate(ctx context.Context, r driver.Ref) error {
	return d.act(driver.Terminate, func() error { return d.Driver.Terminate(ctx, r) })
}

func (d *countedDriver) Remove(ctx context.Context, r driver.Ref) error {
	return d.act(driver.Remove, func() error { return d.Driver.Remove(ctx, r) })
}

func (d *countedDriver) Pause(ctx context.Context, r driver.Ref) error {
	return d.act(driver.Pause, func() error { return d.Driver.Pause(ctx, r) })
}

func (d *countedDriver) Resume(ctx context.Context, r driver.Ref) error {
	return d.act(driver.Resume, func() error { return d.Driver.Resume(ctx, r) })
}

func (d *countedDriver) Update(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	return d.act(driver.Update, func() error { return d.Driver.Update(ctx, r, c) })
}

// Store is s with every call but Close counted and timed.
func (m *Metrics) Store(s statedb.Store) statedb.Store {
	return &countedStore{Store: s, calls: m.store}
}

type countedStore struct {
	statedb.Store
	calls *calls
}

func (s *countedStore) Load() (st statedb.State, err error) {
	err = s.calls.count(callLoad, storeResult, func() (err error) {
		st, err = s.Store.Load()
		return err
	})
	return st, err
}

func (s *countedStore) Save(b statedb.Batch) error {
	return s.calls.count(callSave, storeResult, func() error { return s.Store.Save(b) })
}

func (s *countedStore) Specs(name string) (specs []statedb.Spec, err error) {
	err = s.calls.count(callSpecs, storeResult, func() (err error) {
		specs, err = s.Store.Specs(name)
		return err
	})
	return specs, err
}

func (s *countedStore) Since(container string, seq uint64, limit int) (p statedb.Page, err error) {
	err = s.calls.count(callHistory, storeResult, func() (err error) {
		p, err = s.Store.Since(container, seq, limit)
		return err
	})
	return p, err
}

func (s *countedStore) History(container string, limit int) (es []statedb.Entry, err error) {
	err = s.calls.count(callHistory, storeResult, func() (err error) {
		es, err = s.Store.History(container, limit)
		return err
	})
	return es, err
}
