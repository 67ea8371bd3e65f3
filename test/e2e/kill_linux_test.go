// Package e2e runs the real program with real processes, and judges it by what
// the system shows alone: none of our packages is used to look. It is for tests
// only, and ends every process that it had a part in.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "seed of the random choices; 0 takes one from the clock")
	killsFlag = flag.Int("kills", 100, "how often the daemon is killed")
)

// patience bounds every wait; a test that passes never comes near.
const patience = 60 * time.Second

// TestKilledAtRandomMoments kills the daemon with SIGKILL again and again,
// while its manifests change too. Whatever the moment: no container runs twice,
// none that was left alone is started again, a job runs once per version, and
// in the end exactly what is wanted runs.
//
// A daemon that dies between noting that it starts a job and starting it leaves
// a job that did not run: nobody can tell that from one that ran and ended
// unseen, and twice would be worse than not at all. It must then be shown as
// failed, with an exit that nobody knows.
func TestKilledAtRandomMoments(t *testing.T) {
	kills := *killsFlag
	if testing.Short() {
		kills = min(kills, 15)
	}
	w := newWorld(t)
	watch := w.watch()
	for i := range kills {
		d := w.start()
		changes := make(chan struct{})
		go func() { // while the daemon is at work
			defer close(changes)
			if w.rng.IntN(3) == 0 {
				w.change()
			}
		}()
		// The moment is what this test varies: soon after the start, mostly.
		<-time.After(time.Duration(w.rng2.ExpFloat64() * float64(120*time.Millisecond)))
		d.kill()
		<-changes
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	w.mend()
	d := w.start("--stop-on-exit")
	w.settle()
	w.judge(watch())
	d.end()
	if left := w.processes(); len(left) > 0 {
		t.Errorf("left running after --stop-on-exit: %v", left)
	}
	t.Logf("%d kills, %d changes of manifests", kills, w.changes)
}

// daemon is one run of the program.
type daemon struct {
	w   *world
	cmd *exec.Cmd
}

func (w *world) start(args ...string) *daemon {
	w.t.Helper()
	args = append([]string{
		"run", "--driver", "local", "--owner", w.owner, "--manifests", w.manifests, "--state-dir", filepath.Join(w.dir, "state"),
		"--web.listen-address", "none", "--log.level", "debug",
	}, args...)
	d := &daemon{w, exec.Command(w.program, args...)}
	w.t.Cleanup(func() { _, _ = d.cmd.Process.Kill(), d.cmd.Wait() })
	d.cmd.Stderr = w.log
	if err := d.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintf(w.log, "--- daemon %d\n", d.cmd.Process.Pid)
	return d
}

// kill ends the daemon at once. It must not have ended by itself.
func (d *daemon) kill() {
	d.w.t.Helper()
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	if ws, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() {
		d.w.t.Errorf("the daemon ended by itself: %v", d.cmd.ProcessState)
	}
}

// end asks the daemon to end, and wants it to end well.
func (d *daemon) end() {
	d.w.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := d.cmd.Wait(); err != nil {
		d.w.t.Errorf("daemon: %v", err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := bareWorld(t)
	for _, c := range containers {
		w.write(c)
	}
	return w
}

// bareWorld is a world without manifests.
func bareWorld(t *testing.T) *world {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("seed %d; again with: go test ./test/e2e -args -seed %d", seed, seed)
	dir := t.TempDir()
	w := &world{
		t: t, dir: dir, manifests: filepath.Join(dir, "manifests"), program: filepath.Join(dir, "hcs-reconcile"),
		owner: fmt.Sprintf("e2e-%d-%d", os.Getpid(), seed), rng: rand.New(rand.NewPCG(seed, 1)), rng2: rand.New(rand.NewPCG(seed, 2)),
		versions: map[string]int{}, first: map[string]process{},
	}
	build := exec.Command("go", "build", "-o", w.program, "../../cmd/hcs-reconcile")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, d := range []string{w.manifests, filepath.Join(dir, "runs")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	t.Cleanup(w.cleanUp)
	return w
}

// cleanUp ends what is left, and shows the end of the log of a failed test.
func (w *world) cleanUp() {
	for _, p := range w.processes() {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
	_ = w.log.Close()
	if w.t.Failed() {
		text, _ := os.ReadFile(w.log.Name())
		const most = 40_000
		if len(text) > most {
			text = text[len(text)-most:]
		}
		w.t.Logf("log of the daemons:\n%s", text)
	}
}

// settle waits until the system shows what is wanted, and stays so for a while.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wrong string
	for calm := 0; calm < 20; {
		select {
		case <-ctx.Done():
			w.t.Fatalf("not as wanted after %v: %s", patience, wrong)
		case <-time.After(25 * time.Millisecond):
		}
		calm++
		if wrong = w.wrong(); wrong != "" {
			calm = 0
		}
	}
}

// missed reports whether the daemon tells of a job that it failed and that
// nobody saw it end.
func (w *world) missed(name string) bool {
	out, err := exec.Command(w.program, "status", name, "-o", "json", "--state-dir", filepath.Join(w.dir, "state")).Output()
	if err != nil {
		return false
	}
	var v struct {
		Containers []struct {
			State    string
			LastExit *struct{ Code *uint32 }
		}
	}
	if err := json.Unmarshal(out, &v); err != nil || len(v.Containers) != 1 {
		return false
	}
	c := v.Containers[0]
	return c.State == "Failed" && c.LastExit != nil && c.LastExit.Code == nil
}

// runs counts how often a job ran in each version.
func (w *world) runs(name string) map[string]int {
	text, err := os.ReadFile(filepath.Join(w.dir, "runs", name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	count := map[string]int{}
	for line := range bytes.FieldsSeq(text) {
		count[string(line)]++
	}
	return count
}
