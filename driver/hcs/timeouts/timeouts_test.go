package timeouts_test

import (
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs/internal/early"
	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs/timeouts"
)

const child = "TIMEOUTS_TEST_CHILD"

// TestLimitsAreSetBeforeOthersReadThem uses a package that reads them as
// hcsshim does: it imports os, and sorts before package timeouts.
func TestLimitsAreSetBeforeOthersReadThem(t *testing.T) {
	want := map[string]string{}
	for _, l := range timeouts.Limits {
		want[l.Name] = l.Seconds
	}
	if os.Getenv(child) != "" {
		if v := os.Getenv(timeouts.Variable); v != "" {
			for name := range want {
				want[name] = v
			}
		}
		want["HCSSHIM_TIMEOUT_SYSTEMSTART"] = "7"
		if diff := cmp.Diff(want, early.Seen); diff != "" {
			t.Errorf("limits that another package saw (-want +got):\n%s", diff)
		}
		return
	}
	if diff := cmp.Diff(want, maps.Clone(early.Seen)); diff != "" && os.Getenv("HCSSHIM_TIMEOUT_SYSTEMSTART") == "" {
		t.Errorf("limits that another package saw (-want +got):\n%s", diff)
	}
	for _, replaced := range []string{"", "90"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLimitsAreSetBeforeOthersReadThem$")
		cmd.Env = []string{child + "=1", "HCSSHIM_TIMEOUT_SYSTEMSTART=7", timeouts.Variable + "=" + replaced, "SystemRoot=" + os.Getenv("SystemRoot")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("with %s=%q: %v\n%s", timeouts.Variable, replaced, err, out)
		}
	}
}
