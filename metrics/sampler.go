package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// sampler asks for the statistics of many containers within one deadline. A
// container that does not answer costs its own figures and, once, a turn of
// one worker; a call that ignores its context is left behind, and no second
// one for the same container is begun while it hangs.
type sampler struct {
	stats   func(context.Context, driver.Ref) (driver.Stats, error)
	sampled func(map[driver.Ref]driver.Stats) // nil: nobody wants to know
	timeout time.Duration                     // of one call
	workers int

	turn chan struct{} // holds one while a sample is taken

	flying sync.Map            // driver.Ref -> struct{}: calls that have not come back
	slow   map[driver.Ref]bool // did not answer when last asked: their turn is at the end
}

func newSampler(o Options) *sampler {
	return &sampler{
		stats:   o.Stats,
		sampled: o.Sampled,
		turn:    make(chan struct{}, 1),
		timeout: positive(o.StatsTimeout, DefaultStatsTimeout),
		workers: positive(o.StatsCalls, DefaultStatsCalls),
	}
}

var (
	errNoAnswer   = errors.New("an earlier call has not come back")
	errNotReached = errors.New("the scrape ran out of time")
)

// sample returns what could be read before ctx ended, and how many running
// containers are not in it. Samples take turns.
func (s *sampler) sample(ctx context.Context, refs []driver.Ref) (map[driver.Ref]driver.Stats, int) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, len(refs)
	}
	refs = s.slowLast(refs)
	answers := make([]answer, len(refs))
	var g errgroup.Group
	g.SetLimit(s.workers)
	for i, r := range refs {
		g.Go(func() error {
			answers[i] = s.ask(ctx, r)
			return nil
		})
	}
	_ = g.Wait() // the errors are in the answers
	got, missing := s.sort(refs, answers)
	if s.sampled != nil {
		s.sampled(got)
	}
	return got, missing
}

// Sample asks for the figures of all running containers of v, as a scrape does
// and beside none: Options.Sampled is told what came of it. It returns soon
// after ctx ends. Without Options.View or Options.Stats it does nothing.
func (m *Metrics) Sample(ctx context.Context, v *engine.View) {
	if m.sampler != nil {
		m.sampler.sample(ctx, refs(v.Containers))
	}
}

// sort parts the answers into figures and failures.
func (s *sampler) sort(refs []driver.Ref, answers []answer) (map[driver.Ref]driver.Stats, int) {
	got, missing := make(map[driver.Ref]driver.Stats, len(refs)), 0
	slow := map[driver.Ref]bool{}
	for i, a := range answers {
		switch r := refs[i]; {
		case a.err == nil:
			got[r] = a.stats
		case excused(a.err):
		default:
			missing++
			slow[r] = errors.Is(a.err, errNoAnswer) || driver.TimedOut(a.err) || errors.Is(a.err, errNotReached) && s.slow[r]
		}
	}
	s.slow = slow
	return got, missing
}

// excused errors are no failure: the container has ended since the view was
// taken, or the driver has no statistics at all.
func excused(err error) bool {
	return errors.Is(err, driver.ErrNotRunning) || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrUnsupported)
}

func (s *sampler) slowLast(refs []driver.Ref) []driver.Ref {
	var fast, slow []driver.Ref
	for _, r := range refs {
		if s.slow[r] {
			slow = append(slow, r)
		} else {
			fast = append(fast, r)
		}
	}
	return append(fast, slow...)
}

type answer struct {
	stats driver.Stats
	err   error
}

// ask makes one call in a goroutine of its own, because a driver may hang for
// longer than its context lets it.
func (s *sampler) ask(ctx context.Context, r driver.Ref) answer {
	if ctx.Err() != nil {
		return answer{err: errNotReached}
	}
	if _, hangs := s.flying.LoadOrStore(r, struct{}{}); hangs {
		return answer{err: errNoAnswer}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answered := make(chan answer, 1)
	go func() {
		a := s.call(ctx, r)
		s.flying.Delete(r)
		answered <- a
	}()
	select {
	case a := <-answered:
		return a
	case <-ctx.Done():
		return answer{err: context.Cause(ctx)}
	}
}

// call turns a panic of the driver into an error: a scrape must not end the daemon.
func (s *sampler) call(ctx context.Context, r driver.Ref) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("panic: %v", p)
		}
	}()
	a.stats, a.err = s.stats(ctx, r)
	return a
}
