package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemon is the real program with real processes.
type daemon struct {
	t              *testing.T
	program, dir   string
	manifests, web string
	owner          string
	log            bytes.Buffer
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hcs-reconcile")
	out, err := exec.Command("go", "build", "-o", program, "../../cmd/hcs-reconcile").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// startDaemon runs the program on these manifests until the test ends.
func startDaemon(t *testing.T, program, owner string, manifests map[string]string, flags ...string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs-page-") // short: the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, program: program, dir: dir, manifests: filepath.Join(dir, "manifests"), owner: fmt.Sprintf("%s-%d", owner, os.Getpid())}
	if err := os.Mkdir(d.manifests, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range manifests {
		d.write(name, text)
	}
	args := append([]string{
		"run", "--driver", "local", "--manifests", d.manifests, "--state-dir", filepath.Join(dir, "s"),
		"--owner", d.owner, "--stop-on-exit", "--web.listen-address", "127.0.0.1:0", "--log.format", "json",
	}, flags...)
	cmd := exec.Command(program, args...)
	cmd.Stderr = &d.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("daemon: %v\n%s", err, d.log.String())
		}
		_ = os.RemoveAll(dir)
	})
	d.web = "http://" + d.address()
	return d
}

func (d *daemon) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.manifests, name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) remove(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.manifests, name)); err != nil {
		d.t.Fatal(err)
	}
}

// address asks the daemon itself, once it answers.
func (d *daemon) address() string {
	d.t.Helper()
	var found string
	d.until("the daemon answers", func() bool {
		out, err := exec.Command(d.program, "status", "-o", "json", "--state-dir", filepath.Join(d.dir, "s")).Output()
		if err != nil {
			return false
		}
		var v struct{ Daemon struct{ Web string } }
		err = json.Unmarshal(out, &v)
		found = v.Daemon.Web
		return err == nil
	})
	return found
}

// states waits until each container is in its state.
func (d *daemon) states(want map[string]string) {
	d.t.Helper()
	d.until(fmt.Sprint(want), func() bool {
		r, err := http.Get(d.web + "/api/v1/containers")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		var v struct {
			Containers []struct{ Name, State string }
		}
		if json.NewDecoder(r.Body).Decode(&v) != nil {
			return false
		}
		is := map[string]string{}
		for _, c := range v.Containers {
			is[c.Name] = c.State
		}
		for name, state := range want {
			if !strings.Contains("|"+state+"|", "|"+is[name]+"|") {
				return false
			}
		}
		return true
	})
}

func (d *daemon) until(what string, is func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("%s: not within time; log of the daemon:\n%s", what, d.log.String())
		}
	}
}

// shell is the manifest of a container that runs script in a shell.
func shell(name, script string, more ...string) string {
	return fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata:\n  name: %s\n  labels: {app: shop, tier: %q}\nspec:\n  command: [/bin/sh, -c]\n  args: [%q]\n  terminationGracePeriodSeconds: 2\n  %s\n",
		name, "t-"+name[:1], script, strings.Join(more, "\n  "))
}
