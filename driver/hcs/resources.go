package hcs

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const (
	whole     = 10000 // of ProcessorMaximum: hundredths of a percent
	perMB     = 1 << 20
	milli     = 1000 // of a core
	windowsAt = "spec.resources.windows."
	limitsAt  = "spec.resources.limits."
)

// shares are the processor limits of a document; 0 means none.
type shares struct {
	count   uint32
	weight  uint64
	maximum int64
}

// processorShares turns the limits of s into those of HCS on a host with cpus
// processors; 0 means not known. The notes tell what is clamped or ignored.
func processorShares(s *manifest.Spec, cpus int) (shares, []driver.Note) {
	w := &s.Resources.Windows
	sh := shares{count: uint32(w.CPUCount), weight: uint64(w.CPUWeight), maximum: w.CPUMaximum} //nolint:gosec // validated
	var notes []driver.Note
	if cpus > 0 && w.CPUCount > int64(cpus) {
		sh.count = uint32(cpus) //nolint:gosec // a number of processors
		notes = append(notes, clamped(windowsAt+"cpuCount", cpus))
	}
	if cpu := s.Resources.Limits.CPU; cpu != nil {
		if cpus > 0 && cpu.MilliValue() > int64(cpus)*milli {
			notes = append(notes, clamped(limitsAt+"cpu", cpus))
		}
		sh.count, sh.maximum = coreShares(cpu, cpus, isVM(s))
	}
	if isVM(s) {
		return sh, notes
	}
	one, ignored := sh.onlyOne()
	return one, append(notes, ignored...)
}

func clamped(field string, cpus int) driver.Note {
	return driver.Note{Field: field, Message: fmt.Sprintf("more than the %d processors of this host; all of them are used", cpus)}
}

// coreShares turns a number of cores into a count of virtual processors and
// their share for a VM, and into a share of the whole host for a process
// container.
func coreShares(cpu *resource.Quantity, cpus int, vm bool) (count uint32, maximum int64) {
	want := cpu.MilliValue()
	if cpus > 0 {
		want = min(want, int64(cpus)*milli)
	}
	total := int64(cpus) * milli
	if vm {
		n := (want + milli - 1) / milli
		count, total = uint32(n), n*milli //nolint:gosec // at most the processors of the host
	}
	if total == 0 || want >= total {
		return count, 0
	}
	return count, max(1, (want*whole+total-1)/total)
}

// onlyOne keeps the strongest limit: HCS takes only one of them for a process
// container.
func (sh shares) onlyOne() (shares, []driver.Note) {
	var notes []driver.Note
	ignore := func(set bool, field, other string) {
		if set {
			notes = append(notes, driver.Note{Field: windowsAt + field, Message: "with process isolation only one processor limit counts: " + other + " is used"})
		}
	}
	switch {
	case sh.count > 0:
		ignore(sh.maximum > 0, "cpuMaximum", "cpuCount")
		ignore(sh.weight > 0, "cpuWeight", "cpuCount")
		return shares{count: sh.count}, notes
	case sh.maximum > 0:
		ignore(sh.weight > 0, "cpuWeight", "the maximum")
		return shares{maximum: sh.maximum}, notes
	default:
		return sh, nil
	}
}

// megabytes rounds up, so that no container gets less than it was promised.
func megabytes(q *resource.Quantity) int64 {
	if q == nil {
		return 0
	}
	return (q.Value()-1)/perMB + 1
}

// isVM reports whether the container has a utility VM of its own.
func isVM(s *manifest.Spec) bool {
	return s.Isolation == manifest.IsolationHyperV || s.OS == manifest.OSLinux
}
