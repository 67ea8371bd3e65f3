package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// world is one host with its manifests, and what must be true of it.
type world struct {
	t                       *testing.T
	dir, manifests, program string
	owner                   string
	log                     *os.File
	rng, rng2               *rand.Rand // for what changes, and for when; each in one goroutine

	versions map[string]int     // of the manifests as they stand; -1: there is none
	changes  int                // of manifests
	first    map[string]process // first process seen of each that is left alone
}

// kind is what a container does.
type kind int

const (
	sleeper   kind = iota // runs for ever
	exiter                // ends now and then, and is started again
	job                   // runs once, however it ends
	retried               // a job that is repeated until its good end has been seen
	changing              // a sleeper whose manifest changes, vanishes and returns
	changeJob             // a job that gets new versions
)

type container struct {
	name  string
	kind  kind
	needs string // as in dependsOn
}

// containers are the twenty of this world.
var containers = []container{
	{"s0", sleeper, ""},
	{"s1", sleeper, ""},
	{"s2", sleeper, ""},
	{"s3", sleeper, ""},
	{"s4", sleeper, ""},
	{"p0", exiter, ""},
	{"p1", exiter, ""},
	{"p2", exiter, ""},
	{"p3", exiter, ""},
	{"j0", job, ""},
	{"j1", job, ""},
	{"d0", sleeper, ""},
	{"d1", sleeper, "{name: d0, condition: Ready}"},
	{"d2", retried, "{name: d1, condition: Started}"},
	{"d3", sleeper, "{name: d2, condition: Completed}"},
	{"c0", changing, ""},
	{"c1", changing, ""},
	{"c2", changing, "{name: d0, condition: Ready}"},
	{"v0", changeJob, ""},
	{"v1", changeJob, "{name: s0, condition: Ready}"},
}

// text is the manifest of c in its version; note is only a comment.
func (w *world) text(c container, note string) string {
	args, policy := "", "Always"
	switch c.kind {
	case sleeper, changing:
		args = "[exec sleep 100000]"
	case exiter:
		args = fmt.Sprintf("['sleep 0.%d; exit %d']", 2+len(c.name)%3, w.versions[c.name]%2+1)
	case job, changeJob:
		args, policy = w.jobArgs(c), "Never"
	case retried:
		args, policy = w.jobArgs(c), "OnFailure"
	}
	return fmt.Sprintf(`# %s
apiVersion: hcs-reconcile/v1
kind: Container
metadata: {name: %s}
spec:
  command: [/bin/sh, -c]
  args: %s
  env: [{name: VERSION, value: v%d}]
  restartPolicy: %s
  restart: {initialDelay: 50ms, factor: 1, maxDelay: 50ms, jitter: 0}
  dependsOn: [%s]
  terminationGracePeriodSeconds: 5
`, note, c.name, args, w.versions[c.name], policy, c.needs)
}

func (w *world) jobArgs(c container) string {
	return fmt.Sprintf("['echo $VERSION >>%s; sleep 0.1']", filepath.Join(w.dir, "runs", c.name))
}

func (w *world) path(c container) string { return filepath.Join(w.manifests, c.name+".yaml") }

// write puts the manifest of c where it belongs, sometimes in one go and
// sometimes as editors do.
func (w *world) write(c container) { w.writeText(c, w.text(c, "as it was")) }

func (w *world) writeText(c container, text string) {
	if w.rng.IntN(2) == 0 {
		w.must(os.WriteFile(w.path(c), []byte(text), 0o644))
		return
	}
	temp := filepath.Join(w.manifests, ".new~")
	w.must(os.WriteFile(temp, []byte(text), 0o644))
	w.must(os.Rename(temp, w.path(c)))
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Error(err)
	}
}

// change does one thing to the folder.
func (w *world) change() {
	w.changes++
	c := containers[w.rng.IntN(len(containers))]
	switch c.kind {
	case changeJob:
		w.versions[c.name]++
		w.write(c)
	case changing:
		switch {
		case w.versions[c.name] < 0: // return
			w.versions[c.name] = 1000 + w.changes
			w.write(c)
		case w.rng.IntN(3) == 0: // vanish
			w.versions[c.name] = -1
			w.must(os.Remove(w.path(c)))
		default:
			w.versions[c.name]++
			w.write(c)
		}
	case sleeper, exiter, job, retried: // nothing that matters
		if w.rng.IntN(2) == 0 {
			w.writeText(c, w.text(c, fmt.Sprint("edited ", w.changes)))
		} else { // broken, until somebody writes it again
			w.writeText(c, "apiVersion: hcs-reconcile/v1\nkind: Contain")
		}
	}
}

// mend writes every manifest as it shall be: one that was broken before any
// daemon could read it was never followed.
func (w *world) mend() {
	for _, c := range containers {
		if w.versions[c.name] >= 0 {
			w.write(c)
		}
	}
}

// leftAlone reports whether what runs must never be started again.
func (c container) leftAlone() bool { return c.kind == sleeper }

// wrong says what is not yet as wanted; "" if all is.
func (w *world) wrong() string {
	running := map[string][]process{}
	for _, p := range w.leaders() {
		running[p.name] = append(running[p.name], p)
	}
	for _, c := range containers {
		have, want := running[c.name], w.versions[c.name]
		version := "v" + strconv.Itoa(want)
		switch {
		case c.kind == exiter:
			if len(have) > 1 {
				return fmt.Sprintf("%s runs %d times", c.name, len(have))
			}
		case c.kind == job, c.kind == changeJob, c.kind == retried:
			if len(have) > 0 || w.runs(c.name)[version] == 0 && !w.missed(c.name) {
				return fmt.Sprintf("job %s has not ended in version %s: %v, runs %v", c.name, version, have, w.runs(c.name))
			}
		case want < 0:
			if len(have) > 0 {
				return fmt.Sprintf("%s is not wanted, and runs: %v", c.name, have)
			}
		case len(have) != 1 || have[0].version != version:
			return fmt.Sprintf("%s shall run once in version %s: %v", c.name, version, have)
		}
		delete(running, c.name)
	}
	if len(running) > 0 {
		return fmt.Sprintf("nobody asked for %v", running)
	}
	return ""
}

// judge looks at the whole story, after all has settled.
func (w *world) judge(story *story) {
	w.t.Helper()
	for _, problem := range story.problems {
		w.t.Error(problem)
	}
	w.t.Logf("%d looks at all processes meanwhile", story.looks)
	for _, c := range containers {
		if c.kind != job && c.kind != changeJob {
			continue
		}
		runs := w.runs(c.name)
		if runs["v"+strconv.Itoa(w.versions[c.name])] == 0 {
			w.t.Logf("job %s was not started: the daemon died in that moment, and says that it failed", c.name)
		}
		for version, n := range runs {
			if n > 1 {
				w.t.Errorf("job %s ran %d times in version %s", c.name, n, version)
			}
		}
	}
	leaders := map[string]bool{}
	for _, p := range w.leaders() {
		leaders[strconv.Itoa(p.session)] = true
	}
	for _, p := range w.processes() {
		if !leaders[strconv.Itoa(p.session)] && p.alive() {
			w.t.Errorf("left behind by a container that has ended: %v", p)
		}
	}
}

// leaders are the init processes, by name.
func (w *world) leaders() []process {
	all := slices.DeleteFunc(w.processes(), func(p process) bool { return p.pid != p.session })
	slices.SortFunc(all, func(a, b process) int { return cmp.Or(strings.Compare(a.name, b.name), a.pid-b.pid) })
	return all
}
