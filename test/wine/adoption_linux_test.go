package wine

import (
	"strings"
	"testing"
)

var adoptionCases = []testCase{
	{"Adoption", adoption},
	{"ExitsWhileNobodyLooks", exitsWhileNobodyLooks},
	{"ExitCodesAreKept", exitCodesKept},
	{"OutputOfADeadCaller", outputOfDeadCaller},
	{"ServiceDisconnect", serviceDisconnect},
	{"ServiceDies", serviceDies},
}

// adoption kills the process that made a system, and lets the next one go on.
func adoption(t *testing.T, h *Host) {
	first := startProbe(t, h)
	first.run("a")
	pid := first.exec("a", "p", h, "ask 12 touch C:\\adopted forever")
	h.AwaitFile(`C:\adopted`)
	first.Kill()
	h.Await("the end of its handles", func() bool { return len(h.Report().Handles) == 0 })

	second := startProbe(t, h)
	second.wantState("a", "Running")
	second.ok(request{Op: "open", Name: "a", ID: "a"})
	second.ok(request{Op: "openProcess", Name: "p", ID: "a", PID: pid})
	wait := second.begin(request{Op: "waitProcess", Name: "p"})
	second.ok(request{Op: "statistics", Name: "a"})
	second.pending(request{Op: "shutdown", Name: "a"})
	second.await(request{Op: "waitProcess"}, wait)
	if code := second.exitCode("p"); code != 12 {
		t.Errorf("exit code %d, want 12", code)
	}
	second.ok(request{Op: "wait", Name: "a"})
	if creates := h.Calls("HcsCreateComputeSystem", ""); len(creates) != 1 {
		t.Errorf("there were %d creates, want 1", len(creates))
	}
}

// endWhileDown makes a system whose process ends while no caller lives.
func endWhileDown(t *testing.T, h *Host) (second *probe, pid int) {
	t.Helper()
	first := startProbe(t, h)
	first.run("a")
	pid = first.exec("a", "p", h, "forever")
	first.Kill()
	h.KillProcess(pid, 33)
	h.Await("its end", func() bool { r := h.Report(); return len(r.Handles) == 0 && r.Systems[0].Processes[0].Exited })
	second = startProbe(t, h)
	second.wantState("a", "Running")
	second.ok(request{Op: "open", Name: "a", ID: "a"})
	return second, pid
}

func exitsWhileNobodyLooks(t *testing.T, h *Host) {
	p, pid := endWhileDown(t, h)
	p.fails(request{Op: "openProcess", Name: "p", ID: "a", PID: pid}, 0x490)
}

func exitCodesKept(t *testing.T, h *Host) {
	h.KeepExits(true)
	p, pid := endWhileDown(t, h)
	p.ok(request{Op: "openProcess", Name: "p", ID: "a", PID: pid})
	if code := p.exitCode("p"); code != 33 {
		t.Errorf("exit code %d, want 33", code)
	}
}

// A process that writes goes on when its reader has died, unless it minds.
func outputOfDeadCaller(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, `touch C:\before sleep 1500 print lost touch C:\after forever`)
	h.AwaitFile(`C:\before`)
	p.Kill()
	h.AwaitFile(`C:\after`)
	if s := h.Report().Systems[0]; s.State != "Running" || s.Processes[0].Exited {
		t.Errorf("the system is %+v", s)
	}
}

func serviceDisconnect(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	pid := p.exec("a", "p", h, "forever")
	waits := []<-chan reply{p.begin(request{Op: "wait", Name: "a"}), p.begin(request{Op: "waitProcess", Name: "p"})}
	h.Disconnect()
	for _, wait := range waits {
		if got := p.await(request{Op: "wait"}, wait); !strings.Contains(got.Error, "lost communication with compute service") {
			t.Errorf("a wait ended with %q, want that the connection was lost", got.Error)
		}
	}
	p.fails(request{Op: "statistics", Name: "a"}, 6)
	p.ok(request{Op: "open", Name: "again", ID: "a"})
	p.ok(request{Op: "openProcess", Name: "p2", ID: "again", PID: pid})
	p.ok(request{Op: "kill", Name: "p2"})
	if code := p.exitCode("p2"); code != codeControlCExit {
		t.Errorf("exit code %#x, want %#x", code, int64(codeControlCExit))
	}
}

func serviceDies(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	wait := p.begin(request{Op: "wait", Name: "a"})
	h.StopBroker()
	if got := p.await(request{Op: "wait"}, wait); got.Error == "" {
		t.Error("the wait ended without an error")
	}
	if got := p.ask(request{Op: "list", Config: []byte(`{}`)}); got.Code != 0x6ba && got.Code != 0x6be {
		t.Errorf("list without a service: %#x (%s)", got.Code, got.Error)
	}
	h.RestartBroker()
	if got := p.list(`{}`); len(got) != 0 {
		t.Errorf("a new service has %v", got)
	}
	p.run("b")
}
