package monitoring

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a test that passes never comes near.
const patience = 60 * time.Second

// until waits for ok, and says on failure what it waited for and what tell
// finds.
func until(t *testing.T, what string, tell func() string, ok func() bool) {
	t.Helper()
	again, limit := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("%s did not come:\n%s", what, tell())
		}
	}
}

// program builds the real daemon, once for all tests.
func program(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "hcs-reconcile")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/hcs-reconcile").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// scratch is a folder for all tests.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "monitoring-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is a real program with its output in a file.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	log string
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, log: filepath.Join(t.TempDir(), filepath.Base(cmd.Path)+".log")}
	f, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

// stop ends it in good order.
func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	killed := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer killed.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s: %v\n%s", filepath.Base(p.cmd.Path), err, p.output())
	}
	p.cmd = nil
}

func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-8000):])
}

// daemon is the real hcs-reconcile with the local driver.
type daemon struct {
	*process
	manifests string
	address   string
	client    *http.Client
	base      string // of URLs
	user      string
}

// run starts the daemon by cmd, whose flags it adds, and waits until it listens.
func run(t *testing.T, dir string, cmd *exec.Cmd, flags ...string) *daemon {
	t.Helper()
	d := &daemon{manifests: filepath.Join(dir, "manifests"), client: &http.Client{Timeout: patience}}
	if err := os.MkdirAll(d.manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, append([]string{
		"run", "--manifests", d.manifests, "--state-dir", filepath.Join(dir, "state"), "--driver", "local",
		"--owner", fmt.Sprintf("monitoring-%d-%s", os.Getpid(), strings.ToLower(t.Name())), "--stop-on-exit",
	}, flags...)...)
	d.process = start(t, cmd)
	listens := regexp.MustCompile(`msg="daemon started".* web=([^ ]+)`)
	until(t, "daemon", d.output, func() bool {
		m := listens.FindStringSubmatch(d.output())
		if m != nil {
			d.address = m[1]
		}
		return m != nil
	})
	d.base = "http://" + d.address
	return d
}

// write replaces a manifest at once.
func (d *daemon) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.manifests, name)
	if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		d.t.Fatal(err)
	}
}

// get returns a page, "" if there is none.
func (d *daemon) get(path string) string {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.base+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if d.user != "" {
		r.SetBasicAuth(d.user, password)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

// container is a manifest that runs script.
func container(name, script, more string) string {
	return fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec: {command: [sh, -c, %q]%s}\n", name, script, more)
}
