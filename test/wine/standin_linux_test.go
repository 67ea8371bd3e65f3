package wine

import "testing"

// TestStandIn holds the stand-in against what is known of the real service, by
// the eyes of the real hcsshim. All cases share one host, and each has a probe
// process of its own.
func TestStandIn(t *testing.T) {
	host := Start(t)
	host.Install(BuildProgram(t, probePackage), `C:\probe.exe`)
	for _, group := range [][]testCase{hostCases, systemCases, processCases, figureCases, layerCases, networkCases, faultCases, adoptionCases} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				h := host.For(t)
				h.Reset()
				t.Cleanup(h.tell)
				c.run(t, h)
			})
		}
	}
}

type testCase struct {
	name string
	run  func(t *testing.T, h *Host)
}

// clean wants that nothing is left, once the handles of ended programs are gone.
func clean(t *testing.T, h *Host) {
	t.Helper()
	if leaks := h.Leaks(); len(leaks) > 0 {
		t.Errorf("left over: %q", leaks)
	}
}
