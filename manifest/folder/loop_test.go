package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// deaf starts a loop on events that the test makes, instead of the system.
func deaf(t *testing.T, n *notifier, poll, resync time.Duration) (*lab, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("a", "1"))
	r, err := openReader(dir, Settle{Add: time.Millisecond, Change: 20 * time.Millisecond, Max: 500 * time.Millisecond}, nil, nil)
	must(t, err)
	log := &bytes.Buffer{}
	l := &loop{reader: r, notes: n, log: slog.New(slog.NewTextHandler(log, nil)), resync: resync, poll: poll}
	l.rescan(time.Now())
	c := &lab{host: newHost(), t: t, dir: dir, out: make(chan Update)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.run(ctx, c.out) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if got, want := strings.Count(log.String(), "polled, not watched"), min(1, c.polled); got != want {
			t.Errorf("told %d times that it is polled, want %d: %s", got, want, log)
		}
	})
	c.has("a", "1")
	return c, log
}

func (l *lab) changes() {
	l.t.Helper()
	l.write("sub/b.yaml", doc("b", "1"))
	l.has("a", "1", "b", "1")
	l.write("a.yaml", doc("a", "2"))
	l.has("a", "2", "b", "1")
	must(l.t, os.Remove(filepath.Join(l.dir, "sub", "b.yaml")))
	l.has("a", "2")
}

func TestSystemRefusesToWatch(t *testing.T) {
	l, _ := deaf(t, &notifier{err: errors.New("no space left on device")}, 5*time.Millisecond, time.Hour)
	if !strings.Contains(l.source.Polling, "no space left") {
		t.Errorf("polling %q", l.source.Polling)
	}
	l.changes()
}

func TestShareWithoutEvents(t *testing.T) {
	events := make(chan fsnotify.Event)
	l, _ := deaf(t, &notifier{events: events}, 5*time.Millisecond, 50*time.Millisecond)
	l.changes()
	if !strings.Contains(l.source.Polling, "did not tell") {
		t.Errorf("polling %q", l.source.Polling)
	}
	events <- fsnotify.Event{Name: filepath.Join(l.dir, "a.yaml"), Op: fsnotify.Chmod}
	l.until("trust in events", func() bool { return l.source.Polling == "" })
}

func TestEventsLost(t *testing.T) {
	failures := make(chan error)
	l, _ := deaf(t, &notifier{errors: failures}, time.Hour, time.Hour)
	for i := range 3 {
		l.write("a.yaml", doc("a", fmt.Sprint(i+5)))
		failures <- fsnotify.ErrEventOverflow
		l.has("a", fmt.Sprint(i+5))
	}
}

// TestSlowConsumer takes no update until the last change has been read. That
// shows from outside by the file being gone from a second watcher's view.
func TestSlowConsumer(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("a", "0"))
	slow, fast := watch(t, Watcher{Dir: dir}), watch(t, Watcher{Dir: dir})
	for i := range 5 {
		fast.write("a.yaml", doc("a", fmt.Sprint(i)))
		fast.write(fmt.Sprintf("n%d.yaml", i), doc(fmt.Sprintf("n%d", i), "1"))
		fast.until("change", func() bool { return fast.arg("a") == fmt.Sprint(i) && fast.arg(fmt.Sprintf("n%d", i)) == "1" })
	}
	must(t, os.Remove(filepath.Join(dir, "a.yaml")))
	fast.until("removal", func() bool { return fast.arg("a") == "" })
	slow.has("n0", "1", "n1", "1", "n2", "1", "n3", "1", "n4", "1")
	if slow.updates > 4 {
		t.Errorf("%d updates for a consumer that took none for long; they should have been merged", slow.updates)
	}
}

// TestOneOfMany changes one file among many: the update must be about it alone.
func TestOneOfMany(t *testing.T) {
	dir := t.TempDir()
	for i := range 500 {
		write(t, dir, fmt.Sprintf("t%d/f%d.yaml", i/10, i), doc(fmt.Sprintf("c%d", i), "1"))
	}
	l := watch(t, Watcher{Dir: dir})
	if len(l.wanted) != 500 {
		t.Fatalf("%d wanted", len(l.wanted))
	}
	first := l.id
	l.write("t7/f77.yaml", doc("c77", "2"))
	u := l.next()
	if !regexp.MustCompile("^[0-9a-f]{32}$").MatchString(u.ID) || u.ID == first {
		t.Errorf("id %q after %q: each update shall have one of its own, fit for a trace", u.ID, first)
	}
	if len(u.Put) != 1 || u.Put[0].Container.Name() != "c77" || len(u.Files) != 1 || len(u.Drop)+len(u.Gone) > 0 || u.Full {
		t.Errorf("update %+v", u)
	}
	if len(u.Files[0].Text) == 0 || u.SeenAt.IsZero() || u.Source.Dir != dir {
		t.Errorf("files %+v, seen %v, source %+v", u.Files, u.SeenAt, u.Source)
	}
}
