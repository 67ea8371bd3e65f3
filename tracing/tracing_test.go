package tracing_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/internal/otlptest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/tracing"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const id = "4bf92f3577b34da6a3ce929d0e0e4736"

// open makes a Tracer with the variables that the environment shall have.
func open(t *testing.T, o tracing.Options, env ...string) (*tracing.Tracer, error) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
	} {
		t.Setenv(name, "")
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return tracing.New(t.Context(), o)
}

// TestSpansOfAChange sends one change and what came of it by each protocol, to
// a collector that takes them as a real one does.
func TestSpansOfAChange(t *testing.T) {
	c := otlptest.New(t)
	for name, tc := range map[string]struct {
		o   tracing.Options
		env []string
	}{
		"http by option":      {tracing.Options{Endpoint: c.HTTP}, nil},
		"http by environment": {tracing.Options{}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.HTTP, "OTEL_EXPORTER_OTLP_HEADERS=token=secret"}},
		"path by option":      {tracing.Options{Endpoint: c.HTTP + "/v1/traces"}, nil},
		"traces alone":        {tracing.Options{}, []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + c.HTTP + "/v1/traces"}},
		"grpc by option":      {tracing.Options{Endpoint: c.GRPC}, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}},
		"grpc by environment": {tracing.Options{}, []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.GRPC}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.Spans())
			tc.o.Version = "1.2.3"
			tr, err := open(t, tc.o, append(tc.env, "OTEL_RESOURCE_ATTRIBUTES=site=berlin")...)
			if err != nil || tr == nil {
				t.Fatalf("tracer %v, error %v", tr, err)
			}
			tr.Changed(folder.Update{ID: id, SeenAt: noon, Files: []folder.FileState{{Path: "web.yaml"}}}, noon.Add(time.Second))
			tr.Observe(reconcile.Event{Kind: reconcile.Decided, Container: "web", Change: id})
			tr.Observe(reconcile.Event{
				Kind: reconcile.Done, At: noon.Add(3 * time.Second), Took: time.Second, Container: "web", Change: id, Action: driver.Create,
				Reason: reconcile.NewContainer, Err: errors.New("no image"), Message: "no image", Warning: true,
			})
			tr.Observe(reconcile.Event{Kind: reconcile.Exited, At: noon, Container: "web", Change: id})
			tr.Observe(reconcile.Event{Kind: reconcile.Became, At: noon, Container: "old", State: reconcile.StateHeld})
			if err := tr.Close(t.Context()); err != nil {
				t.Error(err)
			}
			check(t, c.Spans()[before:])
			if strings.HasPrefix(name, "http by env") && c.Header("token") != "secret" {
				t.Error("the headers of the environment were not sent")
			}
		})
	}
}

func check(t *testing.T, spans []otlptest.Span) {
	t.Helper()
	got := map[string]otlptest.Span{}
	for _, s := range spans {
		got[s.Name] = s
		if s.Resource["service.name"] != "hcs-reconcile" || s.Resource["service.version"] != "1.2.3" || s.Resource["site"] != "berlin" {
			t.Errorf("resource %v", s.Resource)
		}
	}
	root, step, exit, state := got["change"], got["create"], got["exit"], got["state"]
	if len(spans) != 4 || root.Trace != id || root.Parent != "" || root.End-root.Start != 1e9 {
		t.Errorf("%d spans; the first %+v", len(spans), root)
	}
	if step.Trace != id || step.Parent != root.ID || !step.Failed || step.Start != uint64(noon.Add(2*time.Second).UnixNano()) || step.End-step.Start != 1e9 {
		t.Errorf("step %+v below %s", step, root.ID)
	}
	for key, want := range map[string]string{"container": "web", "action": "create", "reason": "NewContainer", "change": id, "message": "no image"} {
		if step.Attributes[key] != want {
			t.Errorf("%s is %q, want %q", key, step.Attributes[key], want)
		}
	}
	if exit.Trace != id || exit.Parent != root.ID || exit.Failed {
		t.Errorf("exit %+v", exit)
	}
	if state.Trace == id || state.Parent != "" || state.Attributes["state"] != "Held" {
		t.Errorf("what belongs to no change: %+v", state)
	}
}

// TestOff wants nothing to exist while nobody asks for traces.
func TestOff(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const collector = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for name, env := range map[string][]string{
		"nothing set": nil,
		"disabled":    {"OTEL_SDK_DISABLED=true", collector},
		"none":        {"OTEL_TRACES_EXPORTER=none", collector},
	} {
		tr, err := open(t, tracing.Options{}, env...)
		if tr != nil || err != nil {
			t.Errorf("%s: tracer %v, error %v", name, tr, err)
		}
	}
	var off *tracing.Tracer
	if n := testing.AllocsPerRun(100, func() { off.Observe(reconcile.Event{Kind: reconcile.Done}); off.Changed(folder.Update{}, noon) }); n > 0 {
		t.Errorf("%v allocations while off", n)
	}
	if err := off.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotUnderstoodIsTold(t *testing.T) {
	for env, want := range map[string]string{
		"OTEL_TRACES_EXPORTER=zipkin":           "otlp or none is expected",
		"OTEL_EXPORTER_OTLP_PROTOCOL=http/json": "http/protobuf or grpc is expected",
	} {
		if _, err := open(t, tracing.Options{Endpoint: "http://127.0.0.1:1"}, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", env, err)
		}
	}
}

// TestCollectorAwayIsToldOnce: neither the daemon nor its log may suffer.
func TestCollectorAwayIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	tr, err := open(t, tracing.Options{Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.NewTextHandler(&log, nil))},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1", "OTEL_EXPORTER_OTLP_TIMEOUT=100")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		tr.Observe(reconcile.Event{Kind: reconcile.Exited, At: noon, Container: "web", Change: id})
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "traces not sent"); n != 1 {
		t.Errorf("told %d times: %s", n, &log)
	}
}

func BenchmarkOff(b *testing.B) {
	var off *tracing.Tracer
	for b.Loop() {
		off.Observe(reconcile.Event{Kind: reconcile.Done})
	}
}
