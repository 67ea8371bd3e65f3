package wine

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var systemCases = []testCase{
	{"CallingRules", callingRules},
	{"ManyAtOnce", manyAtOnce},
	{"LifeOfASystem", lifeOfASystem},
	{"SystemOutlivesItsFirstProcess", outlivesFirstProcess},
	{"ListFilters", listFilters},
	{"Codes", systemCodes},
	{"StoppedSystemIsGone", stoppedIsGone},
	{"StoppedSystemLingers", stoppedLingers},
	{"BothHandlesHearOfTheExit", bothHandles},
	{"PauseNeedsHyperV", pauseNeedsHyperV},
	{"PauseFreezesProcesses", pauseFreezes},
	{"LastHandleClosed", lastHandleClosed},
}

// listed is what hcsshim tells of a system, without its RuntimeId.
type listed struct {
	ID            string `json:"Id"`
	State         string
	Name          string
	SystemType    string
	RuntimeOsType string
	Owner         string
	Stopped       bool
	ExitType      string
}

func (p *probe) list(query string) []listed {
	p.t.Helper()
	var systems []listed
	p.value(request{Op: "list", Config: json.RawMessage(query)}, &systems)
	return systems
}

func (p *probe) wantState(id, state string) {
	p.t.Helper()
	got := ""
	for _, s := range p.list(`{}`) {
		if s.ID == id {
			got = s.State
		}
	}
	if got != state {
		p.t.Errorf("state of %s: got %q, want %q", id, got, state)
	}
}

func lifeOfASystem(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.create("a")
	want := []listed{{
		ID: "a", State: "Created", Name: "a", SystemType: "Container", RuntimeOsType: "Windows", Owner: "tests",
	}}
	if diff := cmp.Diff(want, p.list(`{}`)); diff != "" {
		t.Errorf("after create (-want +got):\n%s", diff)
	}
	p.start("a")
	p.wantState("a", "Running")
	p.stop("a")
	if got := p.list(`{}`); len(got) != 0 {
		t.Errorf("after the stop there is %v", got)
	}
	clean(t, h)
	for _, fn := range []string{"HcsCreateComputeSystem", "HcsStartComputeSystem", "HcsTerminateComputeSystem"} {
		if calls := h.Calls(fn, "a"); len(calls) != 1 || calls[0].Client != p.pid || calls[0].Code != codePending {
			t.Errorf("the journal has %+v of %s, want one pending call of process %d", calls, fn, p.pid)
		}
	}
}

func outlivesFirstProcess(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.exec("a", "init", h, "exit 3")
	if code := p.exitCode("init"); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	p.wantState("a", "Running")
	p.ok(request{Op: "closeProcess", Name: "init"})
	p.stop("a")
	clean(t, h)
}

