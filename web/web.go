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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Options are what the pages are made from. All but Listen are needed.
type Options struct {
	View     func(context.Context) (engine.View, error)                 // Engine.View
	History  func(container string, limit int) ([]statedb.Entry, error) // Store.History
	Gatherer prometheus.Gatherer
	Version  Version
	Log      *slog.Logger
	// Listen is the address of the listener, as host:port. Where the host is a
	// loopback address, or Listen is empty, only requests that name this machine
	// are answered: a web page that a browser of this machine shows must not
	// read the daemon through a name of its own.
	Listen string
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
	mux.HandleFunc("/{$}", p.index)
	mux.Handle("/metrics", metricsHandler(o))
	mux.HandleFunc("/healthz", p.health)
	mux.HandleFunc("/readyz", p.ready)
	mux.HandleFunc("/api/v1/status", p.status)
	mux.HandleFunc("/api/v1/containers", p.containers)
	mux.HandleFunc("/api/v1/containers/{name}", p.container)
	mux.HandleFunc("/api/v1/events", p.events)
	mux.HandleFunc("/api/v1/version", p.version)
	mux.HandleFunc("/", p.notFound)
	return secure(readOnly(knownHost(o.Listen, mux)))
}

// metricsHandler shows what it can where some metrics cannot be gathered: the
// others are needed most when something is wrong.
func metricsHandler(o Options) http.Handler {
	return promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorHandling:     promhttp.ContinueOnError,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
	})
}

type pages struct{ Options }
