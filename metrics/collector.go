package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// collector turns one View into metrics.
type collector struct {
	view    func(context.Context) (engine.View, error)
	timeout time.Duration
	sampler *sampler      // nil: no resource metrics
	keeper  func() Keeper // nil: none

	catalog    catalog
	host       hostFamilies
	containers containerFamilies
	resources  resourceFamilies
	keepers    keeperFamilies

	scrapes singleflight.Group // scrapes at the same time share one snapshot
}

func newCollector(o Options) *collector {
	c := &collector{view: o.View, keeper: o.Keeper, timeout: positive(o.Timeout, DefaultTimeout)}
	if o.Stats != nil {
		c.sampler = newSampler(o)
	}
	c.host = newHostFamilies(&c.catalog)
	c.containers = newContainerFamilies(&c.catalog)
	c.resources = newResourceFamilies(&c.catalog)
	c.keepers = newKeeperFamilies(&c.catalog)
	return c
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.catalog.all {
		ch <- f.desc
	}
}

// snapshot is what one scrape found.
type snapshot struct {
	view               engine.View
	viewErr            error
	stats              map[driver.Ref]driver.Stats
	missing            int // running containers without figures
	viewTook, statTook time.Duration
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	shared, _, _ := c.scrapes.Do("", func() (any, error) { return c.look(), nil })
	s := shared.(*snapshot) // look returns nothing else
	c.host.sendScrape(ch, s)
	if c.keeper != nil {
		c.keepers.send(ch, c.keeper())
	}
	if s.viewErr != nil {
		return // unknown is not zero: the series break off, and say so
	}
	c.host.send(ch, &s.view)
	for i := range s.view.Containers {
		st := &s.view.Containers[i]
		of := newOwner(st.Name)
		c.containers.send(ch, st, of)
		if figures, ok := s.stats[running(st)]; ok {
			c.resources.send(ch, figures, of)
		}
	}
}

func (c *collector) look() *snapshot {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	s, start := &snapshot{}, time.Now()
	s.view, s.viewErr = c.view(ctx)
	s.viewTook = time.Since(start)
	if s.viewErr == nil && c.sampler != nil {
		start = time.Now()
		s.stats, s.missing = c.sampler.sample(ctx, refs(s.view.Containers))
		s.statTook = time.Since(start)
	}
	return s
}

// running is the copy of a container that status shows as the one that runs.
// Where two revisions run side by side only that one has resource metrics.
func running(st *reconcile.ContainerStatus) driver.Ref {
	return driver.Ref{Name: st.Name, Revision: st.RunningRevision}
}

func refs(sts []reconcile.ContainerStatus) []driver.Ref {
	var out []driver.Ref
	for i := range sts {
		if sts[i].RunningRevision != "" {
			out = append(out, running(&sts[i]))
		}
	}
	return out
}
