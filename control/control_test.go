package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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

// fakeEngine answers with what it holds, or with err.
type fakeEngine struct {
	view engine.View
	held []string
	err  error
}

func (e *fakeEngine) View(context.Context) (engine.View, error) { return e.view, e.err }

func (e *fakeEngine) ConfirmPrune(context.Context, string) ([]string, error) { return e.held, e.err }

var moment = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// serve runs a server in a new state folder until the test ends.
func serve(t *testing.T, e Engine, s Store) *Client {
	t.Helper()
	dir := stateDir(t)
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Handler(Daemon{Owner: "me", PID: 7}, e, s)) }()
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

func TestEvents(t *testing.T) {
	c := serve(t, &fakeEngine{}, filledStore(t))
	all, err := c.Events(t.Context(), "", 0)
	if err != nil || len(all) != 2 || all[0].Container != "db" || all[0].Message != "exited with 1" {
		t.Errorf("Events of all = %+v, %v; want two, newest first", all, err)
	}
	if web, err := c.Events(t.Context(), "web", 0); err != nil || len(web) != 1 || web[0].Action != "start" {
		t.Errorf("Events of web = %+v, %v", web, err)
	}
	if one, err := c.Events(t.Context(), "", 1); err != nil || len(one) != 1 {
		t.Errorf("Events with a limit of 1 = %+v, %v", one, err)
	}
}

func TestErrorsAreTold(t *testing.T) {
	c := serve(t, &fakeEngine{err: engine.ErrStopped}, statedb.NewMem())
	if _, err := c.View(t.Context()); err == nil || !strings.Contains(err.Error(), engine.ErrStopped.Error()) {
		t.Errorf("View = %v, want the error of the engine", err)
	}
}

func TestBadRequests(t *testing.T) {
	h := Handler(Daemon{}, &fakeEngine{}, statedb.NewMem())
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/v1/events?limit=many", http.StatusBadRequest},
		{"GET", "/v1/events?limit=-1", http.StatusBadRequest},
		{"GET", "/v1/confirm-prune", http.StatusMethodNotAllowed},
		{"POST", "/v1/view", http.StatusMethodNotAllowed},
		{"GET", "/v2/view", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.want {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	for _, dir := range []string{stateDir(t), filepath.Join(stateDir(t), "not", "there")} {
		_, err := NewClient(dir).View(t.Context())
		if !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), Address(dir)) {
			t.Errorf("View without a daemon = %v, want ErrNoDaemon with the address", err)
		}
	}
}
