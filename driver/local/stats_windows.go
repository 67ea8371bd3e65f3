package local

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// jobAccounting is JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION; times are in 100 ns.
type jobAccounting struct {
	TotalUserTime, TotalKernelTime           int64
	ThisPeriodUserTime, ThisPeriodKernelTime int64
	TotalPageFaultCount                      uint32
	TotalProcesses, ActiveProcesses          uint32
	TotalTerminatedProcesses                 uint32
	IO                                       windows.IO_COUNTERS
}

// stats returns the figures of p's job. Its reads and writes are those of
// the processes, whatever they went to.
func (h *host) stats(p *process) (driver.Stats, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.os.over {
		return driver.Stats{}, driver.ErrNotRunning
	}
	var a jobAccounting
	err := windows.QueryInformationJobObject(p.os.job, windows.JobObjectBasicAndIoAccountingInformation,
		uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil)
	if err != nil {
		return driver.Stats{}, err
	}
	user, kernel := time.Duration(a.TotalUserTime*100), time.Duration(a.TotalKernelTime*100)
	total, processes := user+kernel, uint64(a.ActiveProcesses)
	return driver.Stats{
		At: time.Now(), CPU: &total, CPUUser: &user, CPUKernel: &kernel, Processes: &processes,
		ReadBytes: &a.IO.ReadTransferCount, WriteBytes: &a.IO.WriteTransferCount,
		ReadOps: &a.IO.ReadOperationCount, WriteOps: &a.IO.WriteOperationCount,
	}, nil
}
