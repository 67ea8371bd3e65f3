package metrics

import (
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// exemplarOf points from a figure to the change and the container behind it,
// by which its log lines, events and trace are found. nil: there is no change.
// Exemplars are shown where OpenMetrics is spoken.
func exemplarOf(ev reconcile.Event) prometheus.Labels {
	if ev.Change == "" {
		return nil
	}
	l := prometheus.Labels{logkey.Change: clean(ev.Change), logkey.Container: clean(ev.Container)}
	n := 0
	for name, value := range l {
		n += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
	}
	if n > prometheus.ExemplarMaxRunes {
		return nil // such a name is of no manifest
	}
	return l
}

func observe(o prometheus.Observer, v float64, exemplar prometheus.Labels) {
	if e, ok := o.(prometheus.ExemplarObserver); ok && exemplar != nil {
		e.ObserveWithExemplar(v, exemplar)
		return
	}
	o.Observe(v)
}

func count(c prometheus.Counter, exemplar prometheus.Labels) {
	if e, ok := c.(prometheus.ExemplarAdder); ok && exemplar != nil {
		e.AddWithExemplar(1, exemplar)
		return
	}
	c.Inc()
}
