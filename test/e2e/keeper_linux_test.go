package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const keeperKills = 10

// TestKeeperKilled kills the keeper while containers print, now and then the
// daemon with it. No container may be harmed by it, another keeper takes over,
// the logs go on, and it is said. A keeper may die between reading and writing,
// so some lines may be missing; none is there twice.
func TestKeeperKilled(t *testing.T) {
	w := newStage(t)
	d := w.start()
	w.awaitPrinters()
	before := w.printersByName()
	pid := w.keeper(0)
	for i := range keeperKills {
		if i%3 == 2 {
			d.kill()
		}
		w.must(syscall.Kill(pid, syscall.SIGKILL))
		if i%3 == 2 {
			d = w.start()
		}
		pid = w.keeper(pid)
		<-time.After(time.Duration(w.rng2.ExpFloat64() * float64(50*time.Millisecond)))
	}
	w.awaitLogsGrow()
	for name, p := range w.printersByName() {
		if p != before[name] {
			t.Errorf("%s: %v is not %v", name, p, before[name])
		}
	}
	w.wantEvents("p0", "KeeperLost", "KeeperBack")
	w.must(d.cmd.Process.Signal(syscall.SIGTERM))
	_ = d.cmd.Wait()
	w.start("--stop-on-exit").stopWhenRunning()
	for i := range printers {
		w.judgePrinter(fmt.Sprintf("p%d", i), 200*keeperKills)
	}
}

func (d *daemon) stopWhenRunning() {
	d.w.t.Helper()
	d.w.eventually("the daemon to answer", func() error {
		return exec.Command(d.w.program, "status", "--state-dir", filepath.Join(d.w.dir, "state")).Run()
	})
	d.end()
}

// keeper waits for a keeper that is not the one of process old.
func (w *world) keeper(old int) (pid int) {
	w.t.Helper()
	w.eventually("a keeper", func() error {
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return err
		}
		for _, path := range lines {
			text, _ := os.ReadFile(path)
			argv := strings.Split(string(text), "\x00")
			if len(argv) < 4 || argv[1] != "keeper" || argv[3] != filepath.Join(w.dir, "state") {
				continue
			}
			_, _ = fmt.Sscanf(path, "/proc/%d/", &pid)
			if _, alive := readStat(pid); alive && pid != old {
				return nil
			}
		}
		return errors.New("none")
	})
	return pid
}

func (w *world) printersByName() map[string]process {
	found := map[string]process{}
	for _, p := range w.leaders() {
		if strings.HasPrefix(p.name, "p") {
			found[p.name] = p
		}
	}
	return found
}

func (w *world) awaitPrinters() {
	w.t.Helper()
	w.eventually("all printers to run", func() error {
		if n := len(w.printersByName()); n != printers {
			return fmt.Errorf("%d run", n)
		}
		return nil
	})
}

// awaitLogsGrow waits until each printer has something new in its log.
func (w *world) awaitLogsGrow() {
	w.t.Helper()
	for i := range printers {
		path := filepath.Join(w.dir, "state", "logs", fmt.Sprintf("p%d.log", i))
		st, err := os.Stat(path)
		if err != nil {
			w.t.Error(err)
			continue
		}
		w.eventually(path+" to grow", func() error {
			now, err := os.Stat(path)
			if err == nil && now.Size() == st.Size() && os.SameFile(now, st) {
				err = errors.New("it does not")
			}
			return err
		})
	}
}

// wantEvents waits until the history of a container has events of these reasons.
func (w *world) wantEvents(name string, reasons ...string) {
	w.t.Helper()
	for _, reason := range reasons {
		w.eventually("an event "+reason, func() error {
			out, err := exec.Command(w.program, "events", name, "-o", "json", "-n", "0", "--state-dir", filepath.Join(w.dir, "state")).Output()
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(out)) {
				var e struct{ Reason string }
				if json.Unmarshal([]byte(line), &e) == nil && e.Reason == reason {
					return nil
				}
			}
			return errors.New("there is none")
		})
	}
}
