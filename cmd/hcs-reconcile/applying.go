package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// lookEvery is how often the engine is asked although no event came: not
// every change of what it knows is one.
const lookEvery = 200 * time.Millisecond

// applying watches an engine until the host is as wanted.
type applying struct {
	timeout, stable time.Duration
	out             io.Writer
	ink             ink
	engine          *engine.Engine
	events          chan line
	needs           map[string][]string
	width           int // of the longest name
	began           time.Time
}

// line is one line of progress.
type line struct {
	at                 time.Time
	name, text, colour string
}

// Observe implements engine.Observer. Where printing is slower than the engine
// by a thousand lines, the engine waits.
func (a *applying) Observe(ev reconcile.Event) {
	l := line{at: ev.At, name: ev.Container}
	switch ev.Kind {
	case reconcile.Decided:
		l.text = fmt.Sprintf("%s (%s)", ev.Action, ev.Reason)
	case reconcile.Done:
		if ev.Err == nil {
			return
		}
		l.text, l.colour = fmt.Sprintf("%s failed: %v", ev.Action, ev.Err), red
	case reconcile.Exited:
		l.text = ev.Message
	case reconcile.Asked, reconcile.Probed, reconcile.Hooked:
		l.text = fmt.Sprintf("%s: %s", ev.Reason, ev.Message)
	case reconcile.Became:
		l.text, l.colour = string(ev.State), colourOf(ev.State)
		if ev.Message != "" {
			l.text += ": " + ev.Message
		}
	}
	a.events <- l
}

func (a *applying) print(l line) {
	fmt.Fprintf(a.out, "%6.1fs  %-*s  %s\n", max(l.at.Sub(a.began).Seconds(), 0), a.width, l.name, a.ink.paint(l.colour, l.text))
}

// converge runs the engine until all is said.
func (a *applying) converge(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.timeout, fmt.Errorf("not done within %v", a.timeout))
	defer cancel()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.engine.Run(running) }()
	result := a.follow(ctx)
	stop()
	for {
		select {
		case l := <-a.events:
			a.print(l)
		case err := <-ended:
			return errors.Join(result, err)
		}
	}
}

// follow prints what happens, and returns when nothing more will, or ctx ends.
func (a *applying) follow(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case l := <-a.events:
			a.print(l)
		case <-look.C:
			v, err := a.engine.View(ctx)
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("apply: %w", err)
			}
			if err == nil && a.settled(v) {
				return a.sum(v, nil)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			v, err := a.engine.View(last)
			return errors.Join(a.sum(v, context.Cause(ctx)), err)
		}
	}
}

// outcome is what has become of one container.
type outcome int

const (
	underWay outcome = iota
	asWanted
	wrong // and nothing more will be done about it
)

func (a *applying) settled(v engine.View) bool {
	if !v.Started {
		return false
	}
	all := a.outcomes(v)
	return !slices.ContainsFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return all[c.Name] == underWay })
}

func (a *applying) outcomes(v engine.View) map[string]outcome {
	all := map[string]outcome{}
	for _, c := range v.Containers {
		all[c.Name] = a.outcome(v.At, &c)
	}
	// What waits for something that has gone wrong has gone wrong too.
	for changed := true; changed; {
		changed = false
		for _, c := range v.Containers {
			if c.State == reconcile.StateWaiting && all[c.Name] == underWay && a.hopeless(c.Name, v, all) {
				all[c.Name], changed = wrong, true
			}
		}
	}
	return all
}

func (a *applying) outcome(now time.Time, c *reconcile.ContainerStatus) outcome {
	if !c.Settled || c.State == reconcile.StateWaiting || c.Reason == reconcile.NotStarted || c.Reason == reconcile.NotReady {
		return underWay
	}
	switch c.State {
	case reconcile.StateRunning, reconcile.StateReady:
		switch {
		case c.Reason != reconcile.UpToDate && c.Reason != reconcile.UnknownRevision:
			return wrong
		case now.Sub(c.Started) < a.stable:
			return underWay
		}
		return asWanted
	case reconcile.StateCompleted, reconcile.StateStopped, reconcile.StatePaused:
		return asWanted
	default:
		return wrong
	}
}

func (a *applying) hopeless(name string, v engine.View, all map[string]outcome) bool {
	return slices.ContainsFunc(a.needs[name], func(n string) bool {
		i := slices.IndexFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return c.Name == n })
		return i < 0 || all[n] == wrong || v.Containers[i].State == reconcile.StateStopped && all[n] == asWanted
	})
}

// sum says how it ended; cause is why it ended before all was settled.
func (a *applying) sum(v engine.View, cause error) error {
	all, count := a.outcomes(v), map[reconcile.State]int{}
	var bad []string
	for _, c := range v.Containers {
		count[c.State]++
		if all[c.Name] != asWanted {
			bad = append(bad, fmt.Sprintf("  %-*s  %s", a.width, c.Name, a.ink.paint(colourOf(c.State), strings.TrimSuffix(string(c.State)+": "+message(&c), ": "))))
		}
	}
	var parts []string
	for _, s := range reconcile.States {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing is wanted"}
	}
	fmt.Fprintf(a.out, "\n%s: %s\n", plural(len(v.Containers), "container"), strings.Join(parts, ", "))
	switch {
	case cause != nil:
		return fmt.Errorf("apply: %w; not as wanted:\n%s", cause, strings.Join(bad, "\n"))
	case len(bad) > 0:
		return fmt.Errorf("apply: %s not as wanted:\n%s", plural(len(bad), "container"), strings.Join(bad, "\n"))
	}
	return nil
}
