package scenario

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait; a scenario that passes never comes near.
const patience = 60 * time.Second

// world is what one scenario has to itself: an owner, folders on its host, and
// at most one daemon.
type world struct {
	t     *testing.T
	host  host
	owner string
	dir   string // as the host names it; holds manifests, state and runs
	d     daemon // nil: none runs

	forgiven string // a leak that is none
}

func newWorld(t *testing.T, h host, name string) *world {
	t.Helper()
	// A number of the process too: processes of an earlier run must not count.
	owner := fmt.Sprintf("s%d-%s", os.Getpid(), strings.ToLower(name))
	w := &world{t: t, host: h, owner: owner[:min(len(owner), 32)], dir: h.folder(t, name)}
	for _, sub := range []string{"manifests", "runs"} {
		w.must(os.MkdirAll(w.linux(sub), 0o755))
	}
	t.Cleanup(w.cleanUp)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// linux is where this test sees a file of the world.
func (w *world) linux(name ...string) string {
	return w.host.linux(w.host.join(append([]string{w.dir}, name...)...))
}

// run starts the daemon; what it ends with is seen by stop.
func (w *world) run(args ...string) {
	w.t.Helper()
	w.d = w.host.run(w.t, w, append([]string{
		"run", "--owner", w.owner, "--manifests", w.host.join(w.dir, "manifests"), "--state-dir", w.host.join(w.dir, "state"),
		"--web.listen-address", "127.0.0.1:0", "--log.level", "debug", "--stop-on-exit",
	}, args...)...)
}

// kill is kill -9, whatever the daemon is doing.
func (w *world) kill() {
	w.t.Helper()
	select {
	case <-w.d.Done():
		w.t.Errorf("the daemon ended by itself:\n%s", tail(w.d.Stderr()))
	default:
	}
	w.d.Kill()
}

// stop asks the daemon to stop all containers and to end; afterwards nothing of
// ours may be left.
func (w *world) stop() {
	w.t.Helper()
	w.must(w.d.Interrupt())
	select {
	case <-w.d.Done():
	case <-time.After(patience):
		w.t.Fatal("the daemon does not end")
	}
	if left := w.host.running(w.t, w); len(left) > 0 {
		w.t.Errorf("left running by a daemon that stops its containers: %v", left)
	}
	for _, leak := range w.host.leaks(w.t, w) {
		if leak != w.forgiven {
			w.t.Errorf("left behind: %s", leak)
		}
	}
}

func (w *world) cleanUp() {
	if w.d == nil {
		return
	}
	w.d.Kill()
	if w.t.Failed() {
		kept, _ := os.ReadFile(w.linux("state", "keeper", "log"))
		w.t.Logf("the daemon said:\n%s\nthe keeper said:\n%s\nthe host saw:\n%s", tail(w.d.Stderr()), tail(string(kept)), w.host.saw(w.t))
	}
}

func tail(text string) string {
	const most = 8000
	return text[max(0, len(text)-most):]
}

// --- what the daemon says ---

type status struct {
	Started          bool
	Containers       []container
	Problems         []struct{ Message string }
	Foreign          foreigners
	Doubt, ListError string
	Synced           time.Time
	Workers          int
}

// foreigners are many where other tests run; they print as their number.
type foreigners []struct{ ID, Owner string }

func (f foreigners) String() string { return fmt.Sprint(len(f)) }

type container struct {
	Name, State, Reason, Message, Source, Revision string
	Line, Restarts                                 int
	Settled                                        bool
	GoodRevision                                   string
	LastExit                                       *struct {
		Code   *uint32
		Reason string
	}
}

// webAddress is in the daemon's first line of the log.
var webAddress = regexp.MustCompile(`msg="daemon started".* web=(\S+)`)

var client = http.Client{Timeout: 10 * time.Second}

// get asks the daemon's web endpoint; not ok: it is not up yet.
func (w *world) get(path string) (*http.Response, bool) {
	found := webAddress.FindStringSubmatch(w.d.Stderr())
	if found == nil {
		select {
		case <-w.d.Done():
			w.t.Fatalf("the daemon ended by itself:\n%s", tail(w.d.Stderr()))
		default:
		}
		return nil, false
	}
	r, err := client.Get("http://" + found[1] + path)
	return r, err == nil
}

// status is what the daemon knows; empty while it is not up.
func (w *world) status() (s status) {
	r, ok := w.get("/api/v1/status")
	if !ok {
		return s
	}
	defer r.Body.Close()
	_ = json.NewDecoder(r.Body).Decode(&s)
	return s
}

func (s status) of(name string) container {
	i := slices.IndexFunc(s.Containers, func(c container) bool { return c.Name == name })
	if i < 0 {
		return container{}
	}
	return s.Containers[i]
}

// --- waiting ---

// await waits until wrong has nothing to say.
func (w *world) await(what string, wrong func() string) {
	w.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		said := wrong()
		if said == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("wait for %s: %s", what, said)
		}
	}
}

