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
