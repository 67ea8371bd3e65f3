package monitoring

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// server is a real Prometheus.
type server struct {
	*process
	base string
}

// prometheus runs with the scrape configuration of docs/operations.md, aimed at
// target, and with the shipped rules, both in a hurry.
func prometheus(t *testing.T, target, ca, passwordFile string) *server {
	t.Helper()
	path, dir := tooltest.Path(t, "prometheus"), t.TempDir()
	config := documented(t, "scrape")
	job := config["scrape_configs"].([]any)[0].(map[string]any)
	job["static_configs"] = []any{map[string]any{"targets": []string{target}}}
	job["tls_config"].(map[string]any)["ca_file"] = ca
	job["basic_auth"].(map[string]any)["password_file"] = passwordFile
	renamed := map[string]any{"job_name": "renamed"} // the same with the names of cAdvisor
	for k, v := range job {
		if k != "job_name" {
			renamed[k] = v
		}
	}
	renamed["metric_relabel_configs"] = documented(t, "relabel")["metric_relabel_configs"]
	config["scrape_configs"] = []any{job, renamed}
	config["global"] = map[string]any{"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
	for _, name := range []string{"alerts.yaml", "recording.yaml"} {
		write(t, filepath.Join(dir, name), hurried(t, name))
	}
	write(t, filepath.Join(dir, "prometheus.yml"), config)
	address := freeAddress(t)
	s := &server{base: "http://" + address}
	s.process = start(t, exec.Command(path, "--config.file", filepath.Join(dir, "prometheus.yml"), "--web.listen-address", address,
		"--storage.tsdb.path", filepath.Join(dir, "tsdb"), "--enable-feature", "exemplar-storage", "--log.level", "warn"))
	until(t, "Prometheus", s.output, func() bool {
		resp, err := http.Get(s.base + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// documented reads a block of YAML of docs/operations.md.
func documented(t *testing.T, name string) map[string]any {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)<!-- begin " + name + " -->\n```yaml\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatalf("docs/operations.md has no block %s", name)
	}
	var out map[string]any
	if err := yaml.Unmarshal(m[1], &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// hurried is a file of rules with all durations shortened: a test has no hours.
func hurried(t *testing.T, name string) ruleFile {
	t.Helper()
	f := readRuleFile(t, name)
	for i := range f.Groups {
		f.Groups[i].Interval = "500ms"
		for j := range f.Groups[i].Rules {
			r := &f.Groups[i].Rules[j]
			r.Expr = regexp.MustCompile(`\[\d+[mh]\]`).ReplaceAllString(r.Expr, "[4s]")
			if r.For != "" {
				r.For = "1s"
			}
		}
	}
	return f
}

func write(t *testing.T, path string, v any) {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask fills out with the data of an answer of the API.
func (s *server) ask(path string, values url.Values, out any) error {
	resp, err := http.Get(s.base + "/api/v1/" + path + "?" + values.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: out}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s", answer.Error)
	}
	return nil
}

// sample is one series of the answer to a query.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (s *server) query(expr string) ([]sample, error) {
	var data struct{ Result []sample }
	err := s.ask("query", url.Values{"query": {expr}}, &data)
	return data.Result, err
}

// has reports whether expr gives anything.
func (s *server) has(expr string) bool {
	got, err := s.query(expr)
	if err != nil {
		s.t.Errorf("%s: %v", expr, err)
	}
	return len(got) > 0
}

// firing lists the alerts that fire, as "name container file".
func (s *server) firing() string {
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	if err := s.ask("alerts", nil, &data); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, a := range data.Alerts {
		if a.State == "firing" && a.Labels["job"] != "renamed" {
			out = append(out, strings.TrimSpace(a.Labels["alertname"]+" "+a.Labels["container"]+a.Labels["file"]))
		}
	}
	return strings.Join(out, "\n")
}

// exemplars gives the changes that the exemplars of a metric lead to.
func (s *server) exemplars(metric string) map[string]string {
	var data []struct {
		Exemplars []struct{ Labels map[string]string }
	}
	now := time.Now()
	if err := s.ask("query_exemplars", url.Values{
		"query": {metric}, "start": {fmt.Sprint(now.Add(-time.Hour).Unix())}, "end": {fmt.Sprint(now.Add(time.Hour).Unix())},
	}, &data); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, series := range data {
		for _, e := range series.Exemplars {
			out[e.Labels["container"]] = e.Labels["change"]
		}
	}
	return out
}
