package wine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var processCases = []testCase{
	{"ExitCodes", exitCodes},
	{"ExitBeforeAnyoneRegistered", exitBeforeRegistration},
	{"Stdio", stdio},
	{"MuchData", muchData},
	{"CloseStdinEndsTheReader", closeStdin},
	{"NoPipesUnlessAsked", noPipes},
	{"EnvironmentAndFolder", environmentAndFolder},
	{"KillEndsAProcess", kill},
	{"ShutdownWithoutHandler", shutdownWithoutHandler},
	{"ShutdownIsAnswered", shutdownIsAnswered},
	{"ShutdownIgnoredThenTerminate", shutdownIgnored},
	{"ConsoleWithoutKeyboard", consoleWithoutKeyboard},
	{"TerminateEndsGrandchildren", terminateEndsGrandchildren},
}

func exitCodes(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	for steps, want := range map[string]int64{
		"exit 0": 0, "exit 1": 1, "exit 259": 259, "exit 0xC0000005": 0xC0000005, "crash": 0xC0000005,
	} {
		p.exec("a", "p", h, steps)
		if got := p.exitCode("p"); got != want {
			t.Errorf("%s: exit code %#x, want %#x", steps, got, want)
		}
		p.ok(request{Op: "closeProcess", Name: "p"})
	}
	p.stop("a")
	clean(t, h)
}

func exitBeforeRegistration(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsRegisterProcessCallback", Delay: 1e9})
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "exit 4")
	if code := p.exitCode("p"); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	ended, registered := 0, 0
	for _, e := range h.Journal() {
		switch {
		case e.Event == "ProcessEnded":
			ended = e.N
		case e.Fn == "HcsRegisterProcessCallback":
			registered = e.N
		}
	}
	if ended == 0 || registered < ended {
		t.Errorf("registered at line %d, after the end at line %d: not what is tested here", registered, ended)
	}
}

type streams struct {
	Pipes          [3]bool
	Stdout, Stderr string
	Bytes          int
}

func stdio(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, `print "to out" err "to err" cat`)
	var got streams
	p.value(request{Op: "stdio", Name: "p", Text: "typed"}, &got)
	want := streams{Pipes: [3]bool{true, true, true}, Stdout: "to out\r\ntyped", Stderr: "to err\r\n", Bytes: 13}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p.exitCode("p")
	// The pipes were handed over; there are no others.
	p.value(request{Op: "stdio", Name: "p"}, &got)
	if got.Pipes != [3]bool{} {
		t.Errorf("the second time there are pipes %v", got.Pipes)
	}
}

func muchData(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "cat")
	var got streams
	chunk := strings.Repeat("0123456789abcde ", 4096)
	p.value(request{Op: "stdio", Name: "p", Text: chunk, MS: 80}, &got)
	if want := 80 * len(chunk); got.Bytes != want {
		t.Errorf("%d bytes came back, want %d", got.Bytes, want)
	}
}

func closeStdin(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "cat exit 6")
	p.ok(request{Op: "closeStdin", Name: "p"})
	if code := p.exitCode("p"); code != 6 {
		t.Errorf("exit code %d, want 6", code)
	}
}

func noPipes(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.ok(request{Op: "exec", Name: "p", ID: "a", Config: config(map[string]any{"CommandLine": h.Payload() + " cat print x"})})
	var got streams
	p.value(request{Op: "stdio", Name: "p"}, &got)
	if got.Pipes != [3]bool{} {
		t.Errorf("there are pipes %v", got.Pipes)
	}
	p.ok(request{Op: "waitProcess", Name: "p"})
}

