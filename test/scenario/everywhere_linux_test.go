package scenario

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

var web = spec{name: "web", version: "v1"}

// up starts a daemon on some manifests, and waits until all of them run.
func (w *world) up(all ...spec) {
	w.t.Helper()
	w.write(all...)
	w.run()
	var want []string
	for _, s := range all {
		want = append(want, s.name+"="+s.version)
	}
	w.wantRunning(want...)
}

func drop(w *world) {
	w.run()
	w.wantRunning()
	w.write(web, spec{name: "db", version: "v1"})
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1, "db=v1": 1})
	w.stop()
}

func edit(w *world) {
	w.up(web, spec{name: "db", version: "v1"})
	w.write(spec{name: "web", version: "v2"})
	w.wantRunning("db=v1", "web=v2")
	w.wantLaunches(map[string]int{"web=v1": 1, "web=v2": 1, "db=v1": 1})
	w.stop()
}

func rename(w *world) {
	w.up(web)
	w.rename("web.yaml", "shop.yaml")
	w.awaitStatus("the new name of the file", func(s status) bool { return s.of("web").Source == "shop.yaml" })
	w.wantRunning("web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1})
	w.stop()
}

// comment adds some, and another container to the same file: once that runs,
// the comments have been read.
func comment(w *world) {
	w.up(web)
	w.put("web.yaml", "# somebody\n"+w.text(web)+"# explains\n---\n"+w.text(spec{name: "db", version: "v1"}))
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1, "db=v1": 1})
	w.stop()
}

func del(w *world) {
	w.up(web, spec{name: "db", version: "v1"})
	w.remove("web.yaml")
	w.wantRunning("db=v1")
	w.awaitState("web", "")
	w.wantLaunches(map[string]int{"web=v1": 1, "db=v1": 1})
	w.stop()
}

func brokenEdit(w *world) {
	w.up(web)
	w.put("web.yaml", "apiVersion: hcs-reconcile/v1\nkind: Contain")
	w.awaitStatus("the problem", func(s status) bool { return len(s.Problems) > 0 })
	w.wantRunning("web=v1")
	w.kill() // the text that was good once is kept
	w.run()
	w.awaitStatus("the problem", func(s status) bool { return len(s.Problems) > 0 })
	w.wantRunning("web=v1")
	w.write(spec{name: "web", version: "v2"})
	w.wantRunning("web=v2")
	w.wantLaunches(map[string]int{"web=v1": 1, "web=v2": 1})
	w.stop()
}

func folderGone(w *world) {
	w.up(web)
	w.must(os.Rename(w.linux("manifests"), w.linux("moved")))
	w.awaitStatus("doubt", func(s status) bool { return s.Doubt != "" })
	w.wantRunning("web=v1")
	w.must(os.Rename(w.linux("moved"), w.linux("manifests")))
	w.awaitStatus("no doubt", func(s status) bool { return s.Started && s.Doubt == "" })
	w.write(spec{name: "db", version: "v1"})
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1, "db=v1": 1})
	w.stop()
}

func crashLoop(w *world) {
	slow := spec{name: "web", version: "v1", does: ends, code: 3, lines: []string{"restart: {initialDelay: 1h, maxDelay: 1h}"}}
	w.write(slow)
	w.run()
	w.awaitState("web", "CrashLoopBackOff")
	if e := w.status().of("web").LastExit; e == nil || e.Code == nil || *e.Code != 3 {
		w.t.Errorf("last exit: %+v, want code 3", e)
	}
	w.wantLaunches(map[string]int{"web=v1": 1})
	fast := slow
	fast.version = "v2"
	fast.lines = []string{"restart: {initialDelay: 50ms, factor: 2, maxDelay: 1s, jitter: 0, maxRestarts: 3}"}
	w.write(fast)
	w.awaitState("web", "GaveUp")
	w.wantLaunches(map[string]int{"web=v1": 1, "web=v2": 4})
	w.write(spec{name: "web", version: "v3"})
	w.wantRunning("web=v3")
	w.stop()
}

func oneShot(w *world) {
	job := spec{name: "job", version: "v1", does: ends, lines: []string{"restartPolicy: Never"}}
	bad := spec{name: "bad", version: "v1", does: ends, code: 9, lines: []string{"restartPolicy: Never"}}
	w.write(job, bad)
	w.run()
	w.awaitState("job", "Completed")
	w.awaitState("bad", "Failed")
	w.kill()
	w.run()
	w.awaitState("job", "Completed")
	w.awaitState("bad", "Failed")
	w.wantRunning()
	w.wantLaunches(map[string]int{"job=v1": 1, "bad=v1": 1})
	job.version = "v2"
	w.write(job)
	w.awaitLaunches("job", "v2", 1)
	w.awaitState("job", "Completed")
	w.wantLaunches(map[string]int{"job=v1": 1, "job=v2": 1, "bad=v1": 1})
	w.stop()
}

