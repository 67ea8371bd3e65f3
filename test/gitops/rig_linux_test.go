// Package gitops changes the folder of a real daemon as GitOps tools do, with
// the real tools, hundreds of times and under load, and judges by what the
// system shows alone: each container writes down its own starts, and /proc says
// whether it still runs. What stands in every tree must keep its process; in the
// end exactly what the last tree asks for runs. It is for tests only.
package gitops

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a test that passes never comes near.
const patience = 60 * time.Second

// rounds is how often a test changes the folder; HCS_GITOPS_ROUNDS multiplies it.
func rounds(t *testing.T, n int) int {
	if testing.Short() {
		n = max(n/5, 3)
	}
	if text := os.Getenv("HCS_GITOPS_ROUNDS"); text != "" {
		times, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("HCS_GITOPS_ROUNDS: %v", err)
		}
		n *= times
	}
	return n
}

// program builds the real program once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hcs-gitops-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "hcs-reconcile")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/hcs-reconcile").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, os.Chmod(dir, 0o755)
})

// nobody is the user of a daemon that must not be root; no such user need exist.
const nobody = 61234

// rig is one host: a folder, a daemon, and the books that containers keep.
type rig struct {
	t        *testing.T
	dir, log string
	state    string
	uid      int
	rng      *rand.Rand
	cmd      *exec.Cmd
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("HCS_GITOPS_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("HCS_GITOPS_SEED=%d", seed)
	r := &rig{t: t, dir: dir, log: filepath.Join(dir, "log"), state: filepath.Join(dir, "state"), rng: rand.New(rand.NewPCG(seed, 1))}
	r.must(os.Chmod(filepath.Dir(dir), 0o755)) // the daemon may be another user
	for _, d := range []string{"runs", "state"} {
		r.must(os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	return r
}

// asNobody makes the daemon an ordinary user, to whom permissions mean something.
func (r *rig) asNobody() {
	r.t.Helper()
	if os.Geteuid() != 0 {
		r.t.Skip("only root can start a daemon as another user")
	}
	r.uid = nobody
	for _, d := range []string{"runs", "state"} {
		r.must(os.Chown(filepath.Join(r.dir, d), nobody, nobody))
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// start runs the daemon on a folder until the test ends.
func (r *rig) start(folder string, args ...string) {
	r.t.Helper()
	path, err := program()
	r.must(err)
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	r.must(err)
	defer log.Close()
	r.cmd = exec.Command(path, append([]string{
		"run", "--driver", "local", "--owner", filepath.Base(filepath.Dir(r.dir)), "--manifests", folder, "--state-dir", r.state,
		"--web.listen-address", "none", "--stop-on-exit",
	}, args...)...)
	r.cmd.Stderr = log
	if r.uid != 0 {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(r.uid), Gid: uint32(r.uid)}}
	}
	r.must(r.cmd.Start())
	r.t.Cleanup(r.end)
}

// end stops the daemon with its containers, and shows its log if the test failed.
func (r *rig) end() {
	if r.t.Failed() {
		text, _ := os.ReadFile(r.log)
		r.t.Logf("log of the daemon:\n%s", text[max(0, len(text)-20_000):])
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	defer time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() }).Stop()
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("daemon: %v", err)
	}
	for _, name := range r.names() {
		for _, run := range r.runs(name) {
			if run.alive() {
				r.t.Errorf("%s is left behind: process %d", name, run.pid)
				_ = syscall.Kill(run.pid, syscall.SIGKILL)
			}
		}
	}
}

// text is a manifest whose container writes down each of its starts.
func (r *rig) text(name, version, note string) string {
	return fmt.Sprintf(`# %s
apiVersion: hcs-reconcile/v1
kind: Container
metadata: {name: %s}
spec:
  command: [/bin/sh, -c, 'echo $$ $VERSION >>%s; exec sleep 100000']
  env: [{name: VERSION, value: %s}]
  restart: {initialDelay: 50ms, factor: 1, maxDelay: 50ms, jitter: 0}
  terminationGracePeriodSeconds: 5
`, note, name, filepath.Join(r.dir, "runs", name), version)
}

// run is one start of a container, in its own words.
type run struct {
	pid     int
	version string
}

// alive asks /proc; an ended process that nobody has waited for does not run.
func (x run) alive() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.pid))
	if err != nil {
		return false
	}
	state := string(text)[strings.LastIndexByte(string(text), ')')+2]
	return state != 'Z' && state != 'X'
}

func (r *rig) names() (names []string) {
	entries, err := os.ReadDir(filepath.Join(r.dir, "runs"))
	r.must(err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (r *rig) runs(name string) (all []run) {
	text, _ := os.ReadFile(filepath.Join(r.dir, "runs", name))
	for line := range strings.Lines(string(text)) {
		pid, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(pid)
		r.must(err)
		all = append(all, run{n, version})
	}
	return all
}

// tree is what a folder asks for: name to version.
type tree map[string]string

var (
	nameLine    = regexp.MustCompile(`metadata: \{name: ([a-z0-9-]+)\}`)
	versionLine = regexp.MustCompile(`name: VERSION, value: ([a-z0-9-]+)`)
)

// treeOf reads a folder in its own simple way.
func (r *rig) treeOf(folder string) tree {
	r.t.Helper()
	at := tree{}
	real, err := filepath.EvalSymlinks(folder)
	r.must(err)
	r.must(filepath.WalkDir(real, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		names, versions := nameLine.FindAllSubmatch(text, -1), versionLine.FindAllSubmatch(text, -1)
		for i := range names {
			at[string(names[i][1])] = string(versions[i][1])
		}
		return err
	}))
	return at
}

// wrong says how what runs differs from what is wanted; "" if it does not.
func (r *rig) wrong(want tree) string {
	for name, version := range want {
		all := r.runs(name)
		if len(all) == 0 {
			return name + " has not started"
		}
		last := all[len(all)-1]
		if last.version != version || !last.alive() {
			return fmt.Sprintf("%s shall run in version %s; last started in %s, alive %v", name, version, last.version, last.alive())
		}
	}
	for _, name := range r.names() {
		all := r.runs(name)
		for i, x := range all {
			if (want[name] == "" || i < len(all)-1) && x.alive() {
				return fmt.Sprintf("%s of version %s shall be gone, and process %d runs", name, x.version, x.pid)
			}
		}
	}
	return ""
}

// settle waits until exactly what is wanted runs.
func (r *rig) settle(want tree) {
	r.t.Helper()
	r.until("the tree", func() string { return r.wrong(want) })
}

func (r *rig) until(what string, wrong func() string) {
	r.t.Helper()
	text := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if text = wrong(); text == "" {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s: %s", what, text)
}

// kept wants each of these to have been started once, and to run still.
func (r *rig) kept(names []string) {
	r.t.Helper()
	for _, name := range names {
		if all := r.runs(name); len(all) != 1 || !all[0].alive() {
			r.t.Errorf("%s stands in every tree, and was stopped: started %d times %v", name, len(all), all)
		}
	}
}

// status is what the daemon says.
type status struct {
	Source struct{ Revision, Polling string }
	Doubt  string
	Brake  struct{ Blocked []string } `json:"pruneBrake"`
}

func (r *rig) status() (s status) {
	r.t.Helper()
	path, err := program()
	r.must(err)
	out, err := exec.Command(path, "status", "-o", "json", "--state-dir", r.state).Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	r.must(err)
	return s
}

// busy keeps the machine busy until the returned function is called.
func busy() (end func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	return func() { close(stop); wg.Wait() }
}
