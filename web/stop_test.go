package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/web"
)

// pipes is a listener without a network, which a bubble can see into.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

// TestServeEnds stops the server while an answer takes work long.
func TestServeEnds(t *testing.T) {
	tests := []struct {
		name     string
		work     time.Duration
		ends     time.Duration
		answered bool
	}{
		{"an answer under way is finished", 2 * time.Second, 2 * time.Second, true},
		{"one that takes too long is cut off", 20 * time.Second, 3 * time.Second, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { serveEnds(t, tc.work, tc.ends, tc.answered) })
		})
	}
}

func serveEnds(t *testing.T, work, ends time.Duration, answered bool) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(work):
				_, _ = io.WriteString(w, "done")
			case <-r.Context().Done():
			}
		}))
	}()
	client, server := net.Pipe()
	l.conns <- server
	got := make(chan string, 1)
	go func() {
		_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		body, _ := io.ReadAll(client)
		got <- string(body)
	}()
	synctest.Wait()
	start := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	// http.Server looks every so often whether its connections are idle.
	if took := time.Since(start); took < ends || took > ends+time.Second {
		t.Errorf("ended after %v, want about %v", took, ends)
	}
	if body := <-got; strings.Contains(body, "done") != answered {
		t.Errorf("answer %q", body)
	}
}

// TestMetricsAreShownInPart: what can be gathered is needed most when the rest cannot.
func TestMetricsAreShownInPart(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "good", Help: "Good."}))
	o := options(good(), nil)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.Gatherer = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		fs, err := reg.Gather()
		return fs, errors.Join(err, errors.New("collected twice"))
	})
	w := ask(o, http.MethodGet, "/metrics")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "good 0") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "collected twice") {
		t.Errorf("the log has only %q", &log)
	}
}
