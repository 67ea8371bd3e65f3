package wine

import "testing"

var hostCases = []testCase{
	{"HostBuild", hostBuild},
	{"RunAProgram", runProgram},
	{"InterruptAProgram", interruptProgram},
}

func hostBuild(t *testing.T, h *Host) {
	var got struct{ Version, MajorVersion, MinorVersion, Build int }
	startProbe(t, h).value(request{Op: "build"}, &got)
	if got.MajorVersion != 10 || got.MinorVersion != 0 || got.Build != 20348 {
		t.Errorf("the host is %+v, want 10.0.20348", got)
	}
}

func runProgram(t *testing.T, h *Host) {
	got := h.Run(t, h.Payload(), "print", "to out", "err", "to err", "exit", "7")
	want := Result{Stdout: "to out\r\n", Stderr: "to err\r\n", Code: 7}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func interruptProgram(t *testing.T, h *Host) {
	p := startProbe(t, h)
	if err := p.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(t); code != 42 {
		t.Errorf("exit code %d, want the 42 of its handler", code)
	}
}
