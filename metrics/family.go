package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// family is one metric that is made anew at each scrape.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (f family) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

func (f family) sendBool(ch chan<- prometheus.Metric, value bool, labels ...string) {
	f.send(ch, number(value), labels...)
}

// sendTime sends nothing for the zero time: no figure is better than 1970.
func (f family) sendTime(ch chan<- prometheus.Metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		f.send(ch, float64(t.UnixNano())/1e9, labels...)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// catalog makes families and remembers them for Describe.
type catalog struct{ all []family }

func (c *catalog) add(kind prometheus.ValueType, name, help string, labels []string) family {
	f := family{desc: prometheus.NewDesc(namespace+"_"+name, help, labels, nil), kind: kind}
	c.all = append(c.all, f)
	return f
}

func (c *catalog) gauge(name, help string, labels ...string) family {
	return c.add(prometheus.GaugeValue, name, help, labels)
}

func (c *catalog) counter(name, help string, labels ...string) family {
	return c.add(prometheus.CounterValue, name, help, labels)
}
