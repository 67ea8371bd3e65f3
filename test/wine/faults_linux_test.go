package wine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var faultCases = []testCase{
	{"EveryCallCanFail", everyCallCanFail},
	{"RulesAreCountedAndNamed", rulesAreCounted},
	{"ErrorEvents", errorEvents},
	{"StartCrashes", startCrashes},
	{"StartCompletedLost", startCompletedLost},
	{"CreateHangs", createHangs},
	{"CreateTakesEffectLate", createLate},
	{"CreateFailsAfterItsEffect", createFailsAfter},
	{"CreateLeavesAnOrphan", createLeavesOrphan},
	{"CreateCompletedFails", createCompletedFails},
	{"KillFails", killFails},
	{"KillCannotOpenTheSystem", killCannotOpen},
	{"EnumerationDenied", enumerationDenied},
	{"BadElementFailsTheList", badElement},
	{"WaitFailed", waitFailed},
	{"ExitLost", exitLost},
	{"NotificationsOnceOrTwice", onceOrTwice},
	{"ViolationsAndLeaksShow", violationsShow},
}

func everyCallCanFail(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "forever")
	for fn, r := range map[string]request{
		"HcsEnumerateComputeSystems":    {Op: "list", Config: []byte(`{}`)},
		"HcsCreateComputeSystem":        {Op: "create", ID: "b", Config: document("b", "tests")},
		"HcsOpenComputeSystem":          {Op: "open", ID: "a"},
		"HcsStartComputeSystem":         {Op: "start", Name: "a"},
		"HcsShutdownComputeSystem":      {Op: "shutdown", Name: "a"},
		"HcsTerminateComputeSystem":     {Op: "terminate", Name: "a"},
		"HcsGetComputeSystemProperties": {Op: "statistics", Name: "a"},
		"HcsModifyComputeSystem":        {Op: "modify", Name: "a", Text: "x"},
		"HcsCreateProcess":              {Op: "exec", Name: "q", ID: "a", Config: command(h, "exit 0")},
		"HcsOpenProcess":                {Op: "openProcess", Name: "q", ID: "a", PID: 1},
		"HcsModifyProcess":              {Op: "resize", Name: "p"},
		"ActivateLayer":                 {Op: "activate", ID: `C:\layer`},
		"PrepareLayer":                  {Op: "prepare", ID: `C:\layer`},
		"DestroyLayer":                  {Op: "destroy", ID: `C:\layer`},
	} {
		h.Fault(Fault{Fn: fn, Code: 0x800706BF})
		p.fails(r, 0x6bf)
	}
	h.Fault(Fault{Fn: "HcsShutdownComputeSystem", Code: 0x8007007F})
	if got := p.fails(request{Op: "shutdown", Name: "a"}, 0x7f); len(got.Is) != 0 {
		t.Errorf("hcsshim calls a shutdown without its procedure %v", got.Is)
	}
	p.wantState("a", "Running")
}

func rulesAreCounted(t *testing.T, h *Host) {
	h.Fault(
		Fault{Fn: "HcsOpenComputeSystem", On: "web*", Skip: 1, Times: 2, Code: 0x80070005},
		Fault{Fn: "HcsOpenComputeSystem", On: "db", Times: -1, Code: 0x80004005},
	)
	p := startProbe(t, h)
	for _, step := range []struct {
		id   string
		code uint32
	}{
		{"web-1", codeNotFound},
		{"web-2", 5},
		{"other", codeNotFound},
		{"web-1", 5},
		{"web-1", codeNotFound},
		{"db", 0x80004005},
		{"db", 0x80004005},
		{"db2", codeNotFound},
	} {
		p.fails(request{Op: "open", ID: step.id}, step.code)
	}
	h.Clear()
	p.fails(request{Op: "open", ID: "db"}, codeNotFound)
}

func errorEvents(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsCreateComputeSystem", Code: 0xC0370101, Message: "the image is newer than the host"})
	p := startProbe(t, h)
	got := p.fails(request{Op: "create", ID: "a", Config: document("a", "tests")}, 0xC0370101)
	if !strings.Contains(got.Error, "the image is newer than the host") {
		t.Errorf("the error says %q, without the event", got.Error)
	}
}

