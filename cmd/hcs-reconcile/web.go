package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/web"
)

// website is the listener for metrics and the read-only API; nil: there is none.
type website struct {
	listener net.Listener
	handler  http.Handler
}

// newWebsite listens before the daemon says that it has started.
func newWebsite(address string, d *daemon, reg prometheus.Gatherer) (*website, error) {
	if address == "" || address == "none" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: already in use; choose another --web.listen-address, or none", address)
	}
	if err != nil {
		return nil, fmt.Errorf("open --web.listen-address: %w", err)
	}
	b := thisBuild()
	return &website{l, web.Handler(web.Options{
		View: d.engine.View, History: d.host.store.History, Gatherer: reg, Log: d.log, Listen: address,
		Version: web.Version{Version: b.Version, Revision: b.Revision, GoVersion: b.Go, OS: runtime.GOOS, Arch: runtime.GOARCH},
	})}, nil
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
	if err := web.Serve(ctx, w.listener, w.handler); err != nil {
		return fmt.Errorf("serve web: %w", err)
	}
	return nil
}