// awaitStatus waits until the daemon says something.
func (w *world) awaitStatus(what string, reached func(status) bool) {
	w.t.Helper()
	w.await(what, func() string {
		if s := w.status(); !reached(s) {
			return fmt.Sprintf("%+v", s)
		}
		return ""
	})
}

// awaitState waits until a container is in a state; "" is no container at all.
func (w *world) awaitState(name, state string) {
	w.t.Helper()
	w.awaitStatus(name+" "+state, func(s status) bool { return s.Started && s.of(name).State == state })
}

// wantRunning waits until the host runs exactly these, each given as
// name=version, and the daemon has nothing left to do.
func (w *world) wantRunning(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	w.await("exactly "+strings.Join(want, " "), func() string {
		s := w.status()
		if !s.Started {
			return "the daemon has not seen everything yet"
		}
		for _, c := range s.Containers {
			if !c.Settled {
				return fmt.Sprintf("not settled: %+v", c)
			}
		}
		var have []string
		for _, r := range w.host.running(w.t, w) {
			have = append(have, r.name+"="+r.version)
			if w.launches(r.name, r.version) == 0 {
				return fmt.Sprintf("%+v has left no mark yet", r)
			}
		}
		if slices.Sort(have); !slices.Equal(have, want) {
			return fmt.Sprintf("%v run; %+v", have, s.Containers)
		}
		return ""
	})
}

// --- manifests ---

// spec is one manifest.
type spec struct {
	name, version string
	does          behaviour
	code          int      // exit code of one that ends
	lines         []string // more of the manifest's spec
	base          string   // file name, without its folder; name.yaml if empty
}

// behaviour is what a program of a container does after it has left its mark in
// the file of its version.
type behaviour int

const (
	stays    behaviour = iota // until it is asked to end
	stubborn                  // it does not listen
	ends                      // at once
)

func (w *world) text(s spec) string {
	mark := w.host.join(w.dir, "runs", s.name+"."+s.version)
	command, err := json.Marshal(w.host.program(s.does, s.code, mark))
	w.must(err)
	lines := append([]string{"command: " + string(command), "env: [{name: VERSION, value: " + s.version + "}]"}, w.host.lines()...)
	return fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  %s\n",
		s.name, strings.Join(append(lines, s.lines...), "\n  "))
}

func (s spec) file() string {
	if s.base != "" {
		return s.base
	}
	return s.name + ".yaml"
}

// write puts a manifest into the folder in one go.
func (w *world) write(all ...spec) {
	w.t.Helper()
	for _, s := range all {
		w.put(s.file(), w.text(s))
	}
}

func (w *world) put(name, text string) {
	w.t.Helper()
	w.must(os.WriteFile(w.linux("new"), []byte(text), 0o644))
	w.must(os.Rename(w.linux("new"), w.linux("manifests", name)))
}

func (w *world) remove(name string) {
	w.t.Helper()
	w.must(os.Remove(w.linux("manifests", name)))
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	w.must(os.Rename(w.linux("manifests", from), w.linux("manifests", to)))
}

// launches counts how often the program of a version has really run: each run
// adds a line to a file.
func (w *world) launches(name, version string) int {
	text, err := os.ReadFile(filepath.Join(w.linux("runs"), name+"."+version))
	if err != nil && !os.IsNotExist(err) {
		w.t.Error(err)
	}
	return strings.Count(string(text), "\n")
}

// awaitLaunches waits until a program has run so often at least: a container
// runs a little before its program leaves its mark.
func (w *world) awaitLaunches(name, version string, times int) {
	w.t.Helper()
	w.await("runs of "+name+"="+version, func() string {
		if n := w.launches(name, version); n < times {
			return fmt.Sprintf("%d, want %d", n, times)
		}
		return ""
	})
}

// wantLaunches holds what ran so far against name=version: times; and, where
// the host keeps books, each of them took one create, one start, one process.
func (w *world) wantLaunches(want map[string]int) {
	w.t.Helper()
	perName := map[string]int{}
	for key, times := range want {
		name, version, _ := strings.Cut(key, "=")
		w.awaitLaunches(name, version, times)
		if got := w.launches(name, version); got != times {
			w.t.Errorf("%s has run %d times, want %d", key, got, times)
		}
		perName[name] += times
	}
	for name, times := range perName {
		if c, kept := w.host.calls(w.t, w, name); kept && c != (calls{times, times, times}) {
			w.t.Errorf("%s took %+v, want %d of each", name, c, times)
		}
	}
}
