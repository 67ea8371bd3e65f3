package scenario

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/test/wine"
)

// onService is told on Windows only: these disturb the service, or count its calls.
var onService = []struct {
	name string
	tell func(w *world, h *wine.Host)
}{
	{"EnumerationDenied", enumerationDenied},
	{"OrphanInTheWay", orphanInTheWay},
	{"ForeignInTheWay", foreignInTheWay},
	{"CreateHangs", createHangs},
	{"StartFails", startFails},
	{"ShutdownHangs", shutdownHangs},
	{"ExitLost", exitLost},
	{"Disconnect", disconnect},
	{"StatisticsFail", statisticsFail},
	{"Hundred", hundred},
	{"Quiet", quiet},
	{"CommandLine", commandLine},
}

const denied = 0x80070005

// id matches every system of a container of this world in a fault.
func (w *world) id(name string) string { return w.owner + "." + name + ".*" }

// enumerationDenied: what cannot be listed is unknown, not gone.
func enumerationDenied(w *world, h *wine.Host) {
	deny := wine.Fault{Fn: "HcsEnumerateComputeSystems", Times: -1, Code: denied}
	h.Fault(deny)
	w.write(web)
	w.run("--resync", "300ms")
	w.awaitStatus("a failed listing", func(s status) bool { return s.ListError != "" })
	if n := len(h.Calls("HcsCreateComputeSystem", "")); n > 0 {
		w.t.Errorf("%d creates although nobody knows what there is", n)
	}
	h.Clear()
	w.wantRunning("web=v1")

	h.Fault(deny)
	w.awaitStatus("a failed listing", func(s status) bool { return s.ListError != "" && s.of("web").State == "Running" })
	w.awaitCalls("HcsEnumerateComputeSystems", 3)
	h.Clear()
	w.awaitStatus("a good listing", func(s status) bool { return s.Started && s.ListError == "" })
	w.wantRunning("web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1})
	w.stop()
}

// awaitCalls waits for so many more calls.
func (w *world) awaitCalls(fn string, more int) {
	w.t.Helper()
	h := w.host.(*windows)
	before := len(h.Calls(fn, ""))
	w.await(fmt.Sprintf("%d more calls of %s", more, fn), func() string {
		if n := len(h.Calls(fn, "")) - before; n < more {
			return fmt.Sprint(n)
		}
		return ""
	})
}

// awaitSystems waits until the service has so many systems.
func (w *world) awaitSystems(n int) {
	w.t.Helper()
	h := w.host.(*windows)
	w.await(fmt.Sprintf("%d systems", n), func() string {
		if have := len(h.Report().Systems); have != n {
			return fmt.Sprint(have)
		}
		return ""
	})
}

// orphanInTheWay: a system of ours that is only Created, and that no listing
// has told of yet.
func orphanInTheWay(w *world, h *wine.Host) {
	id := w.onceThere()
	h.Make(wine.Alien{ID: id, Owner: w.owner, Created: true})
	w.write(web)
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 2}) // it was used: the create that found it is the second one
	if !slices.ContainsFunc(h.Calls("HcsCreateComputeSystem", id), func(e wine.Entry) bool { return e.Code == 0xC037010F }) {
		w.t.Errorf("no create found the orphan: not what is tested here")
	}
	w.stop()
}

// onceThere runs web and removes it again, and returns the ID of its system.
// It leaves db: an empty folder removes nothing.
func (w *world) onceThere() string {
	w.t.Helper()
	w.up(web, spec{name: "db", version: "v1"})
	id := w.owner + ".web." + w.status().of("web").Revision
	w.remove("web.yaml")
	w.awaitState("web", "")
	w.awaitSystems(1)
	return id
}

