//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// daemon is hcs-reconcile, run as users run it, followed by its log.
type daemon struct {
	cmd       *exec.Cmd
	manifests string
	began     time.Time
	started   chan start // one for each container that was started
	ended     chan error
}

// errEnded is how a daemon ends that was asked to.
var errEnded = errors.New("daemon ended")

// start is one line of the log that says a container was started.
type start struct {
	Time      time.Time
	Container string
	Seen      time.Time // when this program read the line
}

// open runs the daemon over a folder of manifests.
func (l *lab) open(texts map[string]string, flags ...string) (*daemon, error) {
	d := &daemon{manifests: filepath.Join(l.dir, "manifests"), started: make(chan start, 1<<16), ended: make(chan error, 1)}
	if err := os.MkdirAll(d.manifests, 0o755); err != nil {
		return nil, err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(d.manifests, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	args := append([]string{
		"run", "--manifests", d.manifests, "--state-dir", filepath.Join(l.dir, "state"), "--driver", "local",
		"--owner", fmt.Sprintf("bench-%d", os.Getpid()), "--log.format", "json", "--stop-on-exit",
	}, flags...)
	d.cmd = exec.CommandContext(l.ctx, l.exe, args...)
	d.cmd.Env = append(os.Environ(), "HCS_RECONCILE_WEB_LISTEN_ADDRESS=none") // where flags do not say otherwise
	out, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	d.began = time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go d.follow(out)
	return d, nil
}

func (d *daemon) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	var last string
	for lines.Scan() {
		text := lines.Text()
		if !strings.Contains(text, `"msg":"step"`) || !strings.Contains(text, `"action":"start"`) {
			last = text
			continue
		}
		s := start{Seen: time.Now()}
		if err := json.Unmarshal([]byte(text), &s); err == nil {
			d.started <- s
		}
	}
	if err := d.cmd.Wait(); err != nil {
		d.ended <- fmt.Errorf("daemon: %w: %s", err, last)
		return
	}
	d.ended <- errEnded
}

// next waits for a start.
func (d *daemon) next() (start, error) {
	select {
	case s := <-d.started:
		return s, nil
	case err := <-d.ended:
		return start{}, err
	case <-time.After(time.Minute):
		return start{}, errors.New("nothing was started for a minute")
	}
}

// wait waits for n starts and returns the last.
func (d *daemon) wait(n int) (last start, err error) {
	for range n {
		if last, err = d.next(); err != nil {
			return last, err
		}
	}
	return last, nil
}

// close ends the daemon and its containers.
func (d *daemon) close() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-d.ended:
		if errors.Is(err, errEnded) {
			return nil
		}
		return err
	case <-time.After(2 * time.Minute):
		return errors.New("daemon does not end")
	}
}

// usage is what the daemon itself has used.
type usage struct {
	cpu time.Duration
	rss int
}

func (d *daemon) usage() (u usage, err error) {
	p, err := procfs.NewProc(d.cmd.Process.Pid)
	if err != nil {
		return u, err
	}
	s, err := p.Stat()
	if err != nil {
		return u, err
	}
	return usage{time.Duration(s.CPUTime() * float64(time.Second)), s.ResidentMemory()}, nil
}

// container is a manifest that runs argv.
func container(name, spec string) string {
	return fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  terminationGracePeriodSeconds: 1\n%s", name, spec)
}

func sleepers(n int) map[string]string {
	texts := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("sleep-%04d", i)
		texts[name+".yaml"] = container(name, "  command: [/bin/sleep, \"100000\"]\n")
	}
	return texts
}

// bare starts argv n times, as simply as can be, and returns wall and CPU time
// used; the processes are killed.
func bare(n int, argv ...string) (wall, cpu time.Duration, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer null.Close()
	fd := null.Fd()
	before, began := spent(), time.Now()
	pids := make([]int, 0, n)
	for range n {
		pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Files: []uintptr{fd, fd, fd}, Sys: &syscall.SysProcAttr{Setsid: true}})
		if err != nil {
			return 0, 0, err
		}
		pids = append(pids, pid)
	}
	wall, cpu = time.Since(began), spent()-before
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}
	return wall, cpu, nil
}

// spent is the CPU time of this process.
func spent() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
