package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNotifierAfterMove renames a folder whose events nobody has taken yet. To
// the system it is the same folder as before; its events must bear the new name.
func TestNotifierAfterMove(t *testing.T) {
	base := t.TempDir()
	n := newNotifier()
	defer n.close()
	if n.err != nil {
		t.Skipf("no events here: %v", n.err)
	}
	write(t, base, "a/sub/x.yaml", "1")
	n.add(filepath.Join(base, "a"))
	n.add(filepath.Join(base, "a", "sub"))
	must(t, os.Rename(filepath.Join(base, "a"), filepath.Join(base, "b")))
	n.begin()
	n.add(filepath.Join(base, "b"))
	n.add(filepath.Join(base, "b", "sub"))
	write(t, base, "b/sub/y.yaml", "1")
	want := filepath.Join(base, "b", "sub", "y.yaml")
	for deadline := time.After(20 * time.Second); ; {
		select {
		case ev := <-n.events:
			if ev.Name == want {
				return
			}
		case <-deadline:
			t.Fatalf("no event for %s", want)
		}
	}
}

// TestNotifierUnread: however much happens that nobody has taken yet, folders
// can be added and removed, and it is told that something is missing.
func TestNotifierUnread(t *testing.T) {
	dir := t.TempDir()
	n := newNotifier()
	defer n.close()
	if n.err != nil {
		t.Skipf("no events here: %v", n.err)
	}
	n.add(dir)
	for range 2 * cap(n.events) {
		write(t, dir, "x.yaml", "1")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.remove(dir)
		n.add(dir)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("removing a folder waits for somebody to read the events")
	}
	select {
	case <-n.errors:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody is told of the events that found no room")
	}
}
