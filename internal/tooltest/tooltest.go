// Package tooltest finds the real programs that tests run against: promtool,
// Chromium, git and others. Where one is missing the test is skipped; with
// HCS_TOOLS=1, as CI has it, the test fails instead, so that nothing is
// skipped there unseen. test/setup.sh installs them. It is for tests only.
package tooltest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Path returns the path of the first of names that is installed.
func Path(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := strings.Join(names, " or ")
	if os.Getenv("HCS_TOOLS") == "1" {
		t.Fatalf("%s is not installed, and HCS_TOOLS=1 says that it shall be; run: make deps", missing)
	}
	t.Skipf("%s is not installed; run: make deps", missing)
	return ""
}
