//go:build unix

package control

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocket(t *testing.T) {
	dir := stateDir(t)
	for range 2 { // the second one finds what a dead daemon left
		l, err := Listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(Address(dir))
		if err != nil || st.Mode() != os.ModeSocket|0o600 {
			t.Errorf("socket = %v, %v; want mode 0600", st, err)
		}
		if u, ok := l.(*socket); ok { // as a killed daemon leaves it
			_ = u.Listener.Close()
		}
		if _, err := NewClient(dir).View(t.Context()); !errors.Is(err, ErrNoDaemon) {
			t.Errorf("View on a socket that nobody serves = %v, want ErrNoDaemon", err)
		}
	}
	l, err := Listen(dir)
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
	if _, err := Listen(long); err == nil || !strings.Contains(err.Error(), "shorter --state-dir") {
		t.Errorf("Listen with a path that is too long = %v", err)
	}
}
