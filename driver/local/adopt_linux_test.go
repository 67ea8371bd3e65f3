package local_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// startDaemon runs the test binary as a daemon.
func startDaemon(t testing.TB, owner, dir string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCAL_TEST_OWNER="+owner, "LOCAL_TEST_DIR="+dir)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal("cannot start the daemon")
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if complaints.Len() > 0 {
			t.Errorf("the daemon complains: %s", complaints.String())
		}
	})
	return cmd, bufio.NewReader(stdout)
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func awaitConverged(t testing.TB, out *bufio.Reader) {
	t.Helper()
	if line, err := out.ReadString('\n'); line != "converged\n" {
		t.Fatalf("the daemon says %q, %v", line, err)
	}
}

// TestDaemonKilledAtAnyTime kills the daemon again and again. Each container
// prints once when it starts, so a second copy at any time would show.
func TestDaemonKilledAtAnyTime(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		t.Run(fmt.Sprintf("without journal=%v", forgetful), func(t *testing.T) {
			r := &rig{TB: t, owner: newOwner(), dir: stateDir(t)}
			for range 20 {
				cmd, _ := startDaemon(t, r.owner, r.dir)
				<-time.After(rand.N(40 * time.Millisecond))
				kill(cmd)
				if forgetful {
					_ = os.Remove(filepath.Join(r.dir, "local-"+r.owner+".journal"))
				}
			}
			cmd, out := startDaemon(t, r.owner, r.dir)
			awaitConverged(t, out)
			kill(cmd)
			r.reopen()
			t.Cleanup(r.tidy)
			for i := range daemonContainers {
				c := wanted(i)
				pid := r.pid(c.Name(), "started")
				if got, want := r.log(c.Name()), fmt.Sprintf("started %d\n", pid); got != want {
					t.Errorf("%s was started more than once:\n%s", c.Name(), got)
				}
				if st := r.await(refOf(c), driver.Running); st.PID != pid {
					t.Errorf("%s runs in process %d, want %d", c.Name(), st.PID, pid)
				}
			}
			if got := marked(t, r.owner); got != daemonContainers {
				t.Errorf("%d processes bear the mark of the owner, want %d", got, daemonContainers)
			}
		})
	}
}

// marked counts the processes that name owner in their environment.
func marked(t testing.TB, owner string) (n int) {
	t.Helper()
	for pid := range parents(t) {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if strings.Contains("\x00"+string(env), "\x00HCS_RECONCILE_MARK_OWNER="+owner+"\x00") {
			n++
		}
	}
	return n
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(line), ") Z ")
}

func (r *rig) awaitGone(pid int) {
	r.Helper()
	eventually(r, fmt.Sprintf("process %d to be gone", pid), func() bool { return !alive(pid) })
}

// parents returns the parent of every process.
func parents(t testing.TB) map[int]int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]int{}
	for _, path := range stats {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')'):]))
		all[pid], _ = strconv.Atoi(fields[2])
	}
	return all
}

// TestAdoptedLife covers a container whose daemon died: its log goes on, its
// exit code is known, and its group and strays end with it.
func TestAdoptedLife(t *testing.T) {
	r := newRig(t)
	c := container("web", `sleep 1000 & echo child $!; setsid sh -c 'echo stray $$; exec sleep 1000' &
		echo ready $$; trap 'echo bye; exit 4' TERM; while :; do sleep 0.01; done`)
	ref := r.run(c)
	init := r.pid("web", "ready")
	child, stray := r.pid("web", "child"), r.pid("web", "stray")
	owner, dir := r.owner, r.dir
	r.must(r.Close())

	// A process in between makes us a stranger to the container.
	cmd, out := startDaemon(t, owner, dir)
	awaitConverged(t, out)
	kill(cmd)
	r.reopen()
	for i := range daemonContainers {
		ref := refOf(wanted(i))
		if st := r.await(ref, driver.Running); parents(t)[st.PID] == os.Getpid() {
			t.Errorf("%s is a child of ours, so the test proves nothing", ref)
		}
		r.must(r.Terminate(t.Context(), ref))
		if st := r.await(ref, driver.Stopped); !st.Exit.Known || st.Exit.Code != 128+9 {
			t.Errorf("%s: the keeper saw it end with 137, the driver %+v", ref, st)
		}
	}
	if st := r.await(ref, driver.Running); st.PID != init {
		t.Errorf("adopted process %d, want %d", st.PID, init)
	}
	r.must(r.Shutdown(t.Context(), ref))
	r.await(ref, driver.Stopped)
	r.must(r.Remove(t.Context(), ref))
	for _, pid := range []int{init, child, stray} {
		r.awaitGone(pid)
	}
	if !strings.Contains(r.log("web"), "\nbye\n") { // the shell may say something on the other stream
		t.Errorf("the log did not go on: %q", r.log("web"))
	}
}

// TestStraysOfEarlierDaemon covers an init process that ended while no daemon
// ran: what it left behind is no container.
func TestStraysOfEarlierDaemon(t *testing.T) {
	r := newRig(t)
	c := container("web", `setsid sh -c 'echo stray $$; exec sleep 1000' & echo ready $$; read x < "$PIPE"`)
	pipe := filepath.Join(r.dir, "pipe")
	r.must(exec.Command("mkfifo", pipe).Run())
	c.Spec.Env = []manifest.EnvVar{{Name: "PIPE", Value: pipe}}
	ref := r.run(c)
	init, stray := r.pid("web", "ready"), r.pid("web", "stray")
	r.must(r.Close())
	r.must(os.WriteFile(pipe, []byte("go\n"), 0o600))
	r.awaitGone(init)
	r.Driver = nil
	r.reopen()
	r.awaitGone(stray)
	if st, err := r.Inspect(t.Context(), ref); err == nil && st.State != driver.Stopped {
		st = r.await(ref, driver.Stopped)
		if !st.Exit.Known {
			t.Errorf("it was our own child, so its code is known: %+v", st)
		}
	}
}

// TestCleanEnvironment covers a program that throws its marks away.
func TestCleanEnvironment(t *testing.T) {
	r := newRig(t)
	ref := r.run(container("web", "echo ready $$; exec env -i /bin/sleep 1000"))
	pid := r.pid("web", "ready")
	eventually(t, "the environment to be empty", func() bool {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return err == nil && len(env) == 0
	})
	before := r.await(ref, driver.Running)
	r.reopen()
	if after := r.await(ref, driver.Running); after.PID != pid || !after.Started.Equal(before.Started) {
		t.Errorf("adopted %+v, want %+v", after, before)
	}
}
