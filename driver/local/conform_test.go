//go:build linux || darwin

package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestDriverConforms(t *testing.T) {
	aloneOnHost(t)
	drivertest.Run(t, drivertest.Harness{
		New:   newRuntime,
		Sleep: func() manifest.Spec { return script("exec sleep 1000") },
		Exit: func(code uint32, after time.Duration) manifest.Spec {
			return script(fmt.Sprintf("sleep %f; exit %d", after.Seconds(), code))
		},
		Obey: func(code uint32) manifest.Spec {
			return script(fmt.Sprintf("trap 'exit %d' TERM; echo ready $$; while :; do sleep 0.1; done", code))
		},
		Stubborn:         func() manifest.Spec { return script("trap '' TERM; echo ready $$; while :; do sleep 1; done") },
		Print:            func(line string) manifest.Spec { return script("echo '" + line + "'") },
		Update:           true,
		Stats:            true,
		ExitCodesSurvive: false,
	})
}

// aloneOnHost waits until no other run of this test uses the owners of the suite.
func aloneOnHost(t *testing.T) {
	t.Helper()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("hcs-reconcile-drivertest-%d", os.Geteuid()))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

func script(text string) manifest.Spec {
	if strings.HasPrefix(text, "exec") {
		text = "echo ready $$; " + text
	}
	return manifest.Spec{Command: []string{"/bin/sh", "-c", text}}
}

func newRuntime(t *testing.T) drivertest.Runtime {
	dir := t.TempDir()
	var open []driver.Driver
	log := func(owner, name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, owner, "logs", name, "current.log"))
		return string(text)
	}
	ready := func(t *testing.T, r driver.Ref) {
		for _, d := range open {
			st, err := d.Inspect(t.Context(), r)
			if err != nil || st.State != driver.Running {
				continue
			}
			eventually(t, "the program to be ready", func() bool {
				line := fmt.Sprintf("ready %d\n", st.PID)
				return strings.Contains(log(drivertest.Owner, r.Name)+log(drivertest.OtherOwner, r.Name), line)
			})
		}
	}
	return drivertest.Runtime{
		Open: func(t *testing.T, owner string) driver.Driver {
			d := openDriver(t, local.Config{Owner: owner, StateDir: filepath.Join(dir, owner), Rescan: time.Nanosecond})
			open = append(open, d)
			return d
		},
		Ready: ready,
		Logs:  func(_ *testing.T, r driver.Ref) string { return log(drivertest.Owner, r.Name) },
	}
}

func openDriver(t *testing.T, cfg local.Config) *local.Driver {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := local.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
