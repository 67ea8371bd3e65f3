package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/test/wine"
)

// onKeeper is told where the keeper holds systems of the service.
var onKeeper = []struct {
	name string
	tell func(*world, *wine.Host)
}{
	{"OutputOver20Kills", outputOverKills},
	{"KeeperKilled", keeperKilled},
}

// counting is a container that prints numbered lines.
func (w *world) counting(h *wine.Host, name string, lines, ms int, then ...string) {
	w.t.Helper()
	command, err := json.Marshal(append([]string{
		h.Payload(), "touch", w.host.join(w.dir, "runs", name+".v1"), "count", strconv.Itoa(lines), strconv.Itoa(ms),
	}, then...))
	w.must(err)
	w.put(name+".yaml", fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  command: %s\n  restartPolicy: %s\n  %s\n",
		name, command, map[bool]string{true: "Never", false: "Always"}[len(then) > 0], strings.Join(w.host.lines(), "\n  ")))
}

// printed is what stands in the log of a container.
func (w *world) printed(name string) (lines []string) {
	w.t.Helper()
	_ = logs.Read(context.Background(), w.linux("state", "logs"), name, logs.Query{}, func(l logs.Line) error {
		lines = append(lines, strings.TrimSuffix(string(l.Text), "\r")) // as C on Windows ends them
		return nil
	})
	return lines
}

// wantCounted holds that lines are numbered from 0 on, and returns how many.
func (w *world) wantCounted(name string) int {
	w.t.Helper()
	lines := w.printed(name)
	for n, line := range lines {
		if line != fmt.Sprintf("line %d", n) {
			w.t.Errorf("%s: line %d of the log is %q", name, n, line)
			break
		}
	}
	return len(lines)
}

// outputOverKills: whatever moments a daemon is killed at, every line and every
// exit code is there once, in order, and nothing is started again.
func outputOverKills(w *world, h *wine.Host) {
	const endless, ending = 3, 4
	for n := range endless {
		w.counting(h, fmt.Sprintf("endless%d", n), 1<<30, 5)
	}
	for n := range ending { // while daemons come and go
		w.counting(h, fmt.Sprintf("ending%d", n), 200*(n+1), 10, "exit", strconv.Itoa(3+n))
	}
	w.run()
	for n := range endless {
		w.awaitLaunches(fmt.Sprintf("endless%d", n), "v1", 1)
	}
	for n := range ending {
		w.awaitLaunches(fmt.Sprintf("ending%d", n), "v1", 1)
	}
	for range 20 {
		<-time.After(time.Duration(rand.ExpFloat64() * float64(300*time.Millisecond))) //nolint:gosec // the moment is what varies
		w.kill()
		w.run()
	}
	for n := range ending {
		name := fmt.Sprintf("ending%d", n)
		w.awaitStatus("the end of "+name, func(s status) bool { return s.of(name).LastExit != nil })
		code := w.status().of(name).LastExit.Code
		if code == nil || *code != uint32(3+n) {
			w.t.Errorf("%s has ended with %v, want %d", name, code, 3+n)
		}
		if got := w.wantCounted(name); got != 200*(n+1) {
			w.t.Errorf("%s: %d lines in the log, want %d", name, got, 200*(n+1))
		}
		if runs := w.launches(name, "v1"); runs != 1 {
			w.t.Errorf("%s has run %d times", name, runs)
		}
	}
	for n := range endless {
		name := fmt.Sprintf("endless%d", n)
		before := w.wantCounted(name)
		w.await("more lines of "+name, func() string {
			if now := len(w.printed(name)); now <= before+10 {
				return fmt.Sprintf("%d lines", now)
			}
			return ""
		})
		w.wantCounted(name)
		if runs := w.launches(name, "v1"); runs != 1 {
			w.t.Errorf("%s has run %d times", name, runs)
		}
	}
	w.stop()
}

// keeper finds the process of the keeper, as Linux has it.
func (w *world) keeper() int {
	w.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	w.must(err)
	for _, path := range all {
		line, _ := os.ReadFile(path)
		if args := strings.Split(string(line), "\x00"); len(args) > 5 && args[1] == "keeper" && slices.Contains(args, w.owner) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			w.must(err)
			return pid
		}
	}
	w.t.Fatal("there is no keeper")
	return 0
}

// keeperKilled: what the keeper held goes on and is adopted, and it is said;
// the next start has its output again.
func keeperKilled(w *world, h *wine.Host) {
	w.counting(h, "web", 1<<30, 5)
	w.run()
	w.awaitLaunches("web", "v1", 1)
	w.await("output", func() string {
		if len(w.printed("web")) < 10 {
			return "none yet"
		}
		return ""
	})
	w.must(syscall.Kill(w.keeper(), syscall.SIGKILL))
	w.await("word of it", func() string {
		if !strings.Contains(w.d.Stderr(), "the keeper is gone") {
			return "nothing is said"
		}
		return ""
	})
	w.await("another keeper", func() string {
		if strings.Count(w.d.Stderr(), `msg="keeper connected"`) < 2 {
			return "none"
		}
		return ""
	})
	if n := w.launches("web", "v1"); n != 1 {
		w.t.Errorf("web has run %d times", n)
	}
	running := w.host.running(w.t, w)
	if len(running) != 1 {
		w.t.Fatalf("%v run", running)
	}
	h.KillProcess(running[0].pid, 9)
	w.awaitLaunches("web", "v1", 2)
	w.awaitStatus("its exit", func(s status) bool { e := s.of("web").LastExit; return e != nil && e.Code != nil && *e.Code == 9 })
	before := len(w.printed("web"))
	w.await("output of the next run", func() string {
		if len(w.printed("web")) < before+10 {
			return "none"
		}
		return ""
	})
	w.stop()
}
