package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web"
)

const webManifest = `
apiVersion: hcs-reconcile/v1
kind: Container
metadata: {name: web}
spec: {command: [web]}
`

// patience is far longer than anything here takes.
const patience = 20 * time.Second

// daemon is everything that /metrics and the API show, for real but for the
// containers themselves.
type daemon struct {
	engine *engine.Engine
	url    string
	want   chan folder.Update
	client *http.Client
}

func start(t *testing.T) *daemon {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	log := slog.New(slog.DiscardHandler)
	d := &daemon{want: make(chan folder.Update, 1), client: &http.Client{Timeout: patience}}
	reg := prometheus.NewPedanticRegistry()
	plain := fake.NewHost(fake.Options{}).Open(fake.Config{Owner: "test"})
	m := metrics.New(reg, metrics.Options{
		View: func(ctx context.Context) (engine.View, error) { return d.engine.View(ctx) }, Stats: plain.Stats,
	})
	drv, store := m.Driver(plain), m.Store(statedb.NewMem())
	d.engine = engine.New(engine.Config{
		Driver: drv, Store: store, Want: d.want, Log: log, Observers: []engine.Observer{m},
		Brake: reconcile.BrakeConfig{MaxShare: 1, Min: 3, AllowEmpty: true},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.url = "http://" + l.Addr().String()
	h := web.Handler(web.Options{
		View: d.engine.View, History: store.History, Gatherer: reg, Log: log,
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- d.engine.Run(ctx) }()
	go func() { ended <- web.Serve(ctx, l, h) }()
	t.Cleanup(func() {
		d.client.CloseIdleConnections()
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := plain.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *daemon) get(t *testing.T, path string, edit ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(r)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// eventually asks until ok holds.
func (d *daemon) eventually(t *testing.T, path string, ok func(code int, body string) bool) {
	t.Helper()
	again, limit := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer again.Stop()
	for {
		resp, body := d.get(t, path)
		if ok(resp.StatusCode, body) {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("%s stays at %d: %s", path, resp.StatusCode, body)
		}
	}
}

func (d *daemon) ask(t *testing.T) []*manifest.Container {
	t.Helper()
	cs, problems := manifest.Parse("web.yaml", []byte(webManifest))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d.want <- folder.Update{
		Full: true, Put: []folder.Wanted{{Container: cs[0]}}, SeenAt: time.Now().Add(-time.Millisecond),
		Files:  []folder.FileState{{Path: "web.yaml", Valid: true, Containers: 1}},
		Source: folder.Source{Dir: "/manifests", Revision: "c0ffee", ReadAt: time.Now()},
	}
	return cs
}

func isState(want reconcile.State) func(int, string) bool {
	return func(code int, body string) bool {
		var st reconcile.ContainerStatus
		return code == 200 && json.Unmarshal([]byte(body), &st) == nil && st.State == want && st.Settled
	}
}

func TestWholeDaemon(t *testing.T) {
	d := start(t)
	if resp, body := d.get(t, "/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready before the folder was seen: %s", body)
	}
	d.eventually(t, "/healthz", func(code int, _ string) bool { return code == 200 })
	made := d.ask(t)
	d.eventually(t, "/api/v1/containers/web", isState(reconcile.StateRunning))
	d.eventually(t, "/readyz", func(code int, _ string) bool { return code == 200 })
	if _, body := d.get(t, "/api/v1/events?container=web"); !strings.Contains(body, `"reason": "NewContainer"`) {
		t.Errorf("events: %s", body)
	}
	resp, body := d.get(t, "/metrics")
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", got)
	}
	families := parse(t, body)
	rev := string(made[0].Revision)
	for _, want := range []sample{
		{"container_info", map[string]string{"container": "web", "source": "web.yaml", "revision": rev, "running_revision": rev}, 1},
		{"container_state", map[string]string{"container": "web", "state": "Running"}, 1},
		{"container_state", map[string]string{"container": "web", "state": "Pending"}, 0},
		{"container_memory_working_set_bytes", map[string]string{"container": "web"}, 64 << 20},
		{"containers", map[string]string{"state": "Running"}, 1},
		{"steps_total", map[string]string{"action": "create", "result": "ok"}, 1},
		{"steps_total", map[string]string{"action": "start", "result": "ok"}, 1},
		{"driver_calls_total", map[string]string{"call": "start", "result": "ok"}, 1},
		{"decisions_total", map[string]string{"action": "create", "reason": "NewContainer"}, 1},
		{"lag_seconds", nil, 1},
		{"manifest_valid", map[string]string{"file": "web.yaml"}, 1},
		{"source_info", map[string]string{"revision": "c0ffee"}, 1},
		{"scrape_errors", map[string]string{"part": "state"}, 0},
		{"scrape_errors", map[string]string{"part": "statistics"}, 0},
	} {
		want.check(t, families)
	}
	d.want <- folder.Update{Drop: []string{"web"}, Gone: []string{"web.yaml"}, SeenAt: time.Now()}
	d.eventually(t, "/api/v1/containers/web", func(code int, _ string) bool { return code == 404 })
	if _, body := d.get(t, "/metrics"); strings.Contains(body, `container="web"`) {
		t.Error("the metrics of web outlive it")
	}
}

func TestOpenMetricsIsSpoken(t *testing.T) {
	d := start(t)
	d.ask(t)
	d.eventually(t, "/api/v1/containers/web", isState(reconcile.StateRunning))
	resp, body := d.get(t, "/metrics", header("Accept", "application/openmetrics-text; version=1.0.0"))
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
		t.Errorf("content type %q", got)
	}
	if !strings.HasSuffix(body, "# EOF\n") || !strings.Contains(body, "# TYPE hcs_reconcile_steps counter\n") {
		t.Errorf("not OpenMetrics: %.200s", body)
	}
}

func TestServeTellsOfABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := web.Serve(t.Context(), l, http.NotFoundHandler()); err == nil {
		t.Error("no error")
	}
}

func parse(t *testing.T, body string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// sample is one series with some of its labels and its value, the count of a
// histogram.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

func (s sample) check(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	for _, m := range families["hcs_reconcile_"+s.name].GetMetric() {
		got := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		if s.fits(m) && got == s.value {
			return
		}
	}
	t.Errorf("no %s%v with value %v in %v", s.name, s.labels, s.value, families["hcs_reconcile_"+s.name])
}

func (s sample) fits(m *dto.Metric) bool {
	n := 0
	for _, l := range m.GetLabel() {
		if want, ok := s.labels[l.GetName()]; ok && want == l.GetValue() {
			n++
		}
	}
	return n == len(s.labels)
}
