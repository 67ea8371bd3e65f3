//go:build unix

package socket

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shortDir is short: the path of a socket must be.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestSocket(t *testing.T) {
	dir := shortDir(t)
	for range 2 { // the second one finds what a dead process left
		l, err := Listen(dir, "control")
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(Address(dir, "control"))
		if err != nil || st.Mode() != os.ModeSocket|0o600 {
			t.Errorf("socket = %v, %v; want mode 0600", st, err)
		}
		if u, ok := l.(*socket); ok { // as a killed process leaves it
			_ = u.Listener.Close()
		}
		if conn, err := Dial(t.Context(), dir, "control"); err == nil || !NobodyThere(err) {
			t.Errorf("Dial on a socket that nobody serves = %v, %v", conn, err)
		}
	}
	l, err := Listen(dir, "control")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(long, "control"); err == nil || !strings.Contains(err.Error(), "shorter --state-dir") {
		t.Errorf("Listen with a path that is too long = %v", err)
	}
	if _, err := Dial(t.Context(), filepath.Join(dir, "not", "there"), "control"); err == nil || !NobodyThere(err) {
		t.Errorf("Dial without a folder = %v", err)
	}
}

// TestSuccessorKeepsItsSocket covers a process that ends late: the socket in
// its place is another's by then.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	dir := shortDir(t)
	old, err := Listen(dir, "control")
	if err != nil {
		t.Fatal(err)
	}
	next, err := Listen(dir, "control")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	conn, err := Dial(t.Context(), dir, "control")
	if err != nil {
		t.Fatalf("the successor cannot be reached: %v", err)
	}
	_ = conn.Close()
}
