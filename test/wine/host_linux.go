package wine

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait for something that has to happen; nothing is
// asserted about how long it takes.
const Patience = 60 * time.Second

// folder is where the broker keeps its files, below drive_c.
const folder = "ProgramData/hcs-standin"

// Host is one Windows machine: a Wine prefix of its own with the stand-in
// installed and its broker running. What goes wrong fails its test.
type Host struct {
	*machine
	t testing.TB
}

type machine struct {
	Prefix string // the folder of the Wine prefix

	tools  toolchain
	port   int
	broker *exec.Cmd
	mu     sync.Mutex
	link   *link // to the broker; made when first needed
}

// For is the same host for another test, a subtest as a rule.
func (h *Host) For(t testing.TB) *Host { return &Host{h.machine, t} }

// Start brings a host up, and takes it down at the end of the test. Without
// Wine or the cross compiler the test is skipped, unless the environment
// variable HCS_WINE is 1: then it fails.
func Start(t testing.TB) *Host {
	t.Helper()
	tools := findTools(t)
	h := &Host{&machine{Prefix: tools.newPrefix(t), tools: tools}, t}
	t.Cleanup(h.stop)
	h.install()
	h.startBroker()
	return h
}

// install puts the stand-in where Windows would have the real files. DLLs are
// looked for in system32 only.
func (h *Host) install() {
	h.t.Helper()
	for file, to := range map[string]string{
		"vmcompute.dll":        "windows/system32",
		"bcryptprimitives.dll": "windows/system32",
		"broker.exe":           folder,
		"payload.exe":          folder,
	} {
		h.Install(filepath.Join(h.tools.standin, file), `C:\`+to+`\`+file)
	}
}

// Install copies a file of Linux to a path of the host.
func (h *Host) Install(from, windowsPath string) {
	h.t.Helper()
	to := h.Path(windowsPath)
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		h.t.Fatalf("install %s: %v", windowsPath, err)
	}
}

// Path is where Linux sees a path below C:\.
func (h *Host) Path(windowsPath string) string {
	below := strings.ReplaceAll(strings.TrimPrefix(windowsPath, `C:\`), `\`, "/")
	return filepath.Join(h.Prefix, "drive_c", below)
}

// Payload is the program that tests run in containers; see standin/payload.c
// for its steps.
func (h *Host) Payload() string { return `C:\ProgramData\hcs-standin\payload.exe` }

// startBroker starts the broker as the first program of the Wine session, which
// starts Wine's own services too. They inherit its output, so its end is not
// waited for.
func (h *Host) startBroker() {
	h.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	defer read.Close()
	h.broker = h.Command(`C:\ProgramData\hcs-standin\broker.exe`)
	h.broker.Stdout = write
	err = h.broker.Start()
	write.Close()
	if err != nil {
		h.t.Fatalf("start the broker: %v", err)
	}
	if err := read.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		h.t.Fatalf("wait for the broker: %v", err)
	}
	if _, err := fmt.Sscanf(line, "ready %d", &h.port); err != nil {
		h.t.Fatalf("wait for the broker: it said %q", line)
	}
}

// StopBroker ends the broker at once, as if the service had crashed and taken
// the whole host's containers along; RestartBroker starts an empty one.
func (h *Host) StopBroker() {
	h.t.Helper()
	h.hangUp()
	_ = h.broker.Process.Kill()
	_ = h.broker.Wait()
}

// RestartBroker starts a broker that knows of nothing.
func (h *Host) RestartBroker() {
	h.t.Helper()
	h.startBroker()
}

// stop takes the host down: every process of the prefix, then the prefix.
func (h *Host) stop() {
	h.tell()
	h.hangUp()
	for _, flag := range []string{"-k", "-w"} {
		down := exec.Command(h.tools.wineserver, flag)
		down.Env = h.env()
		_ = down.Run()
	}
	if h.broker != nil && h.broker.Process != nil {
		_ = h.broker.Wait()
	}
	if err := os.RemoveAll(h.Prefix); err != nil {
		h.t.Errorf("remove the prefix: %v", err)
	}
}

// tell shows the end of the journal if the test failed.
func (h *Host) tell() {
	if !h.t.Failed() {
		return
	}
	data, err := os.ReadFile(h.journalFile())
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	h.t.Logf("the last calls that the stand-in saw:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
}

func (h *Host) journalFile() string {
	return filepath.Join(h.Prefix, "drive_c", folder, "journal.jsonl")
}
