package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// proven waits until what runs of name has shown that it works.
func (w *world) proven(name string) {
	w.t.Helper()
	w.awaitStatus("a proof of "+name, func(s status) bool {
		c := s.of(name)
		return c.Revision != "" && c.GoodRevision == c.Revision
	})
}

// ask is one command of an operator.
func (w *world) ask(args ...string) {
	w.t.Helper()
	d := w.host.run(w.t, w, append(args, "--state-dir", w.host.join(w.dir, "state"))...)
	select {
	case <-d.Done():
	case <-time.After(patience):
		d.Kill()
		w.t.Fatalf("%v does not end", args)
	}
	if said := d.Stderr(); said != "" {
		w.t.Fatalf("%v: %s", args, said)
	}
}

// rollback: a version that does not come up gives way to the one before it, for
// good, also under the next daemon; an edit is tried.
func rollback(w *world) {
	lines := []string{"update: {progressDeadline: 2s}", "restart: {initialDelay: 200ms, maxDelay: 200ms}"}
	w.write(spec{name: "web", version: "v1", lines: lines})
	w.run("--resync", "1s")
	w.proven("web")
	w.write(spec{name: "web", version: "v2", does: ends, code: 3, lines: lines})
	w.awaitStatus("the way back", func(s status) bool { return s.of("web").Reason == "RolledBack" })
	w.wantRunning("web=v1")
	w.kill()
	w.run("--resync", "1s")
	w.awaitStatus("the same", func(s status) bool { return s.Started && s.of("web").Reason == "RolledBack" })
	w.wantRunning("web=v1")
	if n := w.launches("web", "v1"); n != 2 {
		w.t.Errorf("the first version has run %d times, want 2", n)
	}
	w.write(spec{name: "web", version: "v3", lines: lines})
	w.wantRunning("web=v3")
	w.stop()
}

// startFirst: the old version runs until the new one has shown that it works.
func startFirst(w *world) {
	lines := []string{"update: {strategy: StartFirst}"}
	w.write(spec{name: "web", version: "v1", lines: lines})
	w.run("--resync", "1s")
	w.proven("web")
	w.write(spec{name: "web", version: "v2", lines: lines})
	w.await("both", func() string {
		var have []string
		for _, r := range w.host.running(w.t, w) {
			have = append(have, r.version)
		}
		if slices.Sort(have); strings.Join(have, " ") != "v1 v2" {
			return fmt.Sprintf("%v run", have)
		}
		return ""
	})
	w.wantRunning("web=v2")
	w.wantLaunches(map[string]int{"web=v1": 1, "web=v2": 1})
	w.stop()
}

// hold: nothing is done for what is held, and everything when it is over.
func hold(w *world) {
	w.up(web)
	w.ask("hold", "web", "--for", "12s", "--reason", "a look")
	w.awaitState("web", "Held")
	w.write(spec{name: "web", version: "v2"}, spec{name: "db", version: "v1"})
	w.wantRunning("db=v1", "web=v1") // the new manifests have been read
	w.wantRunning("db=v1", "web=v2") // the hold is over
	w.wantLaunches(map[string]int{"web=v1": 1, "web=v2": 1, "db=v1": 1})
	w.stop()
}

// withDriver names the driver to the daemon; no other command asks for one.
func withDriver(driver string, args []string) []string {
	if args[0] != "run" {
		return args
	}
	return append(args, "--driver", driver)
}
