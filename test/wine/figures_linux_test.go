package wine

import (
	"path/filepath"
	"testing"
	"time"
)

var figureCases = []testCase{
	{"Statistics", statistics},
	{"ProcessList", processList},
}

type figures struct {
	Timestamp          time.Time
	ContainerStartTime time.Time
	Uptime100ns        uint64
	Memory             struct{ MemoryUsageCommitBytes, MemoryUsagePrivateWorkingSetBytes uint64 }
	Processor          struct{ TotalRuntime100ns, RuntimeUser100ns, RuntimeKernel100ns uint64 }
	Network            []map[string]any
}

func statistics(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	done := filepath.Base(t.Name())
	p.exec("a", "p", h, `burn 300 touch C:\`+done+` forever`)
	h.AwaitFile(`C:\` + done)
	var got figures
	p.value(request{Op: "statistics", Name: "a"}, &got)
	if cpu := time.Duration(got.Processor.RuntimeUser100ns * 100); cpu < 50*time.Millisecond || cpu > time.Minute {
		t.Errorf("user time is %v after 300 ms of work", cpu)
	}
	if sum := got.Processor.RuntimeUser100ns + got.Processor.RuntimeKernel100ns; got.Processor.TotalRuntime100ns != sum {
		t.Errorf("total time is %d, user and kernel make %d", got.Processor.TotalRuntime100ns, sum)
	}
	if got.Memory.MemoryUsageCommitBytes == 0 || got.Memory.MemoryUsagePrivateWorkingSetBytes == 0 {
		t.Errorf("memory is %+v", got.Memory)
	}
	if up := got.Timestamp.Sub(got.ContainerStartTime); up <= 0 || up.Microseconds()*10 != int64(got.Uptime100ns) {
		t.Errorf("up for %v by its times, and %d ticks", up, got.Uptime100ns)
	}
}

func processList(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	sign := `C:\` + filepath.Base(t.Name())
	pid := p.exec("a", "p", h, "spawn 600000 touch "+sign+" forever")
	h.AwaitFile(sign)
	var got []struct {
		ImageName       string
		ProcessID       int `json:"ProcessId"`
		CreateTimestamp time.Time
	}
	p.value(request{Op: "processes", Name: "a"}, &got)
	if len(got) != 2 {
		t.Fatalf("there are %d processes, want the first and its child: %+v", len(got), got)
	}
	found := false
	for _, process := range got {
		found = found || process.ProcessID == pid
		if age := time.Since(process.CreateTimestamp); process.ImageName != "payload.exe" || age < -time.Minute || age > time.Hour {
			t.Errorf("one is %+v", process)
		}
	}
	if !found {
		t.Errorf("process %d is not among %+v", pid, got)
	}
}
