package hcs

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// rig is a driver on a model, in a bubble in which time costs nothing.
type rig struct {
	*testing.T
	*Driver
	m   *model
	dir string
}

func bubble(t *testing.T, test func(*rig)) {
	t.Helper()
	dir := tempDir(t)
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		r := &rig{T: t, m: m, dir: dir, Driver: openModel(t, m, dir, goldenOwner)}
		test(r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		m.killAll()
	})
}

// killAll ends what the model still runs, so that the bubble can end.
func (m *model) killAll() {
	m.mu.Lock()
	var all []*mSystem
	for _, s := range m.systemsBy {
		all = append(all, s)
	}
	m.mu.Unlock()
	for _, s := range all {
		s.stop(1)
	}
}

// sample makes a container without the manifest parser.
func sample(name string, command ...string) *manifest.Container {
	if len(command) == 0 {
		command = []string{"sleep"}
	}
	return &manifest.Container{
		APIVersion: manifest.APIVersion, Kind: manifest.Kind,
		Metadata: manifest.Metadata{Name: name}, Spec: programSpec(command...), Revision: "1-00000000000000aa",
	}
}

// must carries out actions and expects success, or that it is so already.
func (r *rig) must(c *manifest.Container, actions ...driver.Action) {
	r.Helper()
	for _, a := range actions {
		if err := driver.Do(r.Context(), r, a, refOf(c), c); err != nil {
			r.Fatalf("%s of %s: %v", a, c.Name(), err)
		}
	}
}

// reopen plays a daemon that is restarted.
func (r *rig) reopen() {
	r.Helper()
	if err := r.Close(); err != nil {
		r.Fatal(err)
	}
	r.Driver = openModel(r.T, r.m, r.dir, goldenOwner)
}

// list lists, and returns the state of c, "" if it is not there.
func (r *rig) list(c *manifest.Container) driver.Status {
	r.Helper()
	l, err := r.List(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	i := slices.IndexFunc(l.Ours, func(st driver.Status) bool { return st.Ref == refOf(c) })
	if i < 0 {
		return driver.Status{}
	}
	return l.Ours[i]
}

func (r *rig) want(c *manifest.Container, state driver.State) driver.Status {
	r.Helper()
	st := r.list(c)
	if st.State != state {
		r.Fatalf("%s is %q, want %q (%v)", c.Name(), st.State, state, st)
	}
	return st
}

// end terminates, waits and removes, and expects nothing to be left.
func (r *rig) end(c *manifest.Container) {
	r.Helper()
	r.must(c, driver.Terminate)
	time.Sleep(time.Minute)
	r.must(c, driver.Remove)
	r.m.wantEmpty(r.T)
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// within is a context that a caller would give to one call.
func (r *rig) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	r.Cleanup(cancel)
	return ctx
}

// once is a fault that happens at the nth call of that name.
func once(call string, n int, err error) func(string, string) error {
	return func(c, _ string) error {
		if c != call {
			return nil
		}
		n--
		if n == 0 {
			return err
		}
		return nil
	}
}

// set changes the model while a driver may look at it.
func (m *model) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}
