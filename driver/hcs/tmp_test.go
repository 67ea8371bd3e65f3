package hcs

import (
	"os"
	"runtime"
	"testing"
)

// tempDir is t.TempDir, but does not mind that a folder cannot be removed on
// Windows: Wine lacks the call that Go uses for it.
func tempDir(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "hcs-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
