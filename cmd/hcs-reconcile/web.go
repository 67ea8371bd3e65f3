package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// website is the listener for metrics and the status page; nil: there is none.
type website struct {
	listener net.Listener
	handler  http.Handler
}

func newWebsite(address string, _ *daemon, reg *prometheus.Registry) (*website, error) {
	if address == "" || address == "none" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen for the web on %s: already in use; choose another --web.listen-address, or none", address)
		}
		return nil, fmt.Errorf("listen for the web: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return &website{l, mux}, nil
}

func (w *website) address() string {
	if w == nil {
		return ""
	}
	return w.listener.Addr().String()
}

func (w *website) close() error {
	if w == nil {
		return nil
	}
	return w.listener.Close()
}

func (w *website) serve(ctx context.Context) error {
	if w == nil {
		return nil
	}
	srv := &http.Server{Handler: w.handler, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve web: %w", err)
	}
	return nil
}
