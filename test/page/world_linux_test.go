package page

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

// world is what a page is told, where no daemon could be brought to say it.
type world struct {
	mu      sync.Mutex
	view    engine.View
	events  []statedb.Entry
	lines   []page.Line
	fields  []manifest.FieldChange
	usage   page.Usage
	page    *page.Page
	address string
	srv     *http.Server
	t       *testing.T
}

// host serves w as the daemon would.
func host(t *testing.T, w *world) *world {
	t.Helper()
	w.t = t
	w.page = page.New(page.Options{
		View: func(context.Context) (engine.View, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			v := w.view
			v.Containers = append([]reconcile.ContainerStatus{}, w.view.Containers...)
			v.At = time.Now()
			return v, nil
		},
		History: func(name string, limit int) ([]statedb.Entry, error) {
			var some []statedb.Entry
			for _, e := range w.events {
				if (name == "" || e.Container == name) && len(some) < limit {
					some = append(some, e)
				}
			}
			return some, nil
		},
		Tail: func(context.Context, string, int) ([]page.Line, error) { return w.lines, nil },
		Differences: func(context.Context, reconcile.ContainerStatus) ([]manifest.FieldChange, error) {
			return w.fields, nil
		},
		Usage: &w.usage, Log: slog.New(slog.DiscardHandler), Host: "shop-host-07", Owner: "default", Driver: "hcs", Version: "v1.4.0",
	})
	w.serve("127.0.0.1:0")
	t.Cleanup(w.stop)
	return w
}

func (w *world) serve(address string) {
	w.t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = l.Addr().String()
	w.srv = web.Server("", web.Handler(web.Options{
		View: func(context.Context) (engine.View, error) { return w.view, nil }, Page: w.page,
		History:  func(string, int) ([]statedb.Entry, error) { return nil, nil },
		Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Listen: []string{"127.0.0.1:0"},
	}))
	go func() { _ = w.srv.Serve(l) }()
}

// stop cuts all connections, as a daemon that is killed does.
func (w *world) stop() { _ = w.srv.Close() }

func (w *world) url(path string) string { return "http://" + w.address + path }

// change changes the view, and lets the page hear of it as the engine does.
func (w *world) change(f func(v *engine.View)) {
	w.mu.Lock()
	f(&w.view)
	w.mu.Unlock()
	w.page.Observe(reconcile.Event{})
}

// running is a container without troubles.
func running(name string) reconcile.ContainerStatus {
	return reconcile.ContainerStatus{
		Name: name, Desired: manifest.DesiredRunning, State: reconcile.StateRunning, Reason: reconcile.UpToDate, Ready: true, Settled: true,
		Since: time.Now().Add(-3 * time.Hour), Started: time.Now().Add(-3 * time.Hour), Source: name + ".yaml", Line: 1,
		Revision: "1-9f6fb07780f0ea80", RunningRevision: "1-9f6fb07780f0ea80", PID: 4711,
	}
}

// many are n containers c0000, c0001 …
func many(n int) engine.View {
	v := engine.View{Started: true, Synced: time.Now()}
	for i := range n {
		v.Containers = append(v.Containers, running(fmt.Sprintf("c%04d", i)))
	}
	return v
}

// foreign is a container of somebody else.
func foreign(id, owner string) driver.Foreign {
	return driver.Foreign{ID: id, Owner: owner, State: driver.Running}
}
