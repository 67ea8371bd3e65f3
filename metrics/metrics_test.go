package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

func TestNamesPassTheLinter(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{View: showing(view(web())), Stats: allStats, NativeHistograms: true})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestClosedLabelsStartAtZero(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{})
	got := series(gather(t, reg))
	want := []string{
		"hcs_reconcile_lag_seconds",
		"hcs_reconcile_steps_total{action=start,result=timeout}",
		"hcs_reconcile_steps_total{action=update,result=ok}",
		"hcs_reconcile_step_duration_seconds{action=remove}",
		"hcs_reconcile_decisions_total{action=create,reason=NewContainer}",
		"hcs_reconcile_events_total{reason=Exited,type=Warning}",
		"hcs_reconcile_events_total{reason=BackOff,type=Normal}",
		"hcs_reconcile_exits_total{class=ntstatus}",
		"hcs_reconcile_driver_calls_total{call=list,result=connection_lost}",
		"hcs_reconcile_driver_call_duration_seconds{call=inspect}",
		"hcs_reconcile_driver_calls_in_flight{call=stats}",
		"hcs_reconcile_store_calls_total{call=save,result=error}",
	}
	for _, key := range want {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	for key, v := range got {
		if v != 0 && !strings.HasPrefix(key, "hcs_reconcile_build_info{") {
			t.Errorf("%s starts at %v", key, v)
		}
	}
}

func TestObserve(t *testing.T) {
	exit := func(code uint32, known bool) reconcile.Event {
		return reconcile.Event{Kind: reconcile.Exited, Exit: driver.Exit{Code: code, Known: known}}
	}
	events := []reconcile.Event{
		{Kind: reconcile.Decided, Action: driver.Create, Reason: reconcile.NewContainer},
		{Kind: reconcile.Done, Action: driver.Start, Reason: reconcile.FirstStart, Took: time.Second, Lag: 2 * time.Second},
		{Kind: reconcile.Done, Action: driver.Start, Reason: reconcile.Restart},
		{
			Kind: reconcile.Done, Action: driver.Start, Reason: reconcile.Restart, Warning: true,
			Err: &driver.OpError{Err: fmt.Errorf("%w: %w", driver.ErrTimeout, context.DeadlineExceeded)},
		},
		{Kind: reconcile.Done, Action: driver.Remove, Reason: "of tomorrow", Err: errors.New("disk is full")},
		{Kind: reconcile.Became, Reason: reconcile.BackOff, State: reconcile.StateCrashLoopBackOff, Warning: true},
		exit(0, true), exit(3, true), exit(137, true), exit(0xC000013A, true), exit(0, false),
	}
	reg := prometheus.NewPedanticRegistry()
	m := metrics.New(reg, metrics.Options{})
	for _, ev := range events {
		m.Observe(ev)
	}
	got := map[string]float64{}
	for key, v := range series(gather(t, reg)) {
		if (v != 0 || strings.HasSuffix(key, " sum")) && !strings.HasPrefix(key, "hcs_reconcile_build_info{") {
			got[strings.TrimPrefix(key, "hcs_reconcile_")] = v
		}
	}
	want := map[string]float64{
		"decisions_total{action=create,reason=NewContainer}": 1,
		"steps_total{action=start,result=ok}":                2,
		"steps_total{action=start,result=timeout}":           1,
		"steps_total{action=remove,result=error}":            1,
		"step_duration_seconds{action=start}":                3,
		"step_duration_seconds{action=start} sum":            1,
		"step_duration_seconds{action=remove}":               1,
		"step_duration_seconds{action=remove} sum":           0,
		"lag_seconds":     1,
		"lag_seconds sum": 2,
		"events_total{reason=NewContainer,type=Normal}": 1,
		"events_total{reason=FirstStart,type=Normal}":   1,
		"events_total{reason=Restart,type=Normal}":      1,
		"events_total{reason=Restart,type=Warning}":     1,
		"events_total{reason=Other,type=Normal}":        1,
		"events_total{reason=BackOff,type=Warning}":     1,
		"events_total{reason=Exited,type=Normal}":       5,
		"exits_total{class=zero}":                       1,
		"exits_total{class=program}":                    1,
		"exits_total{class=signal}":                     1,
		"exits_total{class=ntstatus}":                   1,
		"exits_total{class=unknown}":                    1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// TestRestartsAddNoSeries restarts one container 10,000 times, each time with
// another process id, exit code, revision and time.
func TestRestartsAddNoSeries(t *testing.T) {
	var now engine.View
	reg := prometheus.NewPedanticRegistry()
	m := metrics.New(reg, metrics.Options{
		View:  func(context.Context) (engine.View, error) { return now, nil },
		Stats: allStats,
	})
	restart := func(n int) {
		code := uint32(n) * 429_496 // all over the 32 bits, so that codes with names are among them
		st, rev := web(), manifest.Revision(fmt.Sprintf("1-%016x", n))
		st.PID, st.Revision, st.RunningRevision, st.Restarts = n, rev, rev, uint64(n)
		st.Started, st.Since = noon.Add(time.Duration(n)*time.Second), noon.Add(time.Duration(n)*time.Second)
		st.LastExit = &reconcile.ExitStatus{Code: &code, At: st.Started, Text: fmt.Sprint(code)}
		now = view(st)
		for _, kind := range []reconcile.Kind{reconcile.Decided, reconcile.Done, reconcile.Exited, reconcile.Became, reconcile.Asked} {
			m.Observe(reconcile.Event{
				At: st.Started, Kind: kind, Container: "web", Revision: string(rev), Action: driver.Start,
				Reason: reconcile.Restart, Message: fmt.Sprint("pid ", n), Exit: driver.Exit{Code: code, Known: true},
				Err: fmt.Errorf("attempt %d", n),
			})
		}
	}
	restart(1)
	first := len(series(gather(t, reg)))
	for n := 2; n <= 10_000; n++ {
		restart(n)
	}
	got := series(gather(t, reg))
	if len(got) != first {
		t.Errorf("%d series after one restart, %d after 10,000", first, len(got))
	}
	wantSeries(t, got, map[string]float64{"hcs_reconcile_container_restarts_total{container=web}": 10_000})
}

func TestNativeHistograms(t *testing.T) {
	for _, native := range []bool{false, true} {
		reg := prometheus.NewPedanticRegistry()
		m := metrics.New(reg, metrics.Options{NativeHistograms: native})
		m.Observe(reconcile.Event{Kind: reconcile.Done, Action: driver.Start, Took: time.Second, Lag: time.Second})
		for _, f := range gather(t, reg) {
			if f.GetName() != "hcs_reconcile_lag_seconds" {
				continue
			}
			h := f.GetMetric()[0].GetHistogram()
			if h.Schema != nil != native || len(h.GetBucket()) == 0 {
				t.Errorf("native %t: schema %v and %d classic buckets", native, h.Schema, len(h.GetBucket()))
			}
		}
	}
}
