package hcs

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// payloadEnv names the program that the containers of this test run: the
// stand-in's payload.exe, by its path in the containers. Without it there is
// no service to test on.
const payloadEnv = "HCS_TEST_PAYLOAD"

// TestMain lets the test binary also be the keeper of its drivers.
func TestMain(m *testing.M) {
	if len(os.Args) != 4 || os.Args[1] != "keeper" {
		os.Exit(m.Run())
	}
	err := keeper.Serve(context.Background(), keeper.Config{
		StateDir: os.Args[2], Owner: os.Args[3], Log: slog.Default(),
		Launchers: map[string]keeper.Launcher{Kind: launcher{thisHost()}},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The suite on the service of this machine, through hcsshim.

func TestConformsOnServiceWithProcessIsolation(t *testing.T) {
	drivertest.Run(t, serviceHarness(t, manifest.IsolationProcess))
}

func TestConformsOnServiceWithHyperVIsolation(t *testing.T) {
	h := serviceHarness(t, manifest.IsolationHyperV)
	h.Pause = true
	drivertest.Run(t, h)
}

func serviceHarness(t *testing.T, i manifest.Isolation) drivertest.Harness {
	t.Helper()
	payload := os.Getenv(payloadEnv)
	if payload == "" {
		t.Skip(payloadEnv + " is not set")
	}
	layers := []string{filepath.Join(tempDir(t), "top"), filepath.Join(tempDir(t), "base")}
	for _, l := range layers {
		if err := os.MkdirAll(filepath.Join(l, "UtilityVM"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program := func(steps ...string) manifest.Spec {
		return manifest.Spec{Isolation: i, Command: append([]string{payload}, steps...), RootFS: &manifest.RootFS{Layers: layers}}
	}
	return drivertest.Harness{
		New:   newServiceRuntime,
		Sleep: func() manifest.Spec { return program("print", "ready", "forever") },
		Exit: func(code uint32, after time.Duration) manifest.Spec {
			return program("sleep", fmt.Sprint(after.Milliseconds()), "exit", fmt.Sprint(code))
		},
		Obey:      func(code uint32) manifest.Spec { return program("ask", fmt.Sprint(code), "print", "ready", "forever") },
		Stubborn:  func() manifest.Spec { return program("ignore", "print", "ready", "forever") },
		Print:     func(line string) manifest.Spec { return program("print", line) },
		Exec:      func(todo ...string) []string { return append([]string{payload}, todo...) },
		NoProgram: []string{`C:\no\such\program.exe`},
		TTY:       true,
		Update:    true,
		Stats:     true,
		OpenTwice: true,

		ExitCodesSurvive: true,
		Patience:         time.Minute,
	}
}

func newServiceRuntime(t *testing.T) drivertest.Runtime {
	dir := tempDir(t)
	log := func(owner, name string) string {
		return logOf(filepath.Join(dir, owner), name)
	}
	starts := map[driver.Ref]int{}
	return drivertest.Runtime{
		Open: func(t *testing.T, owner string) driver.Driver {
			d, err := Open(context.Background(), Config{
				Owner: owner, StateDir: filepath.Join(dir, owner), Keeper: &keeper.Command{Path: os.Args[0], Args: []string{"keeper", filepath.Join(dir, owner), owner}},
				Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		Ready: func(t *testing.T, r driver.Ref) {
			starts[r]++
			want := 0 // revisions and owners share a name
			for other, n := range starts {
				if other.Name == r.Name {
					want += n
				}
			}
			for strings.Count(log(drivertest.Owner, r.Name)+log(drivertest.OtherOwner, r.Name), "ready") < want {
				select {
				case <-time.After(10 * time.Millisecond):
				case <-t.Context().Done():
					t.Fatalf("%s does not become ready", r)
				}
			}
		},
		Logs: func(_ *testing.T, r driver.Ref) string { return log(drivertest.Owner, r.Name) },
	}
}
