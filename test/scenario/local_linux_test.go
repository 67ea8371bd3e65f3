package scenario

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// windowsLocal is the same Windows machine, with the local driver: containers
// are plain processes in job objects.
type windowsLocal struct{ *windows }

// lines ask for little patience: a program without a console cannot be asked to end.
func (h *windowsLocal) lines() []string { return []string{"terminationGracePeriodSeconds: 1"} }

func (h *windowsLocal) run(t *testing.T, w *world, args ...string) daemon {
	t.Helper()
	p := h.Spawn(t, nil, exePath, withDriver("local", args)...)
	go func() { _, _ = io.Copy(io.Discard, p.Stdout) }()
	t.Cleanup(func() {
		p.Kill()
		for _, left := range h.running(t, w) {
			_ = syscall.Kill(left.pid, syscall.SIGKILL)
		}
	})
	return p
}

// running looks for the program in the list of Linux; it runs in this prefix.
func (h *windowsLocal) running(t *testing.T, w *world) (found []process) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		_, mark, ours := strings.Cut(string(line), `\runs\`)
		environ, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		if !ours || !bytes.Contains(environ, []byte("WINEPREFIX="+h.Prefix+"\x00")) {
			continue
		}
		mark = strings.FieldsFunc(mark, func(r rune) bool { return r == 0 || r == ' ' })[0]
		name, version, _ := strings.Cut(mark, ".")
		found = append(found, process{name, version, pid})
	}
	return found
}

func (h *windowsLocal) end(t *testing.T, p process, _ uint32) {
	if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func (h *windowsLocal) calls(*testing.T, *world, string) (calls, bool) { return calls{}, false }
