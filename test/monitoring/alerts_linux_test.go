package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/certtest"
	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// The password is the toolkit's own example.
const (
	password = "fakepassword"
	webYML   = `tls_server_config: {cert_file: server.pem, key_file: server.key}
basic_auth_users: {prometheus: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}
`
)

// notHere are the panels that stay empty with healthy local processes.
var notHere = map[string]bool{
	"panel Network":                     true, // local processes have the network of the host
	"panel Failed calls of the runtime": true,
	"panel Failing probes":              true,
}

// TestAlerts has a real Prometheus watch the real daemon, over TLS and with a
// password, while a container begins to crash and a manifest breaks: both
// alerts fire, and both end after the repair.
func TestAlerts(t *testing.T) {
	promtool := tooltest.Path(t, "promtool")
	tooltest.Path(t, "prometheus")
	dir := t.TempDir()
	ca := certtest.NewAuthority(t)
	ca.Save(dir, ca.Issue("hcs-reconcile"))
	certtest.Put(t, filepath.Join(dir, "web.yml"), webYML)
	certtest.Put(t, filepath.Join(dir, "password"), password)
	d := run(t, dir, exec.Command(program(t)), "--web.listen-address", "127.0.0.1:0", "--web.config.file", filepath.Join(dir, "web.yml"))
	d.base, d.client, d.user = "https://"+d.address, ca.Client(), "prometheus"
	const forEver = "while :; do sleep 1000; done"
	quick := ", restart: {initialDelay: 200ms, maxDelay: 500ms}"
	d.write("web.yaml", container("web", forEver, ""))
	d.write("flaky.yaml", container("flaky", forEver, quick))
	d.write("job.yaml", container("job", "true", ", restartPolicy: Never"))

	p := prometheus(t, d.address, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password"))
	tell := func() string { return "firing:\n" + p.firing() + "\n" + p.output() + d.output() }
	until(t, "scrape", tell, func() bool {
		return p.has(`hcs_reconcile_container_state{container="web", state="Running"} == 1`) && p.has(`hcs_reconcile_containers{state="Completed"} == 1`)
	})
	if got := p.firing(); got != "" {
		t.Errorf("alerts on a sound host: %s", got)
	}

	d.write("flaky.yaml", container("flaky", "exit 3", quick))
	d.write("web.yaml", strings.Replace(container("web", forEver, ""), "command", "comand", 1))
	until(t, "both alerts", tell, func() bool {
		got := p.firing()
		return strings.Contains(got, "HcsContainerCrashLooping flaky") && strings.Contains(got, "HcsManifestInvalid web.yaml")
	})
	checkDashboard(t, p, tell)
	checkExemplar(t, p, d, tell)
	if !p.has(`container_cpu_usage_seconds_total{container="web", job="renamed"}`) || !p.has(`container_memory_working_set_bytes{container="web"} > 0`) {
		t.Error("the names of cAdvisor are missing")
	}

	d.write("flaky.yaml", container("flaky", forEver, quick))
	d.write("web.yaml", container("web", forEver, ""))
	until(t, "end of both alerts", tell, func() bool { return p.firing() == "" })
	if p.has(`changes(hcs_reconcile_container_start_time_seconds{container="web", job="hcs-reconcile"}[5m]) > 0`) {
		t.Error("web was started again, although only its text was broken")
	}
	checkLint(t, promtool, d)
	checkOutlives(t, d)
	checkKeeper(t, d, filepath.Join(dir, "state"))

	d.stop()
	until(t, "alert of a daemon that is gone", p.firing, func() bool { return strings.Contains(p.firing(), "HcsReconcileDown") })
}

// checkDashboard wants every panel to show something.
func checkDashboard(t *testing.T, p *server, tell func() string) {
	t.Helper()
	for _, q := range readDashboard(t).queries() {
		if _, err := p.query(q.expr); err != nil {
			t.Errorf("%s: %v", q.place, err)
		}
		if !notHere[q.place] {
			until(t, q.place, tell, func() bool { return p.has(q.expr) })
		}
	}
	for _, r := range readRules(t) {
		if r.Record != "" {
			until(t, r.Record, tell, func() bool { return p.has(r.Record) })
		}
	}
}

// checkExemplar follows an exemplar to the log and to the events.
func checkExemplar(t *testing.T, p *server, d *daemon, tell func() string) {
	t.Helper()
	var change string
	until(t, "exemplar", tell, func() bool {
		change = p.exemplars("hcs_reconcile_lag_seconds_bucket")["flaky"]
		return change != ""
	})
	if !strings.Contains(d.output(), "change="+change) {
		t.Errorf("the log does not tell of change %s", change)
	}
	if !strings.Contains(d.get("/api/v1/events?container=flaky"), change) {
		t.Errorf("no event goes back to change %s", change)
	}
}

// checkLint has the real promtool judge a real scrape.
func checkLint(t *testing.T, promtool string, d *daemon) {
	t.Helper()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(d.get("/metrics"))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// checkKeeper ends the keeper: that shows, and that another came.
func checkKeeper(t *testing.T, d *daemon, state string) {
	t.Helper()
	if out, err := exec.Command(d.cmd.Path, "keeper", "stop", "--state-dir", state).CombinedOutput(); err != nil {
		t.Errorf("keeper stop: %v\n%s", err, out)
		return
	}
	until(t, "another keeper", d.output, func() bool {
		page := d.get("/metrics")
		return strings.Contains(page, "hcs_reconcile_keeper_up 1\n") && strings.Contains(page, "hcs_reconcile_keeper_restarts_total 1\n")
	})
}

// checkOutlives wants stopped containers to stay in sight, and removed ones to
// go.
func checkOutlives(t *testing.T, d *daemon) {
	t.Helper()
	for _, line := range []string{
		`hcs_reconcile_container_state{container="job",state="Completed"} 1`, `hcs_reconcile_container_last_exit_code{container="job"} 0`,
	} {
		if !strings.Contains(d.get("/metrics"), line+"\n") {
			t.Errorf("a completed container does not show %s", line)
		}
	}
	if err := os.Remove(filepath.Join(d.manifests, "job.yaml")); err != nil {
		t.Fatal(err)
	}
	until(t, "end of the metrics of a removed container", d.output, func() bool {
		return !strings.Contains(d.get("/metrics"), `container="job"`)
	})
}
