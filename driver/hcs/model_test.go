package hcs

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// model is the Host Compute Service as its users describe it, oddities
// included: success that is an error, systems that go on without their init
// process, systems that are forgotten once they have ended, exits that are
// not told, a connection that breaks.
type model struct {
	mu        sync.Mutex
	systemsBy map[string]*mSystem
	pids      map[int]*mProcess
	lastPID   int
	layers    map[string]*mLayer
	nets      map[string]bool // by name: is it a NAT network
	ends      map[string]endpointRequest
	lastEnd   int
	calls     map[string]int
	// fault is asked before each call, without mu; it may block.
	fault func(call, id string) error
	// after is told when systems, create, start or launch took effect, before
	// the caller learns of it; it may block.
	after func(call string)
	// createFails is what create says although it has made the system.
	createFails error
	// lag is how long a system is still listed after its end was told.
	lag time.Duration
	// keepers are by state folder; see keeper_test.go.
	keepers map[string]*mKeeper
	// What does not arrive.
	loseProcessExits, loseSystemExits bool
}

func newModel() *model {
	return &model{
		systemsBy: map[string]*mSystem{}, pids: map[int]*mProcess{}, layers: map[string]*mLayer{}, lastPID: 1000,
		nets: map[string]bool{"nat": true, "lab": false}, ends: map[string]endpointRequest{}, calls: map[string]int{},
	}
}

func (m *model) machine() machine {
	return machine{compute: m, storage: m, network: m, processTable: m}
}

// enter counts a call and asks for its fault.
func (m *model) enter(call, id string) error {
	m.mu.Lock()
	m.calls[call]++
	fault := m.fault
	m.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(call, id)
}

