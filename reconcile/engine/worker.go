package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// result is the answer to one step.
type result struct {
	op   reconcile.Op
	look reconcile.Look
	err  error
}

// perform takes one step and looks at the container afterwards.
func (l *loop) perform(work context.Context, op reconcile.Op) {
	ctx, cancel := context.WithTimeout(work, l.cfg.Timeout)
	defer cancel()
	err := guard(func() error { return driver.Do(ctx, l.cfg.Driver, op.Action, op.Ref, op.Container) })
	r := result{op: op, err: err}
	r.look = l.inspect(work, op.Ref)
	l.results <- r // has room for every worker
}

func (l *loop) inspect(work context.Context, ref driver.Ref) (look reconcile.Look) {
	ctx, cancel := context.WithTimeout(work, l.cfg.Timeout)
	defer cancel()
	err := guard(func() (err error) {
		look.Status, err = l.cfg.Driver.Inspect(ctx, ref)
		return err
	})
	look.Found = err == nil
	look.Known = err == nil || errors.Is(err, driver.ErrNotFound)
	return look
}

// guard turns a panic of a driver into an error: one container's trouble must
// not end the supervision of the others.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// calls are the steps under way. One that is past its deadline no longer
// counts against the workers: it must not hold back the others.
type calls struct{ running []call }

type call struct {
	op       reconcile.Op
	deadline time.Time
	late     bool
}

func (c *calls) len() int { return len(c.running) }

func (c *calls) counted() int {
	n := 0
	for _, r := range c.running {
		if !r.late {
			n++
		}
	}
	return n
}

func (c *calls) begin(op reconcile.Op, deadline time.Time) {
	c.running = append(c.running, call{op: op, deadline: deadline})
}

func (c *calls) end(op reconcile.Op) {
	c.running = slices.DeleteFunc(c.running, func(r call) bool { return r.op.Ref.Name == op.Ref.Name })
}

// overdue returns those that have just passed their deadline.
func (c *calls) overdue(now time.Time) []reconcile.Op {
	var late []reconcile.Op
	for i := range c.running {
		if r := &c.running[i]; !r.late && !now.Before(r.deadline) {
			r.late = true
			late = append(late, r.op)
		}
	}
	return late
}

// deadline is the soonest that has not passed, zero if there is none.
func (c *calls) deadline() time.Time {
	var first time.Time
	for _, r := range c.running {
		if !r.late {
			first = soonest(first, r.deadline)
		}
	}
	return first
}
