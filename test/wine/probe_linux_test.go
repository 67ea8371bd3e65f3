package wine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

const probePackage = "github.com/hcs-reconcile/hcs-reconcile/test/wine/probe"

// request and reply are those of ./probe.
type request struct {
	Seq      int
	Op       string
	Name, ID string
	PID, MS  int
	Text     string
	Paths    []string
	Config   json.RawMessage
}

type reply struct {
	Seq   int
	Error string
	Code  uint32
	Is    []string
	Value json.RawMessage
}

// probe drives hcsshim inside a Windows process.
type probe struct {
	*Process
	t       *testing.T
	pid     int // as Windows knows it
	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
}

func startProbe(t *testing.T, h *Host, env ...string) *probe {
	t.Helper()
	p := &probe{Process: h.Spawn(t, env, `C:\probe.exe`), t: t, waiting: map[int]chan reply{}}
	go p.receive()
	p.value(request{Op: "pid"}, &p.pid)
	return p
}

func (p *probe) receive() {
	lines := bufio.NewScanner(p.Stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // the process was killed in the middle of a line
		}
		p.mu.Lock()
		c := p.waiting[r.Seq]
		delete(p.waiting, r.Seq)
		p.mu.Unlock()
		c <- r
	}
}

// begin sends a request; the reply comes on the channel.
func (p *probe) begin(r request) <-chan reply {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	r.Seq = p.last
	c := make(chan reply, 1)
	p.waiting[r.Seq] = c
	if err := json.NewEncoder(p.Stdin).Encode(r); err != nil {
		p.t.Fatalf("ask the probe: %v; stderr:\n%s", err, p.Stderr())
	}
	return c
}

func (p *probe) await(r request, c <-chan reply) reply {
	p.t.Helper()
	select {
	case got := <-c:
		return got
	case <-p.Done():
		p.t.Fatalf("%s: the probe ended; stderr:\n%s", r.Op, p.Stderr())
	case <-time.After(Patience):
		p.t.Fatalf("%s %s%s: no reply; stderr:\n%s", r.Op, r.Name, r.ID, p.Stderr())
	}
	return reply{}
}

func (p *probe) ask(r request) reply {
	p.t.Helper()
	return p.await(r, p.begin(r))
}

// ok wants success.
func (p *probe) ok(r request) reply {
	p.t.Helper()
	got := p.ask(r)
	if got.Error != "" {
		p.t.Fatalf("%s %s%s: %s (%#x)", r.Op, r.Name, r.ID, got.Error, got.Code)
	}
	return got
}

// value wants success, and decodes what came.
func (p *probe) value(r request, out any) {
	p.t.Helper()
	if err := json.Unmarshal(p.ok(r).Value, out); err != nil {
		p.t.Fatalf("%s: %v", r.Op, err)
	}
}

// fails wants this code.
func (p *probe) fails(r request, code uint32) reply {
	p.t.Helper()
	got := p.ask(r)
	if got.Error == "" || got.Code != code {
		p.t.Errorf("%s %s%s: got error %q (%#x), want %#x", r.Op, r.Name, r.ID, got.Error, got.Code, code)
	}
	return got
}

// pending wants what success of a stop looks like.
func (p *probe) pending(r request) {
	p.t.Helper()
	p.fails(r, codePending)
}

// create makes and starts a container, kept under its id.
func (p *probe) create(id string) {
	p.t.Helper()
	p.ok(request{Op: "create", Name: id, ID: id, Config: document(id, "tests")})
}

func (p *probe) start(id string) { p.t.Helper(); p.ok(request{Op: "start", Name: id}) }

func (p *probe) run(id string) {
	p.t.Helper()
	p.create(id)
	p.start(id)
}

// exec runs steps of the payload in container id, kept as name.
func (p *probe) exec(id, name string, h *Host, steps string) int {
	p.t.Helper()
	var pid int
	p.value(request{Op: "exec", Name: name, ID: id, Config: command(h, steps)}, &pid)
	return pid
}

// stop terminates a container, and lets go of it.
func (p *probe) stop(id string) {
	p.t.Helper()
	p.pending(request{Op: "terminate", Name: id})
	p.ok(request{Op: "wait", Name: id})
	p.ok(request{Op: "close", Name: id})
}

func (p *probe) exitCode(name string) int64 {
	p.t.Helper()
	var code int64
	p.ok(request{Op: "waitProcess", Name: name})
	p.value(request{Op: "exitCode", Name: name}, &code)
	return code
}

func document(id, owner string) json.RawMessage {
	return fmt.Appendf(nil, `{"SystemType":"Container","Name":%q,"Owner":%q}`, id, owner)
}

func command(h *Host, steps string) json.RawMessage {
	return config(map[string]any{
		"CommandLine":      h.Payload() + " " + steps,
		"CreateStdInPipe":  true,
		"CreateStdOutPipe": true,
		"CreateStdErrPipe": true,
	})
}

func config(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

const (
	codePending        = 0xC0370103
	codeInvalidState   = 0xC0370105
	codeUnexpectedExit = 0xC0370106
	codeInvalidJSON    = 0xC037010D
	codeNotFound       = 0xC037010E
	codeExists         = 0xC037010F
	codeAlreadyStopped = 0xC0370110
	codeControlCExit   = 0xC000013A
)
