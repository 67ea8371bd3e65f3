//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

// TestEachEventIsToldOnce compares what the log, the metrics, the API and,
// after a restart of the daemon, the store tell of one history: each decision
// and outcome must be in all of them, and once.
func TestEachEventIsToldOnce(t *testing.T) {
	h := newHouse(t, nil)
	h.env = append(h.env, "HCS_RECONCILE_WEB_LISTEN_ADDRESS=127.0.0.1:0", "HCS_RECONCILE_LOG_LEVEL=debug", "HCS_RECONCILE_LOG_FORMAT=json")
	h.write("web", idle)
	h.write("bad", `command: [sh, -c, "exit 3"], restart: {initialDelay: 1h, maxDelay: 1h}`)
	h.write("job", `command: ["true"], restartPolicy: Never, dependsOn: [{name: web, condition: Ready}]`)
	h.write("asked", idle+`, readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}`)
	h.write("wrong", `command: [/no/such/program]`)
	d := h.command("run")
	logFile, err := os.Create(filepath.Join(h.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	d.Stderr = logFile
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Process.Kill(); _ = d.Wait() })
	for name, state := range map[string]string{"web": "Running", "bad": "CrashLoopBackOff", "job": "Completed", "wrong": "Failed", "asked": "Ready"} {
		h.await(name, state)
	}
	for _, args := range [][]string{
		{"exec", "web", "--", "true"}, {"hold", "wrong"}, {"restart", "web"}, {"retry", "bad"}, {"hold", "bad"}, {"release", "bad"}, {"hold", "bad"},
	} {
		if out, err := h.command(args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}

	client := control.NewClient(filepath.Join(h.dir, "state"))
	v, err := client.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var events []control.Event
	var told, logged []string
	var counted map[string]int
	h.until(func() bool { // the history is written up to a moment later
		if events, err = client.Events(t.Context(), control.EventQuery{}); err != nil {
			t.Fatal(err)
		}
		told, logged, counted = linesOf(events), logLines(t, logFile.Name()), eventCounts(t, v.Daemon.Web)
		return slices.Contains(told, "Done web start OperatorRestart") && cmp.Equal(told, logged) && cmp.Equal(byReason(events), counted)
	})
	if diff := cmp.Diff(told, logged); diff != "" {
		t.Errorf("the API and the log differ (-API +log):\n%s", diff)
	}
	if diff := cmp.Diff(byReason(events), counted); diff != "" {
		t.Errorf("the API and the metrics differ (-API +metrics):\n%s", diff)
	}
	all := strings.Join(told, "\n")
	for _, want := range []string{
		"Decided web create NewContainer", "Done web create NewContainer", "Done web start FirstStart", "Exited bad  Exited",
		"Became bad  BackOff", "Became job  Ended", "Done wrong start FirstStart", "Asked wrong  OperatorHold",
		"Asked web  OperatorRestart", "Done web shutdown OperatorRestart", "Done web start OperatorRestart", "Asked web  OperatorExec", "Asked bad  OperatorRetry",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not told:\n%s", want, all)
		}
	}
	h.end()
	h.daemon()
	h.await("web", "Running")
	again, err := client.Events(t.Context(), control.EventQuery{Since: new(uint64), Limit: len(events)})
	slices.Reverse(events)
	if diff := cmp.Diff(events, again); err != nil || diff != "" {
		t.Errorf("after a restart of the daemon: %v (-before +after):\n%s", err, diff)
	}
}

// linesOf gives what matters of each event, sorted.
func linesOf(events []control.Event) (lines []string) {
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", e.Kind, e.Container, e.Action, e.Reason))
	}
	slices.Sort(lines)
	return lines
}

func byReason(events []control.Event) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		n[e.Type+" "+e.Reason]++
	}
	return n
}

// logLines gives the same of the log.
func logLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"step decided": "Decided", "step": "Done", "step failed": "Done", "container exited": "Exited", "container state": "Became", "operator": "Asked",
		"probe": "Probed", "hook": "Hooked",
	}
	scan := bufio.NewScanner(bytes.NewReader(text))
	for scan.Scan() {
		var l struct{ Msg, Container, Action, Reason string }
		if json.Unmarshal(scan.Bytes(), &l) != nil {
			continue // a line that is being written
		}
		if kind := kinds[l.Msg]; kind != "" {
			if kind == "Exited" {
				l.Reason = "Exited"
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %s", kind, l.Container, l.Action, l.Reason))
		}
	}
	slices.Sort(lines)
	return lines
}

// eventCounts gives hcs_reconcile_events_total by type and reason.
func eventCounts(t *testing.T, address string) map[string]int {
	t.Helper()
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, m := range families["hcs_reconcile_events_total"].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if c := int(m.GetCounter().GetValue()); c > 0 {
			n[labels["type"]+" "+labels["reason"]] = c
		}
	}
	return n
}

// until waits for what is met at last, or for half of all patience: the test
// then says what is missing.
func (h *house) until(met func() bool) {
	for deadline := time.Now().Add(patience / 2); time.Now().Before(deadline) && !met(); <-time.After(20 * time.Millisecond) {
	}
}

// end ends the daemon in good order.
func (h *house) end() {
	h.t.Helper()
	p, err := daemonOf(filepath.Join(h.dir, "state"))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := p.Signal(os.Interrupt); err != nil {
		h.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if _, err := daemonOf(filepath.Join(h.dir, "state")); err != nil {
			return
		}
	}
	h.t.Fatal("the daemon does not end")
}
