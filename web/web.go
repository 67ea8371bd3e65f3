// Package web is the daemon's HTTP endpoint: metrics, health, and what the
// engine knows as JSON.
//
// It only reads. No request changes anything, so any method but GET and HEAD is
// refused; commands go over the local socket. It asks the engine with a
// deadline and never waits longer. All of it is safe for concurrent use.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

// Options are what the pages are made from. All but Listen and Page are needed.
type Options struct {
	View     func(context.Context) (engine.View, error)                 // Engine.View
	History  func(container string, limit int) ([]statedb.Entry, error) // Store.History
	Gatherer prometheus.Gatherer
	Version  Version
	Log      *slog.Logger
	Page     *page.Page // the status page; nil: / lists the other pages
	// Listen are the addresses of the listeners as they were asked for, host:port.
	// Over loopback only requests that name this machine or one of these hosts
	// are answered: a web page that a browser of this machine shows must not
	// read the daemon through a name of its own.
	Listen []string
	// Protected is Endpoint.Protected: without it other hosts may read the
	// metrics and the health, and nothing else. nil: nothing is protected.
	Protected func() bool
	Profiles  bool // serve Go's profiles below /debug/pprof/
}

// Version is the program that answers.
type Version struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	GoVersion string `json:"goVersion"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
}

// Handler serves all pages.
func Handler(o Options) http.Handler {
	p := &pages{Options: o}
	mux := http.NewServeMux()
	for _, r := range p.routes() {
		mux.HandleFunc(r.pattern, r.serve)
	}
	return secure(readOnly(knownHost(o.Listen, exposed(o.Protected, mux))))
}

// route is one page. All are listed in routes, so that a test can walk them.
type route struct {
	pattern string
	serve   http.HandlerFunc
}

func (p *pages) routes() []route {
	all := []route{
		{"/metrics", metricsHandler(p.Options).ServeHTTP},
		{"/healthz", p.health},
		{"/readyz", p.ready},
		{"/api/v1/status", p.status},
		{"/api/v1/containers", p.containers},
		{"/api/v1/containers/{name}", p.container},
		{"/api/v1/events", p.events},
		{"/api/v1/version", p.version},
		{"/", p.notFound},
	}
	if p.Page != nil {
		for pattern, serve := range p.Page.Routes() {
			all = append(all, route{pattern, serve})
		}
	} else {
		all = append(all, route{"/{$}", p.index})
	}
	if p.Profiles {
		all = append(all, profiles...)
	}
	return all
}

// profiles are Go's own pages about the running program. The ways to change
// something with them are POST, which is refused.
var profiles = []route{
	{"/debug/pprof/", pprof.Index},
	{"/debug/pprof/cmdline", pprof.Cmdline},
	{"/debug/pprof/profile", pprof.Profile},
	{"/debug/pprof/symbol", pprof.Symbol},
	{"/debug/pprof/trace", pprof.Trace},
}

// metricsHandler shows what it can where some metrics cannot be gathered: the
// others are needed most when something is wrong.
func metricsHandler(o Options) http.Handler {
	opts := promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorHandling:     promhttp.ContinueOnError,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
	}
	packed := promhttp.HandlerFor(o.Gatherer, opts)
	opts.DisableCompression = true // takes longer than loopback, a third of a large scrape
	plain := promhttp.HandlerFor(o.Gatherer, opts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if near(localAddr(r)) {
			plain.ServeHTTP(w, r)
		} else {
			packed.ServeHTTP(w, r)
		}
	})
}

type pages struct{ Options }