func dependency(w *world) {
	w.write(
		spec{name: "db", version: "v1", lines: []string{"desiredState: Stopped"}},
		spec{name: "web", version: "v1", lines: []string{"dependsOn: [{name: init, condition: Completed}]"}},
		spec{name: "init", version: "v1", does: ends, lines: []string{"restartPolicy: Never", "dependsOn: [{name: db, condition: Ready}]"}},
	)
	w.run()
	w.awaitState("web", "Waiting")
	w.awaitState("init", "Waiting")
	w.wantLaunches(map[string]int{"web=v1": 0, "init=v1": 0})
	w.write(spec{name: "db", version: "v1"})
	w.wantRunning("db=v1", "web=v1")
	w.awaitState("init", "Completed")
	w.wantLaunches(map[string]int{"web=v1": 1, "init=v1": 1, "db=v1": 1})
	w.stop()
}

// stubbornOne does not end when it is asked to.
func stubbornOne(w *world) {
	w.up(spec{name: "web", version: "v1", does: stubborn, lines: []string{"terminationGracePeriodSeconds: 1"}}, spec{name: "db", version: "v1"})
	w.remove("web.yaml") // not the last one: an empty folder removes nothing
	w.awaitState("web", "Stopping")
	w.wantRunning("db=v1")
	w.awaitState("web", "")
	w.stop()
}

// endedUnseen is about what ends while no daemon lives.
func endedUnseen(w *world) {
	again := []string{"restart: {initialDelay: 50ms, maxDelay: 50ms, jitter: 0}"}
	w.up(spec{name: "web", version: "v1", lines: again}, spec{name: "db", version: "v1"})
	w.kill()
	for _, p := range w.host.running(w.t, w) {
		if p.name == "web" {
			w.host.end(w.t, p, 7)
		}
	}
	w.await("the end of web", func() string {
		if n := len(w.host.running(w.t, w)); n != 1 {
			return fmt.Sprintf("%d run", n)
		}
		return ""
	})
	w.run()
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 2, "db=v1": 1})
	w.stop()
}

func foreign(w *world) {
	owner, alive := w.host.foreign(w.t, w, "web")
	w.up(web, spec{name: "db", version: "v1"})
	w.awaitStatus("the foreign container", func(s status) bool {
		return slices.ContainsFunc(s.Foreign, func(f struct{ ID, Owner string }) bool { return f.Owner == owner })
	})
	w.write(spec{name: "web", version: "v2"})
	w.wantRunning("db=v1", "web=v2")
	w.remove("web.yaml")
	w.awaitState("web", "")
	w.wantRunning("db=v1")
	w.stop()
	if !alive() {
		w.t.Error("the container of somebody else has ended")
	}
}

// killed kills the daemon at random moments while it brings up what is wanted.
// Whatever the moment: everything runs in the end, and nothing was started twice.
func killed(w *world) {
	seed := uint64(time.Now().UnixNano()) % 1_000_000
	w.t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	want, launches := []string{}, map[string]int{}
	for i := range 20 {
		s := spec{name: fmt.Sprintf("c%d", i%10), version: fmt.Sprintf("v%d", i/10)}
		w.write(s)
		w.run()
		if rng.IntN(4) > 0 { // mostly when it is at work
			w.await("the daemon", func() string {
				if !strings.Contains(w.d.Stderr(), "daemon started") {
					return "not started"
				}
				return ""
			})
		}
		<-time.After(time.Duration(rng.ExpFloat64() * float64(150*time.Millisecond))) // the moment is what varies
		w.kill()
		if i >= 10 {
			want = append(want, s.name+"="+s.version)
			launches[s.name+"="+s.version] = 1
		}
	}
	w.run()
	w.wantRunning(want...)
	for key := range launches {
		name, version, _ := strings.Cut(key, "=")
		w.awaitLaunches(name, version, 1)
		if n := w.launches(name, version); n != 1 {
			w.t.Errorf("%s has run %d times, want once", key, n)
		}
		if n := w.launches(name, "v0"); n > 1 {
			w.t.Errorf("%s=v0 has run %d times, want once at most", name, n)
		}
	}
	w.stop()
}