// foreignInTheWay: a system with our ID and another owner is never touched.
func foreignInTheWay(w *world, h *wine.Host) {
	id := w.onceThere()
	pid := h.Make(wine.Alien{ID: id, Owner: "docker", Command: h.Payload() + " forever"})
	w.write(web)
	w.awaitStatus("a refusal", func(s status) bool {
		return s.of("web").State == "Failed" && strings.Contains(s.of("web").Message, "docker") && s.of("db").State == "Running"
	})
	w.remove("web.yaml")
	w.awaitState("web", "")
	w.wantRunning("db=v1")
	found := h.Report().Systems
	if !slices.ContainsFunc(found, func(s wine.System) bool {
		return s.ID == id && s.State == "Running" && s.Processes[0].PID == pid && !s.Processes[0].Exited
	}) {
		w.t.Errorf("the foreign system is not as it was: %+v", found)
	}
	h.End(id, 0)
	w.stop()
}

// createHangs keeps one container, and nothing else.
func createHangs(w *world, h *wine.Host) {
	h.Fault(wine.Fault{Fn: "HcsCreateComputeSystem", On: w.id("web"), Hang: true})
	w.write(web, spec{name: "db", version: "v1"})
	w.run("--operation-timeout", "1s")
	w.awaitState("db", "Running")
	w.awaitState("web", "Stuck")
	w.write(spec{name: "more", version: "v1"})
	w.awaitState("more", "Running")
	h.Release()
	w.wantRunning("db=v1", "more=v1", "web=v1")
	for _, name := range []string{"web", "db", "more"} {
		w.awaitLaunches(name, "v1", 1)
		if n := w.launches(name, "v1"); n != 1 {
			w.t.Errorf("%s has run %d times, want once", name, n)
		}
	}
	w.stop()
}

func startFails(w *world, h *wine.Host) {
	h.Fault(wine.Fault{Fn: "HcsStartComputeSystem", On: w.id("web"), Times: 2, Code: 0xC0370101, Message: "no matching operating system"})
	w.write(web, spec{name: "db", version: "v1"})
	w.run()
	w.awaitStatus("the cause", func(s status) bool {
		return s.of("web").State == "Failed" && strings.Contains(s.of("web").Message, "no matching operating system")
	})
	w.wantRunning("db=v1", "web=v1")
	w.awaitLaunches("web", "v1", 1)
	if c, _ := w.host.calls(w.t, w, "web"); c.starts != 3 || c.processes != 1 {
		w.t.Errorf("web took %+v, want 3 starts and one process", c)
	}
	w.stop()
}

// shutdownHangs: Terminate comes after the grace period, and overtakes.
func shutdownHangs(w *world, h *wine.Host) {
	h.Fault(wine.Fault{Fn: "HcsShutdownComputeSystem", On: w.id("web"), Hang: true})
	grace := []string{"terminationGracePeriodSeconds: 1"}
	w.write(spec{name: "web", version: "v1", does: stubborn, lines: grace}, spec{name: "db", version: "v1"})
	w.run("--operation-timeout", "2s")
	w.wantRunning("db=v1", "web=v1")
	w.remove("web.yaml")
	w.await("the end of web", func() string {
		if n := len(w.host.running(w.t, w)); n != 1 {
			return fmt.Sprintf("%d run; %+v", n, w.status().Containers)
		}
		return ""
	})
	h.Release()
	w.awaitState("web", "")
	w.wantRunning("db=v1")
	w.stop()
}

// exitLost: an exit that nobody tells of is seen by the next look.
func exitLost(w *world, h *wine.Host) {
	w.write(spec{name: "web", version: "v1", lines: []string{"restart: {initialDelay: 50ms, maxDelay: 50ms, jitter: 0}"}})
	w.run("--resync", "300ms")
	w.wantRunning("web=v1")
	h.Fault(wine.Fault{Fn: "ProcessExited", On: w.id("web"), Lost: true}, wine.Fault{Fn: "SystemExited", On: w.id("web"), Lost: true})
	h.KillProcess(w.host.running(w.t, w)[0].pid, 7)
	w.awaitStatus("the exit", func(s status) bool { e := s.of("web").LastExit; return e != nil && e.Code != nil && *e.Code == 7 })
	w.wantRunning("web=v1")
	w.wantLaunches(map[string]int{"web=v1": 2})
	w.stop()
}

