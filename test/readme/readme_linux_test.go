// Package readme runs the commands that the README gives, as a newcomer would.
package readme

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// blocks are the sh blocks of the README, comments stripped.
func blocks(t *testing.T) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "```sh\n")[1:] {
		body, _, _ := strings.Cut(part, "```")
		var lines []string
		for line := range strings.Lines(body) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		all = append(all, lines)
	}
	if len(all) != 2 {
		t.Fatalf("%d sh blocks, want 2", len(all))
	}
	return all
}

func TestTheFirstTwoCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the demo")
	}
	first := blocks(t)[0]
	if fmt.Sprint(first) != "[make demo make test]" {
		t.Fatalf("the first commands are %q", first)
	}
	out := run(t, root, nil, "make demo")
	for _, want := range []string{"web      Running", "migrate  Completed", "CrashLoopBackOff", `hcs_reconcile_container_restarts_total{container="flaky"} `, "daemon ended"} {
		if !strings.Contains(out, want) {
			t.Errorf("make demo does not show %q:\n%s", want, out)
		}
	}
	// This test runs inside make test: here only that the target is there.
	run(t, root, nil, "make -n test")
}

// run runs one line in a shell and returns what it prints.
func run(t *testing.T, dir string, env []string, line string, codes ...int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a command that never ends is no example
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), env...), time.Second
	out, err := cmd.CombinedOutput()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if slices.Contains(append(codes, 0), code) {
		return string(out)
	}
	t.Fatalf("%s: exit %d\n%s", line, code, out)
	return ""
}

func TestTheCommandsForAHost(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "manifests"), os.DirFS(filepath.Join(root, "examples", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	run(t, root, nil, "go build -o "+dir+"/bin/ ./cmd/hcs-reconcile")
	env := []string{"PATH=" + dir + "/bin:" + os.Getenv("PATH"), fmt.Sprintf("HCS_RECONCILE_OWNER=readme-%d", os.Getpid()), "HCS_RECONCILE_STOP_ON_EXIT=true"}
	prefix := ""
	for _, line := range blocks(t)[1] {
		switch {
		case strings.HasPrefix(line, "export "):
			prefix = line + "; "
		case strings.HasSuffix(line, "&"):
			defer background(t, dir, env, prefix+"exec "+strings.TrimSuffix(line, "&"))()
		case strings.HasPrefix(line, "curl -s "):
			if body := get(t, "http://"+strings.TrimPrefix(line, "curl -s ")); !strings.Contains(body, "hcs_reconcile_container_ready") {
				t.Errorf("%s: %s", line, body)
			}
		case strings.HasSuffix(line, " plan"):
			if out := run(t, dir, env, prefix+line, 2); !strings.Contains(out, "Plan: 4 to create") {
				t.Errorf("%s: %s", line, out)
			}
		default:
			run(t, dir, env, prefix+line)
		}
	}
}

// background starts the daemon, waits until it answers, and returns how to end it.
func background(t *testing.T, dir string, env []string, line string) func() {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "bash", "-c", line)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	get(t, "http://localhost:9847/readyz")
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("daemon: %v\n%s", err, log.String())
		}
	}
}

// get asks until the answer is good.
func get(t *testing.T, url string) string {
	t.Helper()
	var last string
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		r, err := http.Get(url)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err == nil && r.StatusCode == http.StatusOK {
			return string(body)
		}
		last = string(body)
	}
	t.Fatalf("get %s: %s", url, last)
	return ""
}
