package probe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/probe"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask makes one probe with a driver that has no addresses of its own.
func ask(t *testing.T, p manifest.Probe) reconcile.ProbeResult {
	t.Helper()
	if p.TimeoutSeconds == 0 {
		p.TimeoutSeconds = 10
	}
	return probe.New(nil, "test").Probe(t.Context(), reconcile.ProbeOp{Probe: &p})
}

func want(t *testing.T, r reconcile.ProbeResult, o reconcile.Outcome, message string) {
	t.Helper()
	if r.Outcome != o || !strings.Contains(r.Message, message) {
		t.Errorf("got %s: %q, want %s: %q", r.Outcome, r.Message, o, message)
	}
}

func portOf(t *testing.T, address string) int32 {
	t.Helper()
	_, text, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// closed is a port that nobody listens on.
func closed(t *testing.T) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(t, l.Addr().String())
}

func get(t *testing.T, server *httptest.Server, path string, change ...func(*manifest.HTTPGetAction)) manifest.Probe {
	g := &manifest.HTTPGetAction{Port: portOf(t, server.URL), Path: path, Scheme: "HTTP"}
	if server.TLS != nil {
		g.Scheme = "HTTPS"
	}
	for _, c := range change {
		c(g)
	}
	return manifest.Probe{HTTPGet: g}
}

func pages(t *testing.T) http.Handler {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	t.Cleanup(elsewhere.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/status/503", http.StatusFound) })
	mux.HandleFunc("/ring", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/ring?secret=hunter2", http.StatusFound)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) {
		text := fmt.Sprint(r.Host, r.UserAgent(), r.Header["Accept"], r.Header["X-A"], r.URL.RawQuery)
		if text != "shop.exampletest[*/*] [b c]q=1" {
			t.Errorf("the request has %s", text)
		}
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	return mux
}

func TestHTTP(t *testing.T) {
	for _, start := range []func(http.Handler) *httptest.Server{httptest.NewServer, httptest.NewTLSServer} {
		server := start(pages(t))
		defer server.Close()
		for code, outcome := range map[int]reconcile.Outcome{200: "success", 204: "success", 399: "success", 400: "failure", 404: "failure", 503: "failure"} {
			want(t, ask(t, get(t, server, fmt.Sprintf("/status/%d", code))), outcome, fmt.Sprintf("HTTP status %d", code))
		}
		want(t, ask(t, get(t, server, "/once")), "failure", "HTTP status 503") // redirects on the host are followed
		want(t, ask(t, get(t, server, "/away")), "success", "HTTP status 302")
		ring := ask(t, get(t, server, "/ring"))
		want(t, ring, "failure", "stopped after 10 redirects")
		if strings.Contains(ring.Message, "hunter2") {
			t.Errorf("a URL is shown: %s", ring.Message)
		}
		want(t, ask(t, get(t, server, "/endless")), "success", "HTTP status 200")
		slow := get(t, server, "/slow")
		slow.TimeoutSeconds = 1
		want(t, ask(t, slow), "failure", "no answer within 1s")
		want(t, ask(t, get(t, server, "/headers?q=1", func(g *manifest.HTTPGetAction) {
			g.HTTPHeaders = []manifest.HTTPHeader{{Name: "host", Value: "shop.example"}, {Name: "x-a", Value: "b"}, {Name: "X-A", Value: "c"}}
		})), "success", "")
	}
}

func TestHTTPWithoutAServer(t *testing.T) {
	p := manifest.Probe{HTTPGet: &manifest.HTTPGetAction{Port: closed(t), Path: "/?password=hunter2", Scheme: "HTTP"}}
	r := ask(t, p)
	want(t, r, "failure", "refused")
	if strings.Contains(r.Message, "hunter2") {
		t.Errorf("a query is shown: %s", r.Message)
	}
	garbage := listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1)) // one that speaks first would be told of in other words
		_, _ = io.WriteString(c, "\x00\xffgarbage\x1b[31m\r\n\r\n")
	})
	r = ask(t, manifest.Probe{HTTPGet: &manifest.HTTPGetAction{Port: garbage, Path: "/", Scheme: "HTTP"}})
	want(t, r, "failure", "malformed HTTP")
	if strings.ContainsAny(r.Message, "\x1b\r\n\x00") {
		t.Errorf("the message can steer a terminal: %q", r.Message)
	}
	want(t, ask(t, manifest.Probe{HTTPGet: &manifest.HTTPGetAction{Port: garbage, Path: "/", Scheme: "HTTPS"}}), "failure", "")
}

// listen serves one connection after the other with f.
func listen(t *testing.T, f func(net.Conn)) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	}()
	return portOf(t, l.Addr().String())
}

func TestTCP(t *testing.T) {
	open := listen(t, func(net.Conn) {})
	want(t, ask(t, manifest.Probe{TCPSocket: &manifest.TCPSocketAction{Port: open}}), "success", "connected")
	want(t, ask(t, manifest.Probe{TCPSocket: &manifest.TCPSocketAction{Port: open, Host: "localhost"}}), "success", "connected")
	want(t, ask(t, manifest.Probe{TCPSocket: &manifest.TCPSocketAction{Port: closed(t)}}), "failure", "refused")
}

func TestGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, states := grpc.NewServer(), health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, states)
	states.SetServingStatus("down", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	go func() { _ = server.Serve(l) }()
	defer server.Stop()
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := grpc.NewServer()
	go func() { _ = plain.Serve(bare) }()
	defer plain.Stop()
	call := func(port int32, service string) manifest.Probe {
		return manifest.Probe{GRPC: &manifest.GRPCAction{Port: port, Service: service}, TimeoutSeconds: 2}
	}
	port := portOf(t, l.Addr().String())
	want(t, ask(t, call(port, "")), "success", "SERVING")
	want(t, ask(t, call(port, "down")), "failure", "NOT_SERVING")
	want(t, ask(t, call(port, "none")), "failure", `does not know the service "none"`)
	want(t, ask(t, call(portOf(t, bare.Addr().String()), "")), "failure", "has no gRPC health service")
	want(t, ask(t, call(closed(t), "")), "failure", "refused")
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	want(t, ask(t, call(silent, "")), "failure", "")
	garbage := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	want(t, ask(t, call(garbage, "")), "failure", "")
}

// bed is a fake host with one running container.
func bed(t *testing.T, program func(driver.Process) fake.Program) (*fake.Driver, reconcile.ProbeOp) {
	t.Helper()
	host := fake.NewHost(fake.Options{Program: func(_ *manifest.Container, p driver.Process) fake.Program { return program(p) }})
	d := host.Open(fake.Config{Owner: "me"})
	t.Cleanup(func() { _ = d.Close() })
	c := &manifest.Container{Metadata: manifest.Metadata{Name: "web"}, Revision: "1-aa"}
	r := driver.Ref{Name: "web", Revision: c.Revision}
	for _, a := range []driver.Action{driver.Create, driver.Start} {
		if err := driver.Do(t.Context(), d, a, r, c); err != nil {
			t.Fatal(err)
		}
	}
	return d, reconcile.ProbeOp{Ref: r, Container: c, Probe: &manifest.Probe{Exec: &manifest.ExecAction{Command: []string{"check"}}, TimeoutSeconds: 1}}
}

func TestExec(t *testing.T) {
	act := fake.Program{}
	d, op := bed(t, func(driver.Process) fake.Program { return act })
	p := probe.New(d, "test")
	want(t, p.Probe(t.Context(), op), "success", "exit code 0")
	act = fake.Program{Code: 3, Stdout: "not\x1b yet\n", Stderr: "  soon\n"}
	r := p.Probe(t.Context(), op)
	want(t, r, "failure", "exit code 3: ")
	if !strings.Contains(r.Message, "not yet") || !strings.Contains(r.Message, "soon") {
		t.Errorf("the output is shown as %q", r.Message)
	}
	act = fake.Program{Stdout: strings.Repeat("much ", 10_000)}
	if r := p.Probe(t.Context(), op); len(r.Message) > 300 || r.Outcome != "success" {
		t.Errorf("%s with a message of %d bytes", r.Outcome, len(r.Message))
	}
	act = fake.Program{RunFor: -1}
	want(t, p.Probe(t.Context(), op), "failure", "no answer within 1s")
	act = fake.Program{Refused: true}
	want(t, p.Probe(t.Context(), op), "failure", "no such program")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, p.Probe(ended, op), "unknown", "broken off")
	if err := driver.Do(t.Context(), d, driver.Terminate, op.Ref, nil); err != nil {
		t.Fatal(err)
	}
	act = fake.Program{}
	want(t, p.Probe(t.Context(), op), "unknown", "not running")
	want(t, ask(t, *op.Probe), "unknown", "runs no commands")
}

// housed is a driver whose containers have addresses.
type housed struct {
	driver.Driver
	host string
	err  error
}

func (h housed) Address(context.Context, driver.Ref, *manifest.Container) (string, error) {
	return h.host, h.err
}

func TestAddressOfTheContainer(t *testing.T) {
	pr := &manifest.Probe{TCPSocket: &manifest.TCPSocketAction{Port: listen(t, func(net.Conn) {})}, TimeoutSeconds: 10}
	op := reconcile.ProbeOp{Probe: pr}
	want(t, probe.New(housed{host: "localhost"}, "test").Probe(t.Context(), op), "success", "localhost")
	want(t, probe.New(housed{err: errors.New("no endpoint")}, "test").Probe(t.Context(), op), "unknown", "no endpoint")
}

func TestHooks(t *testing.T) {
	act := fake.Program{Code: 3, Stdout: "no"}
	d, op := bed(t, func(driver.Process) fake.Program { return act })
	p := probe.New(d, "test")
	run := func(ctx context.Context, h *manifest.Hook) error {
		return p.Hook(ctx, reconcile.HookOp{Ref: op.Ref, Container: op.Container, Hook: h})
	}
	exec := &manifest.Hook{Exec: &manifest.ExecAction{Command: []string{"x"}}}
	if err := run(t.Context(), exec); err == nil || !strings.Contains(err.Error(), "exit code 3: no") {
		t.Errorf("a hook that fails: %v", err)
	}
	act = fake.Program{}
	if err := run(t.Context(), exec); err != nil {
		t.Errorf("a hook that succeeds: %v", err)
	}
	server := httptest.NewServer(pages(t))
	defer server.Close()
	if err := run(t.Context(), &manifest.Hook{HTTPGet: get(t, server, "/status/500").HTTPGet}); err != nil {
		t.Errorf("any answer is a success, as a Pod's: %v", err)
	}
	if err := run(t.Context(), &manifest.Hook{HTTPGet: &manifest.HTTPGetAction{Port: closed(t), Path: "/", Scheme: "HTTP"}}); err == nil {
		t.Error("a hook without an answer succeeds")
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := run(short, &manifest.Hook{Sleep: &manifest.SleepAction{Seconds: 100}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hook that is broken off: %v", err)
	}
	if err := run(t.Context(), &manifest.Hook{Sleep: &manifest.SleepAction{}}); err != nil {
		t.Errorf("no sleep: %v", err)
	}
}