func startCrashes(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsStartComputeSystem", Crash: true})
	p := startProbe(t, h)
	p.create("a")
	p.fails(request{Op: "start", Name: "a"}, codeUnexpectedExit)
	p.fails(request{Op: "wait", Name: "a"}, codeUnexpectedExit)
	p.wantState("a", "")
}

// A service that sends only SystemExited: hcsshim waits out its whole time.
func startCompletedLost(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsStartComputeSystem", Crash: true}, Fault{Fn: "StartCompleted", Lost: true})
	p := startProbe(t, h, "HCSSHIM_TIMEOUT_SYSTEMSTART=1")
	p.create("a")
	got := p.ask(request{Op: "start", Name: "a"})
	if !slices.Equal(got.Is, []string{"Timeout"}) {
		t.Errorf("start: %q (%v), want a timeout", got.Error, got.Is)
	}
}

func createHangs(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsCreateComputeSystem", Hang: true})
	p := startProbe(t, h, "HCSSHIM_TIMEOUT_SYSTEMCREATE=1")
	got := p.ask(request{Op: "create", ID: "a", Config: document("a", "tests")})
	if !strings.Contains(got.Error, "deadline exceeded") {
		t.Errorf("create: %q, want the deadline", got.Error)
	}
	p.create("b") // other calls go on
	h.Release()
	p.wantState("a", "")
	if calls := h.Calls("HcsCreateComputeSystem", "a"); len(calls) != 1 || calls[0].Text != "hangs" {
		t.Errorf("the journal has %+v, want one call that hangs", calls)
	}
}

func createLate(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsCreateComputeSystem", Delay: 2500 * time.Millisecond})
	p := startProbe(t, h, "HCSSHIM_TIMEOUT_SYSTEMCREATE=1")
	got := p.ask(request{Op: "create", ID: "a", Config: document("a", "tests")})
	if !strings.Contains(got.Error, "deadline exceeded") {
		t.Errorf("create: %q, want the deadline", got.Error)
	}
	h.Await("the late effect", func() bool { return len(h.Report().Systems) == 1 })
	p.wantState("a", "Created")
}

func createFailsAfter(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsCreateComputeSystem", After: true, Code: 0x800706BE})
	p := startProbe(t, h)
	p.fails(request{Op: "create", ID: "a", Config: document("a", "tests")}, 0x6be)
	p.wantState("a", "Created")
	if handles := h.Report().Handles; len(handles) != 0 {
		t.Errorf("nobody has a handle, and there are %+v", handles)
	}
}

func createLeavesOrphan(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsGetComputeSystemProperties", Code: 0x80070005})
	p := startProbe(t, h)
	p.fails(request{Op: "create", ID: "a", Config: document("a", "tests")}, 5)
	p.wantState("a", "Created")
}

func createCompletedFails(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "CreateCompleted", Code: 0x80070005})
	p := startProbe(t, h)
	p.fails(request{Op: "create", ID: "a", Config: document("a", "tests")}, 5)
	p.wantState("a", "")
}

// hcsshim turns any failure of a kill into "element not found".
func killFails(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsTerminateProcess", Code: 0x80004005})
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "forever")
	got := p.fails(request{Op: "kill", Name: "p"}, 0x490)
	if !slices.Equal(got.Is, []string{"NotExist", "AlreadyStopped"}) {
		t.Errorf("hcsshim calls it %v", got.Is)
	}
	if s := h.Report().Systems[0]; s.Processes[0].Exited {
		t.Error("the process has ended")
	}
}

func killCannotOpen(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "forever")
	h.Fault(Fault{Fn: "HcsOpenComputeSystem", Code: 0x80070005})
	p.ok(request{Op: "kill", Name: "p"})
	h.Await("the end of the whole container", func() bool { return len(h.Report().Systems) == 0 })
}

func enumerationDenied(t *testing.T, h *Host) {
	h.Make(Alien{ID: "a", Owner: "somebody"})
	h.Fault(Fault{Fn: "HcsEnumerateComputeSystems", Times: 2, Code: 0x80070005})
	p := startProbe(t, h)
	for range 2 {
		p.fails(request{Op: "list", Config: []byte(`{}`)}, 5)
	}
	p.wantState("a", "Running")
}

