package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/web"
)

// webSettings are the flags of the web endpoint.
type webSettings struct {
	listen     []string
	systemd    bool
	configFile string
	native     bool // histograms
	profiles   bool
}

// none reports whether there shall be no web endpoint.
func (w webSettings) none() bool {
	return !w.systemd && (len(w.listen) == 0 || slices.Equal(w.listen, []string{""}) || slices.Equal(w.listen, []string{"none"}))
}

func (w webSettings) check() error {
	if len(w.listen) > 1 && slices.Contains(w.listen, "none") {
		return errors.New("web.listen-address: none stands alone")
	}
	return nil
}

// website is the endpoint for metrics, status page and the read-only API; nil:
// there is none.
type website struct {
	endpoint *web.Endpoint
	handler  http.Handler
}

// newWebsite listens before the daemon says that it has started.
func newWebsite(s webSettings, d *daemon, reg prometheus.Gatherer) (*website, error) {
	if s.none() {
		return nil, nil
	}
	e, err := web.Listen(web.EndpointOptions{Addresses: s.listen, Systemd: s.systemd, ConfigFile: s.configFile, Log: d.log})
	if err != nil {
		return nil, err
	}
	b := thisBuild()
	return &website{e, web.Handler(web.Options{
		View: d.engine.View, History: d.host.store.History, Gatherer: reg, Log: d.log, Page: d.page,
		Listen: s.listen, Protected: e.Protected, Profiles: s.profiles,
		Version: web.Version{Version: b.Version, Revision: b.Revision, GoVersion: b.Go, OS: runtime.GOOS, Arch: runtime.GOARCH},
	})}, nil
}

// address lists where the endpoint is, with commas.
func (w *website) address() string {
	if w == nil {
		return ""
	}
	return strings.Join(w.endpoint.Addresses(), ",")
}

func (w *website) close() error {
	if w == nil {
		return nil
	}
	return w.endpoint.Close()
}

func (w *website) serve(ctx context.Context) error {
	if w == nil {
		return nil
	}
	if err := w.endpoint.Serve(ctx, w.handler); err != nil {
		return fmt.Errorf("serve web: %w", err)
	}
	return nil
}
