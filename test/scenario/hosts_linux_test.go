package scenario

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// host is a machine that scenarios run on. What it tells of containers comes
// from the machine itself, never from the program that is tested.
type host interface {
	// folder makes a folder for one scenario, named as the host does.
	folder(t *testing.T, name string) string
	join(parts ...string) string
	linux(path string) string // where this test sees a path of the host

	run(t *testing.T, w *world, args ...string) daemon

	// program is the command of a container, lines what its manifest needs besides.
	program(b behaviour, code int, mark string) []string
	lines() []string
	// check is a command, in YAML, that ends with code when a probe runs it.
	check(code int) []string

	running(t *testing.T, w *world) []process
	// end ends an init process from outside.
	end(t *testing.T, p process, code uint32)
	// calls counts what was asked for a container; false: nobody counts here.
	calls(t *testing.T, w *world, name string) (calls, bool)
	// leaks names what a daemon that has ended, and its containers, left open.
	leaks(t *testing.T, w *world) []string
	saw(t *testing.T) string // what to read when a scenario has failed
	// foreign makes a container that bears a name but not our owner, and
	// returns whose it is, and whether it still runs.
	foreign(t *testing.T, w *world, name string) (owner string, alive func() bool)
}

// daemon is a run of the real program.
type daemon interface {
	Kill() // at once, and waits for it
	Interrupt() error
	Done() <-chan struct{}
	Stderr() string
}

// process is the init process of a container.
type process struct {
	name, version string
	pid           int
}

type calls struct{ creates, starts, processes int }

// --- this machine, with the local driver ---

type thisMachine struct{ binary string }

func newThisMachine(t *testing.T) *thisMachine {
	t.Helper()
	m := &thisMachine{filepath.Join(t.TempDir(), "hcs-reconcile")}
	build := exec.Command("go", "build", "-o", m.binary, "../../cmd/hcs-reconcile")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return m
}

func (m *thisMachine) folder(t *testing.T, _ string) string { return t.TempDir() }
func (m *thisMachine) join(parts ...string) string          { return filepath.Join(parts...) }
func (m *thisMachine) linux(path string) string             { return path }
func (m *thisMachine) lines() []string                      { return nil }
func (m *thisMachine) check(code int) []string {
	return []string{"/bin/sh", "-c", fmt.Sprintf("'exit %d'", code)}
}

func (m *thisMachine) program(b behaviour, code int, mark string) []string {
	script := "echo run >>" + mark + "; "
	switch b {
	case stays:
		script += "exec sleep 100000"
	case stubborn:
		script = "trap '' TERM; " + script + "while :; do sleep 100000; done"
	case ends:
		script += "exit " + strconv.Itoa(code)
	}
	return []string{"/bin/sh", "-c", script}
}

func (m *thisMachine) run(t *testing.T, w *world, args ...string) daemon {
	t.Helper()
	d := &nativeDaemon{cmd: exec.Command(m.binary, withDriver("local", args)...), done: make(chan struct{})}
	d.cmd.Stderr = &d.stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait()
	}()
	t.Cleanup(func() {
		d.Kill()
		for _, p := range marked(t, w.owner) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	})
	return d
}

type nativeDaemon struct {
	cmd    *exec.Cmd
	done   chan struct{}
	stderr text
}

func (d *nativeDaemon) Kill()                 { _ = d.cmd.Process.Kill(); <-d.done }
func (d *nativeDaemon) Interrupt() error      { return d.cmd.Process.Signal(os.Interrupt) }
func (d *nativeDaemon) Done() <-chan struct{} { return d.done }
func (d *nativeDaemon) Stderr() string        { return d.stderr.String() }

// text is written by a process while tests read it.
type text struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

var _ io.Writer = (*text)(nil)

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// The marks that the local driver gives to its processes.
const (
	markOwner = "HCS_RECONCILE_MARK_OWNER="
	markName  = "HCS_RECONCILE_MARK_NAME="
	markExec  = "HCS_RECONCILE_MARK_EXEC="
)

func (m *thisMachine) running(t *testing.T, w *world) (leaders []process) {
	for _, p := range marked(t, w.owner) {
		if session, err := unix.Getsid(p.pid); err == nil && session == p.pid && p.version != "" {
			leaders = append(leaders, p)
		}
	}
	return leaders
}

// marked lists the processes of an owner that are not zombies.
func marked(t *testing.T, owner string) (found []process) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile("/proc/" + e.Name() + "/environ") // of a zombie: empty
		if err != nil || !bytes.Contains(environ, []byte(markOwner+owner+"\x00")) {
			continue
		}
		if bytes.Contains(environ, []byte(markExec)) {
			continue // run by a probe, and gone in a moment
		}
		p := process{pid: pid}
		for v := range strings.SplitSeq(string(environ), "\x00") {
			if name, ok := strings.CutPrefix(v, markName); ok {
				p.name = name
			}
			if version, ok := strings.CutPrefix(v, "VERSION="); ok {
				p.version = version
			}
		}
		found = append(found, p)
	}
	return found
}

func (m *thisMachine) end(t *testing.T, p process, _ uint32) {
	if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func (m *thisMachine) calls(*testing.T, *world, string) (calls, bool) { return calls{}, false }

func (m *thisMachine) leaks(t *testing.T, w *world) (leaks []string) {
	for _, p := range marked(t, w.owner) {
		leaks = append(leaks, fmt.Sprintf("%+v", p))
	}
	return leaks
}

func (m *thisMachine) saw(*testing.T) string { return "nothing" }

func (m *thisMachine) foreign(t *testing.T, w *world, name string) (owner string, alive func() bool) {
	t.Helper()
	owner = w.owner + "-other"
	var born unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &born); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "100000")
	cmd.Env = []string{markOwner + owner, markName + name, "HCS_RECONCILE_MARK_REVISION=1-0", fmt.Sprintf("HCS_RECONCILE_MARK_BORN=%d", born.Nano())}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	return owner, func() bool { return len(marked(t, owner)) == 1 }
}