func (m *model) setFault(f func(call, id string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

func (m *model) count(call string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[call]
}

func (m *model) leave(call string) {
	m.mu.Lock()
	after := m.after
	m.mu.Unlock()
	if after != nil {
		after(call)
	}
}

func coded(call string, code uint32) error {
	return &hostError{call: call, code: code, text: "failure in a Windows system call"}
}

type mSystem struct {
	m       *model
	id      string
	state   string
	doc     containerConfig
	procs   []*mProcess
	handles map[*mHandle]bool
	exited  bool
}

// mHandle is one open handle of a system, or of a process in it.
type mHandle struct {
	sys    *mSystem
	proc   *mProcess // nil: of the system
	ended  chan struct{}
	closed chan struct{}
	lost   chan struct{}
	once   struct{ ended, closed, lost sync.Once }
}

func (s *mSystem) open(p *mProcess) *mHandle {
	h := &mHandle{sys: s, proc: p, ended: make(chan struct{}), closed: make(chan struct{}), lost: make(chan struct{})}
	s.handles[h] = true
	return h
}

func (m *model) systems(ids ...string) ([]properties, error) {
	if err := m.enter("systems", strings.Join(ids, ",")); err != nil {
		return nil, err
	}
	defer m.leave("systems")
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []properties
	for _, id := range slices.Sorted(maps.Keys(m.systemsBy)) {
		if s := m.systemsBy[id]; len(ids) == 0 || slices.Contains(ids, id) {
			all = append(all, properties{ID: id, Owner: s.doc.Owner, State: s.state})
		}
	}
	return all, nil
}

func (m *model) create(id string, doc *containerConfig) (system, error) {
	if err := m.enter("create", id); err != nil {
		return nil, err
	}
	defer m.leave("create")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.systemsBy[id] != nil {
		return nil, coded("create", codeExists)
	}
	if l := m.layers[doc.LayerFolderPath]; !doc.HvPartition && (l == nil || !l.prepared || doc.VolumePath != l.volume()) || len(doc.Layers) == 0 {
		return nil, coded("create", 0xC0370112)
	}
	for _, e := range doc.EndpointList {
		if _, ok := m.ends[e]; !ok {
			return nil, coded("create", codeElementAbsent)
		}
	}
	s := &mSystem{m: m, id: id, state: "Created", doc: *doc, handles: map[*mHandle]bool{}}
	m.systemsBy[id] = s
	if m.createFails != nil {
		return nil, m.createFails
	}
	return s.open(nil), nil
}

func (m *model) open(id string) (system, error) {
	if err := m.enter("open", id); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.systemsBy[id]
	if s == nil {
		return nil, coded("open", codeNotFound)
	}
	return s.open(nil), nil
}

func (h *mHandle) start() error {
	defer h.sys.m.leave("start")
	return h.change("start", "Created", "Running")
}

func (h *mHandle) change(call, from, to string) error {
	if err := h.sys.m.enter(call, h.sys.id); err != nil {
		return err
	}
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	if h.sys.state != from || h.sys.exited {
		return coded(call, codeInvalidState)
	}
	h.sys.state = to
	return nil
}

func (h *mHandle) pause() error {
	if !h.sys.doc.HvPartition {
		return coded("pause", 0x80004001)
	}
	return h.change("pause", "Running", "Paused")
}

func (h *mHandle) resume() error { return h.change("resume", "Paused", "Running") }

// shutdown and terminate say "pending" whatever happens, as hcsshim's do.
func (h *mHandle) shutdown() error { return h.end("shutdown", false) }

func (h *mHandle) terminate() error { return h.end("terminate", true) }

func (h *mHandle) end(call string, forced bool) error {
	if err := h.sys.m.enter(call, h.sys.id); err != nil {
		return err
	}
	select {
	case <-h.lost: // hcsshim takes the end of its wait for that of the system, and does nothing
		return nil
	default:
	}
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	code, obeys := uint32(0xC000013A), true
	for _, p := range h.sys.procs {
		if p.args[0] == "stubborn" && !forced && !p.over {
			obeys = false
		}
		if p.args[0] == "obey" && !forced {
			code = number(p.args[1])
		}
	}
	if obeys {
		time.AfterFunc(time.Millisecond, func() { h.sys.stop(code) })
	}
	return coded(call, codePending)
}

// stop ends a system: first its processes, then itself, and it is forgotten.
func (s *mSystem) stop(code uint32) {
	s.m.mu.Lock()
	procs := slices.Clone(s.procs)
	s.m.mu.Unlock()
	for _, p := range procs {
		p.exit(code)
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.exited {
		return
	}
	s.exited = true
	if s.m.lag == 0 {
		delete(s.m.systemsBy, s.id)
	} else {
		time.AfterFunc(s.m.lag, func() {
			s.m.mu.Lock()
			defer s.m.mu.Unlock()
			delete(s.m.systemsBy, s.id)
		})
	}
	if s.m.loseSystemExits {
		return
	}
	for h := range s.handles {
		if h.proc == nil {
			h.once.ended.Do(func() { close(h.ended) })
		}
	}
}

func (h *mHandle) wait() error {
	select {
	case <-h.ended:
		return nil
	case <-h.closed:
		return &hostError{call: "wait", kind: errClosed, text: "closed"}
	case <-h.lost:
		return &hostError{call: "wait", kind: errLost, text: "lost communication with compute service"}
	}
}

func (h *mHandle) close() error {
	h.once.closed.Do(func() { close(h.closed) })
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	delete(h.sys.handles, h)
	return nil
}

// disconnect breaks every handle, as a crash of the service does.
func (m *model) disconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.systemsBy {
		for h := range s.handles {
			h.once.lost.Do(func() { close(h.lost) })
		}
	}
}

func (h *mHandle) statistics() (statistics, error) {
	if err := h.sys.m.enter("statistics", h.sys.id); err != nil {
		return statistics{}, err
	}
	return statistics{at: time.Now(), cpu: time.Second, privateWorkingSet: 1 << 20, network: []networkStatistics{{endpoint: "E", received: 7, droppedOut: 1}}}, nil
}

// processes lists those of Windows itself, too.
func (h *mHandle) processes() ([]processItem, error) {
	if err := h.sys.m.enter("processes", h.sys.id); err != nil {
		return nil, err
	}
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	items := []processItem{{pid: 4, image: "smss.exe"}, {pid: 5, image: "services.exe"}}
	for _, p := range h.sys.procs {
		if !p.over {
			items = append(items, processItem{pid: p.number, image: p.args[0] + ".exe", created: p.made})
		}
	}
	return items, nil
}

type mProcess struct {
	sys      *mSystem
	number   int
	args     []string
	made     time.Time
	doc      *processConfig
	over     bool
	code     uint32
	in       *io.PipeReader // nil: none was asked for
	out, err *io.PipeWriter
}

// mProcessHandle adds the streams, which only the one who launched has.
type mProcessHandle struct {
	*mHandle
	from     *mHandle // of the system that it was launched or attached by
	in       io.WriteCloser
	out, err io.ReadCloser
}

func (h *mHandle) launch(doc *processConfig) (process, error) {
	if err := h.sys.m.enter("launch", h.sys.id); err != nil {
		return nil, err
	}
	m := h.sys.m
	defer m.leave("launch")
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.sys.state != "Running" || h.sys.exited {
		return nil, coded("launch", codeInvalidState)
	}
	m.lastPID++
	p := &mProcess{sys: h.sys, number: m.lastPID, args: split(doc.CommandLine), made: time.Now().Round(0), doc: doc}
	if p.args[0] == "missing.exe" {
		return nil, coded("launch", 0x2)
	}
	h.sys.procs = append(h.sys.procs, p)
	m.pids[p.number] = p
	handle := &mProcessHandle{mHandle: h.sys.open(p), from: h}
	handle.out, p.out = io.Pipe()
	handle.err, p.err = io.Pipe()
	if doc.CreateStdInPipe {
		p.in, handle.in = io.Pipe()
	}
	if p.args[0] == "print" {
		handle.out = &tail{text: p.args[1] + "\n"}
	}
	p.behave()
	return handle, nil
}

// behave acts out the program: see programs in conform_test.go.
func (p *mProcess) behave() {
	switch p.args[0] {
	case "exit":
		after, err := time.ParseDuration(p.args[2])
		if err != nil {
			panic(err)
		}
		code := number(p.args[1])
		time.AfterFunc(after, func() { p.exit(code) })
	case "print":
		time.AfterFunc(time.Millisecond, func() { p.exit(0) })
	case "steps":
		go p.steps(p.args[1:])
	}
}

// tail is a pipe whose content is read only after its writer has ended.
type tail struct {
	text   string
	closed atomic.Bool
}

func (r *tail) Read(p []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	if r.closed.Load() || r.text == "" {
		return 0, io.EOF
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}

func (r *tail) Close() error {
	r.closed.Store(true)
	return nil
}

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

// exit ends one process; the system goes on.
func (p *mProcess) exit(code uint32) {
	m := p.sys.m
	_ = p.out.Close()
	_ = p.err.Close()
	if p.in != nil {
		_ = p.in.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.over {
		return
	}
	p.over, p.code = true, code
	if m.loseProcessExits {
		return
	}
	for h := range p.sys.handles {
		if h.proc == p {
			h.once.ended.Do(func() { close(h.ended) })
		}
	}
}

func (h *mHandle) attach(pid int) (process, error) {
	if err := h.sys.m.enter("attach", h.sys.id); err != nil {
		return nil, err
	}
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	for _, p := range h.sys.procs {
		if p.number == pid && !p.over {
			return &mProcessHandle{mHandle: h.sys.open(p), from: h}, nil
		}
	}
	return nil, coded("attach", codeElementAbsent)
}

func (h *mProcessHandle) pid() int { return h.proc.number }

func (h *mProcessHandle) exitCode() (int, error) {
	h.sys.m.mu.Lock()
	defer h.sys.m.mu.Unlock()
	return int(h.proc.code), nil
}

func (h *mProcessHandle) stdio() (io.WriteCloser, io.ReadCloser, io.ReadCloser, error) {
	return h.in, h.out, h.err, h.sys.m.enter("stdio", h.sys.id)
}

func (h *mProcessHandle) closeStdin() error {
	if h.in != nil {
		_ = h.in.Close()
	}
	return h.sys.m.enter("closeStdin", h.sys.id)
}

// openProcess knows only processes of process isolation, as the host does.
func (m *model) openProcess(pid int) (hostProcess, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.pids[pid]
	if p == nil || p.over || p.sys.doc.HvPartition {
		return nil, errNoProcess
	}
	return mHostProcess{p}, nil
}

type mHostProcess struct{ p *mProcess }

func (h mHostProcess) born() time.Time { return h.p.made }

func (h mHostProcess) close() {}

func (h mHostProcess) exit() (uint32, bool) {
	h.p.sys.m.mu.Lock()
	defer h.p.sys.m.mu.Unlock()
	return h.p.code, h.p.over
}
