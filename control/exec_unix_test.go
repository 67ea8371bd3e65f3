//go:build unix

package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// processes is an Execer of real processes beside the test.
type processes struct {
	mu       sync.Mutex
	sessions []*process
}

type process struct {
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr io.ReadCloser
	tty            *os.File
	waiting        sync.Once
	err            error
}

func (d *processes) Exec(_ context.Context, r driver.Ref, p driver.Process) (driver.Session, error) {
	if p.Command[0] == "nothing" {
		return nil, fmt.Errorf("exec in %s: %w: no such program", r.Name, driver.ErrInvalid)
	}
	s := &process{cmd: exec.Command(p.Command[0], p.Command[1:]...)}
	s.cmd.Dir = p.WorkingDir
	var err error
	if p.TTY {
		s.tty, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: p.Rows, Cols: p.Cols})
		if s.stdout = s.tty; p.Stdin {
			s.stdin = s.tty
		}
	} else {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if p.Stdin {
			s.stdin, _ = s.cmd.StdinPipe()
		}
		s.stdout, s.stderr = s.pipe(&s.cmd.Stdout), s.pipe(&s.cmd.Stderr)
		err = s.cmd.Start()
		for _, w := range []io.Writer{s.cmd.Stdout, s.cmd.Stderr} {
			w.(*os.File).Close()
		}
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions = append(d.sessions, s)
	return s, nil
}

func (s *process) pipe(w *io.Writer) io.ReadCloser {
	out, in, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	*w = in
	return out
}

func (s *process) Stdin() io.WriteCloser { return s.stdin }
func (s *process) Stdout() io.Reader     { return s.stdout }

func (s *process) Stderr() io.Reader {
	if s.stderr == nil {
		return nil
	}
	return s.stderr
}

func (s *process) Resize(rows, cols uint16) error {
	if s.tty == nil {
		return driver.ErrUnsupported
	}
	return pty.Setsize(s.tty, &pty.Winsize{Rows: rows, Cols: cols})
}

func (s *process) Wait() (uint32, error) {
	s.waiting.Do(func() { s.err = s.cmd.Wait() })
	if st, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return uint32(128 + st.Signal()), nil
	}
	return uint32(s.cmd.ProcessState.ExitCode()), nil
}

func (s *process) Close() error {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_, _ = s.Wait()
	if s.stdin != nil {
		s.stdin.Close()
	}
	s.stdout.Close()
	if s.stderr != nil {
		s.stderr.Close()
	}
	return nil
}

// running is a daemon in which web runs.
func running(t *testing.T) (*Client, *processes, *fakeEngine) {
	d := &processes{}
	e := &fakeEngine{view: engine.View{Containers: []reconcile.ContainerStatus{
		{Name: "ended", State: reconcile.StateCompleted},
		{Name: "web", Revision: "2", Actual: []driver.Status{
			{Ref: driver.Ref{Name: "web", Revision: "1"}, State: driver.Running}, {Ref: driver.Ref{Name: "web", Revision: "2"}, State: driver.Running},
		}},
	}}}
	return serveAll(t, Config{Engine: e, Store: statedb.NewMem(), Exec: d}), d, e
}

func sh(script string) driver.Process { return driver.Process{Command: []string{"sh", "-c", script}} }

func TestExecPassesStreamsAndCodeOn(t *testing.T) {
	c, _, e := running(t)
	big := strings.Repeat("0123456789abcdef", 1<<16) // a megabyte: four windows
	for _, tt := range []struct {
		name      string
		p         driver.Process
		in        string
		out, err  string
		code      uint32
		closeless bool
	}{
		{name: "code", p: sh("exit 3"), code: 3},
		{name: "both streams", p: sh("echo out; echo err >&2"), out: "out\n", err: "err\n"},
		{name: "input", p: driver.Process{Command: []string{"cat"}, Stdin: true}, in: "hello\x00\xff", out: "hello\x00\xff"},
		{name: "much input", p: driver.Process{Command: []string{"cat"}, Stdin: true}, in: big, out: big},
		{name: "input that nobody reads", p: driver.Process{Command: []string{"sh", "-c", "exec <&-; echo done"}, Stdin: true}, in: big, out: "done\n"},
		{name: "folder", p: driver.Process{Command: []string{"pwd"}, WorkingDir: "/"}, out: "/\n"},
		{name: "killed", p: sh("kill -9 $$"), code: 137},
		{name: "child that keeps the output", p: sh("sleep 1000 & echo on its own"), out: "on its own\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code, err := c.Exec(t.Context(), "web", Exec{Process: tt.p, In: strings.NewReader(tt.in), Out: &out, Err: &errs})
			if err != nil || code != tt.code || out.String() != tt.out || errs.String() != tt.err {
				t.Errorf("code %d, %v, %d bytes out %.40q, err %q; want code %d, %d bytes %.40q, err %q",
					code, err, out.Len(), out.String(), errs.String(), tt.code, len(tt.out), tt.out, tt.err)
			}
		})
	}
	if len(e.asked) == 0 || !strings.HasPrefix(e.asked[0], "record web OperatorExec: exec of sh by ") || strings.Contains(e.asked[0], "exit") {
		t.Errorf("told %q; want the program and who, and no argument", e.asked)
	}
}

