//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

// house is a daemon with its folders, and the environment of its commands.
type house struct {
	t   *testing.T
	dir string
	env []string
}

// newHouse runs a daemon on manifests, by name, until the test ends; without
// any, it runs none.
func newHouse(t *testing.T, manifests map[string]string) *house {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs") // short: the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	owner := fmt.Sprintf("pty-%d-%s", os.Getpid(), filepath.Base(dir))
	h := &house{t: t, dir: dir, env: append(os.Environ(), "TERM=xterm-256color",
		"HCS_RECONCILE_MANIFESTS="+filepath.Join(dir, "manifests"), "HCS_RECONCILE_STATE_DIR="+filepath.Join(dir, "state"),
		"HCS_RECONCILE_OWNER="+owner, "HCS_RECONCILE_DRIVER=local", "HCS_RECONCILE_WEB_LISTEN_ADDRESS=none",
	)}
	if err := os.Mkdir(filepath.Join(dir, "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, spec := range manifests {
		h.write(name, spec)
	}
	t.Cleanup(func() { endAll(owner, dir) })
	if manifests != nil {
		h.daemon()
	}
	return h
}

// write writes the manifest of a container.
func (h *house) write(name, spec string) {
	h.t.Helper()
	text := fmt.Sprintf("{apiVersion: hcs-reconcile/v1, kind: Container, metadata: {name: %s}, spec: {%s}}\n", name, spec)
	if err := os.WriteFile(filepath.Join(h.dir, "manifests", name+".yaml"), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// daemon begins a life of the daemon, which ends with the test at the latest.
func (h *house) daemon() {
	h.t.Helper()
	d := h.command("run")
	if err := d.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = d.Process.Kill(); _ = d.Wait() })
}

func (h *house) command(args ...string) *exec.Cmd {
	cmd := exec.Command("hcs-reconcile", args...)
	cmd.Env = h.env
	return cmd
}

// await waits until the daemon shows a state.
func (h *house) await(name, state string) {
	h.t.Helper()
	c := control.NewClient(filepath.Join(h.dir, "state"))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		v, err := c.View(h.t.Context())
		if err == nil && unmet(v, []string{name + "=" + state}) == "" {
			return
		}
	}
	h.t.Fatalf("%s is not %s", name, state)
}

// tty is a command on a terminal of its own.
type tty struct {
	t    *testing.T
	cmd  *exec.Cmd
	file *os.File

	mu   sync.Mutex
	text string
	more chan struct{}
	done chan struct{}
}

func (h *house) onTerminal(rows, cols uint16, args ...string) *tty {
	h.t.Helper()
	x := &tty{t: h.t, cmd: h.command(args...), more: make(chan struct{}, 1), done: make(chan struct{})}
	var err error
	if x.file, err = pty.StartWithSize(x.cmd, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		h.t.Fatal(err)
	}
	go x.read()
	h.t.Cleanup(func() { _ = x.cmd.Process.Kill(); _ = x.cmd.Wait(); x.file.Close(); <-x.done })
	return x
}

