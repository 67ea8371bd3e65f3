//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

const rounds = 5

// cold alternates floor and daemon, so that a slow minute hits both.
func cold(l *lab) error {
	var floors, ours []time.Duration
	for i := range rounds {
		wall, _, err := bare(l.n, "/bin/sleep", "100000")
		if err != nil {
			return err
		}
		round := *l
		round.dir = filepath.Join(l.dir, strconv.Itoa(i))
		d, err := round.open(sleepers(l.n))
		if err != nil {
			return err
		}
		last, err := d.wait(l.n)
		if err != nil {
			return err
		}
		floors, ours = append(floors, wall), append(ours, last.Time.Sub(d.began))
		if err := d.close(); err != nil {
			return err
		}
	}
	f := quantiles(fmt.Sprintf("floor: %d × fork/exec", l.n), floors)
	o := quantiles("daemon, records saved", ours)
	row("ratio of the medians", "%.2f", float64(o)/float64(f))
	return nil
}

func drop(l *lab) error {
	d, err := l.open(sleepers(50))
	if err != nil {
		return err
	}
	if _, err := d.wait(50); err != nil {
		return err
	}
	var took []time.Duration
	for i := range 50 {
		name := fmt.Sprintf("dropped-%d", i)
		tmp := filepath.Join(l.dir, name)
		if err := os.WriteFile(tmp, []byte(container(name, "  command: [/bin/sleep, \"100000\"]\n")), 0o644); err != nil {
			return err
		}
		began := time.Now()
		if err := os.Rename(tmp, filepath.Join(d.manifests, name+".yaml")); err != nil {
			return err
		}
		s, err := d.next()
		if err != nil {
			return err
		}
		took = append(took, s.Time.Sub(began))
	}
	p50 := quantiles("file → running", took)
	row("above the settle time of 25ms", "p50 %v", p50-25*time.Millisecond)
	return d.close()
}

func kill(l *lab) error {
	d, err := l.open(map[string]string{"a.yaml": container("a", "  command: [/bin/sleep, \"100000\"]\n  restart: {initialDelay: 0s}\n")})
	if err != nil {
		return err
	}
	if _, err := d.wait(1); err != nil {
		return err
	}
	var took, floors []time.Duration
	for range 100 {
		pid, err := child(d.cmd.Process.Pid)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		s, err := d.next()
		if err != nil {
			return err
		}
		took = append(took, s.Time.Sub(began))
		wall, _, err := bare(1, "/bin/sleep", "100000")
		if err != nil {
			return err
		}
		floors = append(floors, wall)
	}
	quantiles("floor: one fork/exec", floors)
	quantiles("kill → replacement running", took)
	return d.close()
}

// child is the one process that the daemon runs.
func child(parent int) (int, error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		ps, err := procfs.AllProcs()
		if err != nil {
			return 0, err
		}
		for _, p := range ps {
			if s, err := p.Stat(); err == nil && s.PPID == parent && s.State != "Z" && s.Comm == "sleep" {
				return p.PID, nil
			}
		}
	}
	return 0, fmt.Errorf("no child of %d", parent)
}

func idle(l *lab) error {
	empty := *l
	empty.dir = filepath.Join(l.dir, "empty")
	base, err := watch(&empty, 0, 2*time.Second)
	if err != nil {
		return err
	}
	full := *l
	full.dir = filepath.Join(l.dir, "full")
	u, err := watch(&full, l.n, l.idle)
	if err != nil {
		return err
	}
	row("memory of the empty daemon", "%d KiB", base.rss>>10)
	row(fmt.Sprintf("memory with %d running", l.n), "%d KiB, %.1f KiB each above the empty one", u.rss>>10, float64(u.rss-base.rss)/1024/float64(l.n))
	row(fmt.Sprintf("CPU over %v", l.idle), "%v, %.2f %% of a core", u.cpu, 100*u.cpu.Seconds()/l.idle.Seconds())
	return nil
}

// watch starts n sleepers, lets the daemon come to rest, and then sees what it
// uses; the resync is put off so that none falls into the watch.
func watch(l *lab, n int, long time.Duration) (usage, error) {
	d, err := l.open(sleepers(n), "--resync", "1h")
	if err != nil {
		return usage{}, err
	}
	if _, err := d.wait(n); err != nil {
		return usage{}, err
	}
	time.Sleep(5 * time.Second)
	before, err := d.usage()
	if err != nil {
		return usage{}, err
	}
	time.Sleep(long)
	after, err := d.usage()
	if err != nil {
		return usage{}, err
	}
	after.cpu -= before.cpu
	return after, d.close()
}

func crash(l *lab) error {
	const containers = 100
	texts := map[string]string{}
	for i := range containers {
		name := fmt.Sprintf("crash-%03d", i)
		texts[name+".yaml"] = container(name, "  command: [/bin/false]\n")
	}
	d, err := l.open(texts)
	if err != nil {
		return err
	}
	time.Sleep(30 * time.Second)
	u, err := d.usage()
	if err != nil {
		return err
	}
	starts := len(d.started)
	_, cpu, err := bare(starts, "/bin/false")
	if err != nil {
		return err
	}
	each := func(t time.Duration) time.Duration {
		return (t / time.Duration(max(starts, 1))).Round(time.Microsecond)
	}
	row("starts in 30 s", "%d", starts)
	row("CPU per start, daemon", "%v", each(u.cpu))
	row("CPU per start, floor", "%v (the parent's side of fork/exec)", each(cpu))
	return d.close()
}
