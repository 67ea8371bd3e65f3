package doctor

import (
	"os"
	"strconv"

	"github.com/prometheus/procfs"
)

// openFiles reads the limits of running processes, or of this one where none runs.
func openFiles(pids map[string]int) (all []Files) {
	if len(pids) == 0 {
		pids = map[string]int{"daemon, if it had the limits of this program,": os.Getpid()}
	}
	for name, pid := range pids {
		p, err := procfs.NewProc(pid)
		if err != nil {
			continue
		}
		limits, err := p.Limits()
		if err != nil {
			continue
		}
		f := Files{Process: name + " (process " + strconv.Itoa(pid) + ")", Limit: limits.OpenFiles}
		if n, err := p.FileDescriptorsLen(); err == nil && n > 0 {
			f.Open = uint64(n)
		}
		all = append(all, f)
	}
	return all
}