func (x *tty) read() {
	defer close(x.done)
	buf := make([]byte, 4096)
	for {
		n, err := x.file.Read(buf)
		x.mu.Lock()
		x.text += string(buf[:n])
		x.mu.Unlock()
		select {
		case x.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// until waits for text on the terminal, and forgets what came before its end.
func (x *tty) until(pattern string) string {
	x.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(patience)
	for {
		x.mu.Lock()
		if at := re.FindStringIndex(x.text); at != nil {
			seen := x.text[:at[1]]
			x.text = x.text[at[1]:]
			x.mu.Unlock()
			return seen
		}
		text := x.text
		x.mu.Unlock()
		select {
		case <-x.more:
		case <-limit:
			x.t.Fatalf("waited in vain for %q in %q", pattern, text)
		}
	}
}

func (x *tty) press(keys string) {
	x.t.Helper()
	if _, err := x.file.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tty) resize(rows, cols uint16) {
	x.t.Helper()
	if err := pty.Setsize(x.file, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		x.t.Fatal(err)
	}
}

// code waits for the end.
func (x *tty) code() int {
	x.t.Helper()
	<-x.done // all has been read
	_ = x.cmd.Wait()
	return x.cmd.ProcessState.ExitCode()
}

const ctrlC = "\x03"

const idle = `command: [sleep, "1000"]`

func TestStatusWatchOnATerminal(t *testing.T) {
	h := newHouse(t, map[string]string{"web": idle, "bad": `command: [sh, -c, "exit 3"], restart: {initialDelay: 1h, maxDelay: 1h, jitter: 0}`})
	h.await("web", "Running")
	h.await("bad", "CrashLoopBackOff")
	x := h.onTerminal(20, 100, "status", "--watch", "--interval", "100ms")
	x.until(regexp.QuoteMeta(enterScreen))
	x.until(`NAME.*STATE.*READY.*MESSAGE`)
	x.until(`\x1b\[31mCrashLoopBackOff\x1b\[0m.* in [0-9hms]+  exited with 3; 1 exit in a row`)
	first := x.until(`\x1b\[32mRunning\x1b\[0m`)
	if strings.Contains(first, "\x1b[2J") {
		t.Error("the screen is cleared as a whole: it flickers")
	}
	x.until(regexp.QuoteMeta(goHome) + `.*NAME`) // drawn anew, in place

	x.resize(20, 60) // columns go, and what is left is cut
	narrow := x.until(`NAME\S*  \S*STATE\S* +\S*NEXT TRY\S*  \S*MESSAGE(?s:.*?)` + regexp.QuoteMeta(clearBelow))
	for line := range strings.SplitSeq(narrow[strings.LastIndex(narrow, goHome):], "\n") {
		text := regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]|\r`).ReplaceAllString(line, "")
		if n := len([]rune(text)); n > 60 {
			t.Errorf("%d columns on a terminal of 60: %q", n, text)
		}
	}
	x.resize(2, 60)
	x.until(`… and [0-9]+ more lines`)

	x.press(ctrlC)
	rest := x.until(regexp.QuoteMeta(leaveScreen) + `(?s:.*)web`)
	if _, after, _ := strings.Cut(rest, leaveScreen); strings.Contains(after, goHome) {
		t.Errorf("after the end: %q", rest)
	}
	if code := x.code(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestStatusWatchOutlivesTheDaemon: it waits for the next one.
func TestStatusWatchOutlivesTheDaemon(t *testing.T) {
	h := newHouse(t, map[string]string{"web": idle})
	h.await("web", "Running")
	x := h.onTerminal(20, 200, "status", "--watch", "--interval", "100ms")
	x.until(`web +.*Running`)
	p, err := daemonOf(filepath.Join(h.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	x.until(`As of .*ago:.*no daemon answers(?s:.*)web +.*Running`)
	h.daemon()
	h.await("web", "Running")
	x.until(regexp.QuoteMeta(goHome) + `[^\n]*NAME`)
	x.press(ctrlC)
	if code := x.code(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestNoColorIsHonoured(t *testing.T) {
	h := newHouse(t, map[string]string{"web": idle})
	h.await("web", "Running")
	for _, args := range [][]string{{"status"}, {"describe", "web"}, {"events"}, {"top", "--interval", "100ms"}} {
		h.env = append(h.env, "NO_COLOR=")
		x := h.onTerminal(50, 100, args...)
		if x.code(); !strings.Contains(x.text, "\x1b[1m") {
			t.Errorf("%v: no colours on a terminal: %q", args, x.text)
		}
		h.env = append(h.env, "NO_COLOR=1")
		x = h.onTerminal(50, 100, args...)
		if x.code(); strings.Contains(x.text, "\x1b") || !strings.Contains(x.text, "web") {
			t.Errorf("%v with NO_COLOR: %q", args, x.text)
		}
	}
}

// TestExecOnATerminal is a person's session in a shell of a container.
func TestExecOnATerminal(t *testing.T) {
	h := newHouse(t, map[string]string{"web": idle})
	h.await("web", "Running")
	x := h.onTerminal(30, 90, "exec", "-it", "web", "--", "sh")
	x.press("PS1='%'\n")
	x.press("stty size; echo re''ady\n")
	x.until(`30 90\r\nready`)
	x.resize(40, 120)
	x.press("until test \"$(stty size)\" = '40 120'; do :; done; echo ri''ght\n")
	x.until(`right`)
	x.press("sh -c 'trap \"echo on ag\"\"ain; exit\" INT; echo st\"\"arted; while :; do sleep 0.05; done'\n")
	x.until(`started`)
	x.press(ctrlC)
	x.until(`on again`)
	x.press("exit 9\n")
	if code := x.code(); code != 9 {
		t.Errorf("exit code %d, want 9", code)
	}
}

// TestExecLeavesTheTerminalAsItWas, however the process ends.
func TestExecLeavesTheTerminalAsItWas(t *testing.T) {
	h := newHouse(t, map[string]string{"web": idle})
	h.await("web", "Running")
	x := h.onTerminalOf(`before=$(stty -g); hcs-reconcile exec -it web -- sh -c 'kill -9 $$'; echo "code $?"; test "$before" = "$(stty -g)" && echo as it was`)
	x.until(`code 137\r\nas it was`)
}

// onTerminalOf runs a shell script on a terminal.
func (h *house) onTerminalOf(script string) *tty {
	path := filepath.Join(h.dir, "sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		h.t.Fatal(err)
	}
	x := &tty{t: h.t, cmd: exec.Command(path), more: make(chan struct{}, 1), done: make(chan struct{})}
	x.cmd.Env = h.env
	var err error
	if x.file, err = pty.Start(x.cmd); err != nil {
		h.t.Fatal(err)
	}
	go x.read()
	h.t.Cleanup(func() { _ = x.cmd.Process.Kill(); _ = x.cmd.Wait(); x.file.Close(); <-x.done })
	return x
}
