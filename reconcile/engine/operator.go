package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// ErrNoContainer and ErrRefused are the causes of what an operator cannot have:
// see package reconcile.
var (
	ErrNoContainer = reconcile.ErrNoContainer
	ErrRefused     = reconcile.ErrRefused
)

// Restart stops a container with its whole grace period and starts it at once;
// by is who asks. What depends on it is left alone. Like the other verbs of an
// operator it returns when the wish is on disk, and leaves an event.
func (e *Engine) Restart(ctx context.Context, name, by string) error {
	return e.wish(ctx, func(l *loop, now time.Time) error { return l.core.Restart(now, name, by) })
}

// Retry makes a container try again now what it waits to try or has given up.
func (e *Engine) Retry(ctx context.Context, name, by string) error {
	return e.wish(ctx, func(l *loop, now time.Time) error { return l.core.Retry(now, name, by) })
}

// Hold forbids every step for a container until h.Until, or until Release.
func (e *Engine) Hold(ctx context.Context, name string, h reconcile.HoldRequest) error {
	return e.wish(ctx, func(l *loop, now time.Time) error { return l.core.Hold(now, name, h) })
}

// Release ends a hold.
func (e *Engine) Release(ctx context.Context, name, by string) error {
	return e.wish(ctx, func(l *loop, now time.Time) error { return l.core.Release(now, name, by) })
}

// ConfirmPrune lets go what the prune brake holds back, and returns the names.
func (e *Engine) ConfirmPrune(ctx context.Context, by string) (names []string, err error) {
	err = e.wish(ctx, func(l *loop, now time.Time) error {
		names = l.core.ConfirmPrune(now, by)
		return nil
	})
	return names, err
}

// wish hands what an operator wants to the loop, and waits until it is on disk.
func (e *Engine) wish(ctx context.Context, f func(*loop, time.Time) error) error {
	saved := make(chan error, 1)
	err := e.ask(ctx, func(l *loop) {
		if err := f(l, time.Now()); err != nil {
			saved <- err
			return
		}
		l.wishes = append(l.wishes, saved)
	})
	if err != nil {
		return err
	}
	select {
	case err := <-saved:
		return err
	case <-e.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// granted answers the operators whose wishes were in the turn that was just
// saved, or was not.
func (l *loop) granted(saved bool) {
	for _, w := range l.wishes {
		if saved {
			w <- nil
		} else {
			w <- fmt.Errorf("save what was asked for: %w; it is done as soon as it can be saved", l.saveErr)
		}
	}
	l.wishes = nil
}

// Rollback returns a container to version n of those that Versions lists, or
// with 0 to the newest that was ready and is not the one wanted now. It lasts
// until the manifest changes.
func (e *Engine) Rollback(ctx context.Context, name string, n uint64, by string) error {
	kept, err := e.cfg.Store.Specs(name)
	if err != nil {
		return fmt.Errorf("roll back %s: %w", name, err)
	}
	return e.wish(ctx, func(l *loop, now time.Time) error { return l.core.Rollback(now, name, kept, n, by) })
}

// Version is one kept version of a container, as it is shown: without its
// manifest.
type Version struct {
	N        uint64            `json:"n"`
	Revision manifest.Revision `json:"revision"`
	Source   string            `json:"source,omitempty"`
	Made     time.Time         `json:"made"`
	Ready    time.Time         `json:"ready,omitzero"` // when it last became ready; zero: it never did
	Wanted   bool              `json:"wanted"`         // the manifest asks for it
	Runs     bool              `json:"runs"`
	Whole    bool              `json:"whole"` // it can be returned to, if it was ready
}

// Versions lists the kept versions of a container, newest first.
func (e *Engine) Versions(ctx context.Context, name string) ([]Version, error) {
	v, err := e.View(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return c.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("list versions of %q: %w", name, ErrNoContainer)
	}
	kept, err := e.cfg.Store.Specs(name)
	if err != nil {
		return nil, fmt.Errorf("list versions of %s: %w", name, err)
	}
	out := make([]Version, 0, len(kept))
	for _, k := range kept {
		r := manifest.Revision(k.Revision)
		runs := slices.ContainsFunc(v.Containers[i].Actual, func(st driver.Status) bool {
			return st.Revision == r && (st.State == driver.Running || st.State == driver.Paused)
		})
		out = append(out, Version{
			N: k.N, Revision: r, Source: k.Source, Made: k.At, Ready: k.ReadyAt,
			Wanted: r == v.Containers[i].Revision, Runs: runs, Whole: len(k.Manifest) > 0,
		})
	}
	return out, nil
}