func listFilters(t *testing.T, h *Host) {
	h.Make(Alien{ID: "id-1", Owner: "docker", Name: "first"})
	h.Make(Alien{ID: "id-2", Owner: "ours", Name: "second", Created: true})
	h.Make(Alien{ID: "id-3", Owner: "ours", Name: "third"})
	p := startProbe(t, h)
	for query, want := range map[string][]string{
		`{}`:                                     {"id-1", "id-2", "id-3"},
		`{"Owners":["ours"]}`:                    {"id-2", "id-3"},
		`{"Ids":["id-1","id-3","no"]}`:           {"id-1", "id-3"},
		`{"Names":["second"]}`:                   {"id-2"},
		`{"Types":["Container"]}`:                {"id-1", "id-2", "id-3"},
		`{"Types":["VirtualMachine"]}`:           nil,
		`{"Owners":["ours"],"Names":["first"]}`:  nil,
		`{"Owners":["ours"],"Ids":["id-3","x"]}`: {"id-3"},
	} {
		var got []string
		for _, s := range p.list(query) {
			got = append(got, s.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	p.wantState("id-2", "Created")
}

func systemCodes(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.create("created")
	p.run("running")
	shell := config(map[string]any{"CommandLine": "no-such-program.exe"})
	nowhere := config(map[string]any{"CommandLine": h.Payload(), "WorkingDirectory": `C:\no\such`})
	for _, c := range []struct {
		what string
		do   request
		code uint32
	}{
		{"create what exists", request{Op: "create", ID: "created", Config: document("created", "tests")}, codeExists},
		{"create without a type", request{Op: "create", ID: "x", Config: json.RawMessage(`{"Name":"x"}`)}, codeInvalidJSON},
		{"open what does not exist", request{Op: "open", ID: "x"}, codeNotFound},
		{"start what runs", request{Op: "start", Name: "running"}, codeInvalidState},
		{"shut down what never started", request{Op: "shutdown", Name: "created"}, codeInvalidState},
		{"run in what never started", request{Op: "exec", Name: "p", ID: "created", Config: shell}, codeInvalidState},
		{"figures of what never started", request{Op: "statistics", Name: "created"}, codeInvalidState},
		{"run what is not there", request{Op: "exec", Name: "p", ID: "running", Config: shell}, 2},
		{"run in a folder that is not there", request{Op: "exec", Name: "p", ID: "running", Config: nowhere}, 0x10b},
		{"open a process that is not there", request{Op: "openProcess", Name: "p", ID: "running", PID: 99999}, 0x490},
	} {
		if got := p.ask(c.do); got.Code != c.code {
			t.Errorf("%s: got %#x (%s), want %#x", c.what, got.Code, got.Error, c.code)
		}
	}
	p.pending(request{Op: "terminate", Name: "created"}) // works on Created too
	p.ok(request{Op: "wait", Name: "created"})
}

func stoppedIsGone(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.ok(request{Op: "open", Name: "second", ID: "a"})
	p.pending(request{Op: "terminate", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	p.ok(request{Op: "wait", Name: "second"})
	p.fails(request{Op: "open", Name: "late", ID: "a"}, codeNotFound)
	p.fails(request{Op: "start", Name: "a"}, codeAlreadyStopped)
	// hcsshim calls a stop of what has stopped a success, which is "pending".
	p.pending(request{Op: "shutdown", Name: "a"})
	p.pending(request{Op: "terminate", Name: "a"})
	p.ok(request{Op: "close", Name: "a"})
	p.pending(request{Op: "terminate", Name: "a"})
	p.create("a") // the name is free again
}

func stoppedLingers(t *testing.T, h *Host) {
	h.KeepStopped(true)
	p := startProbe(t, h)
	p.run("a")
	p.pending(request{Op: "terminate", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	p.wantState("a", "Stopped")
	p.ok(request{Op: "open", Name: "late", ID: "a"})
	p.ok(request{Op: "wait", Name: "late"}) // a late registration hears of it at once
	p.ok(request{Op: "close", Name: "late"})
	p.ok(request{Op: "close", Name: "a"})
	p.wantState("a", "")
}

func bothHandles(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("a")
	p.ok(request{Op: "open", Name: "b", ID: "a"})
	waits := []<-chan reply{p.begin(request{Op: "wait", Name: "a"}), p.begin(request{Op: "wait", Name: "b"})}
	h.End("a", codeUnexpectedExit)
	for _, wait := range waits {
		if got := p.await(request{Op: "wait"}, wait); got.Code != codeUnexpectedExit {
			t.Errorf("a wait ended with %#x (%s), want %#x", got.Code, got.Error, uint32(codeUnexpectedExit))
		}
	}
}

func pauseNeedsHyperV(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("process")
	p.fails(request{Op: "pause", Name: "process"}, 0x80004001)
	p.ok(request{
		Op: "create", Name: "vm", ID: "vm",
		Config: json.RawMessage(`{"SystemType":"Container","Name":"vm","Owner":"tests","HvPartition":true}`),
	})
	p.start("vm")
	for range 2 { // each of these notifications may come more than once
		p.ok(request{Op: "pause", Name: "vm"})
		p.wantState("vm", "Paused")
		p.fails(request{Op: "pause", Name: "vm"}, codeInvalidState)
		p.ok(request{Op: "resume", Name: "vm"})
		p.wantState("vm", "Running")
	}
	p.stop("vm")
}

func pauseFreezes(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.ok(request{Op: "create", Name: "vm", ID: "vm", Config: json.RawMessage(
		`{"SystemType":"Container","Name":"vm","Owner":"tests","HvPartition":true}`)})
	p.start("vm")
	p.exec("vm", "p", h, "cat exit 5")
	p.ok(request{Op: "pause", Name: "vm"})
	p.ok(request{Op: "closeStdin", Name: "p"})
	if got := p.ask(request{Op: "waitProcessFor", Name: "p", MS: 300}); !slices.Equal(got.Is, []string{"Timeout"}) {
		t.Errorf("a frozen process ended: %+v", got)
	}
	p.ok(request{Op: "resume", Name: "vm"})
	if code := p.exitCode("p"); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
	p.exec("vm", "q", h, "forever")
	p.ok(request{Op: "pause", Name: "vm"})
	p.stop("vm") // a frozen one can be ended too
}

func lastHandleClosed(t *testing.T, h *Host) {
	p := startProbe(t, h)
	p.run("stays")
	p.ok(request{Op: "create", Name: "goes", ID: "goes", Config: json.RawMessage(
		`{"SystemType":"Container","Name":"goes","Owner":"tests","TerminateOnLastHandleClosed":true}`)})
	p.ok(request{Op: "close", Name: "stays"})
	p.ok(request{Op: "close", Name: "goes"})
	var ids []string
	for _, s := range p.list(`{}`) {
		ids = append(ids, s.ID)
	}
	if !slices.Equal(ids, []string{"stays"}) {
		t.Errorf("there is %v, want only the one that does not end with its last handle", ids)
	}
}

func callingRules(t *testing.T, h *Host) {
	type calling struct {
		Create, Open  uint64
		Handle        bool
		Type          uint32
		Status        uint64
		ForeignThread bool
		Drained       bool
	}
	h.Fault(Fault{Fn: "CreateCompleted", Code: 0xC0370112})
	p := startProbe(t, h)
	var got calling
	p.value(request{Op: "rules", ID: "a", Config: document("a", "tests")}, &got)
	want := calling{
		Create: codePending, Open: codeNotFound, Handle: true,
		Type: 2, Status: 0xC0370112, ForeignThread: true, Drained: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// manyAtOnce shows that the stand-in bears a crowd; each system has a process.
func manyAtOnce(t *testing.T, h *Host) {
	const crowd = 24 // more at the same moment is more than Wine itself bears beside other work
	p := startProbe(t, h)
	all := func(make func(id string) request) {
		t.Helper()
		var replies []<-chan reply
		for i := range crowd {
			replies = append(replies, p.begin(make(fmt.Sprintf("c%d", i))))
		}
		for _, r := range replies {
			if got := p.await(request{Op: "one of many"}, r); got.Error != "" && got.Code != codePending {
				t.Fatalf("one of many: %s", got.Error)
			}
		}
	}
	all(func(id string) request { return request{Op: "create", Name: id, ID: id, Config: document(id, "tests")} })
	all(func(id string) request { return request{Op: "start", Name: id} })
	all(func(id string) request { return request{Op: "exec", Name: id, ID: id, Config: command(h, "forever")} })
	if got := p.list(`{"Owners":["tests"]}`); len(got) != crowd {
		t.Errorf("there are %d systems, want %d", len(got), crowd)
	}
	all(func(id string) request { return request{Op: "terminate", Name: id} })
	all(func(id string) request { return request{Op: "wait", Name: id} })
	all(func(id string) request { return request{Op: "waitProcess", Name: id} })
	all(func(id string) request { return request{Op: "closeProcess", Name: id} })
	all(func(id string) request { return request{Op: "close", Name: id} })
	clean(t, h)
}
