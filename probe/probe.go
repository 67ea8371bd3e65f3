// Package probe does what probes and lifecycle hooks ask for: it runs commands
// in containers, and asks them over HTTP, TCP, gRPC and named pipes, as the
// kubelet does. When that is done, and what follows from the answer, is decided
// by package reconcile; this one decides nothing and remembers nothing.
//
// Nothing that it returns holds a secret of a manifest: no header, no query of
// a URL. The output of a command is shown, so a probe must not print secrets.
//
// A Prober may be used by many goroutines. A call returns soon after its
// context ends; only a command that the system does not end at once can delay
// it, by as long as driver.Session.Close takes. No goroutine outlives the call.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Prober makes probes of containers that one driver runs.
type Prober struct {
	driver driver.Driver
	web    *web
}

var _ engine.Prober = (*Prober)(nil)

// New returns a Prober. agent names the program in requests. Commands can be
// run if d is a driver.Execer, and containers are reached at loopback unless it
// is a driver.Addresser.
func New(d driver.Driver, agent string) *Prober {
	return &Prober{driver: d, web: newWeb(agent)}
}

// Probe makes one probe, within the timeout of its manifest.
func (p *Prober) Probe(ctx context.Context, op reconcile.ProbeOp) reconcile.ProbeResult {
	limit := time.Duration(op.Probe.TimeoutSeconds) * time.Second
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	message, err := p.ask(limited, op)
	r := reconcile.ProbeResult{Outcome: reconcile.ProbeSuccess, Message: message, Took: time.Since(began)}
	switch {
	case err == nil:
	case ctx.Err() != nil: // the daemon ends
		r.Outcome, r.Message = reconcile.ProbeUnknown, "the probe was broken off"
	case limited.Err() != nil:
		r.Outcome, r.Message = reconcile.ProbeFailure, fmt.Sprintf("no answer within %s", limit)
	default:
		r.Outcome, r.Message = reconcile.ProbeFailure, clip(err.Error())
		if errors.As(err, new(unmade)) {
			r.Outcome = reconcile.ProbeUnknown
		}
	}
	return r
}

// unmade is the error of a probe that could not be made: it says nothing of
// the container.
type unmade struct{ error }

func (u unmade) Unwrap() error { return u.error }

// ask returns what a success looked like, or why it is none.
func (p *Prober) ask(ctx context.Context, op reconcile.ProbeOp) (string, error) {
	pr := op.Probe
	switch {
	case pr.Exec != nil:
		return p.run(ctx, op.Ref, op.Container, pr.Exec.Command)
	case pr.NamedPipe != nil:
		return openPipe(ctx, pr.NamedPipe.Path)
	}
	var host string
	var port int32
	switch {
	case pr.HTTPGet != nil:
		host, port = pr.HTTPGet.Host, pr.HTTPGet.Port
	case pr.TCPSocket != nil:
		host, port = pr.TCPSocket.Host, pr.TCPSocket.Port
	case pr.GRPC != nil:
		port = pr.GRPC.Port
	default:
		return "", unmade{errors.New("the probe has no action")}
	}
	address, err := p.address(ctx, op.Ref, op.Container, host, port)
	if err != nil {
		return "", unmade{err}
	}
	switch {
	case pr.HTTPGet != nil:
		return p.web.probe(ctx, address, pr.HTTPGet)
	case pr.GRPC != nil:
		return askHealth(ctx, address, pr.GRPC.Service, p.web.agent)
	default:
		return connect(ctx, address)
	}
}

// address is where a port of the container can be reached.
func (p *Prober) address(ctx context.Context, r driver.Ref, c *manifest.Container, host string, port int32) (string, error) {
	if host == "" {
		host = "127.0.0.1"
		if a, ok := p.driver.(driver.Addresser); ok {
			var err error
			if host, err = a.Address(ctx, r, c); err != nil {
				return "", err
			}
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
}

// connect succeeds when the port accepts a connection.
func connect(ctx context.Context, address string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	_ = conn.Close() // it was only to see
	return "connected to " + address, nil
}

// Hook runs one hook, until ctx ends at most.
func (p *Prober) Hook(ctx context.Context, op reconcile.HookOp) error {
	switch h := op.Hook; {
	case h == nil:
		return nil // it was edited away meanwhile
	case h.Exec != nil:
		_, err := p.run(ctx, op.Ref, op.Container, h.Exec.Command)
		return err
	case h.HTTPGet != nil:
		address, err := p.address(ctx, op.Ref, op.Container, h.HTTPGet.Host, h.HTTPGet.Port)
		if err != nil {
			return err
		}
		return p.web.hook(ctx, address, h.HTTPGet)
	case h.Sleep != nil:
		t := time.NewTimer(time.Duration(h.Sleep.Seconds) * time.Second)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	default:
		return errors.New("the hook has no action")
	}
}

// shown is how much of a message is kept, in bytes.
const shown = 256

// clip makes one short line of a text.
func clip(text string) string {
	text = oneLine(text)
	if len(text) > shown {
		text = text[:shown] + "…"
	}
	return text
}