func badElement(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsEnumerateComputeSystems", Out: `[{"Id":"a","RuntimeId":""}]`})
	p := startProbe(t, h)
	if got := p.ask(request{Op: "list", Config: []byte(`{}`)}); !strings.Contains(got.Error, "invalid GUID") {
		t.Errorf("list: %q, want the whole list to fail", got.Error)
	}
}

func waitFailed(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "HcsGetProcessProperties", Out: `{"ProcessId":1,"Exited":true,"ExitCode":0,"LastWaitResult":5}`})
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "exit 0")
	if code := p.exitCode("p"); code != -1 {
		t.Errorf("exit code %d, want -1 for not known", code)
	}
}

func exitLost(t *testing.T, h *Host) {
	h.Fault(Fault{Fn: "ProcessExited", Lost: true})
	p := startProbe(t, h)
	p.run("a")
	pid := p.exec("a", "p", h, "exit 9")
	h.Await("the end of the process", func() bool { return h.Report().Systems[0].Processes[0].Exited })
	if got := p.ask(request{Op: "waitProcessFor", Name: "p", MS: 200}); !slices.Equal(got.Is, []string{"Timeout"}) {
		t.Errorf("the wait ended with %+v, want a timeout", got)
	}
	// Whoever opens it anew hears of it, as the first handle is still open.
	p.ok(request{Op: "openProcess", Name: "q", ID: "a", PID: pid})
	if code := p.exitCode("q"); code != 9 {
		t.Errorf("exit code %d, want 9", code)
	}
}

// raw speaks to the broker as the DLL does.
func raw(t *testing.T, h *Host) func(format string, args ...any) string {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	lines := bufio.NewReader(conn)
	return func(format string, args ...any) string {
		t.Helper()
		if format != "" {
			if _, err := fmt.Fprintf(conn, format+"\n", args...); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
}

func onceOrTwice(t *testing.T, h *Host) {
	h.Make(Alien{ID: "a", Owner: "x"})
	h.Fault(Fault{Fn: "SystemExited", Twice: true})
	say, listen := raw(t, h), raw(t, h)
	var handle int
	if _, err := fmt.Sscanf(say(`{"fn":"HcsOpenComputeSystem","id":"a"}`), `{"code":0,"handle":%d}`, &handle); err != nil {
		t.Fatal(err)
	}
	if got := listen(`{"fn":"HcsRegisterComputeSystemCallback","handle":%d}`, handle); !strings.HasPrefix(got, `{"code":0,"registration":`) {
		t.Fatalf("register: %s", got)
	}
	h.End("a", 0)
	h.Disconnect()
	h.Disconnect() // the second one is not told
	want := []string{
		`{"type":1,"status":0}`, `{"type":1,"status":0}`, `{"type":16777216,"status":0}`, `{"error":""}`,
	}
	got := []string{listen(`{"do":"ping"}`)} // its answer comes after all notifications
	for range want[1:] {
		got = append(got, listen(""))
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func violationsShow(t *testing.T, h *Host) {
	say := raw(t, h)
	if got := say(`{"fn":"HcsCloseComputeSystem","handle":77}`); got != `{"code":2147942406}` {
		t.Errorf("closing what is not open: %s", got)
	}
	if got := say(`{"fn":"NoSuchFunction"}`); got != `{"code":2147500033}` {
		t.Errorf("calling what is not there: %s", got)
	}
	p := startProbe(t, h)
	p.create("a")
	leaks := strings.Join(h.Leaks(), "\n")
	for _, want := range []string{
		"closed a handle that is not open", "no such function", `system a of "tests" is Created`,
		fmt.Sprintf("is open in process %d", p.pid), "1 registrations are left",
	} {
		if !strings.Contains(leaks, want) {
			t.Errorf("the leaks do not tell of %q:\n%s", want, leaks)
		}
	}
	p.Kill()
	h.Await("the end of its handles", func() bool { r := h.Report(); return len(r.Handles)+r.Registrations == 0 })
}
