package scenario

import (
	"fmt"
	"strings"
)

// asks is a probe that runs a command which ends with code.
func (w *world) asks(kind string, code int, more string) string {
	return fmt.Sprintf("%sProbe: {exec: {command: [%s]}, periodSeconds: 1, timeoutSeconds: 20, %s}", kind, strings.Join(w.host.check(code), ", "), more)
}

// wantRuns expects that containers were started so often. The processes of
// probes, which the host counts too, do not matter.
func (w *world) wantRuns(want map[string]int) {
	w.t.Helper()
	for key, n := range want {
		name, version, _ := strings.Cut(key, "=")
		if got := w.launches(name, version); got != n {
			w.t.Errorf("%s was started %d times, want %d", key, got, n)
		}
	}
}

// probes: a dependent waits until a probe succeeds, and a container whose
// liveness fails is started again; neither costs another container anything.
// Probes are edited in place, so only failures can restart.
func probes(w *world) {
	db := spec{name: "db", version: "v1", lines: []string{
		w.asks("readiness", 1, "failureThreshold: 1"), "restart: {initialDelay: 50ms, maxDelay: 1s, jitter: 0}",
	}}
	w.write(db, spec{name: "web", version: "v1", lines: []string{"dependsOn: [{name: db, condition: Ready}]"}})
	w.run()
	w.awaitStatus("the probe that fails", func(s status) bool { return strings.Contains(s.of("db").Message, "exit code 1") })
	w.awaitState("web", "Waiting")
	w.wantRuns(map[string]int{"db=v1": 1, "web=v1": 0})

	healthy := w.asks("readiness", 0, "failureThreshold: 1")
	db.lines[0] = healthy
	w.write(db)
	w.awaitState("db", "Ready")
	w.wantRunning("db=v1", "web=v1")
	w.wantRuns(map[string]int{"db=v1": 1, "web=v1": 1})

	w.kill() // the next daemon believes what this one knew
	w.run()
	w.awaitState("db", "Ready")
	w.wantRuns(map[string]int{"db=v1": 1, "web=v1": 1})

	sick := db
	sick.lines = append(append([]string{}, db.lines...), w.asks("liveness", 1, "failureThreshold: 2"))
	w.write(sick)
	w.awaitLaunches("db", "v1", 2)
	w.write(db)
	w.awaitState("db", "Ready")
	if e := w.status().of("db").LastExit; e == nil || e.Reason != "LivenessFailed" {
		w.t.Errorf("last exit: %+v, want one for LivenessFailed", e)
	}
	if n := w.launches("web", "v1"); n != 1 {
		w.t.Errorf("web was started %d times, want once", n)
	}
	w.stop()
}