// disconnect: a service that restarts has lost nothing that runs.
func disconnect(w *world, h *wine.Host) {
	again := []string{"restart: {initialDelay: 50ms, maxDelay: 50ms, jitter: 0}"}
	w.write(spec{name: "web", version: "v1", lines: again}, spec{name: "db", version: "v1"})
	w.run("--resync", "300ms")
	w.wantRunning("db=v1", "web=v1")
	opened := len(h.Calls("HcsOpenProcess", ""))
	h.Disconnect()
	w.await("both being opened again", func() string {
		if n := len(h.Calls("HcsOpenProcess", "")) - opened; n < 2 {
			return fmt.Sprint(n)
		}
		return ""
	})
	w.awaitCalls("HcsEnumerateComputeSystems", 3)
	w.wantRunning("db=v1", "web=v1")
	w.wantLaunches(map[string]int{"web=v1": 1, "db=v1": 1})
	for _, p := range w.host.running(w.t, w) {
		if p.name == "web" {
			h.KillProcess(p.pid, 7)
		}
	}
	w.awaitLaunches("web", "v1", 2)
	w.wantRunning("db=v1", "web=v1")
	if e := w.status().of("web").LastExit; e == nil || e.Code == nil || *e.Code != 7 {
		w.t.Errorf("last exit after the service came back: %+v, want code 7", e)
	}
	w.wantLaunches(map[string]int{"web=v1": 2, "db=v1": 1})
	// The handles of before have to be closed all the same.
	w.forgiven = ": closed a handle that is not open"
	w.stop()
}

// statisticsFail for one container, and the scrape tells of the others.
func statisticsFail(w *world, h *wine.Host) {
	h.Fault(wine.Fault{Fn: "HcsGetComputeSystemProperties", On: w.id("web"), Times: -1, Skip: 2, Code: 0x80004005}) // daemon and keeper open it first
	w.up(web, spec{name: "db", version: "v1"})
	w.await("figures of db alone", func() string {
		text := w.scrape()
		if !strings.Contains(text, `container_memory_usage_commit_bytes{container="db"}`) {
			return "none of db"
		}
		if strings.Contains(text, `container_memory_usage_commit_bytes{container="web"}`) {
			return "some of web"
		}
		return ""
	})
	if text := w.scrape(); !strings.Contains(text, `hcs_reconcile_container_ready{container="web"} 1`) {
		w.t.Errorf("the scrape does not tell that web is ready:\n%s", tail(text))
	}
	w.stop()
}

// scrape returns /metrics; it must always answer.
func (w *world) scrape() string {
	w.t.Helper()
	r, ok := w.get("/metrics")
	if !ok {
		w.t.Fatal("no answer to a scrape")
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		w.t.Fatalf("scrape: %s, %v", r.Status, err)
	}
	return string(text)
}

// hundred containers at once: each takes one of each call, and only so many are
// created at a time.
func hundred(w *world, h *wine.Host) {
	most := hcs.DefaultCreates() // Wine shows the same processors
	h.Fault(wine.Fault{Fn: "CreateCompleted", Times: -1, Delay: 100 * time.Millisecond})
	var want []string
	launches := map[string]int{}
	for i := range 100 {
		s := spec{name: fmt.Sprintf("c%d", i), version: "v1"}
		w.write(s)
		want = append(want, s.name+"=v1")
		launches[s.name+"=v1"] = 1
	}
	w.run()
	w.wantRunning(want...)
	w.wantLaunches(launches)
	at, peak, lists := 0, 0, 0
	for _, e := range h.Journal() {
		switch e.Fn + e.Event {
		case "HcsCreateComputeSystem":
			at++
			peak = max(peak, at)
		case "CreateCompleted":
			at--
		case "HcsEnumerateComputeSystems":
			lists++
		}
	}
	if peak != most {
		w.t.Errorf("up to %d creates at once, want %d", peak, most)
	}
	if lists > 5 {
		w.t.Errorf("%d listings until 100 containers run, want a handful", lists)
	}
	w.t.Logf("100 containers: up to %d creates at once, %d listings", peak, lists)
	w.stop()
}

