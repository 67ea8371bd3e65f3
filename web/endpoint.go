package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
)

// EndpointOptions say where the pages are served, and how they are protected.
type EndpointOptions struct {
	Addresses []string // host:port each; not used with Systemd
	Systemd   bool     // take the sockets that systemd hands over instead
	// ConfigFile is a web configuration of the Prometheus exporter-toolkit: TLS,
	// client certificates, basic authentication. It is read again for each
	// connection and request, so certificates and users change without a
	// restart. "": none of these.
	ConfigFile string
	Log        *slog.Logger
}

// Endpoint is a set of open listeners. Make it with Listen.
type Endpoint struct {
	o         EndpointOptions
	listeners []net.Listener
}

// Listen checks the configuration and opens all listeners, or none.
func Listen(o EndpointOptions) (*Endpoint, error) {
	if err := toolkit.Validate(o.ConfigFile); err != nil {
		return nil, fmt.Errorf("read --web.config.file %s: %w", o.ConfigFile, err)
	}
	e := &Endpoint{o: o}
	if o.Systemd {
		return e, e.takeOver()
	}
	for _, address := range o.Addresses {
		l, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("listen on %s: already in use; choose another --web.listen-address, or none", address)
		} else if err != nil {
			err = fmt.Errorf("open --web.listen-address: %w", err)
		}
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.listeners = append(e.listeners, l)
	}
	return e, nil
}

func (e *Endpoint) takeOver() error {
	if runtime.GOOS != "linux" {
		return errors.New("use --web.systemd-socket: there is no systemd on this system; use --web.listen-address")
	}
	ls, err := activation.Listeners()
	if err != nil {
		return fmt.Errorf("take sockets from systemd: %w", err)
	}
	for _, l := range ls {
		if l != nil { // of another kind
			e.listeners = append(e.listeners, l)
		}
	}
	if len(e.listeners) == 0 {
		return errors.New("take sockets from systemd: there are none; start the service by its .socket unit, or leave out --web.systemd-socket")
	}
	return nil
}

// Addresses are those that are listened on, with the ports that the system chose.
func (e *Endpoint) Addresses() []string {
	var as []string
	for _, l := range e.listeners {
		as = append(as, l.Addr().String())
	}
	return as
}

// Close closes what was never served.
func (e *Endpoint) Close() error {
	var err error
	for _, l := range e.listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Serve answers on all listeners until ctx ends or one of them fails, as Serve
// does, and closes them.
func (e *Endpoint) Serve(ctx context.Context, h http.Handler) error {
	e.warn()
	flags := &toolkit.FlagConfig{WebConfigFile: &e.o.ConfigFile}
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range e.listeners {
		// Each has a server of its own: the toolkit changes the one it is given.
		srv := Server("", h)
		srv.ErrorLog = slog.NewLogLogger(e.o.Log.Handler(), slog.LevelDebug) // failed handshakes and the like
		g.Go(func() error {
			defer l.Close() // where the toolkit never came to it
			return serve(ctx, srv, func() error { return toolkit.Serve(l, srv, flags, quiet(e.o.Log)) })
		})
	}
	return g.Wait()
}

// warn tells once, and loudly, of what everybody on the network can read.
func (e *Endpoint) warn() {
	if e.Protected() {
		return
	}
	for _, l := range e.listeners {
		if !near(l.Addr()) {
			e.o.Log.Warn("metrics can be read from other hosts without TLS and authentication, and the status page and the API are refused there; "+
				"--web.config.file protects them", "web", l.Addr().String())
		}
	}
}

// Protected reports whether all that is served is encrypted, and shown only to
// who has a password or a certificate. It reads the configuration anew.
func (e *Endpoint) Protected() bool {
	if e.o.ConfigFile == "" {
		return false
	}
	text, err := os.ReadFile(e.o.ConfigFile)
	if err != nil {
		return false
	}
	var c toolkit.Config
	if err := yaml.Unmarshal(text, &c); err != nil {
		return false
	}
	asks := len(c.Users) > 0 || c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert"
	return asks && c.TLSConfig.IsEnabled()
}