func environmentAndFolder(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.ok(request{Op: "exec", Name: "p", ID: "a", Config: config(map[string]any{
		"CommandLine":      h.Payload() + " env GREETING cwd env NUMBER_OF_PROCESSORS",
		"WorkingDirectory": `C:\windows`,
		"Environment":      map[string]string{"GREETING": `grüß "dich"`, "NUMBER_OF_PROCESSORS": "77"},
		"CreateStdOutPipe": true,
	})})
	var got streams
	p.value(request{Op: "stdio", Name: "p"}, &got)
	lines := strings.Split(got.Stdout, "\r\n")
	if len(lines) < 3 || !strings.HasSuffix(lines[0], ` "dich"`) || lines[1] != `C:\windows` || lines[2] != "77" {
		t.Errorf("the process saw %q", lines)
	}
}

func kill(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "forever")
	p.ok(request{Op: "kill", Name: "p"})
	if code := p.exitCode("p"); code != codeControlCExit {
		t.Errorf("exit code %#x, want %#x", code, int64(codeControlCExit))
	}
	got := p.fails(request{Op: "kill", Name: "p"}, 0x8037011F)
	if len(got.Is) != 1 || got.Is[0] != "AlreadyStopped" {
		t.Errorf("hcsshim calls it %v, want AlreadyStopped", got.Is)
	}
	p.wantState("a", "Running")
}

func shutdownWithoutHandler(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "forever")
	p.pending(request{Op: "shutdown", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	if code := p.exitCode("p"); code != codeControlCExit {
		t.Errorf("exit code %#x, want %#x", code, int64(codeControlCExit))
	}
}

func shutdownIsAnswered(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, `ask 5 touch C:\asking forever`)
	h.AwaitFile(`C:\asking`)
	p.pending(request{Op: "shutdown", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	if code := p.exitCode("p"); code != 5 {
		t.Errorf("exit code %d, want the 5 of its own choice", code)
	}
}

func shutdownIgnored(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, `ignore touch C:\ignoring forever`)
	h.AwaitFile(`C:\ignoring`)
	p.pending(request{Op: "shutdown", Name: "a"})
	if got := p.ask(request{Op: "waitFor", Name: "a", MS: 300}); len(got.Is) != 1 || got.Is[0] != "Timeout" {
		t.Errorf("the wait ended with %+v, want a timeout", got)
	}
	p.wantState("a", "Running")
	p.pending(request{Op: "terminate", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	if code := p.exitCode("p"); code != codeControlCExit {
		t.Errorf("exit code %#x, want %#x", code, int64(codeControlCExit))
	}
}

func consoleWithoutKeyboard(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.ok(request{Op: "exec", Name: "p", ID: "a", Config: config(map[string]any{
		"CommandLine": h.Payload() + " forever", "EmulateConsole": true, "CreateStdOutPipe": true,
	})})
	if code := p.exitCode("p"); code != codeControlCExit {
		t.Errorf("exit code %#x, want %#x", code, int64(codeControlCExit))
	}
	p.ok(request{Op: "exec", Name: "q", ID: "a", Config: config(map[string]any{
		"CommandLine": h.Payload() + " cat exit 8", "EmulateConsole": true, "CreateStdInPipe": true,
	})})
	p.ok(request{Op: "resize", Name: "q"})
	p.ok(request{Op: "closeStdin", Name: "q"})
	if code := p.exitCode("q"); code != 8 {
		t.Errorf("exit code with a keyboard %#x, want 8", code)
	}
}

func terminateEndsGrandchildren(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, `spawn 600007 touch C:\spawned`)
	h.AwaitFile(`C:\spawned`)
	p.exitCode("p")
	if !runs(t, "600007") {
		t.Fatal("the grandchild does not show among the processes of Linux")
	}
	var left []struct {
		ProcessID int `json:"ProcessId"`
	}
	p.value(request{Op: "processes", Name: "a"}, &left)
	if len(left) != 1 {
		t.Fatalf("the first process left %v behind, want one child", left)
	}
	p.stop("a")
	h.Await("the grandchild's end", func() bool { return !runs(t, "600007") })
}

// runs tells whether a process of Linux has this argument.
func runs(t *testing.T, arg string) bool {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		data, _ := os.ReadFile(line)
		if strings.Contains(string(data), "payload.exe") && strings.Contains(string(data), arg) {
			return true
		}
	}
	return false
}
