package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEngine answers with what it holds, or with err, and keeps what it is asked.
type fakeEngine struct {
	mu    sync.Mutex
	view  engine.View
	held  []string
	err   error
	asked []string

	versions []engine.Version
}

func (e *fakeEngine) View(context.Context) (engine.View, error) { return e.view, e.err }

func (e *fakeEngine) ask(format string, args ...any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, fmt.Sprintf(format, args...))
	return e.err
}

func (e *fakeEngine) Restart(_ context.Context, name, by string) error {
	return e.ask("restart %s by %s", name, by)
}

func (e *fakeEngine) Retry(_ context.Context, name, by string) error {
	return e.ask("retry %s by %s", name, by)
}

func (e *fakeEngine) Hold(_ context.Context, name string, h reconcile.HoldRequest) error {
	return e.ask("hold %s until %s because %s by %s", name, h.Until.Format(time.RFC3339), h.Reason, h.By)
}

func (e *fakeEngine) Release(_ context.Context, name, by string) error {
	return e.ask("release %s by %s", name, by)
}

func (e *fakeEngine) Rollback(_ context.Context, name string, n uint64, by string) error {
	return e.ask("rollback %s to %d by %s", name, n, by)
}

func (e *fakeEngine) Versions(context.Context, string) ([]engine.Version, error) {
	return e.versions, e.err
}

func (e *fakeEngine) ConfirmPrune(_ context.Context, by string) ([]string, error) {
	return e.held, e.ask("confirm by %s", by)
}

func (e *fakeEngine) Record(_ context.Context, ev reconcile.Event) error {
	return e.ask("record %s %s: %s", ev.Container, ev.Reason, ev.Message)
}

var moment = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// serve runs a server in a new state folder until the test ends.
func serve(t *testing.T, e Engine, s Store) *Client {
	t.Helper()
	return serveAll(t, Config{Daemon: Daemon{Owner: "me", PID: 7}, Engine: e, Store: s})
}

func serveAll(t *testing.T, cfg Config) *Client {
	t.Helper()
	dir := stateDir(t)
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Handler(cfg)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return NewClient(dir)
}

// stateDir is short: the path of a socket must be.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func filledStore(t *testing.T) *statedb.Mem {
	t.Helper()
	m := statedb.NewMem()
	err := m.Save(statedb.Batch{
		Put:   []statedb.Record{{Name: "web", Revision: "1-a", Restarts: 3}},
		Specs: []statedb.Spec{{Name: "web", Revision: "1-a", JSON: []byte(`{"spec":{}}`), At: moment}},
		Files: []statedb.ManifestFile{{Path: "web.yaml", Text: []byte("x: y"), At: moment}},
		Entries: []statedb.Entry{
			{At: moment, Container: "web", Type: "Normal", Action: "start", Reason: "FirstStart"},
			{At: moment, Container: "db", Type: "Warning", Reason: "BackOff", Message: "exited with 1"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestClientAndServerAgree(t *testing.T) {
	actual := []driver.Status{{Ref: driver.Ref{Name: "web", Revision: "1-a"}, State: driver.Running, PID: 42, Started: moment}}
	view := engine.View{At: moment, Started: true, Containers: []reconcile.ContainerStatus{{Name: "web", State: reconcile.StateRunning, Actual: actual}}}
	c := serve(t, &fakeEngine{view: view, held: []string{"a", "b"}}, filledStore(t))
	ctx := t.Context()

	v, err := c.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	view.Containers[0].Actual = nil // told once, for all
	if diff := cmp.Diff(View{Daemon: Daemon{Owner: "me", PID: 7}, View: view, Actual: actual}, v); diff != "" {
		t.Errorf("View (-want +got):\n%s", diff)
	}
	m, err := c.Memory(ctx)
	if err != nil || len(m.Records) != 1 || m.Records[0].Restarts != 3 || string(m.Files[0].Text) != "x: y" {
		t.Errorf("Memory = %+v, %v", m, err)
	}
	specs, err := c.Specs(ctx, "web")
	if diff := cmp.Diff([]Spec{{"1-a", moment, json.RawMessage(`{"spec":{}}`)}}, specs); err != nil || diff != "" {
		t.Errorf("Specs: %v (-want +got):\n%s", err, diff)
	}
	if specs, err := c.Specs(ctx, "no/such?name"); err != nil || len(specs) != 0 {
		t.Errorf("Specs of a name that is not kept = %v, %v", specs, err)
	}
	done, err := c.ConfirmPrune(ctx)
	if diff := cmp.Diff(Confirmed{Released: []string{"a", "b"}}, done); err != nil || diff != "" {
		t.Errorf("ConfirmPrune: %v (-want +got):\n%s", err, diff)
	}
}

func TestErrorsAreTold(t *testing.T) {
	c := serve(t, &fakeEngine{err: engine.ErrStopped}, statedb.NewMem())
	if _, err := c.View(t.Context()); err == nil || !strings.Contains(err.Error(), engine.ErrStopped.Error()) {
		t.Errorf("View = %v, want the error of the engine", err)
	}
}

func TestBadRequests(t *testing.T) {
	h := Handler(Config{Engine: &fakeEngine{}, Store: statedb.NewMem()})
	for _, tt := range []struct {
		method, path string
		want         int
		code         string
	}{
		{"GET", "/v1/events?limit=many", http.StatusBadRequest, CodeBadRequest},
		{"GET", "/v1/events?limit=-1", http.StatusBadRequest, CodeBadRequest},
		{"GET", "/v1/events?limt=1", http.StatusBadRequest, CodeBadRequest},
		{"GET", "/v1/events?limit=1&limit=2", http.StatusBadRequest, CodeBadRequest},
		{"GET", "/v1/confirm-prune", http.StatusMethodNotAllowed, CodeMethodNotAllowed},
		{"POST", "/v1/view", http.StatusMethodNotAllowed, CodeMethodNotAllowed},
		{"GET", "/v1/stats/web", http.StatusNotFound, CodeNotFound},
		{"GET", "/v2/view", http.StatusNotFound, CodeNotFound},
		{"POST", "/v1/exec/web?command=ls", http.StatusBadRequest, CodeBadRequest},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		var f Failure
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != tt.want || f.Code != tt.code || f.Message == "" || f.Hint == "" {
			t.Errorf("%s %s = %d %s, want %d %s with a hint", tt.method, tt.path, w.Code, w.Body, tt.want, tt.code)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	for _, dir := range []string{stateDir(t), filepath.Join(stateDir(t), "not", "there")} {
		_, err := NewClient(dir).View(t.Context())
		advised, ok := errors.AsType[*notReached](err)
		if !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), Address(dir)) || !ok || !strings.Contains(advised.Advice(), "hcs-reconcile run --state-dir "+dir) {
			t.Errorf("View without a daemon = %v, want ErrNoDaemon with the address, and how to start one", err)
		}
	}
}
