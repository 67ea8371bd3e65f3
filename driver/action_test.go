package driver_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// recorder notes which verb was called on what.
type recorder struct {
	driver.Driver
	verb driver.Action
	ref  driver.Ref
	made *manifest.Container
	err  error
}

func (r *recorder) note(a driver.Action, ref driver.Ref, c *manifest.Container) error {
	r.verb, r.ref, r.made = a, ref, c
	return r.err
}

func (r *recorder) Create(_ context.Context, c *manifest.Container) error {
	return r.note(driver.Create, driver.Ref{}, c)
}

func (r *recorder) Start(_ context.Context, c *manifest.Container) error {
	return r.note(driver.Start, driver.Ref{}, c)
}

func (r *recorder) Shutdown(_ context.Context, ref driver.Ref) error {
	return r.note(driver.Shutdown, ref, nil)
}

func (r *recorder) Terminate(_ context.Context, ref driver.Ref) error {
	return r.note(driver.Terminate, ref, nil)
}

func (r *recorder) Remove(_ context.Context, ref driver.Ref) error {
	return r.note(driver.Remove, ref, nil)
}

func (r *recorder) Pause(_ context.Context, ref driver.Ref) error {
	return r.note(driver.Pause, ref, nil)
}

func (r *recorder) Resume(_ context.Context, ref driver.Ref) error {
	return r.note(driver.Resume, ref, nil)
}

func (r *recorder) Update(_ context.Context, ref driver.Ref, c *manifest.Container) error {
	return r.note(driver.Update, ref, c)
}

func TestDoCallsTheVerbItNames(t *testing.T) {
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	c := &manifest.Container{Revision: "1-aa"}
	takesContainer := map[driver.Action]bool{driver.Create: true, driver.Start: true, driver.Update: true}
	takesRef := map[driver.Action]bool{
		driver.Shutdown: true, driver.Terminate: true, driver.Remove: true,
		driver.Pause: true, driver.Resume: true, driver.Update: true,
	}
	for _, a := range driver.Actions {
		d := &recorder{err: errOther}
		if err := driver.Do(t.Context(), d, a, ref, c); !errors.Is(err, errOther) {
			t.Errorf("Do(%s) = %v, want the driver's error", a, err)
		}
		if d.verb != a {
			t.Errorf("Do(%s) called %q", a, d.verb)
		}
		if takesContainer[a] != (d.made == c) || takesRef[a] != (d.ref == ref) {
			t.Errorf("Do(%s) passed %v and %v", a, d.ref, d.made)
		}
	}
}

func TestDoSettles(t *testing.T) {
	d := &recorder{err: &driver.OpError{Action: driver.Create, Err: driver.ErrExists}}
	if err := driver.Do(t.Context(), d, driver.Create, driver.Ref{}, &manifest.Container{}); err != nil {
		t.Errorf("create of what exists = %v, want nil", err)
	}
}

func TestDoRefusesUnknownActions(t *testing.T) {
	d := &recorder{}
	if err := driver.Do(t.Context(), d, "restart", driver.Ref{}, nil); err == nil || d.verb != "" {
		t.Errorf("got error %v and verb %q, want an error and no call", err, d.verb)
	}
}
