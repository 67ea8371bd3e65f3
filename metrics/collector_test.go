package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

const prefix = "hcs_reconcile_"

func scrape(t *testing.T, o metrics.Options) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, o)
	return series(gather(t, reg))
}

func TestContainerMetrics(t *testing.T) {
	got := scrape(t, metrics.Options{View: showing(view(web())), Stats: allStats})
	seconds := float64(noon.Unix())
	wantSeries(t, got, map[string]float64{
		prefix + "container_info{container=web,image=nanoserver:ltsc2022,revision=1-ab,running_revision=1-aa,source=shop/web.yaml}": 1,

		prefix + "container_state{container=web,state=Running}":                                         1,
		prefix + "container_state{container=web,state=GaveUp}":                                          0,
		prefix + "container_state_since_timestamp_seconds{container=web}":                               seconds,
		prefix + "container_desired_running{container=web}":                                             1,
		prefix + "container_ready{container=web}":                                                       1,
		prefix + "container_rolled_back{container=web}":                                                 1,
		prefix + "container_settled{container=web}":                                                     1,
		prefix + "container_start_time_seconds{container=web}":                                          seconds,
		prefix + "container_restarts_total{container=web}":                                              2,
		prefix + "container_consecutive_failures{container=web}":                                        1,
		prefix + "container_last_exit_code{container=web}":                                              0xC0000005,
		prefix + "container_last_exit_reason{asked=false,container=web,reason=STATUS_ACCESS_VIOLATION}": 1,
		prefix + "container_last_exit_timestamp_seconds{container=web}":                                 seconds - 60,
		prefix + "container_backoff_seconds{container=web}":                                             8,
		prefix + "container_next_try_timestamp_seconds{container=web}":                                  seconds + 60,
		prefix + "container_operation_start_time_seconds{action=shutdown,container=web}":                seconds,
		prefix + "container_cpu_usage_seconds_total{container=web}":                                     3,
		prefix + "container_cpu_user_seconds_total{container=web}":                                      2,
		prefix + "container_cpu_system_seconds_total{container=web}":                                    1,
		prefix + "container_memory_working_set_bytes{container=web}":                                    64 << 20,
		prefix + "container_memory_usage_commit_bytes{container=web}":                                   96 << 20,
		prefix + "container_processes{container=web}":                                                   4,
		prefix + "container_fs_reads_bytes_total{container=web}":                                        100,
		prefix + "container_fs_writes_bytes_total{container=web}":                                       200,
		prefix + "container_fs_reads_total{container=web}":                                              10,
		prefix + "container_fs_writes_total{container=web}":                                             20,
		prefix + "container_network_receive_bytes_total{container=web,interface=eth0}":                  1,
		prefix + "container_network_transmit_bytes_total{container=web,interface=eth0}":                 2,
		prefix + "container_network_receive_packets_total{container=web,interface=eth0}":                3,
		prefix + "container_network_transmit_packets_total{container=web,interface=eth0}":               4,
		prefix + "container_network_receive_packets_dropped_total{container=web,interface=eth0}":        5,
		prefix + "container_network_transmit_packets_dropped_total{container=web,interface=eth0}":       6,
	})
}

func TestDesiredRunning(t *testing.T) {
	for desired, want := range map[manifest.DesiredState]float64{
		manifest.DesiredRunning: 1, manifest.DesiredStopped: 0, manifest.DesiredPaused: 0, "": 0,
	} {
		st := web()
		st.Desired = desired
		wantSeries(t, scrape(t, metrics.Options{View: showing(view(st))}), map[string]float64{
			prefix + "container_desired_running{container=web}": want,
		})
	}
}

func TestExitReasonsAreFew(t *testing.T) {
	code := func(c uint32) *uint32 { return &c }
	for want, x := range map[string]reconcile.ExitStatus{
		"Completed":             {Code: code(0)},
		"Error":                 {Code: code(3)},
		"Signal":                {Code: code(137)},
		"STATUS_CONTROL_C_EXIT": {Code: code(0xC000013A)},
		"Unknown":               {},
	} {
		st := web()
		st.LastExit = &x
		wantSeries(t, scrape(t, metrics.Options{View: showing(view(st))}), map[string]float64{
			prefix + "container_last_exit_reason{asked=false,container=web,reason=" + want + "}": 1,
		})
	}
}

