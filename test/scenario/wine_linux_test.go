package scenario

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/test/wine"
)

// windows is a Windows machine under Wine, with the driver for HCS on our
// stand-in for the service.
type windows struct{ *wine.Host }

const (
	exePath   = `C:\hcs-reconcile.exe`
	layerPath = `C:\layers\base`
)

func newWindows(t *testing.T) *windows {
	t.Helper()
	h := &windows{wine.Start(t)}
	h.Install(wine.BuildProgram(t, "github.com/hcs-reconcile/hcs-reconcile/cmd/hcs-reconcile"), exePath)
	if err := os.MkdirAll(h.Path(layerPath), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// folder is another one for each scenario: the keeper of the last may still be there.
func (h *windows) folder(_ *testing.T, name string) string { return `C:\scenario-` + name }

func (h *windows) join(parts ...string) string { return strings.Join(parts, `\`) }
func (h *windows) linux(path string) string    { return h.Path(path) }
func (h *windows) lines() []string             { return []string{"rootfs: {layers: ['" + layerPath + "']}"} }

func (h *windows) program(b behaviour, code int, mark string) []string {
	steps := []string{h.Payload(), "touch", mark}
	switch b {
	case stays:
		return append(steps, "forever")
	case stubborn:
		return append([]string{h.Payload(), "ignore"}, append(steps[1:], "forever")...)
	default:
		return append(steps, "exit", strconv.Itoa(code))
	}
}

func (h *windows) check(code int) []string {
	return []string{"'" + h.Payload() + "'", "exit", fmt.Sprintf("'%d'", code)}
}

func (h *windows) run(t *testing.T, _ *world, args ...string) daemon {
	t.Helper()
	p := h.Spawn(t, nil, exePath, withDriver("hcs", args)...)
	go func() { _, _ = io.Copy(io.Discard, p.Stdout) }()
	return p
}

// running asks the stand-in. The version is in the mark that the program makes.
func (h *windows) running(t *testing.T, w *world) (found []process) {
	for _, s := range h.Report().Systems {
		name, ours := w.nameOf(s.ID)
		if !ours || s.Owner != w.owner {
			continue
		}
		for _, p := range s.Processes {
			if p.Exited {
				continue
			}
			_, version, _ := strings.Cut(p.Command, `\runs\`+name+".")
			version, _, _ = strings.Cut(version, " ")
			found = append(found, process{name, version, p.PID})
		}
	}
	return found
}

// nameOf takes the ID of a system apart: owner.name.revision.
func (w *world) nameOf(id string) (name string, ours bool) {
	rest, ours := strings.CutPrefix(id, w.owner+".")
	name, _, found := strings.Cut(rest, ".")
	return name, ours && found
}

func (h *windows) end(t *testing.T, p process, code uint32) { h.KillProcess(p.pid, code) }

func (h *windows) calls(t *testing.T, w *world, name string) (c calls, kept bool) {
	for _, e := range h.Journal() {
		if of, ours := w.nameOf(e.On); !ours || of != name {
			continue
		}
		switch e.Fn {
		case "HcsCreateComputeSystem":
			c.creates++
		case "HcsStartComputeSystem":
			c.starts++
		case "HcsCreateProcess":
			c.processes++
		}
	}
	return c, true
}

func (h *windows) leaks(t *testing.T, w *world) []string {
	return slices.DeleteFunc(h.Leaks(), func(leak string) bool { return strings.HasPrefix(leak, "system "+foreignID+" ") })
}

const foreignID = "somebody-elses"

func (h *windows) saw(*testing.T) string {
	var lines strings.Builder
	for _, e := range h.Journal() {
		fmt.Fprintf(&lines, "%d %s %s%s %s %#x %s\n", e.N, e.At.Format("05.000"), e.Fn, e.Event, e.On, e.Code, e.Text)
	}
	return tail(lines.String())
}

func (h *windows) foreign(t *testing.T, _ *world, name string) (owner string, alive func() bool) {
	t.Helper()
	h.Make(wine.Alien{ID: foreignID, Name: name, Owner: "docker", Command: h.Payload() + " forever"})
	return "docker", func() bool {
		return slices.ContainsFunc(h.Report().Systems, func(s wine.System) bool {
			return s.ID == foreignID && s.State == "Running" && !s.Processes[0].Exited
		})
	}
}

// world makes the host as new for one scenario.
func (h *windows) world(t *testing.T, name string) *world {
	t.Helper()
	own := &windows{h.For(t)}
	own.Reset()
	if err := os.RemoveAll(h.Path(own.folder(t, name))); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, own, name)
}
