package metrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// stages plays stops, and returns how often each stage was measured and how
// long it took in all, and the forced kills.
func stages(t *testing.T, evs ...reconcile.Event) (map[string]uint64, map[string]float64, float64) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	m := metrics.New(reg, metrics.Options{})
	for i, ev := range evs {
		ev.Container, ev.At = "web", noon.Add(time.Duration(i)*time.Second)
		m.Observe(ev)
	}
	counts, sums, kills := map[string]uint64{}, map[string]float64{}, 0.0
	for _, f := range gather(t, reg) {
		for _, s := range f.GetMetric() {
			switch f.GetName() {
			case "hcs_reconcile_stop_stage_duration_seconds":
				if n := s.GetHistogram().GetSampleCount(); n > 0 {
					counts[s.GetLabel()[0].GetValue()], sums[s.GetLabel()[0].GetValue()] = n, s.GetHistogram().GetSampleSum()
				}
			case "hcs_reconcile_forced_kills_total":
				kills = s.GetCounter().GetValue()
			}
		}
	}
	return counts, sums, kills
}

func decided(a driver.Action) reconcile.Event {
	return reconcile.Event{Kind: reconcile.Decided, Action: a, Reason: reconcile.SpecChanged}
}

func TestStopStages(t *testing.T) {
	exit := reconcile.Event{Kind: reconcile.Exited}
	hook := reconcile.Event{Kind: reconcile.Hooked, Hook: reconcile.PreStop, Reason: reconcile.HookDone, Took: 4 * time.Second}
	n, took, kills := stages(t, hook, decided(driver.Shutdown), decided(driver.Shutdown), exit, exit)
	if n["preStop"] != 1 || took["preStop"] != 4 || n["shutdown"] != 1 || took["shutdown"] != 2 || n["terminate"] != 0 || kills != 0 {
		t.Errorf("a stop that is obeyed: %v, %v, %v kills", n, took, kills)
	}
	n, took, kills = stages(t, decided(driver.Shutdown), decided(driver.Terminate), decided(driver.Terminate), exit)
	if n["shutdown"] != 1 || took["shutdown"] != 1 || n["terminate"] != 1 || took["terminate"] != 2 || kills != 1 {
		t.Errorf("a stop by force: %v, %v, %v kills", n, took, kills)
	}
	n, _, kills = stages(t, exit, decided(driver.Start), decided(driver.Terminate), exit)
	if n["shutdown"] != 0 || n["terminate"] != 1 || kills != 1 {
		t.Errorf("a stop that an earlier daemon began: %v, %v kills", n, kills)
	}
}

func TestProbeDurations(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := metrics.New(reg, metrics.Options{})
	op := reconcile.ProbeOp{Probe: &manifest.Probe{GRPC: &manifest.GRPCAction{}}}
	m.ObserveProbe(op, reconcile.ProbeResult{Took: time.Second})
	for _, f := range gather(t, reg) {
		if f.GetName() != "hcs_reconcile_probe_duration_seconds" {
			continue
		}
		for _, s := range f.GetMetric() {
			if n := s.GetHistogram().GetSampleCount(); (s.GetLabel()[0].GetValue() == "grpc") != (n == 1) {
				t.Errorf("%v was measured %d times", s.GetLabel(), n)
			}
		}
		return
	}
	t.Error("there is no such metric")
}