func TestHostMetrics(t *testing.T) {
	got := scrape(t, metrics.Options{View: showing(view(web(), ended("job", reconcile.StateCompleted)))})
	seconds := float64(noon.Unix())
	wantSeries(t, got, map[string]float64{
		prefix + "started":                                         1,
		prefix + "stopping":                                        0,
		prefix + "workers_busy":                                    1,
		prefix + "containers{state=Running}":                       1,
		prefix + "containers{state=Completed}":                     1,
		prefix + "containers{state=Stuck}":                         0,
		prefix + "foreign_containers":                              1,
		prefix + "prune_blocked_containers":                        3,
		prefix + "prune_blocked_since_timestamp_seconds":           seconds,
		prefix + "manifest_valid{file=shop/web.yaml}":              1,
		prefix + "manifest_valid{file=bad.yaml}":                   0,
		prefix + "manifest_problems":                               1,
		prefix + "source_info{dir=/etc/manifests,revision=c0ffee}": 1,
		prefix + "source_read_timestamp_seconds":                   seconds,
		prefix + "source_polling":                                  0,
		prefix + "folder_in_doubt":                                 0,
		prefix + "last_listing_timestamp_seconds":                  seconds,
		prefix + "last_listing_successful":                         1,
		prefix + "last_save_successful":                            1,
		prefix + "scrape_errors{part=state}":                       0,
		prefix + "scrape_errors{part=statistics}":                  0,
	})
}

func TestHostMetricsTellOfTrouble(t *testing.T) {
	v := view()
	v.Doubt, v.ListError, v.SaveError, v.Source.Polling, v.Stopping, v.Started = "unreadable", "no", "full", "share", true, false
	wantSeries(t, scrape(t, metrics.Options{View: showing(v)}), map[string]float64{
		prefix + "started":                 0,
		prefix + "stopping":                1,
		prefix + "folder_in_doubt":         1,
		prefix + "source_polling":          1,
		prefix + "last_listing_successful": 0,
		prefix + "last_save_successful":    0,
	})
}

// TestNothingIsKnownYet wants no time of 1970, and no folder without a name.
func TestNothingIsKnownYet(t *testing.T) {
	got := scrape(t, metrics.Options{View: showing(engine.View{})})
	for key := range got {
		if strings.Contains(key, "timestamp") || strings.Contains(key, "source_") {
			t.Errorf("%s is there", key)
		}
	}
	wantSeries(t, got, map[string]float64{prefix + "started": 0, prefix + "last_listing_successful": 0})
}

func TestContainersStayUntilTheyAreRemoved(t *testing.T) {
	still := []reconcile.State{reconcile.StateStopped, reconcile.StateCompleted, reconcile.StateGaveUp, reconcile.StateFailed}
	now := view(web())
	for _, s := range still {
		now.Containers = append(now.Containers, ended(strings.ToLower(string(s)), s))
	}
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{View: func(context.Context) (engine.View, error) { return now, nil }, Stats: allStats})
	got := series(gather(t, reg))
	for _, s := range still {
		name := strings.ToLower(string(s))
		wantSeries(t, got, map[string]float64{
			prefix + "container_state{container=" + name + ",state=" + string(s) + "}":              1,
			prefix + "container_ready{container=" + name + "}":                                      0,
			prefix + "container_last_exit_reason{asked=true,container=" + name + ",reason=Unknown}": 1,
		})
		if _, ok := got[prefix+"container_last_exit_code{container="+name+"}"]; ok {
			t.Errorf("%s has an exit code, although none is known", name)
		}
	}
	now = view()
	for key := range series(gather(t, reg)) {
		if strings.Contains(key, "container=") {
			t.Errorf("%s outlives its container", key)
		}
	}
}

// TestLabelsNeedNotBeText: a path of Unix is any bytes, and so may be what a
// runtime answers.
func TestLabelsNeedNotBeText(t *testing.T) {
	v := view(web())
	v.Files = map[string]bool{"a\xff.yaml": true, "a\xfe.yaml": false}
	v.Source.Dir, v.Containers[0].Source = "/d\xff", "a\xff.yaml"
	v.Containers[0].Name, v.Containers[0].RunningRevision = "w\xff", "r\xff"
	got := scrape(t, metrics.Options{View: showing(v)})
	wantSeries(t, got, map[string]float64{
		prefix + "container_ready{container=w\uFFFD}": 1,
		prefix + "container_info{container=w\uFFFD,image=nanoserver:ltsc2022,revision=1-ab,running_revision=r\uFFFD,source=a\uFFFD.yaml}": 1,
		prefix + "manifest_valid{file=a\uFFFD.yaml}":         0,
		prefix + "source_info{dir=/d\uFFFD,revision=c0ffee}": 1,
	})
}

func TestNoViewIsNotZero(t *testing.T) {
	got := scrape(t, metrics.Options{View: func(context.Context) (engine.View, error) { return view(web()), errors.New("stopped") }})
	wantSeries(t, got, map[string]float64{prefix + "scrape_errors{part=state}": 1})
	for key := range got {
		if strings.HasPrefix(key, prefix+"container") || key == prefix+"started" {
			t.Errorf("%s is told although nothing is known", key)
		}
	}
}

func TestViewIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) (engine.View, error) {
			<-ctx.Done()
			return engine.View{}, context.Cause(ctx)
		}
		start := time.Now()
		got := scrape(t, metrics.Options{View: hangs, Timeout: 3 * time.Second})
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("scrape took %v", took)
		}
		wantSeries(t, got, map[string]float64{
			prefix + "scrape_errors{part=state}":           1,
			prefix + "scrape_duration_seconds{part=state}": 3,
		})
	})
}