func TestExecOnATerminal(t *testing.T) {
	c, _, _ := running(t)
	keys, in := io.Pipe()
	out, screen := io.Pipe()
	sizes := make(chan Size, 1)
	var code uint32
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p := driver.Process{
			Command: []string{"sh", "-c", `trap "stty size" WINCH; trap "echo interrupted; exit 4" INT; stty size; echo ready; while :; do sleep 0.05; done`},
			Stdin:   true, TTY: true, Rows: 11, Cols: 33,
		}
		code, err = c.Exec(t.Context(), "web", Exec{Process: p, In: keys, Out: screen, Resize: sizes})
		screen.Close()
	}()
	seen := ""
	until := func(want string) {
		t.Helper()
		buf := make([]byte, 4096)
		for !strings.Contains(seen, want) {
			n, err := out.Read(buf)
			if seen += string(buf[:n]); err != nil {
				t.Fatalf("waited for %q, saw %q: %v", want, seen, err)
			}
		}
	}
	until("11 33")
	until("ready")
	sizes <- Size{Rows: 22, Cols: 66}
	until("22 66")
	if _, err := in.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	until("interrupted")
	go io.Copy(io.Discard, out)
	<-ended
	in.Close()
	if err != nil || code != 4 {
		t.Errorf("code %d, %v; want 4", code, err)
	}
}

func TestExecThatCannotBe(t *testing.T) {
	c, _, _ := running(t)
	none := serve(t, &fakeEngine{}, statedb.NewMem())
	for _, tt := range []struct {
		c          *Client
		name, prog string
		code       string
	}{
		{c, "nobody", "ls", CodeNotFound},
		{c, "ended", "ls", CodeNotRunning},
		{c, "web", "nothing", CodeInvalid},
		{none, "web", "ls", CodeUnsupported},
	} {
		_, err := tt.c.Exec(t.Context(), tt.name, Exec{Process: driver.Process{Command: []string{tt.prog}}})
		if f, ok := errors.AsType[*Failure](err); !ok || f.Code != tt.code {
			t.Errorf("exec of %s in %s: %v, want %s", tt.prog, tt.name, err, tt.code)
		}
	}
	if _, err := NewClient(stateDir(t)).Exec(t.Context(), "web", Exec{Process: sh("")}); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("exec without a daemon: %v", err)
	}
}

// TestExecEndsWithItsClient, also if the process neither reads nor writes; and
// that it ended is seen by the end of the process.
func TestExecEndsWithItsClient(t *testing.T) {
	c, d, _ := running(t)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	p := driver.Process{Command: []string{"sh", "-c", "echo up; sleep 1000"}, Stdin: true}
	go func() { <-started; cancel() }()
	_, err := c.Exec(ctx, "web", Exec{Process: p, In: endless{}, Out: &notice{started: started}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Exec = %v, want that it was cancelled", err)
	}
	d.mu.Lock()
	s := d.sessions[0]
	d.mu.Unlock()
	if code, _ := s.Wait(); code != 137 {
		t.Errorf("the process ended with %d, want 137", code)
	}
}

// notice closes started at the first write.
type notice struct {
	once    sync.Once
	started chan struct{}
}

func (n *notice) Write(b []byte) (int, error) {
	n.once.Do(func() { close(n.started) })
	return len(b), nil
}

// endless is input without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// TestExecWithBadClients: one who sends more than the window, and one who
// speaks nonsense, lose their process and nothing else.
func TestExecWithBadClients(t *testing.T) {
	for name, send := range map[string]func(*frameWriter, net.Conn){
		"more than the window": func(w *frameWriter, _ net.Conn) {
			_ = w.write(frameStdin, make([]byte, window+window)) //nolint:gosec
		},
		"nonsense":          func(_ *frameWriter, c net.Conn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n") },
		"a daemon's frame":  func(w *frameWriter, _ net.Conn) { _ = w.number(frameExit, 0) },
		"hanging up midway": func(_ *frameWriter, c net.Conn) { _, _ = c.Write([]byte{0, 0, 0}); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c, d, _ := running(t)
			p := driver.Process{Command: []string{"sleep", "1000"}, Stdin: true}
			conn, in, err := c.upgrade(t.Context(), "/v1/exec/web?"+encodeExec(p))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.Copy(io.Discard, in)
			send(&frameWriter{w: conn}, conn)
			if code, _ := d.sessions[0].Wait(); code != 137 {
				t.Errorf("the process ended with %d, want 137", code)
			}
		})
	}
}

// TestExecIsToldOfTheEndOfTheDaemon, and its process ends.
func TestExecIsToldOfTheEndOfTheDaemon(t *testing.T) {
	dir, d := stateDir(t), &processes{}
	_, _, e := running(t)
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, Handler(Config{Engine: e, Store: statedb.NewMem(), Exec: d}))
	}()
	started := make(chan struct{})
	go func() { <-started; cancel() }()
	_, err = NewClient(dir).Exec(t.Context(), "web", Exec{Process: sh("echo up; sleep 1000"), Out: &notice{started: started}})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeUnavailable {
		t.Errorf("Exec = %v, want that the daemon ends", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if code, _ := d.sessions[0].Wait(); code != 137 {
		t.Errorf("the process ended with %d, want 137", code)
	}
}
