package page

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is an engine that says what it is told to say.
type stage struct {
	mu    sync.Mutex
	view  engine.View
	err   error
	looks int
}

func (s *stage) look(context.Context) (engine.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	v := s.view
	v.Containers = append([]reconcile.ContainerStatus{}, s.view.Containers...)
	return v, s.err
}

func (s *stage) set(f func(v *engine.View)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.view)
}

func (s *stage) looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

func named(names ...string) (all []reconcile.ContainerStatus) {
	for _, n := range names {
		all = append(all, reconcile.ContainerStatus{Name: n, State: reconcile.StateRunning, Reason: reconcile.UpToDate, Ready: true, Desired: "Running"})
	}
	return all
}

func newStage(names ...string) *stage {
	return &stage{view: engine.View{Started: true, Containers: named(names...)}}
}

func (s *stage) page() *Page {
	return New(Options{
		View: s.look, History: func(string, int) ([]statedb.Entry, error) { return nil, nil },
		Log: slog.New(slog.DiscardHandler), Host: "h",
	})
}

func mux(p *Page) *http.ServeMux {
	m := http.NewServeMux()
	for pattern, serve := range p.Routes() {
		m.HandleFunc(pattern, serve)
	}
	return m
}

func get(p *Page, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux(p).ServeHTTP(w, r)
	return w
}

// TestNothingIsAskedBeforeSomebodyLooks covers a daemon whose page nobody opens.
func TestNothingIsAskedBeforeSomebodyLooks(t *testing.T) {
	s := newStage("web")
	p := s.page()
	for range 1000 {
		p.Observe(reconcile.Event{})
	}
	if n := s.looked(); n != 0 {
		t.Errorf("the engine was asked %d times", n)
	}
	if !strings.Contains(get(p, "/").Body.String(), `id="r-web"`) || s.looked() != 1 {
		t.Errorf("the first look does not show the container, or took %d questions", s.looked())
	}
}

func TestAssetsAreNamedByContent(t *testing.T) {
	p := newStage().page()
	for _, name := range []string{"page.css", "page.js", "icon-bad.svg"} {
		path, err := assetPath(name)
		if err != nil {
			t.Fatal(err)
		}
		w := get(p, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if !strings.Contains(get(p, "/").Body.String(), path) && name != "icon-bad.svg" {
			t.Errorf("%s is not on the page", path)
		}
	}
	for _, path := range []string{"/page/page.css", "/page/page.0000000000.css", "/page/..%2fpage.go", "/page/nothing"} {
		if w := get(p, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestZipped(t *testing.T) {
	s := newStage("a", "b", "c")
	plain, zipped := get(s.page(), "/"), get(s.page(), "/", "Accept-Encoding", "br, gzip")
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len()*2 > plain.Body.Len() {
		t.Errorf("%d bytes became %d, %v", plain.Body.Len(), zipped.Body.Len(), zipped.Header())
	}
}

// TestEngineDoesNotAnswer keeps what was known in sight, and says so.
func TestEngineDoesNotAnswer(t *testing.T) {
	s := newStage("web")
	p := s.page()
	get(p, "/")
	s.mu.Lock()
	s.err = errors.New("the engine has stopped")
	s.mu.Unlock()
	p.board.at = time.Time{} // long ago
	body := get(p, "/").Body.String()
	for _, want := range []string{"The daemon does not answer", "the engine has stopped", `id="r-web"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not shown", want)
		}
	}
}

// watching is one who watches a page.
func watching(t *testing.T, url string) *bufio.Scanner {
	t.Helper()
	r, err := http.Get(url + "/page/watch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %v", r.StatusCode, r.Header)
	}
	return bufio.NewScanner(r.Body)
}

// mark waits for the next message.
func mark(t *testing.T, s *bufio.Scanner) string {
	t.Helper()
	for s.Scan() {
		if m, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			return m
		}
	}
	t.Fatalf("the stream ended: %v", s.Err())
	return ""
}

func serve(t *testing.T, p *Page) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(mux(p))
	t.Cleanup(srv.Close)
	t.Cleanup(p.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return srv
}

func TestWatchTellsOfChangesAlone(t *testing.T) {
	s := newStage("web")
	p := s.page()
	srv := serve(t, p)
	w := watching(t, srv.URL)
	first := mark(t, w)
	if s := p.board.since(first); len(s.Rows) != 0 || s.Full {
		t.Errorf("what is newer than the newest: %+v", s)
	}
	s.set(func(v *engine.View) { v.Containers = append(v.Containers, named("db")...) })
	p.Observe(reconcile.Event{})
	second := mark(t, w)
	if rows := p.board.since(first).Rows; first == second || len(rows) != 1 || rows[0].Name != "db" {
		t.Errorf("after %s came %s with %+v", first, second, rows)
	}
	p.Close()
	if w.Scan(); w.Scan() {
		t.Errorf("the stream went on after Close: %q", w.Text())
	}
}

// TestWatchersAreBounded lets no crowd use up the daemon.
func TestWatchersAreBounded(t *testing.T) {
	p := newStage("web").page()
	srv := serve(t, p)
	for range maxWatchers {
		mark(t, watching(t, srv.URL))
	}
	r, err := http.Get(srv.URL + "/page/watch")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("watcher %d got %d", maxWatchers+1, r.StatusCode)
	}
}

// deaf is a client that takes nothing: a write to it fails at its deadline.
type deaf struct {
	http.ResponseWriter
	deadline time.Time
}

func (d *deaf) SetWriteDeadline(t time.Time) error { d.deadline = t; return nil }
func (d *deaf) Write([]byte) (int, error)          { return 0, fmt.Errorf("i/o timeout") }
func (d *deaf) Flush()                             {}

// TestWhoTakesNothingIsCutOff shows that a client which does not read is dropped
// with its first message, and that each message has a deadline.
func TestWhoTakesNothingIsCutOff(t *testing.T) {
	p := newStage("web").page()
	d := &deaf{ResponseWriter: httptest.NewRecorder()}
	p.watch(d, httptest.NewRequest(http.MethodGet, "/page/watch", nil)) // returns
	if d.deadline.IsZero() {
		t.Error("the message had no deadline")
	}
	if len(p.watchers) != 0 {
		t.Error("its place is not free")
	}
}

// TestSamplesOnlyWhileSomebodyWatches, and only one of them does.
func TestSamplesOnlyWhileSomebodyWatches(t *testing.T) {
	p := newStage("web").page()
	sampled, under := make(chan int, 100), make(chan struct{}, 1)
	p.Sample = func(_ context.Context, v *engine.View) {
		select {
		case under <- struct{}{}:
			sampled <- len(v.Containers)
			<-under
		default:
			t.Error("two sample at once")
		}
	}
	srv := serve(t, p)
	for range 5 {
		mark(t, watching(t, srv.URL))
	}
	if n := <-sampled; n != 1 {
		t.Errorf("%d containers sampled", n)
	}
}