// quiet: when all is as wanted, the service hears of us only when we look.
func quiet(w *world, h *wine.Host) {
	w.write(web, spec{name: "db", version: "v1"})
	w.run("--resync", "200ms")
	w.wantRunning("db=v1", "web=v1")
	w.awaitCalls("HcsEnumerateComputeSystems", 30) // past the sweep for leftovers
	begin := len(h.Journal())
	w.awaitCalls("HcsEnumerateComputeSystems", 20)
	w.scrape()
	w.awaitCalls("HcsEnumerateComputeSystems", 20)
	count := map[string]int{}
	for _, e := range h.Journal()[begin:] {
		count[e.Fn+e.Event]++
	}
	w.t.Logf("calls in quiet times, with one scrape: %v", count)
	delete(count, "HcsEnumerateComputeSystems")
	if n := count["HcsGetComputeSystemProperties"]; n == 0 || n > 4 {
		w.t.Errorf("%d calls for the figures of two containers, want 2 to 4", n)
	}
	delete(count, "HcsGetComputeSystemProperties")
	if len(count) > 0 {
		w.t.Errorf("other calls in quiet times: %v", count)
	}
	w.stop()
}

// commandLine asks the daemon through its pipe, as operators do.
func commandLine(w *world, h *wine.Host) {
	w.up(web)
	state, manifests := w.host.join(w.dir, "state"), w.host.join(w.dir, "manifests")
	// Two ask, and the first answer counts: Wine hands one client the instance
	// of the pipe that go-winio only keeps to hold the name, and never serves.
	answers := make(chan string, 2)
	for range cap(answers) {
		p := h.Spawn(w.t, nil, exePath, "status", "--state-dir", state)
		go func() {
			said, _ := io.ReadAll(p.Stdout)
			answers <- string(said)
		}()
	}
	if said := <-answers; !strings.Contains(said, "web") || !strings.Contains(said, "Running") {
		w.t.Errorf("status: %q", said)
	}
	w.put("bare.yaml", "{apiVersion: hcs-reconcile/v1, kind: Container, metadata: {name: bare}, spec: {command: [x]}}")
	w.awaitStatus("a refusal", func(s status) bool { return s.of("bare").Reason == "Unsupported" })
	got := h.Run(w.t, exePath, "plan", "--state-dir", state, "--manifests", manifests)
	if !strings.Contains(got.Stdout, "a container needs an image") {
		w.t.Errorf("plan does not tell what the driver refuses: %+v", got)
	}
	w.remove("web.yaml")
	w.awaitState("web", "")
	w.stop()
	got = h.Run(w.t, exePath, "plan", "--state-dir", state, "--manifests", manifests, "--owner", "Shop")
	if got.Code == 0 || !strings.Contains(got.Stderr, "lower-case") {
		w.t.Errorf("an owner in upper case: %+v", got)
	}
	wantDoctor(w, h.Run(w.t, exePath, "doctor", "--state-dir", state, "--manifests", manifests, "--owner", w.owner, "--driver", "hcs", "-o", "json"))
}

// wantDoctor holds what a doctor can tell on Wine: it has the library of the
// service and no service, which would be a finding on Windows.
func wantDoctor(w *world, got wine.Result) {
	var report struct {
		Findings []struct{ Check, Level, Found string }
	}
	if err := json.Unmarshal([]byte(got.Stdout), &report); err != nil || got.Code != 1 {
		w.t.Errorf("doctor: %v: %+v", err, got)
	}
	is := map[string]string{}
	for _, f := range report.Findings {
		is[f.Check] = f.Level + " " + f.Found
	}
	for check, want := range map[string]string{
		"runtime": "fail the service vmcompute cannot be used: not installed", "leftovers": "ok ", "disk": "ok ", "store": "ok ",
		"daemon": "warn no daemon runs", "open files": "skipped ",
	} {
		if !strings.HasPrefix(is[check], want) {
			w.t.Errorf("doctor says of %s: %q, want %q", check, is[check], want)
		}
	}
}
