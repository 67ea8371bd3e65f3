package drivertest_test

import (
	"context"
	"errors"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// broken are drivers that each do one thing wrong, with cases that must see it.
var broken = map[string]struct {
	does     string
	open     opener
	caughtBy []string
}{
	"remove all": {
		"removes all revisions of a name",
		with(func(b *bad) { b.remove = b.removeAllRevisions }),
		[]string{"RevisionsAreApart"},
	},
	"second copy": {
		"starts a running container again",
		with(func(b *bad) { b.start = b.startAgain }),
		[]string{"VerbsTwice", "RefusalsOfRunning", "AdoptionAfterClose"},
	},
	"list drops one": {
		"leaves the last container out of List",
		with(func(b *bad) { b.list = dropLast }),
		[]string{"Lifecycle", "ListAgreesWithInspect", "ManyAtOnce"},
	},
	"shutdown foreign": {
		"ends the same container of another owner",
		with(func(b *bad) { b.shutdown = b.shutdownForeign }),
		[]string{"OwnersAreApart"},
	},
	"shutdown kills": {
		"kills instead of asking",
		with(func(b *bad) { b.shutdown = b.Terminate }),
		[]string{"IgnoredShutdown", "ShutdownCode"},
	},
	"shutdown swallows": {
		"says that all went well where there is nothing to ask",
		with(func(b *bad) { b.shutdown = b.shutdownQuietly }),
		[]string{"RefusalsOfAbsent", "RefusalsOfCreated", "RefusalsOfStopped"},
	},
	"start forgets": {
		"starts nothing after the first run",
		with(func(b *bad) { b.start = b.startOnce }),
		[]string{"RestartOfStopped"},
	},
	"pause does nothing": {
		"says that it has paused",
		with(func(b *bad) { b.pause = func(context.Context, driver.Ref) error { return nil } }),
		[]string{"PauseAndResume"},
	},
	"update recreates": {
		"makes the container anew to update it",
		with(func(b *bad) { b.update = b.updateAnew }),
		[]string{"UpdateInPlace"},
	},
	"check writes": {
		"changes what it checks",
		with(func(b *bad) { b.check = func(c *manifest.Container) { c.Spec.Devices = nil } }),
		[]string{"CheckChangesNothing"},
	},
	"unknown codes": {
		"never knows an exit code",
		with(func(b *bad) { b.see = func(st *driver.Status) { st.Exit.Known, st.Exit.Code = false, 0 } }),
		[]string{"ExitCode", "ShutdownCode", "ExitWhileNobodyWatched", "CreatedAndStoppedOverReopen", "ListAgreesWithInspect"},
	},
	"mute": {
		"never tells an exit and leaves the channel open",
		with(func(b *bad) { b.hints = make(chan driver.Status) }),
		[]string{"ExitHint", "ExitsClosesWithDriver", "AdoptionAfterClose"},
	},
	"false hints": {
		"tells wrong exit codes",
		with(func(b *bad) { b.hints = b.falseHints() }),
		[]string{"HintsTellTheTruth", "ExitHint"},
	},
	"close kills": {
		"ends its containers when it is closed",
		with(func(b *bad) { b.beforeClose = b.killAll }),
		[]string{"AdoptionAfterClose", "ExitWhileNobodyWatched"},
	},
	"open kills": {
		"ends the containers that it finds",
		with(func(b *bad) { b.killAll() }),
		[]string{"AdoptionAfterClose", "AdoptionAfterCrash"},
	},
	"open starts": {
		"starts what it finds at rest",
		with(func(b *bad) { b.startAll() }),
		[]string{"CreatedAndStoppedOverReopen"},
	},
	"empty when cancelled": {
		"lists nothing instead of failing",
		with(func(b *bad) { b.list = emptyOnError }),
		[]string{"EndedContext"},
	},
	"deaf to contexts": {
		"goes on for ever when the context has ended",
		with(func(b *bad) { b.list = sleepOnError }),
		[]string{"EndedContext"},
	},
	"no figures": {
		"has no figures",
		with(func(b *bad) { b.noStats = true }),
		[]string{"Stats"},
	},
	"immortal": {
		"works on after Close",
		with(func(b *bad) { b.afterClose = true }),
		[]string{"CallsAfterClose"},
	},
	"exec: no code": {
		"takes every process for a success",
		with(func(b *bad) { b.session = func(x driver.Session) driver.Session { return lying{x} } }),
		[]string{"ExecOutputAndCode", "ExecTerminal"},
	},
	"exec: deaf": {
		"gives the process nothing to read",
		with(func(b *bad) { b.process = func(p *driver.Process) { p.Stdin = false } }),
		[]string{"ExecInput"},
	},
	"exec: bare": {
		"executes with another environment",
		with(func(b *bad) {
			b.process = func(p *driver.Process) {
				if p.Command[0] == "env" {
					p.Command[1] = "OTHER"
				}
			}
		}),
		[]string{"ExecEnvironment", "ExecAfterAdoption"},
	},
	"exec: close kills all": {
		"ends the container with the process",
		with(func(b *bad) {
			b.session = func(x driver.Session) driver.Session { return murderous{x, b.killAll} }
		}),
		[]string{"ExecCloseEndsIt", "ExecRefusals"},
	},
	"exec: immortal": {
		"does not end processes with their container",
		with(func(b *bad) {
			b.session = func(x driver.Session) driver.Session { return immortal{x, make(chan struct{})} }
		}),
		[]string{"ExecEndsWithContainer"},
	},
	"leaky": {
		"leaves a goroutine",
		with(func(*bad) { go time.Sleep(time.Hour) }),
		[]string{"CloseLeavesNoGoroutine"},
	},
}

// bad is a fake driver with parts exchanged; a nil part works as it should.
type bad struct {
	*fake.Driver
	host        *fake.Host
	start       func(context.Context, *manifest.Container) error
	shutdown    func(context.Context, driver.Ref) error
	remove      func(context.Context, driver.Ref) error
	pause       func(context.Context, driver.Ref) error
	update      func(context.Context, driver.Ref, *manifest.Container) error
	list        func(driver.Listing, error) (driver.Listing, error)
	see         func(*driver.Status) // changes what Inspect saw
	check       func(*manifest.Container)
	process     func(*driver.Process)               // changes what is executed
	session     func(driver.Session) driver.Session // changes what Exec returns
	hints       chan driver.Status
	beforeClose func()
	noStats     bool
	afterClose  bool
	closed      bool
}

// with returns an opener of drivers that spoil has made bad.
func with(spoil func(*bad)) opener {
	return func(h *fake.Host, d *fake.Driver) driver.Driver {
		b := &bad{Driver: d, host: h}
		spoil(b)
		return b
	}
}

func (b *bad) Check(c *manifest.Container) []driver.Note {
	if b.check != nil {
		b.check(c)
	}
	return b.Driver.Check(c)
}

func (b *bad) Start(ctx context.Context, c *manifest.Container) error {
	if b.start != nil {
		return b.start(ctx, c)
	}
	return b.Driver.Start(ctx, c)
}

func (b *bad) Shutdown(ctx context.Context, r driver.Ref) error {
	if b.shutdown != nil {
		return b.shutdown(ctx, r)
	}
	return b.Driver.Shutdown(ctx, r)
}

func (b *bad) Remove(ctx context.Context, r driver.Ref) error {
	if b.remove != nil {
		return b.remove(ctx, r)
	}
	return b.Driver.Remove(ctx, r)
}

func (b *bad) Pause(ctx context.Context, r driver.Ref) error {
	if b.pause != nil {
		return b.pause(ctx, r)
	}
	return b.Driver.Pause(ctx, r)
}

func (b *bad) Update(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	if b.update != nil {
		return b.update(ctx, r, c)
	}
	return b.Driver.Update(ctx, r, c)
}

func (b *bad) List(ctx context.Context) (driver.Listing, error) {
	l, err := b.Driver.List(ctx)
	if b.list != nil {
		return b.list(l, err)
	}
	if b.closed {
		return l, nil
	}
	return l, err
}

func (b *bad) Inspect(ctx context.Context, r driver.Ref) (driver.Status, error) {
	st, err := b.Driver.Inspect(ctx, r)
	if b.see != nil {
		b.see(&st)
	}
	return st, err
}

func (b *bad) Stats(ctx context.Context, r driver.Ref) (driver.Stats, error) {
	st, err := b.Driver.Stats(ctx, r)
	if b.noStats {
		st = driver.Stats{At: st.At}
	}
	return st, err
}

func (b *bad) Exec(ctx context.Context, r driver.Ref, p driver.Process) (driver.Session, error) {
	if b.process != nil {
		b.process(&p)
	}
	x, err := b.Driver.Exec(ctx, r, p)
	if err == nil && b.session != nil {
		x = b.session(x)
	}
	return x, err
}

// lying tells code 0 whatever happened.
type lying struct{ driver.Session }

func (x lying) Wait() (uint32, error) {
	_, err := x.Session.Wait()
	return 0, err
}

// murderous ends more than itself.
type murderous struct {
	driver.Session
	kill func()
}

func (x murderous) Close() error {
	x.kill()
	return x.Session.Close()
}

// immortal does not see the end before it is closed.
type immortal struct {
	driver.Session
	closed chan struct{}
}

func (x immortal) Wait() (uint32, error) {
	<-x.closed
	return x.Session.Wait()
}

func (x immortal) Close() error {
	select {
	case <-x.closed:
	default:
		close(x.closed)
	}
	return x.Session.Close()
}

func (b *bad) Exits() <-chan driver.Status {
	if b.hints != nil {
		return b.hints
	}
	return b.Driver.Exits()
}

func (b *bad) Close() error {
	if b.beforeClose != nil {
		b.beforeClose()
	}
	b.closed = b.afterClose
	return b.Driver.Close()
}

func (b *bad) removeAllRevisions(ctx context.Context, r driver.Ref) error {
	err := b.Driver.Remove(ctx, r)
	b.host.Do(func(w *fake.World, now time.Time) {
		w = w.As(drivertest.Owner)
		for _, st := range w.List(now).Ours {
			if st.Name == r.Name {
				w.Vanish(now, st.Ref)
			}
		}
	})
	return err
}

func (b *bad) startAgain(ctx context.Context, c *manifest.Container) error {
	err := b.Driver.Start(ctx, c)
	if errors.Is(err, driver.ErrRunning) {
		return b.updateAnew(ctx, driver.Ref{Name: c.Name(), Revision: c.Revision}, c)
	}
	return err
}

func (b *bad) startOnce(ctx context.Context, c *manifest.Container) error {
	st, err := b.Inspect(ctx, driver.Ref{Name: c.Name(), Revision: c.Revision})
	if err == nil && st.State == driver.Stopped {
		return nil
	}
	return b.Driver.Start(ctx, c)
}

func (b *bad) updateAnew(ctx context.Context, r driver.Ref, c *manifest.Container) error {
	b.host.Do(func(w *fake.World, now time.Time) { w.As(drivertest.Owner).Vanish(now, r) })
	return errors.Join(b.Create(ctx, c), b.Start(ctx, c))
}

func (b *bad) shutdownForeign(ctx context.Context, r driver.Ref) error {
	b.host.Do(func(w *fake.World, now time.Time) { w.As(drivertest.OtherOwner).Kill(now, r, 1) })
	return b.Driver.Shutdown(ctx, r)
}

func (b *bad) shutdownQuietly(ctx context.Context, r driver.Ref) error {
	return driver.Settle(driver.Shutdown, b.Driver.Shutdown(ctx, r))
}

func (b *bad) killAll() {
	b.host.Do(func(w *fake.World, now time.Time) {
		w = w.As(drivertest.Owner)
		for _, st := range w.List(now).Ours {
			w.Kill(now, st.Ref, 1)
		}
	})
}

func (b *bad) startAll() {
	b.host.Do(func(w *fake.World, now time.Time) {
		w = w.As(drivertest.Owner)
		for _, st := range w.List(now).Ours {
			_ = w.Apply(now, driver.Start, st.Ref, w.Manifest(st.Ref)) // refused for what runs
		}
	})
}

// falseHints passes hints on with a wrong code, until the driver is closed.
func (b *bad) falseHints() chan driver.Status {
	out := make(chan driver.Status, crowd)
	go func() {
		defer close(out)
		for st := range b.Driver.Exits() {
			st.Exit.Code++
			out <- st
		}
	}()
	return out
}

// crowd is more exits than any case of the suite waits for.
const crowd = 100

func dropLast(l driver.Listing, err error) (driver.Listing, error) {
	l.Ours = l.Ours[:max(0, len(l.Ours)-1)]
	return l, err
}

func emptyOnError(driver.Listing, error) (driver.Listing, error) { return driver.Listing{}, nil }

func sleepOnError(l driver.Listing, err error) (driver.Listing, error) {
	if err != nil {
		time.Sleep(time.Hour)
	}
	return l, err
}
