package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// TestRules has the real promtool check the rules and run their unit tests.
func TestRules(t *testing.T) {
	promtool := tooltest.Path(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "--lint-fatal", filepath.Join(root, "alerts", "alerts.yaml"), filepath.Join(root, "alerts", "recording.yaml")},
		{"test", "rules", filepath.Join(root, "alerts", "testdata", "rules_test.yaml")},
	} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestEveryAlertIsTested wants each alert to fire, and to keep quiet, in some
// unit test.
func TestEveryAlertIsTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "alerts", "testdata", "rules_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readRules(t) {
		name := r.Alert + r.Record
		fires := regexp.MustCompile(`alertname: ` + name + `\n +exp_alerts:\n`).Match(text)
		quiet := regexp.MustCompile(`alertname: ` + name + `\n +exp_alerts: \[\]`).Match(text)
		if r.Alert != "" && (!fires || !quiet) {
			t.Errorf("%s: fires in a test: %t, is quiet in one: %t", name, fires, quiet)
		}
		if r.Record != "" && !strings.Contains(string(text), "{expr: '"+name+"'") {
			t.Errorf("%s is in no test", name)
		}
	}
}

// TestEveryAlertHasARunbook follows the links into docs/operations.md, which
// tells of no other alerts.
func TestEveryAlertHasARunbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile(`(?m)^#### (Hcs\w+)$`).FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1])
	}
	var alerts []string
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		alerts = append(alerts, r.Alert)
		_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "/docs/operations.md#")
		if anchor != strings.ToLower(r.Alert) {
			t.Errorf("%s: runbook %q", r.Alert, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.For == "" {
			t.Errorf("%s lacks a summary, a description or a duration", r.Alert)
		}
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
	}
	slices.Sort(told)
	slices.Sort(alerts)
	if !slices.Equal(told, alerts) {
		t.Errorf("docs/operations.md tells what to do about\n%q\nand the alerts are\n%q", told, alerts)
	}
}
