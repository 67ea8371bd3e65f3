package hcs

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestConformsWithProcessIsolation(t *testing.T) {
	drivertest.Run(t, harness(manifest.IsolationProcess))
}

func TestConformsWithHyperVIsolation(t *testing.T) {
	h := harness(manifest.IsolationHyperV)
	h.Pause = true
	drivertest.Run(t, h)
}

func harness(i manifest.Isolation) drivertest.Harness {
	program := func(command ...string) manifest.Spec {
		s := programSpec(command...)
		s.Isolation = i
		return s
	}
	return drivertest.Harness{
		New: func(t *testing.T) drivertest.Runtime {
			m, dir := newModel(), tempDir(t)
			t.Cleanup(func() { m.wantEmpty(t) })
			return drivertest.Runtime{
				Open: func(t *testing.T, owner string) driver.Driver { return openModel(t, m, dir, owner) },
				Logs: func(_ *testing.T, r driver.Ref) string {
					return logOf(filepath.Join(dir, drivertest.Owner), r.Name)
				},
			}
		},
		Sleep: func() manifest.Spec { return program("sleep") },
		Exit: func(code uint32, after time.Duration) manifest.Spec {
			return program("exit", fmt.Sprint(code), after.String())
		},
		Obey:      func(code uint32) manifest.Spec { return program("obey", fmt.Sprint(code)) },
		Stubborn:  func() manifest.Spec { return program("stubborn") },
		Print:     func(line string) manifest.Spec { return program("print", line) },
		Exec:      func(todo ...string) []string { return append([]string{"steps"}, todo...) },
		NoProgram: []string{"missing.exe"},
		TTY:       true,
		Update:    true,
		Stats:     true,
		OpenTwice: true,
		Others:    keeperParts(),

		ExitCodesSurvive: true,
		Around:           synctest.Test,
	}
}

// programSpec is a container whose program the model can act.
func programSpec(command ...string) manifest.Spec {
	return manifest.Spec{Command: command, RootFS: &manifest.RootFS{Layers: []string{`C:\layers\top`, `C:\layers\base`}}}
}

func openModel(t *testing.T, m *model, dir, owner string) *Driver {
	t.Helper()
	cfg := Config{
		Owner: owner, StateDir: filepath.Join(dir, owner),
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	d, err := openOn(context.Background(), cfg, m.machine(), 4, m.link)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantEmpty expects that nothing is left of any container.
func (m *model) wantEmpty(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.systemsBy) > 0 || len(m.layers) > 0 || len(m.ends) > 0 {
		t.Errorf("left on the host: %d systems, %d layers, %d endpoints", len(m.systemsBy), len(m.layers), len(m.ends))
	}
	for _, s := range m.systemsBy {
		t.Errorf("  system %s is %s", s.id, s.state)
	}
}
