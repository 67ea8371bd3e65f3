package engine_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// deaf is a driver whose Start of "bad" ignores its context until it is let go.
type deaf struct {
	driver.Driver
	letGo chan struct{}
}

func (d deaf) Start(ctx context.Context, c *manifest.Container) error {
	if c.Name() == "bad" {
		<-d.letGo
	}
	return d.Driver.Start(context.WithoutCancel(ctx), c)
}

func TestCallThatIgnoresItsDeadlineIsStuckAndFreesItsWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		letGo := make(chan struct{})
		r.start(fake.Config{}, func(c *engine.Config) {
			c.Driver, c.Workers, c.Timeout = deaf{c.Driver, letGo}, 1, time.Minute
		})
		r.ask(parse(t, "bad:", "good:")...)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := r.states(); !strings.HasPrefix(got, "bad=Starting good=Pending") && !strings.HasPrefix(got, "bad=Starting good=Creating") {
			t.Errorf("before the deadline: %q", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, want := r.states(), "bad=Stuck good=Running"; got != want {
			t.Errorf("after the deadline: %q, want %q", got, want)
		}
		told := false
		for _, ev := range r.seen {
			told = told || ev.Container == "bad" && ev.Reason == reconcile.OperationTimedOut && ev.Warning
		}
		if !told {
			t.Error("no event tells that bad is stuck")
		}
		close(letGo)
		synctest.Wait()
		if got, want := r.states(), "bad=Running good=Running"; got != want {
			t.Errorf("after it came back: %q, want %q", got, want)
		}
	})
}

func TestFailedLookIsAnsweredByAListingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		f := fake.NewFaults(1, fake.Rates{})
		f.Script(fake.Inspect, "a", 2, fake.Fault{Err: fake.ErrDenied}) // the look after the start
		r.start(fake.Config{Faults: f, Linger: time.Second}, func(c *engine.Config) { c.Resync = time.Hour })
		cs := parse(t, "a:")
		r.ask(cs...)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got, want := r.states(), "a=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		if c := r.view().Containers[0]; c.LastExit != nil || r.starts(cs[0]) != 1 {
			t.Errorf("%d starts, last exit %+v", r.starts(cs[0]), c.LastExit)
		}
	})
}
