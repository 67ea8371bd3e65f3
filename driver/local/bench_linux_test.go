package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// BenchmarkStart compares the starts of 100 containers, with all that the
// driver does for them, to as many bare forks and execs of the same program.
// Both take turns, so that a busy machine spoils both alike; their ends are
// not timed.
func BenchmarkStart(b *testing.B) {
	path, err := exec.LookPath("sleep")
	if err != nil {
		b.Skip("no sleep here")
	}
	const n = 100
	d, c := benchDriver(b)
	var all [n]*manifest.Container
	for i := range all {
		one := *c
		one.Metadata.Name = fmt.Sprintf("web-%d", i)
		all[i] = &one
	}
	var floor, starts time.Duration
	for b.Loop() {
		floor += bareStarts(b, path, n)
		began := time.Now()
		for _, c := range all {
			if err := errors.Join(driver.Settle(driver.Create, d.Create(b.Context(), c)), d.Start(b.Context(), c)); err != nil {
				b.Fatal(err)
			}
		}
		starts += time.Since(began)
		for _, c := range all {
			if err := d.Terminate(b.Context(), refOf(c)); err != nil {
				b.Fatal(err)
			}
		}
		for range all {
			<-d.Exits()
		}
	}
	b.ReportMetric(float64(floor.Microseconds())/float64(n*b.N), "floor-µs/start")
	b.ReportMetric(float64(starts.Microseconds())/float64(n*b.N), "driver-µs/start")
	b.ReportMetric(float64(starts)/float64(floor), "times-floor")
}

func bareStarts(b *testing.B, path string, n int) time.Duration {
	attr := &syscall.ProcAttr{Env: os.Environ(), Sys: &syscall.SysProcAttr{Setsid: true}}
	pids := make([]int, n)
	began := time.Now()
	for i := range pids {
		var err error
		if pids[i], err = syscall.ForkExec(path, []string{"sleep", "1000"}, attr); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	return took
}

func benchDriver(b *testing.B) (*Driver, *manifest.Container) {
	b.Helper()
	dir, owner := b.TempDir(), fmt.Sprintf("bench-%d", os.Getpid())
	cfg := Config{
		Owner: owner, StateDir: dir, Logger: slog.New(slog.DiscardHandler),
		Keeper: &keeper.Command{Path: os.Args[0], Args: []string{"keeper", dir, owner}},
	}
	d, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	c := &manifest.Container{Metadata: manifest.Metadata{Name: "web"}, Revision: "1-aa"}
	c.Spec.Command = []string{"sleep", "1000"}
	b.Cleanup(func() {
		_ = d.Close()
		_ = keeper.Stop(context.Background(), dir)
	})
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
