//go:build linux

// Command bench measures the whole daemon, as a process, beside the floor of
// the same work done by a bare fork/exec loop in the same run:
//
//	go run ./test/bench [-n 1000] [-idle 30s] [names…]
//
// It prints figures and judges nothing: machines differ, ratios travel.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// scenario is one measurement.
type scenario struct {
	name string
	what string
	run  func(*lab) error
}

var scenarios = []scenario{
	{"cold", "cold start of N sleep containers, from exec of the daemon to the last one running", cold},
	{"drop", "manifest dropped into the folder → process running", drop},
	{"kill", "process killed → replacement running, restart delay 0", kill},
	{"idle", "N running: CPU and memory of the daemon between resyncs", idle},
	{"scrape", "GET /metrics with 10, 100 … N running, beside the same bytes served from memory", scrape},
	{"crash", "100 containers that exit 1 at once, default restart settings, 30 s", crash},
}

// lab is where a scenario works.
type lab struct {
	ctx  context.Context
	exe  string
	dir  string // scratch
	n    int
	idle time.Duration
}

func main() {
	n := flag.Int("n", 1000, "containers for cold and idle")
	idleFor := flag.Duration("idle", 30*time.Second, "how long idle watches")
	flag.Parse()
	if err := run(*n, *idleFor, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(n int, idleFor time.Duration, names []string) error {
	dir, err := os.MkdirTemp("", "hcs-reconcile-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "hcs-reconcile")
	build := exec.Command("go", "build", "-o", exe, "./cmd/hcs-reconcile")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	for i, s := range scenarios {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		fmt.Fprintf(os.Stdout, "\n%s: %s\n", s.name, s.what)
		l := &lab{ctx: context.Background(), exe: exe, dir: filepath.Join(dir, fmt.Sprint(i)), n: n, idle: idleFor}
		if err := s.run(l); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// row prints one figure.
func row(label, format string, args ...any) {
	fmt.Fprintf(os.Stdout, "  %-44s %s\n", label, fmt.Sprintf(format, args...))
}

// quantiles prints the middle and the tail of ds.
func quantiles(label string, ds []time.Duration) time.Duration {
	slices.Sort(ds)
	at := func(q float64) time.Duration { return ds[int(q*float64(len(ds)-1))].Round(10 * time.Microsecond) }
	row(label, "p50 %v  p90 %v  max %v  (%d times)", at(0.5), at(0.9), at(1), len(ds))
	return at(0.5)
}
