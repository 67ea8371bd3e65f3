package wine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Command prepares a Windows program: exe is a path of the host or of Linux.
// Its process is the Linux process that Start makes, so killing that one is what
// TerminateProcess from outside is on Windows. The exit code that Linux sees has
// only the lowest 8 bits.
func (h *Host) Command(exe string, args ...string) *exec.Cmd {
	cmd := exec.Command(h.tools.wine, append([]string{exe}, args...)...)
	cmd.Dir = h.Path(`C:\`)
	cmd.Env = h.env()
	// A program that Wine starts in the background may keep the output open.
	cmd.WaitDelay = 5 * time.Second
	// So that an interrupt at the terminal is for the tests alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// env is the environment of every program of the host: no display, no debug
// output, no offers to install more of Wine, and nothing of hcsshim's.
func (h *Host) env() []string { return wineEnv(h.Prefix) }

func wineEnv(prefix string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "WINE") || strings.HasPrefix(v, "DISPLAY=") || strings.HasPrefix(v, "HCSSHIM_")
	})
	return append(env, "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEARCH=win64",
		"WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=")
}

// Result is how a program ended.
type Result struct {
	Stdout, Stderr string
	Code           int // the lowest 8 bits; -1 if it was killed
}

// Run runs a Windows program to its end.
func (h *Host) Run(t testing.TB, exe string, args ...string) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.Command(exe, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("run %s: %v", exe, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Process is a Windows program that runs until it ends, is killed, or the test ends.
type Process struct {
	Stdin  io.WriteCloser
	Stdout io.ReadCloser

	cmd    *exec.Cmd
	stderr syncBuffer
	ended  context.Context
}

// Spawn starts a Windows program with pipes to its stdin and stdout, and
// environment variables ("NAME=value") besides the usual ones. The caller has to
// read Stdout, or the program stops when the pipe is full; what goes to stderr is
// kept.
func (h *Host) Spawn(t testing.TB, env []string, exe string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: h.Command(exe, args...)}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe() // not StdoutPipe, which Wait would close before it is read
	if err != nil {
		t.Fatal(err)
	}
	p.Stdin, p.Stdout, p.cmd.Stdout = in, read, write
	err = p.cmd.Start()
	write.Close()
	if err != nil {
		t.Fatalf("start %s: %v", exe, err)
	}
	ended, end := context.WithCancel(context.Background())
	p.ended = ended
	go func() {
		defer end()
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.Kill()
		read.Close()
	})
	return p
}

// PID is the process as Linux knows it, not as Windows does.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stderr is what the program has written there so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Kill ends the process without any chance to clean up (SIGKILL), and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended.Done()
}

// Interrupt sends Ctrl+C, which Wine makes of SIGINT.
func (p *Process) Interrupt() error { return p.cmd.Process.Signal(os.Interrupt) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.ended.Done() }

// Wait waits for the process to end by itself, and returns the lowest 8 bits
// of its exit code.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended.Done():
	case <-time.After(Patience):
		t.Fatalf("wait for %s: it runs on; stderr:\n%s", p.cmd.Path, p.Stderr())
	}
	return p.cmd.ProcessState.ExitCode()
}

// syncBuffer is written by a process while tests read it.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
