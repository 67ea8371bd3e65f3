package logs

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// small mounts a file system of some kilobytes.
func small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mount a small file system: %v (root only)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFull: a full disk costs lines, never the program; when there is room
// again the log goes on and says what is missing.
func TestDiskFull(t *testing.T) {
	dir := small(t, "256k")
	log := Open(dir, "a", Limits{MaxSize: 100 << 20})
	s := log.Stream(Stdout)
	defer func() { _ = log.Close() }() // or the file system stays
	ballast := filepath.Join(dir, "ballast")
	var written int64
	n := 0
	for round := range 3 { // each with less room
		if err := os.WriteFile(ballast, make([]byte, (180-60*round)<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		for before := log.Dropped(); log.Dropped() == before; n++ {
			written += numbered(s, n, n+1)
		}
		written += numbered(s, n, n+100)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		written += numbered(s, n+100, n+110)
		n += 110
		if markers := holdBooks(t, log, dir, written); markers < round+1 {
			t.Errorf("round %d: %d markers", round, markers)
		}
	}
}

// TestDeviceFull: the same with a device that is always full.
func TestDeviceFull(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	log := Open(dir, "a", Limits{})
	s := log.Stream(Stdout)
	written := numbered(s, 0, 1000)
	s.End()
	if d := log.Dropped(); d.Bytes != written || d.Lines != 1000 {
		t.Errorf("dropped %v, want %d bytes in 1000 lines", d, written)
	}
	if err := os.Remove(Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	written += numbered(s, 1000, 1010)
	if n := holdBooks(t, log, dir, written); n != 1 {
		t.Errorf("%d markers, want 1", n)
	}
}
