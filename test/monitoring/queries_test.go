package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

var root = filepath.Join("..", "..")

// query is one expression, with its place for messages.
type query struct{ place, expr string }

// rule is one alert or recording rule.
type rule struct {
	Alert       string            `yaml:"alert,omitempty"`
	Record      string            `yaml:"record,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type ruleFile struct {
	Groups []group `yaml:"groups"`
}

func readRuleFile(t *testing.T, name string) (f ruleFile) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "alerts", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, name := range []string{"alerts.yaml", "recording.yaml"} {
		for _, g := range readRuleFile(t, name).Groups {
			all = append(all, g.Rules...)
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d rules found: the reading is wrong", len(all))
	}
	return all
}

// dashboard is what we look at of Grafana's model.
type dashboard struct {
	Panels []struct {
		ID          int    `json:"id"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Description string `json:"description"`
		GridPos     struct{ X, Y, W, H int }
		FieldConfig struct {
			Defaults struct {
				Unit string `json:"unit"`
			} `json:"defaults"`
		} `json:"fieldConfig"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "dashboards", "hcs-reconcile.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// grafana puts values where Grafana does.
var grafana = strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*", "$container", ".*")

func (d dashboard) queries() []query {
	var qs []query
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			qs = append(qs, query{"panel " + p.Title, grafana.Replace(target.Expr)})
		}
	}
	return qs
}

// metric is a line of docs/metrics.md, which a test of package metrics holds to
// the code.
type metric struct {
	kind   string
	labels []string
}

// known lists the series that queries may ask for, by name.
func known(t *testing.T) map[string]metric {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]metric{
		"up":                            {"gauge", nil},
		"process_resident_memory_bytes": {"gauge", nil},
		"ALERTS":                        {"gauge", []string{"alertname", "alertstate", "container"}},
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(hcs_\\w+)` \\| (\\w+) \\| (.*?) \\|").FindAllStringSubmatch(string(page), -1) {
		var names []string
		for _, l := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(m[3], -1) {
			names = append(names, l[1])
		}
		all[m[1]] = metric{m[2], names}
		if m[2] == "histogram" {
			all[m[1]+"_bucket"] = metric{"counter", append(slices.Clone(names), "le")}
			all[m[1]+"_sum"], all[m[1]+"_count"] = metric{"counter", names}, metric{"counter", names}
		}
	}
	if len(all) < 60 {
		t.Fatalf("only %d metrics found: the reading is wrong", len(all))
	}
	return all
}

// values are the closed lists of label values.
func values() map[string][]string {
	v := map[string][]string{"part": {"state", "statistics"}}
	for _, s := range reconcile.States {
		v["state"] = append(v["state"], string(s))
	}
	for _, r := range slices.Concat(reconcile.StepReasons, reconcile.WaitReasons) {
		v["reason"] = append(v["reason"], string(r))
	}
	for _, a := range driver.Actions {
		v["action"] = append(v["action"], string(a))
	}
	return v
}

// TestQueriesAskForWhatThereIs parses every query that is shipped, and wants
// each metric, label and word of a closed list in it to exist.
func TestQueriesAskForWhatThereIs(t *testing.T) {
	qs := readDashboard(t).queries()
	for _, r := range readRules(t) {
		qs = append(qs, query{"rule " + r.Alert + r.Record, r.Expr})
	}
	for _, a := range readDashboard(t).Annotations.List {
		qs = append(qs, query{"annotation", grafana.Replace(a.Expr)})
	}
	if len(qs) < 40 {
		t.Fatalf("only %d queries found: the reading is wrong", len(qs))
	}
	metrics := known(t)
	for _, q := range qs {
		e, err := parser.NewParser(parser.Options{}).ParseExpr(q.expr)
		if err != nil {
			t.Errorf("%s: %v in %s", q.place, err, q.expr)
			continue
		}
		c := checker{t: t, query: q, metrics: metrics, values: values(), labels: map[string]bool{"job": true, "instance": true}}
		c.selectors(e)
		c.groupings(e)
	}
}

// checker looks through one expression.
type checker struct {
	t *testing.T
	query
	metrics map[string]metric
	values  map[string][]string
	labels  map[string]bool // of all metrics in the expression
}

func (c *checker) selectors(e parser.Expr) {
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		m, there := c.metrics[s.Name]
		if !there {
			c.t.Errorf("%s asks for %q, which there is not", c.place, s.Name)
			return nil
		}
		for _, l := range m.labels {
			c.labels[l] = true
		}
		for _, match := range s.LabelMatchers {
			c.matcher(s.Name, m, match)
		}
		c.rate(s.Name, m, path)
		return nil
	})
}

func (c *checker) matcher(name string, m metric, match *labels.Matcher) {
	if slices.Contains([]string{model.MetricNameLabel, "job", "instance"}, match.Name) {
		return
	}
	if !slices.Contains(m.labels, match.Name) {
		c.t.Errorf("%s: %s has no label %q", c.place, name, match.Name)
	}
	closed, ok := c.values[match.Name]
	for v := range strings.SplitSeq(match.Value, "|") {
		if ok && !slices.Contains(closed, v) {
			c.t.Errorf("%s: %s is never %q", c.place, match.Name, v)
		}
	}
}

// rate wants rates of what counts, and of nothing else.
func (c *checker) rate(name string, m metric, path []parser.Node) {
	counting := false
	for _, p := range path {
		if call, ok := p.(*parser.Call); ok && slices.Contains([]string{"rate", "irate", "increase"}, call.Func.Name) {
			counting = true
		}
	}
	if counting != (m.kind == "counter") {
		c.t.Errorf("%s: %s is a %s, and in a rate: %t", c.place, name, m.kind, counting)
	}
}

// groupings wants the labels that are grouped and matched by to be of some
// metric in the expression.
func (c *checker) groupings(e parser.Expr) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		var by []string
		switch n := n.(type) {
		case *parser.AggregateExpr:
			by = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				by = slices.Concat(n.VectorMatching.MatchingLabels, n.VectorMatching.Include)
			}
		}
		for _, l := range by {
			if !c.labels[l] {
				c.t.Errorf("%s: no metric in it has the label %q", c.place, l)
			}
		}
		return nil
	})
}

func TestDashboardCanBeRead(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("panel %q: id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d %q lacks a title, a description, a unit or a query", p.ID, p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("panel %q lies outside: %+v", p.Title, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := taken[cell]; ok {
					t.Fatalf("panel %q lies over %q", p.Title, other)
				}
				taken[cell] = p.Title
			}
		}
	}
	names := known(t)
	for _, v := range d.Templating.List {
		m := regexp.MustCompile(`label_values\((\w+)`).FindStringSubmatch(v.Definition)
		if v.Definition == "" {
			continue
		}
		if m == nil || names[m[1]].kind == "" {
			t.Errorf("variable %s is made from %q", v.Name, v.Definition)
		}
	}
}
