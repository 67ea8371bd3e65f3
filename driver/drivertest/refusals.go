package drivertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func refusals() []scene {
	return []scene{
		{name: "RefusalsOfAbsent", test: refusalsOfAbsent},
		{name: "RefusalsOfCreated", test: refusalsOfCreated},
		{name: "RefusalsOfRunning", test: refusalsOfRunning},
		{name: "RefusalsOfStopped", test: refusalsOfStopped},
	}
}

func refusalsOfAbsent(s *stage) {
	web := container("web", s.h.Sleep())
	for _, a := range []driver.Action{driver.Start, driver.Shutdown, driver.Terminate, driver.Remove} {
		s.wantRefusal(a, web, "does not exist", driver.ErrNotFound)
	}
	s.wantRefusal(driver.Pause, web, "does not exist", driver.ErrNotFound, driver.ErrUnsupported)
	s.wantRefusal(driver.Resume, web, "does not exist", driver.ErrNotFound, driver.ErrUnsupported)
	s.wantRefusal(driver.Update, web, "does not exist", driver.ErrNotFound, driver.ErrUnsupported)
	_, err := s.Inspect(s.ctx, ref(web))
	s.wantError("Inspect of what does not exist", err, driver.ErrNotFound)
	_, err = s.Stats(s.ctx, ref(web))
	s.wantError("Stats of what does not exist", err, driver.ErrNotFound, driver.ErrUnsupported)
	s.wantListed(s)
}

func refusalsOfCreated(s *stage) {
	web := container("web", s.h.Sleep())
	s.do(s, driver.Create, web)
	s.wantRefusal(driver.Create, web, "is Created", driver.ErrExists)
	s.wantRefusal(driver.Shutdown, web, "is Created", driver.ErrNotRunning)
	s.wantRefusal(driver.Pause, web, "is Created", driver.ErrNotRunning, driver.ErrUnsupported)
	s.wantRefusal(driver.Update, web, "is Created", driver.ErrNotRunning, driver.ErrUnsupported)
	_, err := s.Stats(s.ctx, ref(web))
	s.wantError("Stats of a Created container", err, driver.ErrNotRunning, driver.ErrUnsupported)
	s.inspect(s, web, driver.Created)
}

func refusalsOfRunning(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	s.wantRefusal(driver.Create, web, "is Running", driver.ErrExists)
	s.wantRefusal(driver.Start, web, "is Running", driver.ErrRunning)
	s.wantRefusal(driver.Remove, web, "is Running", driver.ErrRunning)
	if !s.h.Pause {
		s.wantRefusal(driver.Pause, web, "is Running", driver.ErrUnsupported)
		s.wantRefusal(driver.Resume, web, "is Running", driver.ErrUnsupported)
	}
	s.stillRuns(s, web, before)
}

func refusalsOfStopped(s *stage) {
	web := container("web", s.h.Sleep())
	s.start(s, web)
	s.stop(s, web)
	s.wantRefusal(driver.Create, web, "is Stopped", driver.ErrExists)
	s.wantRefusal(driver.Shutdown, web, "is Stopped", driver.ErrNotRunning)
	s.wantRefusal(driver.Terminate, web, "is Stopped", driver.ErrNotRunning)
	s.wantRefusal(driver.Pause, web, "is Stopped", driver.ErrNotRunning, driver.ErrUnsupported)
	_, err := s.Stats(s.ctx, ref(web))
	s.wantError("Stats of a Stopped container", err, driver.ErrNotRunning, driver.ErrUnsupported)
	s.inspect(s, web, driver.Stopped)
}

// wantRefusal expects that a on c is answered with an OpError that wraps one
// of want. why says what is wrong with c.
func (s *stage) wantRefusal(a driver.Action, c *manifest.Container, why string, want ...error) {
	s.Helper()
	err := call(s.ctx, s, a, c)
	what := string(a) + " of a container that " + why
	if !s.wantError(what, err, want...) {
		return
	}
	var op *driver.OpError
	if !errors.As(err, &op) || op.Action != a || op.Ref != ref(c) {
		s.Errorf("%s: got error %#v, want a driver.OpError with the action and %s", what, err, ref(c))
	}
}

// call carries out a on c by d without settling its error.
func call(ctx context.Context, d driver.Driver, a driver.Action, c *manifest.Container) error {
	switch a {
	case driver.Create:
		return d.Create(ctx, c)
	case driver.Start:
		return d.Start(ctx, c)
	case driver.Shutdown:
		return d.Shutdown(ctx, ref(c))
	case driver.Terminate:
		return d.Terminate(ctx, ref(c))
	case driver.Remove:
		return d.Remove(ctx, ref(c))
	case driver.Pause:
		return d.Pause(ctx, ref(c))
	case driver.Resume:
		return d.Resume(ctx, ref(c))
	case driver.Update:
		return d.Update(ctx, ref(c), c)
	default:
		return fmt.Errorf("call %q: no such action", a)
	}
}

// wantError expects one of want; nil is success. It reports whether it is so.
func (s *stage) wantError(what string, err error, want ...error) bool {
	s.Helper()
	for _, w := range want {
		if errors.Is(err, w) {
			return true
		}
	}
	s.Errorf("%s: got error %v, want %v", what, err, want)
	return false
}
