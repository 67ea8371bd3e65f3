package drivertest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
)

// brokenEnv names the broken driver that TestSuiteOnBroken shall run.
const brokenEnv = "DRIVERTEST_BROKEN"

// TestBrokenDriversAreCaught runs the suite on each broken driver, in this test
// binary once more because a failing suite fails its process.
func TestBrokenDriversAreCaught(t *testing.T) {
	caught := map[string]bool{}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			output := runOnBroken(t, name, b.caughtBy)
			for _, scene := range b.caughtBy {
				caught[scene] = true
				if !strings.Contains(output, "--- FAIL: TestSuiteOnBroken/"+scene+" ") {
					t.Errorf("case %s passes on a driver that %s; output:\n%s", scene, b.does, output)
				}
			}
		})
	}
	for _, name := range drivertest.CaseNames() {
		if !caught[name] && name != "Logs" { // the fake prints nothing
			t.Errorf("no broken driver proves that case %s can fail", name)
		}
	}
}

// runOnBroken runs the named cases on a broken driver and returns the output.
func runOnBroken(t *testing.T, name string, scenes []string) string {
	t.Helper()
	if len(scenes) == 0 || !isSubset(scenes, drivertest.CaseNames()) {
		t.Fatalf("the cases %q are not all in the suite", scenes)
	}
	pattern := "^TestSuiteOnBroken$/^(" + strings.Join(scenes, "|") + ")$"
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.timeout=1m")
	cmd.Env = append(os.Environ(), brokenEnv+"="+name)
	output, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the suite passes; output:\n%s", output)
	}
	return string(output)
}

func isSubset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// TestSuiteOnBroken is the body of the child process.
func TestSuiteOnBroken(t *testing.T) {
	name, child := os.LookupEnv(brokenEnv)
	if !child {
		t.Skip("runs only as a child of TestBrokenDriversAreCaught")
	}
	drivertest.Run(t, harness(nil, broken[name].open))
}
