package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// family is one metric that is made anew at each scrape.
type family struct {
	desc       *prometheus.Desc
	kind       prometheus.ValueType
	name, help string
}

func (f family) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	for i := range labels {
		labels[i] = clean(labels[i])
	}
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

// sendOf sends the series of a family that has no label but the container's.
func (f family) sendOf(ch chan<- prometheus.Metric, value float64, of owner) {
	ch <- &sample{family: f, value: value, labels: of.labels}
}

// owner is a container with its label, which all its series share: making the
// label anew for each of them was three quarters of all allocations.
type owner struct {
	name   string
	labels []*dto.LabelPair
}

func newOwner(name string) owner {
	return owner{name: name, labels: []*dto.LabelPair{pair("container", name)}}
}

// with adds a second label, whose name must sort after "container".
func (o owner) with(p *dto.LabelPair) owner {
	return owner{name: o.name, labels: []*dto.LabelPair{o.labels[0], p}}
}

func pair(name, value string) *dto.LabelPair {
	value = clean(value)
	return &dto.LabelPair{Name: &name, Value: &value}
}

// clean makes a label value of s: a path of Unix may hold any bytes, as may
// what a runtime answers, and a value that is not UTF-8 is refused.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// sample is one series of one scrape. What it holds is not changed any more.
type sample struct {
	family
	value  float64
	labels []*dto.LabelPair
}

// Desc implements prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *sample) Write(m *dto.Metric) error {
	m.Label = s.labels
	if s.kind == prometheus.CounterValue {
		m.Counter = &dto.Counter{Value: &s.value}
	} else {
		m.Gauge = &dto.Gauge{Value: &s.value}
	}
	return nil
}

func (f family) sendBool(ch chan<- prometheus.Metric, value bool, labels ...string) {
	f.send(ch, number(value), labels...)
}

// sendTime sends nothing for the zero time: no figure is better than 1970.
func (f family) sendTime(ch chan<- prometheus.Metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		f.send(ch, seconds(t), labels...)
	}
}

func (f family) sendTimeOf(ch chan<- prometheus.Metric, t time.Time, of owner) {
	if !t.IsZero() {
		f.sendOf(ch, seconds(t), of)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// catalog makes families and remembers them for Describe.
type catalog struct{ all []family }

func (c *catalog) add(kind prometheus.ValueType, name, help string, labels []string) family {
	f := family{desc: prometheus.NewDesc(namespace+"_"+name, help, labels, nil), kind: kind, name: namespace + "_" + name, help: help}
	c.all = append(c.all, f)
	return f
}

func (c *catalog) gauge(name, help string, labels ...string) family {
	return c.add(prometheus.GaugeValue, name, help, labels)
}

func (c *catalog) counter(name, help string, labels ...string) family {
	return c.add(prometheus.CounterValue, name, help, labels)
}
