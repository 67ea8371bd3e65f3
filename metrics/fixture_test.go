package metrics_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// web is a container of which everything is known.
func web() reconcile.ContainerStatus {
	code, good := uint32(0xC0000005), true
	return reconcile.ContainerStatus{
		Name: "web", Desired: manifest.DesiredRunning, State: reconcile.StateRunning, Reason: reconcile.UpToDate,
		Since: noon, Ready: true, Settled: true, Source: "shop/web.yaml", Line: 3, Image: "nanoserver:ltsc2022",
		Revision: "1-ab", RunningRevision: "1-aa", PID: 4711, Started: noon, Restarts: 2, Failures: 1,
		BackOff: 8 * time.Second, NextTry: noon.Add(time.Minute),
		LastExit: &reconcile.ExitStatus{Code: &code, Text: "crash", At: noon.Add(-time.Minute)},
		Probes:   []reconcile.ProbeStatus{{Kind: reconcile.ReadinessProbe, Handler: "exec", Ok: &good, Totals: [3]uint64{7, 2, 1}}},
		Action:   driver.Shutdown, ActionSince: noon,
		Rollback: &reconcile.RollbackStatus{From: "1-ab", To: "1-aa", At: noon},
		Hold:     &reconcile.HoldStatus{Since: noon, Until: noon.Add(time.Hour), By: "me"},
	}
}

// ended is a container that does not run, in state s.
func ended(name string, s reconcile.State) reconcile.ContainerStatus {
	return reconcile.ContainerStatus{
		Name: name, Desired: manifest.DesiredRunning, State: s, Revision: "1-bb",
		LastExit: &reconcile.ExitStatus{Text: "unknown", At: noon, Asked: true},
	}
}

func view(cs ...reconcile.ContainerStatus) engine.View {
	return engine.View{
		At: noon, Started: true, Containers: cs, Foreign: []driver.Foreign{{ID: "x", Owner: "docker"}},
		Brake:    reconcile.BrakeStatus{Blocked: []string{"a", "b", "c"}, Since: noon, Message: "3 held back"},
		Problems: []manifest.Problem{{File: "bad.yaml", Message: "no"}},
		Files:    map[string]bool{"shop/web.yaml": true, "bad.yaml": false},
		Source:   folder.Source{Dir: "/etc/manifests", Revision: "c0ffee", ReadAt: noon},
		Synced:   noon, Workers: 1,
	}
}

func stats() driver.Stats {
	n := func(v uint64) *uint64 { return &v }
	d := func(v time.Duration) *time.Duration { return &v }
	return driver.Stats{
		At: noon, CPU: d(3 * time.Second), CPUUser: d(2 * time.Second), CPUKernel: d(time.Second),
		MemoryBytes: n(64 << 20), MemoryCommitBytes: n(96 << 20), Processes: n(4),
		ReadBytes: n(100), WriteBytes: n(200), ReadOps: n(10), WriteOps: n(20),
		Network: []driver.NetworkStats{{
			Endpoint: "eth0", ReceiveBytes: 1, TransmitBytes: 2, ReceivePackets: 3, TransmitPackets: 4,
			ReceiveDropped: 5, TransmitDropped: 6,
		}},
	}
}

// showing is a View function that shows v.
func showing(v engine.View) func(context.Context) (engine.View, error) {
	return func(context.Context) (engine.View, error) { return v, nil }
}

func allStats(context.Context, driver.Ref) (driver.Stats, error) { return stats(), nil }

func gather(t testing.TB, reg prometheus.Gatherer) []*dto.MetricFamily {
	t.Helper()
	fs, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// series lists every series of fs with its value, as "name{label=value,…}".
// A histogram is there with its count, and its sum if it has counted.
func series(fs []*dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, f := range fs {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for i, l := range m.GetLabel() {
				sep := ","
				if i == 0 {
					sep = "{"
				}
				key += fmt.Sprintf("%s%s=%s", sep, l.GetName(), l.GetValue())
			}
			if len(m.GetLabel()) > 0 {
				key += "}"
			}
			out[key] = value(m)
			if h := m.GetHistogram(); h.GetSampleCount() > 0 {
				out[key+" sum"] = h.GetSampleSum()
			}
		}
	}
	return out
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	case m.Counter != nil:
		return m.Counter.GetValue()
	default:
		return m.Gauge.GetValue()
	}
}

// wantSeries checks some of the series.
func wantSeries(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for key, v := range want {
		if g, ok := got[key]; !ok || g != v {
			t.Errorf("%s = %v (there: %t), want %v", key, g, ok, v)
		}
	}
}
