package monitoring

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/otlptest"
)

// TestOneIDFromFileToRunning follows a container through everything that tells
// of it: the log, the events, the status and the traces of the real daemon.
func TestOneIDFromFileToRunning(t *testing.T) {
	c := otlptest.New(t)
	cmd := exec.Command(program(t))
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.HTTP, "OTEL_BSP_SCHEDULE_DELAY=50")
	d := run(t, t.TempDir(), cmd, "--web.listen-address", "127.0.0.1:0")
	until(t, "readiness", d.output, func() bool { return d.get("/readyz") == "ok\n" })
	d.write("web.yaml", container("web", "sleep 1000", ""))
	until(t, "web", d.output, func() bool { return strings.Contains(d.get("/api/v1/containers/web"), `"state": "Running"`) })

	m := regexp.MustCompile(`msg="manifests read" change=([0-9a-f]{32}) files=1 file=\[web.yaml\]`).FindStringSubmatch(d.output())
	if m == nil {
		t.Fatalf("the log does not tell which change read web.yaml:\n%s", d.output())
	}
	change := m[1]
	if !regexp.MustCompile(`msg=step container=web .*action=start .*change=` + change).MatchString(d.output()) {
		t.Errorf("the log does not lead from change %s to the start:\n%s", change, d.output())
	}
	for _, path := range []string{"/api/v1/containers/web", "/api/v1/events?container=web"} {
		if !strings.Contains(d.get(path), `"change": "`+change+`"`) {
			t.Errorf("%s does not tell of change %s: %s", path, change, d.get(path))
		}
	}
	want := []string{"change", "create", "start"}
	until(t, "trace", d.output, func() bool {
		got := ""
		for _, s := range c.Spans() {
			if s.Trace == change {
				got += " " + s.Name
			}
		}
		for _, name := range want {
			if !strings.Contains(got, " "+name) {
				return false
			}
		}
		return true
	})
}
