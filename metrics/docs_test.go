package metrics_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

const docsHead = `# Metrics

Every metric of the daemon, as ` + "`/metrics`" + ` shows it. Metrics of a container are there as long as the container is:
stopped, completed and given-up ones stay. Where OpenMetrics is asked for, durations, steps and exits have exemplars that
lead to the change behind them ([operations.md](operations.md#following-one-change)). What cAdvisor and windows_exporter call
these figures: [operations.md](operations.md#monitoring). Generated from the code: ` + "`go test ./metrics -run TestDocs -update`" + `.

| name | type | labels | meaning |
| --- | --- | --- | --- |
`

// TestDocs compares docs/metrics.md with what a scrape shows that shows all.
func TestDocs(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{View: showing(view(web())), Stats: allStats, Keeper: keeper})
	text := docsHead
	for _, f := range gather(t, reg) {
		text += fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), labels(f), f.GetHelp())
	}
	path := filepath.Join("..", "docs", "metrics.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(was), "\r\n", "\n"), text); diff != "" {
		t.Errorf("docs/metrics.md is not what the code says; run with -update (-file +code):\n%s", diff)
	}
}

func labels(f *dto.MetricFamily) string {
	var names []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, "`"+l.GetName()+"`")
	}
	return strings.Join(names, ", ")
}

// TestDocsShowAll wants every metric that is described in the scrape above, so
// that none is left out of the docs, the linter and the tests.
func TestDocsShowAll(t *testing.T) {
	var described []string
	var c catcher
	metrics.New(&c, metrics.Options{View: showing(view(web())), Stats: allStats, Keeper: keeper})
	name := regexp.MustCompile(`fqName: "([^"]*)"`)
	for _, col := range c.caught {
		descs := make(chan *prometheus.Desc)
		go func() { defer close(descs); col.Describe(descs) }()
		for d := range descs {
			described = append(described, name.FindStringSubmatch(d.String())[1])
		}
	}
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{View: showing(view(web())), Stats: allStats, Keeper: keeper})
	var shown []string
	for _, f := range gather(t, reg) {
		shown = append(shown, f.GetName())
	}
	slices.Sort(described)
	if diff := cmp.Diff(described, shown); diff != "" {
		t.Errorf("metrics (-described +shown):\n%s", diff)
	}
}

// TestLabelsAreLogKeys wants a thing to have one name: what is a label here and
// a key in the log is listed once.
func TestLabelsAreLogKeys(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	metrics.New(reg, metrics.Options{View: showing(view(web())), Stats: allStats, Keeper: keeper})
	used := map[string]bool{logkey.Change: true} // of exemplars
	for _, f := range gather(t, reg) {
		for _, l := range f.GetMetric()[0].GetLabel() {
			used[l.GetName()] = true
		}
	}
	listed := slices.Sorted(slices.Values(slices.Concat(logkey.Shared, logkey.Labels)))
	if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("labels (-internal/logkey +metrics):\n%s", diff)
	}
}
