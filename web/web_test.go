package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func good() engine.View {
	return engine.View{At: noon, Started: true, Synced: noon, Containers: []reconcile.ContainerStatus{
		{Name: "db", State: reconcile.StateStopped}, {Name: "web", State: reconcile.StateRunning, Ready: true},
	}}
}

// options show v, or err.
func options(v engine.View, err error) web.Options {
	return web.Options{
		View:     func(context.Context) (engine.View, error) { return v, err },
		History:  func(string, int) ([]statedb.Entry, error) { return nil, nil },
		Gatherer: prometheus.NewRegistry(),
		Version:  web.Version{Version: "1.2.3", Revision: "c0ffee", GoVersion: "go1", OS: "windows", Arch: "arm64"},
		Log:      slog.New(slog.DiscardHandler),
	}
}

func ask(o web.Options, method, path string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:9847"
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	web.Handler(o).ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestPages(t *testing.T) {
	stopped := errors.New("the engine has stopped")
	blind, full := good(), good()
	blind.ListError, full.SaveError, full.Started, full.Stopping = "no answer", "disk is full", false, true
	asJSON := header("Accept", "application/json")
	tests := []struct {
		name string
		o    web.Options
		path string
		edit func(*http.Request)
		code int
		want string // all of the body
	}{
		{"alive", options(good(), nil), "/healthz", nil, 200, "ok\n"},
		{"dead", options(good(), stopped), "/healthz", nil, 503, "the engine has stopped\n"},
		{"ready", options(good(), nil), "/readyz", nil, 200, "ok\n"},
		{"ready as JSON", options(good(), nil), "/readyz", asJSON, 200, "{\n  \"ready\": true\n}\n"},
		{"blind", options(blind, nil), "/readyz", nil, 503, "the runtime cannot be listed: no answer\n"},
		{"blind is alive", options(blind, nil), "/healthz", nil, 200, "ok\n"},
		{
			"blind as JSON", options(blind, nil), "/readyz", asJSON, 503,
			"{\n  \"ready\": false,\n  \"reasons\": [\n    \"the runtime cannot be listed: no answer\"\n  ]\n}\n",
		},
		{"full", options(full, nil), "/readyz", nil, 503, "the manifest folder and the runtime have not both been seen yet\n" +
			"the state cannot be saved: disk is full\nthe daemon is stopping\n"},
		{"not ready when dead", options(good(), stopped), "/readyz", nil, 503, "the engine has stopped\n"},
		{"status when dead", options(good(), stopped), "/api/v1/status", nil, 503, "{\n  \"error\": \"the engine has stopped\"\n}\n"},
		{"containers when dead", options(good(), stopped), "/api/v1/containers", nil, 503, "{\n  \"error\": \"the engine has stopped\"\n}\n"},
		{"container when dead", options(good(), stopped), "/api/v1/containers/web", nil, 503, "{\n  \"error\": \"the engine has stopped\"\n}\n"},
		{"no containers", options(engine.View{}, nil), "/api/v1/containers", nil, 200, "{\n  \"containers\": []\n}\n"},
		{"no such container", options(good(), nil), "/api/v1/containers/wep", nil, 404, "{\n  \"error\": \"no container is named \\\"wep\\\"\"\n}\n"},
		{"no such page", options(good(), nil), "/metric", nil, 404, "{\n  \"error\": \"no such page; / lists those there are\"\n}\n"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			edit := tc.edit
			if edit == nil {
				edit = func(*http.Request) {}
			}
			w := ask(tc.o, http.MethodGet, tc.path, edit)
			if w.Code != tc.code {
				t.Errorf("status %d, want %d", w.Code, tc.code)
			}
			if diff := cmp.Diff(tc.want, w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Errorf("%v in %s", err, w.Body)
	}
	return v
}

func TestJSONPages(t *testing.T) {
	o := options(good(), nil)
	if got := decode[engine.View](t, ask(o, http.MethodGet, "/api/v1/status")); !cmp.Equal(got, good()) {
		t.Errorf("status: %s", cmp.Diff(good(), got))
	}
	if got := decode[web.Containers](t, ask(o, http.MethodGet, "/api/v1/containers")); !cmp.Equal(got.Containers, good().Containers) {
		t.Errorf("containers: %s", cmp.Diff(good().Containers, got.Containers))
	}
	if got := decode[reconcile.ContainerStatus](t, ask(o, http.MethodGet, "/api/v1/containers/web")); !cmp.Equal(got, good().Containers[1]) {
		t.Errorf("container: %s", cmp.Diff(good().Containers[1], got))
	}
	if got := decode[web.Version](t, ask(o, http.MethodGet, "/api/v1/version")); got != o.Version {
		t.Errorf("version: %s", cmp.Diff(o.Version, got))
	}
}

func TestEvents(t *testing.T) {
	type call struct {
		Container string
		Limit     int
	}
	entry := statedb.Entry{Seq: 7, At: noon, Container: "web", Type: "Warning", Action: "start", Reason: "Restart", Message: "m", Change: "c0de"}
	tests := []struct {
		query string
		code  int
		want  []call
	}{
		{"", 200, []call{{"", 100}}},
		{"?container=web&limit=3", 200, []call{{"web", 3}}},
		{"?limit=1000", 200, []call{{"", 1000}}},
		{"?limit=1001", 400, nil},
		{"?limit=0", 400, nil},
		{"?limit=-1", 400, nil},
		{"?limit=many", 400, nil},
	}
	for _, tc := range tests {
		t.Run(tc.query, func(t *testing.T) {
			var calls []call
			o := options(good(), nil)
			o.History = func(container string, limit int) ([]statedb.Entry, error) {
				calls = append(calls, call{container, limit})
				return []statedb.Entry{entry}, nil
			}
			w := ask(o, http.MethodGet, "/api/v1/events"+tc.query)
			if w.Code != tc.code || !cmp.Equal(calls, tc.want) {
				t.Errorf("status %d after the calls %v, want %d after %v", w.Code, calls, tc.code, tc.want)
			}
			if tc.code != 200 {
				if got := decode[map[string]string](t, w); !strings.Contains(got["error"], "from 1 to 1000") {
					t.Errorf("error %q", got["error"])
				}
				return
			}
			want := web.Events{Events: []web.Event{{
				Seq: 7, At: noon, Container: "web", Type: "Warning", Action: "start", Reason: "Restart", Message: "m", Change: "c0de",
			}}}
			if got := decode[web.Events](t, w); !cmp.Equal(got, want) {
				t.Errorf("events (-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

func TestEventsCannotBeRead(t *testing.T) {
	o := options(good(), nil)
	o.History = func(string, int) ([]statedb.Entry, error) { return nil, statedb.ErrClosed }
	w := ask(o, http.MethodGet, "/api/v1/events")
	if got := decode[map[string]string](t, w); w.Code != 503 || got["error"] != "state is closed" {
		t.Errorf("status %d: %v", w.Code, got)
	}
	o.History = func(string, int) ([]statedb.Entry, error) { return nil, nil }
	if w = ask(o, http.MethodGet, "/api/v1/events"); !strings.Contains(w.Body.String(), `"events": []`) {
		t.Errorf("no events: %s", w.Body)
	}
}

// TestIndexListsWhatThereIs follows every link.
func TestIndexListsWhatThereIs(t *testing.T) {
	o := options(good(), nil)
	o.Gatherer = prometheus.Gatherers{}
	page := ask(o, http.MethodGet, "/").Body.String()
	links := strings.Split(page, `href="`)[1:]
	if len(links) != 7 {
		t.Errorf("%d links", len(links))
	}
	for _, link := range links {
		path, _, _ := strings.Cut(link, `"`)
		if w := ask(o, http.MethodGet, path); w.Code != 200 {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

func TestEngineThatHangsIsNotWaitedFor(t *testing.T) {
	for path, limit := range map[string]time.Duration{
		"/healthz": time.Second, "/readyz": time.Second, "/api/v1/status": 5 * time.Second, "/api/v1/containers/web": 5 * time.Second,
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options(good(), nil)
				o.View = func(ctx context.Context) (engine.View, error) {
					<-ctx.Done()
					return engine.View{}, context.Cause(ctx)
				}
				start := time.Now()
				w := ask(o, http.MethodGet, path)
				if took := time.Since(start); took != limit {
					t.Errorf("waited %v, want %v", took, limit)
				}
				if w.Code != 503 || !strings.Contains(w.Body.String(), "the engine did not answer within "+limit.String()) {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			})
		})
	}
}
