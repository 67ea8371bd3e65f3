package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// Prober makes probes and runs hooks; package probe is one. Both return soon
// after ctx ends. They are called from many goroutines.
type Prober interface {
	Probe(ctx context.Context, op reconcile.ProbeOp) reconcile.ProbeResult
	Hook(ctx context.Context, op reconcile.HookOp) error
}

// ProbeObserver is an Observer that wants to know the result of every probe,
// not only of those that changed. It is called by the loop, as Observe is.
type ProbeObserver interface {
	ObserveProbe(reconcile.ProbeOp, reconcile.ProbeResult)
}

// beside are probes and hooks under way. They are no calls of the driver: they
// need no worker and are not waited for by the steps of their container.
type beside struct {
	ctx     context.Context // of probes: ends when the engine begins to end
	stop    context.CancelFunc
	running int
	answers chan func(*loop)
}

func newBeside(work context.Context) beside {
	b := beside{answers: make(chan func(*loop))}
	b.ctx, b.stop = context.WithCancel(work)
	return b
}

// start makes probes, and runs hooks if their records are saved: a probe has
// nothing to remember.
func (b *beside) start(work context.Context, cfg *Config, t reconcile.Turn, saved bool) {
	if cfg.Prober == nil {
		return
	}
	for _, op := range t.Probes {
		b.running++
		go b.probe(work, cfg.Prober, op)
	}
	if !saved {
		return
	}
	for _, op := range t.Hooks {
		b.running++
		go b.hook(work, cfg.Prober, op)
	}
}

// answer hands f to the loop, unless that has ended.
func (b *beside) answer(work context.Context, f func(*loop)) {
	select {
	case b.answers <- func(l *loop) { l.beside.running--; f(l) }:
	case <-work.Done():
	}
}

func (b *beside) probe(work context.Context, p Prober, op reconcile.ProbeOp) {
	var r reconcile.ProbeResult
	err := guard(func() error { r = p.Probe(b.ctx, op); return nil })
	if err != nil {
		r = reconcile.ProbeResult{Outcome: reconcile.ProbeUnknown, Message: err.Error()}
	}
	b.answer(work, func(l *loop) { l.probed(op, r) })
}

func (b *beside) hook(work context.Context, p Prober, op reconcile.HookOp) {
	ctx, cancel := context.WithDeadline(work, op.Deadline)
	defer cancel()
	err := guard(func() error { return p.Hook(ctx, op) })
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = fmt.Errorf("took longer than it may: %w", err)
	}
	b.answer(work, func(l *loop) { l.core.Hooked(time.Now(), op, err) })
}

func (l *loop) probed(op reconcile.ProbeOp, r reconcile.ProbeResult) {
	l.core.Probed(time.Now(), op, r)
	for _, o := range l.cfg.Observers {
		if p, ok := o.(ProbeObserver); ok {
			p.ObserveProbe(op, r)
		}
	}
}
