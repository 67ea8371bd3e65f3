package local

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// BenchmarkStart compares a start, with all that the driver does for it, to a
// bare fork and exec of the same program. The end of each process is not timed.
func BenchmarkStart(b *testing.B) { benchmarkLife(b, (*testing.B).StopTimer, (*testing.B).StartTimer) }

// BenchmarkStartAndEnd times the kill and the notice of the exit, too.
func BenchmarkStartAndEnd(b *testing.B) {
	goOn := func(*testing.B) {}
	benchmarkLife(b, goOn, goOn)
}

func benchmarkLife(b *testing.B, started, ended func(*testing.B)) {
	path, err := exec.LookPath("sleep")
	if err != nil {
		b.Skip("no sleep here")
	}
	b.Run("floor", func(b *testing.B) {
		attr := &syscall.ProcAttr{Env: os.Environ(), Sys: &syscall.SysProcAttr{Setsid: true}}
		for b.Loop() {
			pid, err := syscall.ForkExec(path, []string{"sleep", "1000"}, attr)
			if err != nil {
				b.Fatal(err)
			}
			started(b)
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, 0, nil)
			ended(b)
		}
	})
	b.Run("driver", func(b *testing.B) {
		d, c := benchDriver(b)
		for b.Loop() {
			if err := d.Start(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			started(b)
			if err := d.Terminate(b.Context(), refOf(c)); err != nil {
				b.Fatal(err)
			}
			<-d.Exits()
			ended(b)
		}
	})
}

func benchDriver(b *testing.B) (*Driver, *manifest.Container) {
	b.Helper()
	cfg := Config{Owner: fmt.Sprintf("bench-%d", os.Getpid()), StateDir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	d, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	c := &manifest.Container{Metadata: manifest.Metadata{Name: "web"}, Revision: "1-aa"}
	c.Spec.Command = []string{"sleep", "1000"}
	b.Cleanup(func() { _ = d.Close() })
	if err := d.Create(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	return d, c
}

// BenchmarkStats is one container's share of a scrape of many.
func BenchmarkStats(b *testing.B) {
	d, c := benchDriver(b)
	if err := d.Start(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Stats(b.Context(), refOf(c)); err != nil {
			b.Fatal(err)
		}
	}
	if err := driver.Do(b.Context(), d, driver.Terminate, refOf(c), c); err != nil {
		b.Fatal(err)
	}
	<-d.Exits()
}
