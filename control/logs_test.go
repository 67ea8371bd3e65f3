package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// serveLogs serves the real socket of a state folder with one container.
func serveLogs(t *testing.T, web reconcile.ContainerStatus) (dir string, c *Client, end func()) {
	t.Helper()
	dir = stateDir(t)
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	web.Name = "web"
	cfg := Config{
		Daemon: Daemon{StateDir: dir}, Store: statedb.NewMem(),
		Engine: &fakeEngine{view: engine.View{Containers: []reconcile.ContainerStatus{web}}},
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, Handler(cfg)) }()
	var once sync.Once
	end = func() {
		once.Do(func() {
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(end)
	return dir, NewClient(dir), end
}

func never() error { return nil }

var errEnough = errors.New("enough")

// upTo collects lines until one is met.
func upTo(last string, got *[]string) func(logs.Line) error {
	return func(l logs.Line) error {
		*got = append(*got, string(l.Text))
		if string(l.Text) == last {
			return errEnough
		}
		return nil
	}
}

func numbers(s *logs.Stream, from, to int) {
	for n := from; n < to; n++ {
		_, _ = fmt.Fprintf(s, "line %d\n", n)
	}
}

func wantNumbers(t *testing.T, got []string, from, to int) {
	t.Helper()
	var want []string
	for n := from; n < to; n++ {
		want = append(want, fmt.Sprintf("line %d", n))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines %.100q …, want line %d to %d", len(got), got, from, to)
	}
}

// TestLogFollowers: fifty readers get every line once and in order, while some
// read nothing and others vanish; the end of the daemon is the end of them all.
func TestLogFollowers(t *testing.T) {
	dir, c, end := serveLogs(t, reconcile.ContainerStatus{})
	log := logs.Open(LogDir(dir), "web", logs.Limits{MaxSize: 100_000, MaxFiles: 1000})
	s := log.Stream(logs.Stdout)
	numbers(s, 0, 1000)
	const readers, lines = 50, 20_000
	last := fmt.Sprintf("line %d", lines-1)
	var all sync.WaitGroup
	ended := make(chan struct{})
	for range readers {
		all.Go(func() {
			var got []string
			if err := c.Logs(t.Context(), "web", LogQuery{Follow: true}, upTo(last, &got), never); !errors.Is(err, errEnough) {
				t.Errorf("Logs = %v after %d lines", err, len(got))
			}
			wantNumbers(t, got, 0, lines)
		})
	}
	var others sync.WaitGroup
	for n := range 10 { // who is gone after one line, or reads no more
		others.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			err := c.Logs(ctx, "web", LogQuery{Follow: true}, func(logs.Line) error {
				if n%2 == 0 {
					return errEnough
				}
				<-ended
				return nil
			}, never)
			if err == nil || n%2 == 0 && !errors.Is(err, errEnough) {
				t.Errorf("Logs = %v", err)
			}
		})
	}
	numbers(s, 1000, lines)
	all.Wait()
	end()
	close(ended)
	others.Wait()
}

// TestLogQueries over the real socket.
func TestLogQueries(t *testing.T) {
	at := func(n int) time.Time { return time.Date(2026, 11, 26, 12, 0, n, 0, time.UTC) }
	web := reconcile.ContainerStatus{
		LastExit: &reconcile.ExitStatus{Started: at(10), At: at(19)},
		Actual:   []driver.Status{{State: driver.Running, Started: at(20)}},
	}
	dir, c, _ := serveLogs(t, web)
	var text []byte
	for n := range 30 {
		l := logs.Line{At: at(n), From: logs.Stdout, Text: fmt.Appendf(nil, "line %d", n)}
		if n%2 == 1 {
			l.From = logs.Stderr
		}
		text = l.Append(text)
	}
	if err := os.MkdirAll(LogDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(LogDir(dir), "web.log"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		q        LogQuery
		from, to int
	}{
		{LogQuery{}, 0, 30},
		{LogQuery{Tail: 4}, 26, 30},
		{LogQuery{Tail: -1}, 0, 0},
		{LogQuery{SinceTime: at(25)}, 25, 30},
		{LogQuery{Previous: true}, 10, 20},
		{LogQuery{Previous: true, Tail: 3}, 17, 20},
		{LogQuery{Previous: true, SinceTime: at(15)}, 15, 20},
	} {
		var got []string
		if err := c.Logs(t.Context(), "web", tt.q, upTo("", &got), never); err != nil {
			t.Errorf("%+v: %v", tt.q, err)
		}
		wantNumbers(t, got, tt.from, tt.to)
	}
	var got []string
	if err := c.Logs(t.Context(), "web", LogQuery{Source: logs.Stderr, Tail: 1}, upTo("", &got), never); err != nil || !slices.Equal(got, []string{"line 29"}) {
		t.Errorf("stderr: %q, %v", got, err)
	}
}

// TestLogRefusals: what cannot be answered, and why.
func TestLogRefusals(t *testing.T) {
	dir, c, _ := serveLogs(t, reconcile.ContainerStatus{})
	var f *Failure
	if err := c.Logs(t.Context(), "other", LogQuery{}, nil, never); !errors.As(err, &f) || f.Code != CodeNotFound || f.Hint == "" {
		t.Errorf("a container that is not there: %v", err)
	}
	if err := c.Logs(t.Context(), "web", LogQuery{Previous: true}, nil, never); !errors.As(err, &f) || f.Code != CodeRefused || f.Status != http.StatusConflict {
		t.Errorf("no run has ended: %v", err)
	}
	if err := c.Logs(t.Context(), "web", LogQuery{Previous: true, Follow: true}, nil, never); !errors.As(err, &f) || f.Code != CodeBadRequest {
		t.Errorf("previous and follow: %v", err)
	}
	if err := c.Logs(t.Context(), "web", LogQuery{}, nil, never); err != nil {
		t.Errorf("nothing written yet: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(LogDir(dir), "web.log"), 0o700); err != nil { // a folder cannot be read
		t.Fatal(err)
	}
	if err := c.Logs(t.Context(), "web", LogQuery{}, nil, never); !errors.As(err, &f) || f.Code != CodeInternal {
		t.Errorf("a log that cannot be read: %v", err)
	}
}

func FuzzLogQuery(f *testing.F) {
	f.Add("tail=5&follow=true&stream=stderr")
	f.Add("previous=true&sinceTime=2026-11-22T08:00:00Z")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseLogs(raw)
		if err != nil {
			return
		}
		if again, err := parseLogs(q.encode()); err != nil || again.Tail != q.Tail || again.Follow != q.Follow || again.Source != q.Source ||
			again.Previous != q.Previous || !again.SinceTime.Equal(q.SinceTime) {
			t.Errorf("%q: %+v became %+v, %v", raw, q, again, err)
		}
	})
}
