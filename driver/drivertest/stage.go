package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// pollEvery is how often a condition is looked at.
const pollEvery = 5 * time.Millisecond

// stage is what one case works with: an empty runtime and a driver on it.
type stage struct {
	*testing.T
	driver.Driver // of Owner, open
	h             Harness
	rt            Runtime
	ctx           context.Context
	open          []driver.Driver
}

func newStage(t *testing.T, h Harness) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*h.Patience)
	t.Cleanup(cancel)
	s := &stage{T: t, h: h, rt: h.New(t), ctx: ctx}
	t.Cleanup(s.tidy)
	s.Driver = s.openFor(Owner)
	return s
}

// openFor opens a driver that is closed at the end of the case at the latest.
func (s *stage) openFor(owner string) driver.Driver {
	s.Helper()
	d := s.rt.Open(s.T, owner)
	s.open = append(s.open, d)
	return d
}

func (s *stage) close(d driver.Driver) {
	s.Helper()
	s.open = slices.DeleteFunc(s.open, func(o driver.Driver) bool { return o == d })
	if err := d.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
}

// tidy closes what is open and empties the runtime.
func (s *stage) tidy() {
	for len(s.open) > 0 {
		s.close(s.open[0])
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.h.Patience)
	defer cancel()
	for _, owner := range []string{Owner, OtherOwner} {
		d := s.rt.Open(s.T, owner)
		if l, err := d.List(ctx); s.Failed() && (err != nil || len(l.Ours) > 0) {
			s.Logf("at the end of the case %s has %v (error: %v)", owner, l.Ours, err)
		}
		if err := empty(ctx, d); err != nil {
			s.Errorf("empty the runtime of %s after the case: %v", owner, err)
		}
		s.close(d)
	}
}

// empty ends and removes all containers of d's owner.
func empty(ctx context.Context, d driver.Driver) error {
	l, err := d.List(ctx)
	if err != nil {
		return err
	}
	for _, st := range l.Ours {
		if err := endAndRemove(ctx, d, st.Ref); err != nil {
			return err
		}
	}
	return nil
}

func endAndRemove(ctx context.Context, d driver.Driver, r driver.Ref) error {
	if err := driver.Do(ctx, d, driver.Terminate, r, nil); err != nil {
		return err
	}
	if _, err := await(ctx, d, r, driver.Created, driver.Stopped, gone); err != nil {
		return err
	}
	return driver.Do(ctx, d, driver.Remove, r, nil)
}

// gone stands for "not found" among the states.
const gone driver.State = "not found"

// await waits until r is in one of states.
func await(ctx context.Context, d driver.Driver, r driver.Ref, states ...driver.State) (driver.Status, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	seen := "nothing"
	for {
		st, err := look(ctx, d, r)
		switch {
		case err == nil && slices.Contains(states, st.State):
			return st, nil
		case err == nil:
			seen = st.String()
		case ctx.Err() == nil:
			seen = err.Error()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return st, fmt.Errorf("wait for %s to become %q: %w; last seen: %s", r, states, ctx.Err(), seen)
		}
	}
}

// look inspects r and tells "not found" by the state.
func look(ctx context.Context, d driver.Driver, r driver.Ref) (driver.Status, error) {
	st, err := d.Inspect(ctx, r)
	if errors.Is(err, driver.ErrNotFound) {
		return driver.Status{Ref: r, State: gone}, nil
	}
	return st, err
}

// container returns a container of revision A.
func container(name string, spec manifest.Spec) *manifest.Container {
	return &manifest.Container{
		APIVersion: manifest.APIVersion, Kind: manifest.Kind,
		Metadata: manifest.Metadata{Name: name}, Spec: spec, Revision: RevisionA,
	}
}

func ref(c *manifest.Container) driver.Ref {
	return driver.Ref{Name: c.Name(), Revision: c.Revision}
}

// do carries out a on c by d and expects success, or that it already is so.
func (s *stage) do(d driver.Driver, a driver.Action, c *manifest.Container) {
	s.Helper()
	if err := driver.Do(s.ctx, d, a, ref(c), c); err != nil {
		s.Fatalf("%s of %s: got error %v, want success", a, ref(c), err)
	}
}

// start creates and starts c by d and waits until it runs.
func (s *stage) start(d driver.Driver, c *manifest.Container) driver.Status {
	s.Helper()
	s.do(d, driver.Create, c)
	s.do(d, driver.Start, c)
	st := s.await(d, c, driver.Running)
	if s.rt.Ready != nil {
		s.rt.Ready(s.T, st.Ref)
	}
	return st
}

// stop terminates c by d and waits until it has ended.
func (s *stage) stop(d driver.Driver, c *manifest.Container) {
	s.Helper()
	s.do(d, driver.Terminate, c)
	s.await(d, c, driver.Stopped)
}

// await waits until c is in one of states.
func (s *stage) await(d driver.Driver, c *manifest.Container, states ...driver.State) driver.Status {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, s.h.Patience)
	defer cancel()
	st, err := await(ctx, d, ref(c), states...)
	if err != nil {
		s.Fatal(err)
	}
	return st
}

// inspect looks at c and expects it to be in state now.
func (s *stage) inspect(d driver.Driver, c *manifest.Container, state driver.State) driver.Status {
	s.Helper()
	st, err := look(s.ctx, d, ref(c))
	if err != nil {
		s.Fatalf("Inspect of %s: %v", ref(c), err)
	}
	if st.State != state {
		s.Fatalf("got %v, want it %s", st, state)
	}
	return st
}

// stillRuns expects c to run with the same process as before.
func (s *stage) stillRuns(d driver.Driver, c *manifest.Container, before driver.Status) {
	s.Helper()
	now := s.inspect(d, c, driver.Running)
	if now.PID != before.PID || !now.Started.Equal(before.Started) {
		s.Fatalf("%s has another process than before:\nbefore %v\nnow    %v", ref(c), before, now)
	}
}

func (s *stage) list(d driver.Driver) driver.Listing {
	s.Helper()
	l, err := d.List(s.ctx)
	if err != nil {
		s.Fatalf("List: %v", err)
	}
	return l
}

// wantListed expects that d lists exactly the containers cs as ours.
func (s *stage) wantListed(d driver.Driver, cs ...*manifest.Container) {
	s.Helper()
	var want, got []string
	for _, c := range cs {
		want = append(want, ref(c).String())
	}
	for _, st := range s.list(d).Ours {
		got = append(got, st.Ref.String())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		s.Fatalf("List names %q as ours, want %q", got, want)
	}
}

// pass lets d go by.
func (s *stage) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}
