package scenario

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/test/wine"
)

// TestDriverOnTheService runs the Windows tests of driver/hcs under Wine: the
// conformance suite through the real hcsshim with both isolations, the golden
// documents against hcsshim's own types, and the peeling of its errors.
func TestDriverOnTheService(t *testing.T) {
	h := wine.Start(t)
	exe := wine.BuildTests(t, "../../driver/hcs")
	h.Install(exe, `C:\suite\hcs.test.exe`)
	if err := os.CopyFS(h.Path(`C:\suite\testdata`), os.DirFS(filepath.Join("..", "..", "driver", "hcs", "testdata"))); err != nil {
		t.Fatal(err)
	}
	cmd := h.Command(`C:\suite\hcs.test.exe`, "-test.v", "-test.run", "ConformsOnService|TestTaken|TestTwinsMarshalAlike|TestSplitIsWhatWindowsDoes|TestGoldenDocuments")
	cmd.Dir = h.Path(`C:\suite`)
	cmd.Env = append(cmd.Env, "HCS_TEST_PAYLOAD="+h.Payload())
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) { // all went well, and a keeper that idles still has the output open
		err = nil
	}
	text := string(out)
	for _, want := range []string{"--- PASS: TestConformsOnServiceWithProcessIsolation", "--- PASS: TestConformsOnServiceWithHyperVIsolation"} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if err != nil || t.Failed() {
		t.Fatalf("%v\n%s", err, text[max(0, len(text)-6000):])
	}
	t.Logf("%d tests passed under Wine", strings.Count(text, "--- PASS: "))
	leaks := h.Leaks()
	for deadline := time.Now().Add(patience); len(leaks) > 0 && time.Now().Before(deadline); leaks = h.Leaks() {
		time.Sleep(100 * time.Millisecond) // a keeper is still closing what its last container had
	}
	if len(leaks) > 0 {
		t.Errorf("left behind: %v", leaks)
	}
}
